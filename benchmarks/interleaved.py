"""Rivals measured side by side in one run: CPU time, interleaved, so that a noisy machine hits all alike."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Measured:
    """CPU time of one call, in microseconds.

    Attributes:
        median: Of all rounds.
        low: The first quartile.
        high: The third quartile.
    """

    median: float
    low: float
    high: float


def measure(rivals: Mapping[str, Callable[[], object]], *, rounds: int = 60, calls: int = 100) -> dict[str, Measured]:
    """Call each rival in turn, round by round.

    Args:
        rivals: By name.
        rounds: How often each has its turn.
        calls: How often it is called in a turn.
    """
    turns: dict[str, list[float]] = {name: [] for name in rivals}
    for call in rivals.values():
        call()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in rivals.items():
                begun = time.process_time_ns()
                for _ in range(calls):
                    call()
                turns[name].append((time.process_time_ns() - begun) / calls / 1000)
    finally:
        gc.enable()
    quartiles = {name: statistics.quantiles(times, n=4) for name, times in turns.items()}
    return {name: Measured(middle, low, high) for name, (low, middle, high) in quartiles.items()}


def table(title: str, measured: Mapping[str, Measured], *, against: str) -> str:
    """Write what was measured, with each rival's ratio to one of them.

    Args:
        title: What was measured.
        measured: By rival.
        against: The rival that is 1.00.
    """
    base = measured[against].median
    rows = [
        (name, f"{each.median:,.1f}", f"{each.low:,.1f} to {each.high:,.1f}", f"{each.median / base:.2f}")
        for name, each in measured.items()
    ]
    header = ("", "us CPU, median", "quartiles", f"x {against}")
    return f"{title}\n{tabulate(rows, header, disable_numparse=True, colalign=('left', 'right', 'right', 'right'))}\n"
