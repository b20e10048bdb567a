"""Reading one moment of a database while others write to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ln_jupyter.db import transactions

if TYPE_CHECKING:
    import sqlalchemy as sa


def begin(connection: sa.Connection) -> None:
    """Let whatever the connection reads from here on, until it goes back to its pool, be of one moment.

    Nobody else waits for it, except for writers to a SQLite file without a WAL.

    Raises:
        DatabaseBusyError: If a writer to a SQLite file without a WAL does not end in time.
    """
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        driver.execute("BEGIN")  # and the first read makes it a snapshot
        transactions.wait_for_lock(connection, "SELECT count(*) FROM sqlite_master")
    else:
        driver.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
