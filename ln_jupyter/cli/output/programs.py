"""What a command found, for programs: as JSON, comma-separated values, or a script."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ln_jupyter.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ln_jupyter.notebook.document import Cell

_BEGIN_A_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # wide ones, too


def write_json(value: Any) -> None:
    """Write a value in ASCII, which commands no terminal and which every encoding has."""
    click.echo(json.dumps(value, indent=2, default=_plainer))


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
