"""Durations, times and widths at their edges."""

from __future__ import annotations

import datetime as dt

import pytest

from ln_jupyter import humanize


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0.0 ms"),
        (1e-9, "0.0 ms"),
        (0.00994, "9.9 ms"),
        (0.00996, "0.010 s"),
        (0.9996, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1.0 min"),
        (3_599, "1.0 h"),
        (86_399, "1.0 d"),
        (1e9, "11574 d"),
        (float("nan"), "?"),
        (float("inf"), "?"),
    ],
)
def test_durations(seconds: float, written: str) -> None:
    """A duration has two digits and the unit that gives the fewest, also where rounding reaches the next one."""
    assert written == humanize.duration(seconds)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(59.4, "59 s"), (59.6, "1 min"), (float("nan"), "?"), (3_600, "1 h"), (86_400 * 3 + 59, "3 d")],
)
def test_durations_in_words(seconds: float, written: str) -> None:
    """In a sentence a unit that would be zero is left out."""
    assert written == humanize.duration_in_words(seconds)


@pytest.mark.parametrize(
    ("minutes", "written"),
    [
        (-600, "28 Nov"),
        (-2, "14:37"),
        (0.5, "just now"),
        (59, "59 min ago"),
        (60 * 24 * 6, "Sat 14:35"),
        (60 * 24 * 7, "20 Nov"),
    ],
)
def test_times_seen_from_now(minutes: float, written: str) -> None:
    """A time of the future, as a clock that is wrong gives it, is told as it is; a name of a day is that of this week."""
    now = dt.datetime(2026, 11, 27, 14, 35, tzinfo=dt.UTC)
    assert written == humanize.ago(now - dt.timedelta(minutes=minutes), now)


def test_zones() -> None:
    """A time is shown by the clock of the zone that *now* is in."""
    now = dt.datetime(2026, 11, 27, 14, 35, tzinfo=dt.timezone(dt.timedelta(hours=9)))

    assert "11:20" == humanize.ago(dt.datetime(2026, 11, 27, 2, 20, tzinfo=dt.UTC), now)
