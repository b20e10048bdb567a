"""Runs are removed, and with them what only they used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import sqlalchemy as sa

from ln_jupyter import advice, errors
from ln_jupyter.db import limits
from ln_jupyter.orm import unit_of_work
from ln_jupyter.queries import progress, rows
from ln_jupyter.schema import ExecutedCell, Notebook, Run, RunFile, RunText, Text
from ln_jupyter.schema.models import State
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking.recording import run_rows

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Iterator

    from sqlalchemy import orm

T = TypeVar("T")

_SOME = 500  # texts that are looked at together
_ENDED = tuple(state for state in get_args(State) if state != "running")


@dataclass(frozen=True)
class Removed:
    """What was removed, or would be.

    Attributes:
        runs: Their ids.
        cells: How many executed cells went along.
        sources: How many sources that nothing else names.
        environments: How many environments that nothing else names.
        texts: How many texts, of cells and modules, that nothing else refers to.
        files: How many contents of files that only these runs have read or written.
    """

    runs: tuple[str, ...]
    cells: int
    sources: int
    environments: int
    texts: int
    files: int = 0


@limits.bounded(limits.LONG_SECONDS)
def delete_runs(ids: Iterable[str], *, dry_run: bool = False) -> Removed:
    """Delete runs, their cells, and the sources, environments, texts and contents of files that nothing else names.

    Notebooks stay, and records of files that somebody added or edited; files themselves are never touched. A run that goes on may be named: nothing more is written of it.

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
def delete_texts(ids: Iterable[str], *, dry_run: bool = False) -> Removed:
    """Delete what ran in runs, as where something was executed or printed that nobody should read.

    The texts of their executed cells and modules go, and the messages of errors. The runs stay, with the hash of
    each cell, and with the place and type of an error; so does the notebook as it was saved.

    Args:
        ids: Of the runs.
        dry_run: Count, and delete nothing.

    Returns:
        Of how many executed cells something was removed, and how many texts that nothing else refers to.

    Raises:
        RunNotFoundError: If there is no run of an id; then nothing is deleted.
        InvalidRunError: If one goes on, which would write more; then nothing is deleted.
        DatabaseError: If the registry cannot be reached.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> run = ln.add(lns.Run(name="Solve Problem X"))
        >>> delete_texts([run.id], dry_run=True).texts
        0
    """
    wanted = tuple(dict.fromkeys(ids))
    return unit_of_work.run(lambda session: _delete_texts(session, wanted, dry_run=dry_run), write=True)


@limits.bounded(limits.LONG_SECONDS)
def prune(*, older_than: dt.timedelta, states: Iterable[str] = _ENDED, dry_run: bool = False) -> Removed:
    """Delete the runs that ended long ago, as `delete_runs` does, and every text that nothing refers to.

    Releases that know no texts leave them behind. Runs that go on stay, and those of published versions, and those that somebody added by hand.

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
    return unit_of_work.run(
        lambda session: _delete(session, tuple(session.scalars(old)), dry_run=dry_run, with_orphans=True), write=True
    )


def _delete_named(session: orm.Session, ids: tuple[str, ...], *, dry_run: bool) -> Removed:
    _states(session, ids)
    return _delete(session, ids, dry_run=dry_run)


def _states(session: orm.Session, ids: tuple[str, ...]) -> dict[str, str | None]:
    """Return the states of runs.

    Raises:
        RunNotFoundError: If there is no run of an id.
    """
    found = {
        row.id: row.state
        for some in rows.batches(ids)
        for row in session.execute(sa.select(Run.id, Run.state.label("state")).where(Run.id.in_(some)))
    }
    missing = [run_id for run_id in ids if run_id not in found]
    if missing:
        msg = f"the registry has no run {', '.join(missing)}; nothing was deleted"
        raise errors.RunNotFoundError(msg, fix="write whole ids: ln-jupyter runs --full lists them")
    return found


def _delete(session: orm.Session, ids: tuple[str, ...], *, dry_run: bool, with_orphans: bool = False) -> Removed:
    connection = session.connection(bind_arguments={"mapper": Run})
    with connection.begin_nested() as step:
        cells = 0
        sources: set[str] = set()
        environments: set[str] = set()
        texts: set[int] = set()
        files: set[str] = set()
        for some in _some_of(ids, "counting" if dry_run else "deleting", " runs"):
            of_runs = sa.select(sa.func.count()).select_from(ExecutedCell).where(ExecutedCell.run_id.in_(some))
            cells += connection.scalar(of_runs) or 0
            used = connection.execute(sa.select(Run.source_hash, Run.environment_hash).where(Run.id.in_(some))).all()
            sources |= {row.source_hash for row in used if row.source_hash}
            environments |= {row.environment_hash for row in used if row.environment_hash}
            texts |= _texts_of(connection, ExecutedCell.run_id.in_(some), RunText.run_id.in_(some))
            seen = sa.select(RunFile.file_id).where(RunFile.run_id.in_(some), RunFile.file_id.is_not(None))
            files |= set(connection.scalars(seen.distinct()))
            connection.execute(sa.delete(Run).where(Run.id.in_(some)))
        counts = [0, 0, 0]
        for some in rows.batches(sources):
            counts[0] += run_rows.remove_unused(connection, sources=some)[0]
        for some in rows.batches(environments):
            counts[1] += run_rows.remove_unused(connection, environments=some)[1]
        counts[2] = _remove_texts(connection, texts)
        if with_orphans:
            counts[2] += sum(run_rows.remove_unused_texts(connection, some) for some in _orphans(connection))
        of_files = sum(run_rows.remove_unused_files(connection, some) for some in rows.batches(sorted(files)))
        if dry_run:
            step.rollback()
    return Removed(ids, cells, counts[0], counts[1], counts[2], of_files)


def _delete_texts(session: orm.Session, ids: tuple[str, ...], *, dry_run: bool) -> Removed:
    going_on = [run_id for run_id, state in _states(session, ids).items() if state == "running"]
    if going_on:
        msg = f"run {', '.join(going_on)} goes on, and would write more; nothing was deleted"
        raise errors.InvalidRunError(msg, fix="end its kernel first, or tag its cell private and save the notebook")
    connection = session.connection(bind_arguments={"mapper": Run})
    cells = 0
    texts: set[int] = set()
    with connection.begin_nested() as step:
        for some in _some_of(ids, "counting" if dry_run else "deleting", " runs"):
            is_code = sa.and_(RunText.run_id.in_(some), RunText.kind.in_(("module", "before")))
            is_told = ExecutedCell.text_id.is_not(None) | ExecutedCell.error_message.is_not(None)
            texts |= _texts_of(connection, ExecutedCell.run_id.in_(some), is_code)
            _shorten_reasons(connection, some)
            hidden = sa.update(ExecutedCell).where(ExecutedCell.run_id.in_(some), is_told)
            cells += connection.execute(hidden.values(text_id=None, error_message=None)).rowcount
            connection.execute(sa.update(RunText).where(is_code).values(text_id=None))
            connection.execute(sa.delete(RunFile).where(RunFile.run_id.in_(some), RunFile.kind == "query"))
        removed = _remove_texts(connection, texts)
        if dry_run:
            step.rollback()
    return Removed(ids, cells, 0, 0, removed)


def _shorten_reasons(connection: sa.Connection, ids: list[str]) -> None:
    """Leave of the reasons of runs where it was, and the types of their cells' errors."""
    failed = sa.select(ExecutedCell.run_id, ExecutedCell.error_type).where(ExecutedCell.run_id.in_(ids))
    types: dict[str, set[str]] = {}
    for row in connection.execute(failed.where(ExecutedCell.error_type.is_not(None)).distinct()):
        types.setdefault(row.run_id, set()).add(row.error_type)
    for run in connection.execute(sa.select(Run.id, Run.reason).where(Run.id.in_(ids), Run.reason.is_not(None))).all():
        reason = progress.without_message(run.reason, types.get(run.id, ()))
        connection.execute(sa.update(Run.__table__).where(Run.id == run.id).values(reason=reason))  # past the counter


def _texts_of(connection: sa.Connection, are_cells: sa.ColumnElement[bool], are_beside: Any) -> set[int]:
    """Return the texts that these executed cells, and what is kept beside runs, refer to."""
    found: set[int] = set()
    for column, are_they in ((ExecutedCell.text_id, are_cells), (RunText.text_id, are_beside)):
        found |= set(connection.scalars(sa.select(column).where(are_they, column.is_not(None)).distinct()))
    return found


def _remove_texts(connection: sa.Connection, ids: Iterable[int]) -> int:
    batches = _some_of(sorted(ids), "looking through", " texts")
    return sum(run_rows.remove_unused_texts(connection, some) for some in batches)


def _some_of(ids: Collection[T], doing: str, unit: str) -> Iterator[list[T]]:
    """Cut ids into as many as a statement takes, with a bar while they are worked on."""
    with advice.progress(doing, len(ids), unit=unit) as advance:
        for some in rows.batches(ids):
            yield some
            advance(len(some))


def _orphans(connection: sa.Connection) -> Iterator[list[int]]:
    """Find the texts that nothing refers to, by index, some at a time: however many cells there are, none is read."""
    last = -1
    total = connection.scalar(sa.select(sa.func.count()).select_from(Text)) or 0
    is_used = [sa.exists().where(user.text_id == Text.id) for user in (ExecutedCell, RunText)]
    with advice.progress("looking through", total, unit=" texts") as advance:
        while some := list(connection.scalars(sa.select(Text.id).where(Text.id > last).order_by(Text.id).limit(_SOME))):
            last = some[-1]
            yield list(connection.scalars(sa.select(Text.id).where(Text.id.in_(some), *(~each for each in is_used))))
            advance(len(some))
