"""A record becomes a `Card`: everything that text and HTML say of it, in words."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from ln_jupyter import redaction
from ln_jupyter.display import fixes, line, states, values
from ln_jupyter.display.card import SEPARATOR, Card, Part, Row
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.display.states import Mark
from ln_jupyter.orm.inspect.record import Kind, Status, describe, state_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from ln_jupyter.display.options import Options
    from ln_jupyter.orm.inspect.record import Attribute, Record

_FEW = 3  # attributes of one state; more of them share a row
_COLUMNS = {Kind.COLUMN, Kind.EXPRESSION, Kind.COMPOSITE}


def view(obj: object, *, options: Options = DEFAULT) -> Card:
    """See a record, without SQL, without a flush, and without running code of its class.

    Args:
        obj: An instance of any mapped class.
        options: How much to show, and what not.

    Raises:
        NotMappedError: *obj* is not an instance of a mapped class.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> card = view(lns.User(id="Kq2xP0aZ", handle="ann"))
        >>> "".join(part.text for part in card.lines[0])
        'User Kq2xP0aZ · unsaved'
        >>> [(row.name, row.value or row.names) for row in card.rows]
        [('handle', 'ann'), ('not set', ('name', 'created_at', 'revision'))]
    """
    seen = describe(obj)
    state = state_of(obj)
    primary_key = values.primary_key(state) if state is not None else {}
    title = Part(seen.class_name, "b"), Part(f" {values.bare_key(primary_key, options=options)}".rstrip())
    columns = column_rows(seen, options, known=primary_key)
    relationships = relationship_rows(seen, options)
    rows = (*_merged(_bounded(columns, options) + _bounded(relationships, options)), *other_rows(seen, options))
    fix = fixes.suggest(seen, primary_key=primary_key, options=options)
    return Card((_titled(title, states.of_record(seen)),), rows, fix=fix)


def _titled(title: tuple[Part, ...], state: str) -> tuple[Part, ...]:
    return *(part for part in title if part.text), Part(SEPARATOR + state)


def _merged(rows: list[Row]) -> Iterator[Row]:
    """Let columns and relationships that wait for the same share one row."""
    merged: dict[object, Row] = {}
    for row in rows:
        key = (row.name, row.mark, row.words) if row.names else row.name
        before = merged.get(key)
        merged[key] = (
            row if before is None else before._replace(names=before.names + row.names, more=before.more + row.more)
        )
    yield from merged.values()


def other_rows(record: Record, options: Options) -> Iterator[Row]:
    """Name what is made of columns and relationships: synonyms, hybrids and proxies."""
    attributes = record.attributes.values()
    synonyms = [
        Row(each.key, Mark.SAME, f"another name of {each.note}") for each in attributes if each.kind is Kind.SYNONYM
    ]
    yield from _bounded(synonyms, options)
    computed = [each.key for each in attributes if each.kind is Kind.HYBRID]
    computed += [each.key for each in attributes if each.kind is Kind.PROXY]
    if computed:
        yield _shared("computed", Mark.COMPUTED, "made when read", computed, options)


def column_rows(record: Record, options: Options, *, known: Iterable[str] = ()) -> list[Row]:
    """Give each column a row of its own, but one row to those that have the same to say.

    Args:
        record: As it was seen.
        options: How much to show, and what not.
        known: Columns whose saved values stand elsewhere, such as a title.
    """
    known = {*known}
    own: dict[str, Row] = {}
    said: dict[tuple[object, ...], tuple[Mark, str]] = {}
    alike: dict[tuple[Mark | None, str], list[str]] = {}
    for each in record.attributes.values():
        if each.kind not in _COLUMNS:
            continue
        modified = each.modified and record.identity is not None
        mark, words, value = None, "", ""
        if each.status is Status.LOADED:
            if each.key in known and not modified:
                continue
            value = _value(each, options)
        else:  # in one record, these decide what is said of a column
            where = each.kind, each.status, each.cost, each.note
            if where not in said:
                said[where] = states.of_attribute(record, each)
            mark, words = said[where]
        own[each.key] = Row(each.key, mark, words, value, modified)
        if not modified and (mark is not None or each.value is None):
            alike.setdefault((mark, words or value), []).append(each.key)
    shared = _taken_together(own, alike, options, always=(None, Mark.NOTHING))
    return [*own.values(), *shared]


def relationship_rows(record: Record, options: Options, *, few: int = _FEW) -> list[Row]:
    """Give each relationship a row of its own, but one row to those that are not there for the same reason.

    Args:
        record: As it was seen.
        options: How much to show, and what not.
        few: How many of one reason have a row each.
    """
    own: dict[str, Row] = {}
    alike: dict[tuple[Mark | None, str], list[str]] = {}
    for each in record.attributes.values():
        if each.kind is Kind.RELATIONSHIP:
            own[each.key] = row = _relationship_row(record, each, options)
            if each.status is not Status.LOADED and not row.modified and not each.pending:
                alike.setdefault((row.mark, row.words), []).append(each.key)
    shared = _taken_together(own, alike, options, few=few)
    return [*own.values(), *shared]


def _taken_together(
    own: dict[str, Row],
    alike: dict[tuple[Mark | None, str], list[str]],
    options: Options,
    *,
    few: int = _FEW,
    always: Container[Mark | None] = (),
) -> list[Row]:
    """Take rows that say the same out of *own*, and make one of them, named by what they say."""
    shared = []
    for (mark, words), names in alike.items():
        if mark in always:
            shared.append(_shared(words, None, "", names, options))
        elif len(names) > few:
            name, _, rest = words.partition(SEPARATOR)
            shared.append(_shared(name, None if mark is Mark.NOTHING and not rest else mark, rest, names, options))
        else:
            continue
        for each in names:
            del own[each]
    return shared


def _value(column: Attribute, options: Options) -> str:
    if column.value is None:
        return "None"
    # a composite names its columns in its note
    names = [column.key, *(column.note.split(", ") if column.kind is Kind.COMPOSITE else ())]
    if any(redaction.is_secret(name, info=column.info, names=options.secret_names) for name in names):
        return redaction.HIDDEN
    if column.info.get("sensitive") is not None:  # the model has decided for all that is in it
        options = replace(options, secret_names=())
    return values.bare(column.value, options=options)


def _relationship_row(record: Record, relationship: Attribute, options: Options) -> Row:
    mark, words = states.of_attribute(record, relationship)
    modified = relationship.modified and record.identity is not None
    if relationship.status is not Status.LOADED:
        return Row(relationship.key, mark, words, _target(record, relationship, options), modified=modified)
    if not relationship.many:
        value = "None" if relationship.value is None else _line(relationship.value, options)
        return Row(relationship.key, mark, words, value, modified=modified)
    if relationship.count is None:  # a foreign collection: counting it would run its code
        return Row(relationship.key, mark, words, f"many {relationship.target}", modified=modified)
    members = tuple(_members(relationship.value, options))
    value, more = f"{relationship.count:,} {relationship.target}", relationship.count - len(members)
    return Row(relationship.key, mark, words, value, modified, members, more)


def _target(record: Record, relationship: Attribute, options: Options) -> str:
    """Name what is not loaded, as far as the foreign key tells."""
    if relationship.many:
        return f"many {relationship.target}"
    foreign_key = relationship.foreign_key or {}
    if relationship.status in {Status.NULL, Status.UNSET, Status.NOLOAD} or None in foreign_key.values():
        return str(relationship.target)
    in_order = {key: foreign_key[key] for key in record.attributes if key in foreign_key}
    return f"{relationship.target} {values.bare_key(in_order, options=options)}".rstrip()


def _members(collection: Any, options: Options) -> Iterator[str]:
    """Write the first members, iterating as the built-in type does, whatever a subclass has made of it."""
    if issubclass(type(collection), dict):
        for key, each in islice(dict.items(collection), options.members):
            yield f"{values.short(key, options=options)}: {_line(each, options)}"
        return
    kind = list if issubclass(type(collection), list) else set
    for each in islice(kind.__iter__(collection), options.members):
        yield _line(each, options)


def _line(related: object, options: Options) -> str:
    return (
        values.short(related, options=options) if state_of(related) is None else line.in_words(related, options=options)
    )


def _shared(name: str, mark: Mark | None, words: str, names: list[str], options: Options) -> Row:
    shown = tuple(names[: options.columns])
    return Row(name, mark, words, names=shown, more=len(names) - len(shown))


def _bounded(rows: list[Row], options: Options) -> list[Row]:
    more = len(rows) - options.columns
    return rows if more <= 0 else [*rows[: options.columns], Row("…", value=f"{more:,} more")]
