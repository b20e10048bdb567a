"""Time goes on, whoever stops the clock."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.environment import clock
from ln_jupyter.tracking import running

if TYPE_CHECKING:
    import pytest
    import sqlalchemy as sa


DATETIME = dt.datetime


class _Frozen(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, DATETIME)


class Frozen(dt.datetime, metaclass=_Frozen):
    """The clock as libraries freeze it: another class in the place of Python's, which takes its objects for its own."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Frozen:
        """Return the moment at which it stands."""
        return cls(2012, 1, 14, tzinfo=tz)


def freeze(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock in 2012, as libraries for tests do."""
    monkeypatch.setattr(dt, "datetime", Frozen)
    for name in ("time", "monotonic", "perf_counter"):
        monkeypatch.setattr(time, name, lambda: 1_326_499_200.0)


def test_a_frozen_clock_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the time nor the length of what goes on is that of a clock that somebody has frozen."""
    began = clock.elapsed()

    freeze(monkeypatch)

    assert clock.now().year > 2012
    assert 0 <= clock.elapsed() - began < 60


def test_a_clock_that_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a process the time never goes back."""
    before = clock.now()

    monkeypatch.setattr(clock, "_CLOCKS", (lambda: 0.0, *clock._CLOCKS[1:]))

    assert before <= clock.now() < before + dt.timedelta(minutes=1)


def test_a_run_that_begins_while_the_clock_is_frozen(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It began when it did, and is alive."""
    before = clock.now()
    with monkeypatch.context() as frozen:
        freeze(frozen)
        ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")
    recording = running.recording()
    assert recording is not None
    recording.settle()

    run = ln.select(lns.Run).one()

    assert before <= run.started_at
    assert ("running", True) == (run.state, (run.alive_seconds or 0) >= 0)
    running.forget()
