"""A run has failed if a failure of its cells was not made good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ln_jupyter.ipython.cell_error import CellError
from ln_jupyter.ipython.cell_log import Execution
from ln_jupyter.notebook.document import Cell, Document
from ln_jupyter.tracking.recording import outcome
from ln_jupyter.tracking.recording.saved_cells import SavedCells


def executed(*cells: tuple[str | None, str, str | None]) -> list[Execution]:
    """Make executions of their cell's id, source and error."""
    return [
        Execution(cell_id, source, 1.0, 0.1, error is None, None if error is None else CellError(error))
        for cell_id, source, error in cells
    ]


def judge(document: Document | None = None, **options: Any) -> outcome.Judge:
    return outcome.Judge(SavedCells(document), **{"is_edited": True} | options)


SAVED = Document(
    path=Path("a.ipynb"),
    title=None,
    metadata={},
    carried=(),
    cells=(
        Cell("a", "code", "x = 1"),
        Cell("b", "code", "1/0"),
        Cell("c", "code", "raise Expected", ("raises-exception",)),
        Cell("d", "markdown", "gone"),
    ),
)
BAD = "ZeroDivisionError"


@pytest.mark.parametrize(
    ("expected", "cells"),
    [
        ("ok", []),
        ("ok", [("a", "x = 1", None)]),
        ("failed", [("a", "1/0", BAD), ("b", "x = 1", None)]),
        ("ok", [("a", "1/0", BAD), ("a", "x = 1", None)]),
        ("failed", [("a", "1/0", BAD), ("a", "x = 1", None), ("a", "1/0", BAD)]),
        ("ok", [("z", "gone", BAD), ("a", "x = 1", None)]),
        ("failed", [("vscode-notebook-cell:1", "1/0", BAD)]),
        ("failed", [("b", "edited, not run since", BAD), ("a", "x = 1", None)]),
        ("failed", [(None, "1/0", BAD)]),
        ("ok", [(None, "1/0", BAD), (None, "1/0", None)]),
        ("ok", [("c", "raise Expected", "Expected")]),
        ("ok", [(None, "raise Expected", "Expected")]),
        ("interrupted", [("a", "x = 1", "KeyboardInterrupt")]),
        ("interrupted", [("b", "1/0", BAD), ("a", "x = 1", "KeyboardInterrupt")]),
        ("interrupted", [("a", "await long()", "CancelledError")]),
        ("ok", [("a", "await long()", "CancelledError"), ("c", "y", None)]),
        ("ok", [("a", "x = 1", "KeyboardInterrupt"), ("c", "y", None)]),
    ],
)
def test_in_a_front_end(expected: str, cells: list[tuple[str | None, str, str | None]]) -> None:
    """What was run again well, is expected to fail, or is not in the saved notebook any more has not failed."""
    assert expected == judge(SAVED, is_edited=True).of_cells(executed(*cells)).outcome


@pytest.mark.parametrize(
    ("expected", "cells"),
    [
        ("failed", [(None, "alpha = undefined", "NameError"), (None, "x = 1", None)]),
        ("failed", [(None, "1/0", BAD)]),
        ("ok", [(None, "raise Expected", "Expected"), (None, "x = 1", None)]),
    ],
)
def test_in_a_runner(expected: str, cells: list[tuple[str | None, str, str | None]]) -> None:
    """Nobody edits the notebook meanwhile: a cell that is in no file was injected, and counts."""
    assert expected == judge(SAVED, is_edited=False).of_cells(executed(*cells)).outcome


@pytest.mark.parametrize(("expected", "runner"), [("failed", "papermill"), ("ok", "nbmake"), ("ok", "")])
def test_expected_failures_of_papermill(expected: str, runner: str) -> None:
    """A run of papermill ends with an error whatever the tags of the failed cell say."""
    cells = executed((None, "raise Expected", "Expected"), (None, "x = 1", None))

    assert expected == judge(SAVED, is_edited=False, runner=runner).of_cells(cells).outcome


def test_without_a_file() -> None:
    """Without a file no cell is gone, and none is expected to fail; in a console, which names no cells, the last decides."""
    assert judge(is_edited=True).of_cells(executed(("z", "gone", BAD), ("a", "x", None))).outcome == "failed"
    assert judge(is_edited=True).of_cells(executed((None, "x =", BAD), (None, "x", None))).outcome == "ok"


@pytest.mark.parametrize(
    ("expected", "errors"),
    [("ok", []), ("ok", [BAD, None]), ("failed", [None, BAD]), ("interrupted", [BAD, "KeyboardInterrupt"])],
)
def test_in_a_terminal(expected: str, errors: list[str | None]) -> None:
    """The last input decides: nobody runs one again, and what was mistyped is part of the work."""
    assert expected == judge().of_inputs(executed(*((None, "x", error) for error in errors))).outcome
