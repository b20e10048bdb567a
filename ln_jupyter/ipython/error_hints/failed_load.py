"""Which record, and what of it, SQLAlchemy could not load for want of a session."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import InstanceState
from sqlalchemy.orm.attributes import instance_state

if TYPE_CHECKING:
    from types import FrameType


class Kind(StrEnum):
    """What SQLAlchemy was about to do."""

    RELATIONSHIP = "relationship"
    DEFERRED = "deferred"
    """Load a column that was left out when the record was read."""
    REFRESH = "refresh"
    """Read columns again that were expired, or that a query of the base class left to its subclass."""
    QUERY = "query"
    """Ask a dynamic relationship."""


@dataclass(frozen=True, slots=True, eq=False)
class FailedLoad:
    """A load that failed.

    Attributes:
        state: SQLAlchemy's state of the record.
        record: The record; None if it is gone.
        name: The attribute that was read.
        kind: What SQLAlchemy was about to do.
    """

    state: InstanceState[Any]
    record: object | None
    name: str
    kind: Kind


def find(error: BaseException) -> FailedLoad | None:
    """Find the load that failed among the variables of the frames that an error of SQLAlchemy's passed through.

    Runs no code of the record's class and emits no SQL.

    Returns:
        None if the error is not what SQLAlchemy raises for a record without a session, or has lost its frames.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    last = len(frames) - 1
    first = last if type(error).__name__ == "DetachedInstanceError" else 0  # a MissingGreenlet comes of far below
    for number in range(last, first - 1, -1):
        if (found := _find(frames[: number + 1])) is not None:
            return found
    return None


def _find(frames: list[FrameType]) -> FailedLoad | None:
    """Find the load that is done in the last of the frames."""
    variables, function = frames[-1].f_locals, frames[-1].f_code.co_name
    own = variables.get("self")
    if function == "_generate" and own is not None:
        return FailedLoad(instance_state(own.instance), own.instance, own.attr.key, Kind.QUERY)
    state = variables.get("state")
    if not isinstance(state, InstanceState):
        return None
    record = state.obj()
    if function == "_load_for_state" and own is not None:
        kind = Kind.RELATIONSHIP if own.key in state.manager.mapper.relationships else Kind.DEFERRED
        return FailedLoad(state, record, _read(frames, record) or own.key, kind)
    names = sorted(variables.get("attribute_names") or ())
    if names:  # load_scalar_attributes, which 2.1 renamed
        return FailedLoad(state, record, _read(frames, record) or names[0], Kind.REFRESH)
    return None


def _read(frames: list[FrameType], record: object | None) -> str | None:
    """Name what the user's code read of the record: a composite or synonym reads others in its turn."""
    name = None
    for frame in reversed(frames):
        module, variables = str(frame.f_globals.get("__name__")), frame.f_locals
        if not module.startswith("sqlalchemy."):
            break
        is_read = module == "sqlalchemy.orm.attributes" and frame.f_code.co_name == "__get__"
        if is_read and record is not None and variables.get("instance") is record:
            name = variables["self"].key
    return name
