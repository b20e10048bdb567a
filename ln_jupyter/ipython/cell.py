"""The cell that is running, and the session that ends with it."""

from __future__ import annotations

import os
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ln_jupyter.records.session import Session


class Cell:
    """One running cell.

    It belongs to the context, thread and process that runs it.

    Args:
        parent: The cell that runs this one, as ``%%capture`` and `run_cell` do.
    """

    def __init__(self, parent: Cell | None) -> None:
        self.parent = parent
        self.session: Session | None = None
        self.error: BaseException | None = None
        """The last error that was shown, here or in a cell that this one ran."""
        self.is_unsaved = False
        """Whether a session was rolled back, here or in a cell that this one ran."""
        self._owner = _here()
        self._ended = False

    @property
    def is_current(self) -> bool:
        """Whether it is running, and running whoever asks."""
        return not self._ended and self._owner == _here()

    def open(self, session: Session) -> None:
        """Begin the block of *session*, which ends with this cell or when another one is opened."""
        self.close(failed=False)
        if not self.is_unsaved:
            self.error = None  # what was shown before the block is not of the block
        session.begin()
        self.session = session

    def close(self, *, failed: bool) -> None:
        """End the block, if there is one: roll back if the cell *failed* or an error was shown in it.

        Raises:
            StaleRecordError: As `Session.end`, like every other error of the database.
        """
        session, self.session = self.session, None
        if session is None:
            return
        failed = failed or self.error is not None
        self.is_unsaved = True
        session.end(failed=failed)
        self.is_unsaved = failed

    def show(self, error: BaseException) -> None:
        """Take note of an *error* that is being shown."""
        self.error = error
        if self.parent is not None:
            self.parent.show(error)

    def leave(self) -> None:
        """Give the context back to the parent."""
        self._ended = True
        _running.set(self.parent)


_running: ContextVar[Cell | None] = ContextVar("ln_jupyter_cell", default=None)


def current() -> Cell | None:
    """Find the cell that runs the caller; tasks that outlive theirs, and other threads, have none."""
    cell = _running.get()
    return cell if cell is not None and cell.is_current else None


def enter() -> Cell:
    """Begin a cell in this context, inside the one that is running."""
    cell = Cell(current())
    _running.set(cell)
    return cell


def _here() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()
