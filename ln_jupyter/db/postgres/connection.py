"""psycopg's connection, whose waits end: by Ctrl-C, also in a cell with ``await``, and where a server is silent."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import pq, waiting

from ln_jupyter.db import interrupts, limits

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

_INTERVAL = 0.1
"""Seconds between two chances for Ctrl-C."""

_FRESH_SECONDS = 10.0
"""So long after an answer nobody asks whether a connection is alive."""

_CANCEL_SECONDS = 2.0
"""So long the server may take to cancel a statement, and then to say that it has."""

_ASK_FOR_TLS = bytes.fromhex("0000000804d2162f")
"""What each server and pooler answers with one letter, before any login."""


class SilentServerError(psycopg.OperationalError):
    """A server, or what is between it and us, did not answer in time.

    Args:
        seconds: So long it was waited for.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer for {seconds:.0f} s")
        self.silent_seconds = seconds


class UnsentCommitError(psycopg.OperationalError):
    """A session had ended before its COMMIT was sent: nothing of it is saved.

    Args:
        said: By the server.
        sqlstate: Of what it said; None if it said nothing.
    """

    is_unsent = True

    def __init__(self, said: str, sqlstate: str | None) -> None:
        super().__init__(said)
        self.sqlstate = sqlstate


class Cursor(psycopg.Cursor[Any]):
    """Sends what begins a transaction in one message with its first statement: a round trip less."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Send a statement."""
        begin, is_cast = self.connection.take_begin()
        if not begin:
            return super().execute(query, params, **options)
        if params and not is_cast:
            self._begin(begin)
            return super().execute(query, params, **options)
        # parameters are of one statement only
        self._begin(begin, psycopg.ClientCursor(self.connection).mogrify(query, params) if params else query)
        while self.nextset():  # what the beginning gave
            pass
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        """Send a statement with many sets of parameters."""
        begin, _is_cast = self.connection.take_begin()
        if begin:
            self._begin(begin)
        with self.connection.closed_with_pipeline():
            super().executemany(query, params_seq, **options)

    def _begin(self, *statements: str) -> None:
        with self.connection.beginning():
            super().execute("; ".join(statements))

    @property
    def connection(self) -> Connection:
        """What it sends through."""
        return self._conn  # type: ignore[return-value]


class Connection(psycopg.Connection[Any]):
    """Waits for the server in one place, its `wait`."""

    reads_alone = False
    """Whether it begins by itself for what writes only, where it is not in autocommit."""

    settings: Callable[[], Iterable[str]] = tuple
    """Gives what is set first in each transaction, and goes with it: behind a pooler, others use the connection too."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cursor_factory = Cursor
        self._begins_with_next = False
        self._heard = time.monotonic()

    def begin_with_next(self) -> None:
        """Begin a transaction with what is executed next, whose casts say its types."""
        self._begins_with_next = True

    def take_begin(self) -> tuple[str, bool]:
        """Return what the next statement begins with, and whether its casts say its types; once."""
        if self._begins_with_next:
            self._begins_with_next = False
            return "; ".join(("BEGIN", *self.settings())), True
        idle = pq.TransactionStatus.IDLE
        if self.autocommit or self.pgconn.transaction_status != idle or self.pgconn.pipeline_status:
            return "", False
        return "; ".join((self.begin_command, *self.settings())), False

    @property
    def begin_command(self) -> str:
        """What begins a transaction of the kind that is asked for."""
        return self._get_tx_start_command().decode() or "BEGIN"

    @contextlib.contextmanager
    def beginning(self) -> Iterator[None]:
        """Let psycopg begin nothing by itself: it would in a message of its own, without the settings."""
        before, self._autocommit = self._autocommit, True
        try:
            yield
        finally:
            self._autocommit = before

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Send what is executed in one message, as far as the library of the client can."""
        is_supported = psycopg.Pipeline.is_supported()
        with self.closed_with_pipeline(), self.pipeline() if is_supported else contextlib.nullcontext():
            yield

    @contextlib.contextmanager
    def closed_with_pipeline(self) -> Iterator[None]:
        """Close a session that the server has ended inside a pipeline: psycopg keeps it, and cannot even roll back."""
        was_in_pipeline = bool(self.pgconn.pipeline_status)
        try:
            yield
        except psycopg.OperationalError as error:
            if was_in_pipeline or not self.pgconn.pipeline_status:
                raise
            self.close()
            first = error.__context__
            raise (first if isinstance(first, psycopg.OperationalError) else error) from None

    @property
    def is_fresh(self) -> bool:
        """Whether the server has answered just now, and has said nothing since, such as that the session ends."""
        if self.closed or time.monotonic() - self._heard > _FRESH_SECONDS:
            return False
        return not select.select([self.pgconn.socket], [], [], 0)[0]

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Wait for the server's answer, as long as `limits` say; a statement that is given up is cancelled."""
        if args or options:  # psycopg's own waits for notifications
            return super().wait(gen, *args, **options)
        seconds = limits.of_silence()
        with interrupts.allowed():
            try:
                answer = self._wait(gen if seconds is None else _ending(gen, seconds))
            except (KeyboardInterrupt, SilentServerError) as error:
                if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
                    self._cancel_statement(gen)
                if isinstance(error, SilentServerError):
                    self.pgconn.finish()
                raise
        self._heard = time.monotonic()
        return answer

    def commit(self) -> None:
        """Commit; whoever ends that by Ctrl-C is told that it may be done.

        Raises:
            UnsentCommitError: If the server has ended the session already.
        """
        if self.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            self._refuse_ended()
        try:
            super().commit()
        except KeyboardInterrupt as error:
            error.add_note("the database was committing: look whether it was saved before you run this again")
            raise

    def _refuse_ended(self) -> None:
        """Read what the server has said unasked; its last word is an error, and then nothing can be read any more."""
        if self.closed:
            msg = "the connection is lost"
            raise UnsentCommitError(msg, None)
        last: list[str | None] = [None, None]

        def note(said: psycopg.errors.Diagnostic) -> None:
            last[:] = said.message_primary, said.sqlstate  # now, for it is freed

        self.add_notice_handler(note)
        try:
            while select.select([self.pgconn.socket], [], [], 0)[0]:
                try:
                    self.pgconn.consume_input()
                finally:
                    self.pgconn.is_busy()  # reads what has come
        except psycopg.OperationalError as error:
            text, sqlstate = last
            raise UnsentCommitError(text or str(error), sqlstate) from None
        finally:
            self.remove_notice_handler(note)

    def rollback(self) -> None:
        """Roll back, which takes no server long."""
        with limits.bounded():
            super().rollback()

    def _wait(self, gen: Any) -> Any:
        return waiting.wait(gen, self.pgconn.socket, interval=_INTERVAL)

    def _cancel_statement(self, gen: Any) -> None:
        """Cancel what the server works on, or close the connection: it would take a late answer for the next one."""
        try:
            if not psycopg.capabilities.has_cancel_safe():
                self._see_that_it_answers()
            self.cancel_safe(timeout=_CANCEL_SECONDS)
            self._wait(_ending(gen, _CANCEL_SECONDS))
        except (psycopg.Error, OSError):  # that it is cancelled, or cannot be
            pass
        finally:
            if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
                self.pgconn.finish()

    def _see_that_it_answers(self) -> None:
        """See to it that the server takes a new connection: before libpq 17, to cancel waits without an end, and stops all threads.

        Raises:
            OSError: If it does not, in time.
        """
        ours = socket.socket(fileno=self.pgconn.socket)
        family, address = ours.family, ours.getpeername()
        ours.detach()  # it is libpq's
        with socket.socket(family) as another:
            another.settimeout(_CANCEL_SECONDS)
            another.connect(address)
            another.sendall(_ASK_FOR_TLS)
            if not another.recv(1):
                raise ConnectionResetError


def _ending(gen: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """Do what *gen* does, and end if the server is silent for so long."""
    heard, ready = time.monotonic(), 0
    while True:
        try:
            wanted = gen.send(ready or None)
        except StopIteration as end:
            return end.value
        ready = yield wanted
        if ready:
            heard = time.monotonic()
        elif time.monotonic() - heard > seconds:
            raise SilentServerError(seconds)
