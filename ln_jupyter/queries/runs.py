"""Runs of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter.queries import cells, progress, rows
from ln_jupyter.schema import Environment, Notebook, Pipeline, Run, RunTag, RunText, User

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ln_jupyter.queries.rows import Row

_TIMES = ("created_at", "started_at", "heard_at", "finished_at")
_ENDING = ("reason", "failures", "busy_seconds", "alive_seconds")


def newest(
    connection: sa.Connection,
    *,
    notebook_id: str | None = None,
    states: Iterable[str] = (),
    ids: Sequence[str] = (),
    limit: int,
) -> list[Row]:
    """Return the newest runs, each with the title of what ran, the user, and the cell that has not ended.

    Args:
        connection: To the registry.
        notebook_id: Only of this notebook.
        states: Only in one of these states; none for all.
        ids: Only these; none for all.
        limit: Not more than so many.
    """
    picked = sa.select(Run.id)
    if notebook_id is not None:
        picked = picked.where(Run.notebook_id == notebook_id)
    if wanted := list(states):
        picked = picked.where(Run.state.in_(wanted))
    if ids:
        picked = picked.where(Run.id.in_(ids))
    few = picked.order_by(*rows.newest_first(Run)).limit(limit).subquery()
    cell, is_it = cells.unended(Run)
    chosen = sa.select(
        *(getattr(Run, name) for name in ("id", "name", "notebook_id", "notebook_v", "pipeline_id", "pipeline_v")),
        sa.func.coalesce(Notebook.title, Notebook.name, Run.name, Pipeline.name).label("title"),
        Run.state.label("state"),
        *(getattr(Run, name) for name in (*_ENDING, *_TIMES, "runner")),
        User.handle.label("user"),
        cell.number.label("in_cell"),
        cell.started_at.label("in_cell_since"),
    )
    chosen = chosen.join(few, few.c.id == Run.id).outerjoin(cell, is_it)
    chosen = chosen.outerjoin(Run.notebook).outerjoin(Run.pipeline).outerjoin(Run.created_by)
    found = rows.read(connection, chosen.order_by(*rows.newest_first(Run)))
    return [row | {"seconds": progress.durations(row).alive} for row in found]


def read(connection: sa.Connection, run_id: str) -> Row:
    """Return everything that was recorded of a run, but its cells."""
    columns = [column for column in sa.inspect(Run).columns if column.key not in ("revision", "created_by_id")]
    cell, is_it = cells.unended(Run)
    chosen = sa.select(
        *columns,
        Run.state.label("state"),
        User.handle.label("user"),
        Notebook.title.label("notebook_title"),
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
    tags = rows.read(connection, sa.select(RunTag.tag).where(RunTag.run_id == run_id).order_by(RunTag.tag))
    return row | {
        "package_count": None if packages is None else len(packages),
        "seconds": progress.durations(row).alive,
        "tags": [each["tag"] for each in tags],
        "texts": _texts(connection, run_id),
    }


def _texts(connection: sa.Connection, run_id: str) -> list[Row]:
    """Return what is kept beside a run, by its hash, without the texts."""
    is_kept = RunText.text_id.is_not(None).label("is_kept")
    chosen = sa.select(RunText.kind, RunText.name, RunText.hash, is_kept).where(RunText.run_id == run_id)
    found = rows.read(connection, chosen.order_by(RunText.kind, RunText.name))
    return [row | {"is_kept": bool(row["is_kept"])} for row in found]
