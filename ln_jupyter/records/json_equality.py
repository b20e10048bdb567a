"""JSON is equal if it says the same, in any order of keys, on every database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


def holds(kind: sa.types.TypeEngine[Any]) -> bool:
    """Return whether columns of a type hold JSON."""
    while isinstance(kind, sa.types.TypeDecorator):
        kind = kind.impl_instance
    return isinstance(kind, sa.JSON)


def equal(column: Any, value: object, kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[bool]:
    """Compare a column with what its type would store for a value; None is no value, or JSON's null."""
    if isinstance(value, sa.ClauseElement):
        return column == value  # type: ignore[no-any-return]  # whatever of SQL it is
    same = _Equal(column, sa.bindparam(None, value, kind, unique=True))
    return column.is_(None) | same if value is None else same


class _Equal(FunctionElement[bool]):
    """Two JSON documents, of which databases know equality under different names, or as text only."""

    name = "json_equal"
    inherit_cache = True
    type = sa.Boolean()

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Stand in a condition as it is: written in parentheses, and compared with no number."""
        return self


@compiles(_Equal)
def _as_text(element: _Equal, compiler: Any, **kw: Any) -> str:
    left, right = (compiler.process(each, **kw) for each in element.clauses)
    return f"({left} = {right})"


@compiles(_Equal, "postgresql")
def _in_postgresql(element: _Equal, compiler: Any, **kw: Any) -> str:
    left, right = (compiler.process(each, **kw) for each in element.clauses)
    return f"(CAST({left} AS JSONB) = CAST({right} AS JSONB))"  # JSON, as it was written, equals nothing


@compiles(_Equal, "mysql")
@compiles(_Equal, "mariadb")
def _in_mysql(element: _Equal, compiler: Any, **kw: Any) -> str:
    left, right = (compiler.process(each, **kw) for each in element.clauses)
    if not compiler.dialect.is_mariadb:
        return f"({left} = CAST({right} AS JSON))"
    version = compiler.dialect.server_version_info
    if version and version < _MARIADB_COMPARES:
        return f"({left} = {right})"
    return f"({left} IS NOT NULL AND {right} IS NOT NULL AND JSON_EQUALS({left}, {right}))"  # whose answer to NULL may be yes


_MARIADB_COMPARES = (10, 7)


@compiles(_Equal, "sqlite")
def _in_sqlite(element: _Equal, compiler: Any, **kw: Any) -> str:
    """Compare all that is in both, with where it is; NaN, which Python writes too, is no JSON there."""
    left, right = (compiler.process(each, **kw) for each in element.clauses)
    parts = "SELECT fullkey, replace(type, 'integer', 'real'), atom FROM json_tree"
    one, other = (f"{parts}({each})" for each in (left, right))
    same = f"NOT EXISTS ({one} EXCEPT {other}) AND NOT EXISTS ({other} EXCEPT {one})"
    return f"({left} = {right} OR CASE WHEN json_valid({left}) AND json_valid({right}) THEN {same} ELSE 0 END)"
