"""The words for one attribute of a record: where its value is, and what reading it would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import InstrumentedAttribute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Mapper, MapperProperty


class Kind(StrEnum):
    """What an attribute of a mapped class is."""

    __hash__ = str.__hash__  # in C; an enum's own asks for its name

    COLUMN = "column"
    EXPRESSION = "expression"
    COMPOSITE = "composite"
    RELATIONSHIP = "relationship"
    HYBRID = "hybrid"
    PROXY = "proxy"
    SYNONYM = "synonym"


class Status(StrEnum):
    """Where the value of an attribute is.

    Whether a value that is not in memory can be had from here is the attribute's `Cost`:
    a detached record has the same statuses as an attached one, and other costs.
    """

    __hash__ = str.__hash__  # in C; an enum's own asks for its name

    LOADED = "loaded"
    UNSET = "unset"
    """Never set, or deleted: reading gives None or an empty collection."""
    NULL = "null"
    """A relationship whose foreign key is NULL: reading gives None."""
    CACHED = "cached"
    """A relationship whose target is in the session already."""
    NOT_LOADED = "not loaded"
    EXPIRED = "expired"
    DEFERRED = "deferred"
    RAISE = "raise"
    """Mapped, or queried, to raise when read."""
    WRITE_ONLY = "write only"
    """Reading gives a handle, whose `select()` makes a statement."""
    DYNAMIC = "dynamic"
    """Reading gives a query."""
    NOLOAD = "noload"
    """Mapped never to load: reading gives None or an empty collection."""
    COMPUTED = "computed"
    """Made when read, from other attributes."""


class Cost(StrEnum):
    """What reading an attribute would do."""

    FREE = "free"
    SQL = "sql"
    RAISES = "raises"
    UNKNOWN = "unknown"
    """Reading runs code of the class, which may do anything."""


@dataclass(slots=True, eq=False)  # never changed, and not frozen, for which one would take five times as long to make
class Attribute:
    """One attribute of a record, seen without reading it.

    Attributes:
        key: Its name on the class.
        kind: What it is.
        status: Where its value is.
        cost: What reading it would do.
        value: The value, where it is in memory; else None.
        target: The name of the related class.
        many: Whether the relationship is a collection.
        count: How many records a loaded collection holds; None where counting would run foreign code.
        foreign_key: The foreign key of a many-to-one, as far as it is in memory.
        primary_key: Whether the column is part of the primary key.
        modified: Whether it has changes that were not flushed.
        pending: How many records were (added, removed) in a collection that is not in memory.
        note: What else there is to say, such as the group of a deferred column.
        info: The mapped column's own `info`, where a model may mark what must not be shown.
    """

    key: str
    kind: Kind
    status: Status
    cost: Cost
    value: Any = field(default=None, repr=False)
    target: str | None = None
    many: bool = False
    count: int | None = None
    foreign_key: Mapping[str, Any] | None = field(default=None, repr=False)
    primary_key: bool = False
    modified: bool = False
    pending: tuple[int, int] | None = None
    note: str = ""
    info: Mapping[Any, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)


LABELS = ("name", "title", "label", "handle", "username", "slug", "code", "key", "description", "email")
"""Columns of which one alone tells a person which record it is, the best first."""

HANDLES = {"write_only": Status.WRITE_ONLY, "dynamic": Status.DYNAMIC}
"""The kinds of relationship (SQLAlchemy's `lazy`) that are never loaded, only asked."""
_IN_MEMORY = {Status.LOADED, Status.UNSET, Status.NULL, Status.CACHED, Status.NOLOAD, *HANDLES.values()}


def cost_of(status: Status, *, trip: Cost) -> Cost:
    """Say what reading an attribute of this *status* does.

    Args:
        status: Where its value is.
        trip: What a trip to the database does: SQL, or RAISES where no session can make it.
    """
    if status is Status.RAISE:
        return Cost.RAISES
    return Cost.FREE if status in _IN_MEMORY else trip


def is_of_class(mapper: Mapper[Any], prop: MapperProperty[Any]) -> bool:
    """Tell whether records have a property of their mapper as an attribute.

    They do not have an unnamed discriminator, nor, in concrete inheritance, what another class of the union has.
    """
    return isinstance(mapper.class_manager.get(prop.key), InstrumentedAttribute)


def shares_keys(mapper: Mapper[Any]) -> bool:
    """Tell whether a select of the class gives rows of several tables, whose keys know nothing of each other."""
    return any(each.concrete for each in mapper.self_and_descendants if each is not mapper)
