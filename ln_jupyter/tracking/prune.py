"""Runs are removed, and with them what only they used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.db import limits
from ln_jupyter.orm import unit_of_work
from ln_jupyter.schema import ExecutedCell, Notebook, Run
from ln_jupyter.schema.models import State
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking.recording import run_rows

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    from sqlalchemy import orm

_BATCH = 500  # ids in one statement: every database takes so many
_ENDED = tuple(state for state in get_args(State) if state != "running")


@dataclass(frozen=True)
class Removed:
    """What was removed, or would be.

    Attributes:
        runs: Their ids.
        cells: How many executed cells went along.
        sources: How many sources that nothing else names.
        environments: How many environments that nothing else names.
    """

    runs: tuple[str, ...]
    cells: int
    sources: int
    environments: int


@limits.bounded(limits.LONG_SECONDS)
def delete_runs(ids: Iterable[str], *, dry_run: bool = False) -> Removed:
    """Delete runs, their cells, and the sources and environments that nothing else names.

    Notebooks and files stay. A run that goes on may be named: nothing more is written of it.

    Args:
        ids: Of the runs.
        dry_run: Count, and delete nothing.

    Raises:
        RunNotFoundError: If there is no run of an id; then nothing is deleted.
        DatabaseError: If the registry cannot be reached.
    """
    wanted = tuple(dict.fromkeys(ids))
    return unit_of_work.run(lambda session: _delete_named(session, wanted, dry_run=dry_run), write=True)


@limits.bounded(limits.LONG_SECONDS)
def prune(*, older_than: dt.timedelta, states: Iterable[str] = _ENDED, dry_run: bool = False) -> Removed:
    """Delete the runs that ended long ago, as `delete_runs` does.

    Those that go on stay, and those of published versions, and those that somebody added by hand.

    Args:
        older_than: How long ago they were registered, at least.
        states: Which of them: ``"finished"``, ``"failed"``, ``"interrupted"``, ``"lost"``.
        dry_run: Count, and delete nothing.

    Raises:
        InvalidRunError: If a state is none that can be pruned.
        DatabaseError: If the registry cannot be reached.
    """
    chosen = list(states)
    for state in chosen:
        if state not in _ENDED:
            raise errors.InvalidRunError(f"runs cannot be pruned by {state!r}", fix=errors.near_miss(state, _ENDED))
    is_published = sa.exists().where(
        Notebook.id == Run.notebook_id, Notebook.v == Run.notebook_v, Notebook.published_at.is_not(None)
    )
    old = sa.select(Run.id).where(Run.created_at < utcnow() - older_than, Run.state.in_(chosen), ~is_published)
    return unit_of_work.run(lambda session: _delete(session, tuple(session.scalars(old)), dry_run=dry_run), write=True)


def _delete_named(session: orm.Session, ids: tuple[str, ...], *, dry_run: bool) -> Removed:
    found = {run_id for some in _batches(ids) for run_id in session.scalars(sa.select(Run.id).where(Run.id.in_(some)))}
    missing = [run_id for run_id in ids if run_id not in found]
    if missing:
        msg = f"the registry has no run {', '.join(missing)}; nothing was deleted"
        raise errors.RunNotFoundError(msg, fix="write whole ids: ln-jupyter runs lists them")
    return _delete(session, ids, dry_run=dry_run)


def _delete(session: orm.Session, ids: tuple[str, ...], *, dry_run: bool) -> Removed:
    connection = session.connection(bind_arguments={"mapper": Run})
    with connection.begin_nested() as step:
        cells = 0
        sources: set[str] = set()
        environments: set[str] = set()
        for some in _batches(ids):
            of_runs = sa.select(sa.func.count()).select_from(ExecutedCell).where(ExecutedCell.run_id.in_(some))
            cells += connection.scalar(of_runs) or 0
            used = connection.execute(sa.select(Run.source_hash, Run.environment_hash).where(Run.id.in_(some))).all()
            sources |= {row.source_hash for row in used if row.source_hash}
            environments |= {row.environment_hash for row in used if row.environment_hash}
            connection.execute(sa.delete(Run).where(Run.id.in_(some)))
        counts = [0, 0]
        for some in _batches(sources):
            counts[0] += run_rows.remove_unused(connection, sources=some)[0]
        for some in _batches(environments):
            counts[1] += run_rows.remove_unused(connection, environments=some)[1]
        if dry_run:
            step.rollback()
    return Removed(ids, cells, *counts)


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    every = list(ids)
    return (every[start : start + _BATCH] for start in range(0, len(every), _BATCH))
