"""What each kind of database does its own way; `Backend` itself is one that nothing is known of."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal

from ln_jupyter import errors
from ln_jupyter.db import driver, sql_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    import sqlalchemy as sa

Found = Literal["kept", "commit", "rollback", "lost"]
"""What became of a transaction that has a mark; "lost" where it has ended, and nobody can say how."""

_IN_ERROR = 3  # libpq's PQTRANS_INERROR, which psycopg and psycopg2 give as it is


def savepoint_of_mark(number: int) -> str:
    """Name the savepoint of a mark, which is no other's: sessions may share the driver's connection."""
    return f"ln_jupyter_{number}"


class Backend:
    """A database that nothing is known of: it gets what SQLAlchemy gives it, and nothing of ours.

    Attributes:
        has_savepoints: Whether a part of a transaction can be undone.
        has_write_lock: Whether `lock_for_writing` knows a lock.
        begins_at_write: Whether the driver begins no earlier than at the first write.
        keeps_mark: Whether a mark can be looked for once its transaction has ended.
        reads_alone: Whether `execute_alone` is asked.
        marks_with_savepoint: Whether a mark is a savepoint, and to look for it ends those in it.
        loses_marks: Whether a transaction may end at any statement, so that each one that writes needs a look.
        begin_read_only: Begins a transaction that only reads; "" where there is none.
        become_read_only: Lets a transaction that the driver has begun only read.
    """

    has_savepoints = False
    has_write_lock = False
    begins_at_write = False
    keeps_mark = False
    reads_alone = False
    marks_with_savepoint = False
    loses_marks = False
    begin_read_only = ""
    become_read_only: tuple[str, ...] = ()

    # --- engines

    def create_engine(self, url: sa.URL, *, within: Path | None = None) -> sa.Engine:
        """Make an engine for a registry, which begins no transaction by itself.

        Args:
            url: Of the database.
            within: The folder of a project that brought the database, which is then confined to it.

        Raises:
            InvalidUrlError: If registries are not kept in such a database, or the URL asks for what is not known.
        """
        msg = f"a registry is not kept in {url.get_backend_name()}"
        raise errors.InvalidUrlError(msg, fix="name a file of SQLite or a database of PostgreSQL")

    # --- transactions

    def may_write(self, statement: str) -> bool:
        """Return whether a statement may write, or makes a savepoint, as far as its text tells."""
        return sql_text.needs_transaction(statement)

    def needs_transaction(self, statement: str) -> bool:
        """Return whether a statement that is sent alone has to be in a transaction."""
        return self.may_write(statement)

    def has_begun(self, connection: sa.Connection) -> bool:
        """Return whether the driver's connection is inside a transaction, as psycopg knows by itself."""
        if connection.dialect.driver == "psycopg":
            return bool(driver.connection_of(connection).info.transaction_status)  # IDLE is 0
        return connection.in_transaction()

    def begin(self, connection: sa.Connection) -> None:
        """Begin a transaction that will write; where nothing is known, the driver begins it with what is next."""

    def begin_with(self, connection: sa.Connection, *, is_cast: bool) -> None:
        """Begin a transaction for the statement that is about to be sent.

        Args:
            connection: Where none has begun.
            is_cast: Whether the types of its parameters stand in the statement.
        """
        self.begin(connection)

    def begin_as_asked(self, connection: sa.Connection) -> bool:
        """Begin as the connection's own options ask for; return whether they do."""
        return False

    def let_driver_begin(self, connection: sa.Connection) -> None:
        """Let the driver begin by itself for what is sent past SQLAlchemy."""

    def execute_alone(self, connection: sa.Connection, execute: Callable[[], object], context: Any) -> bool:
        """Send a statement that seems to read so that it holds nothing afterwards; return whether it was sent."""
        return False

    def begin_before_savepoints(self, engine: sa.Engine, is_watched: Callable[[sa.Connection], bool]) -> None:
        """Let a savepoint on a user's engine be inside a transaction, where the driver begins none for it."""

    def begin_to_undo(self, connection: sa.Connection, statement: str) -> None:
        """Begin before a statement of a session that will undo it all, where it would be committed otherwise."""

    def begin_for_cursor(self, connection: sa.Connection) -> None:
        """Begin, where a cursor that is read bit by bit lives in a transaction."""

    def begin_snapshot(self, connection: sa.Connection) -> None:
        """Let whatever is read from here on, until the connection goes back to its pool, be of one moment.

        Raises:
            DatabaseBusyError: If a writer to a SQLite file without a WAL does not end in time.
        """
        raise NotImplementedError

    def begin_change(self, connection: sa.Connection, key: int) -> None:
        """Begin a transaction that changes tables, alone among those with the same *key*."""
        self.begin(connection)

    def begin_named(self, connection: sa.Connection, name: str) -> None:
        """Begin, or go on, alone among those with the same *name* until the transaction ends."""
        if not self.has_begun(connection):
            self.begin(connection)

    def is_in_error(self, connection: sa.Connection) -> bool:
        """Return whether the database would answer COMMIT with a rollback, as drivers of PostgreSQL's protocol know."""
        info = getattr(driver.connection_of(connection), "info", None)
        return getattr(info, "transaction_status", None) == _IN_ERROR

    def has_ended(self, connection: sa.Connection, error: BaseException) -> bool:
        """Return whether an error has ended the transaction, so that the next statement would begin another one."""
        return False

    def check_constraints(self, connection: sa.Connection) -> None:
        """Check now what is checked at the end of a transaction only, as far as the database can be asked to."""

    # --- locks

    def lock_for_writing(self, connection: sa.Connection) -> None:
        """Take the one write lock, so that what is read from here on cannot change before it is written.

        Raises:
            SessionError: If there is none, or no transaction to hold it.
        """
        msg = f"write=True is not known for {connection.dialect.name}"
        raise errors.SessionError(msg, fix="leave it out, and lock rows by select(...).with_for_update()")

    def lock_rows(self, connection: sa.Connection) -> None:
        """Lock what a SELECT ... FOR UPDATE is about to read, where the database has no such statement."""

    def is_shared(self, connection: sa.Connection) -> bool:
        """Return whether others use the driver's connection, which therefore begins nothing by itself."""
        return False

    def undisturbed(self, connection: sa.Connection) -> contextlib.AbstractContextManager[None]:
        """Read nothing in a block that others who share the connection may undo."""
        return contextlib.nullcontext()

    # --- sessions that only read

    def forbid_writing(self, connection: sa.Connection, statement: str) -> bool:
        """Let the connection refuse to write; return whether it does so whatever begins, and needs no transaction."""
        return False

    def allow_writing(self, engine: sa.Engine) -> None:
        """Let connections write again when they go back to their pool."""

    def is_refusal_to_write(self, connection: sa.Connection, error: BaseException) -> bool:
        """Return whether the database has refused to write in a transaction that only reads."""
        return False

    # --- marks

    def leave_mark(self, connection: sa.Connection, number: int) -> int | None:
        """Leave a mark in the transaction, which begins with it if it has not; None where none is known."""
        return None

    def leave_light_mark(self, connection: sa.Connection, number: int) -> Any:
        """Leave one that keeps nobody from choosing the transaction's kind, or from writing."""
        return self.leave_mark(connection, number)

    def has_light_mark(self, connection: sa.Connection, mark: Any) -> bool:
        """Return whether what `leave_light_mark` left, other than a number, is there."""
        return False

    def find_mark(self, connection: sa.Connection, mark: int) -> Found:
        """Look for what `leave_mark` left, and take it away."""
        return "lost"

    # --- rows

    def insert_if_absent(self, connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows, but for those whose key is there; one statement, so no race."""
        connection.execute(self._insert(table).on_conflict_do_nothing(), rows if len(rows) > 1 else rows[0])

    def insert_or_update(self, connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows, or give those with the same primary keys these values: of all rows the same columns."""
        key = [column.name for column in table.primary_key]
        insert = self._insert(table)
        update = {name: insert.excluded[name] for name in rows[0] if name not in key}
        insert = insert.on_conflict_do_update(index_elements=key, set_=update)
        connection.execute(insert, rows if len(rows) > 1 else rows[0])

    def share_tables(self, connection: sa.Connection, like: str, names: Collection[str]) -> None:
        """Give those who may use a table the same rights to new ones, where a database has such rights."""

    def _insert(self, table: sa.Table) -> Any:
        """Make an INSERT that knows ON CONFLICT."""
        raise NotImplementedError
