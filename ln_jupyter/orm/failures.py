"""What went wrong with a session's statement, as SQLAlchemy knew it, and whether the transaction outlived it."""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from ln_jupyter import callsite, errors
from ln_jupyter.db import backends, error_translation, limits, marks, transactions
from ln_jupyter.db.events import takes_notes
from ln_jupyter.orm import refusals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ln_jupyter.orm.session import OrmSession


class Failure:
    """A statement that failed in a session's transaction.

    Args:
        context: What SQLAlchemy tells of it.

    Attributes:
        error: The driver's error, or what Python raised before anything was sent.
        connection: What it was sent through.
        statement: Its SQL.
        line: Of the user's code, that was running.
        has_ended: Whether the database has ended the transaction by itself, and would begin another one.
        is_undone: Whether a savepoint before it was rolled back to since.
    """

    def __init__(self, context: sa.engine.ExceptionContext) -> None:
        connection = context.connection
        assert connection is not None  # noqa: S101 - it is what it was found by
        self.error = context.original_exception
        self.connection = connection
        self.statement = context.statement or ""
        self.line = callsite.current()
        # with a connection that is lost, its transaction is
        self.has_ended = connection.invalidated or backends.get(connection.dialect).has_ended(connection, self.error)
        self.is_undone = False
        self._context = context

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """What the statement was sent with, by the names of its parameters and before the driver's types; [] if unknown."""
        rows = getattr(self._context.execution_context, "compiled_parameters", None)
        if rows is None:
            given: Any = self._context.parameters
            rows = given if isinstance(given, (list, tuple)) else [given]
        return rows if all(isinstance(row, Mapping) for row in rows) else []

    def writes_to(self, tables: Iterable[sa.FromClause]) -> bool:
        """Return whether it inserts into, updates or deletes from one of the tables."""
        names = (re.escape(name) for table in tables if (name := getattr(table, "name", None)))
        target = rf"""\b(?:INTO|UPDATE|FROM)\s+(?:\S+\.)?["`\[]?(?:{"|".join(names)})(?!\w)"""
        return re.search(target, self.statement) is not None

    @property
    def sent(self) -> Any:
        """The parameters of the part of the statement that failed, as the driver got them."""
        return self._context.parameters

    @property
    def positions(self) -> Sequence[str]:
        """The names of a row's parameters, in the order in which the driver gets them; () where it gets names."""
        return getattr(getattr(self._context.execution_context, "compiled", None), "positiontup", None) or ()

    @property
    def is_of_driver(self) -> bool:
        """Whether the driver got the statement; else a value was refused on the way there."""
        return self._context.execution_context is not None

    @property
    def is_of_constraint(self) -> bool:
        """Whether each value is one that its column can hold, and all together are not."""
        return isinstance(self._context.sqlalchemy_exception, sa.exc.IntegrityError)


_sessions: weakref.WeakKeyDictionary[sa.Connection, weakref.ref[OrmSession]] = weakref.WeakKeyDictionary()
_watched: weakref.WeakSet[sa.Dialect] = weakref.WeakSet()


def watch(session: OrmSession, connection: sa.Connection) -> None:
    """Note in the session's `failure` which statements of its transaction fail.

    Args:
        session: The session.
        connection: Which its transaction begins to use.
    """
    _sessions[connection] = weakref.ref(session)
    if connection.dialect not in _watched:
        _watched.add(connection.dialect)
        event.listen(connection.engine, "handle_error", _note, insert=True)  # before it is turned into one of ours
        if not transactions.begins_lazily(connection.dialect):
            backends.get(connection.dialect).begin_before_savepoints(connection.engine, _sessions.__contains__)


@takes_notes
def _note(context: sa.engine.ExceptionContext) -> None:
    reference = None if context.connection is None else _sessions.get(context.connection)
    session = None if reference is None else reference()
    if session is not None and isinstance(context.original_exception, Exception) and not context.is_pre_ping:
        session.note_failure(Failure(context))


def refuse_given_up(session: OrmSession) -> None:
    """Refuse to commit what was undone already: some databases say so, and others answer COMMIT with a rollback.

    Raises:
        TransactionUndoneError: If a statement failed, and took the transaction with it, or somebody else has ended it.
    """
    failure = session.failure
    for connection in session.connections:
        if connection.closed or connection.invalidated:
            continue
        if backends.get(connection.dialect).is_in_error(connection) or (
            failure is not None and _is_lost(failure, connection)
        ):
            raise _given_up(session, connection, failure) from (None if failure is None else failure.error)
        work = marks.work_of(connection)
        if work is not None and session.is_active:  # else it has rolled back, and says so
            work.finish()
            if work.end:
                raise _ended(session, connection, work)


def _is_lost(failure: Failure, connection: sa.Connection) -> bool:
    if connection is not failure.connection:
        return False
    if failure.has_ended:
        return True
    try:
        with limits.bounded():
            connection.execute(sa.select(sa.literal_column("1")))  # PostgreSQL and DuckDB refuse all that follows
    except (sa.exc.DBAPIError, errors.DatabaseError):
        return True
    return False


def _given_up(session: OrmSession, connection: sa.Connection, failure: Failure | None) -> errors.TransactionUndoneError:
    what = "a statement failed"
    if failure is not None:
        where = "" if failure.line is None else f" at {failure.line}"
        what = f"a statement failed{where} ({str(failure.error).strip().partition(chr(10))[0]})"
    msg = (
        f"{_where(connection)} has undone this unit, because {what}; {refusals.what_was_undone(session, of_unit=True)}"
    )
    fix = (
        "correct that statement, and run all of the unit again; what may fail goes into `with session.begin_nested():`"
    )
    return errors.TransactionUndoneError(msg, fix=fix)


def _ended(session: OrmSession, connection: sa.Connection, work: marks.Work) -> errors.TransactionUndoneError:
    msg = (
        f"this unit's transaction in {_where(connection)} {work.end}; {refusals.what_was_undone(session, of_unit=True)}"
    )
    fix = "leave that to the session's own commit() and rollback(), and look at what is saved before you run this again"
    return errors.TransactionUndoneError(msg, fix=fix)


def _where(connection: sa.Connection) -> str:
    return error_translation.describe(connection.engine.url)
