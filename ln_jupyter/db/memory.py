"""What records hold in memory, kept while a transaction is undone.

SQLAlchemy empties every record of a session that rolls back. That is right for what the
transaction changed; what it only read, or what the user had not saved yet, is still true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import instance_dict, instance_state, set_committed_value
from sqlalchemy.orm.base import LoaderCallableStatus

if TYPE_CHECKING:
    from collections.abc import Iterable


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
                state._modified_event(state.dict, state.manager[name].impl, was.saved[name])
