"""What runs read and wrote: by its content, by its path, and by run."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from ln_jupyter.queries import rows
from ln_jupyter.schema import ExecutedCell, File, Notebook, Pipeline, Run, RunFile, User
from ln_jupyter.schema.tables import run_input, run_output

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ln_jupyter.queries.rows import Row

    Linked = Callable[[Any], sa.ColumnElement[bool]]

STATED = "stated"
"""How it was seen what somebody has said: by `track_input`, or by a link of a run that was made by hand."""

_SEEN = ("position", "role", "kind", "path", "cell", "via", "size", "modified_at", "members", "reason", "file_id")
_RUN = ("notebook_id", "notebook_v", "host", "started_at", "continues_id")
ROUNDED = dt.timedelta(milliseconds=1)
"""By so much a file system, or a clock, may count less finely."""
_LONGEST_CHAIN = 100  # runs of one process that go on from each other


def of_run(connection: sa.Connection, run_id: str, *, limit: int | None = None) -> list[Row]:
    """Return what a run read and wrote, in the order in which it was first seen, and `total`, how much that is.

    Args:
        connection: To the registry.
        run_id: Of the run.
        limit: Of what it read and of what it wrote, not more than so many; None for all.
    """
    return of_runs(connection, reading=[run_id], writing=[run_id], limit=limit)


def of_runs(
    connection: sa.Connection, *, reading: Collection[str], writing: Collection[str] = (), limit: int | None
) -> list[Row]:
    """Return what some runs read, and others wrote, of each as `of_run` does."""
    unknown = [
        sa.and_(RunFile.role == role, RunFile.run_id.in_(ids))
        for role, ids in (("input", reading), ("output", writing))
        if ids
    ]
    if not unknown:
        return []
    some = seen(
        read=(lambda link: link.run_id.in_(reading)) if reading else None,
        wrote=(lambda link: link.run_id.in_(writing)) if writing else None,
        unknown=sa.and_(RunFile.run_id.in_([*reading, *writing]), sa.or_(*unknown)),  # by the key, and only that
    )
    each = [some.c.run_id, some.c.role]
    order = (some.c.position.is_(None), some.c.position, some.c.file_id)
    ranked = sa.select(
        some,
        sa.func.row_number().over(partition_by=each, order_by=order).label("rank"),
        sa.func.count().over(partition_by=each).label("total"),
    ).subquery()
    cell = sa.and_(ExecutedCell.run_id == ranked.c.run_id, ExecutedCell.position == ranked.c.cell)
    chosen = (
        sa.select(*ranked.c, File.hash, ExecutedCell.number, Run.host)
        .join(Run, Run.id == ranked.c.run_id)
        .outerjoin(File, File.id == ranked.c.file_id)
        .outerjoin(ExecutedCell, cell)
    )
    if limit is not None:
        chosen = chosen.where(ranked.c.rank <= limit)
    return rows.read(
        connection, chosen.order_by(ranked.c.run_id, ranked.c.position.is_(None), ranked.c.position, ranked.c.file_id)
    )


def of_content(  # noqa: PLR0913 - what it is, and where it lies
    connection: sa.Connection,
    sha256: str | None,
    size: int | None,
    *,
    host: str,
    paths: Collection[str],
    file_id: str | None = None,
    limit: int,
) -> list[Row]:
    """Return which runs read and wrote a content, of each the newest: first those that did so at these paths.

    Args:
        connection: To the registry.
        sha256: Of the content; None if nothing but its record is meant.
        size: In bytes; None where that is not known.
        host: The machine of the paths.
        paths: Where it lies.
        file_id: Of its record, which is meant whatever its hash is.
        limit: Of readers and of writers, not more than so many; `total` says how many there are.
    """
    return newest(
        connection, _of_content(is_content(sha256, size, file_id)), each=("role",), limit=limit, here=(host, paths)
    )


def of_state(  # noqa: PLR0913 - what a file is where its content is not known
    connection: sa.Connection,
    *,
    host: str,
    paths: Collection[str],
    size: int,
    modified_at: dt.datetime,
    limit: int,
) -> list[Row]:
    """Return which runs read and wrote the file at a path as it is, by its size and time: where no content is known."""
    some = seen_at(paths, has_no_content(), RunFile.size == size, _is_near(RunFile.modified_at, modified_at))
    return newest(connection, some, each=("role",), limit=limit, on=host)


def of_path(connection: sa.Connection, *, host: str | None, paths: Collection[str], limit: int) -> list[Row]:
    """Return which contents runs found and left at a path, of each the newest reader and writer.

    Args:
        connection: To the registry.
        host: The machine; None for what has the same name everywhere, such as a URL.
        paths: The path, in each of its forms.
        limit: Of readers and of writers, not more than so many; `total` says how many contents there are.
    """
    some = seen_at(paths)
    return newest(
        connection, some, each=("role",), alike=(some.c.role, *content(some)), is_once=True, limit=limit, on=host
    )


def places(connection: sa.Connection, sha256: str, size: int | None, *, limit: int) -> list[Row]:
    """Return where a content was seen, by host and path, the last seen first."""
    some = _of_content(is_content(sha256, size))
    at = sa.func.max(_moment(None))
    chosen = (
        sa.select(Run.host, some.c.path, at.label("at"), sa.func.count().over().label("total"))
        .select_from(some)
        .join(Run, Run.id == some.c.run_id)
        .group_by(Run.host, some.c.path)
        .order_by(at.desc(), some.c.path)
    )
    return rows.read(connection, chosen.limit(limit))


def chain(connection: sa.Connection, run_id: str) -> list[str]:
    """Return a run and those before it in its process, whose variables it may have used; the newest first."""
    first = sa.select(Run.id, Run.continues_id, sa.literal(0).label("steps")).where(Run.id == run_id)
    steps = first.cte("chain", recursive=True)
    before = aliased(Run)
    further = sa.select(before.id, before.continues_id, steps.c.steps + 1)
    further = further.join(steps, before.id == steps.c.continues_id).where(steps.c.steps < _LONGEST_CHAIN)
    every = steps.union(further)
    found = rows.read(connection, sa.select(every.c.id, every.c.steps).order_by(every.c.steps))
    return list(dict.fromkeys(row["id"] for row in found))


def writers(
    connection: sa.Connection, file_ids: Collection[str], *, before: dt.datetime, other_than: Collection[str]
) -> dict[str, Row]:
    """Return of each content the run that wrote it last, until a moment if there is one; no row for a source.

    Args:
        connection: To the registry.
        file_ids: Of the contents.
        before: Who wrote it then or before comes first: of deterministic runs, each writes it anew.
        other_than: Not these runs.
    """
    if not file_ids:
        return {}
    some = seen(wrote=lambda link: sa.and_(link.file_id.in_(file_ids), link.run_id.not_in(other_than)))
    found = newest(connection, some, each=("file_id",), limit=1, until=before)
    return {row["file_id"]: row for row in found}


def seen(
    *, read: Linked | None = None, wrote: Linked | None = None, unknown: sa.ColumnElement[bool] | None = None
) -> sa.Subquery:
    """Select what runs read and wrote: the links of runs to files, with how that was seen, unless they were made by hand.

    Args:
        read: Which of the links to what was read: makes the condition, given the columns of the link; by an index.
        wrote: Which of those to what was written.
        unknown: Which rows of `RunFile` without a content, too.
    """
    parts: list[sa.Select[Any]] = []
    for role, link, is_meant in (("input", run_input, read), ("output", run_output, wrote)):
        if is_meant is None:
            continue
        # by the key of the run: by the index of the content, each of its runs would be looked for among all of them
        is_same = sa.func.coalesce(RunFile.file_id, "") == link.c.file_id
        is_it = sa.and_(RunFile.run_id == link.c.run_id, RunFile.role == role, is_same)
        by_hand: dict[str, sa.ColumnElement[Any]] = {
            "role": sa.literal_column(f"'{role}'", sa.String),
            "kind": sa.func.coalesce(RunFile.kind, "file"),
            "path": sa.func.coalesce(RunFile.path, File.uri, File.name, File.id),
            "via": sa.func.coalesce(RunFile.via, STATED),
            "size": sa.func.coalesce(RunFile.size, File.size),
            "file_id": link.c.file_id,
        }
        columns = [by_hand.get(name, getattr(RunFile, name)).label(name) for name in _SEEN]
        chosen = sa.select(link.c.run_id, *columns).join(File, File.id == link.c.file_id)
        parts.append(chosen.outerjoin(RunFile, is_it).where(is_meant(link.c)))
    if unknown is not None:
        every = sa.select(RunFile.run_id, *(getattr(RunFile, name) for name in _SEEN))
        parts.append(every.where(has_no_content(), unknown))
    return sa.union_all(*parts).subquery("seen")


def has_no_content() -> sa.ColumnElement[bool]:
    """Return the condition that the content of a row is not known; not by the index, where those are the most of all."""
    return sa.func.coalesce(RunFile.file_id, "") == ""


def seen_at(paths: Collection[str], *conditions: sa.ColumnElement[bool]) -> sa.Subquery:
    """Select what runs read and wrote at a path."""
    chosen = sa.select(RunFile.run_id, *(getattr(RunFile, name) for name in _SEEN))
    return chosen.where(RunFile.path.in_(paths), *conditions).subquery("seen")


def content(some: Any) -> tuple[sa.ColumnElement[Any], ...]:
    """Return what tells a content from others: where it is not known, its size and time."""
    is_unknown = some.c.file_id.is_(None)
    return (some.c.file_id, *(sa.case((is_unknown, column)) for column in (some.c.size, some.c.modified_at)))


def newest(  # noqa: PLR0913 - what is asked of them
    connection: sa.Connection,
    some: sa.Subquery,
    *,
    each: Sequence[str],
    limit: int,
    alike: Sequence[Any] = (),
    is_once: bool = False,
    here: tuple[str, Collection[str]] | None = None,
    on: str | None = None,
    until: dt.datetime | None = None,
) -> list[Row]:
    """Return of what runs read and wrote the newest, with the run, its user and the cell.

    Args:
        connection: To the registry.
        some: What of it, as `seen` and `seen_at` select it.
        each: Of all that have these columns in common, `limit`; `total` says how many there are.
        limit: Not more than so many.
        alike: Of those that have these columns in common, one comes before the second of any other.
        is_once: Those others are left out.
        here: What was on this host at one of these paths comes first.
        on: Nothing but what was on this host.
        until: What was then or before comes first.
    """
    cell = aliased(ExecutedCell)
    at = _moment(cell)
    order = {
        "at": at.desc(),
        "created_at": Run.created_at.desc(),
        "run_id": Run.id.desc(),
        "position": some.c.position.desc(),
    }
    sorted_by: dict[str, Any] = {}
    if here is not None:
        sorted_by["elsewhere"] = sa.case((sa.and_(Run.host == here[0], some.c.path.in_(here[1])), 0), else_=1)
    if until is not None:
        sorted_by["late"] = sa.case((at <= until, 0), else_=1)
    again = sa.func.row_number().over(partition_by=list(alike), order_by=[*sorted_by.values(), *order.values()])
    found = (
        sa.select(
            *some.c,
            at.label("at"),
            Run.created_at,
            Run.host,
            cell.number,
            *(value.label(name) for name, value in sorted_by.items()),
            *([again.label("again")] if alike else []),
        )
        .join(Run, Run.id == some.c.run_id)
        .outerjoin(cell, sa.and_(cell.run_id == some.c.run_id, cell.position == some.c.cell))
    )
    if on is not None:
        found = found.where(Run.host == on)
    one = found.subquery("one")
    first = [one.c.again] if alike else []
    whole = [*first, *(one.c[name] for name in sorted_by), *(one.c[name].desc() for name in order)]
    of_each = [one.c[name] for name in each]
    ranked = sa.select(
        *(one.c[column.key] for column in some.c),
        one.c["at"],
        one.c.number,
        sa.func.row_number().over(partition_by=of_each, order_by=whole).label("rank"),
        sa.func.count().over(partition_by=of_each).label("total"),
    )
    few = (ranked.where(one.c.again == 1) if is_once else ranked).subquery("few")
    chosen = _with_run(few).where(few.c.rank <= limit)
    return rows.read(connection, chosen.order_by(*(few.c[name] for name in each if name in few.c), few.c.rank))


def _with_run(few: sa.Subquery) -> sa.Select[Any]:
    chosen = sa.select(*few.c, File.hash, *run_facts()).select_from(few).join(Run, Run.id == few.c.run_id)
    return with_related(chosen).outerjoin(File, File.id == few.c.file_id)


def run_facts() -> list[Any]:
    """Return the columns that name a run, for what `with_related` joins."""
    title = sa.func.coalesce(Notebook.title, Notebook.name, Run.name, Pipeline.name).label("title")
    return [
        *(getattr(Run, name) for name in _RUN),
        Run.path.label("run_path"),
        Run.state.label("state"),
        title,
        User.handle.label("user"),
    ]


def with_related(chosen: sa.Select[Any]) -> sa.Select[Any]:
    """Join what a run is of, and whose it is."""
    return chosen.outerjoin(Run.notebook).outerjoin(Run.pipeline).outerjoin(Run.created_by)


def _of_content(is_it: sa.ColumnElement[bool]) -> sa.Subquery:
    def has_it(link: Any) -> Any:
        return link.file_id.in_(sa.select(File.id).where(is_it))

    return seen(read=has_it, wrote=has_it)


def is_content(sha256: str | None, size: int | None, file_id: str | None = None) -> sa.ColumnElement[bool]:
    """Return the condition that a file has a content; of one that was added by hand the size need not be known."""
    conditions = [] if file_id is None else [File.id == file_id]
    if sha256 is not None:
        is_of_size = sa.true() if size is None else sa.or_(File.size == size, File.size.is_(None))
        conditions.append(sa.and_(File.hash == sha256, is_of_size))
    return sa.or_(sa.false(), *conditions)


def program() -> sa.ColumnElement[Any]:
    """Return what a run is a run of, as a column."""
    return sa.func.coalesce(Run.notebook_id, Run.pipeline_id, Run.path, Run.id)


def _moment(cell: Any) -> sa.ColumnElement[Any]:
    """Say when something was read or written: when its cell began, else the run."""
    started = () if cell is None else (cell.started_at,)
    return sa.func.coalesce(*started, Run.started_at, Run.created_at)


def _is_near(column: Any, moment: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.and_(column >= moment - ROUNDED, column <= moment + ROUNDED)
