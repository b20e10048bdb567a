"""Whether a notebook is fit to be published: titled, run from its first cell to its last, and saved as it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ln_jupyter import errors
from ln_jupyter.notebook import sequence
from ln_jupyter.tracking.recording.facts import is_injected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ln_jupyter.ipython.cell_log import CellLog, Execution
    from ln_jupyter.notebook.document import Cell, Document
    from ln_jupyter.tracking.request import Request

_LAST = "call ln.publish() in the notebook's last cell, after everything else"
_SAVE = "save the notebook, then run all cells"
_AGAIN = "save the notebook, restart the kernel and run all cells"
_SHOWN = 40  # characters of a cell in a message


def check_title(request: Request) -> None:
    """Refuse a notebook that says nothing about itself.

    Raises:
        TitleMissingError: If it has no title.
    """
    path = _document(request).path
    if path.suffix == ".ipynb" and not request.title:
        msg = f"{path.name} has no title"
        raise errors.TitleMissingError(
            msg, fix="begin it with a Markdown cell: # What this notebook does; then save it"
        )


def check_order(request: Request, log: CellLog) -> None:
    """Refuse a notebook that did not run as it is saved, from its first cell to this one, its last.

    The kernel's own log is asked, and not the counts in the file. What ran before the first cell did for
    the last time does not count; from there on, every cell ran after the one before it, and nothing else
    did: an earlier edition of a cell may have, where the front end names its cells.

    Args:
        request: The notebook as it is saved.
        log: What its kernel has run.

    Raises:
        NotLastCellError: If this cell is not the last.
        SourceDiffersError: If a cell was changed after it ran, or was not saved.
        CellOrderError: If a cell did not run, or ran after one that follows it.
    """
    running = log.running
    cells = sequence.to_run(_document(request).cells)
    if running is None or not cells:
        raise errors.NotLastCellError("publish() was not called in a cell of the notebook", fix=_LAST)
    ran = [each for each in (*log.earlier, *log.executed) if not is_injected(each.source, runner=request.runner)]
    order = _Order(cells, [*ran, running])
    order.check_last()
    order.check_saved()
    order.check()


class _Order:
    """The cells of a notebook, and what ran.

    Args:
        cells: Those with code, as they are saved.
        ran: In the order of the kernel; the running cell is the last.
    """

    def __init__(self, cells: Sequence[Cell], ran: Sequence[Execution]) -> None:
        self._saved = [cell.source.strip() for cell in cells]
        self._ran = [each.source.strip() for each in ran]
        by_id = {cell.id: n for n, cell in enumerate(cells) if cell.id}
        self._named = [by_id.get(each.cell_id or "") for each in ran]
        """Which cell each is by its id, where the front end names one of the file's."""
        by_source: dict[str, list[int]] = {}
        for n, source in enumerate(self._saved):
            by_source.setdefault(source, []).append(n)
        self._cells = [
            by_source.get(source, []) if named is None else [named]
            for named, source in zip(self._named, self._ran, strict=True)
        ]
        """Which cells each may be: by its id, else by its source."""

    def check_last(self) -> None:
        """Refuse a running cell that is not the last."""
        here = self._cells[-1]
        if not here:
            msg = f"this cell is not in the notebook as it is saved: {_begin(self._ran[-1])}"
            raise errors.SourceDiffersError(msg, fix="save the notebook, then run this cell again")
        count = len(self._saved)
        if here[-1] != count - 1:
            msg = f"publish() is in cell {here[-1] + 1} of {count}; after it comes {_begin(self._saved[here[-1] + 1])}"
            raise errors.NotLastCellError(msg, fix=_LAST)

    def check_saved(self) -> None:
        """Refuse a cell whose last execution is not what is saved: an earlier one may be, and says nothing."""
        last = {named: at for at, named in enumerate(self._named) if named is not None}
        for n, at in sorted(last.items()):
            if self._saved[n] != self._ran[at]:
                msg = f"{self._name(n)} is saved otherwise than it ran last: {_begin(self._ran[at])}"
                raise errors.SourceDiffersError(msg, fix=_SAVE)

    def check(self) -> None:
        """Find for each cell when it ran last, backwards; then look at what ran between."""
        places = [0] * len(self._saved)
        end = len(self._ran)
        for n in reversed(range(len(self._saved))):
            found = next((at for at in reversed(range(end)) if self._is_as_saved(n, at)), None)
            if found is None:
                raise self._why_not(n, end)
            end = places[n] = found
        for at in range(places[0], len(self._ran)):
            self._check_between(at, places)

    def _is_as_saved(self, n: int, at: int) -> bool:
        return n in self._cells[at] and self._saved[n] == self._ran[at]

    def _why_not(self, n: int, end: int) -> errors.PublishError:
        if any(self._is_as_saved(n, at) for at in range(end, len(self._ran))):
            return errors.CellOrderError(f"{self._name(n)} ran after a cell that follows it", fix=_AGAIN)
        return errors.CellOrderError(f"{self._name(n)} has not run as it is saved", fix=_AGAIN)

    def _name(self, n: int) -> str:
        return f"cell {n + 1}, {_begin(self._saved[n])},"

    def _check_between(self, at: int, places: Sequence[int]) -> None:
        own = self._cells[at]
        if not own:
            msg = f"this ran between its cells, and is not in the notebook as it is saved: {_begin(self._ran[at])}"
            raise errors.SourceDiffersError(msg, fix=_AGAIN)
        if all(at > places[n] for n in own):
            msg = f"cell {own[-1] + 1}, {_begin(self._ran[at])}, ran again after a cell that follows it"
            raise errors.CellOrderError(msg, fix=_AGAIN)


def _document(request: Request) -> Document:
    assert request.document is not None  # noqa: S101 - asked of notebooks that have a file
    return request.document


def _begin(source: str) -> str:
    line = source.strip().partition("\n")[0]
    return repr(line if len(line) <= _SHOWN else f"{line[:_SHOWN]}...")
