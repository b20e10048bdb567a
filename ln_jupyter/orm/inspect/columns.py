"""Columns, expressions and composites of a record, looked at without reading them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Column
from sqlalchemy.orm import LoaderCallableStatus

from ln_jupyter.orm import internals
from ln_jupyter.orm.inspect.model import Attribute, Cost, Kind, Status, cost_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from sqlalchemy.orm import ColumnProperty, CompositeProperty, InstanceState


class MappedColumn(NamedTuple):
    """What the mapping says of a column or a SQL expression, whatever the record.

    Attributes:
        prop: Its mapping.
        key: Its name on the class.
        kind: Which of the two it is.
        primary_key: Whether it is part of the primary key.
        info: The column's own `info`.
        unset: What is seen of it in a record that has no value for it.
    """

    prop: ColumnProperty[Any]
    key: str
    kind: Kind
    primary_key: bool
    info: Mapping[Any, Any]
    unset: Attribute


def mapped(prop: ColumnProperty[Any], *, primary_key: Container[object]) -> MappedColumn:
    """Say what the mapping says of a column or a SQL expression.

    Args:
        prop: Its mapping.
        primary_key: The mappings of the columns that are the primary key.
    """
    source = prop.columns[0]
    kind = Kind.COLUMN if isinstance(source, Column) else Kind.EXPRESSION
    info: Mapping[Any, Any] = getattr(source, "info", MappingProxyType({}))
    is_key = prop in primary_key
    default = internals.default_of(prop)
    status = Status.UNSET if default is None else Status.LOADED  # reading it, and saving it, gives the default
    unset = Attribute(prop.key, kind, status, Cost.FREE, value=default, primary_key=is_key, info=info)
    return MappedColumn(prop, prop.key, kind, is_key, info, unset)


def column(state: InstanceState[Any], held: Mapping[str, Any], mapped: MappedColumn, *, trip: Cost) -> Attribute:
    """Look at a column or a SQL expression.

    Args:
        state: The record's.
        held: What the record holds by name, which is the state's `dict`.
        mapped: What the mapping says of it.
        trip: What a trip to the database would do: SQL, or RAISES where no session can make it.
    """
    prop, key, kind, primary_key, info, unset = mapped
    status, note, cost = Status.LOADED, "", Cost.FREE
    if key not in held:
        status, note = _missing_status(state, prop)
        if status is Status.UNSET and key not in state.committed_state:
            return unset
        cost = cost_of(status, trip=trip)
    return Attribute(
        key,
        kind,
        status,
        cost,
        value=held.get(key),
        primary_key=primary_key,
        modified=key in state.committed_state,
        note=note,
        info=info,
    )


def composite(
    state: InstanceState[Any], prop: CompositeProperty[Any], *, columns: Mapping[str, Attribute]
) -> Attribute:
    """Look at a composite, which is made of the *columns* when it is first read."""
    parts = [columns[part.key] for part in prop.props]
    note = ", ".join(part.key for part in parts)
    modified = any(part.modified for part in parts)
    if prop.key in state.dict:
        value = state.dict[prop.key]
        return Attribute(prop.key, Kind.COMPOSITE, Status.LOADED, Cost.FREE, value=value, modified=modified, note=note)
    by_cost = {part.cost: part.status for part in parts}
    cost = next((cost for cost in (Cost.RAISES, Cost.SQL) if cost in by_cost), Cost.FREE)
    unset = all(part.status is Status.UNSET for part in parts)
    made = Status.UNSET if unset else Status.COMPUTED
    status = made if cost is Cost.FREE else by_cost[cost]
    return Attribute(prop.key, Kind.COMPOSITE, status, cost, modified=modified, note=note)


def is_settled(state: InstanceState[Any], key: str) -> bool:
    """Tell whether memory decides what reading *key* gives: it is loaded, set or deleted."""
    return key in state.dict or state.committed_state.get(key, LoaderCallableStatus.NO_VALUE) is not (
        LoaderCallableStatus.NO_VALUE
    )


def _missing_status(state: InstanceState[Any], prop: ColumnProperty[Any]) -> tuple[Status, str]:
    """Ask of a column that is not in memory, in the order in which SQLAlchemy's own attribute access does."""
    key = prop.key
    if key in state.committed_state and is_settled(state, key):
        return Status.UNSET, "deleted, not saved"
    if state.key is None:
        return Status.UNSET, ""
    mapper = state.manager.mapper
    # Whether expiry loads this kind of column again (deferred ones and query expressions do not)
    # is known to its implementation only.
    implementation = state.manager[key].impl
    reloads = implementation.accepts_scalar_loader and implementation.load_on_unexpire
    if reloads and key in state.expired_attributes:
        # A query of the base class leaves the columns of joined subclasses "expired" too.
        of_subclass = mapper.inherits is not None and not mapper.base_mapper.has_property(key)
        return (Status.NOT_LOADED if of_subclass and not state.expired else Status.EXPIRED), ""
    # What a query's own defer() or load_only() left on this record; its flag has no public name.
    per_query = state.callables.get(key)
    if per_query is None and not prop.deferred:
        return Status.UNSET, ""
    if getattr(per_query, "raiseload", False) if per_query is not None else prop.raiseload:
        return Status.RAISE, "deferred"
    return Status.DEFERRED, f"group {prop.group!r}" if prop.group else ""
