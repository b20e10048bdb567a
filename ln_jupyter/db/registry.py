"""Whether a database holds a registry, and of which release; a new one is made at once.

The table ``ln_schema`` has one row. ``version_num`` is the number of the last migration,
written by us or by alembic; ``oldest_reader`` is the smallest schema number a release may
know and still read and write these tables. Additive changes leave it alone, so one
upgraded environment does not lock the others out.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.db import faults, sqlite, transactions
from ln_jupyter.schema import Base

NUMBER = 1
"""The schema this release makes: the number of the newest migration."""

OLDEST_READER = 1

TABLE = sa.Table(
    "ln_schema",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), primary_key=True),
    sa.Column("oldest_reader", sa.Integer, nullable=False, server_default=str(OLDEST_READER)),
)

_CREATION_KEY = int.from_bytes(b"ln_new", "big")

_checked: weakref.WeakSet[sa.Engine] = weakref.WeakSet()
_held: weakref.WeakKeyDictionary[sa.Engine, bool] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Version:
    """What a registry says of its own tables."""

    number: int
    oldest_reader: int


def ensure(engine: sa.Engine) -> None:
    """Check once for each engine that its registry serves this release; make it if there is nothing.

    Raises:
        NotARegistryError: If the database holds somebody else's tables; they are left as they are.
        SchemaVersionError: If another release is needed, or ``ln-jupyter migrate``; nothing is written.
    """
    if engine in _checked:
        return
    with engine.connect() as connection:
        version = read(connection)
    if version is None:
        version = create(engine)
    _serve(engine, version)
    _checked.add(engine)


def holds(engine: sa.Engine) -> bool:
    """Say whether a database that is not ours to change holds a registry."""
    if engine not in _held:
        with engine.connect() as connection:
            _held[engine] = read(connection) is not None
    return _held[engine]


def read(connection: sa.Connection) -> Version | None:
    """Read the registry's version; None if the database holds none."""
    try:
        row = connection.execute(sa.select(TABLE)).one()
    except (sa.exc.OperationalError, sa.exc.ProgrammingError):
        connection.rollback()
        if not sa.inspect(connection).has_table(TABLE.name):
            return None
        row = connection.execute(sa.select(TABLE)).one()  # somebody made it in between
    return Version(int(row.version_num), row.oldest_reader)


def create(engine: sa.Engine) -> Version:
    """Make all tables in one transaction, unless another process has just done so."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            _refuse_strange_tables(connection)  # before the journal mode, which stays
            _use_wal(connection)
        transactions.begin(connection)
        if engine.dialect.name == "postgresql":
            # a snapshot older than the lock would not see what was made while we waited for it
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATION_KEY)))
        if not sa.inspect(connection).has_table(TABLE.name):
            _refuse_strange_tables(connection)
            TABLE.create(connection)
            Base.metadata.create_all(connection)
            connection.execute(sa.insert(TABLE).values(version_num=f"{NUMBER:04d}", oldest_reader=OLDEST_READER))
        version = read(connection)
        connection.commit()
    assert version is not None  # noqa: S101 - written or found just above, in this transaction
    return version


def _refuse_strange_tables(connection: sa.Connection) -> None:
    tables = sa.inspect(connection).get_table_names()
    if tables and TABLE.name not in tables:
        msg = f"{faults.describe(connection.engine.url)} is not a registry: it holds {_some(tables)}"
        fix = "name a new file or an empty database; for your own tables: ln.Session(engine) or ln.connect(engine)"
        raise errors.NotARegistryError(msg, fix=fix)


def _some(tables: list[str]) -> str:
    more = f" and {len(tables) - 3} more tables" if len(tables) > 3 else ""  # noqa: PLR2004
    return ", ".join(map(repr, sorted(tables)[:3])) + more


def _use_wal(connection: sa.Connection) -> None:
    """Let readers and a writer work side by side; the mode stays with the file."""
    if connection.engine.url.database in (None, "", ":memory:"):
        return
    transactions.wait_for_lock(connection, "PRAGMA journal_mode=WAL")
    sqlite.set_durability(connection.exec_driver_sql)


def _serve(engine: sa.Engine, version: Version) -> None:
    name = faults.describe(engine.url)
    if version.number > NUMBER and version.oldest_reader > NUMBER:
        msg = (
            f"{name} has schema {version.number}, which needs a release that knows schema "
            f"{version.oldest_reader}; this one knows {NUMBER}"
        )
        raise errors.SchemaVersionError(msg, fix="pip install --upgrade ln-jupyter")
    if version.number < NUMBER:
        msg = f"{name} has schema {version.number}, and this release works with {NUMBER}"
        raise errors.SchemaVersionError(msg, fix="ln-jupyter migrate")
