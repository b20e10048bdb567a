"""What PostgreSQL does its own way: transactions of several kinds, advisory locks, functions that write."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.db import driver, error_translation, internals, sql_text
from ln_jupyter.db.backend import Backend, Found
from ln_jupyter.db.postgres import engine as engines
from ln_jupyter.db.postgres import errors as postgres_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

WRITE_KEY = int.from_bytes(b"ln_wrt", "big")  # any constant that nobody else takes
"""Of the advisory lock that all sessions with ``write=True`` share."""

_READ_ONLY = "25006"  # SQLSTATE: read only sql transaction

_GRANTS = sa.text("""
    SELECT CASE WHEN granted.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(granted.grantee)) END,
        granted.privilege_type
    FROM pg_class, aclexplode(relacl) AS granted
    WHERE pg_class.oid = CAST(:like AS regclass) AND granted.grantee <> relowner
        AND granted.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
""")


class PostgreSQL(Backend):
    """PostgreSQL through psycopg, and as far as they allow it through a user's engine with another driver."""

    has_savepoints = True
    has_write_lock = True
    keeps_mark = True
    reads_alone = True
    begin_read_only = "BEGIN READ ONLY"
    become_read_only = ("SET TRANSACTION READ ONLY",)

    def create_engine(self, url: sa.URL, *, within: Path | None = None) -> sa.Engine:
        """Make the engine of a URL that names psycopg.

        Raises:
            MissingExtraError: If psycopg is not installed.
            InvalidUrlError: If the URL asks for what is not known.
        """
        return engines.create(url)

    def may_write(self, statement: str) -> bool:
        """Return whether a statement may write, by a function too."""
        return sql_text.needs_transaction(statement) or sql_text.calls(statement)

    def needs_transaction(self, statement: str) -> bool:
        """Return whether a statement that is sent alone has to be in a transaction."""
        return self.may_write(statement) or sql_text.is_of_transaction(statement)

    def begin(self, connection: sa.Connection, *then: str) -> None:
        """Begin a transaction that will write.

        Args:
            connection: Where none has begun.
            then: What is sent in the same message, on an engine of ours.
        """
        lent = driver.connection_of(connection)
        if not getattr(lent, "autocommit", False):
            if connection.dialect in driver.lazy:
                lent.reads_alone = False  # it begins with whatever is next
        elif connection.dialect in driver.lazy:
            _send_at_once(connection, ("BEGIN", *lent.settings(), *then))
        else:
            lent.execute("BEGIN")

    def begin_with(self, connection: sa.Connection, *, is_cast: bool) -> None:
        """Begin in one message with the statement that is about to be sent, where its casts say its types."""
        lent = driver.connection_of(connection)
        if is_cast and lent.autocommit:
            lent.begin_with_next()
        else:
            self.begin(connection)

    def begin_as_asked(self, connection: sa.Connection) -> bool:
        """Let psycopg begin with the next statement, as where SQLAlchemy makes the engine."""
        if driver.connection_of(connection).autocommit and not self.has_begun(connection):
            driver.connection_of(connection).autocommit = False
        return True

    def let_driver_begin(self, connection: sa.Connection) -> None:
        """Let psycopg begin by itself for what writes."""
        lent = driver.connection_of(connection)
        lent.autocommit, lent.reads_alone = False, True

    def execute_alone(self, connection: sa.Connection, execute: Callable[[], object], context: Any) -> bool:
        """Let a statement that seems to read hold nothing afterwards; the server says if it wrote, by a view's function.

        Returns:
            Whether it was executed; else it belongs to the transaction that the driver begins with it.
        """
        lent = driver.connection_of(connection)
        if lent.autocommit or not lent.reads_alone or lent.info.transaction_status or internals.is_server_side(context):
            return False
        lent.autocommit = True
        try:
            if sql_text.reads(context.statement):
                with lent.at_once():
                    lent.execute("BEGIN READ ONLY")
                    execute()
                    lent.execute("COMMIT")
            else:
                execute()
        except BaseException as error:
            if not lent.closed:
                lent.rollback()
                lent.autocommit = False
            if getattr(error, "sqlstate", None) != _READ_ONLY:
                raise
            return False
        lent.autocommit = False
        return True

    def begin_to_undo(self, connection: sa.Connection, statement: str) -> None:
        """Begin for what a function may write."""
        self.begin_for_cursor(connection)

    def begin_for_cursor(self, connection: sa.Connection) -> None:
        """Begin: a cursor of the server lives in a transaction."""
        if not self.has_begun(connection):
            self.begin(connection)

    def begin_snapshot(self, connection: sa.Connection) -> None:
        """Let whatever is read from here on be of one moment."""
        driver.connection_of(connection).execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def begin_change(self, connection: sa.Connection, key: int) -> None:
        """Begin a transaction that changes tables, alone among those with the same *key*."""
        self.begin(connection)
        # a snapshot older than the lock would not see what was made while we waited for it
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))

    def begin_named(self, connection: sa.Connection, name: str) -> None:
        """Begin, or go on, alone among those with the same *name* until the transaction ends."""
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        if self.has_begun(connection):
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
        else:
            self.begin(connection, f"SELECT pg_advisory_xact_lock({key})")

    def check_constraints(self, connection: sa.Connection) -> None:
        """Check now what is checked at the end of a transaction only."""
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")

    def lock_for_writing(self, connection: sa.Connection) -> None:
        """Let the connection's transaction hold the advisory lock, and see what was committed before.

        Above READ COMMITTED a transaction sees what was there at its first SELECT. If that is the
        one that waits for the lock, it sees nothing of whom it waited for. On engines of ours, a lock of
        the session is waited for before it begins. On others it does not wait, but ends where the lock
        is taken; another one waits for it and ends, and it begins anew. Of the moment between its first
        look and the lock, the database itself refuses a stale edit.

        Raises:
            SessionError: If there is no transaction to hold the lock.
        """
        if internals.commits_each_statement(connection):
            msg = (
                "write=True locks until its transaction ends, and this engine commits each statement by itself"
                " (AUTOCOMMIT)"
            )
            raise errors.SessionError(msg, fix="give it an engine without isolation_level='AUTOCOMMIT'")
        wait = sa.select(sa.func.pg_advisory_xact_lock(WRITE_KEY))
        if not self._will_see_one_moment(connection):
            if not self.has_begun(connection):
                self.begin(connection)
            connection.execute(wait)
            return
        if connection.dialect in driver.lazy:
            _begin_with_lock(connection)
            return
        self._begin_anew(connection)
        while not connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(WRITE_KEY))):
            self._begin_anew(connection)
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            connection.execute(wait)
            self._begin_anew(connection)

    def is_refusal_to_write(self, connection: sa.Connection, error: BaseException) -> bool:
        """Return whether the server has refused to write in a transaction that only reads."""
        return (getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)) == _READ_ONLY

    def leave_mark(self, connection: sa.Connection, number: int) -> int | None:
        """Return the number of the transaction; a standby has none, and refuses what is written."""
        found = driver.send(connection, "SELECT CASE WHEN NOT pg_is_in_recovery() THEN txid_current() END")[0]
        return None if found is None else int(found)

    def leave_light_mark(self, connection: sa.Connection, number: int) -> str:
        """Leave a setting, which goes with the transaction."""
        driver.send(connection, f"SET LOCAL ln_jupyter.mark = '{number}'")
        return str(number)

    def has_light_mark(self, connection: sa.Connection, mark: Any) -> bool:
        """Return whether the setting is there."""
        return bool(driver.send(connection, "SELECT current_setting('ln_jupyter.mark', true)")[0] == mark)

    def find_mark(self, connection: sa.Connection, mark: int) -> Found:
        """Ask what became of the transaction with this number."""
        if self.is_in_error(connection):  # it answers nothing before
            driver.connection_of(connection).rollback()
        current, status = driver.send(connection, f"SELECT txid_current_if_assigned(), txid_status({mark})")
        if current == mark:
            return "kept"
        return {"committed": "commit", "aborted": "rollback"}.get(status, "lost")  # type: ignore[return-value]

    def share_tables(self, connection: sa.Connection, like: str, names: Collection[str]) -> None:
        """Grant what is granted of a table; a grant of all tables is of those that there were."""
        tables = ", ".join(names)
        for whom, right in connection.execute(_GRANTS, {"like": like}).all() if tables else ():
            connection.exec_driver_sql(f"GRANT {right} ON {tables} TO {whom}")

    def _insert(self, table: sa.Table) -> Any:
        from sqlalchemy.dialects import postgresql  # here for cost: 20 ms, for those who use it

        return postgresql.insert(table)

    def _will_see_one_moment(self, connection: sa.Connection) -> bool:
        """Return whether a transaction that this connection begins would be of one moment."""
        if self.has_begun(connection):
            return False  # it is too late
        return connection.exec_driver_sql("SHOW transaction_isolation").scalar() != "read committed"

    def _begin_anew(self, connection: sa.Connection) -> None:
        """End the driver's transaction, which has written nothing, and begin the next one."""
        driver.connection_of(connection).rollback()
        self.begin(connection)


def _send_at_once(connection: sa.Connection, statements: tuple[str, ...]) -> None:
    lent = driver.connection_of(connection)
    try:
        lent.execute("; ".join(statements))
    except Exception as error:  # past SQLAlchemy, which would have it translated
        if lent.closed:
            connection.invalidate(error)
        raise _of_begin(connection, error, is_lost=lent.closed) from error


def _begin_with_lock(connection: sa.Connection) -> None:
    """Begin a transaction that has the advisory lock, with no look at any row before.

    In one message, which a pooler sends to one server: the lock of the session outlives it nowhere.
    """
    lent = driver.connection_of(connection)
    lent.rollback()
    lent.reads_alone = False
    unlock = f"SELECT pg_advisory_unlock({WRITE_KEY})"
    message = [
        *("BEGIN ISOLATION LEVEL READ COMMITTED", *lent.settings(), f"SELECT pg_advisory_lock({WRITE_KEY})"),
        *("COMMIT", lent.begin_command, *lent.settings()),
        *(f"SELECT pg_advisory_xact_lock({WRITE_KEY})", unlock),
    ]
    try:
        with lent.beginning():
            lent.execute("; ".join(message))
    except BaseException as error:
        if not lent.closed:
            with contextlib.suppress(Exception), lent.beginning():
                lent.execute(f"ROLLBACK; {unlock}")
        if not isinstance(error, Exception):
            raise
        raise _of_begin(connection, error, is_lost=lent.closed) from error


def _of_begin(connection: sa.Connection, error: Exception, *, is_lost: bool) -> Exception:
    """Say what it means that a transaction could not be begun, where the error does not speak for itself."""
    url = connection.engine.url
    found = postgres_errors.meaning(url, error)
    if found is None and is_lost:
        found = postgres_errors.of_disconnect(error, at_end=False)
    return error if found is None else error_translation.error_of(url, found)
