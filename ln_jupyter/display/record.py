"""A record becomes a `RecordView`: everything that text and HTML say of it, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice, starmap
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter import redaction
from ln_jupyter.display import fixes, line, states, values
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.display.states import Mark
from ln_jupyter.orm.inspect.record import Kind, Status, describe, state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ln_jupyter.display.fixes import Fix
    from ln_jupyter.display.options import Options
    from ln_jupyter.orm.inspect.record import Attribute, Record


class Row(NamedTuple):
    """One attribute, or what several have in common.

    Attributes:
        name: The attribute's.
        mark: Where its value is; None for a column that is loaded, whose value says so.
        words: The same in words.
        value: The value in one line, or what is known of one that is not loaded.
        modified: Whether it has changes that are not saved.
        members: The first members of a loaded collection, a line each.
        more: How many members or names there are besides.
        names: The attributes of which the row's name says what they have in common.
    """

    name: str
    mark: Mark | None = None
    words: str = ""
    value: str = ""
    modified: bool = False
    members: tuple[str, ...] = ()
    more: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordView:
    """What there is to show of a record; nothing of the record itself is kept.

    Attributes:
        class_name: The name of its class.
        identity: Its primary key, as text; empty where it has none yet.
        state: What it is to its session and its database, in words.
        rows: Its attributes: columns, then relationships, then what is computed.
        fix: What to type for what is missing, if anything is.
    """

    class_name: str
    identity: str
    state: str
    rows: tuple[Row, ...]
    fix: Fix | None


_FEW = 3  # columns of one state; more of them share a row


def view(obj: object, *, options: Options = DEFAULT) -> RecordView:
    """See a record, without SQL, without a flush, and without running code of its class.

    Args:
        obj: An instance of any mapped class.
        options: How much to show, and what not.

    Raises:
        NotMappedError: *obj* is not an instance of a mapped class.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> seen = view(lns.Run(id="Kq2xP0aZ", name="Solve Problem X"))
        >>> seen.class_name, seen.identity, seen.state
        ('Run', "'Kq2xP0aZ'", 'unsaved')
        >>> [(row.name, row.value) for row in seen.rows[:2]]
        [('id', "'Kq2xP0aZ'"), ('name', "'Solve Problem X'")]
    """
    seen = describe(obj)
    state = state_of(obj)
    primary_key = values.primary_key(state) if state is not None else {}
    return RecordView(
        class_name=seen.class_name,
        identity=values.key(primary_key, options=options),
        state=states.of_record(seen),
        rows=tuple(_rows(seen, options)),
        fix=fixes.suggest(seen, primary_key=primary_key, options=options),
    )


def _rows(record: Record, options: Options) -> Iterator[Row]:
    def of_kinds(*kinds: Kind) -> list[Attribute]:
        return [each for kind in kinds for each in record.attributes.values() if each.kind is kind]

    columns = of_kinds(Kind.COLUMN, Kind.EXPRESSION, Kind.COMPOSITE)
    columns.sort(key=attrgetter("primary_key"), reverse=True)
    yield from _bounded(_column_rows(record, columns, options), options)
    related = [_relationship_row(record, each, options) for each in of_kinds(Kind.RELATIONSHIP)]
    yield from _bounded(related, options)
    synonyms = [Row(each.key, Mark.SAME, f"another name of {each.note}") for each in of_kinds(Kind.SYNONYM)]
    yield from _bounded(synonyms, options)
    computed = [each.key for each in of_kinds(Kind.HYBRID, Kind.PROXY)]
    if computed:
        yield _shared("computed", Mark.COMPUTED, "made when read", computed, options)


def _column_rows(record: Record, columns: Iterable[Attribute], options: Options) -> list[Row]:
    """Give each column a row of its own, but one row to those that have the same to say."""
    own: dict[str, tuple[str, Mark | None, str, str, bool]] = {}
    said: dict[tuple[str, ...], tuple[Mark, str]] = {}
    alike: dict[tuple[Mark | None, str], list[str]] = {}
    for each in columns:
        modified = each.modified and record.identity is not None
        mark, words, value = None, "", ""
        if each.status is Status.LOADED:
            value = _value(each, options)
        else:  # in one record, these decide what is said of a column
            where = each.kind, each.status, each.cost, each.note
            if where not in said:
                said[where] = states.of_attribute(record, each)
            mark, words = said[where]
        own[each.key] = each.key, mark, words, value, modified
        if not modified and (mark is not None or each.value is None):
            alike.setdefault((mark, words or value), []).append(each.key)
    shared = []
    for (mark, words), names in alike.items():
        if mark in {None, Mark.NOTHING}:
            shared.append(_shared(words, None, "", names, options))
        elif len(names) > _FEW:
            shared.append(_shared(f"{len(names)} columns", mark, words, names, options))
        else:
            continue
        for name in names:
            del own[name]
    return [*starmap(Row, own.values()), *shared]


def _value(column: Attribute, options: Options) -> str:
    if column.value is None:
        return "None"
    # a composite names its columns in its note
    names = [column.key, *(column.note.split(", ") if column.kind is Kind.COMPOSITE else ())]
    if any(redaction.is_secret(name, info=column.info, names=options.secret_names) for name in names):
        return redaction.HIDDEN
    if column.info.get("sensitive") is not None:  # the model has decided for all that is in it
        options = replace(options, secret_names=())
    return values.short(column.value, options=options)


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
    return f"{relationship.target} {values.key(in_order, options=options)}".rstrip()


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
        values.short(related, options=options) if state_of(related) is None else line.to_text(related, options=options)
    )


def _shared(name: str, mark: Mark | None, words: str, names: list[str], options: Options) -> Row:
    shown = tuple(names[: options.columns])
    return Row(name, mark, words, names=shown, more=len(names) - len(shown))


def _bounded(rows: list[Row], options: Options) -> list[Row]:
    more = len(rows) - options.columns
    return rows if more <= 0 else [*rows[: options.columns], Row("…", value=f"{more:,} more")]
