"""Where a record came from: the database that holds its row, whatever this process is connected to since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.orm.attributes import instance_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa
    from sqlalchemy.orm import InstanceState


class _Origin(NamedTuple):
    """Where a record was read from or written to; *is_named* if not because the settings say so."""

    engine: sa.Engine
    is_named: bool


_ORIGIN = "ln_origin"


def note(states: Iterable[InstanceState[Any]], engine: sa.Engine, *, is_named: bool) -> None:
    """Remember where records came from.

    Args:
        states: Theirs.
        engine: Which holds their rows.
        is_named: Whether somebody named it, and not the settings.
    """
    found = _Origin(engine, is_named)
    for state in states:
        state.__dict__[_ORIGIN] = found  # a weak dictionary would cost six times as much of a select


def origin(record: object) -> sa.Engine | None:
    """Give the engine that a detached record was read from or written to; None for the usual one."""
    found: _Origin | None = instance_state(record).__dict__.get(_ORIGIN)
    return found.engine if found is not None and found.is_named else None


def database_of(record: object) -> sa.Engine | None:
    """Give the engine that holds the row of a detached record, whoever chose it; None if it is new, or nobody knows."""
    state = instance_state(record)
    found: _Origin | None = state.__dict__.get(_ORIGIN)
    return None if found is None or state.key is None else found.engine
