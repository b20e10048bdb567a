"""Durations, times, ids, sizes, counts, paths and states as people read them, and how wide text is: in the terminal and in cards."""

from __future__ import annotations

import math
import posixpath
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

STATE_SIGNS = {"running": "►", "finished": "✓", "failed": "✗", "interrupted": "■", "lost": "?"}
"""Of a run; none of them has a form as an emoji."""

_ID = 6
_HASH = 8
_UNITS = ((60.0, "s"), (60.0, "min"), (24.0, "h"), (float("inf"), "d"))
_SHORTEST = 0.00995  # seconds; shorter is told in ms
_DAYS_BY_NAME = 6  # of the same name a week ago nobody thinks first


def duration(seconds: float) -> str:
    """Write how long something took in one unit and two digits, so that a column can be compared.

    Example:
        >>> [duration(each) for each in (0.00021, 0.0096, 0.0301, 8.44, 9.96, 49.3, 59.6, 198, 4_300, 200_000)]
        ['0.21 ms', '9.6 ms', '0.030 s', '8.4 s', '10 s', '49 s', '1.0 min', '3.3 min', '1.2 h', '2.3 d']
    """
    if not math.isfinite(seconds):  # an edit by hand
        return "?"
    if seconds < _SHORTEST:
        return f"{_two_digits(seconds * 1000)} ms"
    for size, unit in _UNITS:
        written = _two_digits(seconds)
        if float(written) < size:
            return f"{written} {unit}"
        seconds = max(seconds / size, 1.0)
    raise AssertionError


def duration_in_words(seconds: float) -> str:
    """Write how long something took in two units, as it stands in a sentence.

    Example:
        >>> [duration_in_words(each) for each in (8.44, 192, 7_300, 200_000)]
        ['8.4 s', '3 min 12 s', '2 h 1 min', '2 d 7 h']
    """
    if not math.isfinite(seconds) or round(seconds) < 60:  # noqa: PLR2004
        return duration(seconds)
    days, rest = divmod(round(seconds), 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next(i for i, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


def size(bytes: int) -> str:  # noqa: A002 - the unit of what is given
    """Write how large something is.

    Example:
        >>> [size(each) for each in (0, 999, 18_234, 999_950, 123_456_789, 2_000_000_000)]
        ['0 B', '999 B', '18.2 kB', '1.0 MB', '123 MB', '2.0 GB']
    """
    if bytes < 1000:  # noqa: PLR2004
        return f"{bytes} B"
    value = float(bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        written = f"{value:.1f}" if value < 99.95 else f"{value:.0f}"  # noqa: PLR2004
        if float(written) < 1000:  # noqa: PLR2004
            return f"{written} {unit}"
    return f"{value / 1000:,.0f} PB"


def moment(time: dt.datetime, *, year: bool = True) -> str:
    """Write a time in a way that stays true: date and clock of this machine's zone, or of its own if it has none.

    Args:
        time: When.
        year: Whether the year is there, too.

    Example:
        >>> import datetime as dt
        >>> moment(dt.datetime(2026, 11, 7, 14, 9)), moment(dt.datetime(2026, 11, 7, 14, 9), year=False)
        ('7 Nov 2026 14:09', '7 Nov 14:09')
    """
    local = _local(time)
    return f"{local.day} {local:%b %Y %H:%M}" if year else f"{local.day} {local:%b %H:%M}"


def ago(time: dt.datetime, now: dt.datetime) -> str:
    """Write a time as it is seen from now, which does not stay true: for a terminal or a page, not for a notebook.

    Args:
        time: When; with a zone if *now* has one.
        now: The present moment, in the zone whose clock is shown.

    Example:
        >>> import datetime as dt
        >>> now = dt.datetime(2026, 11, 27, 14, 35)
        >>> [ago(now - dt.timedelta(minutes=each), now) for each in (0, 26, 195, 1_233, 2_700, 10_000, 600_000)]
        ['just now', '26 min ago', '11:20', 'Thu 18:02', 'Wed 17:35', '20 Nov', '6 Oct 2025']
    """
    time = time if time.tzinfo is None else time.astimezone(now.tzinfo)
    minutes = (now - time).total_seconds() / 60
    days = (now.date() - time.date()).days
    if -1 < minutes < 1:
        return "just now"
    if 1 <= minutes < 60:  # noqa: PLR2004
        return f"{int(minutes)} min ago"
    if days == 0:
        return f"{time:%H:%M}"
    if 0 < days <= _DAYS_BY_NAME:
        return f"{time:%a %H:%M}"
    return f"{time.day} {time:%b}" if time.year == now.year else f"{time.day} {time:%b %Y}"


def short_id(id: str) -> str:  # noqa: A002 - the field's name
    """Write the beginning of an id, which `ln-jupyter show` takes."""
    return id[:_ID]


def short_hash(hash: str) -> str:  # noqa: A002 - the field's name
    """Write the beginning of a hash."""
    return hash[:_HASH]


def count(number: int, noun: str) -> str:
    """Write a number of things.

    Example:
        >>> count(1, "run"), count(1200, "run")
        ('1 run', '1,200 runs')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def near(path: str, folder: str) -> str:
    """Write a path as it is seen from a folder, if it is below it or below the one above; else whole.

    Example:
        >>> near("/lab/talk/pred.csv", "/lab"), near("/lab/raw.csv", "/lab/train"), near("/data/raw.csv", "/lab/train")
        ('talk/pred.csv', '../raw.csv', '/data/raw.csv')
    """
    above = posixpath.dirname(folder)
    for start, before in ((folder, ""), (above, "../")):
        if start.strip("/\\") and path.startswith(f"{start.rstrip('/')}/"):
            return before + path[len(start.rstrip("/")) + 1 :]
    return path


def columns(text: str) -> int:
    r"""Count the columns that text takes: two for a letter of East Asia, none for an accent above another.

    Example:
        >>> columns("Growth"), columns("実験"), columns("e\u0301")
        (6, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _two_digits(number: float) -> str:
    if number < 0.001:  # noqa: PLR2004
        return "0.0"
    written = f"{number:#.2g}"  # with the zero at the end of 0.030
    rounded = float(written)
    return f"{number:.0f}" if rounded >= 10 else f"{number:.1f}" if rounded >= 1 else written  # noqa: PLR2004


def _local(time: dt.datetime) -> dt.datetime:
    return time if time.tzinfo is None else time.astimezone()
