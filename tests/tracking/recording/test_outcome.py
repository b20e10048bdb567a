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
    """The last input decides, but not the one that leaves it: nobody runs one again, and to mistype is part of the work."""
    inputs = [(None, "x", error) for error in errors]

    for leaving in ([], [(None, "exit", None)], [(None, "quit()\n", None)]):
        assert expected == judge().of_inputs(executed(*inputs, *leaving)).outcome


def failing(cell_id: str | None, source: str, kind: str, message: str = "", **more: Any) -> Execution:
    failed = Execution(cell_id, source, 1.0, 0.1, ok=False, error=CellError(kind, message))
    return failed._replace(**more)


@pytest.mark.parametrize(
    ("expected", "cells"),
    [
        ("cell 2: TypeError: no", [failing("b", "1/0", "TypeError", "no")]),
        ("cell 2: TypeError: no", [failing(None, "1/0", "TypeError", "  no\nmore")]),
        ("cell 2: TypeError", [failing("b", "1/0", "TypeError")]),
        ("TypeError: no", [failing(None, "unsaved", "TypeError", "no")]),
        ("cell 1: A: first", [failing("a", "x = 1", "A", "first"), failing("b", "1/0", "B", "then", began=2.0)]),
        ("cell 2: B: kept", [failing("b", "1/0", "B", "kept", may_fail=True)]),
        ("cell 2: OSError: postgresql://ann:***@host", [failing("b", "1/0", "OSError", "postgresql://ann:pw@host")]),
        ("cell 2: KeyError: a\ufffd[2J", [failing("b", "1/0", "KeyError", "a\x1b[2J")]),
    ],
)
def test_the_reason_is_one_line(expected: str, cells: list[Execution]) -> None:
    """It names the cell, as the saved notebook counts them, and the first error that was not made good; no password."""
    reason = judge(SAVED, is_edited=False).of_cells(cells).reason or ""

    assert expected == reason.removesuffix(" (errors were allowed)")
    assert cells[0].may_fail == reason.endswith(" (errors were allowed)")


def test_a_long_reason_is_shortened() -> None:
    """A message of a megabyte is a line that a list has room for."""
    reason = judge(SAVED, is_edited=False).of_cells([failing("b", "1/0", "TypeError", "x" * 10**6)]).reason

    assert 200 == len(reason or "")


def test_a_reason_without_text() -> None:
    """Where only hashes are kept, the reason says which error, and not what it said."""
    judged = judge(SAVED, is_edited=False, keeps_text=False).of_cells([failing("b", "1/0", "TypeError", "no")])

    assert "cell 2: TypeError" == judged.reason


@pytest.mark.parametrize(
    ("expected", "running"),
    [("cell 2: ended by SIGTERM", Execution("b", "1/0", 1.0)), ("ended by SIGTERM", None)],
    ids=["in a cell", "between cells"],
)
def test_a_run_that_a_signal_ends(expected: str, running: Execution | None) -> None:
    """It is interrupted, and the reason says in which cell."""
    assert outcome.End("interrupted", expected) == judge(SAVED).interrupted(running, "ended by SIGTERM")


def test_an_interrupted_cell_is_the_reason() -> None:
    """Of a run whose last cell was interrupted the reason is that cell."""
    judged = judge(SAVED).of_cells([failing("b", "1/0", "KeyboardInterrupt")])

    assert outcome.End("interrupted", "cell 2") == judged


@pytest.mark.parametrize(("expected", "message"), [("ok", ""), ("ok", "0"), ("failed", "1")])
def test_an_exit_under_papermill(expected: str, message: str) -> None:
    """For papermill an exit with 0 is the end of a notebook that wants no more cells."""
    cells = [failing(None, "1/0", "SystemExit", message)]

    assert expected == judge(SAVED, is_edited=False, runner="papermill").of_cells(cells).outcome
    assert "failed" == judge(SAVED, is_edited=False, runner="nbmake").of_cells(cells).outcome
