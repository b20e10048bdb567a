"""Which pooled connections may still be used: those to files that are still there, and still permit the same."""

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

_Status = tuple[int, int, int]
"""Device and inode, which tell a file from another one that has its name later, and mode."""


class Files:
    """A SQLite file that connections have open, and its WAL, as they were when it was met.

    What is written to one of them after it was deleted or replaced is lost, without an error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.real_path = Path(os.path.realpath(path))  # of a link's target: there is the WAL
        self.wal_path = Path(f"{self.real_path}-wal")
        self._file = _status(path)
        self._wal: tuple[int, int] | None = None

    @property
    def missing(self) -> Path | None:
        """The one that is no longer what is open; None if all is well."""
        if _inode(_status(self.path)) != _inode(self._file):
            return self.path
        return self.wal_path if self._is_wal_missing else None

    @property
    def is_stale(self) -> bool:
        """Whether a connection that is opened now would be to another file, or permitted more or less with this one."""
        return _status(self.path) != self._file or self._is_wal_missing

    @property
    def left_a_wal(self) -> bool:
        """Whether the WAL is still there, beside another file: SQLite would take it for that file's own."""
        is_there = _inode(_status(self.path)) == _inode(self._file)
        return not is_there and self._wal is not None and _inode(_status(self.wal_path)) == self._wal

    @property
    def _is_wal_missing(self) -> bool:
        wal = _inode(_status(self.wal_path))
        if self._wal is None:
            self._wal = wal  # as long as a connection is open, SQLite itself deletes it nowhere
        return wal != self._wal


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
        if entry.info[_FILES].is_stale:
            # all of them: a WAL that has lost its name is saved when the last one closes, and they share one -shm
            engine.pool.dispose()
            msg = "opened on a file that is no longer there, or as it no longer is"
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
    """Return the size of a file; 0 if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _status(path: Path) -> _Status | None:
    """Look at a file; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, and asked before each use
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mode


def _inode(status: _Status | None) -> tuple[int, int] | None:
    return None if status is None else status[:2]
