"""Sources that a registry keeps of notebooks and runs."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.notebook import document
from ln_jupyter.schema import Notebook, Run, Source

if TYPE_CHECKING:
    from ln_jupyter.notebook.document import Cell

_LONGEST = 1 << 28  # of a notebook, without its outputs


def read(connection: sa.Connection, model: type[Notebook | Run], record_id: str, v: str | None) -> tuple[Cell, ...]:
    """Return the cells that are kept of a run, or of a notebook's version: of the one published last, where none is named.

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
        source = unpacking.decompress(content, _LONGEST)
        if not unpacking.unconsumed_tail:
            return document.cells_of(source)
        why = f"is longer than {_LONGEST:,} characters"
    except (zlib.error, ValueError, TypeError, RecursionError):
        why = "cannot be read"
    fix = "go on from a backup, or see where the registry came from"
    raise errors.NotARegistryError(f"the source that is kept of {record_id} {why}", fix=fix)
