"""What all questions share: their order, and rows as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

Row = dict[str, Any]


def newest_first(model: Any) -> tuple[sa.ColumnElement[Any], ...]:
    """Return the order in which the newest of a model's rows come first."""
    return (model.created_at.desc(), model.id.desc())


def read(connection: sa.Connection, statement: Any) -> list[Row]:
    """Return the rows of a statement."""
    return [dict(row._mapping) for row in connection.execute(statement)]
