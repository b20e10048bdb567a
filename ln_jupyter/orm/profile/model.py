"""What one session sent to its database, as facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ln_jupyter import callsite


@dataclass(frozen=True, slots=True)
class LazyLoads:
    """Attributes that were loaded when they were read, one record at a time.

    Attributes:
        name: What was loaded, such as ``Run.pipeline``, ``Run.description (deferred)`` or ``Run (expired)``.
        count: How many statements that took.
        line: The line that read them.
        query: The line that selected the records; None where that was before the profile began.
        fix: What to put on the select, such as ``.load("pipeline")``, to load them with the records;
            None where there was one record, or nothing on the select would help.
    """

    name: str
    count: int
    line: callsite.Line | None
    query: callsite.Line | None
    fix: str | None


@dataclass(frozen=True, slots=True)
class UnreadLoad:
    """A relationship that was loaded with its records, and that no line read.

    Attributes:
        name: Such as ``Run.inputs.source``.
        path: Such as ``inputs.source``, as ``.load("inputs.source")`` asked for it.
        query: The line that selected the records.
    """

    name: str
    path: str
    query: callsite.Line | None


@dataclass(frozen=True, slots=True)
class Flush:
    """What was unsaved when something was read, and was sent before.

    Attributes:
        statements: How many statements that took, together with other reads of this line.
        line: The line that read.
    """

    statements: int
    line: callsite.Line | None


@dataclass(frozen=True, slots=True)
class SlowStatement:
    """A statement that took long, all times it was sent together.

    Attributes:
        sql: The SQL, with placeholders for the values.
        count: How often it was sent.
        seconds: In the database, together.
    """

    sql: str
    count: int
    seconds: float


@dataclass(frozen=True)
class Profile:
    """What one session sent to its database.

    Attributes:
        statements: How many reached the database; BEGIN, COMMIT and ROLLBACK are none.
        seconds: In the database: statements, reading their rows, COMMIT. Waiting for SQLite's
            write lock is not in it.
        rows_read: Rows that were read from results.
        rows_written: Rows that were inserted, updated or deleted, as far as the driver tells.
        lazy_loads: What was loaded one record at a time, most statements first.
        unread: What was loaded with its records, and then read on none of them. What code
            read after the session ended, or in another thread's session, is not seen.
        lock_seconds: How long it held SQLite's write lock.
        slowest: The statements that took longest, longest first.
        is_final: Whether the session has ended, so that *unread* is the last word.
        flushes: What was sent because of a read, in the order of the lines' first reads.
    """

    statements: int
    seconds: float
    rows_read: int
    rows_written: int
    lazy_loads: tuple[LazyLoads, ...] = ()
    unread: tuple[UnreadLoad, ...] = ()
    lock_seconds: float = 0.0
    slowest: tuple[SlowStatement, ...] = ()
    is_final: bool = True
    flushes: tuple[Flush, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows were read or written."""
        return self.rows_read + self.rows_written
