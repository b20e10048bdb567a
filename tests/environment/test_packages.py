from __future__ import annotations

import importlib
import importlib.metadata
import json
import re
import sys
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from ln_jupyter.environment import packages

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages that an import finds first."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def install(site: Path, name: str, *files: str, record: bool = True, **metadata: str) -> None:
    """Install a distribution, as pip does."""
    info = site / f"{name}.dist-info"
    info.mkdir()
    (info / "METADATA").touch()
    if record:
        (info / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files))
    for each, text in metadata.items():
        (info / each.replace("_json", ".json").replace("_txt", ".txt")).write_text(text)
    for file in files:
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).touch()
    importlib.invalidate_caches()


def test_same_as_importlib() -> None:
    """Of everything installed here, each module's distribution is one that importlib.metadata names too."""
    expected = {
        module: {re.sub(r"[-_.]+", "-", name).lower() for name in names}
        for module, names in importlib.metadata.packages_distributions().items()
    }

    found = {
        module: set(packages.find_versions([module])) for module in ("sqlalchemy", "IPython", "yaml", "dateutil", "zmq")
    }

    assert found == {module: expected[module] for module in found}


def test_versions() -> None:
    """All modules are found at once, with the versions of their distributions, by name."""
    names = ["yaml", "sqlalchemy.orm.Session", "IPython", "json", "no_such_module", "os.path"]

    found = packages.find_versions(names)

    assert found == {name: importlib.metadata.version(name) for name in sorted(found)}
    assert list(found) == ["ipython", "pyyaml", "sqlalchemy"]


def test_nothing() -> None:
    """No module has no distribution."""
    assert packages.find_versions([]) == {}


def test_another_name(site: Path) -> None:
    """A module is found by the distribution's own list of files, whatever that is called."""
    install(site, "zzz_lab-1.0", "growth/__init__.py", "growth_fit.py")
    install(site, "growth-9.0", "unrelated.py")

    assert packages.find_versions(["growth", "growth_fit"]) == {"zzz-lab": "1.0"}


def test_namespace(site: Path) -> None:
    """Of a namespace package, each part is found in its own distribution."""
    install(site, "lab_a-1.0", "lab/cloud/a/__init__.py")
    install(site, "lab_b-2.0", "lab/cloud/b.py")

    assert packages.find_versions(["lab.cloud.a.Thing", "lab.cloud.b"]) == {"lab-a": "1.0", "lab-b": "2.0"}
    assert packages.find_versions(["lab.cloud", "lab.cloud.c"]) == {}


def test_nothing_is_imported(site: Path) -> None:
    """A module that is not loaded is found without running its code."""
    install(site, "my_lab-1.0", "my_lab/__init__.py", "my_lab/part.py")
    (site / "my_lab" / "__init__.py").write_text("raise SystemExit")

    assert packages.find_versions(["my_lab.part"]) == {"my-lab": "1.0"}
    assert "my_lab" not in sys.modules


def test_loaded(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is loaded counts as what was loaded, not as what an import would find now."""
    (tmp_path / "loaded_lab.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("loaded_lab")
    monkeypatch.syspath_prepend(site)
    install(site, "my_lab-1.0", "loaded_lab.py")

    loaded = packages.find_versions(["loaded_lab"])
    del sys.modules["loaded_lab"]
    fresh = packages.find_versions(["loaded_lab"])

    assert loaded == {}
    assert fresh == {"my-lab": "1.0"}


def test_odd_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that was made by hand belongs to nobody."""
    monkeypatch.setitem(sys.modules, "by_hand", ModuleType("by_hand"))

    assert packages.find_versions(["by_hand", "by_hand.part", "", "..", "a\0b"]) == {}


def test_file_beside_the_notebook(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the user's own hides a distribution of its name."""
    install(site, "growth-1.0", "growth.py")
    (tmp_path / "growth.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    assert packages.find_versions(["growth"]) == {}


@pytest.mark.parametrize("metadata", [{"top_level_txt": "growth\n"}, {}])
def test_no_record(site: Path, metadata: dict[str, str]) -> None:
    """Without a list of files, a distribution is believed what it says it brings, or what it is called."""
    install(site, "growth-1.0", "growth.py", record=False, **metadata)
    (site / "other.py").touch()

    assert packages.find_versions(["growth", "other"]) == {"growth": "1.0"}


def editable(project: Path) -> str:
    return json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}})


def test_editable(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that is installed to be edited owns what is imported from its folder; the innermost does."""
    project = tmp_path / "my lab"
    for folder in (project / "src", project / "vendored"):
        folder.mkdir(parents=True)
        monkeypatch.syspath_prepend(folder)
    (project / "src" / "growth.py").touch()
    (project / "vendored" / "decay.py").touch()
    install(site, "my_lab-1.0", "_my_lab.pth", direct_url_json=editable(project))
    install(site, "decay-2.0", "_decay.pth", direct_url_json=editable(project / "vendored"))

    assert packages.find_versions(["growth"]) == {"my-lab": "1.0"}
    assert packages.find_versions(["decay"]) == {"decay": "2.0"}


@pytest.mark.parametrize(
    "stated",
    [
        *("{", "[]", '{"url": 1}', '{"url": "https://x.org/growth", "vcs_info": {}}'),
        pytest.param("[" * 60_000, id="deep"),
    ],
)
def test_damaged_url(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str) -> None:
    """A distribution that was installed from elsewhere, or is damaged, owns no folder."""
    install(site, "my_lab-1.0", direct_url_json=stated)
    (tmp_path / "growth.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    assert packages.find_versions(["growth"]) == {}


def test_editable_by_a_finder(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that is edited through a finder of its own, and no entry of `sys.path`, is found as well."""
    (tmp_path / "growth.py").touch()
    install(site, "my_lab-1.0", direct_url_json=editable(tmp_path))

    class Finder:
        @staticmethod
        def find_spec(name: str, *_: object) -> ModuleSpec | None:
            return spec_from_file_location(name, tmp_path / "growth.py") if name == "growth" else None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])

    assert packages.find_versions(["growth"]) == {"my-lab": "1.0"}
