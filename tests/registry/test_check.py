"""A database becomes a registry once, and says which releases it serves."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines
from ln_jupyter.registry import check, migrate, schema_version
from tests.faults import releases


def test_the_check_is_one_statement_without_alembic(url: sa.URL) -> None:
    """A registry that is there costs one SELECT for each process, and alembic stays out."""
    check.ensure(engines.resolve(url))
    engines.dispose(url)
    engine = engines.resolve(url)
    sent: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _cur, sql, *_: sent.append(sql))
    probe = "import sys; import ln_jupyter as ln; ln.connect(sys.argv[1]); ln.select(ln.schema.Run).all(); assert 'alembic' not in sys.modules"

    check.ensure(engine)
    check.ensure(engine)

    assert len(sent) == 1
    subprocess.run([sys.executable, "-c", probe, url.render_as_string(hide_password=False)], check=True)


def test_a_registry_stays_known_while_a_new_connection_is_checked(
    sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other threads need no connection beside their own to know the registry again: a pooler may have none left."""
    engine = engines.resolve(sqlite_url)
    check.ensure(engine)
    engine.dispose()
    is_known: list[bool] = []
    read = schema_version.read
    monkeypatch.setattr(
        schema_version, "read", lambda connection: (is_known.append(engine in check.known()), read(connection))[1]
    )

    with engine.connect() as connection:
        check.check(connection, make=True)

    assert [True] == is_known


def test_a_newer_schema_that_still_serves_us_is_used(url: sa.URL) -> None:
    """Additive changes of a newer release do not lock this one out."""
    engine = engines.resolve(url)
    _write(engine, number=7, oldest_reader=1)
    ln.connect(url)

    ln.add(lns.Run(name="x"))

    assert ln.select(lns.Run).count() == 1
    ln.connect()


def test_a_newer_schema_that_does_not_serve_us_is_refused(url: sa.URL) -> None:
    """The error names both numbers and the way on, and nothing is written."""
    engine = engines.resolve(url)
    _write(engine, number=7, oldest_reader=6)
    ln.connect(url)

    with pytest.raises(errors.SchemaVersionError) as error:
        ln.add(lns.Run(name="x"))

    said = f"has schema 7, which needs a release that knows schema 6; this one knows {schema_version.NUMBER}"
    assert said in str(error.value)
    assert error.value.fix == "pip install --upgrade ln-jupyter"
    ln.connect()


def test_an_older_schema_names_the_command(url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade that is not additive is the user's decision: other releases may still use the registry."""
    monkeypatch.setattr(schema_version, "OLDEST_READER", schema_version.NUMBER)
    engine = engines.resolve(url)
    _write(engine, number=1, oldest_reader=1)
    ln.connect(url)

    with pytest.raises(errors.SchemaVersionError) as error:
        ln.select(lns.Run).all()

    assert error.value.fix.startswith("ln-jupyter migrate --db ")
    ln.connect()


def _write(engine: sa.Engine, *, number: int, oldest_reader: int) -> None:
    with engine.connect() as connection:
        schema_version.create(connection)
        connection.execute(
            sa.update(schema_version.TABLE).values(version_num=f"{number:04}", oldest_reader=oldest_reader)
        )
        connection.commit()


@pytest.mark.parametrize("rows", [[], ["one"], ["0001", "0002"]], ids=["none", "a word", "two"])
def test_a_version_that_cannot_be_read(url: sa.URL, rows: list[str]) -> None:
    """A registry that does not say which schema it has is not guessed at."""
    engine = engines.resolve(url)
    with engine.connect() as connection:
        schema_version.create(connection)
        connection.execute(sa.delete(schema_version.TABLE))
        for row in rows:
            connection.execute(sa.insert(schema_version.TABLE).values(version_num=row, oldest_reader=1))
        connection.commit()

    with pytest.raises(errors.NotARegistryError, match="does not say which schema it has"):
        check.ensure(engine)


# -- migrations ----------------------------------------------------------------------------------------------------


def test_migrations_make_what_the_models_say(url: sa.URL, other_url: sa.URL) -> None:
    """A registry that went through all migrations equals one that was made at once."""
    engine = engines.resolve(url)
    _run_all(engine)
    check.ensure(engines.resolve(other_url))

    assert [] == releases.differences_to_the_models(engine)
    assert _described(engine) == _described(engines.resolve(other_url))
    engines.dispose(other_url)


def _run_all(engine: sa.Engine) -> None:
    """Run every migration on an empty database, as no registry is made."""
    from alembic import command

    config = migrate._config()
    with engine.connect() as connection:
        schema_version.begin_change(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def _described(engine: sa.Engine) -> dict[str, object]:
    inspector = sa.inspect(engine)  # references are compared above: SQLAlchemy finds no name where a column has one
    return {
        name: (
            sorted((c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)),
            sorted(str(i["name"]) for i in inspector.get_indexes(name)),
            inspector.get_pk_constraint(name)["constrained_columns"],
        )
        for name in sorted(inspector.get_table_names())
    }


def test_the_newest_migration_is_the_schemas_number() -> None:
    """The numbers that a new registry gets are those of the last migration."""
    from alembic.script import ScriptDirectory

    newest = ScriptDirectory.from_config(migrate._config()).get_revision("head")

    assert newest is not None
    assert (int(newest.revision), newest.module.oldest_reader) == (schema_version.NUMBER, schema_version.OLDEST_READER)


def test_there_is_nothing_to_migrate(url: sa.URL) -> None:
    """A registry of this release is left alone."""
    engine = engines.resolve(url)
    check.ensure(engine)

    done = migrate.upgrade(engine)

    assert (schema_version.NUMBER, schema_version.NUMBER, None) == (done.before, done.after, done.backup)
    assert str(done).endswith(f"has schema {schema_version.NUMBER} already")


def test_an_empty_database_becomes_a_registry(url: sa.URL) -> None:
    """`migrate` of nothing makes the newest schema at once; a dry run makes nothing."""
    engine = engines.resolve(url)

    assert migrate.upgrade(engine, dry_run=True).before == 0
    assert [] == sa.inspect(engine).get_table_names()
    migrate.upgrade(engine)

    assert sa.inspect(engine).has_table("ln_run")


def test_a_newer_registry_is_not_migrated(url: sa.URL) -> None:
    """A release cannot upgrade what it does not know."""
    engine = engines.resolve(url)
    _write(engine, number=7, oldest_reader=6)

    with pytest.raises(errors.SchemaVersionError):
        migrate.upgrade(engine)


def test_no_password_reaches_alembic(postgres_url: sa.URL) -> None:
    """A password with a percent sign neither breaks the upgrade nor shows."""
    url = postgres_url.set(password="hun%ter2")
    engine = engines.resolve(url)

    assert "hun%ter2" not in str(migrate.upgrade(engine))
    _run_all(engine)
    engines.dispose(url)


def test_the_statements_of_growing_tables_use_an_index(sqlite_url: sa.URL) -> None:
    """What header() and lists ask of a large registry never scans a table."""
    engine = engines.resolve(sqlite_url)
    check.ensure(engine)
    asked = [
        "SELECT * FROM ln_run WHERE notebook_id = 'a' AND notebook_v = '1' ORDER BY created_at DESC LIMIT 1",
        "SELECT * FROM ln_run WHERE pipeline_id = 'a' AND pipeline_v = '1' ORDER BY created_at DESC LIMIT 1",
        "SELECT * FROM ln_run ORDER BY created_at DESC LIMIT 10",
        "SELECT * FROM ln_run WHERE name = 'x'",
        "SELECT * FROM ln_notebook_path WHERE host = 'h' AND path = 'p'",
        "SELECT * FROM ln_notebook WHERE parent_id = 'a'",
        "SELECT * FROM ln_run_input WHERE file_id = 'f'",
    ]
    with engine.connect() as connection:
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()) for sql in asked]

    assert all("INDEX" in plan and "TEMP B-TREE" not in plan for plan in plans), plans
