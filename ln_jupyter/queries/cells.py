"""The cells that a run executed, and what is kept of what ran."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from ln_jupyter import errors
from ln_jupyter.queries import rows
from ln_jupyter.schema import ExecutedCell, RunText, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ln_jupyter.queries.rows import Row

_LONGEST = 1 << 24  # bytes of one text
_LONGEST_OF_ALL = 1 << 28  # bytes of all that are read at once


class Ran(NamedTuple):
    """What ran, as far as it is known.

    Attributes:
        source: None where only its hash is.
        is_another: Something else is kept in its place.
    """

    source: str | None
    is_another: bool = False

    @property
    def first_line(self) -> str:
        """The first line that is not blank."""
        return next(filter(None, map(str.strip, (self.source or "").splitlines())), "")


def unended(run: Any) -> tuple[Any, sa.ColumnElement[bool]]:
    """Give the last cell of a run, if it has not ended, to be joined: it and the condition, by index.

    Args:
        run: The class `Run`, or an alias of it.
    """
    last, other = aliased(ExecutedCell), aliased(ExecutedCell)
    newest = sa.select(sa.func.max(other.position)).where(other.run_id == run.id).correlate(run).scalar_subquery()
    return last, sa.and_(last.run_id == run.id, last.position == newest, last.ok.is_(None))


def read(connection: sa.Connection, run_id: str, *, last: int | None = None) -> list[Row]:
    """Return the executions of a run's cells, in order, each with whether its text is kept.

    Args:
        connection: To the registry.
        run_id: Of the run.
        last: Only so many, the last ones; None for all.
    """
    columns = [column for column in sa.inspect(ExecutedCell).columns if column.key != "run_id"]
    chosen = sa.select(*columns).where(ExecutedCell.run_id == run_id)
    return rows.read(connection, chosen.order_by(ExecutedCell.position.desc()).limit(last))[::-1]


def read_before(connection: sa.Connection, run_id: str) -> list[Row]:
    """Return what ran in the process before `header()` did, in order: only what it was is known."""
    columns = (RunText.hash.label("source_hash"), RunText.text_id)
    chosen = sa.select(*columns).where(RunText.run_id == run_id, RunText.kind == "before")
    return rows.read(connection, chosen.order_by(RunText.name))


def ran(connection: sa.Connection, cells: Sequence[Row]) -> list[Ran]:
    """Return what each of these ran.

    A text counts only if it has the hash that its cell says: its key is no more than the beginning of that.

    Raises:
        NotARegistryError: If all together would fill the memory.
    """
    texts = _texts(connection, {cell["text_id"] for cell in cells} - {None})
    return [_ran(cell["text_id"], cell["source_hash"], texts) for cell in cells]


def _ran(text_id: int | None, sha256: str | None, texts: dict[int, bytes]) -> Ran:
    if text_id is None:
        return Ran(None)
    raw = texts.get(text_id)
    if raw is None or hashlib.sha256(raw).hexdigest() != sha256:
        return Ran(None, is_another=True)
    return Ran(raw.decode(errors="surrogatepass"))


def _texts(connection: sa.Connection, ids: Iterable[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    left = _LONGEST_OF_ALL
    for some in rows.batches(ids):
        for row in rows.read(connection, sa.select(Text.id, Text.content).where(Text.id.in_(some))):
            raw = unpacked(row["content"], _LONGEST)
            if raw is not None:
                found[row["id"]] = raw
                left -= len(raw)
            if left < 0:
                fix = "go on from a backup, or see where the registry came from"
                raise errors.NotARegistryError(f"what ran is longer than {_LONGEST_OF_ALL:,} characters", fix=fix)
    return found


def unpacked(content: bytes, longest: int) -> bytes | None:
    """Return what is kept of a text, of a longer one so much as its hash does not fit; None where it cannot be read."""
    try:
        return zlib.decompressobj().decompress(content, longest)
    except (zlib.error, TypeError):
        return None
