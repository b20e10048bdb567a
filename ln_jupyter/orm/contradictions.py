"""Relationships in memory that foreign keys and deletions contradict: a commit does not leave them so.

SQLAlchemy forgets all that it read at a commit. What is kept instead must not be what the
transaction itself made untrue.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm.attributes import instance_state, set_committed_value
from sqlalchemy.orm.collections import collection_adapter
from sqlalchemy.orm.exc import UnmappedColumnError
from sqlalchemy.orm.interfaces import MANYTOONE, ONETOMANY

from ln_jupyter.orm.inspect.model import HANDLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import InstanceState, Mapper, RelationshipProperty, Session

    States = set[InstanceState[Any]]
    Relationship = RelationshipProperty[Any]


def expire(session: Session, touched: States) -> None:
    """Expire what the *touched* records contradict, and let the deleted ones leave their collections.

    Args:
        session: Which has sent everything, and has not committed yet.
        touched: The records that its transaction inserted, updated or deleted.
    """
    states = session.identity_map.all_states()  # which the deleted ones have left
    deleted = {state for state in touched.difference(states) if state.deleted}
    moved = _Moved(touched - deleted)
    relationships: dict[Mapper[Any], list[tuple[str, Relationship]]] = {}
    for state in states:
        mapper, held = state.manager.mapper, state.dict
        if mapper not in relationships:
            relationships[mapper] = [(each.key, each) for each in mapper.relationships if each.lazy not in HANDLES]
        for key, relationship in relationships[mapper]:
            if key not in held:
                continue
            record = state.obj()
            if record is None:  # nobody has it any more
                break
            members = members_of(relationship, held[key])
            gone = deleted.intersection(map(instance_state, members))
            if relationship.direction is MANYTOONE:
                if gone and None not in (_here(state, relationship) or [None]):
                    _read_key(session, state, relationship)
                is_wrong = bool(gone) or (state in touched and not _is_key_of(state, relationship, members))
            else:
                is_wrong = _is_doubled(members) or moved.contradict(state, relationship, members)
            if is_wrong:
                session.expire(record, [key])
            elif gone:
                left = [each for each in members if instance_state(each) not in gone]
                set_committed_value(record, key, left if relationship.uselist else None)


def is_true(state: InstanceState[Any], relationship: Relationship, value: Any) -> bool:
    """Return whether nothing in memory contradicts what a relationship of the record held, when it is given back."""
    members = members_of(relationship, value)
    if any(each.deleted or each.was_deleted for each in map(instance_state, members)):
        return False
    if relationship.direction is MANYTOONE:
        return _is_key_of(state, relationship, members)
    if relationship.direction is not ONETOMANY:
        return True
    key = _here(state, relationship)
    return all(_there(instance_state(each), relationship) in (None, key) for each in members)


def members_of(relationship: Relationship, value: Any) -> list[Any]:
    """List the records that a relationship holds."""
    if value is None:
        return []
    return list(collection_adapter(value)) if relationship.uselist else [value]


class _Moved:
    """Records that were inserted or updated, by the collections that their foreign keys put them into."""

    def __init__(self, states: States) -> None:
        self._states = states
        self._by_key: dict[Relationship, tuple[States, dict[Any, States]]] = {}

    def contradict(self, state: InstanceState[Any], relationship: Relationship, members: Iterable[Any]) -> bool:
        """Return whether one of them is missing in the collection of a record, or should not be there."""
        if relationship.direction is not ONETOMANY:
            return False
        if relationship not in self._by_key:
            by_key: dict[Any, States] = defaultdict(set)
            for each in self._states:
                if each.manager.mapper.isa(relationship.mapper) and (key := _there(each, relationship)) is not None:
                    by_key[key].add(each)
            self._by_key[relationship] = set().union(*by_key.values()), by_key
        known, by_key = self._by_key[relationship]
        return bool(known) and by_key.get(_here(state, relationship), set()) != known.intersection(
            map(instance_state, members)
        )


def _is_doubled(members: list[Any]) -> bool:
    """Return whether a record is in a collection twice, as one is that was added on both sides."""
    return len(set(map(instance_state, members))) < len(members)


def _is_key_of(state: InstanceState[Any], relationship: Relationship, members: list[Any]) -> bool:
    """Return whether the foreign key of a record is that of the one it refers to, as far as both are in memory."""
    here = _here(state, relationship)
    if here is None:
        return True
    return None in here if not members else _there(instance_state(members[0]), relationship) in (None, here)


def _here(state: InstanceState[Any], relationship: Relationship) -> tuple[Any, ...] | None:
    return _values(state, [local for local, _ in relationship.local_remote_pairs])


def _there(state: InstanceState[Any], relationship: Relationship) -> tuple[Any, ...] | None:
    return _values(state, [remote for _, remote in relationship.local_remote_pairs])


def _values(state: InstanceState[Any], columns: list[Any]) -> tuple[Any, ...] | None:
    """Return what a record holds in these columns; None where that is not in memory."""
    mapper = state.manager.mapper
    try:
        return tuple([state.dict[mapper.get_property_by_column(column).key] for column in columns])
    except (KeyError, UnmappedColumnError):
        return None


def _read_key(session: Session, state: InstanceState[Any], relationship: Relationship) -> None:
    """Read the foreign key to a deleted row: the database may have cleared it, or have deleted this row as well."""
    mapper = state.manager.mapper
    with contextlib.suppress(UnmappedColumnError, InvalidRequestError):
        session.refresh(state.obj(), [mapper.get_property_by_column(each).key for each in relationship.local_columns])
