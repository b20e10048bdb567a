"""Runs as a table: state and reason, which notebook, what came out, how long, who and when."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ln_jupyter import humanize
from ln_jupyter.display import fixes, records, values
from ln_jupyter.display.card import Part
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.display.registry import facts
from ln_jupyter.display.table import WIDTH, Cell, TableView, are_numbers, more_columns
from ln_jupyter.orm.inspect.record import Kind, Status, describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ln_jupyter.display.card import Line
    from ln_jupyter.display.options import Options

_RESULTS = 4  # columns for what `ln.log` was given; more are in the records
_TOLD = ("notebook", "created_by")  # by the run's title, and by whom it was made
_OURS = ("state", "run", "busy", "by", "started", "id")


def of_records(runs: Sequence[object], *, count: int, options: Options = DEFAULT) -> TableView:
    """Make a table of runs; columns that say nothing of any of them are left out.

    Args:
        runs: The first of them, all of which are shown.
        count: How many there are.
        options: How much to show, and what not.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> run = lns.Run(id="Kd81mTqZ2xVYc0RuW5bN", name="Train", outcome="ok", results={"mae": 0.21})
        >>> of_records([run], count=1).columns
        ('run', 'mae', 'id')
    """
    described = [describe(each) for each in runs]
    attributes = described[0].attributes
    related = [key for key, each in attributes.items() if each.kind is Kind.RELATIONSHIP]
    loaded = [key for key in related if attributes[key].status is Status.LOADED and key not in _TOLD]
    unloaded = records.unloaded_relationships(described)
    cells = {key: [records.attribute_cell(each, key, options) for each in described] for key in loaded}
    view = of_facts([facts.held(each) for each in described], count=count, others=cells, options=options)
    return replace(
        view,
        state=records.common_state(described),
        remarks=(*view.remarks, *records.state_remarks(described, unloaded)),
        fix=fixes.suggest_for_list(described, unloaded, options=options, wanted=facts.WANTED),
    )


def of_facts(
    held: Sequence[Mapping[str, Any]],
    *,
    count: int,
    others: Mapping[str, list[Cell]] = MappingProxyType({}),
    options: Options = DEFAULT,
) -> TableView:
    """Make a table of what is known of runs.

    Args:
        held: Of each its columns, as far as they are known, its ``state``, and the ``title`` and ``handle`` of what it
            is related to.
        count: How many runs there are.
        others: More columns, with the cells of each.
        options: How much to show, and what not.
    """
    names = list(dict.fromkeys(name for each in held for name in _results(each)))
    shown = [name for name in names if name not in {*_OURS, *others} and len(name) <= WIDTH][:_RESULTS]
    cells = {
        "state": [_state(each) for each in held],
        "run": [_run(each) for each in held],
        **{name: [_result(each, name, options) for each in held] for name in shown},
        **others,
        "busy": [Cell(facts.busy(each)) for each in held],
        "by": [Cell(facts.handle(each)) for each in held],
        "started": [_started(each) for each in held],
        "id": [_id(each) for each in held],
    }
    filled = [name for name, column in cells.items() if any(each.text for each in column)]
    numbers = {name for name in shown if are_numbers([_results(each).get(name) for each in held])}
    return TableView(
        "Run",
        count,
        tuple(filled),
        tuple(zip(*(cells[name] for name in filled), strict=True)),
        remarks=(*_summary(held), *more_columns([name for name in names if name not in shown])),
        numbers=frozenset(numbers | {"busy"}),
        spare=(*shown, *others),
    )


def _state(held: Mapping[str, Any]) -> Cell:
    state, _ = facts.state(held)
    return Cell(state, facts.tone(held))


def _run(held: Mapping[str, Any]) -> Cell:
    """Name a run by what somebody called it, with why it ended as it did below."""
    _, reason = facts.state(held)
    called = [held["name"]] if held.get("name") else facts.notebook(held)
    return Cell(
        values.in_column(called[0]) or values.short(called[0]) if called else "",
        below=reason.lstrip(",: ").replace("at cell", "cell", 1),
    )


def _started(held: Mapping[str, Any]) -> Cell:
    time = held.get("started_at")
    return Cell("") if time is None else Cell(humanize.moment(time, year=False))


def _id(held: Mapping[str, Any]) -> Cell:
    whole = str(held.get("id") or "")
    return Cell(humanize.short_id(whole), "small", title=whole)


def _results(held: Mapping[str, Any]) -> dict[str, Any]:
    found = held.get("results")
    return {str(name): value for name, value in found.items()} if type(found) is dict else {}


def _result(held: Mapping[str, Any], name: str, options: Options) -> Cell:
    value = _results(held).get(name)
    return Cell("" if value is None else facts.named_value(name, value, options=options))


def _summary(held: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Count the states, so that one that failed is not looked for in vain."""
    counts: dict[str, int] = {}
    for each in held:
        word = facts.state(each)[0].partition(" ")[2]
        counts[word] = counts.get(word, 0) + bool(word)
    said = [f"{number:,} {word}" for word, number in counts.items() if number]
    return [(Part(", ".join(said)),)] if len(said) > 1 else []
