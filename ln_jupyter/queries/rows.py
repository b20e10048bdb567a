"""What all questions share: their order, and rows as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from ln_jupyter import errors, sanitize
from ln_jupyter.schema.types import Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

Row = dict[str, Any]

_LONGEST = 60  # characters that are shown of a value
_BATCH = 500  # ids in one statement: every database takes so many


def newest_first(model: Any) -> tuple[sa.ColumnElement[Any], ...]:
    """Return the order in which the newest of a model's rows come first."""
    order = (model.created_at.desc(), model.id.desc())
    # of versions that were made at one moment, 10 is newer than 9
    return (*order, sa.func.length(model.v).desc(), model.v.desc()) if hasattr(model, "v") else order


def read(connection: sa.Connection, statement: Any) -> list[Row]:
    """Return the rows of a statement.

    Raises:
        NotARegistryError: If a value is none of its column: a file of SQLite may hold anything anywhere. It names the file.
    """
    result = connection.execute(statement)
    try:
        found = [dict(row._mapping) for row in result]
        if is_file(connection):
            for column in statement.selected_columns:
                for row in found:
                    check(column, row[str(column.key)])
    except errors.NotARegistryError as error:
        file = sanitize.plain(connection.engine.url.database or "the database in memory")
        raise errors.NotARegistryError(f"{file}: {error}", fix=error.fix) from error
    return found


def is_file(connection: sa.Connection) -> bool:
    """Say whether the registry is a file of SQLite, which may hold anything and compares texts byte by byte."""
    return connection.dialect.name == "sqlite"


def check(column: sa.ColumnElement[Any], value: object) -> None:
    """Refuse a value that its column cannot have.

    Raises:
        NotARegistryError: It names the column, the value and the fix.
    """
    if isinstance(column.type, Json):  # anything, and read already; in SQLAlchemy 2.0 it says that it is a dict
        return
    kind = column.type.python_type
    if value is not None and not isinstance(value, (kind, int) if kind is float else kind):
        names = [str(each) for each in column.base_columns if hasattr(each, "table")] or [str(column.key)]
        shown = sanitize.shortened(repr(value), _LONGEST)
        msg = f"the registry holds in {names[0]} what is no {kind.__name__}: {shown}"
        raise errors.NotARegistryError(msg, fix="go on from a backup, or name another registry")


def batches(ids: Iterable[T]) -> Iterator[list[T]]:
    """Cut ids into as many as a statement takes."""
    every = list(ids)
    return (every[start : start + _BATCH] for start in range(0, len(every), _BATCH))
