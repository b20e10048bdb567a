"""What was measured, held against budgets: as a table, as JSON, and as a page."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from interleaved import Cost

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))
_HEADER = ("", "ours", "rival", "floor", "ratio", "quartiles", "budget", "")


@dataclass(frozen=True)
class Budget:
    """What a row may cost, in CPU time.

    Attributes:
        of: The ``ratio`` to the rival, what is ``extra`` beside it, or the ``total``.
        limit: The most it may be: a ratio, or seconds.
    """

    of: Literal["ratio", "extra", "total"]
    limit: float

    def __str__(self) -> str:
        if self.of == "ratio":
            return f"<= {self.limit:g} x"
        return f"<= {'+' * (self.of == 'extra')}{_seconds(self.limit)}"


@dataclass(frozen=True)
class Row:
    """One thing that was measured.

    Attributes:
        name: What.
        ours: What it cost us, by round.
        rival: What it cost somebody else in the same rounds.
        against: Who that is.
        floor: What it costs without any comfort.
        on: What that is.
        budget: What it may cost; None where only the figure is of interest.
        by: The figure that counts: CPU time, or the most memory.
        note: What else is to be said.
    """

    name: str
    ours: Sequence[Cost]
    rival: Sequence[Cost] = ()
    against: str = ""
    floor: Sequence[Cost] = ()
    on: str = ""
    budget: Budget | None = None
    by: Literal["cpu", "peak"] = "cpu"
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """Ours to the rival's, by round."""
        return [_of(self.by)(a) / _of(self.by)(b) for a, b in zip(self.ours, self.rival, strict=False)]

    @property
    def figure(self) -> float | None:
        """What the budget is about: the median of the rounds."""
        if self.budget is None:
            return None
        if self.budget.of == "total":
            return statistics.median(each.cpu for each in self.ours)
        if self.budget.of == "ratio":
            return statistics.median(self.ratios)
        return statistics.median(a.cpu - b.cpu for a, b in zip(self.ours, self.rival, strict=False))

    @property
    def is_met(self) -> bool | None:
        """Whether the budget is met; None where there is none."""
        return None if self.budget is None or self.figure is None else self.figure <= self.budget.limit

    def cells(self) -> tuple[str, ...]:
        """Write the row for a table."""
        ratios = self.ratios
        verdict = "" if self.is_met is None else ("met" if self.is_met else "NOT MET")
        if self.budget is not None and self.budget.of == "extra":
            verdict = f"{verdict}, {_seconds(self.figure or 0.0, signed=True)}"
        return (
            self.name,
            self._write(self.ours),
            f"{self._write(self.rival)} {self.against}".strip(),
            f"{self._write(self.floor)} {self.on}".strip(),
            f"{statistics.median(ratios):.2f}" if ratios else "",
            "{:.2f} to {:.2f}".format(*_quartiles(ratios)) if ratios else "",
            "" if self.budget is None else str(self.budget),
            verdict,
        )

    def as_json(self) -> dict[str, Any]:
        """Give everything, in seconds and bytes."""
        sides = {"ours": self.ours, "rival": self.rival, "floor": self.floor}
        ratios = self.ratios
        return {
            "name": self.name,
            "rival": self.against or None,
            "floor": self.on or None,
            "costs": {side: _summary(costs) for side, costs in sides.items() if costs},
            "ratio": {"median": statistics.median(ratios), "quartiles": _quartiles(ratios)} if ratios else None,
            "budget": None if self.budget is None else {"of": self.budget.of, "limit": self.budget.limit},
            "figure": self.figure,
            "met": self.is_met,
            "note": self.note or None,
        }

    def _write(self, costs: Sequence[Cost]) -> str:
        if not costs:
            return ""
        median = statistics.median(map(_of(self.by), costs))
        return _seconds(median) if self.by == "cpu" else f"{median / 1e6:,.0f} MB"


@dataclass(frozen=True)
class Section:
    """Rows that belong together.

    Attributes:
        title: What they are about.
        rows: In order.
        remarks: What there is to say besides, a line each.
    """

    title: str
    rows: Sequence[Row]
    remarks: Sequence[str] = field(default_factory=list)


def text(section: Section) -> str:
    """Write a section for a terminal."""
    table = tabulate([row.cells() for row in section.rows], _HEADER, disable_numparse=True)
    return "\n".join([f"{section.title} (CPU time, medians)", table, *_remarks(section), ""])


def markdown(section: Section) -> str:
    """Write a section for a page."""
    table = tabulate([row.cells() for row in section.rows], _HEADER, tablefmt="github", disable_numparse=True)
    remarks = "".join(f"- {each}\n" for each in _remarks(section))
    return f"### {section.title}\n\n{table}\n" + (f"\n{remarks}" if remarks else "")


def as_json(sections: Sequence[Section], machine: Mapping[str, Any]) -> dict[str, Any]:
    """Give everything that was measured, and where."""
    found = [
        {"title": each.title, "rows": [row.as_json() for row in each.rows], "remarks": list(each.remarks)}
        for each in sections
    ]
    return {"machine": dict(machine), "sections": found}


def _remarks(section: Section) -> list[str]:
    return [*(f"{row.name}: {row.note}" for row in section.rows if row.note), *section.remarks]


def _of(by: str) -> Callable[[Cost], float]:
    return lambda cost: float(getattr(cost, by))


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
    return low, high


def _summary(costs: Sequence[Cost]) -> dict[str, Any]:
    found: dict[str, Any] = {"rounds": len(costs)}
    for name in ("cpu", "wall", "peak"):
        values = [getattr(each, name) for each in costs]
        if any(values):
            found[name] = {"median": statistics.median(values), "quartiles": _quartiles(values)}
    return found


def _seconds(value: float, *, signed: bool = False) -> str:
    unit, name = next((each for each in _UNITS if abs(value) >= each[0]), _UNITS[-1])
    return (
        f"{value / unit:{'+' if signed else ''}.3g} {name}"
        if abs(value) < 999.5 * unit
        else f"{value / unit:,.0f} {name}"
    )
