"""The questions that the command line asks a registry, each in one or two statements."""

from __future__ import annotations

import difflib
import zlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from ln_jupyter import errors
from ln_jupyter.notebook import document
from ln_jupyter.schema import Environment, ExecutedCell, Notebook, NotebookPath, Pipeline, Run, Source, User
from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from ln_jupyter.notebook.document import Cell

Row = dict[str, Any]

_LONGEST_SOURCE = 1 << 28  # of a notebook, without its outputs
_MATCHES = 4  # of an ambiguous beginning
_NEAR = 1_000  # of the newest ids are compared with one that is unknown


def notebooks(connection: sa.Connection, *, host: str, limit: int, count_to: int | None = None) -> list[Row]:
    """Give the newest versions of notebooks, each with its runs, the last of them, and its path on *host*.

    Args:
        connection: To the registry.
        host: The machine.
        limit: Not more than so many.
        count_to: Of each, count not more runs than that, which reads them; None counts all.
    """
    newest = sa.select(Notebook).order_by(*_newest(Notebook)).limit(limit)
    return _notebooks(connection, newest, host=host, count_to=count_to)


def versions(connection: sa.Connection, notebook_id: str, *, host: str) -> list[Row]:
    """Give every version of a notebook, as `notebooks` does."""
    return _notebooks(connection, sa.select(Notebook).where(Notebook.id == notebook_id), host=host)


def paths(connection: sa.Connection, notebook_id: str) -> list[Row]:
    """Give every place where a notebook was seen, the last one first."""
    seen = sa.select(NotebookPath.host, NotebookPath.path, NotebookPath.notebook_v.label("v"), NotebookPath.seen_at)
    return _rows(connection, seen.where(NotebookPath.notebook_id == notebook_id).order_by(NotebookPath.seen_at.desc()))


def runs(
    connection: sa.Connection,
    *,
    notebook_id: str | None = None,
    states: Iterable[str] = (),
    ids: Sequence[str] = (),
    limit: int,
) -> list[Row]:
    """Give the newest runs, each with the title of what ran and the user.

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
    found = _rows(connection, chosen.order_by(*_newest(Run)).limit(limit))
    return [row | {"seconds": _seconds(row, now)} for row in found]


def run(connection: sa.Connection, run_id: str) -> Row:
    """Give everything that was recorded of a run, but its cells."""
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
    row = dict(connection.execute(chosen.outerjoin(Run.environment).where(Run.id == run_id)).one()._mapping)
    packages = row.pop("packages")
    return row | {"package_count": None if packages is None else len(packages), "seconds": _seconds(row, utcnow())}


def cells(connection: sa.Connection, run_id: str) -> list[Row]:
    """Give the executions of a run's cells, in order."""
    columns = [column for column in sa.inspect(ExecutedCell).columns if column.key != "run_id"]
    return _rows(connection, sa.select(*columns).where(ExecutedCell.run_id == run_id).order_by(ExecutedCell.position))


def source(connection: sa.Connection, model: type[Notebook | Run], record_id: str, v: str | None) -> tuple[Cell, ...]:
    """Give the cells that are kept of a run, or of a notebook's version: of the one published last, where none is named.

    Raises:
        RunNotFoundError: If none are.
        NotARegistryError: As `_cells_of`.
    """
    chosen = sa.select(Source.content).join(model, model.source_hash == Source.hash).where(model.id == record_id)
    if model is Notebook:
        chosen = chosen.order_by(Notebook.published_at.desc())
        chosen = chosen if v is None else chosen.where(Notebook.v == v)
    content = connection.scalars(chosen.limit(1)).first()
    if content is None:
        which = "" if v is None else f" in version {v!r}"
        fix = f"a published version's is, and a finished run's: ln-jupyter show {record_id} lists them"
        raise errors.RunNotFoundError(f"no source is kept of {record_id}{which}", fix=fix)
    return _cells_of(record_id, content)


def _cells_of(record_id: str, content: bytes) -> tuple[Cell, ...]:
    """Read what is kept of a source.

    Raises:
        NotARegistryError: If it is none, or would fill the memory.
    """
    unpacking = zlib.decompressobj()
    try:
        source = unpacking.decompress(content, _LONGEST_SOURCE)
        if not unpacking.unconsumed_tail:
            return document.cells_of(source)
        why = f"is longer than {_LONGEST_SOURCE:,} characters"
    except (zlib.error, ValueError, TypeError, RecursionError):
        why = "cannot be read"
    fix = "go on from a backup, or see where the registry came from"
    raise errors.NotARegistryError(f"the source that is kept of {record_id} {why}", fix=fix)


def find(connection: sa.Connection, name: str, *models: type[Notebook | Run]) -> tuple[type[Notebook | Run], str]:
    """Find a notebook or run by its id, or by a beginning that no other has.

    Args:
        connection: To the registry.
        name: The id or its beginning.
        models: What it may be.

    Raises:
        RunNotFoundError: If there is none; it names near ids.
        InvalidRunError: If there are several.
    """
    for is_whole in (True, False):  # by index first
        found = [(model, each) for model in models for each in _ids(connection, model, name, is_whole=is_whole)]
        if len(found) == 1:
            return found[0]
        if found:
            some = ", ".join(each for _, each in found[:_MATCHES])
            msg = f"{name!r} is the beginning of several ids"
            more = ", ..." * (len(found) > _MATCHES)
            raise errors.InvalidRunError(msg, fix=f"write more of the one you mean: {some}{more}")
    kinds = " or ".join(model.__name__.lower() for model in models)
    raise errors.RunNotFoundError(f"the registry has no {kinds} {name!r}", fix=_near(connection, name, models))


def beginning_with(connection: sa.Connection, name: str, model: type[Notebook | Run], *, limit: int) -> dict[str, str]:
    """Give the ids that begin so, the newest first, each with the title of what it is or ran."""
    title = (Notebook.title, Notebook.name) if model is Notebook else (Notebook.title, Notebook.name, Run.name)
    chosen = sa.select(model.id, sa.func.coalesce(*title)).where(_begins_with(model, name))
    if model is Run:
        chosen = chosen.outerjoin(Run.notebook)
    found = connection.execute(chosen.order_by(*_newest(model)).limit(limit))
    return {each: text or "" for each, text in reversed(found.all())}  # of versions, the newest one's


def _ids(connection: sa.Connection, model: type[Notebook | Run], name: str, *, is_whole: bool) -> list[str]:
    matches = model.id == name if is_whole else _begins_with(model, name)
    return list(connection.scalars(sa.select(model.id).where(matches).distinct().limit(_MATCHES + 1)))


def _begins_with(model: type[Notebook | Run], name: str) -> sa.ColumnElement[bool]:
    # not LIKE, to which SQLite's "a" is "A"
    return sa.func.substr(model.id, 1, len(name)) == name


def _near(connection: sa.Connection, name: str, models: Sequence[type[Notebook | Run]]) -> str:
    known = [
        each
        for model in models
        for each in connection.scalars(sa.select(model.id).order_by(model.created_at.desc()).limit(_NEAR))
    ]
    near = difflib.get_close_matches(name, dict.fromkeys(known), n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return "ln-jupyter list and ln-jupyter runs name those there are"


def _notebooks(connection: sa.Connection, chosen: Any, *, host: str, count_to: int | None = None) -> list[Row]:
    """Give chosen notebooks with what belongs to each; by index, however many runs there are."""
    notebook = aliased(Notebook, chosen.subquery())
    last, other, publisher = aliased(Run), aliased(Run), aliased(User)

    def is_of(record: Any) -> sa.ColumnElement[bool]:
        return sa.and_(record.notebook_id == notebook.id, record.notebook_v == notebook.v)

    newest = sa.select(other.id).where(is_of(other)).order_by(*_newest(other)).limit(1)
    last_id = newest.correlate(notebook).scalar_subquery()  # said, as in a join it is not found out
    seen = sa.select(NotebookPath.path).where(is_of(NotebookPath), NotebookPath.host == host)
    some: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(Run).where(is_of(Run)).limit(count_to)
    counted = some.correlate(notebook).subquery()
    names = ("id", "v", "title", "name", "created_at", "published_at", "parent_id", "parent_v")
    rows = sa.select(
        *(getattr(notebook, name) for name in names),
        User.handle.label("user"),
        publisher.handle.label("published_by"),
        seen.order_by(NotebookPath.seen_at.desc()).limit(1).scalar_subquery().label("path"),
        sa.select(sa.func.count()).select_from(counted).scalar_subquery().label("runs"),
        last.id.label("last_run_id"),
        last.created_at.label("last_run_at"),
        last.started_at,
        last.heard_at,
        last.state.label("state"),
    )
    rows = (
        rows.select_from(notebook)
        .outerjoin(last, last.id == last_id)
        .outerjoin(User, User.id == notebook.created_by_id)
        .outerjoin(publisher, publisher.id == notebook.published_by_id)
    )
    return _rows(connection, rows.order_by(notebook.created_at.desc(), notebook.id, notebook.v.desc()))


def _newest(model: Any) -> tuple[sa.ColumnElement[Any], ...]:
    return (model.created_at.desc(), model.id.desc())


def _rows(connection: sa.Connection, statement: Any) -> list[Row]:
    return [dict(row._mapping) for row in connection.execute(statement)]


def _seconds(row: Row, now: dt.datetime) -> float | None:
    """Say how long a run took, or takes; of a lost one, until it was last heard."""
    if row["started_at"] is None:
        return None
    ends = {"running": now, "lost": row["heard_at"] or row["started_at"]}
    return float((ends.get(row["state"], row["finished_at"]) - row["started_at"]).total_seconds())
