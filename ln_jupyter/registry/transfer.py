"""A registry moves to another database: every row of one moment, in one transaction, compared before it is kept."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import advice, errors
from ln_jupyter.db import error_translation, limits, transactions
from ln_jupyter.db.sqlite import errors as sqlite_errors
from ln_jupyter.registry import check, schema_version
from ln_jupyter.schema import Base

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_CHUNK = 1000
"""Rows in memory at once."""


_EXACT = 2**53
"""Beyond it a JSON number may come back from PostgreSQL as an integer where it was a float."""


@dataclass(frozen=True)
class Copied:
    """What was copied.

    Attributes:
        source: The database it was copied from, without a password.
        target: The database it was copied to.
        rows: How many of each table.
        left: Tables beside the registry's, which were not copied.
    """

    source: str
    target: str
    rows: dict[str, int]
    left: tuple[str, ...]


@limits.bounded(limits.LONG_SECONDS)
def copy(source: sa.Engine, target: sa.Engine) -> Copied:
    """Copy a registry into an empty database, between SQLite and PostgreSQL in any direction.

    What is copied is the source of one moment, whoever writes to it meanwhile; it is not
    changed. Ids, revisions and times stay. In the target there is one transaction, which is
    kept if each table then reads as it did in the source.

    Args:
        source: The registry, of this release's schema.
        target: A database without tables, or a registry without rows.

    Raises:
        SchemaVersionError: If the source is of another schema.
        NotARegistryError: If the source is none, or the target holds somebody else's tables.
        CopyError: If the target holds rows, cannot hold what is in the source, or reads
            differently; nothing is written.
    """
    _refuse_missing(source)
    ours = Base.metadata.sorted_tables
    with source.connect() as reader:
        transactions.begin_snapshot(reader)
        left = _check(reader, ours)
        check.ensure(target)
        with target.connect() as writer:
            transactions.begin(writer)
            _refuse_rows(writer, ours)
            total = sum(reader.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in ours)
            with advice.progress("copying", 2 * total) as advance:
                sent = {table.name: _insert(reader, writer, table, advance) for table in ours}
                for table in ours:
                    _compare(writer, table, sent[table.name], advance)
            writer.commit()
    rows = {name: digest.rows for name, digest in sent.items()}
    return Copied(error_translation.describe(source.url), error_translation.describe(target.url), rows, left)


def _refuse_missing(source: sa.Engine) -> None:
    if source.dialect.name == "sqlite" and not Path(source.url.database or "").is_file():  # connecting would make it
        msg = f"there is no registry at {error_translation.describe(source.url)}"
        raise errors.DatabaseUnavailableError(msg, fix="name the registry to copy first, and then the empty database")


def _check(connection: sa.Connection, ours: Sequence[sa.Table]) -> tuple[str, ...]:
    """Refuse a registry of which this release would not copy everything; give the tables that are not its own."""
    name = error_translation.describe(connection.engine.url)
    version = schema_version.read(connection)
    if version is None:
        msg = f"{name} is not a registry"
        raise errors.NotARegistryError(msg, fix="name the registry to copy first, and then the empty database")
    if version.number < schema_version.NUMBER:
        msg = f"{name} has schema {version.number}, and this release copies {schema_version.NUMBER}"
        raise errors.SchemaVersionError(msg, fix="migrate it first: ln-jupyter migrate --db URL")
    inspector = sa.inspect(connection)
    unknown = [
        f"{table.name}.{column['name']}"
        for table in ours
        for column in inspector.get_columns(table.name)
        if column["name"] not in table.columns
    ]
    if version.number > schema_version.NUMBER or unknown:
        found = (
            f"columns that this release does not know: {', '.join(unknown)}" if unknown else "tables of a newer release"
        )
        msg = f"{name} has {found} (schema {version.number}; this release copies {schema_version.NUMBER})"
        raise errors.SchemaVersionError(msg, fix="copy it with that release: pip install --upgrade ln-jupyter")
    known = {schema_version.TABLE.name, *(table.name for table in ours)}
    return tuple(sorted(table for table in inspector.get_table_names() if table not in known))


def _refuse_rows(connection: sa.Connection, ours: Sequence[sa.Table]) -> None:
    used = [table.name for table in ours if connection.scalar(sa.select(sa.select(table).exists()))]
    if used:
        msg = f"{error_translation.describe(connection.engine.url)} is not empty: it holds rows in {', '.join(used)}"
        raise errors.CopyError(msg, fix="name a new file or an empty database; registries are not merged")


def _insert(reader: sa.Connection, writer: sa.Connection, table: sa.Table, advance: Callable[[int], object]) -> _Digest:
    """Send the rows of a table; those that refer to rows of the same table learn it when all are there."""
    digest = _Digest()
    later = {key.parent.name for key in table.foreign_keys if key.references(table)}
    for chunk in _chunks(reader, table, sa.select(table)):
        for row in chunk:
            digest.add(row)
        _send(writer, sa.insert(table), [{**row, **dict.fromkeys(later)} for row in chunk], table)
        advance(len(chunk))
    if later:
        key = [column.name for column in table.primary_key]
        update = sa.update(table).where(*(table.c[name] == sa.bindparam(f"of_{name}") for name in key))
        refers = sa.select(*(table.c[name] for name in (*key, *later))).where(
            sa.or_(*(table.c[name].is_not(None) for name in later))
        )
        for chunk in _chunks(reader, table, refers):
            values = [
                {**{f"of_{name}": row[name] for name in key}, **{name: row[name] for name in later}} for row in chunk
            ]
            _send(writer, update.values({name: sa.bindparam(name) for name in later}), values, table)
    return digest


def _send(writer: sa.Connection, statement: Any, rows: list[dict[str, Any]], table: sa.Table) -> None:
    try:
        with writer.begin_nested():
            writer.execute(statement, rows)
    except (sa.exc.IntegrityError, sa.exc.DataError, UnicodeError) as error:
        if len(rows) > 1:  # of rows sent together, no driver says which
            for row in rows:
                _send(writer, statement, [row], table)
            return
        key = ", ".join(f"{c.name}={rows[0].get(f'of_{c.name}', rows[0].get(c.name))!a}" for c in table.primary_key)
        msg = f"{error_translation.describe(writer.engine.url)} cannot hold the row of {table.name} with {key}: {_said(error)}"
        raise errors.CopyError(
            msg, fix="correct that row in the source, then copy again; nothing was written"
        ) from error


def _said(error: Exception) -> str:
    """Return the database's words in one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _compare(writer: sa.Connection, table: sa.Table, sent: _Digest, advance: Callable[[int], object]) -> None:
    found = _Digest()
    for chunk in _chunks(writer, table, sa.select(table)):
        for row in chunk:
            found.add(row)
        advance(len(chunk))
    if found != sent:
        name = error_translation.describe(writer.engine.url)
        what = f"{found.rows} rows for {sent.rows}" if found.rows != sent.rows else "other values"
        msg = f"{name} reads back {what} in {table.name}"
        raise errors.CopyError(msg, fix="let nobody else write to it meanwhile, and copy again; nothing was written")


def _chunks(connection: sa.Connection, table: sa.Table, statement: sa.Select[Any]) -> Iterator[list[dict[str, Any]]]:
    try:
        result = connection.execute(statement, execution_options={"yield_per": _CHUNK})
        for partition in result.mappings().partitions():
            yield [dict(row) for row in partition]
    except (sa.exc.DBAPIError, ValueError, errors.NotARegistryError, errors.DatabaseUnavailableError) as error:
        if isinstance(error, errors.DatabaseUnavailableError) and not sqlite_errors.is_undecodable(error.__cause__):
            raise
        msg = f"{error_translation.describe(connection.engine.url)} has a row in {table.name} that cannot be read: {_said(error)}"
        raise errors.CopyError(msg, fix="correct that row, then copy again; nothing was written") from error


@dataclass
class _Digest:
    """What the rows of a table are, in whatever order they are read."""

    rows: int = 0
    content: int = 0

    def add(self, row: dict[str, Any]) -> None:
        """Count a row."""
        text = "\0".join(map(_canonical, row.values()))
        self.rows += 1
        self.content = (self.content + int.from_bytes(hashlib.sha256(text.encode()).digest())) % 2**256


def _canonical(value: Any) -> str:
    """Write a value the same for every database that keeps it; PostgreSQL has its own way with numbers in JSON.

    Example:
        >>> _canonical({"b": 1e23, "a": -0.0}) == _canonical({"a": 0.0, "b": 10**23})
        True
        >>> _canonical(1) == _canonical(1.0)
        False
    """
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!a}:{_canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, int) and abs(value) > _EXACT:
        with contextlib.suppress(OverflowError):
            return ascii(float(value))
    return ascii(value + 0.0 if isinstance(value, float) else value)
