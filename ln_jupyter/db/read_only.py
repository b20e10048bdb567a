"""The database itself refuses what a session that only reads would write: no statement shows what a function does.

Nothing is set that outlives a transaction: behind a pooler, a connection of the server is somebody else's next.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from ln_jupyter.db import backends, driver, internals, sql_text, transactions

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

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
        internals.listen_first_to_errors(connection.engine, _refuse)
        backends.get(connection.dialect).allow_writing(connection.engine)


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
        internals.listen(connection, "before_cursor_execute", self._begin)
        internals.listen(connection, "after_cursor_execute", self._commit)
        for end in ("commit", "rollback"):
            internals.listen(connection, end, self._end)

    def undo(self, connection: sa.Connection) -> None:
        """Leave the transaction of a statement that failed."""
        if self._is_of_statement:
            self._is_of_statement = False
            if not (connection.closed or connection.invalidated):
                driver.send(connection, "ROLLBACK")

    def _begin(self, connection: sa.Connection, _cursor: object, statement: str, *given: Any) -> None:
        _parameters, context, _is_many = given
        if sql_text.writes(statement):
            raise self.refusal(statement)
        backend = backends.get(connection.dialect)
        if backend.forbid_writing(connection, statement) or self._only_reads:
            return
        if backend.begin_read_only and _is_in_autocommit(connection):
            driver.send(connection, backend.begin_read_only)
            # a savepoint, and the rows of a cursor of the server, are there as long as their transaction
            self._is_of_statement = not (sql_text.is_savepoint(statement) or internals.is_server_side(context))
        elif backend.become_read_only:
            driver.send(connection, *backend.become_read_only)
        self._only_reads = not self._is_of_statement

    def _commit(self, connection: sa.Connection, *_: Any) -> None:
        if self._is_of_statement:
            self._is_of_statement = False
            driver.send(connection, "COMMIT")

    def _end(self, connection: sa.Connection) -> None:
        self.undo(connection)
        self._only_reads = False


def _is_in_autocommit(connection: sa.Connection) -> bool:
    """Return whether each statement would commit by itself."""
    if transactions.begins_lazily(connection.dialect):
        return transactions.is_in_autocommit(connection)
    return internals.commits_each_statement(connection)


def _refuse(context: sa.engine.ExceptionContext) -> None:
    """Say that a session only reads, where the database has said so in its own words."""
    connection = context.connection
    found = None if connection is None else _guards.get(connection)
    if found is None or connection is None:
        return
    found.undo(connection)
    if backends.get(connection.dialect).is_refusal_to_write(connection, context.original_exception):
        raise found.refusal(context.statement or "") from context.original_exception
