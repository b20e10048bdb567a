"""A run or a notebook as a card that leads with its state, and says nothing that stops being true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ln_jupyter import humanize
from ln_jupyter.display import fixes, record, states, values
from ln_jupyter.display.card import SEPARATOR, Card, Fold, Part, Row, joined
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.display.registry import facts
from ln_jupyter.orm.inspect.record import Status, describe, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ln_jupyter.display.card import Line
    from ln_jupyter.display.options import Options
    from ln_jupyter.orm.inspect.record import Record

_TOLD = ("parameters", "results", "note")  # columns that have a row of their own


def view(obj: object, *, options: Options = DEFAULT) -> Card:
    """See a record of the registry; as `record.view`.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> card = view(lns.Run(id="Kd81mTqZ2xVYc0RuW5bN", name="Train", parameters={"alpha": 0.2}))
        >>> "".join(part.text for part in card.lines[0]), card.rows[0].value
        ('Run Kd81mT · Train · unsaved', 'alpha 0.2')
    """
    lead = _LEADS.get(type(obj).__name__)
    if lead is None:
        return record.view(obj, options=options)
    seen = describe(obj)
    state = state_of(obj)
    primary_key = values.primary_key(state) if state is not None else {}
    known = facts.held(seen)
    lines = tuple(each for each in lead(seen, known, primary_key) if each)
    columns = record.column_rows(seen, options, known=[name for name in _TOLD if known.get(name)])
    told = list(_told(seen, options))
    told += [row for row in columns if row.modified and all(row.name != each.name for each in told)]
    folded = [row for row in columns if not row.modified] + list(record.other_rows(seen, options))
    fix = fixes.suggest(seen, primary_key=primary_key, options=options, wanted=facts.WANTED)
    return Card(lines, tuple(told), (_relationships(seen, options, fix), _columns(folded)))


def _of_run(seen: Record, held: Mapping[str, Any], primary_key: Mapping[str, Any]) -> Iterator[Line]:
    state, reason = facts.state(held)
    if state:
        yield (Part(state, facts.tone(held)), Part(reason))
    yield _named("Run", primary_key, [held.get("name") or "", *facts.notebook(held)], seen)
    at = humanize.moment(held["started_at"]) if held.get("started_at") else ""
    who = f"by {facts.handle(held)}" if facts.handle(held) else ""
    on = f"on {held['host']}" if held.get("host") else ""
    small = SEPARATOR.join(filter(None, (f"{who} {on}".strip(), at, facts.took(held))))
    yield (Part(small, "small", facts.offset(held.get("started_at"))),) if small else ()


def _of_notebook(seen: Record, held: Mapping[str, Any], primary_key: Mapping[str, Any]) -> Iterator[Line]:
    published = held.get("published_at")
    said = [f"published {humanize.moment(published)}" if published else ""]
    title = held.get("title") or held.get("name")
    version = f"version {held['v']}" if held.get("v") else ""
    name = held.get("name") if title != held.get("name") else ""
    if title:
        yield (Part(str(title), "b"), *(Part(f"{SEPARATOR}{each}") for each in (name, version, *said) if each))
    yield _named("Notebook", {"id": primary_key["id"]} if primary_key else {}, [], seen)
    made = f"made {humanize.moment(held['created_at'])}" if held.get("created_at") else ""
    copied = f"copy of {held['parent_id']}, version {held.get('parent_v')}" if held.get("parent_id") else ""
    by = f" by {facts.handle(held)}" if made and facts.handle(held) else ""
    small = SEPARATOR.join(filter(None, (f"{made}{by}", copied)))
    yield (Part(small, "small"),) if small else ()


_LEADS: dict[str, Callable[[Record, Mapping[str, Any], Mapping[str, Any]], Iterator[Line]]] = {
    "Run": _of_run,
    "Notebook": _of_notebook,
}


def _named(noun: str, primary_key: Mapping[str, Any], said: list[str], seen: Record) -> Line:
    whole = ", ".join(map(str, primary_key.values()))
    name = Part(f"{noun} {humanize.short_id(whole)}".rstrip(), "b", whole)
    return joined(name, *map(Part, said), Part(states.of_record(seen)))


def _told(seen: Record, options: Options) -> Iterator[Row]:
    """Give a row to what the user said of it."""
    for name in _TOLD:
        column = seen.attributes.get(name)
        if column is not None and column.status is Status.LOADED and column.value:
            modified = column.modified and seen.identity is not None
            yield Row(name, value=facts.pairs(column.value, options=options), modified=modified)
    tagged = seen.attributes.get("tagged")
    if tagged is not None and tagged.status is Status.LOADED and tagged.value and (tags := facts.tags(tagged.value)):
        yield Row("tags", value=", ".join(tags))
    files, path = seen.attributes.get("files"), seen.attributes.get("path")
    if files is not None and files.status is Status.LOADED and files.value:
        notebook = path.value if path is not None and path.status is Status.LOADED else None
        for role, name in (("input", "read"), ("output", "wrote")):
            if said := facts.files(files.value, role, notebook):
                yield Row(name, value=said)


def _relationships(seen: Record, options: Options, fix: fixes.Fix | None) -> Fold:
    rows = record.relationship_rows(seen, options, few=0)
    loaded = [row for row in rows if not row.names]
    line = [Part("●", "good"), Part(f" {humanize.count(len(loaded), 'relationship')} loaded")] if loaded else []
    for row in rows:
        if row.names:
            mark = [] if row.mark is None else [Part(row.mark, row.tone), Part(" ")]
            words = SEPARATOR.join(filter(None, (row.name, row.words)))
            line += [Part(", ") if line else Part(""), *mark, Part(f"{len(row.names) + row.more} {words}")]
    return Fold(tuple(line), tuple(rows), fix)


def _columns(rows: list[Row]) -> Fold:
    own = sum(not row.names for row in rows)
    return Fold((Part(humanize.count(own, "column")),), tuple(rows), name="columns")
