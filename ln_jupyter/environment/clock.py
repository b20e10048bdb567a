"""What time it is, and how long something took, also where somebody has frozen or turned back the clock."""

from __future__ import annotations

import datetime as dt
import time

# In a tuple, where those do not find them who put other functions in the place of Python's.
_CLOCKS = (time.time, time.monotonic, dt.datetime.fromtimestamp)

_BEGAN = (time.time(), time.monotonic())


def now() -> dt.datetime:
    """Read the clock, in UTC; within a process it never goes back.

    Example:
        >>> now() <= now()
        True
    """
    return _CLOCKS[2](seconds(), dt.UTC)


def seconds() -> float:
    """Return `now` as seconds since 1970."""
    wall, elapsed, _ = _CLOCKS
    return max(wall(), _BEGAN[0] + elapsed() - _BEGAN[1])


def elapsed() -> float:
    """Return seconds since some moment, by a clock that nobody sets.

    Example:
        >>> elapsed() <= elapsed()
        True
    """
    return _CLOCKS[1]()
