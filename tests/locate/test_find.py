from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ln_jupyter import errors
from ln_jupyter.locate import find
from ln_jupyter.locate.find import Location

if TYPE_CHECKING:
    from collections.abc import Callable

FIX = 'ln.header(filepath="my.ipynb"), or ln.header(id="...", name="...") where there is no file'


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv(find.VARIABLE, raising=False)


@pytest.mark.parametrize("kind", [str, Path])
def test_argument(write: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    """The caller knows better than any signal."""
    notebook = write(folder / "sub" / "a.ipynb")
    monkeypatch.setenv(find.VARIABLE, str(write(folder / "b.ipynb")))

    found = find.find(kind("sub/../sub/a.ipynb"))

    assert found == Location(notebook, via="filepath")


def test_home(write: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde stands for the home folder."""
    notebook = write(folder / "a.ipynb")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))

    assert notebook == find.find("~/a.ipynb").path


def test_tilde_of_an_editor(write: Callable, folder: Path) -> None:
    """A tilde that stands for nobody's home is part of the name."""
    notebook = write(folder / "~a.ipynb")

    assert notebook == find.find("~a.ipynb").path


@pytest.mark.parametrize("name", ["data.csv", "picture.png", "passwd", "a.ipynb.bak"])
def test_argument_that_is_no_notebook(folder: Path, name: str) -> None:
    """A named file that nobody runs is refused, whatever is in it."""
    (folder / name).write_text("x = 1")

    with pytest.raises(errors.NotebookUnreadableError, match="neither a notebook nor a script") as raised:
        find.find(name)

    assert raised.value.fix == FIX


def test_argument_that_is_the_running_script(folder: Path) -> None:
    """The script that runs may be named, however it is called, and need not be."""
    script = folder / "growth"
    script.write_text("from ln_jupyter.locate import find\nprint(find.find(__file__).path, find.find().path)")

    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)

    assert f"{script} {script}\n" == done.stdout


@pytest.mark.parametrize("filepath", ["missing.ipynb", "", ".", "missing/a.ipynb", "a\0b.ipynb"])
def test_missing_argument(filepath: str) -> None:
    """A named file that is not there is refused, not looked for elsewhere."""
    with pytest.raises(errors.NotebookNotFoundError, match=r"filepath names .*, which is not a file") as raised:
        find.find(filepath)

    assert raised.value.fix == FIX


def test_deleted_working_folder(write: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a working folder an absolute path is found as ever, and a relative one is refused."""
    notebook = write(folder / "a.ipynb")
    (folder / "gone").mkdir()
    monkeypatch.chdir(folder / "gone")
    (folder / "gone").rmdir()

    assert notebook == find.find(notebook).path
    with pytest.raises(errors.NotebookNotFoundError, match=r"names a\.ipynb, in a working folder that was deleted"):
        find.find("a.ipynb")


def test_variable(write: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LN_JUPYTER_NOTEBOOK names the notebook where nothing else can."""
    notebook = write(folder / "a.ipynb")
    monkeypatch.setenv(find.VARIABLE, "a.ipynb")

    found = find.find()

    assert found == Location(notebook, via="LN_JUPYTER_NOTEBOOK")


def test_variable_in_a_kernel(start_kernel: Callable, write: Callable, folder: Path) -> None:
    """The variable is relative to where the kernel was started, and goes before every signal."""
    notebook = write(folder / "a.ipynb")
    other = write(folder / "b.ipynb")
    kernel = start_kernel(LN_JUPYTER_NOTEBOOK="a.ipynb")

    found = kernel.find(before=f"import os; os.chdir('/'); __vsc_ipynb_file__ = {str(other)!r}")

    assert str(notebook) == found["path"]


def test_missing_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that names no file is an error, not a reason to guess."""
    monkeypatch.setenv(find.VARIABLE, "missing.ipynb")

    with pytest.raises(errors.NotebookNotFoundError, match=r"LN_JUPYTER_NOTEBOOK names .*missing\.ipynb") as raised:
        find.find()

    assert raised.value.fix == FIX


def test_nothing_found() -> None:
    """Where nothing tells, the error lists what was tried and says what to type."""
    command = [sys.executable, "-c", "from ln_jupyter.locate import find; find.find()"]
    package = str(Path(find.__file__).parents[2])

    result = subprocess.run(command, env={"PYTHONPATH": package}, capture_output=True, text=True, check=False)

    assert "nothing tells which notebook is running; tried: main file (there is none: what runs is no" in result.stderr
    assert f"fix: {FIX}" in result.stderr


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        (pytest.__file__, f"{pytest.__file__} is an installed program, which runs this code for somebody"),
        (None, "there is none: what runs is no script, or a thread that has outlived it"),
    ],
    ids=["installed", "none"],
)
def test_no_script(monkeypatch: pytest.MonkeyPatch, stated: str | None, why: str) -> None:
    """Outside of a kernel, the error says why what runs is no script of anybody's: under a profiler, in a test, too late."""
    monkeypatch.setattr(sys.modules["__main__"], "__file__", stated, raising=False)

    with pytest.raises(errors.NotebookNotFoundError) as raised:
        find.find()

    assert f"nothing tells which notebook is running; tried: main file ({why})" == str(raised.value)


def test_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a service that keeps its notebooks to itself, the error names it."""
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    monkeypatch.setitem(sys.modules, "__main__", None)

    with pytest.raises(errors.NotebookNotFoundError, match="running on kaggle; tried: main file") as raised:
        find.find()

    assert raised.value.fix == FIX


def test_imports_of_a_headless_kernel(start_kernel: Callable, find: str) -> None:
    """Where no server answers, nothing that is slow is imported either."""
    names = "found = json.dumps(sorted({name.partition('.')[0] for name in sys.modules}))"
    slow = {"jupyter_server", "nbformat", "nbproject", "notebook", "requests", "sqlalchemy"}

    loaded = start_kernel().find(source=f"import sys\n{find}\n{names}")

    assert "ln_jupyter" in loaded
    assert slow.isdisjoint(loaded)
