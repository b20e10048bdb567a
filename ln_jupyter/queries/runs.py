"""Runs of a registry, and the cells they executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter.queries import rows
from ln_jupyter.schema import Environment, ExecutedCell, Notebook, Pipeline, Run, User
from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from ln_jupyter.queries.rows import Row


def newest(
    connection: sa.Connection,
    *,
    notebook_id: str | None = None,
    states: Iterable[str] = (),
    ids: Sequence[str] = (),
    limit: int,
) -> list[Row]:
    """Return the newest runs, each with the title of what ran and the user.

    Args:
        connection: To the registry.
        notebook_id: Only of this notebook.
        states: Only in one of these states; none for all.
        ids: Only these; none for all.
        limit: Not more than so many.
    """
    title = sa.func.coalesce(Notebook.title, Notebook.name, Run.name, Pipeline.name).label("title")
    chosen = sa.select(
        *(getattr(Run, name) for name in ("id", "name", "notebook_id", "notebook_v", "pipeline_id", "pipeline_v")),
        title,
        Run.state.label("state"),
        *(getattr(Run, name) for name in ("created_at", "started_at", "heard_at", "finished_at", "runner")),
        User.handle.label("user"),
    )
    chosen = chosen.outerjoin(Run.notebook).outerjoin(Run.pipeline).outerjoin(Run.created_by)
    if notebook_id is not None:
        chosen = chosen.where(Run.notebook_id == notebook_id)
    if wanted := list(states):
        chosen = chosen.where(Run.state.in_(wanted))
    if ids:
        chosen = chosen.where(Run.id.in_(ids))
    now = utcnow()
    found = rows.read(connection, chosen.order_by(*rows.newest_first(Run)).limit(limit))
    return [row | {"seconds": _seconds(row, now)} for row in found]


def read(connection: sa.Connection, run_id: str) -> Row:
    """Return everything that was recorded of a run, but its cells."""
    columns = [column for column in sa.inspect(Run).columns if column.key not in ("revision", "created_by_id")]
    chosen = sa.select(
        *columns,
        Run.state.label("state"),
        User.handle.label("user"),
        Notebook.title.label("notebook_title"),
        Pipeline.name.label("pipeline_name"),
        Environment.packages.label("packages"),
    )
    chosen = chosen.outerjoin(Run.notebook).outerjoin(Run.pipeline).outerjoin(Run.created_by)
    (row,) = rows.read(connection, chosen.outerjoin(Run.environment).where(Run.id == run_id))
    packages = row.pop("packages")
    return row | {"package_count": None if packages is None else len(packages), "seconds": _seconds(row, utcnow())}


def cells(connection: sa.Connection, run_id: str) -> list[Row]:
    """Return the executions of a run's cells, in order."""
    columns = [column for column in sa.inspect(ExecutedCell).columns if column.key != "run_id"]
    return rows.read(
        connection, sa.select(*columns).where(ExecutedCell.run_id == run_id).order_by(ExecutedCell.position)
    )


def _seconds(row: Row, now: dt.datetime) -> float | None:
    """Say how long a run took, or takes; of a lost one, until it was last heard.

    Returns:
        None where it has not started, and where the clock was set back meanwhile, so that nobody knows.
    """
    if row["started_at"] is None:
        return None
    ends = {"running": now, "lost": row["heard_at"] or row["started_at"]}
    seconds = float((ends.get(row["state"], row["finished_at"]) - row["started_at"]).total_seconds())
    return None if seconds < 0 else seconds
