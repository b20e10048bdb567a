"""Notebooks of a registry, with what belongs to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from ln_jupyter.queries import cells, rows
from ln_jupyter.schema import Notebook, NotebookPath, Run, User

if TYPE_CHECKING:
    from ln_jupyter.queries.rows import Row


def newest(connection: sa.Connection, *, host: str, limit: int | None, count_to: int | None = None) -> list[Row]:
    """Return the newest versions of notebooks, each with its runs, the last of them, and its path on *host*.

    Args:
        connection: To the registry.
        host: The machine.
        limit: Not more than so many; None for all.
        count_to: Of each, count not more runs than that, which reads them; None counts all.
    """
    chosen = sa.select(Notebook).order_by(*rows.newest_first(Notebook)).limit(limit)
    return _notebooks(connection, chosen, host=host, count_to=count_to)


def used_last(connection: sa.Connection, *, host: str, limit: int | None, count_to: int | None = None) -> list[Row]:
    """Return notebooks, those that ran last first: the newest version of each, with the runs of all its versions.

    Args:
        connection: To the registry.
        host: The machine whose paths are wanted.
        limit: Not more than so many; None for all.
        count_to: Of each version, count not more runs than that; None counts all.
    """
    ran = sa.select(sa.func.max(Run.created_at)).where(Run.notebook_id == Notebook.id, Run.notebook_v == Notebook.v)
    ran_at = ran.correlate(Notebook).scalar_subquery()
    used = sa.func.max(sa.func.coalesce(ran_at, Notebook.created_at))
    few = sa.select(Notebook.id).group_by(Notebook.id).order_by(used.desc(), Notebook.id).limit(limit).subquery()
    chosen = sa.select(Notebook).join(few, few.c.id == Notebook.id)
    of_each: dict[str, list[Row]] = {}
    for row in _notebooks(connection, chosen, host=host, count_to=count_to):
        of_each.setdefault(row["id"], []).append(row)
    found = [_together(each) for each in of_each.values()]
    return sorted(found, key=lambda row: row["last_run_at"] or row["created_at"], reverse=True)


def count(connection: sa.Connection) -> int:
    """Count notebooks, each once whatever its versions."""
    return connection.scalar(sa.select(sa.func.count(Notebook.id.distinct()))) or 0


def at(connection: sa.Connection, file: str, *, host: str, path: str) -> dict[str, str]:
    """Return the notebooks that a file name or path means, each with where it was seen last.

    Those seen at the path on this machine count alone; else those whose path ends so, wherever that is.

    Args:
        connection: To the registry.
        file: As somebody wrote it.
        host: This machine.
        path: The same, absolute.
    """
    seen = sa.select(NotebookPath.notebook_id, NotebookPath.path).order_by(NotebookPath.seen_at)
    name = file.removeprefix("./").lstrip("/")
    endings = (f"/{name}", "\\" + name.replace("/", "\\"))
    is_named = sa.or_(*(_ends_with(NotebookPath.path, each) for each in endings))
    for chosen in (seen.where(NotebookPath.host == host, NotebookPath.path == path), seen.where(is_named)):
        if found := rows.read(connection, chosen):
            return {row["notebook_id"]: row["path"] for row in found}
    return {}


def versions(connection: sa.Connection, notebook_id: str, *, host: str) -> list[Row]:
    """Return every version of a notebook, as `newest` does."""
    return _notebooks(connection, sa.select(Notebook).where(Notebook.id == notebook_id), host=host)


def paths(connection: sa.Connection, notebook_id: str) -> list[Row]:
    """Return every place where a notebook was seen, the last one first."""
    seen = sa.select(NotebookPath.host, NotebookPath.path, NotebookPath.notebook_v.label("v"), NotebookPath.seen_at)
    return rows.read(
        connection, seen.where(NotebookPath.notebook_id == notebook_id).order_by(NotebookPath.seen_at.desc())
    )


def _notebooks(connection: sa.Connection, chosen: Any, *, host: str, count_to: int | None = None) -> list[Row]:
    """Return chosen notebooks with what belongs to each; by index, however many runs there are."""
    notebook = aliased(Notebook, chosen.subquery())
    last, other, publisher = aliased(Run), aliased(Run), aliased(User)

    def is_of(record: Any) -> sa.ColumnElement[bool]:
        return sa.and_(record.notebook_id == notebook.id, record.notebook_v == notebook.v)

    newest_id = sa.select(other.id).where(is_of(other)).order_by(*rows.newest_first(other)).limit(1)
    last_id = newest_id.correlate(notebook).scalar_subquery()  # said, as in a join it is not found out
    seen = sa.select(NotebookPath.path).where(is_of(NotebookPath), NotebookPath.host == host)
    some: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(Run).where(is_of(Run)).limit(count_to)
    counted = some.correlate(notebook).subquery()
    cell, is_last_cell = cells.unended(last)
    names = ("id", "v", "title", "name", "created_at", "published_at", "parent_id", "parent_v")
    found = sa.select(
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
        last.reason,
        last.failures,
        cell.number.label("in_cell"),
    )
    found = (
        found.select_from(notebook)
        .outerjoin(last, last.id == last_id)
        .outerjoin(cell, is_last_cell)
        .outerjoin(User, User.id == notebook.created_by_id)
        .outerjoin(publisher, publisher.id == notebook.published_by_id)
    )
    return [_without_itself(row) for row in rows.read(connection, found.order_by(*rows.newest_first(notebook)))]


def _without_itself(row: Row) -> Row:
    """Name no version as its own parent, as a release before has written it."""
    is_itself = (row["parent_id"], row["parent_v"]) == (row["id"], row["v"])
    return row | {"parent_id": None, "parent_v": None} if is_itself else row


def _ends_with(column: Any, text: str) -> sa.ColumnElement[bool]:
    length = sa.func.length(column)
    # not LIKE, to which SQLite's "a" is "A"
    return sa.and_(length >= len(text), sa.func.substr(column, length - len(text) + 1) == text)


def _together(versions: list[Row]) -> Row:
    """Make one row of a notebook's versions, the newest first: the newest one, and the last run of all."""
    last = max(versions, key=lambda row: (row["last_run_at"] is not None, row["last_run_at"] or row["created_at"]))
    of_run = ("last_run_id", "last_run_at", "started_at", "heard_at", "state", "reason", "failures", "in_cell")
    path = next(filter(None, (row["path"] for row in versions)), None)
    runs = sum(row["runs"] for row in versions)
    return versions[0] | {name: last[name] for name in of_run} | {"path": path, "runs": runs}
