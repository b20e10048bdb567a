"""INSERT that gives way, or overwrites, when the row is there: one statement, so no race."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    import sqlalchemy as sa


def insert_if_absent(connection: sa.Connection, table: sa.Table, **values: Any) -> None:
    """Insert a row, unless one with the same key is there."""
    connection.execute(_insert(connection, table, values).on_conflict_do_nothing())


def insert_or_update(connection: sa.Connection, table: sa.Table, **values: Any) -> None:
    """Insert a row, or give the one with the same primary key these values."""
    key = [column.name for column in table.primary_key]
    update = {name: value for name, value in values.items() if name not in key}
    connection.execute(_insert(connection, table, values).on_conflict_do_update(index_elements=key, set_=update))


def _insert(connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> Any:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # here for cost: 20 ms, for those who use it

        return postgresql.insert(table).values(**values)
    return sqlite.insert(table).values(**values)
