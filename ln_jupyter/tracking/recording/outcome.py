"""How the cells of a run say that it ended: a failure counts until it is made good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ln_jupyter.schema.tables import FAILED, INTERRUPTED, OK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ln_jupyter.ipython.cell_log import Execution
    from ln_jupyter.notebook.document import Document

_EXPECTED = "raises-exception"
"""The tag of a cell that is to fail, for nbclient and JupyterLab too."""

_INTERRUPTS = ("KeyboardInterrupt", "CancelledError")
"""What a cell ends with that is interrupted: where it runs, and where it awaits."""


def of_inputs(executed: Sequence[Execution]) -> str:
    """Say how a terminal ends: by its last input, for nobody runs one again."""
    return _of_last(executed[-1]) if executed else OK


def of_cells(executed: Sequence[Execution], document: Document | None, *, is_edited: bool, runner: str = "") -> str:
    """Say how the cells of a notebook ended.

    A cell that has failed is made good by a later execution that does not, and, where people edit it, by
    its being gone from the notebook that was saved last. One that was interrupted counts only if it was the last.

    Args:
        executed: What was executed, in order.
        document: The notebook's file as it is now; None without one.
        is_edited: Whether people work in it, and not a program that runs it from top to bottom.
        runner: That program: for papermill each error is one, whatever the tags of its cell say.
    """
    if is_edited and document is None and not any(each.cell_id for each in executed):
        return of_inputs(executed)  # of a console
    if executed and _of_last(executed[-1]) == INTERRUPTED:
        return INTERRUPTED
    last = {each.cell_id or each.source: each for each in executed}
    failed = [each for each in last.values() if _of_last(each) == FAILED]
    if runner == "papermill":
        return FAILED if failed else OK
    return FAILED if any(not _is_made_good(each, document, is_edited=is_edited) for each in failed) else OK


def _of_last(execution: Execution) -> str:
    if execution.ok:
        return OK
    return INTERRUPTED if execution.error in _INTERRUPTS else FAILED


def _is_made_good(execution: Execution, document: Document | None, *, is_edited: bool) -> bool:
    if document is None:
        return False
    cells = [cell for cell in document.cells if cell.type == "code"]
    found = [cell for cell in cells if cell.id and cell.id == execution.cell_id]
    # runners name no cells, and VS Code has names of its own: then the source tells
    found = found or [cell for cell in cells if cell.source == execution.source]
    return any(_EXPECTED in cell.tags for cell in found) or (is_edited and not found)
