"""Releases that are not out yet, by revisions which only the tests bring; and what released ones have left behind."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ln_jupyter.approval import urls
from ln_jupyter.db import engines
from ln_jupyter.registry import migrate, schema_version
from ln_jupyter.schema.tables import METADATA

RELEASED = Path(__file__).with_name("released")

ADDITIVE = """
op.add_column("ln_run", sa.Column("mood", sa.String))
op.add_column("ln_run", sa.Column("stars", sa.Integer, nullable=False, server_default="3"))
op.create_table(
    "ln_tag",
    sa.Column("run_id", sa.String, sa.ForeignKey("ln_run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("word", sa.String, primary_key=True),
)
op.create_index("ix_ln_run_mood", "ln_run", ["mood"])
"""

NOT_ADDITIVE = """
op.drop_index("ix_ln_run_external_id", "ln_run")
with op.batch_alter_table("ln_run") as batch:
    batch.alter_column("name", new_column_name="label", existing_type=sa.String)
    batch.drop_column("external_id")
"""

NUMBER = schema_version.NUMBER + 1


@dataclass(frozen=True)
class Release:
    """The release after this one, which differs in one revision.

    Attributes:
        migrations: Its folder.
        oldest_reader: As its newest revision declares.
    """

    migrations: Path
    oldest_reader: int

    def become(self, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
        """Let this process be that release; for good, where nobody undoes it."""
        patch = setattr if monkeypatch is None else monkeypatch.setattr
        patch(migrate, "MIGRATIONS", self.migrations)
        patch(schema_version, "NUMBER", NUMBER)
        patch(schema_version, "OLDEST_READER", self.oldest_reader)

    def upgrade(self, url: str | sa.URL, *, dry_run: bool = False) -> migrate.Migration:
        """Do what `ln-jupyter migrate` of that release does, by connections of its own."""
        parsed = urls.parse(url)
        engine = engines.create(parsed)
        try:
            with pytest.MonkeyPatch.context() as monkeypatch:
                self.become(monkeypatch)
                return migrate.upgrade(engine, dry_run=dry_run)
        finally:
            engine.dispose()


def make(folder: Path, upgrade: str, *, oldest_reader: int) -> Release:
    """Make the release whose revision does this *upgrade*."""
    versions = folder / "migrations with spaces and 100%" / "versions"
    versions.mkdir(parents=True)
    for file in (migrate.MIGRATIONS / "versions").glob("0*.py"):
        (versions / file.name).write_text(file.read_text())
    (versions.parent / "env.py").write_text((migrate.MIGRATIONS / "env.py").read_text())
    heading = f'revision, down_revision, oldest_reader = "{NUMBER:04}", "{NUMBER - 1:04}", {oldest_reader}'
    body = "\n    ".join(upgrade.strip().splitlines())
    text = f"import sqlalchemy as sa\nfrom alembic import op\n{heading}\ndef upgrade():\n    {body}\n"
    (versions / f"{NUMBER:04}_next.py").write_text(text)
    return Release(versions.parent, oldest_reader)


def references(connection: sa.Connection, table: str) -> set[tuple[Any, ...]]:
    """Describe the references of a table: its columns, the table and columns they are to, and what a deletion does."""
    if connection.dialect.name != "sqlite":
        return {
            (
                tuple(key["constrained_columns"]),
                key["referred_table"],
                tuple(key["referred_columns"]),
                key["options"].get("ondelete"),
            )
            for key in sa.inspect(connection).get_foreign_keys(table)
        }
    # SQLAlchemy reads from the text of the table what a deletion does, and not of a reference that a column has
    rows = connection.execute(sa.text("SELECT * FROM pragma_foreign_key_list(:of) ORDER BY id, seq"), {"of": table})
    found = [list(group) for _, group in itertools.groupby(rows, key=lambda row: row.id)]
    return {
        (
            tuple(row[3] for row in key),
            key[0].table,
            tuple(row.to for row in key),
            None if key[0].on_delete == "NO ACTION" else key[0].on_delete,
        )
        for key in found
    }


def differences_to_the_models(engine: sa.Engine) -> list[Any]:
    """Say where the tables of a registry are others than this release would make."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        options = {"version_table": schema_version.TABLE.name, "compare_server_default": True}
        found = list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))
        if connection.dialect.name == "sqlite":
            found = [each for each in found if "_fk" not in each[0]]  # which it cannot see: see above
        for table in METADATA.tables.values():
            expected = {
                (
                    tuple(key.column_keys),
                    key.referred_table.name,
                    tuple(element.column.name for element in key.elements),
                    key.ondelete,
                )
                for key in table.foreign_key_constraints
            }
            if expected != (there := references(connection, table.name)):
                found.append((table.name, expected ^ there))
        return found


def restore(dump: Path, url: sa.URL) -> None:
    """Make the registry that a release has left behind."""
    text = dump.read_text(encoding="utf-8")
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(url.database or "")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(text)
        return
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(text)
