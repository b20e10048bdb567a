"""Transactions that start with the first write, so that reading locks nobody out.

The driver stays in autocommit; ``BEGIN`` is sent just before the first statement that writes.
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event

from ln_jupyter.db import backends, driver, internals, limits

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable

T = TypeVar("T")

_CONFLICTS = {"40001", "40P01"}  # SQLSTATE: serialization failure, deadlock detected

_LONGEST_PAUSE = 1.0  # seconds, in which those that collided are spread

_log = logging.getLogger(__name__)

_ASKS = frozenset({"isolation_level", "postgresql_readonly", "postgresql_deferrable"})
"""Execution options that ask for a kind of transaction."""


def begins_lazily(dialect: sa.Dialect) -> bool:
    """Return whether connections of this kind begin at the first write, as all do that are made here."""
    return dialect in driver.lazy


def begins_at_write(dialect: sa.Dialect) -> bool:
    """Return whether connections of this kind begin no earlier than at the first write, in users' engines too."""
    return dialect in driver.lazy or backends.get(dialect).begins_at_write


def begin_lazily(engine: sa.Engine) -> None:
    """Let the engine's connections, which are in autocommit, begin at the first write.

    Who asks for another isolation level, or in PostgreSQL for another kind of transaction, gets
    what SQLAlchemy gives: in AUTOCOMMIT none is begun, and else the driver begins it.
    """
    driver.lazy.add(engine.dialect)
    backend = backends.get(engine.dialect)

    def begins(connection: sa.Connection, statement: str, context: Any) -> bool:
        """See to it that a statement is in a transaction if it needs one, or if somebody asked for that."""
        options = connection.get_execution_options()
        if (
            options
            and not _ASKS.isdisjoint(options)
            and (internals.commits_each_statement(connection) or backend.begin_as_asked(connection))
        ):
            return True
        if not backend.needs_transaction(statement):
            return False
        if not backend.has_begun(connection):
            is_cast = context.compiled is not None and (context.isinsert or context.isupdate or context.isdelete)
            backend.begin_with(connection, is_cast=is_cast)
        return True

    def before(cursor: Any, statement: str, parameters: object, context: Any) -> bool:
        connection = context.root_connection
        if begins(connection, statement, context) or not backend.reads_alone:
            return False
        return backend.execute_alone(connection, lambda: cursor.execute(statement, parameters), context)

    def before_no_parameters(cursor: Any, statement: str, context: Any) -> bool:
        return before(cursor, statement, None, context)

    def before_many(_cursor: object, statement: str, _parameters: object, context: Any) -> None:
        begins(context.root_connection, statement, context)

    # Of the dialect, whose listeners are called; a listener of the engine has each connection
    # join the two sets of listeners anew, which takes as long as the statement of a short read.
    event.listen(engine, "do_execute", before)
    event.listen(engine, "do_execute_no_params", before_no_parameters)
    event.listen(engine, "do_executemany", before_many)


def begin_for_whoever_writes(connection: sa.Connection) -> None:
    """Let the driver begin by itself for what is sent past SQLAlchemy: in a session, that is of its transaction."""
    if (
        begins_lazily(connection.dialect)
        and not internals.commits_each_statement(connection)
        and not has_begun(connection)
    ):
        backends.get(connection.dialect).let_driver_begin(connection)


def begin_for_real(connection: sa.Connection) -> None:
    """Begin a transaction that will write, if the database is in none, and it is not asked to commit each statement."""
    if not (internals.commits_each_statement(connection) or has_begun(connection)):
        begin(connection)


def is_in_autocommit(connection: sa.Connection) -> bool:
    """Return whether the driver begins nothing for the next statement, and nobody has begun."""
    return bool(getattr(driver.connection_of(connection), "autocommit", False)) and not has_begun(connection)


def has_savepoints(connection: sa.Connection) -> bool:
    """Return whether a part of the connection's transaction can be undone."""
    return backends.get(connection.dialect).has_savepoints and not internals.commits_each_statement(connection)


def undisturbed(connection: sa.Connection) -> contextlib.AbstractContextManager[None]:
    """Read nothing in a block that others who share the connection may undo.

    Raises:
        DatabaseBusyError: If somebody has begun and does not end in time, or is this very thread.
    """
    return backends.get(connection.dialect).undisturbed(connection)


def has_begun(connection: sa.Connection) -> bool:
    """Return whether the driver's connection is inside a transaction."""
    return backends.get(connection.dialect).has_begun(connection)


def begin(connection: sa.Connection) -> None:
    """Begin a transaction that will write.

    Args:
        connection: Where none has begun.

    Raises:
        DatabaseBusyError: If another SQLite writer does not end in time, or is this very thread.
    """
    backends.get(connection.dialect).begin(connection)


def begin_snapshot(connection: sa.Connection) -> None:
    """Let whatever the connection reads from here on, until it goes back to its pool, be of one moment.

    Nobody else waits for it, except for writers to a SQLite file without a WAL.

    Raises:
        DatabaseBusyError: If a writer to a SQLite file without a WAL does not end in time.
    """
    backends.get(connection.dialect).begin_snapshot(connection)


def lock_for_writing(connection: sa.Connection) -> None:
    """Take the write lock now, so that what is read from here on cannot change before it is written.

    On SQLite it is the database's own lock; on PostgreSQL one advisory lock that all
    sessions with ``write=True`` share until they end.

    Raises:
        SessionError: If the database is neither, or there is no transaction to hold the lock.
    """
    backends.get(connection.dialect).lock_for_writing(connection)


def repeat(attempt: Callable[[], T]) -> T:
    """Do a whole transaction, and again while the database refuses it because of others: as long as a lock is waited for.

    A number of tries would be a guess at how many the others are: who collides on one row
    may lose to each of them.

    Args:
        attempt: Begins and ends the transaction; does nothing else that could not be done twice.
    """
    deadline = time.monotonic() + limits.LOCK_SECONDS
    pause = 0.02
    while True:
        try:
            return attempt()
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _CONFLICTS or time.monotonic() > deadline:
                raise
            _log.debug("a transaction is done again: %s", error)
        time.sleep(random.uniform(0, pause))  # noqa: S311 - spreads those that collided
        pause = min(2 * pause, _LONGEST_PAUSE)
