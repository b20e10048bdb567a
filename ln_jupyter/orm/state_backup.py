"""What records hold in memory, kept while SQLAlchemy forgets it.

SQLAlchemy empties every record of a session that rolls back, and of one that commits in the
middle of its work. While the session goes on that is right: it reads anew. For what is left
when it ends, what it only read, or what the user had not saved yet, is still true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import instance_dict, instance_state, set_committed_value
from sqlalchemy.orm.base import LoaderCallableStatus

from ln_jupyter.orm import contradictions, internals
from ln_jupyter.orm.inspect.columns import is_settled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import InstanceState, Session

_READ = "_ln_read"


@dataclass(frozen=True, slots=True)
class Kept:
    """The attributes of one record as they were.

    Attributes:
        values: Every attribute in memory.
        saved: For each unsaved change, the value the database has; SQLAlchemy's NO_VALUE where it was not read.
        key: The record's identity; None if it was never saved.
    """

    record: Any
    values: dict[str, Any]
    saved: dict[str, Any]
    key: Any


def keep(records: Iterable[object]) -> list[Kept]:
    """Note what the *records* hold; never reads the database."""
    kept = []
    for record in records:
        state = sa.inspect(record)
        assert state is not None  # noqa: S101 - records of a session are mapped
        values = {k: v for k, v in state.dict.items() if k in state.manager}
        kept.append(Kept(record, values, dict(state.committed_state), state.key))
    return kept


def remember(states: Iterable[InstanceState[Any]]) -> None:
    """Note on each record what it holds, just before its session forgets it, for `recall`."""
    for state in states:
        read = {name: value for name, value in state.dict.items() if name in state.manager}
        # with the record, and so as long as it: a session holds the states of its records
        state.dict[_READ] = {**state.dict.get(_READ, {}), **read}  # what was not read since is still noted


def forget(states: Iterable[InstanceState[Any]], names: Iterable[str] | None = None) -> None:
    """Let what was remembered under these *names*, or all of it, not come back."""
    for state in states:
        if names is None:
            state.dict.pop(_READ, None)
        elif held := state.dict.get(_READ):
            state.dict[_READ] = {name: value for name, value in held.items() if name not in names}


def recall(states: Iterable[InstanceState[Any]]) -> None:
    """Return what was remembered, has not been read anew, and is not contradicted by what has."""
    found = [(state, held) for state in states if (held := state.dict.pop(_READ, None))]
    for state, held in found:
        for name in _forgotten(state, held):
            if name not in state.manager.mapper.relationships:
                set_committed_value(state.obj(), name, held[name])
    for state, held in found:  # when all foreign keys are there
        for name in _forgotten(state, held):
            relationship = state.manager.mapper.relationships[name]
            if contradictions.is_true(state, relationship, held[name]):
                value = contradictions.members_of(relationship, held[name]) if relationship.uselist else held[name]
                set_committed_value(state.obj(), name, value)  # of a dictionary, too, it makes one of its records


def _forgotten(state: InstanceState[Any], held: Iterable[str]) -> list[str]:
    return [name for name in held if not is_settled(state, name)]


def settle(session: Session, touched: set[InstanceState[Any]]) -> None:
    """Read what the database computed of the *touched* records, and expire what they contradict, before a commit."""
    for state in touched:
        if not state.expired_attributes:
            continue
        computed = [name for name in state.expired_attributes if name in state.mapper.column_attrs]
        if computed and state.persistent and (record := state.obj()) is not None:
            session.refresh(record, computed)
    contradictions.expire(session, touched)


New = tuple[object, tuple[str, ...]]
"""A record before its first flush, and the names of what it held."""


def keep_new(records: Iterable[object]) -> list[New]:
    """Note what new *records* hold: a flush changes none of it, and may add to it."""
    return [(record, tuple(instance_dict(record))) for record in records]


def take_away(kept: Iterable[New]) -> None:
    """Take from records that are new again the keys and defaults that a flush left in them.

    What they refer to is new again, too: after the flush SQLAlchemy would take it for saved, and
    the next one would leave out the rows of a many-to-many relationship.
    """
    for record, names in kept:
        state = instance_state(record)
        for name in [each for each in state.dict if each in state.manager and each not in names]:
            del state.dict[name]
        for relationship in state.manager.mapper.relationships:
            if relationship.key in state.dict and not relationship.viewonly:
                state.committed_state[relationship.key] = LoaderCallableStatus.NO_VALUE


def give_back(kept: Iterable[Kept]) -> None:
    """Put everything back, unsaved changes as unsaved, after a rollback."""
    for was in kept:
        if was.key is None:
            take_away([(was.record, tuple(was.values))])
            continue
        state = instance_state(was.record)
        for name, value in was.values.items():
            if name in state.committed_state and name not in was.saved:
                continue  # changed since
            set_committed_value(was.record, name, value)
            if name in was.saved:
                # not by setting it: that would add the record to the other side again, which is given back by itself
                internals.set_modified(state, name, was.saved[name])
