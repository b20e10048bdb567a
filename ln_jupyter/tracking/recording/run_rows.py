"""The rows of a run while it goes on: written past the counter that guards edits, so that nobody's edit is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter.db import backends
from ln_jupyter.notebook import document as documents
from ln_jupyter.schema import tables
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ln_jupyter.environment.distributions import Environment as Installed
    from ln_jupyter.ipython.cell_log import Execution
    from ln_jupyter.tracking.recording import facts


def hear(connection: sa.Connection, run_id: str, values: Mapping[str, Any]) -> bool:
    """Note that a run was heard, and what is new of it; say whether it is still in the registry."""
    update = sa.update(tables.run).where(tables.run.c.id == run_id).values(heard_at=utcnow(), **values)
    return connection.execute(update).rowcount > 0


def add_cells(connection: sa.Connection, run_id: str, executed: Sequence[Execution], *, after: int) -> int:
    """Write cells to the end of the run's log, but for those that are in it: their COMMIT's answer was lost.

    Args:
        connection: To the registry, in a transaction that has written the run: nobody else adds to its log.
        run_id: Of the run.
        executed: The cells, in order.
        after: The last position that was known.

    Returns:
        The last position there is now.
    """
    if not executed:
        return after
    table = tables.executed_cell.c
    since = sa.select(table.position, table.source_hash, table.started_at).where(
        table.run_id == run_id, table.position > after
    )
    found = connection.execute(since).all()
    known = {(row.source_hash, row.started_at) for row in found}
    hashed = [(documents.hash_of(cell.source), cell) for cell in executed]
    new = [(source_hash, cell) for source_hash, cell in hashed if (source_hash, cell.started_at) not in known]
    last = max((row.position for row in found), default=after)
    rows = [
        {
            "run_id": run_id,
            "position": position,
            "cell_id": None if cell.cell_id is None else storable(cell.cell_id),
            "source_hash": source_hash,
            "started_at": cell.started_at,
            "seconds": cell.seconds,
            "ok": cell.ok,
        }
        for position, (source_hash, cell) in enumerate(new, last + 1)
    ]
    if rows:
        connection.execute(sa.insert(tables.executed_cell), rows)
    return last + len(rows)


def count_cells(connection: sa.Connection, run_id: str) -> int:
    """Return the last position of the run's log."""
    cell = tables.executed_cell.c
    last = sa.select(sa.func.max(cell.position)).where(cell.run_id == run_id)
    return connection.scalar(last) or 0


def store(connection: sa.Connection, *, source: facts.Source | None, environment: Installed | None) -> None:
    """Store the source and environment that a run or notebook is about to name; each content once."""
    if source is not None:
        backends.get(connection.dialect).insert_if_absent(
            connection, tables.source, hash=source.hash, content=source.content
        )
    if environment is not None:
        backends.get(connection.dialect).insert_if_absent(
            connection,
            tables.environment,
            hash=environment.hash,
            python=environment.python,
            packages=dict(environment.packages),
        )


def remove_unused(
    connection: sa.Connection, *, sources: Iterable[str] = (), environments: Iterable[str] = ()
) -> tuple[int, int]:
    """Remove those of the sources and environments that no run and no notebook names; how many of each."""
    removed = []
    for table, hashes, name in (
        (tables.source, sources, "source_hash"),
        (tables.environment, environments, "environment_hash"),
    ):
        used = [sa.exists().where(user.c[name] == table.c.hash) for user in (tables.run, tables.notebook)]
        unused = sa.delete(table).where(table.c.hash.in_(list(hashes)), *(~each for each in used))
        removed.append(connection.execute(unused).rowcount)
    return removed[0], removed[1]
