"""Files that wait to be hashed: small ones at once, large ones when the registry knows of them, and none for too long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ln_jupyter.files import hashing

if TYPE_CHECKING:
    from collections.abc import Callable

    from ln_jupyter.files.ledger import Row

SECONDS_A_CELL = 10.0
"""Of hashing."""

OVERWRITTEN = "overwritten before its content was read"
NOT_YET = "not hashed yet"
AT_END = "the process ended before it was hashed"

_AT_ONCE = 0.25  # seconds of hashing before what is known is written
_SMALL = 2**24  # bytes that take less


class HashQueue:
    """Rows whose content is to be hashed, for one thread; what was hashed is not read again while it is the same."""

    def __init__(self) -> None:
        self._waiting: list[Row] = []
        self._hashes: dict[tuple[str, tuple[int | None, ...]], str] = {}
        self._spent: dict[float | None, float] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, row: Row) -> None:
        """Let a row wait."""
        row.content = row.content._replace(reason=NOT_YET)
        self._waiting.append(row)

    def begin_anew(self) -> None:
        """Forget how long the cells have taken that have ended."""
        self._spent.clear()

    def hash(self, *, is_last: bool, is_over: Callable[[], bool]) -> list[tuple[Row, bool]]:
        """Hash what waits, as far as it may now.

        A large file waits until its row is stored: so a kill loses no more than a hash.

        Args:
            is_last: Nothing follows.
            is_over: Asked while a file is hashed; when it says so, the rest stays unknown.

        Returns:
            The rows that are known now, or known not to be, each with whether it was stored before.
        """
        began, done = time.monotonic(), []
        waiting, self._waiting = self._waiting, []
        for row in waiting:
            is_next = row.is_stored or (row.content.size or 0) <= _SMALL
            if is_last or (is_next and time.monotonic() - began < _AT_ONCE):
                done.append((row, row.is_stored))
                row.is_stored = False
                row.content = self._hashed(row, is_over)
            else:
                self._waiting.append(row)
        return done

    def _hashed(self, row: Row, is_over: Callable[[], bool]) -> hashing.Content:
        """Hash what is in a file; where it is written meanwhile, once more when it is quiet."""
        seen = hashing.look(row.path)
        if seen.stamp != row.content.stamp and (row.role == "input" or not seen.is_there):
            return row.content._replace(reason=OVERWRITTEN)
        if known := self._hashes.get((row.path, seen.stamp)):
            return seen._replace(hash=known, reason=None)
        began, spent = time.monotonic(), self._spent.get(row.cell, 0.0)

        def stops() -> bool:
            return is_over() or spent + time.monotonic() - began > SECONDS_A_CELL

        found = hashing.of_path(row.path, seen=seen, is_over=stops)
        self._spent[row.cell] = spent + time.monotonic() - began
        if found.hash is not None:
            self._hashes[row.path, found.stamp] = found.hash
        elif found.reason == hashing.BEING_WRITTEN and not row.was_disturbed:
            row.was_disturbed = True
            self._waiting.append(row)
        elif found.reason == hashing.TOOK_TOO_LONG and is_over():
            found = found._replace(reason=AT_END)
        return found
