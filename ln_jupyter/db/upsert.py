"""INSERT that gives way, or overwrites, when the row is there: one statement, so no race."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ln_jupyter.schema import Base


def insert_if_absent(connection: sa.Connection, model: type[Base], **values: Any) -> None:
    """Insert a row, unless one with the same key is there."""
    connection.execute(_insert(connection, model, values).on_conflict_do_nothing())


def insert_or_update(connection: sa.Connection, model: type[Base], **values: Any) -> None:
    """Insert a row, or give the one with the same primary key these values."""
    key = [column.name for column in model.__table__.primary_key]
    update = {name: value for name, value in values.items() if name not in key}
    connection.execute(_insert(connection, model, values).on_conflict_do_update(index_elements=key, set_=update))


def _insert(connection: sa.Connection, model: type[Base], values: dict[str, Any]) -> Any:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(model.__table__).values(**values)  # type: ignore[arg-type]
