"""Which pooled connections may still be used: those to the files that are still there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from ln_jupyter import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.pool import ConnectionPoolEntry

_FILES = "ln_files"


class Files:
    """A SQLite file that connections have open, and its WAL, as they were when it was met.

    What is written to one of them after it was deleted or replaced is lost, without an error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.real_path = Path(os.path.realpath(path))  # of a link's target: there is the WAL
        self.wal_path = Path(f"{self.real_path}-wal")
        self._file = inode(path)
        self._wal: tuple[int, int] | None = None

    @property
    def missing(self) -> Path | None:
        """The one that is no longer what is open; None if all is well."""
        if inode(self.path) != self._file:
            return self.path
        found = inode(self.wal_path)
        if self._wal is None:
            self._wal = found  # as long as a connection is open, SQLite itself deletes it nowhere
        return None if found == self._wal else self.wal_path

    @property
    def left_a_wal(self) -> bool:
        """Whether the WAL is still there, beside another file: SQLite would take it for that file's own."""
        return inode(self.path) != self._file and self._wal is not None and inode(self.wal_path) == self._wal


def refuse_unlinked(engine: sa.Engine, files: Callable[[], Files]) -> None:
    """Replace a connection whose SQLite file or WAL was deleted or replaced, and refuse to commit through it.

    Args:
        engine: Of a SQLite file.
        files: Gives what its newest connection has open.
    """

    @event.listens_for(engine, "connect")
    def _connect(_driver: Any, entry: ConnectionPoolEntry) -> None:
        entry.info[_FILES] = files()

    @event.listens_for(engine, "checkout")
    def _checkout(_driver: Any, entry: ConnectionPoolEntry, _proxy: Any) -> None:
        if entry.info[_FILES].missing is not None:
            engine.pool.dispose()  # a WAL that has lost its name is saved when the last connection closes
            msg = "opened on a file that is no longer there"
            raise sa.exc.DisconnectionError(msg)

    commit = engine.dialect.do_commit

    def _commit(connection: Any) -> None:
        if connection.in_transaction and (missing := connection.info[_FILES].missing) is not None:
            msg = f"{missing} was deleted or replaced while it was in use"
            raise errors.DatabaseReplacedError(msg, fix="run this again; nothing was saved by this step")
        commit(connection)

    # not by an event of the engine, which would cost each read, too
    engine.dialect.do_commit = _commit  # type: ignore[assignment, method-assign]


def size(path: Path) -> int:
    """Give the size of a file; 0 if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def inode(path: Path) -> tuple[int, int] | None:
    """Tell a file from another one that has its name later; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, and asked before each use
    except OSError:
        return None
    return found.st_dev, found.st_ino
