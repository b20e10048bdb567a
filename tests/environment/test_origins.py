from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import venv
from typing import TYPE_CHECKING, Any

import pytest

from ln_jupyter import addresses
from ln_jupyter.environment import distributions, origins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A project that builds itself, so that nothing is fetched.
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tiny-lab"
version = "1.0"
"""
BACKEND = """
import pathlib, zipfile

def build_wheel(folder, *_, **__):
    info = "tiny_lab-1.0.dist-info/"
    with zipfile.ZipFile(pathlib.Path(folder) / "tiny_lab-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: tiny-lab\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return "tiny_lab-1.0-py3-none-any.whl"

build_editable = build_wheel
"""


def git(*arguments: str, cwd: Path) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    return subprocess.run(["git", *who, *arguments], cwd=cwd, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a project in a folder of it, and its wheel beside it."""
    root: Path = tmp_path_factory.mktemp("projects") / "repository"
    folder = root / "tiny"
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    names: dict[str, Callable[[Path], str]] = {}
    exec(BACKEND, names)
    names["build_wheel"](root.parent)
    git("init", "-q", "-b", "main", cwd=root)
    git("add", ".", cwd=root)
    git("commit", "-q", "-m", "one", cwd=root)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip in it."""
    folder: Path = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    return folder


@pytest.fixture(params=["pip", "uv"])
def install(request: pytest.FixtureRequest, environment: Path) -> Callable[..., dict[str, Any]]:
    """Install by one of the installers; return what is found of the origins."""
    if shutil.which(request.param) is None and request.param == "uv":
        pytest.skip("needs uv")
    python = environment / "bin" / "python"
    by_pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-deps", "--force-reinstall"]
    by_uv = ["uv", "pip", "install", "-q", "--offline", "--no-cache", "--python", python, "--no-deps", "--reinstall"]

    def install(*what: str) -> dict[str, Any]:
        command = [*map(str, by_uv if request.param == "uv" else by_pip), *what]
        done = subprocess.run(command, cwd=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return origins.origins(distributions.distributions(map(str, environment.glob("lib/*/site-packages"))))

    return install


@pytest.mark.newest
def test_installed_from_a_folder(install: Callable[..., dict[str, Any]], project: Path) -> None:
    """A project that is installed from its folder is known by it, and whether it can be edited."""
    editable = install("-e", str(project))
    copied = install(str(project))

    assert {"tiny-lab": {"url": project.as_uri(), "editable": True}} == editable
    assert {"tiny-lab": {"url": project.as_uri(), "editable": False}} == copied


@pytest.mark.newest
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_installed_from_a_repository(install: Callable[..., dict[str, Any]], project: Path) -> None:
    """A project that is installed from a repository is known by its commit, and what was asked for."""
    found = install(f"git+{project.parent.as_uri()}@main#subdirectory=tiny")

    expected = {
        "url": project.parent.as_uri(),
        "vcs": "git",
        "commit_id": git("rev-parse", "HEAD", cwd=project),
        "requested_revision": "main",
        "subdirectory": "tiny",
    }
    assert {"tiny-lab": expected} == found


@pytest.mark.newest
def test_installed_from_a_file(install: Callable[..., dict[str, Any]], project: Path) -> None:
    """A wheel that is installed from its file is known by it, and by its hash where the installer wrote that."""
    wheel = project.parent.parent / "tiny_lab-1.0-py3-none-any.whl"

    found = install(str(wheel))["tiny-lab"]

    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert found in ({"url": wheel.as_uri(), "hashes": {"sha256": sha256}}, {"url": wheel.as_uri()})


def written(folder: Path, stated: object, *, name: str = "my_lab", installer: str = "pip") -> Path:
    """Write a distribution as an installer does; *stated* is its origin."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").touch()
    (info / "INSTALLER").write_text(f"{installer}\n")
    if stated is not None:
        content = stated if isinstance(stated, bytes) else json.dumps(stated).encode()
        (info / "direct_url.json").write_bytes(content)
    return folder


def found(*folders: Path) -> dict[str, Any]:
    return origins.origins(distributions.distributions(map(str, folders)))


def test_index(tmp_path: Path) -> None:
    """A distribution that an index gave is not named."""
    assert found(written(tmp_path, None)) == {}


@pytest.mark.parametrize(
    ("expected", "url"),
    [
        ("https://host/x.whl", "https://ann:s3cret@host/x.whl"),
        ("https://host/x.whl", "https://ghp_s3cret@host/x.whl"),
        ("https://host:8443/x.whl", "https://ann:s3@cret@host:8443/x.whl"),
        ("https://[::1]:8443/x.whl", "https://ann:s3cret@[::1]:8443/x.whl"),
        ("https://host/x.whl?token=***", "https://host/x.whl?token=s3cret"),
        ("https://host/x?X-Amz-Signature=***&a=***", "https://host/x?X-Amz-Signature=s3cret&&a=b"),
        ("https://host/x?***", "https://host/x?s3cret#a?b"),
        ("https://host/x", "https://host/x#token=s3cret"),
        ("https://host/@scope/x", "https://host/@scope/x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("ssh://host/x", "ssh://ann@host/x"),
        ("https://${USER}:${TOKEN}@host/x", "https://${USER}:${TOKEN}@host/x"),
        ("https://host/x", "https://${USER}:s3cret@host/x"),
        ("file:///home/ann/my%20lab", "file:///home/ann/my%20lab"),
        ("file:///C:/my lab", "file:///C:/my lab"),
        ("", "https://ann:s3/cret@host/x"),
        ("", "https://ann:s3?cret@host/x"),
        ("", "ann:s3cret@host/x"),
        ("", "git@host:x"),
        ("", "/home/ann/x"),
        ("", "https://host/x\nhttps://ann:s3cret@host/x"),
    ],
)
def test_credentials(tmp_path: Path, expected: str, url: str) -> None:
    """Nothing of a URL is kept that may let somebody in; what is no URL is passed over."""
    stated = {"url": url, "vcs_info": {"vcs": "git", "commit_id": "12"}}

    assert expected == addresses.without_credentials(url)
    assert expected == addresses.without_credentials(expected)
    assert found(written(tmp_path, stated)).get("my-lab", {"url": ""})["url"] == expected


@pytest.mark.parametrize(
    "stated",
    [
        b"",
        b"{",
        b"\xff",
        pytest.param(b"[" * 60_000, id="deep"),
        pytest.param(b" " * 65_536 + b'{"url": "https://host/x"}', id="long"),
        [],
        {},
        "https://host/x",
        {"url": 1},
        {"url": None, "dir_info": {}},
        {"url": "https://host/\ud800"},
        {"url": "https://host/\0"},
        pytest.param({"url": "https://host/" + "x" * 2_000}, id="long URL"),
    ],
)
def test_damaged(tmp_path: Path, stated: object) -> None:
    """What is damaged is passed over, and the others are found."""
    written(tmp_path, stated)
    written(tmp_path, {"url": "https://host/y"}, name="other")

    assert found(tmp_path) == {"other": {"url": "https://host/y"}}


def test_unreadable(tmp_path: Path) -> None:
    """A file that cannot be read is passed over, as is a distribution that is one file."""
    written(tmp_path, None)
    (tmp_path / "my_lab-1.0.dist-info" / "direct_url.json").mkdir()
    (tmp_path / "other-1.0.egg-info").touch()

    assert found(tmp_path) == {}


@pytest.mark.parametrize(
    ("expected", "stated"),
    [
        ({}, {"vcs_info": [], "archive_info": 1, "subdirectory": {}}),
        ({}, {"vcs_info": {"vcs": 1, "commit_id": None, "requested_revision": "x" * 201}}),
        ({"vcs": "git"}, {"vcs_info": {"vcs": "git", "commit_id": "\0", "requested_revision": "\ud800"}}),
        ({"editable": False}, {"dir_info": []}),
        ({"editable": False}, {"dir_info": {"editable": "yes"}}),
        ({"hashes": {"md5": "1"}}, {"archive_info": {"hashes": {"md5": "1", "sha1": 2, "": "3"}, "hash": "sha256=4"}}),
        ({"hashes": {"sha256": "4"}}, {"archive_info": {"hash": "sha256=4"}}),
        ({}, {"archive_info": {"hash": "4"}}),
        ({"hashes": {str(n): "1" for n in range(8)}}, {"archive_info": {"hashes": {str(n): "1" for n in range(9)}}}),
    ],
)
def test_parts(tmp_path: Path, expected: dict[str, Any], stated: dict[str, Any]) -> None:
    """Each part that is not as it is specified is left out, and what is kept has bounds."""
    assert found(written(tmp_path, {"url": "https://host/x", **stated})) == {
        "my-lab": {"url": "https://host/x", **expected}
    }


@pytest.mark.parametrize("folder", ["/home/conda/feedstock_root/build_artifacts/my_lab_1/work", "/croot/my_lab_1/work"])
def test_built_by_conda(tmp_path: Path, folder: str) -> None:
    """The folder where conda built a package is no origin of it."""
    assert found(written(tmp_path, {"url": f"file://{folder}", "dir_info": {}}, installer="conda")) == {}


@pytest.mark.parametrize(
    ("stated", "installer"),
    [
        ({"url": "file:///home/ann/bld/my_lab", "dir_info": {}}, "pip"),
        ({"url": "file:///home/ann/my_lab", "dir_info": {"editable": True}}, "conda"),
        ({"url": "file:///home/ann/my_lab", "vcs_info": {"vcs": "git", "commit_id": "12"}}, "conda"),
        ({"url": "https://host/x.whl", "archive_info": {}}, "conda"),
    ],
)
def test_not_built_by_conda(tmp_path: Path, stated: dict[str, Any], installer: str) -> None:
    """A folder that somebody else installed from is an origin, as is one that is edited, and a commit."""
    assert found(written(tmp_path, stated, installer=installer)).keys() == {"my-lab"}


def test_two_of_a_name(tmp_path: Path) -> None:
    """Of two installations of one distribution, the one counts that an import finds."""
    first = written(tmp_path / "first", None)
    second = written(tmp_path / "second", {"url": "https://host/x"})

    assert found(first, second) == {}
    assert found(second, first).keys() == {"my-lab"}


def test_most(tmp_path: Path) -> None:
    """However many came from elsewhere, a bounded number is named."""
    for number in range(510):
        written(tmp_path, {"url": "https://host/x"}, name=f"lab{number}")

    assert len(found(tmp_path)) == 500
