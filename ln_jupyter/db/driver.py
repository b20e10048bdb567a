"""The driver's own connection below SQLAlchemy's: what is sent through it is ours, not a statement of the user's."""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

lazy: weakref.WeakSet[sa.Dialect] = weakref.WeakSet()
"""Of the engines whose connections begin at the first write; `transactions.begin_lazily` adds to it."""


def connection_of(connection: sa.Connection) -> Any:
    """Return the driver's own connection."""
    return connection.connection.dbapi_connection


def send(connection: sa.Connection, *statements: str) -> Any:
    """Send statements past the connection's listeners.

    Returns:
        The first row of the last one; None if it gives none.
    """
    with contextlib.closing(connection.connection.cursor()) as cursor:
        for each in statements:
            cursor.execute(each)
        return cursor.fetchone() if cursor.description else None
