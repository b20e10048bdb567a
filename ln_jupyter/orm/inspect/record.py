"""What of a record is loaded, found without SQL and without touching the record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.ext.associationproxy import AssociationProxyExtensionType
from sqlalchemy.ext.hybrid import HybridExtensionType
from sqlalchemy.orm import InstanceState

from ln_jupyter.errors import NotMappedError
from ln_jupyter.orm.inspect import columns as loaded_columns
from ln_jupyter.orm.inspect import relationships as loaded_relationships
from ln_jupyter.orm.inspect.model import LABELS, Attribute, Cost, Kind, Status, is_of_class, shares_keys
from ln_jupyter.orm.profile import reads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Mapper

__all__ = ["Attribute", "Cost", "Kind", "ObjectState", "Record", "SessionState", "Status", "describe", "state_of"]

_COMPUTED = {
    HybridExtensionType.HYBRID_PROPERTY: Kind.HYBRID,
    AssociationProxyExtensionType.ASSOCIATION_PROXY: Kind.PROXY,
}


class ObjectState(StrEnum):
    """Where a record is on its way into and out of the database, in SQLAlchemy's words."""

    TRANSIENT = "transient"
    PENDING = "pending"
    PERSISTENT = "persistent"
    DELETED = "deleted"
    DETACHED = "detached"


class SessionState(StrEnum):
    """What the record's session can do for it."""

    NONE = "none"
    """There is none, or it is closed: what is not loaded raises DetachedInstanceError."""
    OPEN = "open"
    INACTIVE = "inactive"
    """A flush failed and nobody rolled back: what is not loaded raises PendingRollbackError."""
    ASYNC = "async"
    """Loading must be awaited: what is not loaded raises MissingGreenlet."""


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One record, seen without touching it.

    Attributes:
        class_name: The name of its class.
        identity: Its primary key in the database; None for a record that was never saved.
        shares_keys: Whether records of subclasses may have the same primary key.
        state: Where it is on its way into and out of the database.
        session: What its session can do for it.
        was_deleted: Whether its row was deleted by its session.
        marked_deleted: Whether the next flush will delete its row.
        expired: Whether all of it will be read again.
        modified: Whether it has changes that were not flushed.
        attributes: Its attributes by name: columns (its key, what people call it, others, foreign keys),
            composites, relationships, then the computed ones.
    """

    class_name: str
    identity: tuple[Any, ...] | None
    shares_keys: bool
    state: ObjectState
    session: SessionState
    was_deleted: bool
    marked_deleted: bool
    expired: bool
    modified: bool
    attributes: Mapping[str, Attribute]


_MAPPING = "ln_mapping"


class _Mapping(NamedTuple):
    """What a mapping says of the attributes of its records, whatever they hold.

    Attributes:
        attrs: The mapper's properties when this was found; SQLAlchemy makes others when one is added.
        columns: The columns and SQL expressions.
        relationships: The relationships.
        computed: Name and kind of what is made when read.
    """

    attrs: object
    columns: tuple[loaded_columns.MappedColumn, ...]
    relationships: tuple[loaded_relationships.MappedRelationship, ...]
    computed: tuple[tuple[str, Kind], ...]


def state_of(obj: object) -> InstanceState[Any] | None:
    """Find SQLAlchemy's state of a mapped instance.

    Runs no code of the object's class, so that it may be asked of anything that is displayed.

    Returns:
        None for a class, for an instance whose ``__init__`` did not run, and for anything that is not mapped.
    """
    try:
        state = object.__getattribute__(obj, "_sa_instance_state")
    except AttributeError:
        return None
    return state if isinstance(state, InstanceState) and state.manager.is_mapped else None


def describe(record: object) -> Record:
    """Say what of *record* is loaded, and what reading the rest of it would do.

    Emits no SQL, flushes nothing, runs no code of the record's class and leaves the record
    and its session as they were.

    Args:
        record: An instance of any mapped class.

    Raises:
        NotMappedError: *record* is not an instance of a mapped class.

    Example:
        >>> from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
        >>> class Base(DeclarativeBase): ...
        >>> class Sample(Base):
        ...     __tablename__ = "sample"
        ...     id: Mapped[int] = mapped_column(primary_key=True)
        ...     name: Mapped[str]
        >>> seen = describe(Sample(name="blood"))
        >>> seen.state.value, seen.attributes["name"].value, seen.attributes["id"].status.value
        ('transient', 'blood', 'unset')
    """
    state = state_of(record)
    if state is None:
        message = f"{type(record).__name__!r} object is not an instance of a mapped class"
        raise NotMappedError(message, fix="give an instance of a class that SQLAlchemy maps, such as lns.Run(...)")
    reads.note_shown(state)
    session = _session_state(state)
    return Record(
        class_name=type(record).__name__,
        identity=state.identity,
        shares_keys=shares_keys(state.manager.mapper),
        state=next(each for each in ObjectState if getattr(state, each)),
        session=session,
        was_deleted=state.was_deleted,
        marked_deleted=state.session is not None and record in state.session.deleted,
        expired=state.expired,
        modified=state.modified,
        attributes=_attributes(state, trip=Cost.SQL if session is SessionState.OPEN else Cost.RAISES),
    )


def _session_state(state: InstanceState[Any]) -> SessionState:
    if state.session is None:
        return SessionState.NONE
    if state.async_session is not None:
        return SessionState.ASYNC
    return SessionState.OPEN if state.session.is_active else SessionState.INACTIVE


def _attributes(state: InstanceState[Any], *, trip: Cost) -> dict[str, Attribute]:
    mapper = state.manager.mapper  # state.mapper would be remembered on the state
    of_row = Cost.RAISES if state.deleted else trip  # of what refers to the deleted row there may be something to load
    mapping, held = _mapping(mapper), state.dict
    seen = {each.key: loaded_columns.column(state, held, each, trip=of_row) for each in mapping.columns}
    columns = dict(seen)
    for composite in mapper.composites:
        seen[composite.key] = loaded_columns.composite(state, composite, columns=columns)
    for each in mapping.relationships:
        seen[each.key] = loaded_relationships.relationship(state, held, each, columns=columns, trip=trip)
    for synonym in mapper.synonyms:
        if synonym.name in seen:
            seen[synonym.key] = replace(seen[synonym.name], key=synonym.key, kind=Kind.SYNONYM, note=synonym.name)
    for key, kind in mapping.computed:
        if key not in seen:
            seen[key] = Attribute(key, kind, Status.COMPUTED, Cost.UNKNOWN)
    return seen


def _mapping(mapper: Mapper[Any]) -> _Mapping:
    """Find what the mapping says once, and anew when a property was added; it ends with the class."""
    info = mapper.class_manager.info
    found: _Mapping | None = info.get(_MAPPING)
    if found is None or found.attrs is not mapper.attrs:
        found = info[_MAPPING] = _find_mapping(mapper)
    return found


def _find_mapping(mapper: Mapper[Any]) -> _Mapping:
    primary_key = {mapper.get_property_by_column(column) for column in mapper.primary_key}
    columns = [
        loaded_columns.mapped(prop, primary_key=primary_key)
        for prop in mapper.column_attrs
        if is_of_class(mapper, prop)
    ]
    names = {each.key for each in columns}
    relationships = [loaded_relationships.mapped(mapper, prop, columns=names) for prop in mapper.relationships]
    pointing = {name for each in relationships if each.points for _, name in each.local}
    label = next((name for name in LABELS if name in names), None)
    columns.sort(key=lambda each: not each.primary_key and (1 + (each.key != label) + (each.key in pointing)))
    computed: dict[int, tuple[str, Kind]] = {}
    for key, descriptor in mapper.all_orm_descriptors.items():
        kind = _COMPUTED.get(descriptor.extension_type)
        # the parts that `hybrid_property.inplace` defines are the property itself under other names
        if kind is not None:
            computed.setdefault(id(descriptor), (key, kind))
    return _Mapping(mapper.attrs, tuple(columns), tuple(relationships), tuple(computed.values()))
