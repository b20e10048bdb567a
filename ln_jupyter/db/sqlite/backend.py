"""What SQLite does its own way: one lock for all who write, and a driver that begins for rows only."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import sqlite

from ln_jupyter.db import driver, internals, sql_text
from ln_jupyter.db.backend import Backend, Found, savepoint_of_mark
from ln_jupyter.db.sqlite import engine as engines
from ln_jupyter.db.sqlite import locks

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

_BEGINS = "ln_begins"
_QUERIES_ONLY = "ln_queries_only"
_NO_SUCH_SAVEPOINT = "no such savepoint"


class SQLite(Backend):
    """SQLite through sqlite3, from a URL or in an engine of the user's."""

    has_savepoints = marks_with_savepoint = True
    has_write_lock = True
    begins_at_write = True
    needs_transaction = staticmethod(sql_text.needs_transaction)  # each statement asks

    def create_engine(self, url: sa.URL, *, within: Path | None = None) -> sa.Engine:
        """Make the engine of a file, or of a database in memory that the process shares."""
        engine = engines.create(url, within=within)
        event.listen(engine, "reset", _reset)
        return engine

    def has_begun(self, connection: sa.Connection) -> bool:
        """Return whether the driver's connection is in a transaction, and not in that of another who shares it."""
        return locks.has_begun(connection)

    def begin(self, connection: sa.Connection) -> None:
        """Begin a transaction that will write.

        Raises:
            DatabaseBusyError: If another writer does not end in time, or is this very thread.
        """
        locks.begin(connection)

    def let_driver_begin(self, connection: sa.Connection) -> None:
        """Let sqlite3 begin by itself, unless others share its connection."""
        if not locks.is_shared(connection):
            driver.connection_of(connection).isolation_level = "IMMEDIATE"
            connection.info[_BEGINS] = True

    def begin_before_savepoints(self, engine: sa.Engine, is_watched: Callable[[sa.Connection], bool]) -> None:
        """Begin before a savepoint, for which sqlite3 begins nothing: the end of an outermost savepoint is a COMMIT."""

        @event.listens_for(engine, "do_execute")
        @event.listens_for(engine, "do_execute_no_params")
        def _before(*arguments: Any) -> None:
            statement, connection = arguments[1], arguments[-1].root_connection
            if sql_text.is_savepoint(statement) and is_watched(connection):
                self._begin_for_real(connection)

    def begin_to_undo(self, connection: sa.Connection, statement: str) -> None:
        """Begin before what makes or changes a table, for which sqlite3 begins nothing."""
        if sql_text.writes(statement):
            self._begin_for_real(connection)

    def begin_snapshot(self, connection: sa.Connection) -> None:
        """Let whatever is read from here on be of one moment; without a WAL, writers wait for its end.

        Raises:
            DatabaseBusyError: If a writer to a file without a WAL does not end in time.
        """
        driver.connection_of(connection).execute("BEGIN")  # and the first read makes it a snapshot
        locks.wait_for_lock(connection, "SELECT count(*) FROM sqlite_master")

    def has_ended(self, connection: sa.Connection, error: BaseException) -> bool:
        """Return whether the transaction is gone: after errors of a disk, and where a table or trigger says ROLLBACK."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # what is no SQL began nothing
        return code & 0xFF != sqlite3.SQLITE_ERROR and not driver.connection_of(connection).in_transaction

    def lock_for_writing(self, connection: sa.Connection) -> None:
        """Take the database's own lock.

        Raises:
            DatabaseBusyError: If another writer does not end in time, or is this very thread.
        """
        if not self.has_begun(connection):
            self.begin(connection)

    def lock_rows(self, connection: sa.Connection) -> None:
        """Take the lock of all rows; there is no other."""
        self.lock_for_writing(connection)

    def is_shared(self, connection: sa.Connection) -> bool:
        """Return whether others use the driver's connection, as of a database in memory."""
        return locks.is_shared(connection)

    def undisturbed(self, connection: sa.Connection) -> contextlib.AbstractContextManager[None]:
        """Wait for whoever shares the connection and has begun, and let nobody begin meanwhile."""
        return locks.undisturbed(connection)

    def forbid_writing(self, connection: sa.Connection, statement: str) -> bool:
        """Forbid writing until the pool gets the connection back; not where others share it."""
        if not isinstance(connection.engine.pool, (sa.StaticPool, sa.pool.SingletonThreadPool)):
            lent = driver.connection_of(connection)
            if lent.execute("PRAGMA query_only").fetchone() == (0,):
                lent.execute("PRAGMA query_only=ON")
                connection.info[_QUERIES_ONLY] = True
            if sql_text.is_savepoint(statement) and not self.has_begun(connection):
                lent.execute("BEGIN")  # before somebody begins as for a savepoint that writes
        return True

    def allow_writing(self, engine: sa.Engine) -> None:
        """Let connections write again when they go back to their pool."""
        event.listen(engine, "reset", _allow_writing)

    def is_refusal_to_write(self, connection: sa.Connection, error: BaseException) -> bool:
        """Return whether `forbid_writing` is why the database has refused."""
        is_read_only = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY
        return is_read_only and _QUERIES_ONLY in connection.info

    def leave_mark(self, connection: sa.Connection, number: int) -> int:
        """Leave a savepoint, which goes with the transaction, and a number that a rollback takes back and a commit does not."""
        lent = driver.connection_of(connection)
        if not lent.in_transaction:  # sqlite3 begins later, and outermost savepoints end in a COMMIT
            lent.execute("BEGIN")
        lent.execute(f"SAVEPOINT {savepoint_of_mark(number)}")
        lent.execute(f"PRAGMA temp.user_version={number}")
        return number

    def leave_light_mark(self, connection: sa.Connection, number: int) -> Any:
        """Remember what was written so far, where none has begun: to begin would lock, or keep to an old snapshot."""
        return self.leave_mark(connection, number) if self.has_begun(connection) else _written(connection)

    def has_light_mark(self, connection: sa.Connection, mark: Any) -> bool:
        """Return whether nothing was written since, undone or not."""
        return bool(_written(connection) == mark)

    def find_mark(self, connection: sa.Connection, mark: int) -> Found:
        """Look for the savepoint, and where it is gone for the number."""
        try:
            driver.send(connection, f"RELEASE SAVEPOINT {savepoint_of_mark(mark)}")
        except sqlite3.Error as error:
            if _NO_SUCH_SAVEPOINT not in str(error):
                raise
            (newest,) = driver.send(connection, "PRAGMA temp.user_version")
            return "commit" if newest == mark else "rollback" if newest < mark else "lost"  # that of who shares it
        return "kept"

    def _insert(self, table: sa.Table) -> Any:
        return sqlite.insert(table)

    def _begin_for_real(self, connection: sa.Connection) -> None:
        if not (internals.commits_each_statement(connection) or self.has_begun(connection)):
            self.begin(connection)


def _written(connection: sa.Connection) -> tuple[int, int]:
    """Return what SQLite counts of what is written: rows, by this connection, and changes of tables."""
    lent = driver.connection_of(connection)
    return lent.total_changes, lent.execute("PRAGMA schema_version").fetchone()[0]


def _reset(lent: Any, entry: ConnectionPoolEntry | None, state: PoolResetState) -> None:
    """Let a connection go back to the pool without a transaction, whatever ended it."""
    if entry is None:  # the pool has none for a connection that was detached from it
        return
    locks.release(entry.info)
    if entry.info.pop(_BEGINS, False) and not state.terminate_only:
        lent.rollback()  # to put it in autocommit commits
        lent.isolation_level = None


def _allow_writing(lent: Any, entry: ConnectionPoolEntry | None, _state: PoolResetState) -> None:
    if entry is not None and entry.info.pop(_QUERIES_ONLY, False):
        lent.execute("PRAGMA query_only=OFF")
