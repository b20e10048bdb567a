"""What every class of the registry has in common: construction, a short repr, a counter of edits."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - SQLAlchemy reads annotations
import reprlib
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.associationproxy import AssociationProxy
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr
from sqlalchemy.orm.attributes import manager_of_class

from ln_jupyter import errors
from ln_jupyter.schema.tables import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Short(reprlib.Repr):
    """Values short enough for one line."""

    def repr_datetime(self, value: dt.datetime, _level: int) -> str:
        return f"{value:%Y-%m-%d %H:%M:%S}"


_short = _Short()
_short.maxstring = _short.maxother = 40
_whole = _Short()
_whole.maxstring = _whole.maxother = 80

_TOLD = ("name", "title", "handle", "tag", "outcome", "started_at", "path", "python", "ok")
"""Columns that tell a person which record it is, besides its key, the best first."""
_MOST = 3  # of them


class Base(DeclarativeBase):
    """The declarative base of the registry's classes.

    A constructor takes keywords only. Values that the client makes (ids, a first
    version) are there as soon as the object is.

    Raises:
        UnknownFieldError: If a keyword is no attribute of the class; it names the near miss.
        InvalidValueError: If a relationship is given what is no record of its class, or no list of them.
    """

    metadata = METADATA

    def __init__(self, **fields: Any) -> None:
        mapper = sa.inspect(type(self))
        for name, value in fields.items():
            if name not in mapper.attrs and not isinstance(mapper.all_orm_descriptors.get(name), AssociationProxy):
                msg = f"{type(self).__name__} has no field {name!r}"
                raise errors.UnknownFieldError(msg, fix=errors.near_miss(name, mapper.attrs.keys()))
            try:
                setattr(self, name, value)
            except (AttributeError, KeyError, TypeError) as error:  # each of them SQLAlchemy's, for want of a record
                relationship = mapper.relationships.get(name)
                if relationship is None:
                    raise
                msg = f"{type(self).__name__}.{name} cannot be a {type(value).__name__}"
                target = relationship.mapper.class_.__name__
                fix = f"give a list of {target} records" if relationship.uselist else f"give a {target}"
                raise errors.InvalidValueError(msg, fix=fix) from error
        for name, make in _made_at_construction(type(self)).items():
            if name not in fields:
                setattr(self, name, make())

    def __repr__(self) -> str:
        """Show in one line which record it is, by what is in memory; never reads the database."""
        state = sa.inspect(self)
        held, keys = state.dict, [state.mapper.get_property_by_column(c).key for c in state.mapper.primary_key]
        known = dict(zip(keys, state.identity or (), strict=False)) | {k: held[k] for k in keys if k in held}
        told = {k: held[k] for k in _TOLD if k not in known and held.get(k) is not None}
        if (notebook := held.get("notebook")) is not None and (title := vars(notebook).get("title")) is not None:
            told = {"notebook": title, **told}
        parts = [f"{name}={_whole.repr(value)}" for name, value in known.items() if value is not None]
        parts += [f"{name}={_short.repr(value)}" for name, value in islice(told.items(), _MOST)]
        return f"{type(self).__name__}({', '.join(parts)})"


def check_fields(records: Iterable[Any]) -> None:
    """Refuse what was set on records of the registry and is no field of theirs: nothing would save it.

    Names that begin with an underscore are the user's own.

    Raises:
        UnknownFieldError: With the near miss.
    """
    for record in records:
        names = _mapped[type(record)]
        if names is not None and not record.__dict__.keys() <= names:
            for name in record.__dict__.keys() - names:
                _refuse_unmapped(type(record), name)


def _refuse_unmapped(cls: type[Base], name: str) -> None:
    if not name.startswith("_") and not hasattr(cls, name):
        msg = f"{cls.__name__} has no field {name!r}, so what was set cannot be saved"
        raise errors.UnknownFieldError(msg, fix=errors.near_miss(name, sa.inspect(cls).attrs.keys()))


class _Mapped(dict[type, frozenset[str] | None]):
    """What the records of a class may hold; None for a class of the user's. Asking again calls nothing."""

    def __missing__(self, cls: type) -> frozenset[str] | None:
        if not issubclass(cls, Base):
            return None  # and not kept: the user may redefine it
        self[cls] = frozenset({"_sa_instance_state", *manager_of_class(cls)})
        return self[cls]


_mapped = _Mapped()


def _made_at_construction(cls: type[Base]) -> dict[str, Any]:
    return {
        a.key: a.columns[0].info["at_construction"]
        for a in sa.inspect(cls).column_attrs
        if "at_construction" in a.columns[0].info
    }


class Created:
    """Mixin: when a row was made."""

    created_at: Mapped[dt.datetime]


class Counted:
    """Mixin: a counter that every edit through the ORM raises, so that a stale edit is refused."""

    revision: Mapped[int]

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy passes the class
        return {"version_id_col": cls.__table__.c.revision}  # type: ignore[attr-defined]
