"""Runs of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter.queries import cells, filters, progress, rows
from ln_jupyter.queries.filters import Wanted
from ln_jupyter.schema import Environment, Notebook, Pipeline, Run, RunTag, RunText, User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ln_jupyter.queries.rows import Row

_TIMES = ("created_at", "started_at", "heard_at", "finished_at")
_ANY = Wanted()
_ENDING = ("reason", "failures", "busy_seconds", "alive_seconds")


def newest(connection: sa.Connection, wanted: Wanted = _ANY, *, limit: int | None, sort: str = "started") -> list[Row]:
    """Return runs, each with the title of what ran, the user, the cell that has not ended, and its tags.

    Args:
        connection: To the registry.
        wanted: Which of them.
        limit: Not more than so many; None for all.
        sort: One of `filters.ORDERS`; by default the newest come first.
    """
    few = filters.ids(wanted, sort=sort).limit(limit).subquery()
    cell, is_it = cells.unended(Run)
    chosen = sa.select(
        *(getattr(Run, name) for name in ("id", "name", "notebook_id", "notebook_v", "pipeline_id", "pipeline_v")),
        sa.func.coalesce(Notebook.title, Notebook.name, Run.name, Pipeline.name).label("title"),
        Run.state.label("state"),
        *(getattr(Run, name) for name in (*_ENDING, *_TIMES, "runner", "path", "results")),
        User.handle.label("user"),
        cell.number.label("in_cell"),
        cell.started_at.label("in_cell_since"),
    )
    chosen = chosen.join(few, few.c.id == Run.id).outerjoin(cell, is_it)
    chosen = chosen.outerjoin(Run.notebook).outerjoin(Run.pipeline).outerjoin(Run.created_by)
    found = rows.read(connection, chosen.order_by(*filters.ORDERS[sort](), *rows.newest_first(Run)))
    tags = _tags(connection, [row["id"] for row in found])
    return [row | {"seconds": progress.durations(row).alive, "tags": tags.get(row["id"], [])} for row in found]


def count(connection: sa.Connection, wanted: Wanted = _ANY, *, up_to: int) -> int:
    """Count runs, not further than so many, which reads them."""
    some = filters.ids(wanted).limit(up_to).subquery()
    return connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0


def read(connection: sa.Connection, run_id: str) -> Row:
    """Return everything that was recorded of a run, but its cells."""
    columns = [column for column in sa.inspect(Run).columns if column.key not in ("revision", "created_by_id")]
    cell, is_it = cells.unended(Run)
    chosen = sa.select(
        *columns,
        Run.state.label("state"),
        User.handle.label("user"),
        Notebook.title.label("notebook_title"),
        Notebook.published_at.label("notebook_published_at"),
        Pipeline.name.label("pipeline_name"),
        Environment.packages.label("packages"),
        cell.number.label("in_cell"),
        cell.started_at.label("in_cell_since"),
    )
    chosen = (
        chosen.select_from(Run)
        .outerjoin(cell, is_it)
        .outerjoin(Run.notebook)
        .outerjoin(Run.pipeline)
        .outerjoin(Run.created_by)
    )
    (row,) = rows.read(connection, chosen.outerjoin(Run.environment).where(Run.id == run_id))
    packages = row.pop("packages")
    return row | {
        "package_count": None if packages is None else len(packages),
        "seconds": progress.durations(row).alive,
        "tags": _tags(connection, [run_id]).get(run_id, []),
        "texts": _texts(connection, run_id),
    }


def _tags(connection: sa.Connection, ids: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for some in rows.batches(ids):
        chosen = sa.select(RunTag.run_id, RunTag.tag).where(RunTag.run_id.in_(some))
        for each in rows.read(connection, chosen.order_by(RunTag.run_id, RunTag.tag)):
            found.setdefault(each["run_id"], []).append(each["tag"])
    return found


def _texts(connection: sa.Connection, run_id: str) -> list[Row]:
    """Return what is kept beside a run, by its hash, without the texts."""
    is_kept = RunText.text_id.is_not(None).label("is_kept")
    chosen = sa.select(RunText.kind, RunText.name, RunText.hash, is_kept).where(RunText.run_id == run_id)
    found = rows.read(connection, chosen.order_by(RunText.kind, RunText.name))
    return [row | {"is_kept": bool(row["is_kept"])} for row in found]
