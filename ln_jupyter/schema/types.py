"""What the registry's columns hold, the same on every database: moments in UTC, JSON, and truth."""

from __future__ import annotations

import datetime as dt
import operator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.sql import operators

from ln_jupyter import errors, sanitize
from ln_jupyter.environment import clock

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 60  # characters that are shown of a value
_FIX = "go on from a backup, or name another registry; ln-jupyter doctor says in which column it is"


_MOMENTS = 'write it as "2026-11-22", "2026-11-22 14:30" or "2026-11-22T14:30+01:00"'


_NOW = "datetime.now(datetime.UTC)"


class TimeValueError(ValueError, sa.exc.DontWrapMixin):
    """A value that is no moment; SQLAlchemy does not put it into an error of its own, with all of the SQL."""


class _Comparator(sa.types.TypeDecorator.Comparator[dt.datetime], sa.DateTime.Comparator[dt.datetime]):
    """Compares with texts and days, too."""

    def operate(self, op: Any, *other: Any, **options: Any) -> sa.ColumnElement[Any]:
        if op in _COMPARED:
            other = tuple(_compared(each, of_moment=op in _OF_MOMENTS) for each in other)
        elif op in _OF_TEXTS:
            msg = "a time is compared with times, and is no text to be searched"
            raise errors.InvalidValueError(msg, fix='use .where(column >= "2026-11-01", column < "2026-12-01")')
        return super().operate(op, *other, **options)


_OF_MOMENTS = {operator.eq, operator.ne, operators.in_op, operators.not_in_op}
_COMPARED = _OF_MOMENTS | {operator.lt, operator.le, operator.gt, operator.ge}
_COMPARED |= {operators.between_op, operators.not_between_op}
_OF_TEXTS = {
    operators.like_op,
    operators.ilike_op,
    operators.contains_op,
    operators.startswith_op,
    operators.endswith_op,
}


def _compared(given: Any, *, of_moment: bool) -> Any:
    """Return the moment that a text or a day names; what has no zone is of this machine's.

    Raises:
        InvalidValueError: If it names none, or names a day where a moment is meant.
    """
    if isinstance(given, (list, tuple, set, frozenset)):
        return [_compared(each, of_moment=of_moment) for each in given]
    if isinstance(given, dt.datetime):
        if given.tzinfo is None:  # it may be of utcnow(), which means another moment than it says
            fix = f'give it a zone, as datetime.now(datetime.UTC) has, or write "{given.isoformat(" ")}" for this machine\'s'
            raise errors.InvalidValueError(f"{given!r} has no time zone", fix=fix)
        return given
    if not isinstance(given, (str, dt.date)):
        return given
    text = given.strip() if isinstance(given, str) else given.isoformat()
    try:
        moment = dt.datetime.fromisoformat(text)
        in_zone = moment if moment.tzinfo is not None else moment.astimezone()
        in_zone.astimezone(dt.UTC)
    except (ValueError, OverflowError):  # or of the year 0 or 10,000, in UTC
        shown = sanitize.shortened(repr(text), _LONGEST)
        raise errors.InvalidValueError(f"{shown} is no time", fix=_MOMENTS) from None
    if of_moment and not _has_clock(text):
        msg = f"{text} is a day, and what it is compared with a moment"
        raise errors.InvalidValueError(msg, fix=f'use .where(column >= "{text}"{_until_the_day_after(moment.date())})')
    return in_zone


def _has_clock(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return True
    return False


def _until_the_day_after(day: dt.date) -> str:
    return "" if day == dt.date.max else f', column < "{day + dt.timedelta(days=1)}"'


class UtcDateTime(sa.types.TypeDecorator[dt.datetime]):
    """A moment with microseconds: aware and in UTC in Python, whatever the database keeps.

    It is compared with moments, and with texts such as ``"2026-11-22"``, whose zone, if they name none, is this machine's.

    Raises:
        TimeValueError: If what is stored is no time, or a naive one; its zone would be a guess.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True
    comparator_factory = _Comparator

    @property
    def python_type(self) -> type[dt.datetime]:
        """What Python sees; a TypeDecorator does not say by itself."""
        return dt.datetime

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """Turn any zone into UTC; SQLite stores no zone, so it gets the naive UTC time."""
        if value is None:
            return None
        if not isinstance(value, dt.datetime):
            raise TimeValueError(f"{sanitize.shortened(repr(value), _LONGEST)} is no time; use {_NOW}")
        if value.tzinfo is None:
            raise TimeValueError(f"{value!r} has no time zone; use {_NOW}")
        try:
            value = value.astimezone(dt.UTC)
        except OverflowError:
            raise TimeValueError(f"{value!r} is of the year 0 or 10000 in UTC, and no time; use {_NOW}") from None
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
