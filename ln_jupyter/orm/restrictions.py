"""What a session is kept from: writing at all, or committing what it wrote."""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.orm.attributes import instance_state

from ln_jupyter import callsite, errors
from ln_jupyter.db import backends, internals, read_only, sql_text
from ln_jupyter.db.events import takes_notes
from ln_jupyter.orm import failures, refusals
from ln_jupyter.orm import internals as orm_internals
from ln_jupyter.orm.inspect import naming

if TYPE_CHECKING:
    from ln_jupyter.db import marks
    from ln_jupyter.orm.session import OrmSession

_WIDTH = 60


def forbid_writing(session: OrmSession) -> None:
    """Refuse every statement of *session* that writes, before it is sent, and let the database refuse what does not show it.

    Works on any engine, and for SQL that goes past the ORM.
    """
    session.only_reads = True
    changed_at = weakref.WeakKeyDictionary[orm.InstanceState[Any], callsite.Line | None]()
    orm_internals.note_first_changes(session, lambda state: changed_at.setdefault(state, callsite.current()))

    @event.listens_for(session, "before_flush")
    def _name_the_record(session: OrmSession, *_: object) -> None:
        modified = [record for record in session.dirty if session.is_modified(record)]
        record = next(iter([*session.new, *session.deleted, *modified]), None)
        if record is not None:
            line = changed_at.get(instance_state(record))
            changed = "" if line is None else f"; it was changed at {line}"
            raise refusal(f"{naming.name(record)}{changed}{refusals.whence(session, [record])}")

    @event.listens_for(session, "after_begin")
    def _guard(_session: object, _transaction: object, connection: sa.Connection) -> None:
        read_only.guard(connection, _refusal_of)


class DryRun:
    """A session that sends everything, so that the database checks it, and commits nothing.

    Args:
        session: The session, from its beginning.

    Attributes:
        inserted: How many new records it sent.
        updated: How many changed ones.
        deleted: How many that were to be deleted.
        statements: How many statements it sent that write past records, other than of bulk rows.
    """

    def __init__(self, session: OrmSession) -> None:
        self.inserted = self.updated = self.deleted = self.statements = 0
        self._session = session
        session.is_dry = True
        self._connections: list[sa.Connection] = []
        self._told: list[marks.Work] = []
        event.listen(session, "after_begin", self._begin)
        event.listen(session, "after_flush", self._count)
        event.listen(session, "do_orm_execute", self._count_statement)
        event.listen(session, "before_commit", self._refuse_to_commit)

    def end(self) -> None:
        """Send what was not sent yet, let the database check it, and undo it all.

        Records that were changed or deleted hold again what the database holds; new ones
        keep their values, unsaved.

        Raises:
            sqlalchemy.exc.IntegrityError: As a commit would.
            StaleRecordError: As a commit would.
            TransactionUndoneError: As a commit would.
            SessionError: If somebody else has committed.
        """
        session, touched = self._session, []
        try:
            failures.refuse_given_up(session)
            self.refuse_committed()
            session.flush()
            for connection in self._connections:
                # what is checked at the end of a transaction only, as far as the database can be asked to
                if not connection.closed:
                    backends.get(connection.dialect).check_constraints(connection)
            touched = session.touched()
        finally:
            session.rollback()
            self.note_told()  # by an error of this method, or there is nothing to tell
            self._connections.clear()
        for record in touched:
            if record in session:  # a new one is not, any more
                with contextlib.suppress(sa.exc.InvalidRequestError):  # deleted by somebody else meanwhile
                    session.refresh(record)

    def refuse_committed(self) -> None:
        """Say that somebody else has committed, once.

        Raises:
            SessionError: If they have.
        """
        session = self._session
        for work in session.works:
            work.look()
        ended = [work for work in session.works if (work.is_saved or work.is_unsure) and work not in self._told]
        self.note_told()
        if ended:
            how = "committed" if any(work.is_saved for work in ended) else "committed or rolled back"
            msg = f"this session is a dry run, and its transaction was {how} past it"
            raise errors.SessionError(msg, fix=f"leave out what commits; {refusals.what_was_undone(session)}")

    def note_told(self) -> None:
        """Remember that what was committed so far is said, such as by the note of an error."""
        self._told = list(self._session.works)

    def __str__(self) -> str:
        """Say in a line what would have been saved."""
        counts = {"inserted": self.inserted, "updated": self.updated, "deleted": self.deleted}
        counts["statements of SQL" if self.statements > 1 else "statement of SQL"] = self.statements
        would = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
        return f"dry run: nothing was saved; it would have been {would or 'nothing'}"

    def _begin(self, _session: orm.Session, _transaction: object, connection: sa.Connection) -> None:
        if internals.commits_each_statement(connection):
            msg = "this engine commits each statement by itself (AUTOCOMMIT), so a dry run could undo nothing"
            fix = "give it an engine without isolation_level='AUTOCOMMIT'; nothing was sent"
            raise errors.SessionError(msg, fix=fix)
        if connection not in self._connections:  # a savepoint begins on one that is there
            self._connections.append(connection)
            # no earlier: a registry may be made first
            internals.listen(connection, "before_cursor_execute", _keep_undoable)
            internals.listen(connection, "commit", _refuse_commit)

    @takes_notes
    def _count(self, session: orm.Session, _context: object) -> None:
        self.inserted += len(session.new)
        self.updated += sum(map(session.is_modified, session.dirty))
        self.deleted += len(session.deleted)

    @takes_notes
    def _count_statement(self, execution: orm.ORMExecuteState) -> None:
        statement: Any = execution.statement
        if execution.is_insert and isinstance(execution.parameters, list):
            self.inserted += len(execution.parameters)
        elif execution.is_insert or execution.is_update or execution.is_delete:
            self.statements += 1
        elif isinstance(statement, sa.TextClause):
            self.statements += sql_text.writes(statement.text)

    def _refuse_to_commit(self, session: orm.Session) -> None:
        if not session.in_nested_transaction():
            _refuse_commit()


def _keep_undoable(connection: sa.Connection, _cursor: object, statement: str, *_: Any) -> None:
    """Refuse what could not be undone any more, and see to it that the rest can be."""
    if sql_text.ends(statement, connection.dialect.name) == "commit":
        _refuse_commit()
    backends.get(connection.dialect).begin_to_undo(connection, statement)


def _refuse_commit(*_: object) -> None:
    msg = "this session is a dry run, and does not commit"
    raise errors.SessionError(msg, fix="use it as a block, and leave out the commit: with ln.Session(rollback=True):")


def _refusal_of(statement: str) -> errors.ReadOnlySessionError:
    """Make the error for a *statement* that would write."""
    brief = " ".join(statement.split())
    what = f"{brief[:_WIDTH]} …" if len(brief) > _WIDTH else brief
    line = callsite.current()
    return refusal(what if line is None else f"{what}; it was sent at {line}")


def refusal(what: str) -> errors.ReadOnlySessionError:
    """Make the error for *what* was to be written."""
    msg = f"this session only reads, and was to write {what}"
    return errors.ReadOnlySessionError(
        msg, fix="open it without readonly=True (--readonly) to write; nothing was saved"
    )
