"""Bring an older registry to this release's tables, all of it or nothing; alembic does the work."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from ln_jupyter import errors
from ln_jupyter.approval import urls
from ln_jupyter.db import backends, engines, error_translation, limits
from ln_jupyter.registry import backup, schema_version

if TYPE_CHECKING:
    from collections.abc import Iterator

MIGRATIONS = Path(__file__).with_name("migrations")
"""The folder of alembic's environment and the revisions."""


@dataclass(frozen=True)
class Migration:
    """What was done, or would be.

    Attributes:
        database: Its name, without a password.
        before: The schema it had; 0 if it was empty.
        after: The schema it has now, or would have.
        oldest_reader: The smallest schema number that a release must know to use it afterwards.
        backup: The copy of a SQLite file as it was before; None if none is needed.
    """

    database: str
    before: int
    after: int
    oldest_reader: int
    backup: Path | None = None

    @property
    def is_needed(self) -> bool:
        """Whether there is something to do."""
        return self.before != self.after

    @property
    def is_additive(self) -> bool:
        """Whether releases that use the registry as it was can go on using it."""
        return self.before == 0 or self.before >= self.oldest_reader

    def __str__(self) -> str:
        if not self.is_needed:
            return f"{self.database} has schema {self.after} already"
        change = f"{self.database}: schema {self.before} -> {self.after}"
        if self.before == 0:
            return change
        whom = f"additive, releases that know schema {self.before} can go on using it"
        if not self.is_additive:
            whom = f"not additive, from then on it needs releases that know schema {self.oldest_reader}"
        kept = f"; the file as it was: {self.backup}" if self.backup else ""
        return f"{change} ({whom}){kept}"


@limits.bounded(limits.LONG_SECONDS)
def upgrade(engine: sa.Engine, *, dry_run: bool = False) -> Migration:
    """Upgrade a registry to the newest schema, or make it.

    Args:
        engine: The registry's, made by us from a URL.
        dry_run: Say what would be done, and do nothing.

    Raises:
        NotARegistryError: If the database holds somebody else's tables.
        SchemaVersionError: If a newer release made it, and it does not serve this one.
        DatabaseBusyError: If others do not end their work on it in time.
        CopyError: If a SQLite file cannot be copied first; nothing is changed.
    """
    if dry_run and _is_missing(engine):  # connecting would make the file
        return _plan(error_translation.describe(engine.url), None)
    with engine.connect() as connection:
        version = schema_version.read(connection)
        if version is None:
            schema_version.refuse_strange(connection)
            if not dry_run:
                schema_version.create(connection)
        elif not dry_run:
            return apply(connection)
        return _look(connection, version)


def apply(connection: sa.Connection) -> Migration:
    """Upgrade the registry of a connection, in one transaction, unless another process has just done so.

    Args:
        connection: Of an engine of ours, where no transaction has begun.

    Raises:
        DatabaseError: As `upgrade`.
    """
    with _references_unchecked(connection):
        schema_version.begin_change(connection)
        plan = None
        try:
            plan = _look(connection, schema_version.read(connection))
            if plan.is_needed:
                _carry_out(connection, plan)
            connection.commit()
        except BaseException:
            connection.rollback()
            if plan is not None and plan.backup is not None:
                with contextlib.suppress(OSError):
                    plan.backup.unlink()  # the file itself is as it was
            raise
    return plan


def _look(connection: sa.Connection, version: schema_version.Version | None) -> Migration:
    """Say what an upgrade would do."""
    plan = _plan(error_translation.describe(connection.engine.url), version)
    file = _file(connection)
    if version is None or file is None or not plan.is_needed:
        return plan
    return replace(plan, backup=_free_name(file, plan.before))


def _plan(name: str, version: schema_version.Version | None) -> Migration:
    newest = ScriptDirectory.from_config(_config()).get_revision("head")
    number, oldest_reader = int(newest.revision), int(newest.module.oldest_reader)
    if version is None:
        return Migration(name, 0, number, oldest_reader)
    schema_version.refuse_newer(name, version)
    if version.number >= number:  # of a newer release, whose tables serve this one too
        return Migration(name, version.number, version.number, version.oldest_reader)
    return Migration(name, version.number, number, oldest_reader)


def _carry_out(connection: sa.Connection, plan: Migration) -> None:
    """Let alembic run the revisions that are missing.

    It is handed the connection, never the URL: it would put a password into an error.
    """
    file = _file(connection)
    if file is not None and plan.backup is not None:
        own = engines.create(sa.URL.create("sqlite", database=str(file)))  # the pool's connections may all be in use
        try:
            backup.back_up(own, plan.backup)
        except errors.CopyError as error:
            msg = f"{plan.database} was left as it is, because it could not be kept as it was: {error}"
            size = file.stat().st_size / 1e6
            fix = f"free {size:,.1f} MB where {file.parent} is, then run this again; you must be allowed to write there"
            raise errors.CopyError(msg, fix=fix) from error
        finally:
            own.dispose()
    dangling, before = _dangling(connection), set(sa.inspect(connection).get_table_names())
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    added = set(sa.inspect(connection).get_table_names()) - before
    backends.get(connection.dialect).share_tables(connection, "ln_run", sorted(added))
    connection.execute(sa.update(schema_version.TABLE).values(oldest_reader=plan.oldest_reader))
    new = _dangling(connection) - dangling
    if new:
        msg = f"the upgrade of {plan.database} was undone: rows of {', '.join(sorted(new))} would refer to nothing"
        raise errors.SchemaVersionError(msg, fix="go on with the release before, and report this")


def _dangling(connection: sa.Connection) -> Counter[str]:
    """Count the rows of each table that refer to rows that are not there; only SQLite has to be asked."""
    if connection.dialect.name != "sqlite":
        return Counter()
    return Counter(row.table for row in connection.exec_driver_sql("PRAGMA foreign_key_check"))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


@contextlib.contextmanager
def _references_unchecked(connection: sa.Connection) -> Iterator[None]:
    """Let SQLite replace a table without deleting the rows that refer to its rows."""
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")  # inside a transaction it does nothing
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _file(connection: sa.Connection) -> Path | None:
    """Return the SQLite file that is open, wherever the process has gone since."""
    if connection.dialect.name != "sqlite":
        return None
    file = next(row.file for row in connection.exec_driver_sql("PRAGMA database_list") if row.name == "main")
    return Path(file) if file else None


def _free_name(file: Path, number: int) -> Path:
    name, counter = f"{file.name}.schema-{number}.backup", 1
    target = file.with_name(name)
    while os.path.lexists(target):
        counter += 1
        target = file.with_name(f"{name}-{counter}")
    return target


def _is_missing(engine: sa.Engine) -> bool:
    is_file = engine.dialect.name == "sqlite" and not urls.is_in_memory(engine.url)
    return is_file and not Path(engine.url.database or "").exists()
