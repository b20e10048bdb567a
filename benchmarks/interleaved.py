"""Contestants measured side by side in one run: they take turns, so that a noisy machine hits all alike.

pyperf and pytest-benchmark measure one contestant to its end before the next: minutes apart, on a
machine that others use, the ratio of two such figures says more of the others than of the code.
pyperf also knows wall time only. What is taken from it: many rounds, medians and quartiles, no
garbage collection inside a turn, fresh processes where a start is measured.
"""

from __future__ import annotations

import gc
import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call, or one process, took.

    Attributes:
        cpu: Seconds of CPU time, of all threads.
        wall: Seconds.
        peak: Bytes that a process held at most; 0 for a call.
    """

    cpu: float
    wall: float
    peak: float = 0


@dataclass(frozen=True)
class Contestant:
    """One way to do what is measured.

    Attributes:
        act: What is measured; it is given what *prepare* gave.
        prepare: What comes before each turn, and is not measured.
    """

    act: Callable[[Any], object]
    prepare: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes:
        is_quick: A look is enough: a tenth of the rounds.
    """

    is_quick: bool = False

    def rounds(self, wanted: int) -> int:
        """Say how many rounds to make, where *wanted* is what a full run needs."""
        return max(3, wanted // 10) if self.is_quick else wanted


def call(act: Callable[[], object]) -> Contestant:
    """Make a contestant of what takes nothing."""
    return Contestant(lambda _: act())


def measure(contestants: Mapping[str, Contestant], *, rounds: int, calls: int = 1) -> dict[str, list[Cost]]:
    """Let each contestant have its turn, round by round.

    Args:
        contestants: By name.
        rounds: How often each has its turn; each round begins with another one.
        calls: How often it is called in a turn, with one preparation.

    Returns:
        The cost of a call in each round, by name.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in contestants}
    for each in contestants.values():
        each.act(each.prepare())
    gc.collect()
    gc.freeze()  # what is there by now is not looked through again before each turn
    for names in _turns(list(contestants), rounds):
        for name in names:
            act, given = contestants[name].act, contestants[name].prepare()
            gc.collect()
            gc.disable()
            try:
                wall, cpu = time.perf_counter_ns(), time.process_time_ns()
                for _ in range(calls):
                    act(given)
                cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
            finally:
                gc.enable()
            costs[name].append(Cost(cpu / calls / 1e9, wall / calls / 1e9))
    gc.unfreeze()
    return costs


def measure_processes(
    commands: Mapping[str, Sequence[str]],
    *,
    rounds: int,
    environment: Mapping[str, str] | None = None,
    says_peak: bool = False,
) -> dict[str, list[Cost]]:
    """Start each command, round by round, and let it run to its end.

    Args:
        commands: By name.
        rounds: How often each has its turn.
        environment: Of the processes.
        says_peak: Whether the last line of what each prints is its peak.

    Raises:
        subprocess.CalledProcessError: If one fails.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for name in commands:
        _run(commands[name], environment, says_peak=says_peak)
    for names in _turns(list(commands), rounds):
        for name in names:
            costs[name].append(_run(commands[name], environment, says_peak=says_peak))
    return costs


def _run(command: Sequence[str], environment: Mapping[str, str] | None, *, says_peak: bool) -> Cost:
    begun = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE if says_peak else subprocess.DEVNULL, env=environment
    ) as process:
        said = b"0" if process.stdout is None else process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)  # which also tells what it used
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(used.ru_utime + used.ru_stime, wall, float(said.split()[-1]))


def _turns(names: list[str], rounds: int) -> Iterator[list[str]]:
    for number in range(rounds):
        first = number % len(names)
        yield names[first:] + names[:first]
