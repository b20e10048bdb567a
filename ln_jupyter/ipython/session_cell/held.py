"""The session that a shell keeps across cells, from ``%ln_session open`` to ``close``."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from ln_jupyter.ipython.session_cell import cell as cells
from ln_jupyter.ipython.session_cell import reply

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ln_jupyter.ipython.session_cell.cell import Cell
    from ln_jupyter.records.session import Session


class Held:
    """At most one session, whose block every cell of its thread stands in.

    Each cell commits at its end, or rolls back, so that nothing is held between cells: no
    transaction, no lock, no connection. The records stay connected.

    Not a ContextVar: what a cell with ``await`` sets in its context is gone in the next cell.

    Args:
        shell: The shell whose cells they are.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._session: Session | None = None
        self._owner: tuple[int, int] | None = None

    @property
    def session(self) -> Session | None:
        """What is held for whoever asks; another thread, as a subshell is, and a forked child have none."""
        if self._session is None or self._session.is_closed or self._owner != _here():
            return None
        return self._session

    def hold(self, session: Session) -> None:
        """Keep *session*, in place of another one, which is closed."""
        self.close()
        self._session, self._owner = session, _here()

    def resume(self, cell: Cell) -> None:
        """Let a cell that begins stand in the session; one that another cell runs does already.

        So does, under ``with``, what still runs of an earlier cell: then this one does not.
        """
        if self._session is None:  # nearly always, and first: every cell asks
            return
        session = self.session
        if session is not None and cell.parent is None and not session.is_in_block:
            reply.forget_traceback(self._shell)
            cell.open(session, keep=True)

    def close(self) -> None:
        """Commit what the running cell did in the session, and close it.

        Raises:
            StaleRecordError: As `Session.end`, like every other error of the database; it is closed all the same.
        """
        session, self._session = self.session, None
        if session is None:
            return
        cell = cells.current()
        while cell is not None and cell.session is not session:
            cell = cell.parent
        try:
            if cell is not None:
                cell.close(failed=False)
        finally:
            session.close()


def _here() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()
