"""Which pooled connections may still be used: those of this process, to the file that is still there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.pool import ConnectionPoolEntry

_MADE_FOR = "ln_made_for"


def refuse_strangers(engine: sa.Engine, file: Path | None = None) -> None:
    """Replace a connection that a fork copied, or whose *file* was deleted or replaced.

    A copied connection shares its parent's socket or locks, and what is written to a
    deleted file is lost without an error.
    """

    @event.listens_for(engine, "connect")
    def _connect(_driver: Any, entry: ConnectionPoolEntry) -> None:
        entry.info[_MADE_FOR] = (os.getpid(), _inode(file))

    @event.listens_for(engine, "checkout")
    def _checkout(_driver: Any, entry: ConnectionPoolEntry, proxy: Any) -> None:
        process, inode = entry.info[_MADE_FOR]
        if process != os.getpid():
            # SQLAlchemy's own recipe: closing it here would act on the parent's
            entry.dbapi_connection = None  # type: ignore[misc]
            proxy.dbapi_connection = None
            msg = "opened by the process this one was forked from"
            raise sa.exc.DisconnectionError(msg)
        if inode != _inode(file):
            msg = "opened on a file that is no longer there"
            raise sa.exc.DisconnectionError(msg)


def _inode(file: Path | None) -> tuple[int, int] | None:
    if file is None:
        return None
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
