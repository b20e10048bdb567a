"""Which backend a database has: those of registries have a folder each, and those of users' engines stand here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ln_jupyter.db import driver
from ln_jupyter.db.backend import Backend, Found, savepoint_of_mark
from ln_jupyter.db.postgres.backend import PostgreSQL
from ln_jupyter.db.sqlite.backend import SQLite

if TYPE_CHECKING:
    import sqlalchemy as sa


class WithSavepoints(Backend):
    """Oracle, SQL Server, CockroachDB: nothing is known of them but savepoints."""

    has_savepoints = True


class MySQL(Backend):
    """MariaDB and MySQL."""

    has_savepoints = marks_with_savepoint = True
    begin_read_only = "START TRANSACTION READ ONLY"
    become_read_only = (begin_read_only,)

    _ENDS_ALL = frozenset({1020, 1213})
    """Errors after which the whole transaction is undone, and another one begins unasked."""
    _ONLY_READS = 1792  # ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
    _NO_SUCH_SAVEPOINT = "(1305,"

    def has_ended(self, connection: sa.Connection, error: BaseException) -> bool:
        """Return whether an error has ended the transaction."""
        return not self._ENDS_ALL.isdisjoint(error.args[:1])

    def is_refusal_to_write(self, connection: sa.Connection, error: BaseException) -> bool:
        """Return whether the server has refused to write in a transaction that only reads."""
        return self._ONLY_READS in error.args[:1]

    def leave_mark(self, connection: sa.Connection, number: int) -> int:
        """Leave a savepoint, which goes with the transaction."""
        driver.send(connection, f"SAVEPOINT {savepoint_of_mark(number)}")
        return number

    def find_mark(self, connection: sa.Connection, mark: int) -> Found:
        """Look for the savepoint."""
        try:
            driver.send(connection, f"RELEASE SAVEPOINT {savepoint_of_mark(mark)}")
        except connection.dialect.loaded_dbapi.Error as error:
            if self._NO_SUCH_SAVEPOINT not in str(error):
                raise
            return "lost"
        return "kept"


class DuckDB(Backend):
    """DuckDB, whose driver begins when it likes, and which has no savepoints."""

    loses_marks = True
    begin_read_only = "BEGIN TRANSACTION READ ONLY"
    become_read_only = ("ROLLBACK", begin_read_only)  # the driver has begun, and there is no SET TRANSACTION

    def is_refusal_to_write(self, connection: sa.Connection, error: BaseException) -> bool:
        """Return whether the database has refused to write in a transaction that only reads."""
        return "read-only" in str(error)

    def leave_mark(self, connection: sa.Connection, number: int) -> int:
        """Return the number of the transaction; outside of one, each statement has another."""
        ask = "SELECT txid_current()"
        if driver.send(connection, ask) != driver.send(connection, ask):
            driver.send(connection, "BEGIN TRANSACTION")
        return int(driver.send(connection, ask)[0])

    def find_mark(self, connection: sa.Connection, mark: int) -> Found:
        """Return whether the transaction has the number still."""
        return "kept" if driver.send(connection, "SELECT txid_current()")[0] == mark else "lost"


_UNKNOWN = Backend()
_BY_NAME: dict[str, Backend] = {
    "sqlite": SQLite(),
    "postgresql": PostgreSQL(),
    **dict.fromkeys(("mysql", "mariadb"), MySQL()),
    "duckdb": DuckDB(),
    **dict.fromkeys(("cockroachdb", "mssql", "oracle"), WithSavepoints()),
}


def get(dialect: sa.Dialect) -> Backend:
    """Return what a connection's, or an engine's, kind of database does its own way."""
    return _BY_NAME.get(dialect.name, _UNKNOWN)


def named(name: str) -> Backend:
    """Return the same for the kind of database that a URL names."""
    return _BY_NAME.get(name, _UNKNOWN)
