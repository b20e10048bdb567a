"""The rows of a run while it goes on: written past the counter that guards edits, so that nobody's edit is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter.db import upsert
from ln_jupyter.notebook import document as documents
from ln_jupyter.schema import Environment, ExecutedCell, Notebook, Run, Source
from ln_jupyter.schema.declarative import utcnow
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ln_jupyter.notebook.environment import Environment as Installed
    from ln_jupyter.tracking import facts
    from ln_jupyter.tracking.cells import Execution


def hear(connection: sa.Connection, run_id: str, values: Mapping[str, Any]) -> bool:
    """Note that a run was heard, and what is new of it; say whether it is still in the registry."""
    update = sa.update(Run).where(Run.id == run_id).values(heard_at=utcnow(), **values)
    return connection.execute(update).rowcount > 0


def add_cells(connection: sa.Connection, run_id: str, executed: Sequence[Execution], *, after: int) -> None:
    """Write cells to the run's log.

    Args:
        connection: To the registry.
        run_id: Of the run.
        executed: The cells, in order.
        after: How many the log has before them.
    """
    rows = [
        {
            "run_id": run_id,
            "position": position,
            "cell_id": None if cell.cell_id is None else storable(cell.cell_id),
            "source_hash": documents.hash_of(cell.source),
            "started_at": cell.started_at,
            "seconds": cell.seconds,
            "ok": cell.ok,
        }
        for position, cell in enumerate(executed, after + 1)
    ]
    if rows:
        connection.execute(sa.insert(ExecutedCell), rows)


def count_cells(connection: sa.Connection, run_id: str) -> int:
    """Give the last position of the run's log."""
    last = sa.select(sa.func.max(ExecutedCell.position)).where(ExecutedCell.run_id == run_id)
    return connection.scalar(last) or 0


def store(connection: sa.Connection, *, source: facts.Source | None, environment: Installed | None) -> None:
    """Store the source and environment that a run or notebook is about to name; each content once."""
    if source is not None:
        upsert.insert_if_absent(connection, Source, hash=source.hash, content=source.content, created_at=utcnow())
    if environment is not None:
        upsert.insert_if_absent(
            connection,
            Environment,
            hash=environment.hash,
            python=environment.python,
            packages=dict(environment.packages),
            created_at=utcnow(),
        )


def remove_unused(
    connection: sa.Connection, *, sources: Iterable[str] = (), environments: Iterable[str] = ()
) -> tuple[int, int]:
    """Remove those of the sources and environments that no run and no notebook names; how many of each."""
    removed = []
    for model, hashes, name in ((Source, sources, "source_hash"), (Environment, environments, "environment_hash")):
        used = [sa.exists().where(getattr(user, name) == model.hash) for user in (Run, Notebook)]
        unused = sa.delete(model).where(model.hash.in_(list(hashes)), *(~each for each in used))
        removed.append(connection.execute(unused).rowcount)
    return removed[0], removed[1]
