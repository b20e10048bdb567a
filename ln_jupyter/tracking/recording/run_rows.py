"""The rows of a run while it goes on: written past the counter that guards edits, so that nobody's edit is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from ln_jupyter.db import backends
from ln_jupyter.schema import ids, tables
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ln_jupyter.environment.distributions import Environment as Installed
    from ln_jupyter.ipython.cell_log import Execution
    from ln_jupyter.tracking.annotations import Annotations
    from ln_jupyter.tracking.recording import facts
    from ln_jupyter.tracking.recording.texts import Text


def hear(
    connection: sa.Connection,
    run_id: str,
    values: Mapping[str, Any],
    known: Mapping[str, Any],
    *,
    alive_seconds: float | None = None,
) -> Mapping[str, Any] | None:
    """Note that a run was heard, and what is new of it, beside what somebody else has written since.

    Args:
        connection: To the registry.
        run_id: Of the run.
        values: What is known of it now, by column.
        known: What was known before, and written.
        alive_seconds: So long it has been going on.

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
    heard = connection.execute(
        sa.update(tables.run).where(is_it).values(heard_at=utcnow(), alive_seconds=alive_seconds, **merged)
    )
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


class CellRow(NamedTuple):
    """One execution of a cell, as it is stored.

    Attributes:
        execution: What ran; its seconds and whether it went well are None while it runs.
        number: Which of the notebook's code cells it was.
        text: What ran.
        message: Of its error, if that is to be kept.
    """

    execution: Execution
    number: int | None
    text: Text
    message: str | None

    @property
    def key(self) -> tuple[str, dt.datetime]:
        """What tells it from others of its run."""
        return self.text.hash, self.execution.started_at

    @property
    def result(self) -> dict[str, Any]:
        """The columns that its end changes."""
        cell, error = self.execution, self.execution.error
        return {
            "seconds": cell.seconds,
            "ok": cell.ok,
            "number": self.number,
            "error_type": None if error is None else storable(error.type),
            "error_message": None if self.message is None else storable(self.message),
            "error_line": None if error is None else error.line,
            "text_id": self.text.id,
        }


def write_cells(
    connection: sa.Connection, run_id: str, rows: Sequence[CellRow], *, after: int, begun: Mapping[Any, int]
) -> tuple[int, dict[Any, int]]:
    """Write cells to the end of the run's log, and the ends of those that are in it.

    One may be in it because it was written while it ran, or because a COMMIT's answer was lost.

    Args:
        connection: To the registry, in a transaction that has written the run: nobody else adds to its log.
        run_id: Of the run.
        rows: The cells, in order.
        after: The last position that was known.
        begun: The positions of those that were written while they ran, by their keys.

    Returns:
        The last position there is now, and the positions of all rows by their keys.
    """
    if not rows:
        return after, {}
    table, column = tables.executed_cell, tables.executed_cell.c
    store_texts(connection, [row.text for row in rows])
    since = sa.select(column.position, column.source_hash, column.started_at).where(
        column.run_id == run_id, column.position > after
    )
    found = connection.execute(since).all()
    places = {**begun, **{(each.source_hash, each.started_at): each.position for each in found}}
    last = max((each.position for each in found), default=after)
    new = []
    for row in rows:
        if row.key in places:
            is_it = (column.run_id == run_id, column.position == places[row.key])
            connection.execute(sa.update(table).where(*is_it).values(row.result))
            continue
        places[row.key] = last = last + 1
        cell_id = None if row.execution.cell_id is None else storable(row.execution.cell_id)
        key = {"run_id": run_id, "position": last, "cell_id": cell_id, "source_hash": row.text.hash}
        new.append(key | {"started_at": row.execution.started_at} | row.result)
    if new:
        connection.execute(sa.insert(table), new)
    return last, {row.key: places[row.key] for row in rows}


def write_beside(connection: sa.Connection, run_id: str, texts: Mapping[tuple[str, str], Text]) -> None:
    """Write what is kept beside a run, by kind and name; the texts that they replace are removed, if nobody has them."""
    if not texts:
        return
    store_texts(connection, texts.values())
    column = tables.run_text.c
    is_of_run = (column.run_id == run_id, column.text_id.is_not(None))
    before = connection.execute(sa.select(column.kind, column.name, column.text_id).where(*is_of_run)).all()
    rows = [
        {"run_id": run_id, "kind": kind, "name": storable(name), "hash": text.hash, "text_id": text.id}
        for (kind, name), text in texts.items()
    ]
    backends.get(connection.dialect).insert_or_update(connection, tables.run_text, rows)
    remove_unused_texts(connection, [each.text_id for each in before if (each.kind, each.name) in texts])


def hide_cells(connection: sa.Connection, run_id: str, positions: Collection[int]) -> None:
    """Keep no more of these cells than the hash of what ran."""
    if not positions:
        return
    column = tables.executed_cell.c
    are_they = (column.run_id == run_id, column.position.in_(positions))
    text_ids = list(connection.scalars(sa.select(column.text_id).where(*are_they, column.text_id.is_not(None))))
    hidden = sa.update(tables.executed_cell).where(*are_they).values(text_id=None, error_message=None)
    connection.execute(hidden)
    remove_unused_texts(connection, text_ids)


def annotate(connection: sa.Connection, run_id: str, annotations: Annotations) -> bool:
    """Put on a run what its user says; whether there is such a run."""
    is_it = tables.run.c.id == run_id
    backends.get(connection.dialect).lock_rows(connection)  # whoever edits the run meanwhile waits
    held = connection.execute(sa.select(tables.run.c.results).where(is_it).with_for_update()).one_or_none()
    if held is None:
        return False
    values: dict[str, Any] = {}
    if annotations.results:
        before = held.results if isinstance(held.results, dict) else {}
        values["results"] = before | annotations.results
    if annotations.note is not None:
        values["note"] = annotations.note
    if values:
        connection.execute(sa.update(tables.run).where(is_it).values(values))
    if annotations.tags:
        rows = [{"run_id": run_id, "tag": each} for each in annotations.tags]
        backends.get(connection.dialect).insert_if_absent(connection, tables.run_tag, rows)
    return True


def remove_cells(connection: sa.Connection, run_id: str, positions: Collection[int]) -> None:
    """Take cells out of the run's log that turned out to be another run's."""
    if positions:
        column = tables.executed_cell.c
        are_they = (column.run_id == run_id, column.position.in_(positions))
        connection.execute(sa.delete(tables.executed_cell).where(*are_they))


def store_texts(connection: sa.Connection, texts: Iterable[Text]) -> None:
    """Store what is to be kept of texts, each content once."""
    rows = {text.id: {"id": text.id, "content": text.content} for text in texts if text.content is not None}
    if rows:
        backends.get(connection.dialect).insert_if_absent(connection, tables.text, list(rows.values()))


def remove_unused_texts(connection: sa.Connection, text_ids: Iterable[int]) -> int:
    """Remove those of the texts that nothing refers to; how many."""
    table, wanted = tables.text, list(dict.fromkeys(text_ids))
    if not wanted:
        return 0
    # first, for itself: whoever is just about to refer to one is waited for, and seen by the next statement
    connection.execute(sa.select(table.c.id).where(table.c.id.in_(wanted)).with_for_update()).all()
    used = [sa.exists().where(user.c.text_id == table.c.id) for user in (tables.executed_cell, tables.run_text)]
    unused = sa.delete(table).where(table.c.id.in_(wanted), *(~each for each in used))
    return connection.execute(unused).rowcount


def remove_unused_files(connection: sa.Connection, file_ids: Iterable[str]) -> int:
    """Remove those of the files that nothing refers to, and that nobody but the recorder has made or edited; how many."""
    column = tables.file.c
    is_untouched = sa.select(column.id, column.hash, column.size).where(
        column.id.in_(list(file_ids)), column.revision == 1
    )
    found = connection.execute(is_untouched.with_for_update()).all()
    made = [row.id for row in found if row.hash and row.id == ids.of_content(row.hash, row.size)]
    users = (tables.run_file, tables.run_input, tables.run_output)
    used = [sa.exists().where(user.c.file_id == column.id) for user in users]
    unused = sa.delete(tables.file).where(column.id.in_(made), *(~each for each in used))
    return connection.execute(unused).rowcount if made else 0


def count_cells(connection: sa.Connection, run_id: str) -> int:
    """Return the last position of the run's log."""
    cell = tables.executed_cell.c
    last = sa.select(sa.func.max(cell.position)).where(cell.run_id == run_id)
    return connection.scalar(last) or 0


def store(connection: sa.Connection, *, source: facts.Source | None, environment: Installed | None) -> None:
    """Store the source and environment that a run or notebook is about to name; each content once."""
    if source is not None:
        row: dict[str, Any] = {"hash": source.hash, "content": source.content}
        backends.get(connection.dialect).insert_if_absent(connection, tables.source, [row])
    if environment is not None:
        packages = dict(environment.packages)
        row = {"hash": environment.hash, "python": environment.python, "packages": packages}
        backends.get(connection.dialect).insert_if_absent(connection, tables.environment, [row])


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
