"""The row of the current user, made by the transaction that first needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import settings
from ln_jupyter.db import backends, transactions
from ln_jupyter.schema import ids
from ln_jupyter.schema.tables import user

if TYPE_CHECKING:
    from ln_jupyter.orm.routing import RoutingSession

_COMMITTED = "ln_users"  # with the driver's connection: behind the next one there may be another database
_IN_TRANSACTION = "ln_user"

_handles: dict[str, str] = {}  # by id; an id is one user's in all registries


def handle_of(user_id: str) -> str | None:
    """Return the handle of a user as whom this process has written, if it has; asks no database."""
    return _handles.get(user_id)


def current_id(session: RoutingSession) -> str:
    """Return the id of the current user, whose row is made in the session's transaction if there is none."""
    if _IN_TRANSACTION in session.info:
        return str(session.info[_IN_TRANSACTION][-1])
    handle = settings.current().user
    connection = session.connection_for(clause=user)
    found = id_of(connection, handle)
    committed: dict[str, str] = connection.info[_COMMITTED]
    if handle not in committed:
        session.info[_IN_TRANSACTION] = (committed, handle, found)
    return found


def id_of(connection: sa.Connection, handle: str) -> str:
    """Return the id of a user, whose row is made in the connection's transaction if there is none."""
    found = _id_of(connection, handle)
    _handles[found] = handle
    return found


def _id_of(connection: sa.Connection, handle: str) -> str:
    committed: dict[str, str] = connection.info.setdefault(_COMMITTED, {})
    if handle in committed:
        return committed[handle]
    by_handle = sa.select(user.c.id).where(user.c.handle == handle)
    with transactions.undisturbed(connection):
        is_committed = not transactions.has_begun(connection)  # else this transaction may have made the row
        found: str | None = connection.scalar(by_handle)
    if found is not None:
        if is_committed:
            committed[handle] = found
        return found
    row = {"id": ids.new(ids.USER), "handle": handle, "revision": 1}
    backends.get(connection.dialect).insert_if_absent(connection, user, [row])
    made: str = connection.scalars(by_handle).one()
    return made


def remember_committed(session: RoutingSession) -> None:
    """Know the user's row from now on, which the session's transaction read or made."""
    if _IN_TRANSACTION in session.info:
        committed, handle, user_id = session.info.pop(_IN_TRANSACTION)
        committed[handle] = user_id


def forget_uncommitted(session: RoutingSession) -> None:
    """Forget a row that may have been undone, with the session's transaction or a savepoint of it."""
    session.info.pop(_IN_TRANSACTION, None)
