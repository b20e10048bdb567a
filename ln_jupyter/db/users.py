"""The row of the current user, made by the transaction that first needs it."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import settings
from ln_jupyter.db import upsert
from ln_jupyter.schema import User

if TYPE_CHECKING:
    from sqlalchemy import orm

_committed: weakref.WeakKeyDictionary[sa.Engine, dict[str, str]] = weakref.WeakKeyDictionary()
_IN_TRANSACTION = "ln_user"


def current_id(session: orm.Session) -> str:
    """Give the id of the current user, whose row is made in the session's transaction if there is none."""
    if _IN_TRANSACTION in session.info:
        return str(session.info[_IN_TRANSACTION][-1])
    handle = settings.current().user
    connection = session.connection(bind_arguments={"mapper": User})
    committed = _committed.setdefault(connection.engine, {})
    if handle not in committed:
        by_handle = sa.select(User.id).where(User.handle == handle)
        found = connection.scalar(by_handle)
        if found is None:
            upsert.insert_if_absent(connection, User, id=User().id, handle=handle, revision=1)
            made = connection.scalars(by_handle).one()
            session.info[_IN_TRANSACTION] = (connection.engine, handle, made)
            return made
        committed[handle] = found
    return committed[handle]


def remember_committed(session: orm.Session) -> None:
    """Know the row that the session's transaction made from now on."""
    if _IN_TRANSACTION in session.info:
        engine, handle, user_id = session.info.pop(_IN_TRANSACTION)
        _committed.setdefault(engine, {})[handle] = user_id


def forget_uncommitted(session: orm.Session) -> None:
    """Forget a row that was undone with the session's transaction."""
    session.info.pop(_IN_TRANSACTION, None)
