"""A record made of the columns of its row, as if a session had read it and been closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm.attributes import instance_state, set_committed_value

from ln_jupyter.orm import origins

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def record(model: type[T], row: Mapping[str, Any], *, origin: sa.Engine) -> T:
    """Make a record of a row that was read or written without its class.

    Args:
        model: Its class; each attribute has the name of its column.
        row: Every column.
        origin: The engine it came from.
    """
    made: T = orm.class_mapper(model).class_manager.new_instance()
    for name, value in row.items():
        set_committed_value(made, name, value)
    orm.make_transient_to_detached(made)
    origins.note([instance_state(made)], origin)
    return made
