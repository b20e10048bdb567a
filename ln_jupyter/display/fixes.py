"""What to type for what is missing of a record: one line of code."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ln_jupyter import redaction
from ln_jupyter.orm.inspect.record import Cost, Kind, SessionState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ln_jupyter.display.options import Options
    from ln_jupyter.orm.inspect.record import Attribute, Record

LAST = "_"
"""What IPython calls the last value that a cell gave."""

_MOST = 6  # names in one line
_LOADABLE = {Kind.COLUMN, Kind.EXPRESSION, Kind.RELATIONSHIP}


@dataclass(frozen=True, slots=True)
class Fix:
    """One line of code, and what it is for.

    Attributes:
        purpose: What the line does; where no variable holds the record, it says which name stands for it.
        code: The line.
    """

    purpose: str
    code: str


def suggest(
    record: Record, *, primary_key: Mapping[str, Any], options: Options, wanted: Sequence[str] = ()
) -> Fix | None:
    """Say what to type for what cannot simply be read.

    A record that no variable holds is called by its class in lower case, and the purpose says so.

    Args:
        record: The record, as it was seen.
        primary_key: Its primary key, by the names of its columns.
        options: What must not be shown.
        wanted: What somebody wants most of such a record, if anything.
    """
    noun = _variable(record.class_name)
    name, once = options.variable or noun, "" if options.variable else f", once it is called {noun}"
    place = options.place
    if record.session is SessionState.INACTIVE:
        if place.session:
            return Fix("To use the session again", f"{place.session}.rollback()")
        return Fix(f"To use the session again{once}", f"{_imported('object_session')}object_session({name}).rollback()")
    missing = [each for each in record.attributes.values() if _raises(each)]
    if not missing or record.identity is None or record.was_deleted:
        return None
    ln, imported = _package(options)
    typable = not record.shares_keys and all(_can_be_typed(*part, options) for part in primary_key.items())
    opened = "" if place.engine is None else f"with {ln}.Session({place.engine}): "
    # who assigns to `_` has it from IPython no more; a block gives no value, and there it is loaded in place
    is_selected = typable and not place.opened and not (name == LAST and opened)
    if record.session is SessionState.NONE and record.expired and is_selected:
        key = ", ".join(f"{column}={value!r}" for column, value in primary_key.items())
        assigned = "" if name == LAST else f"{name} = "
        return Fix(
            f"To read it again{once}{_or_elsewhere(options)}",
            f"{imported}{opened}{assigned}{ln}.select(type({name}), {key}).one()",
        )
    first = _first({each.key: _rank(each) for each in missing}, wanted)
    some = "some of " if len(first) < len(missing) else ""
    return Fix(
        f"To load {some}what is missing{once}{_or_elsewhere(options)}", _loaded(record, name, _quoted(first), options)
    )


def suggest_for_list(
    records: Sequence[Record], unloaded: Sequence[str], *, options: Options, wanted: Sequence[str] = ()
) -> Fix | None:
    """Say which statement loads with the records of a list what none of them has, where reading it raises.

    Args:
        records: Of the list, as they were seen.
        unloaded: What none has loaded.
        options: What the class can be written as, and where its rows are.
        wanted: What somebody wants most of such a record, if anything.
    """
    place = options.place
    missing = [key for key in unloaded if any(_raises(each.attributes.get(key)) for each in records)]
    if not missing or not options.model or place.opened or records[0].session is not SessionState.NONE:
        return None
    ln, imported = _package(options)
    first = _first({key: min(_rank(each.attributes.get(key)) for each in records) for key in missing}, wanted)
    selected = f"{ln}.select({options.model}).load({_quoted(first)})"
    if place.engine is not None:
        # a block gives no value
        selected = f"with {ln}.Session({place.engine}): {options.variable or 'found'} = {selected}.all()"
    some = "some of " if len(first) < len(missing) else ""
    return Fix(f"To load {some}them with the list{_or_elsewhere(options)}", f"{imported}{selected}")


def _first(missing: Mapping[str, tuple[bool, bool]], wanted: Sequence[str]) -> list[str]:
    """Choose what is named of what is missing, each with its rank: what is wanted most and is there, else the first."""
    most_wanted = [key for key in wanted if key in missing and not missing[key][0]]
    return most_wanted or sorted(missing, key=lambda key: missing[key])[:_MOST]


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{each}"' for each in names)


def _raises(attribute: Attribute | None) -> bool:
    return attribute is not None and attribute.cost is Cost.RAISES and attribute.kind in _LOADABLE


def _rank(attribute: Attribute | None) -> tuple[bool, bool]:
    """Put relationships first, which are missed most, and last those of which the foreign key says that there is none."""
    if attribute is None or attribute.kind is not Kind.RELATIONSHIP:
        return True, False
    keys = (attribute.foreign_key or {}).values()
    return bool(keys) and None in keys, attribute.many


def _loaded(record: Record, name: str, names: str, options: Options) -> str:
    """Write what loads some of a record."""
    place, (ln, package) = options.place, _package(options)
    if record.session is SessionState.ASYNC:
        session = place.session or f"async_object_session({name})"
        imported = "" if place.session else _imported("async_object_session", "sqlalchemy.ext.asyncio")
        return f"{imported}await {session}.refresh({name}, [{names}])"
    if place.opened:
        opened = place.opening(is_modified=record.modified)
        return f"async with {opened} as session: session.add({name}); await session.refresh({name}, [{names}])"
    opened = "" if place.is_known else f"with {ln}.Session({place.engine}): "
    return f"{package}{opened}{ln}.load({name}, {names})"


def _package(options: Options) -> tuple[str, str]:
    """Say what this package is called, and what imports it first where nothing names it."""
    return options.package, "" if options.is_imported else f"import ln_jupyter as {options.package}\n"


def _or_elsewhere(options: Options) -> str:
    """Name the other engines: the rows of another database may have the same keys."""
    place = options.place
    some = " or ".join(place.others[:_MOST])
    return f", with {some} in place of {place.engine} if it was read there" if some and not place.is_known else ""


def _imported(name: str, module: str = "sqlalchemy.orm") -> str:
    return f"from {module} import {name}; "


def _variable(class_name: str) -> str:
    name = class_name.lower()
    return name if name.isidentifier() and not keyword.iskeyword(name) else "record"


def _can_be_typed(column: str, value: object, options: Options) -> bool:
    return type(value) in {str, int} and not redaction.is_secret(column, names=options.secret_names)
