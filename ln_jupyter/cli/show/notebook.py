"""A notebook for people: how its last run is, its versions, its last runs, and where it was seen."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from ln_jupyter import humanize
from ln_jupyter.cli import files
from ln_jupyter.cli.lists import write_runs
from ln_jupyter.cli.output import states, table
from ln_jupyter.cli.output.table import Cell, Column, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from ln_jupyter.cli.output.screen import Screen

_MOST = 5  # runs, and places


def write(shown: Screen, connection: sa.Connection, notebook_id: str) -> None:
    """Write all of a notebook; of its runs, the last ones."""
    from ln_jupyter.queries import filters, notebooks, runs  # here for cost: --help needs no database

    versions = notebooks.versions(connection, notebook_id, host=socket.gethostname())
    last = runs.newest(connection, filters.Wanted((notebook_id,)), limit=_MOST)
    paths = notebooks.paths(connection, notebook_id)
    newest, count = versions[0], sum(version["runs"] for version in versions)
    path = next(filter(None, (version["path"] for version in versions)), None)
    if last:
        shown.write(states.heading(shown, last[0]))
    named = [newest["title"] or newest["name"], None if path is None else files.near(path)]
    shown.write(
        [
            *shown.fold(shown.joined([f"notebook {notebook_id}", *named])),
            *shown.fold(shown.joined([humanize.count(count, "run"), _last_run(shown, last), _parent(newest)])),
            "",
            *table.lines(shown, *_versions(shown, versions)),
        ]
    )
    if last:
        shown.write([" "])
        write_runs(shown, last)
    if len(paths) > 1 or (paths and path is None):
        seen = [Column("SEEN"), Column("ON", least=8), Column("PATH", least=20)]
        some = paths if shown.is_full else paths[:_MOST]
        rows = [Row([Cell(shown.time(each["seen_at"])), Cell(each["host"]), Cell(each["path"])]) for each in some]
        shown.write([" ", *table.lines(shown, seen, rows)])
    if shown.is_terminal:
        source = "--source" if any(version["published_at"] for version in versions) else ""
        more = " ".join(filter(None, ("--full", source)))
        parts = [f"more: {more}", f"all runs: ln-jupyter runs --notebook {notebook_id}"]
        shown.write([" ", shown.paint(shown.fitting(parts), "muted")])


def _versions(shown: Screen, versions: Sequence[dict[str, Any]]) -> tuple[list[Column], list[Row]]:
    header = [
        Column("VERSION", least=9),
        Column(shown.named("MADE")),
        Column("BY", least=6),
        Column("RUNS", is_number=True),
        Column("LAST RUN"),
        Column(shown.named("PUBLISHED")),
        Column("TITLE", least=10),
    ]
    titles = len({version["title"] for version in versions}) > 1 or shown.is_full
    rows = []
    for each in versions:
        published = None
        if each["published_at"] is not None:
            by = each["published_by"] if each["published_by"] != each["user"] else None
            published = " by ".join(filter(None, (shown.time(each["published_at"]), by)))
        cells = [
            Cell(f"{each['v']} {'draft' if published is None else 'published'}"),
            Cell(shown.time(each["created_at"])),
            Cell(each["user"] or ""),
            Cell(f"{each['runs']:,}"),
            states.cell(shown, each["state"]) if each["last_run_id"] else Cell("none", "muted"),
            Cell(published or ""),
            Cell((each["title"] or "") if titles else ""),
        ]
        rows.append(Row(cells))
    used = [place for place, column in enumerate(header) if any(row.cells[place].text for row in rows)]
    return [header[place] for place in used], [Row([row.cells[place] for place in used]) for row in rows]


def _last_run(shown: Screen, last: Sequence[dict[str, Any]]) -> str | None:
    return f"last {shown.moment(last[0]['started_at'] or last[0]['created_at'])}" if last else "none yet"


def _parent(newest: dict[str, Any]) -> str | None:
    return None if newest["parent_id"] is None else f"from {newest['parent_id']} version {newest['parent_v']}"
