"""What showing something costs: with the display hook against a shell without it."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from functools import partial
from typing import TYPE_CHECKING, Any

import registries
import sqlalchemy as sa
from interleaved import Contestant, Effort, call, measure
from IPython.core.interactiveshell import InteractiveShell
from report import Budget, Row, Section
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.display import html, record, text
from ln_jupyter.ipython import extension

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Base(orm.DeclarativeBase):
    """Of somebody's models."""


class Team(Base):
    """One of them."""

    __tablename__ = "team"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    heroes: orm.Mapped[list[Hero]] = orm.relationship(back_populates="team")


class Hero(Base):
    """Another one."""

    __tablename__ = "hero"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    age: orm.Mapped[int | None]
    team_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("team.id"))
    team: orm.Mapped[Team | None] = orm.relationship(back_populates="heroes")


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
    """Measure records as cells show them, whether collections of any length cost the same, and a list of records."""
    run = ln.add(lns.Run(name="Solve Problem X", pipeline=lns.Pipeline(name="Transform A")))
    hero = Hero(id=1, name="Spider-Boy", team=Team(id=1, name="Preventers"))
    few, many = (lns.Run(name="many", inputs=[lns.File(name=f"{i:06}") for i in range(n)]) for n in (9, 100_000))
    costs = measure(
        {name: call(partial(_show, shown)) for name, shown in (("few", few), ("many", many))},
        rounds=effort.rounds(60),
        calls=20,
    )
    sizes = f"{len(_show(few)):,} characters with 9, {len(_show(many)):,} with 100,000"
    thousand = [lns.Run(name=str(number)) for number in range(1_000)]
    return [
        _in_a_cell(shell, "a record of ours, in a cell", run, effort),
        _in_a_cell(shell, "a record of a user's class, in a cell", hero, effort),
        Row("a record with 100,000 inputs", costs["many"], costs["few"], "9 inputs", note=sizes),
        _in_a_cell(shell, "a list of 1,000 records, in a cell", thousand, effort),
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


def _in_a_cell(shell: InteractiveShell, name: str, shown: object, effort: Effort) -> Row:
    """Compare a cell that shows something with the extension and without; loading, and the next cell, are not counted."""

    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            shell.run_cell("shown", store_history=False)

    def after(change: Callable[[InteractiveShell], None]) -> Contestant:
        return Contestant(lambda _: run(), lambda: (change(shell), run()))

    shell.user_ns["shown"] = shown
    costs = measure({"off": after(extension.unload), "on": after(extension.load)}, rounds=effort.rounds(100), calls=10)
    extension.unload(shell)
    return Row(name, costs["on"], costs["off"], "off", budget=Budget("ratio", 3))


def _show(shown: object) -> str:
    seen = record.view(shown)
    return text.render(seen) + html.render(seen)
