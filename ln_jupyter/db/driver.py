"""The driver's own connection below SQLAlchemy's: what is sent through it is ours, not a statement of the user's."""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any

from ln_jupyter.db import internals

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

lazy: weakref.WeakSet[sa.Dialect] = weakref.WeakSet()
"""Of the engines whose connections begin at the first write; `transactions.begin_lazily` adds to it."""


lent: Callable[[sa.Connection], Any] = internals.lent
"""Returns what the pool has lent, and tells no session of it; see `internals.WatchedConnection`."""


def connection_of(connection: sa.Connection) -> Any:
    """Return the driver's own connection."""
    return lent(connection).dbapi_connection


def send(connection: sa.Connection, *statements: str) -> Any:
    """Send statements past the connection's listeners.

    Returns:
        The first row of the last one; None if it gives none.
    """
    with contextlib.closing(lent(connection).cursor()) as cursor:
        for each in statements:
            cursor.execute(each)
        return cursor.fetchone() if cursor.description else None
