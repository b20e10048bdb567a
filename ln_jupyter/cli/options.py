"""Options and arguments that several commands take."""

from __future__ import annotations

import datetime as dt
import os
import re
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C", bound="Callable[..., Any]")

_DEFAULT_LIMIT = 20
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def database_url(value: str) -> str:
    """Take a database URL; the path of a file that is there becomes the URL to write.

    Raises:
        click.BadParameter: If it is a path. What is neither may hold a password, and is not repeated.
    """
    if "@" not in value and os.path.isfile(value):  # noqa: PTH113 - no error of a long URL
        raise click.BadParameter(f"this is a path, and not a URL: write sqlite:///{value}")
    return value


database = click.option(
    "--db",
    "url",
    type=database_url,
    metavar="URL",
    help="The registry's URL; by default the one of the settings: see doctor.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON, with times in ISO 8601, for programs.")


def examples(*lines: str) -> str:
    """Write the end of a help page: calls that can be pasted."""
    return "\b\nExamples:\n" + "\n".join(f"  ln-jupyter {line}" for line in lines)


def form(command: C) -> C:
    """Add the options of a command that lists: ``--table``, ``--csv`` and ``--json``; the last one given counts."""
    for name, text in (
        ("json", "Write JSON, with times in ISO 8601, for programs."),
        ("csv", "Write comma-separated values with the names of --json."),
        ("table", "Write a table for people; the default."),
    ):
        command = click.option(f"--{name}", "form", flag_value=name, help=text)(command)
    return command


dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
yes = click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can answer.")


def limit(command: C) -> C:
    """Add ``--limit``, and ``--all`` of which it is none."""
    command = click.option("--all", "is_all", is_flag=True, help="Show all of them.")(command)
    so_many = click.IntRange(min=1)
    return click.option("--limit", type=so_many, default=_DEFAULT_LIMIT, show_default=True, help="Show so many.")(
        command
    )


def looks(command: C) -> C:
    """Add what changes how a terminal shows it: ``--utc`` and ``--full``."""
    command = click.option("--full", is_flag=True, help="Show ids, hashes and texts whole.")(command)
    return click.option("--utc", is_flag=True, help="Show times with their dates, in UTC.")(command)


def identifier(value: str) -> str:
    """Read an id, or its beginning; bytes of the command line that are no text are replaced, as no id has them."""
    return value.encode(errors="replace").decode()


def age(value: str) -> dt.timedelta:
    """Read how long ago something was: a number of hours, days or weeks.

    Raises:
        click.BadParameter: If it is something else.

    Example:
        >>> age("30d")
        datetime.timedelta(days=30)
    """
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is no age; write hours, days or weeks: 12h, 30d, 8w")
    return dt.timedelta(**{_UNITS[match[2]]: int(match[1])})


def since(value: str) -> dt.datetime:
    """Read a moment: so long ago, or an ISO 8601 date or time, of this machine's zone if it names none.

    Raises:
        click.BadParameter: If it is something else.

    Example:
        >>> since("2026-11-27T14:35+00:00").isoformat()
        '2026-11-27T14:35:00+00:00'
    """
    if re.fullmatch(r"[0-9]{1,5}[hdw]", value.strip()):
        return dt.datetime.now(dt.UTC) - age(value)
    try:
        return dt.datetime.fromisoformat(value.strip()).astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        msg = f"{value!r} is no moment; write how long ago, or a date: 2h, 7d, 8w, 2026-11-27"
        raise click.BadParameter(msg) from error
