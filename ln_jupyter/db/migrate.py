"""Bring an older registry to this release's tables; alembic does the work."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ln_jupyter import errors
from ln_jupyter.db import faults, registry, transactions

if TYPE_CHECKING:
    import sqlalchemy as sa
    from alembic.config import Config

MIGRATIONS = Path(__file__).with_name("migrations")


@dataclass(frozen=True)
class Migration:
    """What was done, or would be.

    Attributes:
        database: Its name, without a password.
        before: The schema it had; 0 if it was empty.
        after: The schema it has now, or would have.
        backup: The copy made before; None if none was needed.
    """

    database: str
    before: int
    after: int
    backup: Path | None = None

    def __str__(self) -> str:
        if self.before == self.after:
            return f"{self.database} has schema {self.after} already"
        kept = f"; the file as it was: {self.backup}" if self.backup else ""
        return f"{self.database}: schema {self.before} -> {self.after}{kept}"


def upgrade(engine: sa.Engine, *, dry_run: bool = False, migrations: Path = MIGRATIONS) -> Migration:
    """Upgrade a registry to the newest schema, all of it or nothing.

    Args:
        engine: The registry's, made by us from a URL.
        dry_run: Say what would be done, and do nothing.
        migrations: The folder of alembic's environment and the revisions.

    Raises:
        NotARegistryError: If the database holds somebody else's tables.
        SchemaVersionError: If a newer release made it.
    """
    from alembic.script import ScriptDirectory

    config = _config(migrations)
    newest = int(ScriptDirectory.from_config(config).get_current_head() or 0)
    name = faults.describe(engine.url)
    found = None
    if not _is_missing(engine):  # connecting would make the file
        with engine.connect() as connection:
            found = registry.read(connection)
    if found is None:
        if not dry_run:
            registry.create(engine)
        return Migration(name, 0, registry.NUMBER)
    if found.number > newest:
        msg = f"{name} has schema {found.number}, made by a newer release; this one knows {newest}"
        raise errors.SchemaVersionError(msg, fix="pip install --upgrade ln-jupyter")
    if found.number == newest or dry_run:
        return Migration(name, found.number, newest)
    backup = _back_up(engine, found.number)
    run(engine, "upgrade", "head", migrations=migrations)
    return Migration(name, found.number, newest, backup)


def run(engine: sa.Engine, command: str, revision: str, *, migrations: Path = MIGRATIONS) -> None:
    """Run one of alembic's commands in one transaction.

    The connection is handed over, never the URL: alembic would put a password into an error.
    """
    from alembic import command as commands

    config = _config(migrations)
    with engine.connect() as connection:
        transactions.begin(connection)
        config.attributes["connection"] = connection
        getattr(commands, command)(config, revision)
        connection.commit()


def _is_missing(engine: sa.Engine) -> bool:
    file = engine.url.database
    return engine.dialect.name == "sqlite" and file not in (None, "", ":memory:") and not Path(str(file)).exists()


def _config(migrations: Path) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return config


def _back_up(engine: sa.Engine, number: int) -> Path | None:
    """Copy a SQLite file by its own backup, which a writer cannot tear."""
    if engine.dialect.name != "sqlite" or engine.url.database in (None, "", ":memory:"):
        return None
    source = Path(str(engine.url.database))
    target = source.with_name(f"{source.name}.schema-{number}.backup")
    counter = 1
    while target.exists():
        counter += 1
        target = source.with_name(f"{source.name}.schema-{number}.backup-{counter}")
    target.touch(mode=0o600, exist_ok=False)
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)
    return target
