"""What stdout is, a terminal or a pipe, and what fits and may be shown there."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ln_jupyter import humanize
from ln_jupyter.sanitize import plain, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TextIO

_LONGEST = 500  # characters of one value, unless all were asked for; JSON and comma-separated values have it whole

_NARROWEST = 40
_SIGNS = "►✓✗■?…·█▏"
_TONES: dict[str, dict[str, object]] = {
    "": {},
    "accent": {"fg": "cyan"},
    "good": {"fg": "green"},
    "warn": {"fg": "yellow", "bold": True},
    "bad": {"fg": "red", "bold": True},
    "muted": {"dim": True},
}


@dataclass(frozen=True)
class Screen:
    """Where a command writes to.

    Attributes:
        width: Its columns; None where nothing is cut.
        is_terminal: Somebody reads it now; what goes into a pipe is kept, or read by a program.
        is_kept: A terminal whose text is saved, such as that of a command in a notebook: no time is seen from now.
        has_colour: Whether it takes colours.
        has_signs: Whether its encoding has the signs of the states; where not, their words say all.
        is_utc: Times are absolute, and in UTC.
        is_full: Ids and hashes are whole.
        longest: Characters of one value; None for all of them.
    """

    width: int | None = None
    is_terminal: bool = False
    is_kept: bool = False
    has_colour: bool = False
    has_signs: bool = True
    is_utc: bool = False
    is_full: bool = True
    longest: int | None = _LONGEST

    def id(self, id: str) -> str:  # noqa: A002 - the field's name
        """Write an id."""
        return plain(id if self.is_full else humanize.short_id(id))

    def ids(self, ids: Iterable[str]) -> dict[str, str]:
        """Write ids that stand together, each as long as it takes to tell them apart."""
        every = set(ids)
        length = len(humanize.short_id("0" * _LONGEST))
        while len({each[:length] for each in every}) < len(every):
            length += 1
        return {each: plain(each if self.is_full else each[:length]) for each in every}

    def hash(self, hash: str) -> str:  # noqa: A002 - the field's name
        """Write a hash."""
        return plain(hash if self.is_full else humanize.short_hash(hash))

    def time(self, time: dt.datetime | None) -> str:
        """Write a time as it is seen from now; as ISO 8601 into a pipe."""
        if time is None:
            return ""
        if not self.is_terminal:
            return (time if self.is_utc else time.astimezone()).isoformat(timespec="seconds")
        if self.is_utc:
            return f"{time.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
        if self.is_kept:
            return humanize.moment(time)
        # of the wall's clock: the zone's offset is another one in summer
        return humanize.ago(time.astimezone().replace(tzinfo=None), dt.datetime.now())  # noqa: DTZ005

    def moment(self, time: dt.datetime | None) -> str:
        """Write a time with its date, and how long ago it was, as it stands in a sentence."""
        if time is None or not self.is_terminal:
            return self.time(time)
        if self.is_utc:
            return f"{self.time(time)} UTC"
        absolute, relative = humanize.moment(time), self.time(time)
        return f"{absolute}, {relative}" if relative.endswith(("ago", "now")) else absolute

    def exact(self, time: dt.datetime | None) -> str:
        """Write a time to the second, and whose clock it is of."""
        if time is None or not self.is_terminal:
            return self.time(time)
        return f"{time.astimezone(dt.UTC if self.is_utc else None):%Y-%m-%d %H:%M:%S %Z}"

    def named(self, header: str) -> str:
        """Name a column of times, with the zone if that is not the reader's."""
        return f"{header} (UTC)" if self.is_utc and self.is_terminal else header

    def cut(self, text: str, width: int | None) -> str:
        """Make text safe to show, and no wider than so many columns.

        Example:
            >>> Screen().cut("Growth of E. coli", 9), Screen().cut("実" * 30, 9), Screen().cut("ab", None)
            ('Growth o…', '実実実実…', 'ab')
        """
        shown = plain(text if self.longest is None else shortened(text, self.longest))
        if width is None or humanize.columns(shown) <= width:
            return shown
        end = "…" if self.has_signs else "..."
        return f"{shown[: _end(shown, 0, width - len(end))]}{end}"

    def fold(self, text: str, *, indent: str = "") -> list[str]:
        """Break text into lines that fit, between words, else where a folder of a path ends."""
        shown = self.cut(text, None)
        if self.width is None:
            return [f"{indent}{shown}"]
        room = max(self.width - humanize.columns(indent), 2)
        found, start = [], 0
        while (end := _end(shown, start, room)) < len(shown):
            space = shown.rfind(" ", start + 1, end + 1)
            slash = shown.rfind("/", start + 1, end)
            end = space if space > 0 else slash + 1 if slash > 0 else end
            found.append(indent + shown[start:end].rstrip(" "))
            start = end
            while shown[start : start + 1] == " ":
                start += 1
        return [*found, indent + shown[start:]] if start < len(shown) or not found else found

    def joined(self, parts: Iterable[str | None]) -> str:
        """Join what is there of a line into one."""
        return (" · " if self.has_signs else " | ").join(filter(None, parts))

    def fitting(self, parts: Iterable[str | None]) -> str:
        """Join as many parts as one line has room for."""
        there: list[str] = []
        for part in filter(None, parts):
            if not there or self.width is None or humanize.columns(self.joined([*there, part])) <= self.width:
                there.append(part)
        return self.cut(self.joined(there), self.width)

    def paint(self, text: str, tone: str) -> str:
        """Give text its colour, which never says more than its words."""
        return click.style(text, **_TONES[tone]) if self.has_colour and tone and text else text  # type: ignore[arg-type]

    def write(self, lines: Iterable[str]) -> None:
        """Write lines, at once."""
        there = [line.rstrip(" ") for line in lines]
        if there:
            click.echo("\n".join(there), color=self.has_colour)


def look(*, utc: bool = False, full: bool = False) -> Screen:
    """Look at what stdout is.

    Args:
        utc: Whether times are to be absolute, and in UTC.
        full: Whether everything is to be whole.
    """
    is_terminal = _is_terminal(sys.stdout)
    return Screen(
        width=max(shutil.get_terminal_size().columns, _NARROWEST) if is_terminal else None,
        is_terminal=is_terminal,
        is_kept="JPY_PARENT_PID" in os.environ,
        has_colour=_has_colour(os.environ, is_terminal=is_terminal),
        has_signs=_has_signs(sys.stdout),
        is_utc=utc,
        is_full=full or not is_terminal,
        longest=None if full else _LONGEST,
    )


def _end(text: str, start: int, width: int) -> int:
    """Say where a piece of text ends that takes so many columns."""
    taken = 0
    for position in range(start, len(text)):
        taken += humanize.columns(text[position])
        if taken > width:
            return position
    return len(text)


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _has_colour(environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Decide as programs agreed on: https://no-color.org, https://force-color.org, https://bixense.com/clicolors."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR", "0") not in ("", "0") or environment.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return is_terminal and environment.get("TERM") != "dumb" and environment.get("CLICOLOR") != "0"


def _has_signs(stream: TextIO | None) -> bool:
    try:
        _SIGNS.encode(getattr(stream, "encoding", None) or "utf-8")
    except (LookupError, UnicodeError):
        return False
    return True
