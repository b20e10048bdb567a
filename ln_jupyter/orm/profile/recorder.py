"""A recorder beside one session: it listens to that session and its connections, and to nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine.interfaces import ExecuteStyle

from ln_jupyter.db import internals, sql_text, transactions
from ln_jupyter.db.events import takes_notes
from ln_jupyter.db.sqlite import locks
from ln_jupyter.orm.profile.loads import Loads
from ln_jupyter.orm.profile.model import Profile, SlowStatement
from ln_jupyter.orm.profile.sent import Sent, TimedRows

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy import orm

    from ln_jupyter.orm.session import OrmSession

_MOST_TEXTS = 200
_SLOWEST = 3


class Recorder:
    """Records what a session sends, from its next transaction on, until `stop`.

    Args:
        session: The session; it may be committed and rolled back any number of times.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> with ln.Session() as ss:
        ...     recorder = Recorder(ss.orm)
        ...     exists = ss.select(lns.Run).exists()
        ...     recorder.stop()
        >>> recorder.profile().statements
        1
    """

    def __init__(self, session: OrmSession) -> None:
        self._session = session
        self._loads = Loads(session)
        self._texts: dict[str, Sent] = {}
        self._rest = Sent(writes=False), Sent(writes=True)
        """What was forgotten of the texts, reading and writing."""
        self._sending = self._rest[0]
        self._started = self._commit_seconds = self._lock_seconds = 0.0
        self._committing: float | None = None
        self._bulk: object = None
        self._open: dict[sa.Connection, _Hold] = {}
        self._dispatches: dict[sa.Engine, Any] = {}
        """What listens to each engine's connection: to listen anew in every transaction takes 30 us."""
        self._is_final = False
        for name, listener in self._listeners():
            event.listen(session, name, listener)

    def stop(self) -> None:
        """Listen to nothing any more; what was recorded stays. Stopping twice is fine."""
        if self._is_final:
            return
        self._is_final = True
        for name, listener in self._listeners():
            event.remove(self._session, name, listener)
        self._settle()
        self._loads.stop()

    def profile(self) -> Profile:
        """Return what was recorded so far."""
        sent = [*self._texts.values(), *self._rest]
        slowest = sorted(self._texts.items(), key=lambda item: -item[1].seconds)[:_SLOWEST]
        return Profile(
            statements=sum(each.count for each in sent),
            seconds=sum(each.seconds for each in sent) + self._commit_seconds,
            rows_read=sum(each.rows for each in sent if not each.writes),
            rows_written=sum(each.rows for each in sent if each.writes),
            lazy_loads=self._loads.lazy(),
            unread=self._loads.unread(),
            lock_seconds=self._lock_seconds + sum(hold.seconds() for hold in self._open.values()),
            slowest=tuple(SlowStatement(sql, each.count, each.seconds) for sql, each in slowest),
            is_final=self._is_final,
            flushes=self._loads.flushes(),
        )

    def _listeners(self) -> list[tuple[str, Any]]:
        return [
            ("do_orm_execute", self._loads.expect),
            ("after_begin", self._begin),
            ("after_commit", self._committed),
            ("after_transaction_end", self._end),
        ]

    @takes_notes
    def _begin(self, _session: orm.Session, _transaction: object, connection: sa.Connection) -> None:
        if connection in self._open:  # a savepoint begins on the connection that is there
            return
        self._open[connection] = _Hold(connection.info, locks.held_seconds(connection.info))
        if (dispatch := self._dispatches.get(connection.engine)) is not None:
            internals.listen_alike(connection, dispatch)
            return
        internals.listen(connection, "before_cursor_execute", self._before)
        internals.listen(connection, "after_cursor_execute", self._after)
        internals.listen(connection, "commit", self._commit)
        self._dispatches[connection.engine] = connection.dispatch

    @takes_notes
    def _before(self, _connection: object, _cursor: object, sql: str, *_: object) -> None:
        if self._is_final:  # in the middle of a transaction, with which the connection goes
            return
        sent = self._texts.get(sql)
        if sent is None:
            if len(self._texts) == _MOST_TEXTS:
                self._forget_the_fastest()
            sent = self._texts[sql] = Sent(writes=sql_text.writes(sql))
        sent.count += 1
        if self._session.is_reading:
            self._loads.note_flush()
        self._sending = sent
        self._started = time.perf_counter()

    @takes_notes
    def _after(
        self, connection: sa.Connection, cursor: Any, _sql: str, _values: object, context: Any, *_: bool
    ) -> None:
        if self._is_final:
            return
        sent = self._sending
        sent.seconds += time.perf_counter() - self._started
        if sent.writes:
            self._note_write(connection)
        if context.execute_style is ExecuteStyle.INSERTMANYVALUES:  # one context for all batches, with their rows
            if context is not self._bulk:
                self._bulk = context
                sent.rows += len(context.compiled_parameters)
        elif cursor.description is None:
            sent.rows += max(cursor.rowcount, 0)
        elif not isinstance(cursor, TimedRows):  # which a default that was asked for first has left here
            context.cursor = TimedRows(cursor, sent, self._loads.asking)
            self._loads.asking = None

    def _note_write(self, connection: sa.Connection) -> None:
        hold = self._open[connection]
        if hold.has_written:
            return
        hold.has_written = True
        is_ours = locks.held_seconds(hold.info) > hold.before
        if connection.dialect.name == "sqlite" and not is_ours and transactions.has_begun(connection):
            hold.since = time.monotonic()  # an engine of the user's, whose driver began by itself

    @takes_notes
    def _commit(self, _connection: sa.Connection) -> None:
        if not self._is_final:
            self._committing = self._committing or time.perf_counter()

    @takes_notes
    def _committed(self, session: orm.Session) -> None:
        if self._committing is not None and not session.in_nested_transaction():
            self._commit_seconds += time.perf_counter() - self._committing
            self._committing = None

    @takes_notes
    def _end(self, _session: orm.Session, transaction: orm.SessionTransaction) -> None:
        if transaction.parent is None:
            self._settle()

    def _settle(self) -> None:
        self._lock_seconds += sum(hold.seconds() for hold in self._open.values())
        self._open.clear()
        self._committing = self._bulk = None

    def _forget_the_fastest(self) -> None:
        texts = sorted(self._texts.items(), key=lambda item: item[1].seconds)
        for sql, sent in texts[: _MOST_TEXTS // 2]:
            self._rest[sent.writes].take_in(sent)
            del self._texts[sql]


@dataclass(slots=True)
class _Hold:
    """How long one connection holds SQLite's write lock in one transaction.

    Attributes:
        info: The connection's, where our own engines keep the time.
        before: The time that was there before.
        has_written: Whether it wrote.
        since: When it wrote first, on an engine that does not keep the time.
    """

    info: dict[Any, Any]
    before: float
    has_written: bool = False
    since: float | None = None

    def seconds(self) -> float:
        """Return the time until now."""
        theirs = 0.0 if self.since is None else time.monotonic() - self.since
        return theirs + locks.held_seconds(self.info) - self.before
