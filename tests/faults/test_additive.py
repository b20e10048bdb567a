"""A revision that says it is additive is: an older release finds all that it knows, and may leave out what it does not."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from ln_jupyter.db import engines
from ln_jupyter.registry import migrate, schema_version
from tests.conftest import Statements
from tests.faults import releases

if TYPE_CHECKING:
    from pathlib import Path

Tables = dict[str, dict[str, Any]]


def look(connection: sa.Connection) -> Tables:
    """Describe every table by what an older release depends on."""
    inspector = sa.inspect(connection)
    return {
        name: {
            "columns": {column["name"]: column for column in inspector.get_columns(name)},
            "key": inspector.get_pk_constraint(name)["constrained_columns"],
            "references": releases.references(connection, name),
            "unique": {tuple(each["column_names"]) for each in inspector.get_unique_constraints(name)}
            | {tuple(each["column_names"]) for each in inspector.get_indexes(name) if each["unique"]},
            "checks": {each["sqltext"] for each in inspector.get_check_constraints(name)},
        }
        for name in inspector.get_table_names()
        if name != schema_version.TABLE.name
    }


def _is_unknown_to(old: dict[str, Any], reference: tuple[Any, ...]) -> bool:
    """Say whether a reference is of new columns alone, and goes with the row it is to: then nobody has to know it."""
    return reference[-1] == "SET NULL" and old["columns"].keys().isdisjoint(reference[0])


def not_additive(before: Tables, after: Tables) -> list[str]:
    """Say what an older release, which knows the tables before, would stumble over."""
    found = [f"the table {name} is gone" for name in before if name not in after]
    for name, old in before.items():
        new = after.get(name, old)
        new = new | {"references": {each for each in new["references"] if not _is_unknown_to(old, each)}}
        for column, was in old["columns"].items():
            now = new["columns"].get(column)
            if now is None:
                found.append(f"the column {name}.{column} is gone")
            elif any(str(was[each]) != str(now[each]) for each in ("type", "nullable", "default")):
                found.append(f"the column {name}.{column} changed")
        found += [
            f"the column {name}.{column} must be given"
            for column, now in new["columns"].items()
            if column not in old["columns"] and not now["nullable"] and now["default"] is None
        ]
        found += [
            f"{kind} of {name} changed" for kind in ("key", "references", "unique", "checks") if old[kind] != new[kind]
        ]
    found += [
        f"rows of {reference[1]} cannot be deleted while {name} refers to them"
        for name in after.keys() - before.keys()
        for reference in after[name]["references"]
        if reference[1] in before and reference[-1] not in ("CASCADE", "SET NULL")
    ]
    return found


def steps(engine: sa.Engine) -> list[tuple[int, int, Tables]]:
    """Run every revision, and describe what each made: its number, the oldest reader it declares, the tables."""
    config = migrate._config()
    revisions = [*ScriptDirectory.from_config(config).walk_revisions()][::-1]
    made = []
    with engine.connect() as connection, migrate._references_unchecked(connection):
        for revision in revisions:
            schema_version.begin_change(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, revision.revision)
            connection.commit()
            made.append((int(revision.revision), revision.module.oldest_reader, look(connection)))
    return made


def test_revisions_are_what_they_say(url: sa.URL) -> None:
    """A revision keeps the oldest reader if it is additive, and else leaves out all who do not know it."""
    made = steps(engines.resolve(url))

    assert [*range(1, schema_version.NUMBER + 1)] == [number for number, _, _ in made]
    for (_, served, before), (number, serves, after) in itertools.pairwise(made):
        found = not_additive(before, after)
        assert serves == number if found else serves in (served, number), (number, found)


def test_an_additive_revision_is_seen_as_one(url: sa.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New tables, and new columns that may be left out, are nothing to stumble over."""
    releases.make(tmp_path, releases.ADDITIVE, oldest_reader=schema_version.OLDEST_READER).become(monkeypatch)

    *_, before, after = steps(engines.resolve(url))

    assert [] == not_additive(before[-1], after[-1])


def sent_by_upgrade(url: sa.URL) -> list[str]:
    """Upgrade a file of schema 2, and give what is sent but reads nothing, in capitals and with one space between words."""
    releases.restore(releases.RELEASED / "schema_2.sqlite.sql", url)
    engine = engines.resolve(url)
    sent = Statements(engine)
    migrate.upgrade(engine)
    words = [" ".join(statement.upper().split()) for statement in sent]
    return [each for each in words if not each.startswith(("SELECT", "PRAGMA", "BEGIN", "UPDATE LN_SCHEMA"))]


_GROWS_ONLY = re.compile(r"CREATE (TABLE|INDEX) (LN|IX_LN)_|ALTER TABLE \w+ ADD COLUMN ")


def test_an_upgrade_copies_no_table(sqlite_url: sa.URL) -> None:
    """A file with however many runs is upgraded in seconds: tables, columns and indexes are added, and no row is written."""
    sent = sent_by_upgrade(sqlite_url)

    assert sent
    assert [] == [each for each in sent if not _GROWS_ONLY.match(each)]


def test_a_copied_table_is_seen(sqlite_url: sa.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a revision that changes a column, for which SQLite copies the table, is found."""
    column = NOT_ADDITIVE["the column ln_file.size changed"]
    releases.make(tmp_path, column, oldest_reader=releases.NUMBER).become(monkeypatch)

    sent = sent_by_upgrade(sqlite_url)

    assert [each for each in sent if each.startswith("INSERT INTO _ALEMBIC_TMP_LN_FILE")]
    assert [each for each in sent if not _GROWS_ONLY.match(each)]


NOT_ADDITIVE = {
    "the table ln_run_input is gone": 'op.drop_table("ln_run_input")',
    "the column ln_user.name is gone": """
with op.batch_alter_table("ln_user") as batch:
    batch.drop_column("name")
""",
    "the column ln_user.name changed": """
with op.batch_alter_table("ln_user") as batch:
    batch.alter_column("name", nullable=False, existing_type=sa.String)
""",
    "the column ln_file.size changed": """
with op.batch_alter_table("ln_file") as batch:
    batch.alter_column("size", type_=sa.Float, existing_type=sa.BigInteger)
""",
    "the column ln_user.mood must be given": """
with op.batch_alter_table("ln_user") as batch:
    batch.add_column(sa.Column("mood", sa.String, nullable=False))
""",
    "unique of ln_pipeline changed": 'op.create_index("once", "ln_pipeline", ["name"], unique=True)',
    "references of ln_run changed": """
with op.batch_alter_table("ln_run") as batch:
    batch.create_foreign_key("to_file", "ln_file", ["external_id"], ["id"], ondelete="SET NULL")
""",
    "references of ln_pipeline changed": """
with op.batch_alter_table("ln_pipeline") as batch:
    batch.add_column(sa.Column("file_id", sa.String))
    batch.create_foreign_key("to_file", "ln_file", ["file_id"], ["id"])
""",
    "checks of ln_file changed": """
with op.batch_alter_table("ln_file") as batch:
    batch.create_check_constraint("is_not_empty", "size > 0")
""",
    "key of ln_executed_cell changed": """
op.drop_table("ln_executed_cell")
op.create_table(
    "ln_executed_cell",
    sa.Column("run_id", sa.String, sa.ForeignKey("ln_run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("cell_id", sa.String),
    sa.Column("source_hash", sa.String),
    sa.Column("started_at", sa.DateTime, nullable=False),
    sa.Column("seconds", sa.Double),
    sa.Column("ok", sa.Boolean),
    sa.Column("number", sa.Integer),
    sa.Column("error_type", sa.String),
    sa.Column("error_message", sa.String),
    sa.Column("error_line", sa.Integer),
    sa.Column("text_id", sa.BigInteger, sa.ForeignKey("ln_text.id", ondelete="SET NULL")),
)
""",
    "rows of ln_run cannot be deleted while ln_tag refers to them": """
op.create_table("ln_tag", sa.Column("run_id", sa.String, sa.ForeignKey("ln_run.id"), primary_key=True))
""",
}


@pytest.mark.parametrize("said", NOT_ADDITIVE)
def test_what_is_not_additive_is_seen(
    sqlite_url: sa.URL, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: each kind of change that an older release would stumble over is found, and named."""
    releases.make(tmp_path, NOT_ADDITIVE[said], oldest_reader=releases.NUMBER).become(monkeypatch)

    *_, before, after = steps(engines.resolve(sqlite_url))

    assert [said] == not_additive(before[-1], after[-1])
