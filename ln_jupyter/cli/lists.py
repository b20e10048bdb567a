"""`ln-jupyter list` and `runs`: the newest of what the registry holds."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import click

from ln_jupyter import humanize
from ln_jupyter.cli import completion, files, options
from ln_jupyter.cli.output import programs, screen, states, table
from ln_jupyter.cli.output.table import Cell, Column, Row

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import sqlalchemy as sa

    from ln_jupyter.cli.output.screen import Screen

_COUNTED = 1_000  # a table says no more than that there are more

_STATES = click.Choice(["running", "lost", "finished", "failed", "interrupted"])
_SORTS = click.Choice(["started", "busy", "notebook"])


@click.command(
    "list",
    short_help="List notebooks with their last run.",
    epilog=options.examples("list", "list --all", "list --limit 100 --csv > notebooks.csv"),
)
@options.limit
@options.looks
@options.database
@options.form
def list_notebooks(  # noqa: PLR0913 - one for each option
    *, limit: int, is_all: bool, utc: bool, full: bool, url: str | None, form: str | None
) -> None:
    """List notebooks with their last run, those that ran last first.

    A table has a line for each notebook and counts up to 1,000 runs of a version; --json and
    --csv have one for each version, the newest first, and count all. Into a pipe, ids, paths
    and times are whole.
    """
    from ln_jupyter.queries import notebooks
    from ln_jupyter.registry import look  # here for cost: --help needs no database

    engine, most = look.connect(url), None if is_all else limit
    with engine.connect() as connection:
        if form in ("json", "csv"):
            found = [notebook_facts(row) for row in notebooks.newest(connection, host=socket.gethostname(), limit=most)]
            total = len(found)
        else:
            found = notebooks.used_last(connection, host=socket.gethostname(), limit=most, count_to=_COUNTED + 1)
            total = notebooks.count(connection)
    if form == "json":
        programs.write_json(found)
    elif form == "csv":
        programs.write_csv(found)
    elif not found:
        click.echo("no notebook is registered", err=True)
    else:
        _write_notebooks(screen.look(utc=utc, full=full), found, total, engine)


@click.command(
    "runs",
    short_help="List runs, the newest first.",
    epilog=options.examples(
        "runs",
        "runs --notebook train.ipynb --since 7d",
        "runs --state lost --state failed --json",
        "runs --search KeyError --all",
    ),
)
@click.option(
    "--notebook",
    type=options.identifier,
    shell_complete=completion.notebooks,
    metavar="FILE|ID",
    help="Only of this notebook: its path, the name of its file, its id, or the beginning of that.",
)
@click.option("--state", "states", type=_STATES, multiple=True, help="Only in this state; may be repeated.")
@click.option("--by", type=options.identifier, metavar="USER", help="Only of this user.")
@click.option("--since", type=options.since, metavar="WHEN", help="Only from then on: 2h, 7d, 8w, 2026-11-27.")
@click.option("--tag", type=options.identifier, metavar="TAG", help="Only with this tag.")
@click.option(
    "--search",
    type=options.identifier,
    metavar="TEXT",
    help="Only with this in title, name, note, reason, tags or path, in letters of either case.",
)
@click.option("--sort", type=_SORTS, default="started", help="By this; by default the newest come first.")
@options.limit
@options.looks
@options.database
@options.form
def list_runs(  # noqa: PLR0913 - one for each option
    *,
    notebook: str | None,
    states: tuple[str, ...],
    by: str | None,
    since: dt.datetime | None,
    tag: str | None,
    search: str | None,
    sort: str,
    limit: int,
    is_all: bool,
    utc: bool,
    full: bool,
    url: str | None,
    form: str | None,
) -> None:
    """List runs, the newest first, each with its state and why.

    Into a pipe, ids, paths and times are whole, and nothing is cut.
    """
    from ln_jupyter.queries import filters, runs
    from ln_jupyter.registry import look  # here for cost: --help needs no database

    most = None if is_all else limit
    with look.connect(url).connect() as connection:
        ids = () if notebook is None else tuple(files.notebooks(connection, notebook))
        wanted = filters.Wanted(ids, states, by=by, since=since, tag=tag, text=search)
        found = runs.newest(connection, wanted, limit=most, sort=sort)
        total = len(found)
        if form not in ("json", "csv") and total == most:
            total = runs.count(connection, wanted, up_to=max(_COUNTED, total) + 1)
    if form == "json":
        programs.write_json(found)
    elif form == "csv":
        programs.write_csv(found)
    elif not found:
        click.echo("no run is registered" if wanted == filters.Wanted() else "there is no such run", err=True)
    else:
        shown = screen.look(utc=utc, full=full)
        write_runs(shown, found)
        _write_rest(
            shown,
            _so_many(len(found), total, "run"),
            "more: --all" if total > len(found) else None,
            "filter: --state failed --notebook FILE --by USER --since 7d --tag TAG --search TEXT",
            "one in full: ln-jupyter show RUN",
            is_all=total == len(found),
        )


def write_runs(shown: Screen, found: Sequence[dict[str, Any]]) -> None:
    """Write a table of runs."""
    names = files.short_names(run["path"] for run in found)
    ids = shown.ids(run["id"] for run in found)
    header = [
        Column("STATE"),
        Column("RUN"),
        Column("NOTEBOOK", least=12),
        Column(shown.named("STARTED")),
        Column("BUSY", is_number=True),
        Column("BY", least=6),
    ]
    rows = []
    for run in found:
        why = states.reason(shown, run)
        what = run["path"] if shown.is_full else names.get(run["path"] or "")
        cells = [
            states.cell(shown, run["state"]),
            Cell(ids[run["id"]]),
            Cell(what or run["title"] or ""),
            Cell(shown.time(run["started_at"] or run["created_at"])),
            Cell(states.busy(run)),
            Cell(run["user"] or ""),
        ]
        rows.append(
            Row(cells, Cell(why or states.results(shown, run)), must_be_read=bool(why) and run["state"] != "running")
        )
    shown.write(table.lines(shown, header, rows, remarks="RESULT OR REASON"))


def _write_notebooks(shown: Screen, found: Sequence[dict[str, Any]], total: int, engine: sa.Engine) -> None:
    names = files.short_names(each["path"] for each in found)
    header = [
        Column("LAST RUN"),
        Column("NOTEBOOK", least=14),
        Column("TITLE", least=12),
        Column("VERSION"),
        Column("RUNS", is_number=True),
        Column(shown.named("WHEN")),
    ]
    if shown.is_full:
        header.insert(1, Column("ID"))
    rows = []
    for each in found:
        name = each["path"] if shown.is_full else names.get(each["path"] or "")
        status = "draft" if each["published_at"] is None else "published"
        cells = [
            states.cell(shown, each["state"]) if each["last_run_id"] else Cell("none", "muted"),
            Cell(name or each["name"] or each["id"]),
            Cell(each["title"] or ""),
            Cell(f"{each['v']} {status}"),
            Cell(f"{each['runs']:,}" if each["runs"] <= _COUNTED else f"{_COUNTED:,}+"),
            Cell(shown.time(each["last_run_at"] or each["created_at"])),
        ]
        if shown.is_full:
            cells.insert(1, Cell(each["id"]))
        why = "" if each["state"] == "running" and not shown.is_full else states.reason(shown, each)
        rows.append(Row(cells, Cell(why), must_be_read=True))
    shown.write(table.lines(shown, header, rows, remarks="REASON"))
    _write_rest(
        shown,
        _so_many(len(found), total, "notebook") + _in_folder([each["path"] for each in found]),
        "more: --all" if total > len(found) else None,
        is_all=total == len(found),
        last=f"registry {_registry(engine)}",
    )


def _so_many(number: int, total: int, noun: str) -> str:
    if number == total:
        return humanize.count(number, noun)
    many = f"{_COUNTED:,}+" if noun == "run" and total > max(_COUNTED, number) else f"{total:,}"
    return f"{number:,} of {many}"


def _in_folder(paths: Sequence[str | None]) -> str:
    """Name the folder that all are in, if they are in one."""
    if not all(paths):
        return ""
    try:
        folder = os.path.commonpath([os.path.dirname(path or "") for path in paths])  # noqa: PTH120 - texts of a registry
    except ValueError:  # of different drives
        return ""
    here = files.near(folder)
    return " here" if here == "." else f" in {here}/" if len(folder) > 1 else ""


def _registry(engine: sa.Engine) -> str:
    from ln_jupyter.db import error_translation  # here for cost: --help needs no database

    name = error_translation.describe(engine.url)
    return files.near(name)


def _write_rest(shown: Screen, *parts: str | None, is_all: bool, last: str | None = None) -> None:
    """Say how much was shown, and how to see more; beside what goes into a pipe. What must stand there is the last."""
    if shown.is_terminal:
        line = shown.fitting([*parts, last])
        more = [] if last is None or line.endswith(last) else shown.fold(last)
        shown.write([shown.paint(each, "muted") for each in (line, *more)])
    elif not is_all:
        click.echo(shown.joined(parts[:2]), err=True)


_OF_LAST_RUN = {
    "state": "last_run_state",
    "reason": "last_run_reason",
    "failures": "last_run_failures",
    "in_cell": "last_run_in_cell",
}


def notebook_facts(row: dict[str, Any]) -> dict[str, Any]:
    """Name the facts of a version and of its last run."""
    facts = {name: value for name, value in row.items() if name not in {*_OF_LAST_RUN, "heard_at", "started_at"}}
    last = {name: row[column] for column, name in _OF_LAST_RUN.items()}
    heard = {"last_run_heard_at": row["heard_at"] or row["started_at"]}
    return facts | last | heard | {"status": "draft" if row["published_at"] is None else "published"}
