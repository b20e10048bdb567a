"""The database itself refuses what a session that only reads would write: no statement shows what a function does.

Nothing is set that outlives a transaction: behind a pooler, a connection of the server is somebody else's next.
"""

from __future__ import annotations

import contextlib
import sqlite3
import weakref
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from ln_jupyter.db import events, sql_text, transactions

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

_BEGIN = {
    "postgresql": "BEGIN READ ONLY",
    "mysql": "START TRANSACTION READ ONLY",
    "mariadb": "START TRANSACTION READ ONLY",
    "duckdb": "BEGIN TRANSACTION READ ONLY",
}
"""Of the databases that know transactions which only read."""

_SQLSTATE = "25006"  # read_only_sql_transaction
_MYSQL_ERROR = 1792  # ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION

_guards: weakref.WeakKeyDictionary[sa.Connection, _Guard] = weakref.WeakKeyDictionary()
_watched: weakref.WeakSet[sa.Dialect] = weakref.WeakSet()


def guard(connection: sa.Connection, refusal: Callable[[str], Exception]) -> None:
    """Refuse to write on a connection until it is closed: before it is sent what shows it, and the rest by the database.

    Args:
        connection: Of a session.
        refusal: Makes the error for a statement.
    """
    if connection in _guards:  # a savepoint begins on it
        return
    _guards[connection] = _Guard(connection, refusal)
    if connection.dialect not in _watched:
        _watched.add(connection.dialect)
        events.listen_first_to_errors(connection.engine, _refuse)
        if connection.dialect.name == "sqlite":
            event.listen(connection.engine, "reset", _let_write)


class _Guard:
    """Lets the transactions of one connection only read.

    Where each statement commits by itself, it gets a transaction of its own: a longer one would hold locks
    until the session ends.
    """

    def __init__(self, connection: sa.Connection, refusal: Callable[[str], Exception]) -> None:
        self.refusal = refusal
        self._only_reads = False
        self._is_of_statement = False
        # of this connection only, and before the engine's own, which would wait for the write lock
        events.listen(connection, "before_cursor_execute", self._begin)
        events.listen(connection, "after_cursor_execute", self._commit)
        for end in ("commit", "rollback"):
            events.listen(connection, end, self._end)

    def undo(self, connection: sa.Connection) -> None:
        """Leave the transaction of a statement that failed."""
        if self._is_of_statement:
            self._is_of_statement = False
            if not (connection.closed or connection.invalidated):
                _send(connection, "ROLLBACK")

    def _begin(self, connection: sa.Connection, _cursor: object, statement: str, *given: Any) -> None:
        _parameters, context, _is_many = given
        if sql_text.writes(statement):
            raise self.refusal(statement)
        name = connection.dialect.name
        if name == "sqlite":
            _forbid_in_sqlite(connection, statement)
        elif self._only_reads:
            return
        elif name in _BEGIN and _is_in_autocommit(connection):
            _send(connection, _BEGIN[name])
            # a savepoint, and the rows of a cursor of the server, are there as long as their transaction
            self._is_of_statement = not (sql_text.is_savepoint(statement) or context._is_server_side)
        elif name == "postgresql":
            _send(connection, "SET TRANSACTION READ ONLY")
        elif name == "duckdb":  # whose driver has begun, and which knows no SET TRANSACTION
            _send(connection, "ROLLBACK", _BEGIN[name])
        elif name in _BEGIN:
            _send(connection, _BEGIN[name])
        self._only_reads = not self._is_of_statement

    def _commit(self, connection: sa.Connection, *_: Any) -> None:
        if self._is_of_statement:
            self._is_of_statement = False
            _send(connection, "COMMIT")

    def _end(self, connection: sa.Connection) -> None:
        self.undo(connection)
        self._only_reads = False


def _is_in_autocommit(connection: sa.Connection) -> bool:
    """Return whether each statement would commit by itself."""
    if transactions.begins_lazily(connection.dialect):
        return transactions.is_in_autocommit(connection)
    return transactions.commits_each_statement(connection)


def _send(connection: sa.Connection, *statements: str) -> None:
    """Send what is ours past the connection's listeners."""
    with contextlib.closing(connection.connection.cursor()) as cursor:
        for each in statements:
            cursor.execute(each)


_QUERIES_ONLY = "ln_queries_only"


def _forbid_in_sqlite(connection: sa.Connection, statement: str) -> None:
    """Forbid writing until the pool gets the connection back; not where others share it."""
    if isinstance(connection.engine.pool, (sa.StaticPool, sa.pool.SingletonThreadPool)):
        return
    driver: Any = connection.connection.dbapi_connection
    if driver.execute("PRAGMA query_only").fetchone() == (0,):
        driver.execute("PRAGMA query_only=ON")
        connection.info[_QUERIES_ONLY] = True
    if sql_text.is_savepoint(statement) and not transactions.has_begun(connection):
        driver.execute("BEGIN")  # before somebody begins as for a savepoint that writes


def _let_write(driver: Any, entry: ConnectionPoolEntry | None, _state: PoolResetState) -> None:
    if entry is not None and entry.info.pop(_QUERIES_ONLY, False):
        driver.execute("PRAGMA query_only=OFF")


def _refuse(context: sa.engine.ExceptionContext) -> None:
    """Say that a session only reads, where the database has said so in its own words."""
    connection = context.connection
    found = None if connection is None else _guards.get(connection)
    if found is None or connection is None:
        return
    found.undo(connection)
    if _is_refusal(connection, context.original_exception):
        raise found.refusal(context.statement or "") from context.original_exception


def _is_refusal(connection: sa.Connection, error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        is_read_only = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY
        return is_read_only and _QUERIES_ONLY in connection.info
    if connection.dialect.name == "duckdb":  # which has no codes
        return "read-only" in str(error)
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state == _SQLSTATE or _MYSQL_ERROR in error.args[:1]
