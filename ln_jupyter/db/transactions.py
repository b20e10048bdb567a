"""Transactions that start with the first write, so that reading locks nobody out.

The driver stays in autocommit; ``BEGIN`` is sent just before the first statement that
writes. On SQLite that is ``BEGIN IMMEDIATE``: a snapshot that is only upgraded later can
fail or lose updates. Its lock is waited for in Python, because a wait inside SQLite's C
code cannot be interrupted.
"""

from __future__ import annotations

import functools
import os
import random
import re
import sqlite3
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from ln_jupyter import callsite, errors
from ln_jupyter.db import advice, faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

LOCK_SECONDS = 30.0
"""How long a writer waits for another one."""

PATIENCE_MS = 5000
"""How long SQLite itself waits, for locks that are held for an instant."""

LONG_SECONDS = 2.0
"""Holding SQLite's write lock for longer than this is worth a remark."""

_SLICE_MS = 250
_ADVISORY_KEY = int.from_bytes(b"ln_wrt", "big")  # any constant that nobody else takes

_NOT_CODE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]\n]*\]|--[^\n]*|/\*.*?\*/", re.DOTALL)
_READS = {"SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN", "("}
_NO_TRANSACTION = {
    *("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"),
    *("PRAGMA", "ATTACH", "DETACH", "VACUUM", "SET", "RESET", "SHOW", "DISCARD", "LISTEN", "UNLISTEN"),
}
_WRITES_INSIDE = re.compile(
    r"\b(?:INSERT|REPLACE|MERGE|INTO|UPDATE|DELETE|FOR\s+(?:NO\s+KEY\s+|KEY\s+)?SHARE)\b", re.IGNORECASE
)
_REPLACE_FUNCTION = re.compile(r"\bREPLACE\s*\(", re.IGNORECASE)


@functools.lru_cache(maxsize=4096)
def writes(statement: str) -> bool:
    """Say whether a SQL statement has to run inside a transaction of its writer.

    Errs towards True: a transaction too many costs little, one too few loses a rollback.

    Example:
        >>> writes("/* why */ WITH a AS (SELECT 'delete') SELECT * FROM a")
        False
        >>> writes("WITH a AS (SELECT 1) DELETE FROM b")
        True
        >>> writes("SELECT * FROM a FOR UPDATE")
        True
    """
    code = _NOT_CODE.sub(" '' ", statement)
    first = re.search(r"[A-Za-z]+|\(", code)
    if first is None:
        return False
    word = first[0].upper()
    if word in _NO_TRANSACTION:
        return False
    return word not in _READS or _WRITES_INSIDE.search(_REPLACE_FUNCTION.sub("(", code)) is not None


def begin_lazily(engine: sa.Engine) -> None:
    """Let the engine's connections, which are in autocommit, begin at the first write."""

    @event.listens_for(engine, "before_cursor_execute")
    def _before(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if writes(statement) and not has_begun(connection):
            begin(connection)

    @event.listens_for(engine, "savepoint")
    def _savepoint(connection: sa.Connection, _name: str) -> None:
        if not has_begun(connection):
            begin(connection)

    @event.listens_for(engine, "commit")
    @event.listens_for(engine, "rollback")
    def _end(connection: sa.Connection) -> None:
        if not connection.invalidated:  # such as one whose server went away: asking it anything is an error
            _release(connection.info)

    @event.listens_for(engine, "reset")  # whatever ended it, a connection goes back to the pool without a transaction
    def _reset(_driver: object, entry: ConnectionPoolEntry | None, _state: PoolResetState) -> None:
        if entry is not None:  # the pool has none for a connection that was detached from it
            _release(entry.info)


def has_begun(connection: sa.Connection) -> bool:
    """Say whether the driver's connection is inside a transaction."""
    driver = _driver(connection)
    if connection.dialect.name == "sqlite":
        return bool(driver.in_transaction)
    if connection.dialect.driver == "psycopg":
        return bool(driver.info.transaction_status)  # psycopg.pq.TransactionStatus.IDLE is 0
    return connection.in_transaction()


def begin(connection: sa.Connection) -> None:
    """Begin a transaction that will write.

    Raises:
        DatabaseBusyError: If another SQLite writer does not end in time, or is this very thread.
    """
    driver = _driver(connection)
    if connection.dialect.name != "sqlite":
        driver.execute("BEGIN")
        return
    path = str(connection.engine.url.database or id(connection.engine))

    def refuse_to_wait_for_ourselves() -> None:
        holder = _holders.get(path)
        if holder is not None and holder.blocks(driver):
            raise _locked_by_ourselves(path, holder)

    wait_for_lock(connection, "BEGIN IMMEDIATE", on_wait=refuse_to_wait_for_ourselves)
    holder = _Holder(driver, os.getpid(), threading.get_ident(), callsite.current(), time.monotonic())
    _holders[path] = holder
    if connection.engine.url.database not in (None, "", ":memory:"):  # there nobody else could wait
        connection.info[_HOLDER] = holder


def wait_for_lock(connection: sa.Connection, statement: str, *, on_wait: Callable[[], None] = lambda: None) -> None:
    """Run a SQLite statement that needs a lock, and let Ctrl-C end the wait.

    Raises:
        DatabaseBusyError: If the lock is not free in time.
    """
    driver = _driver(connection)
    deadline = time.monotonic() + LOCK_SECONDS
    pause = 0.001
    driver.execute(f"PRAGMA busy_timeout={_SLICE_MS}")
    try:
        while True:
            try:
                driver.execute(statement)
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise faults.meaning(connection.engine.url, error) or error from error
                on_wait()
                if time.monotonic() > deadline:
                    name = connection.engine.url.database
                    msg = f"another session has held the write lock of {name} for {LOCK_SECONDS:.0f} s"
                    fix = "end the cell or kernel that holds it, then run this again"
                    raise errors.DatabaseBusyError(msg, fix=fix) from error
            else:
                return
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - spreads waiters, hides nothing
            pause = min(2 * pause, 0.02)
    finally:
        driver.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")


def lock_for_writing(connection: sa.Connection) -> None:
    """Take the write lock now, so that what is read from here on cannot change before it is written.

    On SQLite it is the database's own lock; on PostgreSQL one advisory lock that all
    sessions with ``write=True`` share until they end.

    Raises:
        SessionError: If the database is neither.
    """
    name = connection.dialect.name
    if name not in ("sqlite", "postgresql"):
        msg = f"write=True is not known for {name}"
        raise errors.SessionError(msg, fix="leave it out, and lock rows by select(...).with_for_update()")
    if not has_begun(connection):
        begin(connection)
    if name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_KEY)))


@dataclass(frozen=True)
class _Holder:
    """Who of this process took a database's write lock last."""

    driver: Any
    pid: int
    thread: int
    line: callsite.Line | None
    since: float

    def blocks(self, driver: object) -> bool:
        """Say whether waiting for it would be waiting for ourselves."""
        if self.driver is driver or (self.pid, self.thread) != (os.getpid(), threading.get_ident()):
            return False
        try:
            return bool(self.driver.in_transaction)
        except sqlite3.ProgrammingError:  # closed since
            return False


_holders: dict[str, _Holder] = {}
_HOLDER = "ln_holder"
_HELD = "ln_held_seconds"


def held_seconds(info: dict[Any, Any]) -> float:
    """Add up how long a driver's connection, known by its *info*, has held SQLite's write lock until now."""
    holder = info.get(_HOLDER)
    return float(info.get(_HELD, 0.0)) + (0.0 if holder is None else time.monotonic() - holder.since)


def _release(info: dict[Any, Any]) -> None:
    holder = info.pop(_HOLDER, None)
    if holder is None:
        return
    seconds = time.monotonic() - holder.since
    info[_HELD] = info.get(_HELD, 0.0) + seconds
    if seconds > LONG_SECONDS:
        where = "" if holder.line is None else f", from {holder.line}"
        advice.give(f"SQLite's write lock was held for {seconds:.1f} s{where} · nobody else could write meanwhile")


def _driver(connection: sa.Connection) -> Any:
    """Give the driver's own connection: what is sent through it is ours, not a statement of the user's."""
    return connection.connection.dbapi_connection


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _locked_by_ourselves(path: str, holder: _Holder) -> errors.DatabaseBusyError:
    msg = f"another session of this process holds the write lock of {path}"
    if holder.line is not None:
        msg += f"; it wrote first at {holder.line}"
    return errors.DatabaseBusyError(
        msg, fix="commit or close that session first, or do both in one `with ln.Session():`"
    )
