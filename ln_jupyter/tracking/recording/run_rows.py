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


def hear(
    connection: sa.Connection, run_id: str, values: Mapping[str, Any], known: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Note that a run was heard, and what is new of it, beside what somebody else has written since.

    Args:
        connection: To the registry.
        run_id: Of the run.
        values: What is known of it now, by column.
        known: What was known before, and written.

    Returns:
        These columns as they are now; None where the run was deleted.
    """
    is_it = tables.run.c.id == run_id
    merged = {}
    if values:
        backends.get(connection.dialect).lock_rows(connection)  # whoever edits the run meanwhile waits
        select = sa.select(*(tables.run.c[name] for name in values)).where(is_it).with_for_update()
        held = connection.execute(select).mappings().one_or_none() or values
        merged = {name: _merged(known.get(name), held[name], value) for name, value in values.items()}
    heard = connection.execute(sa.update(tables.run).where(is_it).values(heard_at=utcnow(), **merged))
    return merged if heard.rowcount else None


def _merged(known: Any, held: Any, new: Any) -> Any:
    """Return what a column is to hold; of a dict, key by key.

    Args:
        known: What we wrote last.
        held: What it holds.
        new: What we would write.
    """
    if not (isinstance(held, dict) and isinstance(new, dict | None)):
        return new if held == known else held
    before, after = known if isinstance(known, dict) else {}, new or {}
    ours = {name for name in before.keys() | held.keys() | after.keys() if _is_same(before, held, name)}
    kept = {name: value for name, value in held.items() if name not in ours}
    merged = kept | {name: value for name, value in after.items() if name in ours}
    return None if new is None and not merged else merged


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    return (name in one) == (name in other) and one.get(name) == other.get(name)


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
