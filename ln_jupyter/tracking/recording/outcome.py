"""How the cells of a run say that it ended, and why: a failure counts until it is made good."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter import callsite, redaction, sanitize
from ln_jupyter.environment import exit_status
from ln_jupyter.ipython import cell_error
from ln_jupyter.schema.tables import FAILED, INTERRUPTED, OK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ln_jupyter.ipython.cell_error import CellError
    from ln_jupyter.ipython.cell_log import Execution
    from ln_jupyter.tracking.recording.saved_cells import SavedCells

_EXPECTED = "raises-exception"
"""The tag of a cell that is to fail, for nbclient and JupyterLab too."""

_INTERRUPTS = ("KeyboardInterrupt", "CancelledError")
"""What a cell ends with that is interrupted: where it runs, and where it awaits."""

_LEAVES = {"exit", "exit()", "quit", "quit()"}
"""What is typed to leave a terminal."""

_LONGEST = 200  # characters of a reason: it stands in a list


class End(NamedTuple):
    """How a run has ended.

    Attributes:
        outcome: As the run's column says it; None where nobody knows.
        reason: Where, and with which error; None where it ended well.
    """

    outcome: str | None
    reason: str | None = None


def of_process(*, keeps_text: bool) -> End:
    """Say how a script ended: by its exit status, or the exception that nobody caught."""
    is_well, error = exit_status.is_well(), exit_status.raised()
    if is_well or is_well is None:
        return End(OK if is_well else None)
    if error is None:
        return End(FAILED, _shortened(exit_status.said()) if keeps_text else None)
    line = callsite.outermost(error.__traceback__)
    place = None if line is None else f"line {line.number}"
    if isinstance(error, KeyboardInterrupt):
        return End(INTERRUPTED, place)
    return End(FAILED, _reason(place, cell_error.of_exception(error), keeps_text=keeps_text))


def _reason(place: str | None, error: CellError | None, *, keeps_text: bool, remark: str = "") -> str | None:
    what = "" if error is None else error.type
    if error is not None and error.message and keeps_text:
        what = f"{what}: {error.message.strip().partition(chr(10))[0]}"
    return _shortened(": ".join(filter(None, (place, what + remark)))) or None


def _shortened(text: str) -> str:
    return sanitize.shortened(sanitize.plain(redaction.without_secrets(text)), _LONGEST)


class Judge:
    """Says how executions ended.

    Args:
        saved: The cells of the notebook as it is saved.
        is_edited: Whether people work in it, and not a program that runs it from top to bottom.
        runner: That program.
        keeps_text: Whether messages of errors may be told.
    """

    def __init__(self, saved: SavedCells, *, is_edited: bool, runner: str = "", keeps_text: bool = True) -> None:
        self._saved, self._is_edited, self._runner, self._keeps_text = saved, is_edited, runner, keeps_text

    def of_inputs(self, executed: Sequence[Execution]) -> End:
        """Say how a terminal ends: by its last input but the one that leaves it, for nobody runs one again."""
        last = next((each for each in reversed(executed) if each.source.strip() not in _LEAVES), None)
        return End(OK) if last is None else self._end(self._outcome(last), last)

    def of_cells(self, executed: Sequence[Execution]) -> End:
        """Say how the cells of a notebook ended.

        A cell that has failed is made good by a later execution that does not, and, where people edit it, by
        its being gone from the notebook that was saved last. One that was interrupted counts only if it was the last.
        """
        if self._is_edited and not self._saved.is_there and not any(each.cell_id for each in executed):
            return self.of_inputs(executed)  # of a console
        if executed and self._outcome(executed[-1]) == INTERRUPTED:
            return self._end(INTERRUPTED, executed[-1])
        last = {each.cell_id or each.source: each for each in executed}
        failed = [each for each in last.values() if self._outcome(each) == FAILED]
        counted = [each for each in failed if self._runner == "papermill" or not self._is_made_good(each)]
        return self._end(FAILED, min(counted, key=lambda each: each.began)) if counted else End(OK)

    def has_failed(self, execution: Execution) -> bool:
        """Return whether an execution counts as a failure, made good or not: an interrupted one does not."""
        return self._outcome(execution) == FAILED

    def interrupted(self, running: Execution | None, why: str) -> End:
        """Say that a run was ended in a cell, or between them."""
        place = None if running is None else self._place(running)
        return End(INTERRUPTED, why if place is None else f"{place}: {why}")

    def _outcome(self, execution: Execution) -> str:
        error = execution.error
        if execution.ok:
            return OK
        if self._runner == "papermill" and error is not None and (error.type, error.message) in _PAPERMILLS_OK:
            return OK
        return INTERRUPTED if error is not None and error.type in _INTERRUPTS else FAILED

    def _is_made_good(self, execution: Execution) -> bool:
        if not self._saved.is_there:
            return False
        found = self._saved.find(execution)
        return any(_EXPECTED in each.cell.tags for each in found) or (self._is_edited and not found)

    def _end(self, outcome: str, execution: Execution) -> End:
        place = self._place(execution)
        if outcome == OK:
            return End(OK)
        if outcome == INTERRUPTED:
            return End(INTERRUPTED, place)
        keeps_text = self._keeps_text and not self._saved.is_private(execution)
        remark = " (errors were allowed)" if execution.may_fail else ""
        return End(FAILED, _reason(place, execution.error, keeps_text=keeps_text, remark=remark))

    def _place(self, execution: Execution) -> str | None:
        number = self._saved.number(execution)
        return None if number is None else f"cell {number}"


_PAPERMILLS_OK = {("SystemExit", message) for message in ("", "0")}
"""What papermill takes for the end of a notebook that wants no more cells."""
