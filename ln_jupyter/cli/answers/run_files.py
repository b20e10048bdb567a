"""`ln-jupyter files`: what a run read and wrote; and how files stand in columns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from ln_jupyter import humanize
from ln_jupyter.cli import completion, options
from ln_jupyter.cli.output import programs, screen, table
from ln_jupyter.cli.output.table import Cell, Column, Row
from ln_jupyter.humanize import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from ln_jupyter.answers.words import Form
    from ln_jupyter.cli.output.screen import Screen

_ROLES = {"input": "read", "output": "wrote"}
_KEPT = ("role", "kind", "path", "size", "hash", "cell", "number", "via", "modified_at", "members", "reason")
_PLAIN = ("open",)  # of what was seen in the ordinary way nothing is said


@click.command(
    name="files",
    short_help="List what a run read and wrote.",
    epilog=options.examples("files BSc7vm", "files BSc7vm --csv > files.csv"),
)
@click.argument("run", type=options.identifier, shell_complete=completion.runs, metavar="RUN")
@options.looks
@options.database
@options.form
def list_files(run: str, *, utc: bool, full: bool, url: str | None, form: str | None) -> None:
    """List what a run read and wrote: with its size, the hash of its content, and the cell.

    RUN is the id of a run, or a beginning that no other id has. Where the content is not
    known, the reason is said. Paths are seen from the notebook's folder.
    """
    from ln_jupyter.queries import files, ids, runs
    from ln_jupyter.registry import look
    from ln_jupyter.schema import Run  # here for cost: --help needs no database

    with look.connect(url).connect() as connection:
        _, run_id = ids.find(connection, run, Run)
        found, known = files.of_run(connection, run_id), runs.read(connection, run_id)
    if form == "json":
        programs.write_json(_kept(found))
    elif form == "csv":
        programs.write_csv(_kept(found))
    elif found:
        _write(screen.look(utc=utc, full=full), found, known)
    else:
        click.echo("the run read and wrote nothing that is known", err=True)
    if known["unlisted_files"]:
        click.echo(f"{humanize.count(known['unlisted_files'], 'file')} more are not listed", err=True)


def _write(shown: Screen, found: Sequence[dict[str, Any]], run: dict[str, Any]) -> None:
    header = [
        Column("ROLE"),
        Column("FILE", least=20),
        Column("SIZE", is_number=True),
        Column("HASH"),
        Column("CELL", is_number=True),
    ]
    rows = []
    for row in found:
        cells = [
            _ROLES[row["role"]],
            named(shown, row, run["path"]),
            "" if row["size"] is None else humanize.size(row["size"]),
            shown.hash(row["hash"] or ""),
            _cell(row),
        ]
        remarks = ["" if row["via"] in _PLAIN else f"via {row['via']}", row["reason"] or "", _members(row)]
        why = ", ".join(filter(None, remarks))
        rows.append(Row([Cell(each) for each in cells], Cell(why), must_be_read=bool(row["reason"])))
    shown.write(table.lines(shown, header, rows, remarks="REMARK"))


def facts(connection: sa.Connection, run_id: str) -> list[dict[str, Any]]:
    """Return what a run read and wrote, for programs."""
    from ln_jupyter.queries import files  # here for cost: --help needs no database

    return _kept(files.of_run(connection, run_id))


def _kept(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in _KEPT} for row in found]


def rows_of(shown: Screen, connection: sa.Connection, run: dict[str, Any], *, most: int) -> dict[str, str]:
    """Return what a run read and wrote, as lines of facts: no more than so many of each, and how many more there are."""
    from ln_jupyter.queries import files  # here for cost: --help needs no database

    found = files.of_run(connection, run["id"], limit=None if shown.is_full else most)
    told = {}
    for role, name in (("input", "READ"), ("output", "WROTE")):
        own = [row for row in found if row["role"] == role]
        lines = aligned(
            [(named(shown, row, run["path"]), shown.hash(row["hash"] or ""), row["reason"] or "") for row in own]
        )
        if own and own[0]["total"] > len(own):
            lines.append(f"and {own[0]['total'] - len(own):,} more: ln-jupyter files {shown.id(run['id'])}")
        told[name] = "\n".join(lines)
    if run["unlisted_files"]:
        told["NOT LISTED"] = humanize.count(run["unlisted_files"], "more file")
    return told


def named(shown: Screen, row: dict[str, Any], notebook: str | None) -> str:
    """Name a file as it is seen from the folder of the notebook; whole, where everything is."""
    path = row["path"]
    return path if shown.is_full or not notebook else humanize.near(path, os.path.dirname(notebook))  # noqa: PTH120 - maybe of another machine


def form(shown: Screen) -> Form:
    """Return how a screen writes ids, hashes and times."""
    from ln_jupyter.answers.words import Form  # here for cost: --help needs no database

    return Form(shown.id, shown.hash, shown.moment, shown.time)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows of texts in columns.

    Example:
        >>> aligned([("clean.csv", "b8026e5d", "a source"), ("params.toml", "", "a source")])
        ['clean.csv    b8026e5d  a source', 'params.toml            a source']
    """
    count = max(map(len, rows), default=0)
    widths = [max((columns(row[place]) for row in rows if place < len(row) - 1), default=0) for place in range(count)]
    return [
        "  ".join(f"{text}{' ' * (width - columns(text))}" for text, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    ]


def _cell(row: dict[str, Any]) -> str:
    """Number a cell as its notebook does; where that is not known, say which execution it was."""
    return str(row["number"]) if row["number"] is not None else "" if row["cell"] is None else f"#{row['cell']}"


def _members(row: dict[str, Any]) -> str:
    return "" if row["members"] is None else humanize.count(row["members"], "file")
