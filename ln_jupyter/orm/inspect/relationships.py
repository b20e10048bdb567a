"""Relationships of a record, looked at without following them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.orm import RelationshipDirection
from sqlalchemy.orm.attributes import instance_state
from sqlalchemy.orm.exc import UnmappedColumnError

from ln_jupyter.orm import internals
from ln_jupyter.orm.inspect.columns import is_settled
from ln_jupyter.orm.inspect.model import HANDLES, Attribute, Cost, Kind, Status, cost_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import InstanceState, Mapper, RelationshipProperty


class MappedRelationship(NamedTuple):
    """What the mapping says of a relationship, whatever the record.

    Attributes:
        prop: Its mapping.
        key: Its name on the class.
        target: The name of the related class.
        local: The columns on the record's own side, with their names on the class.
        points: Whether these are a foreign key.
    """

    prop: RelationshipProperty[Any]
    key: str
    target: str
    local: tuple[tuple[ColumnElement[Any], str], ...]
    points: bool


def mapped(mapper: Mapper[Any], prop: RelationshipProperty[Any], *, columns: Container[str]) -> MappedRelationship:
    """Say what the mapping says of a relationship, whose foreign key is among the *columns*."""
    local = tuple(each for each in local_keys(mapper, prop).items() if each[1] in columns)
    points = prop.direction is RelationshipDirection.MANYTOONE
    return MappedRelationship(prop, prop.key, prop.mapper.class_.__name__, local, points)


def relationship(
    state: InstanceState[Any],
    held: Mapping[str, Any],
    mapped: MappedRelationship,
    *,
    columns: Mapping[str, Attribute],
    trip: Cost,
) -> Attribute:
    """Look at a relationship.

    Args:
        state: The record's.
        held: What the record holds by name, which is the state's `dict`.
        mapped: What the mapping says of it.
        columns: The record's columns by name, its foreign key among them.
        trip: What a trip to the database would do: SQL, or RAISES where no session can make it.
    """
    prop, key, target, _, points = mapped
    many = bool(prop.uselist)
    local = {here: columns[name] for here, name in mapped.local}
    status, note = _relationship_status(state, held, prop, local)
    cost = cost_of(status, trip=trip)
    if status in {Status.NOT_LOADED, Status.EXPIRED} and any(each.cost is Cost.RAISES for each in local.values()):
        cost, note = Cost.RAISES, note or "its foreign key raises when read"
    # An unflushed change through a handle puts a mere True into the dictionary.
    value = held[key] if status is Status.LOADED else None
    known = None
    if points:
        known = {each.key: each.value for each in local.values() if each.status in {Status.LOADED, Status.UNSET}}
    return Attribute(
        key,
        Kind.RELATIONSHIP,
        status,
        cost,
        value=value,
        target=target,
        many=many,
        count=_length(value) if many and value is not None else None,
        foreign_key=known,
        modified=key in state.committed_state,
        pending=_pending_counts(state, prop) if many else None,
        note=note,
    )


def local_keys(mapper: Mapper[Any], prop: RelationshipProperty[Any]) -> dict[ColumnElement[Any], str]:
    """Name the attributes of the columns on the record's own side of a relationship, as far as they are mapped."""
    keys = {}
    for here in prop.local_columns:
        with suppress(UnmappedColumnError):
            keys[here] = mapper.get_property_by_column(here).key
    return keys


def pending_changes(state: InstanceState[Any], prop: RelationshipProperty[Any]) -> tuple[list[Any], list[Any]]:
    """List what was (added, removed) in a collection that is not in memory."""
    if prop.lazy in HANDLES:  # what was done through it is kept as the committed state
        queue = state.committed_state.get(prop.key)
        return list(getattr(queue, "added_items", ())), list(getattr(queue, "deleted_items", ()))
    return internals.pending_changes(state, prop.key)


def _relationship_status(  # noqa: PLR0911 - one return for each of its steps
    state: InstanceState[Any],
    held: Mapping[str, Any],
    prop: RelationshipProperty[Any],
    local: Mapping[ColumnElement[Any], Attribute],
) -> tuple[Status, str]:
    """Ask in the order in which SQLAlchemy's lazy loader does."""
    key = prop.key
    if prop.lazy in HANDLES:
        return HANDLES[prop.lazy], ""
    if key in held:
        return Status.LOADED, ""
    if key in state.committed_state and is_settled(state, key):
        return Status.UNSET, "deleted, not saved"
    lazy = _lazy(state, prop)
    if lazy in {"noload", None}:
        return Status.NOLOAD, ""
    if state.key is None and not (state.pending and prop.load_on_pending):
        return Status.UNSET, ""
    if lazy == "raise":
        return Status.RAISE, ""
    if state.session is not None:
        free = _without_sql(state, prop, local)
        if free is not None:
            return free, ""
        if lazy == "raise_on_sql":
            return Status.RAISE, "on SQL"
    return (Status.EXPIRED if key in state.expired_attributes else Status.NOT_LOADED), ""


def _lazy(state: InstanceState[Any], prop: RelationshipProperty[Any]) -> Any:
    """Say how it is loaded: as mapped, or as a query's own lazyload() or raiseload() left on this record."""
    per_query = state.callables.get(prop.key)
    return prop.lazy if per_query is None else dict(getattr(per_query, "strategy_key", ())).get("lazy", prop.lazy)


def _without_sql(
    state: InstanceState[Any], prop: RelationshipProperty[Any], local: Mapping[ColumnElement[Any], Attribute]
) -> Status | None:
    """Say how an attached record's relationship can be had without SQL, if it can."""
    if not internals.loads_by_key(prop):
        unset = any(each.status is Status.UNSET for each in local.values())
        return Status.NULL if unset else None
    target = prop.mapper
    by_key = {
        target.get_property_by_column(there).key: local[here]
        for here, there in prop.local_remote_pairs
        if here in local
    }
    parts = [by_key.get(target.get_property_by_column(each).key) for each in target.primary_key]
    if any(part is None or part.status not in {Status.LOADED, Status.UNSET} for part in parts):
        return None
    identity = tuple(part.value for part in parts if part is not None)
    empty = identity.count(None)
    if empty:
        return Status.NULL if empty == len(identity) or not target.allow_partial_pks else None
    key = target.identity_key_from_primary_key(identity, identity_token=state.identity_token)
    found = state.session.identity_map.get(key) if state.session is not None else None
    return Status.CACHED if found is not None and not instance_state(found).expired else None


def _pending_counts(state: InstanceState[Any], prop: RelationshipProperty[Any]) -> tuple[int, int] | None:
    added, removed = pending_changes(state, prop)
    return (len(added), len(removed)) if added or removed else None


def _length(collection: object) -> int | None:
    """Count without calling an overridden ``__len__``."""
    for builtin in (list, dict, set):
        if issubclass(type(collection), builtin):
            return builtin.__len__(collection)  # type: ignore[arg-type]  # issubclass does not narrow
    return None
