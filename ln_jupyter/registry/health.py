"""Whether the registry can be reached, whether it serves this release, and whether its disk is right for it."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ln_jupyter import advice, errors
from ln_jupyter.approval import registry_url
from ln_jupyter.db import engines, error_translation
from ln_jupyter.db.sqlite import engine as sqlite
from ln_jupyter.db.sqlite import errors as sqlite_errors
from ln_jupyter.db.sqlite import filesystems
from ln_jupyter.queries import rows
from ln_jupyter.registry import look, schema_version
from ln_jupyter.registry.finding import Finding
from ln_jupyter.schema.tables import METADATA

_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_AT_ONCE = 1_000  # rows
_FROM_A_BACKUP = "go on from a backup, or correct the value with sqlite3"
_WHY_READ_ONLY = "it is a standby, or default_transaction_read_only is on"


@dataclass(frozen=True)
class Registry:
    """What could be found out about a registry.

    Attributes:
        database: Its file, or its URL without a password.
        exists: Whether there is one; None if that cannot be known.
        schema: Its number.
        oldest_reader: The smallest schema number that a release must know to use it.
        journal: SQLite's journal mode.
        filesystem: Of a SQLite file's folder.
    """

    database: str
    exists: bool | None = None
    schema: int | None = None
    oldest_reader: int | None = None
    journal: str | None = None
    filesystem: str | None = None


def describe(registry: registry_url.RegistryUrl) -> str:
    """Name a registry for people, and say if it may not be used; one that cannot be read may hold a password."""
    try:
        name = error_translation.describe(registry.asked)
    except errors.InvalidUrlError:
        return "(not shown: it cannot be read)"
    return name if registry.is_approved else f"{name} (not approved)"


def examine(url: str) -> tuple[Registry, list[Finding]]:
    """Look at a registry, and make nothing."""
    name = describe(registry_url.RegistryUrl(text=url))
    try:
        engine = engines.resolve(url)
        version = look.version(engine)
        file = Path(engine.url.database or "").absolute() if engine.dialect.name == "sqlite" else None
        journal = _journal(engine) if file is not None and version is not None else None
    except (errors.LnJupyterError, sa.exc.DBAPIError) as error:
        return Registry(name), [Finding.of_error("registry", error)]
    filesystem = None if file is None else filesystems.kind_of(file.parent)
    findings = [_finding_of_none(engine, name, file) if version is None else _finding(engine, name, file)]
    if filesystems.is_shared(filesystem):
        text = f"{name} is on a network filesystem ({filesystem}), where SQLite's locks may fail"
        fix = "keep it on a local disk, or use PostgreSQL for a team: LN_JUPYTER_URL=postgresql://user@host/database"
        findings.append(Finding("filesystem", "hint", text, fix))
        if journal == "wal":
            text = f"{name} has a WAL, which needs memory that machines do not share"
            fix = f"end whatever uses it, then: sqlite3 {shlex.quote(name)} 'PRAGMA journal_mode=DELETE'"
            findings.append(Finding("journal", "hint", text, fix))
    elif journal not in (None, "wal", "memory") and file is not None and not sqlite.is_read_only(engine.url):
        text = f"{name} has the journal mode {journal!r}: readers and a writer wait for each other"
        findings.append(Finding("journal", "hint", text, f"sqlite3 {shlex.quote(name)} 'PRAGMA journal_mode=WAL'"))
    if version is None:
        return Registry(name, exists=False, filesystem=filesystem), findings
    if version.number < schema_version.NUMBER:
        text = (
            f"{name} has schema {version.number}; its next use copies the file and brings it to {schema_version.NUMBER}"
        )
        findings.append(Finding("schema", "hint", text, "to see what would be done: ln-jupyter migrate --dry-run"))
    return Registry(name, True, version.number, version.oldest_reader, journal, filesystem), findings  # noqa: FBT003


def can_be_made(folder: Path) -> bool:
    """Return whether a folder may be written to, or could be made."""
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _finding(engine: sa.Engine, name: str, file: Path | None) -> Finding:
    """Judge a registry that is there, and serves this release."""
    if engine.dialect.name == "postgresql" and (missing := _missing_rights(engine)):
        role = f'"{engine.url.username}"' if engine.url.username else "YOUR_ROLE"
        fix = f"ask its owner: GRANT {', '.join(_RIGHTS)} ON ALL TABLES IN SCHEMA public TO {role}"
        return Finding("registry", "broken", f"{name} does not let you {', '.join(missing)} in all of its tables", fix)
    if _is_read_only_server(engine):
        fix = "name the server that is written to, for header() and whatever else writes"
        return Finding("registry", "hint", f"{name} serves this release, to be read: {_WHY_READ_ONLY}", fix)
    if file is not None and (damage := _damage(engine)) is not None:
        return Finding.of_error("registry", damage)
    if file is None or sqlite.is_read_only(engine.url):
        how = "" if file is None else ", to be read"
        return Finding("registry", "ok", f"{name} serves this release{how}")
    if not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
        fix = "make the file and its folder writable, or use another registry: LN_JUPYTER_URL"
        return Finding("registry", "broken", f"{name} may only be read", fix)
    return Finding("registry", "ok", f"{name} serves this release")


def _finding_of_none(engine: sa.Engine, name: str, file: Path | None) -> Finding:
    if _is_read_only_server(engine):
        fix = "name the server that is written to; the first header() makes it there"
        return Finding("registry", "broken", f"{name} is not there and cannot be made: {_WHY_READ_ONLY}", fix)
    if file is None or can_be_made(file.parent):
        return Finding("registry", "ok", f"{name} is not there yet; the first header() makes it")
    fix = "make its folder writable, or use another registry: LN_JUPYTER_URL"
    return Finding("registry", "broken", f"{name} is not there and cannot be made", fix)


def _is_read_only_server(engine: sa.Engine) -> bool:
    if engine.dialect.name != "postgresql":
        return False
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() == "on")


def _missing_rights(engine: sa.Engine) -> list[str]:
    """Name what the user may not do in some table of a registry in PostgreSQL."""
    relation: sa.ColumnClause[int] = sa.column("oid")
    catalog = sa.table("pg_class", relation, sa.column("relname"))
    may = [sa.func.bool_and(sa.func.has_table_privilege(relation, right)) for right in _RIGHTS]
    found = (
        sa.select(*may)
        .where(catalog.c.relname.in_(METADATA.tables), sa.func.pg_table_is_visible(relation))
        .select_from(catalog)
    )
    with engine.connect() as connection:
        return [right for right, is_given in zip(_RIGHTS, connection.execute(found).one(), strict=True) if not is_given]


def _damage(engine: sa.Engine) -> errors.LnJupyterError | None:
    """Read the whole file, as no other command does."""
    try:
        with engine.connect() as connection:
            if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() != "ok":
                return error_translation.error_of(engine.url, sqlite_errors.damaged(engine.url))
            there = {  # an older registry lacks some
                f"{table}.{each['name']}"
                for (_, table), columns in sa.inspect(connection).get_multi_columns().items()
                for each in columns
            }
            known = [each for table in METADATA.sorted_tables for each in table.columns if str(each) in there]
            with advice.progress("reading", len(known), unit=" columns") as advance:
                for column in known:
                    _look(connection, column)
                    advance(1)
    except errors.LnJupyterError as error:
        return error
    return None


def _look(connection: sa.Connection, column: sa.Column[Any]) -> None:
    """Read a column: SQLite keeps in it whatever it is given.

    Raises:
        NotARegistryError: If there is something that it cannot have.
    """
    name = f"{error_translation.describe(connection.engine.url)}, {column}"
    try:
        for value in connection.execution_options(yield_per=_AT_ONCE).scalars(sa.select(column)):
            if value is None and not column.nullable:
                raise errors.NotARegistryError("the registry has nothing where a value is to be", fix=_FROM_A_BACKUP)
            rows.check(column, value)
    except errors.LnJupyterError as error:
        raise errors.NotARegistryError(f"{name}: {error}", fix=_FROM_A_BACKUP) from error


def _journal(engine: sa.Engine) -> str:
    with engine.connect() as connection:
        return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
