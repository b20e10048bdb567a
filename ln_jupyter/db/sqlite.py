"""The engine of a SQLite file: private, never made twice, never the wrong file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from ln_jupyter import errors
from ln_jupyter.db import faults, pool, transactions

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry

_PRIVATE = 0o600


def create(url: sa.URL) -> sa.Engine:
    """Make the engine of a file, or of a database in memory that the process shares.

    The file is made by the first connection, readable by its owner only. Nothing that
    outlives a connection is set here: the file may be somebody else's.
    """
    if url.database is None or url.database in ("", ":memory:"):
        engine = sa.create_engine(
            url, poolclass=sa.StaticPool, hide_parameters=True, connect_args={"check_same_thread": False}
        )
    else:
        path = Path(url.database).absolute()
        engine = sa.create_engine(url, hide_parameters=True, creator=_Creator(path))
        pool.refuse_strangers(engine, path)
    event.listen(engine, "connect", _prepare, insert=True)
    transactions.begin_lazily(engine)
    faults.translate(engine)
    return engine


class _Creator:
    """Opens connections to one file; makes the file once, and never again after it vanished."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened = False

    def __call__(self) -> sqlite3.Connection:
        if not self.opened:
            with contextlib.suppress(FileExistsError, OSError):  # SQLite's own error says more, below
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _PRIVATE))
        elif not self.path.exists():
            msg = f"{self.path} was deleted while it was in use"
            raise errors.DatabaseReplacedError(msg, fix="put it back, or restart the kernel to begin a new one")
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,  # we begin ourselves: see transactions
            check_same_thread=False,  # the pool hands a connection to one thread at a time
        )
        self.opened = True
        return connection


def _prepare(driver: Any, _entry: ConnectionPoolEntry) -> None:
    driver.isolation_level = None
    cursor = driver.cursor()
    cursor.execute(f"PRAGMA busy_timeout={transactions.PATIENCE_MS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    set_durability(cursor.execute)
    cursor.close()


def set_durability(execute: Any) -> None:
    """Sync as the journal needs it: a WAL survives a crash of the process with NORMAL."""
    journal = execute("PRAGMA journal_mode").fetchone()[0]
    execute(f"PRAGMA synchronous={'NORMAL' if journal == 'wal' else 'FULL'}")
