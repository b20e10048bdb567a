"""What the registry's columns hold, the same on every database: moments in UTC, JSON, and truth."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import errors, sanitize
from ln_jupyter.environment import clock

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 60  # characters that are shown of a value
_FIX = "go on from a backup, or name another registry; ln-jupyter doctor says in which column it is"


class UtcDateTime(sa.types.TypeDecorator[dt.datetime]):
    """A moment with microseconds: aware and in UTC in Python, whatever the database keeps.

    Raises:
        ValueError: If a naive time is stored; its zone would be a guess.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[dt.datetime]:
        """What Python sees; a TypeDecorator does not say by itself."""
        return dt.datetime

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """Turn any zone into UTC; SQLite stores no zone, so it gets the naive UTC time."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = f"{value!r} has no time zone; use datetime.now(datetime.UTC)"
            raise ValueError(msg)
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """Return an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if dialect.name == "sqlite" else value.astimezone(dt.UTC)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Read what a database gives; a file of SQLite may give anything."""
        return _careful(super().result_processor(dialect, coltype), "time")


class Json(sa.types.TypeDecorator[Any]):
    """JSON, which PostgreSQL keeps parsed: as JSONB. None is NULL.

    A variant of `sqlalchemy.JSON` would be the same, and import PostgreSQL's dialect for everybody.
    """

    impl = sa.JSON(none_as_null=True)
    cache_ok = True
    hashable = False  # a TypeDecorator does not ask its type

    @property
    def python_type(self) -> type[Any]:
        """What Python sees, as SQLAlchemy says it of JSON."""
        return self.impl_instance.python_type

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Choose the database's own type."""
        if dialect.name != "postgresql":
            return self.impl_instance
        from sqlalchemy.dialects.postgresql import JSONB  # here for cost: 20 ms, and nobody else needs it

        return dialect.type_descriptor(JSONB(none_as_null=True))

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Read what a database gives, as above."""
        return _careful(super().result_processor(dialect, coltype), "JSON")

    def coerce_compared_value(self, op: Any, value: Any) -> sa.types.TypeEngine[Any]:
        """Compare an element as what it is compared with, as JSON does."""
        coerced = self.impl_instance.coerce_compared_value(op, value)
        return self if coerced is self.impl_instance else coerced


class Truth(sa.Boolean):
    """True or False; SQLite has neither, and SQLAlchemy takes there whatever is not 0 for True."""

    def result_processor(self, dialect: sa.Dialect, _coltype: object) -> Callable[[Any], bool | None] | None:
        """Read what a database gives, as above."""
        return None if dialect.supports_native_boolean else _careful(_truth, "truth value")


def _truth(value: Any) -> bool | None:
    if value not in (None, 0, 1):
        raise ValueError(value)
    return None if value is None else bool(value)


def _careful(read: Callable[[Any], Any] | None, kind: str) -> Callable[[Any], Any] | None:
    """Let what cannot be read be an error that says so."""
    if read is None:
        return None

    def read_carefully(value: Any) -> Any:
        try:
            return read(value)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            msg = f"the registry holds what is no {kind}: {sanitize.shortened(repr(value), _LONGEST)}"
            raise errors.NotARegistryError(msg, fix=_FIX) from error

    return read_carefully


def utcnow() -> dt.datetime:
    """Read the clock, aware and in UTC."""
    return clock.now()
