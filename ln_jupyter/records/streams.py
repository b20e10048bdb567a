"""Rows that are read one by one, as long as the transaction lasts that they are read in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ln_jupyter import errors
from ln_jupyter.db import internals

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from ln_jupyter.orm.session import OrmSession


def rows(session: OrmSession, connection: sa.Connection, result: Any) -> Iterator[Any]:
    """Return the rows of a *result*, which is closed with its transaction at the latest.

    An open cursor would keep the driver's connection at its moment, for whoever the pool lends it to next.

    Args:
        session: Notes in its `streams` that the result is being read.
        connection: What it is read from.
        result: Of a statement that was sent with ``yield_per``.

    Raises:
        SessionError: If the transaction ends before the rows do.
    """

    def end(_connection: object = None) -> None:
        session.streams.discard(result)
        result.close()

    ends = ("commit", "rollback")
    session.streams.add(result)
    for name in ends:
        internals.listen(connection, name, end)
    try:
        for row in result:
            yield row
            if result not in session.streams:
                msg = "the rows of stream() ended with their transaction: it was committed or rolled back meanwhile"
                raise errors.SessionError(msg, fix="read them to the end before: for record in statement.all():")
    finally:
        for name in ends:
            internals.remove(connection, name, end)
        end()
