"""Somebody's own tests, with the plugin installed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ln_jupyter
from tests.ipython import kernel_driver
from tests.tracking import notebooks
from tests.tracking.conftest import ALONE, PYTEST

if TYPE_CHECKING:
    from collections.abc import Callable

ADDS = """
import ln_jupyter as ln, ln_jupyter.schema as lns

def test_adds():
    ln.add(lns.Pipeline(name="made by a test"))
    assert ln.select(lns.Pipeline, name="made by a test").count() == 1
"""

CONFTEST = """
import ln_jupyter as ln, ln_jupyter.schema as lns
ln.add(lns.Pipeline(name="made by a conftest"))
"""

FIXTURE = """
import os, subprocess, sys
import pytest
import ln_jupyter as ln, ln_jupyter.schema as lns

@pytest.fixture(autouse=True)
def other():
    yield
    assert ln.connect().url.database != "registry.db"

@pytest.mark.parametrize("n", range(2))
def test_empty(ln_registry, n):
    assert ln.nb.notebook is None
    assert ln.select(lns.Notebook).count() == 0
    ln.header(id="a")
    code = "import ln_jupyter as ln; ln.header(id='a')"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (1, 2) == (ln.select(lns.Notebook).count(), ln.select(lns.Run).count())
    assert ln_registry is ln.connect()

def test_afterwards():
    assert ln.nb.notebook is None
    assert ln.select(lns.Notebook).count() == 0
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Give the registry that the environment of the inner tests names; it is not there."""
    return tmp_path / "mine" / "registry.db"


@pytest.fixture
def inner(tmp_path: Path, mine: Path) -> Callable[..., str]:
    """Run pytest with some files; its closing line."""
    mine.parent.mkdir()

    def run(*options: str, **files: str) -> str:
        for name, content in files.items():
            (tmp_path / f"{name}.py").write_text(content)
        environment = (
            kernel_driver.environment(tmp_path)
            | ALONE
            | {
                "LN_JUPYTER_URL": f"sqlite:///{mine}",
                "XDG_DATA_HOME": str(mine.parent),
                "TMPDIR": str(tmp_path),
            }
        )
        command = [sys.executable, *PYTEST, *options]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.stdout.splitlines()[-1]

    return run


def leftovers(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.name.startswith("ln_jupyter-tests-")]


def test_tests_have_a_registry_of_their_own(inner: Callable[..., str], mine: Path, tmp_path: Path) -> None:
    """What tests add, or a conftest while it is imported, is neither in the user's registry nor left over."""
    closing = inner(conftest=CONFTEST, test_adds=ADDS)

    assert "1 passed" in closing
    assert ([], []) == (list(mine.parent.iterdir()), leftovers(tmp_path))


@pytest.mark.runner
def test_workers_and_their_notebooks_too(inner: Callable[..., str], mine: Path, tmp_path: Path) -> None:
    """Under xdist, tests and the kernels that nbmake starts write to their worker's registry."""
    notebooks.write(tmp_path / "a.ipynb")

    closing = inner("-n", "2", "--nbmake", "a.ipynb", "test_adds.py", test_adds=ADDS)

    assert "2 passed" in closing
    assert ([], []) == (list(mine.parent.iterdir()), leftovers(tmp_path))


def test_a_registry_can_be_kept(inner: Callable[..., str], tmp_path: Path) -> None:
    """``--ln-registry`` names where everything goes, and stays."""
    kept = tmp_path / "kept.db"
    test = "def test(): import ln_jupyter as ln; ln.header(id='a')"

    closing = inner(f"--ln-registry=sqlite:///{kept}", test_header=test)

    assert "1 passed" in closing
    assert ["a"] == [run["notebook"] for run in notebooks.runs(kept)]


def test_a_test_can_have_an_empty_registry(inner: Callable[..., str], mine: Path) -> None:
    """`ln_registry` is empty for each test, also for what the test starts, and over when it ends."""
    closing = inner(test_fixture=FIXTURE)

    assert "3 passed" in closing
    assert [] == list(mine.parent.iterdir())


def test_pytest_finds_it_where_it_is_installed() -> None:
    """The package names the plugin for pytest to load by itself."""
    project = tomllib.loads((Path(ln_jupyter.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))

    assert {"ln_jupyter": "ln_jupyter.pytest_plugin"} == project["project"]["entry-points"]["pytest11"]
