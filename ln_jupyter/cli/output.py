"""What a command found, as a table for people, or as JSON or comma-separated values for programs."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import sys
import unicodedata
from typing import TYPE_CHECKING, Any

import click

from ln_jupyter.sanitize import plain, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ln_jupyter.notebook.document import Cell

_LONGEST = 500  # characters of one value; JSON and comma-separated values have it whole
_BEGIN_A_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # wide ones, too
_WIDEST = 48  # columns of the terminal for one title; a path is shown whole
_WIDEST_STATE = 60  # for a state and why; `show` and programs have it whole


def write_json(value: Any) -> None:
    """Write a value in ASCII, which commands no terminal and which every encoding has."""
    click.echo(json.dumps(value, indent=2, default=_plainer))


def write_table(rows: Sequence[Mapping[str, object]], *, longest: int | None = _LONGEST) -> None:
    """Write rows, each a value by its header; None is an empty cell.

    Args:
        rows: What to write.
        longest: So many characters of each value; None for all, where what is left out could matter.
    """
    from tabulate import tabulate  # here for cost: --help shows no table

    cells = [{header: _cell(value, longest) for header, value in row.items()} for row in rows]
    click.echo(tabulate(cells, headers="keys", tablefmt="simple", disable_numparse=True))


def write_script(cells: Iterable[Cell], titles: Iterable[str] = ()) -> None:
    """Write cells as a Python script: in UTF-8 to a file, and to a terminal without what would command it."""
    from ln_jupyter.notebook import script  # here for cost: --help shows no source

    written = script.percent(cells, titles)
    if sys.stdout.isatty():
        click.echo("\n".join(plain(line.expandtabs()) for line in written.text.split("\n")), nl=False)
    else:
        click.echo(written.text.encode("utf-8", "surrogatepass"), nl=False)  # as Python reads it, whatever the locale
    for line in written.false_marks:
        click.echo(f"line {line} is no new cell, but editors take it for one: it stands in a string", err=True)


def write_csv(rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as RFC 4180 has it, but for the ends of lines, with the values that JSON has; nothing for no rows.

    Text that a spreadsheet would take for a formula has a ``'`` before it.
    """
    if not rows:
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _field(value) for name, value in row.items()} for row in rows)
    click.echo(text.getvalue(), nl=False)


def write_facts(facts: Mapping[str, object]) -> None:
    """Write a line for each fact that is known."""
    from tabulate import tabulate  # here for cost: --help shows no table

    rows = [[name, _cell(value)] for name, value in facts.items() if value is not None]
    click.echo(tabulate(rows, tablefmt="plain", disable_numparse=True))


def title(text: str | None, widest: int = _WIDEST) -> str | None:
    """Shorten a title to what a table has room for; letters of East Asia take two columns.

    Example:
        >>> title("Growth of E. coli"), title("実" * 30)
        ('Growth of E. coli', '実実実実実実実実実実実実実実実実実実実実実実実…')
    """
    if text is None:
        return None
    width = 0
    for position, character in enumerate(text):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width >= widest and position + 1 < len(text):
            return f"{text[:position]}…"
    return text


def moment(time: dt.datetime | None) -> str | None:
    """Write a time as the clock on the wall shows it, and in which zone: notebooks show UTC."""
    return None if time is None else f"{time.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def duration(seconds: float | None) -> str | None:
    """Write how long something took.

    Example:
        >>> duration(0.25), duration(75), duration(7_300), duration(200_000)
        ('0.25 s', '1 min 15 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds is None:
        return None
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.3g} s"
    days, rest = divmod(round(seconds), 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next(i for i, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


def state(run: Mapping[str, Any], *, widest: int | None = _WIDEST_STATE, text: str = "") -> str | None:
    """Say a run's state and why, shortened to what a table has room for.

    Args:
        run: Its state, reason, times, and `in_cell`.
        widest: So many columns; None for all.
        text: The first line of the cell that has not ended.
    """
    from ln_jupyter.queries import progress  # here for cost: --help needs no database

    heard = moment(run["heard_at"] or run.get("started_at"))
    words = progress.in_words(run["state"], reason=run["reason"], heard=heard, cell=run["in_cell"], text=text)
    return words if widest is None else title(words, widest)


def busy(run: Mapping[str, Any]) -> str | None:
    """Say how long a run's cells ran, and of how long; of one without cells, how long it took.

    Example:
        >>> known = dict(busy_seconds=8.4, alive_seconds=31.0, in_cell_since=None)
        >>> busy(known), busy(known | {"busy_seconds": None})
        ('8.4 s of 31 s', '31 s')
    """
    from ln_jupyter.queries import progress  # here for cost: --help needs no database

    took = progress.durations(run)
    return " of ".join(filter(None, (duration(took.busy), duration(took.alive)))) or None


def count(number: int, noun: str) -> str:
    """Write a number of things.

    Example:
        >>> count(1, "run"), count(1200, "run")
        ('1 run', '1,200 runs')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _cell(value: object, longest: int | None = _LONGEST) -> str:
    text = "" if value is None else str(value)
    return plain(text if longest is None else shortened(text, longest))


def _field(value: object) -> object:
    """Keep a spreadsheet from taking text for a formula, with the sign that says so.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    flat = _flat(value)
    if not isinstance(flat, str):
        return flat
    text = plain(flat)
    return f"'{text}" if text.lstrip().startswith(_BEGIN_A_FORMULA) else text


def _flat(value: object) -> object:
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=_plainer)
    return _plainer(value) if isinstance(value, dt.datetime) else value


def _plainer(value: object) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
