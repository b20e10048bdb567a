from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from ln_jupyter.environment.kernel import Kernel
from ln_jupyter.locate import content, finders

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INJECTED = "# Parameters\nalpha = 0.5"


def kernel(folder: Path, *executed: str, is_headless: bool = True) -> Kernel:
    request = {"metadata": {}, "content": {"allow_stdin": not is_headless}}
    history = SimpleNamespace(input_hist_raw=["", *executed])
    outside = SimpleNamespace(get_parent=lambda: request)
    return Kernel(SimpleNamespace(kernel=outside, history_manager=history), folder, None, "")


@pytest.mark.parametrize(
    ("executed", "expected"),
    [
        (("x", "y"), "a"),
        (("y", "x"), "b"),
        (("x",), "a"),
        (("z", "x"), ""),
        (("x", INJECTED, "y"), ""),
        ((INJECTED, "x", "y"), "a"),
        ((INJECTED, INJECTED, "x"), ""),
    ],
)
def test_a_program_runs_a_notebook_in_order(
    write: Callable, folder: Path, executed: tuple[str, ...], expected: str
) -> None:
    """Of two notebooks with the same cells, the one that begins with what was executed runs; papermill adds one cell."""
    files = [write(folder / "a.ipynb", "x", "y"), write(folder / "b.ipynb", "y", "x")]

    found = content.find(files, kernel(folder, *executed))

    assert list(expected) == [path.stem for path in found.paths]


def test_a_person_runs_cells_in_any_order(write: Callable, folder: Path) -> None:
    """Where somebody can be asked, the notebook is the one that has all that was executed."""
    files = [write(folder / "a.ipynb", "x", "y", "z"), write(folder / "b.ipynb", "z", "x")]

    found = content.find(files, kernel(folder, "z", "y", is_headless=False))

    assert [files[0]] == list(found.paths)


def test_notebooks_that_begin_alike(write: Callable, folder: Path) -> None:
    """Where several begin with what was executed, none is guessed, and the error names them."""
    for name in "abcdefg":
        write(folder / f"{name}.ipynb", "x", name)

    found = finders.by_content(kernel(folder, "x"))

    assert "a.ipynb, b.ipynb, c.ipynb, d.ipynb, e.ipynb and 2 more have the cells that ran" == found


@pytest.mark.parametrize(
    ("executed", "expected"),
    [
        ("x h a | y h", "b"),
        ("x | y", "b"),
        ("x h a | h", ""),
        ("x h a | x h", ""),
        ("x h a | y h b | x h", ""),
        ("x h a | z", "cd"),
        ("q | y h", ""),
        ("x h a q | y h", ""),
    ],
)
def test_a_program_runs_notebooks_in_one_kernel(write: Callable, folder: Path, executed: str, expected: str) -> None:
    """One that begins after others is found if it is new and nothing else begins so; one that ran before is not."""
    cells = {"a": "xha", "b": "yhb", "c": "zc", "d": "zd"}
    files = [write(folder / f"{name}.ipynb", *sources) for name, sources in cells.items()]

    found = content.find(files, kernel(folder, *executed.replace("|", "").split()))

    assert list(expected) == [path.stem for path in found.paths]
