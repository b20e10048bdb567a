"""What showing something costs: with the display hook against a shell without it."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any

import registries
from interleaved import Contestant, Effort, call, measure
from IPython.core.interactiveshell import InteractiveShell
from report import Budget, Row, Section

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.display import html, record, text
from ln_jupyter.ipython import extension

if TYPE_CHECKING:
    from pathlib import Path


@dataclasses.dataclass
class Plain:
    """Somebody's dataclass."""

    x: int = 1


def run(folder: Path, effort: Effort) -> list[Section]:
    """Measure displays in a shell of this process."""
    ln.connect(registries.url(folder / "display.db"))
    shell = InteractiveShell.instance()
    rows = [*records(shell, effort), *others(shell, effort)]
    ln.connect()
    return [Section("Displays", rows)]


def records(shell: InteractiveShell, effort: Effort) -> list[Row]:
    """Measure a record, whether collections of any length cost the same, and a list of records."""
    run = ln.add(lns.Run(name="Solve Problem X", pipeline=lns.Pipeline(name="Transform A")))
    few, many = (lns.Run(name="many", inputs=[lns.File(name=f"{i:06}") for i in range(n)]) for n in (9, 100_000))
    costs = measure(
        {name: call(partial(_show, shown)) for name, shown in (("run", run), ("few", few), ("many", many))},
        rounds=effort.rounds(60),
        calls=20,
    )
    sizes = f"{len(_show(few)):,} characters with 9, {len(_show(many)):,} with 100,000"
    thousand = [lns.Run(name=str(number)) for number in range(1_000)]
    return [
        Row("a record, as text and HTML", costs["run"], budget=Budget("total", 1e-3)),
        Row("a record with 100,000 inputs", costs["many"], costs["few"], "9 inputs", note=sizes),
        _shown(shell, "a list of 1,000 records", thousand, effort, calls=3),
    ]


def others(shell: InteractiveShell, effort: Effort) -> list[Row]:
    """Measure what everything else pays for the hook."""
    outputs = {"a number": 1, "an object": object(), "a list": [1, 2, 3], "a dict": {"a": 1}, "a dataclass": Plain()}
    return [
        _shown(shell, f"{name}, extension on", value, effort, calls=100, budget=Budget("extra", 5e-6))
        for name, value in outputs.items()
    ]


def _shown(  # noqa: PLR0913 - what is shown, and how it is measured
    shell: InteractiveShell, name: str, value: Any, effort: Effort, *, calls: int, budget: Budget | None = None
) -> Row:
    format_ = shell.display_formatter.format
    contestants = {
        "off": Contestant(lambda _: format_(value), lambda: extension.unload(shell)),
        "on": Contestant(lambda _: format_(value), lambda: extension.load(shell)),
    }
    costs = measure(contestants, rounds=effort.rounds(100), calls=calls)
    extension.unload(shell)
    return Row(name, costs["on"], costs["off"], "off", budget=budget)


def _show(shown: object) -> str:
    seen = record.view(shown)
    return text.render(seen) + html.render(seen)
