"""Executed cells as a table: which cell, how it ended, how long it took, and what it began with."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ln_jupyter import humanize
from ln_jupyter.display import fixes, records, values
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.display.registry import facts
from ln_jupyter.display.table import WIDTH, Cell, TableView
from ln_jupyter.orm.inspect.record import describe, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ln_jupyter.display.options import Options

_STATES = {True: ("✓ finished", ""), False: ("✗ failed", "bad"), None: ("has not ended", "")}
_LONGEST = 500  # bytes of a text that are looked at for its first line


def of_records(cells: Sequence[object], *, count: int, options: Options = DEFAULT) -> TableView:
    """Make a table of executed cells, in the order in which they are given.

    Args:
        cells: The first of them, all of which are shown.
        count: How many there are.
        options: How much to show, and what not.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> failed = lns.ExecutedCell(position=3, number=2, ok=False, error_type="TypeError", error_message="no")
        >>> view = of_records([failed], count=1)
        >>> view.columns, [cell.text for cell in view.rows[0]], view.rows[0][1].below
        (('cell', 'state'), ['2', '✗ failed'], 'TypeError: no')
    """
    described = [describe(each) for each in cells]
    held = [facts.held(each) for each in described]
    columns = {
        "cell": [_number(each) for each in held],
        "state": [_state(each) for each in held],
        "took": [_took(each) for each in held],
        "started": [_started(each) for each in held],
        "text": [Cell(_first_line(each.get("text"))) for each in held],
    }
    filled = [name for name, column in columns.items() if any(each.text for each in column)]
    unloaded = records.unloaded_relationships(described)
    return TableView(
        "ExecutedCell",
        count,
        tuple(filled),
        tuple(zip(*(columns[name] for name in filled), strict=True)),
        state=records.common_state(described),
        remarks=tuple(records.state_remarks(described, unloaded)),
        fix=fixes.suggest_for_list(described, unloaded, options=options, wanted=("text",)),
        numbers=frozenset({"cell", "took"}),
        spare=("started",),
    )


def _number(held: Mapping[str, Any]) -> Cell:
    """Number a cell as its notebook does; where that is not known, say which execution it was."""
    if held.get("number") is not None:
        return Cell(str(held["number"]), title=f"execution {held.get('position')}")
    return Cell(f"#{held['position']}" if held.get("position") is not None else "")


def _state(held: Mapping[str, Any]) -> Cell:
    if "ok" not in held:
        return Cell("")
    word, tone = _STATES[held["ok"]]
    line = f"line {held['error_line']}" if held.get("error_line") else ""
    error = ": ".join(filter(None, (held.get("error_type"), held.get("error_message"))))
    return Cell(word, tone, below=", ".join(filter(None, (values.in_column(error), line))))


def _took(held: Mapping[str, Any]) -> Cell:
    return Cell("" if held.get("seconds") is None else humanize.duration(held["seconds"]))


def _started(held: Mapping[str, Any]) -> Cell:
    time = held.get("started_at")
    return Cell("") if time is None else Cell(f"{humanize.moment(time, year=False)}:{time:%S}")


def _first_line(text: object) -> str:
    """Unpack the beginning of a text that is loaded."""
    state = None if text is None else state_of(text)
    content = None if state is None else state.dict.get("content")
    if type(content) is not bytes:
        return ""
    try:
        unpacked = zlib.decompressobj().decompress(content, _LONGEST)
    except zlib.error:  # an edit by hand
        return ""
    first = unpacked.decode("utf-8", "replace").lstrip("\n").partition("\n")[0]
    return values.in_column(first, options=replace(DEFAULT, length=WIDTH))
