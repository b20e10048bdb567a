"""Records of one class as one table, without SQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ln_jupyter import redaction
from ln_jupyter.display import fixes, states, table
from ln_jupyter.display.card import Part
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.display.table import NONE, Cell, TableView, are_numbers
from ln_jupyter.orm.inspect.record import Kind, Status, describe, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ln_jupyter.display.card import Line
    from ln_jupyter.display.options import Options
    from ln_jupyter.display.states import Mark
    from ln_jupyter.orm.inspect.record import Attribute, Record

_MOST = 12  # columns
_COLUMN_KINDS = {Kind.COLUMN, Kind.EXPRESSION, Kind.COMPOSITE}


def of_records(records: Sequence[object], *, count: int, options: Options = DEFAULT) -> TableView | None:
    """Make a table of records whose mapped classes have a base in common.

    Columns that no shown record fills are left out, and so are relationships that none has loaded;
    a remark names them.

    Args:
        records: The first of them, all of which are shown.
        count: How many there are.
        options: How much to show, and what not.

    Returns:
        None if there are none, or if they are no records, or of classes that have nothing in common.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> view = of_records([lns.User(id="aB3", handle="ann"), lns.User(id="cD4", handle="bob")], count=9)
        >>> view.columns, [[cell.text for cell in row] for row in view.rows]
        (('id', 'handle'), [['aB3', 'ann'], ['cD4', 'bob']])
    """
    model = common_class(records)
    if model is None:
        return None
    options = replace(options, length=min(options.length, table.WIDTH))
    described = [describe(each) for each in records]
    seen = [each.attributes for each in described]
    keys = list(dict.fromkeys(key for attributes in seen for key in attributes))
    filled = [key for key in keys if any(_fills(attributes.get(key)) for attributes in seen)]
    empty = [key for key in keys if key not in filled and all(_is_none(attributes.get(key)) for attributes in seen)]
    unloaded = [key for key in keys if key not in filled and _is_unloaded(seen, key)]
    covered = {key for name in filled for key in _foreign_keys(seen, name)}
    filled = [key for key in filled if key not in covered]
    shown = filled[: min(options.columns, _MOST)]
    rows = tuple(tuple(attribute_cell(each, key, options) for key in shown) for each in described)
    return TableView(
        model.__name__,
        count,
        tuple(shown),
        rows,
        state=common_state(described),
        remarks=(
            *table.none_remark(rows, empty, count),
            *state_remarks(described, unloaded),
            *table.more_columns(filled[len(shown) :]),
        ),
        fix=fixes.suggest_for_list(described, unloaded, options=options),
        numbers=frozenset(key for key in shown if _is_numeric([each.get(key) for each in seen])),
    )


def common_class(records: Sequence[object]) -> type | None:
    """Find the class they are all of; of several, the nearest mapped base that they share."""
    found = [state_of(each) for each in records]
    mappers = [None if state is None else state.manager.mapper for state in found]
    first = mappers[0] if mappers else None
    while first is not None and any(each is None or not each.isa(first) for each in mappers):
        first = first.inherits
    return None if first is None else first.class_


def common_state(records: Sequence[Record]) -> str:
    """Say what records are to their session, if it is the same of all."""
    said = {states.of_record(each) for each in records}
    return said.pop() if len(said) == 1 else ""


def unloaded_relationships(records: Sequence[Record]) -> list[str]:
    """Name the relationships that are not loaded of all records, and would have something to show."""
    seen = [each.attributes for each in records]
    return [key for key, each in seen[0].items() if each.kind is Kind.RELATIONSHIP and _is_unloaded(seen, key)]


def state_remarks(records: Sequence[Record], unloaded: Sequence[str]) -> list[Line]:
    """Say what some or all records have not loaded, together what is in the same state."""
    alike: dict[tuple[Mark, str], list[str]] = {}
    for key in unloaded:
        seen = next(each for each in records if _is_unloaded([each.attributes], key))
        alike.setdefault(states.of_attribute(seen, seen.attributes[key]), []).append(key)
    return [
        (Part(f"{mark} {words}", _tone(mark)), Part(f": {table.listed(keys)}")) for (mark, words), keys in alike.items()
    ]


def _fills(attribute: Attribute | None) -> bool:
    if attribute is None or attribute.status is not Status.LOADED:
        return False
    return attribute.kind is Kind.RELATIONSHIP or (attribute.kind in _COLUMN_KINDS and attribute.value is not None)


def _is_none(attribute: Attribute | None) -> bool:
    """Tell whether a column is known to be None; of another subclass it is nothing."""
    return attribute is None or (
        attribute.kind in _COLUMN_KINDS and attribute.status is Status.LOADED and attribute.value is None
    )


def _is_numeric(attributes: Sequence[Attribute | None]) -> bool:
    seen = [each for each in attributes if each is not None and each.status is Status.LOADED]
    return all(each.kind in _COLUMN_KINDS for each in seen) and are_numbers([each.value for each in seen])


def _foreign_keys(seen: Sequence[Mapping[str, Attribute]], name: str) -> set[str]:
    """Name the columns of which a relationship, loaded in every row, says the same and more."""
    found = [attributes[name] for attributes in seen if name in attributes]
    if any(each.status not in {Status.LOADED, Status.NULL} for each in found):
        return set()
    return {key for each in found for key in each.foreign_key or () if not seen[0].get(key, each).primary_key}


def _is_unloaded(seen: Sequence[Mapping[str, Attribute]], key: str) -> bool:
    """Tell whether a column or relationship would have something to show if it were loaded."""
    found = [attributes[key] for attributes in seen if key in attributes]
    silent = {Status.LOADED, Status.UNSET, Status.NULL, Status.NOLOAD, Status.COMPUTED}
    return any(each.kind in {*_COLUMN_KINDS, Kind.RELATIONSHIP} and each.status not in silent for each in found)


def attribute_cell(seen: Record, key: str, options: Options) -> Cell:
    """Write what a record has of an attribute as it stands in a column."""
    attribute = seen.attributes.get(key)
    if attribute is None or attribute.status is Status.UNSET:  # None: of another subclass
        return Cell("")
    if attribute.status is Status.NULL:
        return Cell(NONE)
    if attribute.status is not Status.LOADED:
        mark, words = states.of_attribute(seen, attribute)
        return Cell(f"{mark} {words.partition(' · ')[0]}", _tone(mark))
    if attribute.kind is Kind.RELATIONSHIP:
        if attribute.many:
            return Cell("?" if attribute.count is None else f"{attribute.count:,} {attribute.target}")
        return Cell(table.cell(attribute.value, options=options))
    hidden = redaction.is_secret(attribute.key, info=attribute.info, names=options.secret_names)
    return Cell(table.cell(attribute.value, hidden=hidden, options=options))


def _tone(mark: Mark) -> str:
    """Colour only what raises when it is read."""
    return mark.tone or "" if mark.raises else ""
