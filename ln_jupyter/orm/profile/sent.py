"""How often a statement was sent, how long it took, and how many rows came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ln_jupyter.orm.profile.loads import Origin


@dataclass(slots=True)
class Sent:
    """All times that one text of SQL was sent.

    Attributes:
        writes: Whether its rows are rows that were written.
        count: How often.
        seconds: In the database, with the reading of its rows.
        rows: Read, or written.
    """

    writes: bool
    count: int = 0
    seconds: float = 0.0
    rows: int = 0

    def take_in(self, other: Sent) -> None:
        """Add what *other* counted."""
        self.count += other.count
        self.seconds += other.seconds
        self.rows += other.rows


class TimedRows:
    """A driver's cursor whose rows are counted and timed as they are read.

    Drivers read most of a result while it is fetched, after SQLAlchemy's last event.

    Args:
        cursor: The driver's own, to which all else is left.
        sent: What adds it up.
        origin: The query it belongs to, if it is one.
    """

    __slots__ = ("_cursor", "_origin", "_sent")

    def __init__(self, cursor: Any, sent: Sent, origin: Origin | None) -> None:
        self._cursor = cursor
        self._sent = sent
        self._origin = origin

    def fetchone(self) -> Any:
        """Read one row, or None."""
        started = time.perf_counter()
        row = self._cursor.fetchone()
        self._add(started, int(row is not None))
        return row

    def fetchmany(self, *size: Any) -> Any:
        """Read some rows."""
        started = time.perf_counter()
        rows = self._cursor.fetchmany(*size)
        self._add(started, len(rows))
        return rows

    def fetchall(self) -> Any:
        """Read all rows that are left."""
        started = time.perf_counter()
        rows = self._cursor.fetchall()
        self._add(started, len(rows))
        return rows

    @property
    def description(self) -> Any:
        """The columns."""
        return self._cursor.description

    def close(self) -> None:
        """Close the cursor."""
        self._cursor.close()

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def _add(self, started: float, rows: int) -> None:
        self._sent.seconds += time.perf_counter() - started
        self._sent.rows += rows
        if self._origin is not None:
            self._origin.rows += rows
