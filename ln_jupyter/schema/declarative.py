"""What every table of the registry has in common: names of constraints, times, construction."""

from __future__ import annotations

import datetime as dt
import reprlib
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ln_jupyter import errors

_CONSTRAINT_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


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
        """Give back an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if dialect.name == "sqlite" else value.astimezone(dt.UTC)


def utcnow() -> dt.datetime:
    """Read the clock, aware and in UTC."""
    return dt.datetime.now(dt.UTC)


class _Short(reprlib.Repr):
    """Values short enough for one line."""

    def repr_datetime(self, value: dt.datetime, _level: int) -> str:
        return f"{value:%Y-%m-%d %H:%M:%S}"


_short = _Short()
_short.maxstring = _short.maxother = 80


class Base(DeclarativeBase):
    """The declarative base of the registry's classes.

    A constructor takes keywords only. Values that the client makes (ids, a first
    version) are there as soon as the object is.

    Raises:
        UnknownFieldError: If a keyword is no attribute of the class; it names the near miss.
    """

    metadata = sa.MetaData(naming_convention=_CONSTRAINT_NAMES)
    type_annotation_map = {dt.datetime: UtcDateTime(), dict[str, Any]: Json, list[str]: Json}  # noqa: RUF012 - SQLAlchemy reads it

    def __init__(self, **fields: Any) -> None:
        mapper = sa.inspect(type(self))
        for name, value in fields.items():
            if name not in mapper.attrs:
                msg = f"{type(self).__name__} has no field {name!r}"
                raise errors.UnknownFieldError(msg, fix=errors.near_miss(name, mapper.attrs.keys()))
            setattr(self, name, value)
        for name, make in _made_at_construction(type(self)).items():
            if name not in fields:
                setattr(self, name, make())

    def __repr__(self) -> str:
        """Show what is in memory; never reads the database."""
        state = sa.inspect(self)
        mapper = state.mapper
        values = dict(
            zip((mapper.get_property_by_column(c).key for c in mapper.primary_key), state.identity or (), strict=False)
        )
        values |= {a.key: state.dict[a.key] for a in mapper.column_attrs if state.dict.get(a.key) is not None}
        return f"{type(self).__name__}({', '.join(f'{k}={_short.repr(v)}' for k, v in values.items())})"


def client_made(make: Any, **column: Any) -> Mapped[Any]:
    """Declare a column whose value the constructor makes, and an INSERT where there was no constructor."""
    return mapped_column(default=make, info={"at_construction": make}, **column)


def _made_at_construction(cls: type[Base]) -> dict[str, Any]:
    return {
        a.key: a.columns[0].info["at_construction"]
        for a in sa.inspect(cls).column_attrs
        if "at_construction" in a.columns[0].info
    }


class Created:
    """Mixin: when a row was made."""

    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow, index=True, sort_order=90)


class Counted:
    """Mixin: a counter that every edit through the ORM raises, so that a stale edit is refused."""

    revision: Mapped[int] = mapped_column(sort_order=99)

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - SQLAlchemy reads it
