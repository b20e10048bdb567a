from __future__ import annotations

import importlib.metadata
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ln_jupyter.environment import distributions
from ln_jupyter.environment.distributions import Environment


def install(folder: Path, name: str, metadata: str | None = "METADATA") -> None:
    (folder / name).mkdir(parents=True)
    if metadata is not None:
        (folder / name / metadata).write_text("Name: of the file\nVersion: 9.9\n")


def packages(*folders: Path) -> dict[str, str]:
    return {each.name: each.version for each in distributions.distributions(map(str, folders))}


def test_same_as_importlib() -> None:
    """Every distribution that importlib.metadata finds in this environment is found, with the same version."""
    expected: dict[str, str] = {}
    for each in importlib.metadata.distributions():
        expected.setdefault(re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(), each.version)

    found = distributions.current()

    assert expected == found.packages
    assert platform.python_version() == found.python


def test_order() -> None:
    """The packages come by name."""
    names = list(distributions.current().packages)

    assert sorted(names) == names


@pytest.mark.parametrize(
    ("expected", "name", "metadata"),
    [
        ({"ruamel-yaml-clib": "0.2"}, "ruamel.yaml.clib-0.2.dist-info", "METADATA"),
        ({"my-lab": "1.0+cu118"}, "My_Lab-1.0+cu118.dist-info", "METADATA"),
        ({"my-lab": "1.0"}, "my_lab-1.0-py3.11.egg-info", "PKG-INFO"),
        ({"my-lab": "9.9"}, "my_lab.egg-info", "PKG-INFO"),
        ({}, "my_lab-1.0.dist-info", None),
        ({}, "my_lab.dist-info", None),
        ({}, "~y_lab-1.0.dist-info", "METADATA"),
        ({}, "-1.0.dist-info", "METADATA"),
        ({}, "my_lab.egg-info", None),
        ({}, "my_lab-1.0.data", "METADATA"),
        ({}, "dist-info", "METADATA"),
    ],
)
def test_folder(tmp_path: Path, expected: dict[str, str], name: str, metadata: str | None) -> None:
    """A distribution is read from its folder's name; what is broken, or left over by pip, is passed over."""
    install(tmp_path, name, metadata)

    assert expected == packages(tmp_path)


def test_file(tmp_path: Path) -> None:
    """The oldest distributions are one file."""
    (tmp_path / "my_lab-1.0.egg-info").write_text("Version: 1.0\n")
    (tmp_path / "other-1.0.dist-info").write_text("no folder")

    assert packages(tmp_path) == {"my-lab": "1.0"}


def test_no_version(tmp_path: Path) -> None:
    """A project whose metadata has no version is passed over."""
    (tmp_path / "my_lab.egg-info").mkdir()
    (tmp_path / "my_lab.egg-info" / "PKG-INFO").write_bytes(b"Name: \xff\n")

    assert packages(tmp_path) == {}


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_unreadable(tmp_path: Path) -> None:
    """A project whose metadata cannot be read is passed over."""
    (tmp_path / "my_lab.egg-info").mkdir()
    (tmp_path / "my_lab.egg-info" / "PKG-INFO").symlink_to("/proc/self/mem")

    assert packages(tmp_path) == {}


def test_two_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two installations of one distribution, the one counts that an import finds."""
    install(tmp_path / "second", "My.Lab-1.0.dist-info")
    install(tmp_path / "first", "my_lab-2.0.dist-info")
    monkeypatch.syspath_prepend(tmp_path / "second")
    monkeypatch.syspath_prepend(tmp_path / "first")

    assert distributions.current().packages["my-lab"] == "2.0"


def test_odd_entries(tmp_path: Path) -> None:
    """Entries of `sys.path` that are no folders hold nothing."""
    (tmp_path / "python311.zip").touch()

    assert packages(tmp_path / "python311.zip", tmp_path / "gone") == {}


def test_hash() -> None:
    """The hash tells environments apart, and does not depend on the order of installation."""
    one = Environment("3.12.1", {"a": "1", "b": "2"})
    same = Environment("3.12.1", {"b": "2", "a": "1"})
    others = [
        Environment("3.12.2", one.packages),
        Environment("3.12.1", {"a": "1"}),
        Environment("3.12.1", {"a": "12"}),
    ]

    assert one.hash == same.hash
    assert one.hash not in {other.hash for other in others}
    assert re.fullmatch("[0-9a-f]{64}", one.hash)


def test_imports() -> None:
    """Listing the environment imports neither importlib.metadata nor pip."""
    program = (
        "from ln_jupyter.environment import distributions as environment; import sys; environment.current();"
        "assert not {'importlib.metadata', 'pip', 'packaging'} & set(sys.modules)"
    )
    root = str(Path(distributions.__file__).parents[2])

    result = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr
