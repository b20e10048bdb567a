"""What is next to runs and files in the graph that they make: of many at once, in one statement each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter.queries import files, rows
from ln_jupyter.schema import File, Run, RunFile

if TYPE_CHECKING:
    from collections.abc import Collection

    from ln_jupyter.queries.rows import Row

_MOST = 10_000  # edges between nodes that are there already


def runs_of(connection: sa.Connection, *, written: Collection[str], read: Collection[str], limit: int) -> list[Row]:
    """Return the runs that wrote some contents, and those that read others: the newest of each notebook first.

    Args:
        connection: To the registry.
        written: The ids of files whose writers are wanted.
        read: The ids of files whose readers are wanted.
        limit: Of each file not more than so many; `total` says how many there are.
    """
    if not written and not read:
        return []
    some = files.seen(
        read=(lambda link: link.file_id.in_(read)) if read else None,
        wrote=(lambda link: link.file_id.in_(written)) if written else None,
    )
    alike = (some.c.role, some.c.file_id, files.program())
    return files.newest(connection, some, each=("role", "file_id"), alike=alike, limit=limit)


def runs_at(connection: sa.Connection, paths: Collection[str], *, limit: int) -> list[Row]:
    """Return the runs that read and wrote what has no known content at some paths, as `runs_of`."""
    if not paths:
        return []
    some = files.seen_at(paths, files.has_no_content())
    each = ("role", "path", "host", "size", "modified_at")
    alike = (some.c.role, some.c.path, *files.content(some), Run.host, files.program())
    return files.newest(connection, some, each=each, alike=alike, limit=limit)


def runs(connection: sa.Connection, ids: Collection[str], *, after: Collection[str] = ()) -> list[Row]:
    """Return some runs, and those that go on from others in their process.

    Args:
        connection: To the registry.
        ids: Of the runs.
        after: The ids of the others.
    """
    if not ids and not after:
        return []
    chosen = files.with_related(sa.select(Run.id.label("run_id"), *files.run_facts()).select_from(Run))
    chosen = chosen.where(sa.or_(Run.id.in_(ids), Run.continues_id.in_(after)))
    return rows.read(connection, chosen.order_by(Run.created_at.desc(), Run.id))


def between(connection: sa.Connection, run_ids: Collection[str], file_ids: Collection[str]) -> list[Row]:
    """Return what runs read and wrote of some files, and what of unknown content."""

    def is_meant(link: Any) -> Any:
        # by the key of the runs: a file may have a hundred thousand others
        return sa.and_(link.run_id.in_(run_ids), sa.func.coalesce(link.file_id, "").in_(file_ids))

    some = files.seen(read=is_meant, wrote=is_meant, unknown=RunFile.run_id.in_(run_ids))
    chosen = sa.select(*some.c, File.hash, Run.host).join(Run, Run.id == some.c.run_id)
    return rows.read(connection, chosen.outerjoin(File, File.id == some.c.file_id).limit(_MOST))


def of_notebooks(connection: sa.Connection, notebook_ids: Collection[str], *, limit: int) -> list[str]:
    """Return the ids of the newest runs of notebooks."""
    chosen = sa.select(Run.id).where(Run.notebook_id.in_(notebook_ids)).order_by(*rows.newest_first(Run))
    return [row["id"] for row in rows.read(connection, chosen.limit(limit))]


def with_content(connection: sa.Connection, sha256: str, size: int | None) -> list[str]:
    """Return the ids of the files of a content."""
    chosen = sa.select(File.id).where(files.is_content(sha256, size)).order_by(File.created_at)
    return [row["id"] for row in rows.read(connection, chosen)]
