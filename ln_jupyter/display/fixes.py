"""What to type for what is missing of a record: one line of code."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ln_jupyter import redaction
from ln_jupyter.orm.inspect.record import Cost, Kind, SessionState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ln_jupyter.display.options import Options, Place
    from ln_jupyter.orm.inspect.record import Record

_MOST = 6  # names in one line
_LOADABLE = {Kind.COLUMN, Kind.EXPRESSION, Kind.RELATIONSHIP}


@dataclass(frozen=True, slots=True)
class Fix:
    """One line of code, and what it is for.

    Attributes:
        purpose: What the line does; it says which name stands for the record.
        code: The line.
    """

    purpose: str
    code: str


def suggest(record: Record, *, primary_key: Mapping[str, Any], options: Options) -> Fix | None:
    """Say what to type for what cannot simply be read.

    A record whose variable is not known is called by its class in lower case.

    Args:
        record: The record, as it was seen.
        primary_key: Its primary key, by the names of its columns.
        options: What must not be shown.
    """
    if record.session is SessionState.INACTIVE:
        return Fix("To use the session again", "session.rollback()")
    missing = [each for each in record.attributes.values() if each.cost is Cost.RAISES and each.kind in _LOADABLE]
    if not missing or record.identity is None or record.was_deleted:
        return None
    noun = _variable(record.class_name)
    name = options.variable or noun
    typable = not record.shares_keys and all(_can_be_typed(*part, options) for part in primary_key.items())
    place = options.place
    opened = "" if place.engine is None else f"with ln.Session({place.engine}): "
    if record.session is SessionState.NONE and record.expired and typable and not place.opened:
        key = ", ".join(f"{column}={value!r}" for column, value in primary_key.items())
        return Fix(f"To read this {noun} again", f"{opened}{name} = ln.select(type({name}), {key}).one()")
    # relationships first: they are what is missed most
    first = sorted(missing, key=lambda each: each.kind is not Kind.RELATIONSHIP)[:_MOST]
    names = ", ".join(f'"{each.key}"' for each in first)
    some = "some of " if len(first) < len(missing) else ""
    purpose = f"To load {some}what is missing of this {noun}"
    return Fix(purpose, _loaded(record, name, names, place))


def _loaded(record: Record, name: str, names: str, place: Place) -> str:
    """Write what loads some of a record."""
    if record.session is SessionState.ASYNC:
        session = place.session or f"async_object_session({name})"
        imported = "" if place.session else "from sqlalchemy.ext.asyncio import async_object_session; "
        return f"{imported}await {session}.refresh({name}, [{names}])"
    if place.opened:
        opened = place.opening(is_modified=record.modified)
        return f"async with {opened} as session: session.add({name}); await session.refresh({name}, [{names}])"
    opened = "" if place.is_known else f"with ln.Session({place.engine}): "
    return f"{opened}ln.load({name}, {names})"


def _variable(class_name: str) -> str:
    name = class_name.lower()
    return name if name.isidentifier() and not keyword.iskeyword(name) else "record"


def _can_be_typed(column: str, value: object, options: Options) -> bool:
    return type(value) in {str, int} and not redaction.is_secret(column, names=options.secret_names)
