"""The cell that is running, and the session that ends with it."""

from __future__ import annotations

import os
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from ln_jupyter.records.session import Session


class Cell:
    """One running cell.

    It belongs to the context, thread and process that runs it.
    """

    # Of the class until they are set, for every cell makes one of these.
    parent: Cell | None = None
    """The cell that runs this one, as ``%%capture`` and `run_cell` do."""
    session: Session | None = None
    error: BaseException | None = None
    """The last error that was shown, here or in a cell that this one ran."""
    unsaved: Session | None = None
    """The session that was rolled back, here or in a cell that this one ran."""
    _keep = False
    _pid: int | None = None  # of whoever opened a session; asking for it takes a system call
    _task: asyncio.Task[Any] | None = None
    _ended = False

    thread: int

    @property
    def is_current(self) -> bool:
        """Whether it is running, and running whoever asks."""
        return not self._ended and self.is_here

    @property
    def is_here(self) -> bool:
        """Whether it is of the thread and process of whoever asks; a forked child of its code has a copy."""
        return self.thread == threading.get_ident() and (self._pid is None or self._pid == os.getpid())

    def open(self, session: Session, *, keep: bool = False) -> None:
        """Begin the block of *session*, which ends with this cell or when another one is opened.

        Args:
            session: What the cell stands in from here on.
            keep: The session goes on after its block.
        """
        self.close(failed=False)
        if self.unsaved is None:
            self.error = None  # what was shown before the block is not of the block
        session.begin(keep=keep)
        self.session, self._keep, self._pid = session, keep, os.getpid()
        self._task = _task()
        _in_session.add(self)

    def close(self, *, failed: bool) -> None:
        """End the block, if there is one: roll back if the cell *failed* or an error was shown in it.

        Raises:
            StaleRecordError: As `Session.end`, like every other error of the database.
        """
        session, self.session = self.session, None
        _in_session.discard(self)
        if session is None:
            return
        failed = failed or self.error is not None
        self.unsaved = session
        try:
            session.end(failed=failed)
        finally:
            if not self._keep:
                session.close()
        self.unsaved = session if failed else None

    def abandon(self) -> None:
        """Undo what it did, and let it do no more."""
        self._ended = True
        if self._task is not None:
            self._task.cancel()
        self.close(failed=True)

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
_in_session: set[Cell] = set()


def current() -> Cell | None:
    """Find the cell that runs the caller; tasks that outlive theirs, and other threads, have none."""
    cell = _running.get()
    return cell if cell is not None and cell.is_current else None


def enter() -> Cell:
    """Begin a cell in this context, inside the one that is running."""
    cell = Cell()
    cell.thread = threading.get_ident()
    if _running.get() is not None:
        cell.parent = current()
    _running.set(cell)
    return cell


def abandon_waiting() -> None:
    """Abandon the cells of this thread that wait in a loop which Ctrl-C has stopped.

    IPython's terminal says that such a cell was interrupted, and keeps its task: the next
    cell with ``await`` would run it to its end, and commit.
    """
    for cell in [each for each in _in_session if each.is_here]:
        cell.abandon()


def _task() -> asyncio.Task[Any] | None:
    import asyncio  # here for cost: whoever opens a session has imported it, with SQLAlchemy

    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop is running: a cell without `await`, in a terminal
        return None
