"""Transactions that start with the first write, so that reading locks nobody out.

The driver stays in autocommit; ``BEGIN`` is sent just before the first statement that
writes. On SQLite that is ``BEGIN IMMEDIATE``: a snapshot that is only upgraded later can
fail or lose updates. Its lock is waited for in Python, because a wait inside SQLite's C
code cannot be interrupted.
"""

from __future__ import annotations

import contextlib
import functools
import random
import sqlite3
import time
import weakref
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from ln_jupyter import advice, errors
from ln_jupyter.db import error_translation, events, forks, interrupts, sql_text
from ln_jupyter.db.events import takes_notes
from ln_jupyter.db.sqlite import errors as sqlite_errors
from ln_jupyter.db.sqlite import lock_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

LOCK_SECONDS = 30.0
"""How long a writer waits for another one."""

PATIENCE_MS = 5000
"""How long SQLite itself waits, for locks that are held for an instant."""

LONG_SECONDS = 2.0
"""Holding SQLite's write lock for longer than this is worth a remark."""

_SLICE_MS = 250
_ADVISORY_KEY = int.from_bytes(b"ln_wrt", "big")  # any constant that nobody else takes

_IN_ERROR = 3  # libpq's PQTRANS_INERROR, which psycopg and psycopg2 give as it is
_READ_ONLY = "25006"  # SQLSTATE: read only sql transaction

_lazy: weakref.WeakSet[sa.Dialect] = weakref.WeakSet()
"""Of the engines that `begin_lazily` was called for."""


_ASKS = frozenset({"isolation_level", "postgresql_readonly", "postgresql_deferrable"})
"""Execution options that ask for a kind of transaction."""


def begins_lazily(dialect: sa.Dialect) -> bool:
    """Return whether connections of this kind begin at the first write, as all do that are made here."""
    return dialect in _lazy


def begin_lazily(engine: sa.Engine) -> None:
    """Let the engine's connections, which are in autocommit, begin at the first write.

    Who asks for another isolation level, or in PostgreSQL for another kind of transaction, gets
    what SQLAlchemy gives: in AUTOCOMMIT none is begun, and else the driver begins it.
    """
    _lazy.add(engine.dialect)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "checkin", _put_in_autocommit)
    else:
        _leave_in_autocommit(engine.dialect)
    # Of the dialect, whose listeners are called; a listener of the engine has each connection
    # join the two sets of listeners anew, which takes as long as the statement of a short read.
    event.listen(engine, "do_execute", _before)
    event.listen(engine, "do_execute_no_params", _before_no_parameters)
    event.listen(engine, "do_executemany", _before_many)
    event.listen(engine, "reset", _reset)


def _before(cursor: Any, statement: str, parameters: object, context: Any) -> bool:
    connection = context.root_connection
    if _begins(connection, statement, context) or connection.dialect.name != "postgresql":
        return False
    return _read_alone(connection, lambda: cursor.execute(statement, parameters), context)


def _before_no_parameters(cursor: Any, statement: str, context: Any) -> bool:
    return _before(cursor, statement, None, context)


def _before_many(_cursor: object, statement: str, _parameters: object, context: Any) -> None:
    _begins(context.root_connection, statement, context)


def _begins(connection: sa.Connection, statement: str, context: Any) -> bool:
    """See to it that a statement is in a transaction if it needs one, or if somebody asked for that."""
    options = connection.get_execution_options()
    if options and not _ASKS.isdisjoint(options) and _begins_as_asked(connection):
        return True
    if not (
        sql_text.needs_transaction(statement)
        or (
            connection.dialect.name == "postgresql"
            and (sql_text.calls(statement) or sql_text.is_of_transaction(statement))
        )
    ):
        return False
    if not has_begun(connection):
        is_cast = context.compiled is not None and (context.isinsert or context.isupdate or context.isdelete)
        if is_cast and connection.dialect.name == "postgresql" and _driver(connection).autocommit:
            _driver(connection).begin_with_next()
        else:
            begin(connection)
    return True


def _reset(driver: Any, entry: ConnectionPoolEntry | None, state: PoolResetState) -> None:
    """Let a connection go back to the pool without a transaction, whatever ended it."""
    if entry is None:  # the pool has none for a connection that was detached from it
        return
    _release(entry.info)
    if entry.info.pop(_BEGINS, False) and not state.terminate_only:
        driver.rollback()  # to put it in autocommit commits
        driver.isolation_level = None


def has_to_begin(statement: str, dialect: sa.Dialect) -> bool:
    """Return whether a statement may write, or makes a savepoint, as far as its text tells."""
    return sql_text.needs_transaction(statement) or (dialect.name == "postgresql" and sql_text.calls(statement))


def begin_for_whoever_writes(connection: sa.Connection) -> None:
    """Let the driver begin by itself for what is sent past SQLAlchemy: in a session, that is of its transaction."""
    if not begins_lazily(connection.dialect) or commits_each_statement(connection) or has_begun(connection):
        return
    if connection.dialect.name == "postgresql":
        driver = _driver(connection)
        driver.autocommit, driver.reads_alone = False, True
    elif connection.dialect not in _shared:
        _driver(connection).isolation_level = "IMMEDIATE"
        connection.info[_BEGINS] = True


def _read_alone(connection: sa.Connection, execute: Callable[[], object], context: Any) -> bool:
    """Let a statement that seems to read hold nothing afterwards; PostgreSQL says if it wrote, by a view's function.

    Returns:
        Whether it was executed; else it belongs to the transaction that the driver begins with it.
    """
    driver = _driver(connection)
    if driver.autocommit or not driver.reads_alone or driver.info.transaction_status or context._is_server_side:
        return False
    driver.autocommit = True
    try:
        if sql_text.reads(context.statement):
            with driver.at_once():
                driver.execute("BEGIN READ ONLY")
                execute()
                driver.execute("COMMIT")
        else:
            execute()
    except BaseException as error:
        if not driver.closed:
            driver.rollback()
            driver.autocommit = False
        if getattr(error, "sqlstate", None) != _READ_ONLY:
            raise
        return False
    driver.autocommit = False
    return True


def _put_in_autocommit(driver: Any, _entry: ConnectionPoolEntry) -> None:
    if driver is not None and not driver.closed and not driver.autocommit:
        driver.autocommit = True


def _leave_in_autocommit(dialect: Any) -> None:
    """Let no isolation level change the mode of sqlite3: to put it in autocommit commits, and several may share it."""
    set_level = functools.partial(SQLiteDialect.set_isolation_level, dialect)  # past that of sqlite3's dialect

    def set_isolation_level(driver: Any, level: Any) -> None:
        if level != "AUTOCOMMIT":
            set_level(driver, level)

    dialect.set_isolation_level = set_isolation_level


def _begins_as_asked(connection: sa.Connection) -> bool:
    """Return whether its options decide on a transaction, and not what a statement does; see to it in that case."""
    if commits_each_statement(connection):
        return True
    if connection.dialect.name == "sqlite":  # which has one kind
        return False
    if is_in_autocommit(connection):  # psycopg begins with the next statement, as where SQLAlchemy makes the engine
        _driver(connection).autocommit = False
    return True


def begin_before_savepoints(engine: sa.Engine, is_watched: Callable[[sa.Connection], bool]) -> None:
    """Let a savepoint be inside a transaction, where sqlite3 itself begins none for it.

    The end of a savepoint that no transaction is around is a COMMIT.

    Args:
        engine: One of the user's, to a SQLite database.
        is_watched: Chooses the connections this is done for.
    """

    @event.listens_for(engine, "do_execute")
    @event.listens_for(engine, "do_execute_no_params")
    def _before(*arguments: Any) -> None:
        statement, connection = arguments[1], arguments[-1].root_connection
        if sql_text.is_savepoint(statement) and is_watched(connection):
            begin_for_real(connection)


def begin_for_real(connection: sa.Connection) -> None:
    """Begin a transaction that will write, if the database is in none, and it is not asked to commit each statement."""
    if not (commits_each_statement(connection) or has_begun(connection)):
        begin(connection)


def is_shared(connection: sa.Connection) -> bool:
    """Return whether others use the driver's connection, which therefore begins nothing by itself."""
    return connection.dialect in _shared


def is_in_autocommit(connection: sa.Connection) -> bool:
    """Return whether the driver begins nothing for the next statement, and nobody has begun."""
    return bool(getattr(_driver(connection), "autocommit", False)) and not has_begun(connection)


def commits_each_statement(connection: sa.Connection) -> bool:
    """Return whether its isolation level is AUTOCOMMIT, by the engine or by its own options."""
    return connection._is_autocommit_isolation()


_SAVEPOINTS = {"cockroachdb", "mariadb", "mssql", "mysql", "oracle", "postgresql", "sqlite"}


def has_savepoints(connection: sa.Connection) -> bool:
    """Return whether a part of the connection's transaction can be undone; unknown databases, such as DuckDB, have none."""
    return connection.dialect.name in _SAVEPOINTS and not commits_each_statement(connection)


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
        if not shared.is_begun_beside(connection.connection):
            yield
            return
    begin_for_real(connection)
    yield


def is_in_error(connection: sa.Connection) -> bool:
    """Return whether PostgreSQL would answer COMMIT with a rollback, as far as the driver knows by itself."""
    info = getattr(_driver(connection), "info", None)
    return getattr(info, "transaction_status", None) == _IN_ERROR


def has_begun(connection: sa.Connection) -> bool:
    """Return whether the driver's connection is inside a transaction."""
    driver = _driver(connection)
    if connection.dialect.name == "sqlite":
        shared = _shared.get(connection.dialect)
        return bool(driver.in_transaction) if shared is None else shared.is_begun_by(connection.connection)
    if connection.dialect.driver == "psycopg":
        return bool(driver.info.transaction_status)  # psycopg.pq.TransactionStatus.IDLE is 0
    return connection.in_transaction()


def begin(connection: sa.Connection, *then: str) -> None:
    """Begin a transaction that will write.

    Args:
        connection: Where none has begun.
        then: What is sent in the same message, on an engine of ours to PostgreSQL.

    Raises:
        DatabaseBusyError: If another SQLite writer does not end in time, or is this very thread.
    """
    driver = _driver(connection)
    if connection.dialect.name != "sqlite":
        if getattr(driver, "autocommit", False):
            _begin_driver(connection, then)
        elif begins_lazily(connection.dialect):
            driver.reads_alone = False  # it begins with whatever is next
        return
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


def _begin_driver(connection: sa.Connection, then: Iterable[str]) -> None:
    driver = _driver(connection)
    if not begins_lazily(connection.dialect):
        driver.execute("BEGIN")
        return
    try:
        driver.execute("; ".join(("BEGIN", *driver.settings(), *then)))
    except Exception as error:  # past SQLAlchemy, which would have it translated
        if driver.closed:
            connection.invalidate(error)
        raise error_translation.of_begin(connection.engine.url, error, is_lost=driver.closed) or error from error


def _took_lock(connection: sa.Connection) -> None:
    holder = lock_owner.note(connection.engine, _driver(connection))
    if (shared := _shared.get(connection.dialect)) is not None:
        shared.owner = weakref.ref(connection.connection)
    if connection.engine.url.database not in (None, "", ":memory:"):  # there nobody else could wait
        connection.info[_HOLDER] = holder
        if _end not in connection.dispatch.commit:  # which a connection that begins again has
            events.listen(connection, "commit", _end)
            events.listen(connection, "rollback", _end)


def wait_for_lock(
    connection: sa.Connection,
    statement: str,
    *,
    on_wait: Callable[[], None] = lambda: None,
    on_lock: Callable[[], None] = lambda: None,
) -> None:
    """Run a SQLite statement that needs a lock, and let Ctrl-C end the wait.

    Args:
        connection: Of a SQLite database.
        statement: Takes the lock, or fails.
        on_wait: Called each time it has failed, and may refuse to wait.
        on_lock: Called when it is taken, before those that share the connection can ask who has it.

    Raises:
        DatabaseBusyError: If the lock is not free in time.
    """
    driver = _driver(connection)
    shared = _shared.get(connection.dialect)
    turn = contextlib.nullcontext() if shared is None else shared.lock
    deadline = time.monotonic() + LOCK_SECONDS
    pause = 0.001
    (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()  # an engine of the user's has its own
    driver.execute(f"PRAGMA busy_timeout={_SLICE_MS}")
    try:
        with interrupts.allowed():
            while True:
                with turn:
                    if shared is not None:
                        shared.undo_what_is_left(connection.connection)
                    try:
                        if shared is not None and driver.in_transaction:
                            # not left to SQLite: of threads that share a connection, sqlite3 loses errors
                            raise sqlite3.OperationalError("another thread's transaction is not ended")  # noqa: TRY301
                        driver.execute(statement)
                    except sqlite3.OperationalError as error:
                        if not _is_busy(error) and not driver.in_transaction:
                            raise error_translation.meaning(connection.engine.url, error) or error from error
                        on_wait()
                        if time.monotonic() > deadline:
                            raise lock_owner.busy(connection.engine, LOCK_SECONDS) from error
                    else:
                        on_lock()
                        return
                time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - spreads waiters, hides nothing
                pause = min(2 * pause, 0.02)
    finally:
        driver.execute(f"PRAGMA busy_timeout={patience}")


def begin_to_undo(connection: sa.Connection) -> None:
    """Begin, where what a function writes would be committed otherwise: in a session that will undo it all.

    Args:
        connection: Of an engine that begins lazily.
    """
    if connection.dialect.name == "postgresql" and not has_begun(connection):
        begin(connection)


def has_lock(dialect: sa.Dialect) -> bool:
    """Return whether `lock_for_writing` knows a lock of this kind of database."""
    return dialect.name in ("sqlite", "postgresql")


def lock_for_writing(connection: sa.Connection) -> None:
    """Take the write lock now, so that what is read from here on cannot change before it is written.

    On SQLite it is the database's own lock; on PostgreSQL one advisory lock that all
    sessions with ``write=True`` share until they end.

    Raises:
        SessionError: If the database is neither, or there is no transaction to hold the lock.
    """
    name = connection.dialect.name
    if not has_lock(connection.dialect):
        msg = f"write=True is not known for {name}"
        raise errors.SessionError(msg, fix="leave it out, and lock rows by select(...).with_for_update()")
    if name == "postgresql" and commits_each_statement(connection):
        msg = (
            "write=True locks until its transaction ends, and this engine commits each statement by itself (AUTOCOMMIT)"
        )
        raise errors.SessionError(msg, fix="give it an engine without isolation_level='AUTOCOMMIT'")
    if name == "postgresql":
        _lock_postgresql(connection)
    elif not has_begun(connection):
        begin(connection)


def lock_rows(connection: sa.Connection) -> None:
    """Lock what a SELECT ... FOR UPDATE is about to read, where the database has no such statement.

    SQLite has one lock for all rows.
    """
    if connection.dialect.name == "sqlite" and not has_begun(connection):
        begin(connection)


def _lock_postgresql(connection: sa.Connection) -> None:
    """Let the connection's transaction hold the advisory lock, and see what was committed before.

    Above READ COMMITTED a transaction sees what was there at its first SELECT. If that is the
    one that waits for the lock, it sees nothing of whom it waited for. On engines of ours, a lock of
    the session is waited for before it begins. On others it does not wait, but ends where the lock
    is taken; another one waits for it and ends, and it begins anew. Of the moment between its first
    look and the lock, the database itself refuses a stale edit.
    """
    wait = sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_KEY))
    if not _will_see_one_moment(connection):
        if not has_begun(connection):
            begin(connection)
        connection.execute(wait)
        return
    if begins_lazily(connection.dialect):
        _begin_with_lock(connection)
        return
    _begin_anew(connection)
    while not connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_ADVISORY_KEY))):
        _begin_anew(connection)
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        connection.execute(wait)
        _begin_anew(connection)


def _begin_with_lock(connection: sa.Connection) -> None:
    """Begin a transaction that has the advisory lock, with no look at any row before.

    In one message, which a pooler sends to one server: the lock of the session outlives it nowhere.
    """
    driver = _driver(connection)
    driver.rollback()
    driver.reads_alone = False
    unlock = f"SELECT pg_advisory_unlock({_ADVISORY_KEY})"
    message = [
        *("BEGIN ISOLATION LEVEL READ COMMITTED", *driver.settings(), f"SELECT pg_advisory_lock({_ADVISORY_KEY})"),
        *("COMMIT", driver.begin_command, *driver.settings()),
        *(f"SELECT pg_advisory_xact_lock({_ADVISORY_KEY})", unlock),
    ]
    try:
        with driver.beginning():
            driver.execute("; ".join(message))
    except BaseException as error:
        if not driver.closed:
            with contextlib.suppress(Exception), driver.beginning():
                driver.execute(f"ROLLBACK; {unlock}")
        if not isinstance(error, Exception):
            raise
        raise error_translation.of_begin(connection.engine.url, error, is_lost=driver.closed) or error from error


def _will_see_one_moment(connection: sa.Connection) -> bool:
    """Return whether a transaction that this connection begins would be of one moment."""
    if has_begun(connection):
        return False  # it is too late
    return connection.exec_driver_sql("SHOW transaction_isolation").scalar() != "read committed"


def _begin_anew(connection: sa.Connection) -> None:
    """End the driver's transaction, which has written nothing, and begin the next one."""
    _driver(connection).rollback()
    begin(connection)


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


_BEGINS = "ln_begins"
_HOLDER = "ln_holder"
_HELD = "ln_held_seconds"


def held_seconds(info: dict[Any, Any]) -> float:
    """Add up how long a driver's connection, known by its *info*, has held SQLite's write lock until now."""
    holder = info.get(_HOLDER)
    return float(info.get(_HELD, 0.0)) + (0.0 if holder is None else time.monotonic() - holder.since)


@takes_notes
def _end(connection: sa.Connection) -> None:
    if not connection.invalidated:  # such as one whose server went away: asking it anything is an error
        _release(connection.info)


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
    """Return the driver's own connection: what is sent through it is ours, not a statement of the user's."""
    return connection.connection.dbapi_connection


def _is_busy(error: sqlite3.OperationalError) -> bool:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_BUSY)
    if code == sqlite3.SQLITE_BUSY_SNAPSHOT:
        return False  # it comes of what this connection itself still reads, and no waiting ends it
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
