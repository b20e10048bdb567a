"""SQLite's one write lock: taken before the first write, waited for in Python, and of one thread where several share a connection.

A snapshot that is only upgraded to write can fail or lose updates, so a transaction begins with ``BEGIN IMMEDIATE``.
A wait inside SQLite's C code could not be interrupted.
"""

from __future__ import annotations

import contextlib
import functools
import random
import sqlite3
import time
import weakref
from typing import TYPE_CHECKING, Any

from ln_jupyter import advice, errors
from ln_jupyter.db import driver, error_translation, forks, internals, interrupts, limits
from ln_jupyter.db.events import takes_notes
from ln_jupyter.db.sqlite import errors as sqlite_errors
from ln_jupyter.db.sqlite import lock_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import sqlalchemy as sa

PATIENCE_MS = 5000
"""How long SQLite itself waits, for locks that are held for an instant."""

LONG_SECONDS = 2.0
"""Holding the write lock for longer than this is worth a remark."""

_SLICE_MS = 250


def has_begun(connection: sa.Connection) -> bool:
    """Return whether the driver's connection is inside a transaction, and not in that of another one who shares it."""
    shared = _shared.get(connection.dialect)
    if shared is None:
        return bool(driver.connection_of(connection).in_transaction)
    return shared.is_begun_by(driver.lent(connection))


def begin(connection: sa.Connection) -> None:
    """Begin a transaction that will write.

    Raises:
        DatabaseBusyError: If another writer does not end in time, or is this very thread.
    """
    engine, began = connection.engine, time.monotonic()
    try:
        wait_for_lock(
            connection,
            "BEGIN IMMEDIATE",
            on_wait=lambda: lock_owner.refuse_ourselves(engine, time.monotonic() - began),
            on_lock=lambda: _took_lock(connection),
        )
    except errors.DatabaseError as error:
        if sqlite_errors.is_read_only(error.__cause__ or error):
            connection.invalidate()  # here it is the -shm that was opened like this, for all connections of the process
            engine.pool.dispose()
        raise


def _took_lock(connection: sa.Connection) -> None:
    holder = lock_owner.note(connection.engine, driver.connection_of(connection))
    if (shared := _shared.get(connection.dialect)) is not None:
        shared.owner = weakref.ref(driver.lent(connection))
    if connection.engine.url.database not in (None, "", ":memory:"):  # there nobody else could wait
        connection.info[_HOLDER] = holder
        if _end not in connection.dispatch.commit:  # which a connection that begins again has
            internals.listen(connection, "commit", _end)
            internals.listen(connection, "rollback", _end)


def wait_for_lock(
    connection: sa.Connection,
    statement: str,
    *,
    on_wait: Callable[[], None] = lambda: None,
    on_lock: Callable[[], None] = lambda: None,
) -> None:
    """Run a statement that needs a lock, and let Ctrl-C end the wait.

    Args:
        connection: Where it is sent.
        statement: Takes the lock, or fails.
        on_wait: Called each time it has failed, and may refuse to wait.
        on_lock: Called when it is taken, before those that share the connection can ask who has it.

    Raises:
        DatabaseBusyError: If the lock is not free in time.
    """
    sqlite = driver.connection_of(connection)
    shared = _shared.get(connection.dialect)
    turn = contextlib.nullcontext() if shared is None else shared.lock
    deadline = time.monotonic() + limits.LOCK_SECONDS
    pause = 0.001
    (patience,) = sqlite.execute("PRAGMA busy_timeout").fetchone()  # an engine of the user's has its own
    sqlite.execute(f"PRAGMA busy_timeout={_SLICE_MS}")
    try:
        with interrupts.allowed():
            while True:
                with turn:
                    if shared is not None:
                        shared.undo_what_is_left(driver.lent(connection))
                    try:
                        if shared is not None and sqlite.in_transaction:
                            # not left to SQLite: of threads that share a connection, sqlite3 loses errors
                            raise sqlite3.OperationalError("another thread's transaction is not ended")  # noqa: TRY301
                        sqlite.execute(statement)
                    except sqlite3.OperationalError as error:
                        if not _is_busy(error) and not sqlite.in_transaction:
                            raise _explained(connection, error) from error
                        on_wait()
                        if time.monotonic() > deadline:
                            raise lock_owner.busy(connection.engine, limits.LOCK_SECONDS) from error
                    else:
                        on_lock()
                        return
                time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - spreads waiters, hides nothing
                pause = min(2 * pause, 0.02)
    finally:
        sqlite.execute(f"PRAGMA busy_timeout={patience}")


def _explained(connection: sa.Connection, error: sqlite3.Error) -> Exception:
    url = connection.engine.url
    found = sqlite_errors.meaning(url, error)
    return error if found is None else error_translation.error_of(url, found)


def is_shared(connection: sa.Connection) -> bool:
    """Return whether others use the driver's connection, which therefore begins nothing by itself."""
    return connection.dialect in _shared


@contextlib.contextmanager
def undisturbed(connection: sa.Connection) -> Iterator[None]:
    """Read nothing that others who share the connection may undo: wait for the one that has begun, and let nobody begin.

    Raises:
        DatabaseBusyError: If somebody has begun and does not end in time, or is this very thread.
    """
    shared = _shared.get(connection.dialect)
    if shared is None:
        yield
        return
    with shared.lock:
        if not shared.is_begun_beside(driver.lent(connection)):
            yield
            return
    if not (internals.commits_each_statement(connection) or has_begun(connection)):
        begin(connection)
    yield


class _Shared:
    """A connection that several use at once: a transaction is of the one that began it, and the others let it be.

    Attributes:
        lock: Held while a transaction begins or ends, or somebody asks whose it is: a thread that
            acts on what was so a moment ago would end another one's, or write in none.
        owner: Whom the pool has lent the connection to that began; None where nobody has.
    """

    def __init__(self) -> None:
        self.lock = forks.Lock()
        self.owner: Callable[[], object] | None = None

    def is_begun_by(self, lent: Any) -> bool:
        """Return whether the connection is in a transaction, and not in that of another one beside *lent*."""
        with self.lock:
            return not self.is_begun_beside(lent) and bool(lent.in_transaction)

    def is_begun_beside(self, lent: Any) -> bool:
        """Return whether it is in a transaction of another one beside *lent*."""
        with self.lock:
            self.undo_what_is_left(lent)
            return bool(lent.in_transaction) and self.owner is not None and self.owner() is not lent

    def end(self, end: Callable[[Any], None], lent: Any) -> None:
        """Let *end* commit or roll back, if the transaction is not that of another one beside *lent*."""
        with self.lock:
            self.undo_what_is_left(lent)
            if self.owner is None or self.owner() is lent:
                end(lent)
                self.owner = None

    def undo_what_is_left(self, lent: Any) -> None:
        """Roll back what somebody began who is gone: it was not committed."""
        if self.owner is not None and self.owner() is None:
            lent.rollback()
            self.owner = None


_shared: weakref.WeakKeyDictionary[sa.Dialect, _Shared] = weakref.WeakKeyDictionary()


def share_one_connection(engine: sa.Engine) -> None:
    """Let those who use the one connection of a database in memory end no transaction but their own."""
    dialect: Any = engine.dialect
    shared = _shared[dialect] = _Shared()
    dialect.do_commit = functools.partial(shared.end, dialect.do_commit)
    dialect.do_rollback = functools.partial(shared.end, dialect.do_rollback)


_HOLDER = "ln_holder"
_HELD = "ln_held_seconds"


def held_seconds(info: dict[Any, Any]) -> float:
    """Add up how long a driver's connection, known by its *info*, has held SQLite's write lock until now."""
    holder = info.get(_HOLDER)
    return float(info.get(_HELD, 0.0)) + (0.0 if holder is None else time.monotonic() - holder.since)


@takes_notes
def _end(connection: sa.Connection) -> None:
    if not connection.invalidated:  # such as one whose server went away: asking it anything is an error
        release(connection.info)


def release(info: dict[Any, Any]) -> None:
    """Note that a driver's connection, known by its *info*, holds the lock no longer."""
    holder = info.pop(_HOLDER, None)
    if holder is None:
        return
    seconds = time.monotonic() - holder.since
    info[_HELD] = info.get(_HELD, 0.0) + seconds
    if seconds > LONG_SECONDS:
        where = "" if holder.line is None else f", from {holder.line}"
        advice.give(f"SQLite's write lock was held for {seconds:.1f} s{where} · nobody else could write meanwhile")


def _is_busy(error: sqlite3.OperationalError) -> bool:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_BUSY)
    if code == sqlite3.SQLITE_BUSY_SNAPSHOT:
        return False  # it comes of what this connection itself still reads, and no waiting ends it
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
