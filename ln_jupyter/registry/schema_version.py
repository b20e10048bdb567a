"""The registry's tables in a database: made at once, and the number of the schema they are of.

The table ``ln_schema`` has one row. ``version_num`` is the number of the last migration,
written by us or by alembic; ``oldest_reader`` is the smallest schema number a release may
know and still read and write these tables. Additive changes leave it alone, so one
upgraded environment does not lock the others out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.approval import urls
from ln_jupyter.db import backends, error_translation, transactions
from ln_jupyter.db.sqlite import engine as sqlite
from ln_jupyter.schema import tables
from ln_jupyter.schema.tables import METADATA

NUMBER, OLDEST_READER = tables.SCHEMA_NUMBER, tables.OLDEST_READER

TABLE = sa.Table(
    "ln_schema",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), primary_key=True),
    sa.Column("oldest_reader", sa.Integer, nullable=False, server_default=str(OLDEST_READER)),
)

_CHANGE_KEY = int.from_bytes(b"ln_new", "big")


class Version(NamedTuple):
    """What a registry says of its own tables."""

    number: int
    oldest_reader: int


def are_in(connection: sa.Connection) -> bool:
    """Return whether a database holds a registry, of whatever release."""
    return sa.inspect(connection).has_table(TABLE.name)


def read(connection: sa.Connection) -> Version | None:
    """Read the registry's version; None if the database holds none.

    Raises:
        NotARegistryError: If its table ``ln_schema`` does not say it.
    """
    if transactions.has_begun(connection) and not are_in(connection):  # asking what is not there may end a transaction
        return None
    try:
        rows = connection.execute(sa.select(TABLE)).all()
    except (sa.exc.OperationalError, sa.exc.ProgrammingError):
        if not are_in(connection):
            return None
        rows = connection.execute(sa.select(TABLE)).all()  # somebody made it in between
    if len(rows) != 1 or not _is_number(rows[0].version_num) or not isinstance(rows[0].oldest_reader, int):
        msg = f"{error_translation.describe(connection.engine.url)} does not say which schema it has, in its table {TABLE.name}"
        raise errors.NotARegistryError(msg, fix="go on from a backup, or name another registry")
    return Version(int(rows[0].version_num), rows[0].oldest_reader)


def _is_number(said: object) -> bool:
    """Return whether this is the number of a schema, as a migration is called: a file may hold anything."""
    return isinstance(said, str) and re.fullmatch("[0-9]{4,9}", said) is not None and int(said) > 0


def create(connection: sa.Connection) -> Version:
    """Make all tables in one transaction, unless another process has just done so.

    Args:
        connection: Where no transaction has begun.

    Raises:
        NotARegistryError: If the database holds somebody else's tables; they are left as they are.
    """
    refuse_strange(connection)  # before the journal mode, which stays
    if connection.dialect.name == "sqlite":
        sqlite.choose_journal(connection)
    begin_change(connection)
    try:
        version = read(connection)
        if version is None:
            refuse_strange(connection)
            TABLE.create(connection)
            METADATA.create_all(connection)
            version = Version(NUMBER, OLDEST_READER)
            row = {"version_num": f"{version.number:04d}", "oldest_reader": version.oldest_reader}
            connection.execute(sa.insert(TABLE).values(row))
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return version


def begin_change(connection: sa.Connection) -> None:
    """Begin a transaction that changes tables; of all processes that want to, one goes first.

    Raises:
        DatabaseBusyError: If another writer, or another change, does not end in time.
    """
    backends.get(connection.dialect).begin_change(connection, _CHANGE_KEY)


def refuse_strange(connection: sa.Connection) -> None:
    """Leave a database alone that holds somebody else's tables.

    Raises:
        NotARegistryError: If it does.
    """
    _refuse(connection.engine.url, sa.inspect(connection).get_table_names())


def refuse_strange_file(engine: sa.Engine) -> None:
    """Do the same before a SQLite file is opened to write: closing it may already change it.

    Raises:
        NotARegistryError: As `refuse_strange`.
    """
    if engine.dialect.name == "sqlite" and not urls.is_in_memory(engine.url):
        _refuse(engine.url, sqlite.table_names(engine.url))


def _refuse(url: sa.URL, tables: list[str]) -> None:
    if tables and TABLE.name not in tables:
        msg = f"{error_translation.describe(url)} is not a registry: it holds {_some(tables)}"
        fix = "name a new file or an empty database; for your own tables: ln.Session(engine) or ln.connect(engine)"
        raise errors.NotARegistryError(msg, fix=fix)


def refuse_newer(name: str, version: Version) -> None:
    """Leave the tables of a database alone that no longer serve this release.

    Raises:
        SchemaVersionError: If they do not.
    """
    if version.oldest_reader > NUMBER:
        msg = (
            f"{name} has schema {version.number}, which needs a release that knows schema "
            f"{version.oldest_reader}; this one knows {NUMBER}"
        )
        raise errors.SchemaVersionError(msg, fix="pip install --upgrade ln-jupyter")


def _some(tables: list[str]) -> str:
    more = f" and {len(tables) - 3} more tables" if len(tables) > 3 else ""  # noqa: PLR2004
    return ", ".join(map(repr, sorted(tables)[:3])) + more
