"""Notebooks of a registry, with what belongs to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from ln_jupyter.queries import cells, rows
from ln_jupyter.schema import Notebook, NotebookPath, Run, User

if TYPE_CHECKING:
    from ln_jupyter.queries.rows import Row


def newest(connection: sa.Connection, *, host: str, limit: int, count_to: int | None = None) -> list[Row]:
    """Return the newest versions of notebooks, each with its runs, the last of them, and its path on *host*.

    Args:
        connection: To the registry.
        host: The machine.
        limit: Not more than so many.
        count_to: Of each, count not more runs than that, which reads them; None counts all.
    """
    chosen = sa.select(Notebook).order_by(*rows.newest_first(Notebook)).limit(limit)
    return _notebooks(connection, chosen, host=host, count_to=count_to)


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
