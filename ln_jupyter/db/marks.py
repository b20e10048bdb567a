"""Whether a transaction is still the one that a session wrote in: the database itself is asked.

It can end past the session: by a COMMIT or ROLLBACK that is sent as a statement, by the methods of SQLAlchemy's
connection or of the driver's, by a table that is made in MariaDB. So before a session first writes, it leaves a
mark in the transaction, which is looked for when the session ends it. Who asks it for its connection may write past
it, so then there is a mark, too: one that keeps nobody from choosing the transaction's kind, or from writing.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import weakref
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import event

from ln_jupyter import callsite
from ln_jupyter.db import backends, internals, sql_text, transactions
from ln_jupyter.db.events import takes_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import sqlalchemy as sa

    from ln_jupyter.db.backend import Found
    from ln_jupyter.db.sql_text import End

_numbers = itertools.count(1)

_log = logging.getLogger(__name__)


class Work:
    """What a session has written through a connection, until it ends the transaction itself.

    Args:
        connection: Which begins to be used.
        before_lending: Gets ready for what somebody sends past the session, through the driver's own connection.

    Attributes:
        connection: Which is used.
        is_saved: Whether some of it was committed past the session.
        is_unsure: Whether the transaction ended past the session, and nobody can say if it was committed.
        end: How the transaction ended past the session, so that this one cannot commit all of it; "" while it has not.
    """

    def __init__(self, connection: sa.Connection, before_lending: Callable[[Work], None]) -> None:
        self.is_saved = self.is_unsure = False
        self.end = ""
        self.connection = connection
        self._before_lending = weakref.WeakMethod(before_lending)
        self._backend = backends.get(connection.dialect)
        self._transaction = connection.get_transaction()
        self._mark: Any = None
        self._has_written = False
        self._seen: End | None = None
        self._line: callsite.Line | None = None
        _works[connection] = weakref.ref(self)
        _Watched.watch(connection)
        if connection.dialect not in _watched:
            _watched.add(connection.dialect)
            for name in ("do_execute", "do_executemany", "do_execute_no_params"):
                event.listen(connection.engine, name, _before)

    def lend(self) -> None:
        """Get ready for whoever asks for the driver's connection."""
        prepare = self._before_lending()
        if prepare is not None and self._mark is None:
            prepare(self)

    def hold(self, *, is_dry: bool) -> None:
        """Mark the transaction before somebody writes past the session, who may end it, too.

        Args:
            is_dry: Whether all of it is to be undone.
        """
        if self._mark is None:
            if (is_dry and self._backend.begins_at_write) or self._backend.is_shared(self.connection):
                transactions.begin_for_real(self.connection)
            self._mark = _leave_lightly(self.connection)

    @property
    def can_tell_afterwards(self) -> bool:
        """Whether it can be found out how the transaction has ended once it has been rolled back."""
        return self._has_written and self._backend.keeps_mark

    def before(self, statement: str) -> None:
        """Mark the transaction before a statement that writes, and remember one that ends it."""
        begins = self._backend.may_write(statement)
        is_anew = not self._has_written or self._backend.loses_marks
        if self._seen is not None or (begins and is_anew):
            self.look()  # without a transaction, DuckDB would save what comes now
        if begins and self._mark is None:
            self._mark = self._backend.leave_mark(self.connection, next(_numbers))
            self._has_written = True
        if self._mark is not None:
            end = sql_text.ends(statement, self.connection.dialect.name)
            if end is not None:
                self.note(end)

    def note(self, end: End) -> None:
        """Remember how the transaction is about to be ended, by whomever."""
        self._seen = end
        self._line = None if self._mark is None else callsite.current()  # which takes time, and is said of a mark only

    def forget(self) -> None:
        """Take what was sent so far for nothing that has to be saved."""
        self._mark = self._seen = None

    def look(self) -> None:
        """Find out how the transaction ended that has the mark, if it has; afterwards it can be marked anew."""
        if self._backend.marks_with_savepoint and self.connection.in_nested_transaction():
            return  # it would end with the mark; whoever ends the whole looks then
        mark, self._mark = self._mark, None
        if mark is not None:
            found = _ask(self.connection, mark)
            if found == "unknown":  # with a connection that is lost, and so may be the answer to a COMMIT
                found = "lost" if self._seen == "commit" else "kept"
            elif found == "lost":
                found = self._seen or "lost"
            self.is_saved = self.is_saved or found == "commit"
            self.is_unsure = self.is_unsure or found == "lost"
            if self._has_written and found in _IS_LOST:
                self._say(_IS_LOST[found])
            if found == "kept" and self.can_tell_afterwards:
                self._mark = mark
        self._has_written = self._mark is not None
        self._seen = None

    def look_before_rollback(self) -> None:
        """Look now, unless it can be found out afterwards: then another connection of the pool would be asked."""
        if not (self.can_tell_afterwards or self.connection.invalidated or self.connection.closed):
            self.look()

    def finish(self) -> None:
        """Find out whether the session can commit it, and say in `end` why not."""
        seen = self._seen
        self.look()
        if not self.end and self._transaction is not None and not self._transaction.is_active:
            self._say("was committed" if seen == "commit" else "was rolled back")  # and SQLAlchemy will do neither

    def _say(self, what: str) -> None:
        where = "" if self._line is None else f" at {self._line}"
        self.end = f"{what} past the session{where}"


_works: weakref.WeakKeyDictionary[sa.Connection, weakref.ref[Work]] = weakref.WeakKeyDictionary()
_watched: weakref.WeakSet[sa.Dialect] = weakref.WeakSet()


def work_of(connection: sa.Connection) -> Work | None:
    """Return what is written through a connection, if a session that somebody uses has it."""
    reference = _works.get(connection)
    return None if reference is None else reference()


def lost_savepoint(connections: Iterable[sa.Connection]) -> bool:
    """Return whether a savepoint of SQLAlchemy's could not be released: it ended with its transaction, past SQLAlchemy."""
    innermost = (each.get_nested_transaction() for each in connections if not each.closed)
    return any(each is not None and not each.is_active for each in innermost)


def _before(*arguments: Any) -> None:
    work = work_of(arguments[-1].root_connection)
    if work is not None:
        work.before(arguments[1])


class _Watched(internals.WatchedConnection):
    """A connection that somebody has a `Work` for."""

    def before_lending(self) -> None:
        if (work := work_of(self)) is not None:
            work.lend()

    @takes_notes
    def before_commit(self) -> None:
        if (work := work_of(self)) is not None:
            work.note("commit")

    @takes_notes
    def before_rollback(self) -> None:
        if (work := work_of(self)) is not None and not self.invalidated:
            work.look_before_rollback()
            work.note("rollback")


def _leave_lightly(connection: sa.Connection) -> Any:
    """Leave a mark before anything is written, after which the kind of the transaction can be chosen, and others write."""
    with contextlib.suppress(connection.dialect.loaded_dbapi.Error):  # which whatever is sent next says, too
        return backends.get(connection.dialect).leave_light_mark(connection, next(_numbers))
    return _NEVER_LEFT


_IS_LOST = {"rollback": "was rolled back", "lost": "was committed or rolled back"}
_NEVER_LEFT = "none"


def _ask(connection: sa.Connection, mark: Any) -> Found | Literal["unknown"]:
    """Ask what became of the transaction that has a mark; "lost" where it has ended, "unknown" where nobody answers."""
    try:
        if not isinstance(mark, int):
            return "kept" if _is_there(connection, mark) else "lost"
        if not connection.closed:
            return backends.get(connection.dialect).find_mark(connection, mark)
        with connection.engine.connect() as another:
            return backends.get(another.dialect).find_mark(another, mark)
    except Exception:  # noqa: BLE001 - of any driver: what ends the transaction next says it, too
        _log.debug("could not look for the mark of a transaction", exc_info=True)
        return "unknown" if connection.closed or connection.invalidated else "kept"


def _is_there(connection: sa.Connection, mark: Any) -> bool:
    """Return whether what `_leave_lightly` left is there."""
    backend = backends.get(connection.dialect)
    if connection.closed or backend.is_in_error(connection):
        return False
    return mark != _NEVER_LEFT and backend.has_light_mark(connection, mark)
