"""A unit of work: done again where the database asks for it, and undone as a whole."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from ln_jupyter.db import transactions
from ln_jupyter.orm import routing, state_backup
from ln_jupyter.orm.session import OrmSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import sqlalchemy as sa
    from sqlalchemy import orm

T = TypeVar("T")


def run(action: Callable[[OrmSession], T], *, engine: sa.Engine | None = None, write: bool = False) -> T:
    """Run *action* in a short session of its own, and commit; its records come back detached.

    The whole unit is tried again where the database asks for it (SQLSTATE 40001, 40P01), so
    *action* does nothing but work on its session. If it fails for good, every record holds
    again what it held, unsaved changes too.

    Args:
        action: Gets the session, gives the result.
        engine: As for `OrmSession`.
        write: Take the write lock of each database before anything of it is read, where it has one.
    """
    route = routing.Route(engine)
    route.bind()

    def attempt() -> T:
        kept: list[state_backup.Kept] = []
        with OrmSession(route) as session:
            session.locks = write
            try:
                result = action(session)
                kept = state_backup.keep(session.identity_map.values())
                commit(session)
            except BaseException:
                session.rollback()
                state_backup.give_back(kept)
                raise
        return result

    return transactions.repeat(attempt)


@contextlib.contextmanager
def whole_call(session: OrmSession, mapper: orm.Mapper[Any]) -> Iterator[None]:
    """Let a call of a session send all that it sends, or nothing, even if its error is caught.

    In a block, that is a savepoint; where the database has none, the end of the block is an
    error. Elsewhere the call is a unit by itself.

    Args:
        session: The session.
        mapper: Of what the call sends.
    """
    if session.in_block and transactions.has_savepoints(session.connection_for(mapper=mapper)):
        with session.begin_nested():
            yield
        return
    try:
        yield
    except BaseException:
        if not session.in_block:
            session.rollback()
        elif session.failure is not None:
            session.failure.has_ended = True
        raise


def commit(session: OrmSession) -> None:
    """Commit as `OrmSession.commit`, or undo all of it.

    Raises:
        StaleRecordError: If a row changed after it was read; nothing is saved.
        TransactionUndoneError: If the database has undone the transaction, because of a statement that failed.
        sqlalchemy.exc.IntegrityError: With a note that names the record and the line that added it.
    """
    try:
        session.commit()
    except BaseException:
        session.rollback()
        raise


@contextlib.contextmanager
def locking(session: OrmSession) -> Iterator[None]:
    """Let a session that is in no block take the write lock of what it asks next; a read before does not keep it from that."""
    if not (session.has_unsaved or session.has_sent or session.streams):
        session.commit()  # sends nothing, and ends what a read has begun
    session.locks = True
    try:
        yield
    finally:
        session.locks = False


def begin_anew(session: OrmSession) -> None:
    """Leave a transaction that sent nothing, such as one whose connection was lost; what is unsaved stays so."""
    kept, new = state_backup.keep(session.dirty), list(session.new)
    session.rollback()
    state_backup.give_back(kept)
    session.add_all(new)
