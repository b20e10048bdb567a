"""Where what ran is not what was saved."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from ln_jupyter.notebook import document, sequence
from ln_jupyter.queries import cells as executed_cells
from ln_jupyter.queries import rows
from ln_jupyter.schema import RunText, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ln_jupyter.notebook.document import Cell
    from ln_jupyter.queries.rows import Row

_LONGEST = 1 << 24  # bytes of the list of ids and tags
_PRIVATE = re.compile(r"# private: ([0-9a-f]{64})")


class Differences(NamedTuple):
    """How the cells that a run executed differ from those of its saved notebook, by their numbers there.

    Attributes:
        otherwise: That ran last with another source than is saved.
        unknown: How many executed cells are not in it.
        not_run: That did not run. Those before the first one that ran are left out: they may have run
            before the run began, as the cells above the one that calls `header()`.
    """

    otherwise: tuple[int, ...] = ()
    unknown: int = 0
    not_run: tuple[int, ...] = ()


def find(connection: sa.Connection, run_id: str, saved: Iterable[Cell]) -> Differences:
    """Compare the last execution of each cell with the notebook as it was saved with the run.

    A cell is known by its id, else by its source, which runners send without an id, else by the number
    that it had. Of a run without cells, as a script's, nothing is said.

    Args:
        connection: To the registry.
        run_id: Of the run.
        saved: The cells of its source.
    """
    executed = executed_cells.read(connection, run_id)
    if not executed:
        return Differences()
    return compare(_with_ids(connection, run_id, list(saved)), executed)


def compare(saved: Iterable[Cell], executed: Sequence[Row]) -> Differences:
    """Compare the last executions with the cells of a notebook."""
    code = dict(enumerate((cell for cell in saved if cell.type == "code"), 1))
    hashes = {number: _hashes(cell) for number, cell in code.items()}
    by_id = {cell.id: number for number, cell in code.items() if cell.id}
    by_hash = {each: number for number in reversed(code) for each in hashes[number]}
    last = list({row["cell_id"] or row["source_hash"]: row for row in executed}.values())
    ran = {number: row for row in last if (number := by_id.get(row["cell_id"]) or by_hash.get(row["source_hash"]))}
    found = {row["position"] for row in ran.values()}
    unknown = 0
    for row in last:
        if row["position"] in found or row["source_hash"] in by_hash:
            continue
        if row["number"] in ran or row["number"] not in code:  # the number of what is another cell by now, or of none
            unknown += 1
        else:
            ran[row["number"]] = row
    unnamed = {row["source_hash"] for row in last if row["cell_id"] not in by_id}  # several cells may have its source
    return Differences(
        otherwise=tuple(sorted(number for number, row in ran.items() if row["source_hash"] not in hashes[number])),
        unknown=unknown,
        not_run=tuple(
            number
            for number, cell in code.items()
            if number > min(ran, default=0)
            and number not in ran
            and not hashes[number] & unnamed
            and sequence.to_run([cell])
        ),
    )


def _hashes(cell: Cell) -> set[str]:
    """Give the hashes that an execution of the saved cell may have: some runners strip what they send."""
    private = _PRIVATE.fullmatch(cell.source)
    return {private[1]} if private else {document.hash_of(cell.source), document.hash_of(cell.source.strip())}


def _with_ids(connection: sa.Connection, run_id: str, saved: list[Cell]) -> list[Cell]:
    """Give the cells their ids and tags back, which are kept beside their sources, if they are."""
    chosen = sa.select(RunText.hash, Text.content).join(RunText.text)
    kept = rows.read(connection, chosen.where(RunText.run_id == run_id, RunText.kind == "cells"))
    raw = executed_cells.unpacked(kept[0]["content"], _LONGEST) if kept else None
    if raw is None or hashlib.sha256(raw).hexdigest() != kept[0]["hash"]:
        return saved
    try:
        listed = json.loads(raw)
        found = [
            cell._replace(id=each["id"], tags=tuple(each["tags"])) for cell, each in zip(saved, listed, strict=True)
        ]
        hash((*(cell.id for cell in found), *(cell.tags for cell in found)))
    except (ValueError, TypeError, KeyError, RecursionError):  # it may be anything
        return saved
    return found
