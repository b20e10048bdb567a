"""A registry outlives releases: what is additive locks nobody out, what is not is somebody's decision, all or nothing."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy import event

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import advice, cli, errors
from ln_jupyter.cli import environment
from ln_jupyter.db import engines, limits
from ln_jupyter.db.sqlite import locks
from ln_jupyter.registry import check, migrate, schema_version
from tests import servers, waits
from tests.faults import processes, releases
from tests.ipython import kernel_driver
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Tell = Callable[[object], None]

NEXT, THIS = releases.NUMBER, schema_version.NUMBER
ALL_RELEASED = sorted(releases.RELEASED.glob("schema_*.sql"), key=lambda dump: dump.name)


@pytest.fixture
def old_file(sqlite_url: sa.URL) -> Iterator[sa.URL]:
    """Give a registry of this release in SQLite, with rows in every table."""
    releases.restore(releases.RELEASED / f"schema_{THIS}.sqlite.sql", sqlite_url)
    ln.connect(sqlite_url)
    yield sqlite_url
    ln.connect()


@pytest.fixture
def old_server(postgres_url: sa.URL) -> Iterator[sa.URL]:
    """Give the same in PostgreSQL."""
    releases.restore(releases.RELEASED / f"schema_{THIS}.postgresql.sql", postgres_url)
    ln.connect(postgres_url)
    yield postgres_url
    ln.connect()


@pytest.fixture(
    params=["old_file", pytest.param("old_server", marks=pytest.mark.postgres)], ids=["sqlite", "postgresql"]
)
def old(request: pytest.FixtureRequest) -> sa.URL:
    """Give the same in each of them."""
    found: sa.URL = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def additive(tmp_path: Path) -> releases.Release:
    """Give a release whose tables serve this one too."""
    return releases.make(tmp_path, releases.ADDITIVE, oldest_reader=schema_version.OLDEST_READER)


@pytest.fixture
def breaking(tmp_path: Path) -> releases.Release:
    """Give a release whose tables do not serve this one."""
    return releases.make(tmp_path, releases.NOT_ADDITIVE, oldest_reader=NEXT)


def contents(url: sa.URL) -> dict[str, list[Any]]:
    """Read every row of every table that this release knows, as the database has it."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = {name: connection.execute(sa.text(f"SELECT * FROM {name}")).all() for name in described(url)}
    return {name: sorted(map(repr, each)) for name, each in rows.items()}


def described(url: sa.URL) -> dict[str, list[str]]:
    """List the columns of every table."""
    inspector = sa.inspect(sa.create_engine(url, poolclass=sa.NullPool))
    return {name: [column["name"] for column in inspector.get_columns(name)] for name in inspector.get_table_names()}


def version(url: sa.URL) -> schema_version.Version | None:
    """Read which schema it says it has."""
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        return schema_version.read(connection)


def backups(url: sa.URL) -> list[Path]:
    """List the copies beside a SQLite file, and what was left half-made."""
    file = Path(url.database or "")
    ours = {file.name, f"{file.name}-wal", f"{file.name}-shm"}
    return sorted(path for path in file.parent.glob(f"*{file.name}*") if path.name not in ours)


def text(url: sa.URL) -> str:
    """Write a URL for another process."""
    return url.render_as_string(hide_password=False)


# -- an older registry ---------------------------------------------------------------------------------------------


def test_an_additive_change_of_a_file_is_made_by_its_first_use(
    old_file: sa.URL, additive: releases.Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next release copies the file, makes the change, says so in one line, and goes on."""
    before = contents(old_file)
    advice.take()
    additive.become(monkeypatch)

    found = ln.select(lns.Run, name="by hand").one()

    assert found.created_by_id == "ann00000"
    assert schema_version.Version(NEXT, schema_version.OLDEST_READER) == version(old_file)
    (copy,) = backups(old_file)
    assert before == contents(sa.make_url(f"sqlite:///{copy}"))
    assert 0o600 == copy.stat().st_mode & 0o777
    (remark,) = advice.take()
    assert f"schema {THIS} -> {NEXT} (additive, releases that know schema {THIS} can go on using it)" in remark
    assert str(copy) in remark


def add_as(tell: Tell, release: releases.Release, url: str, name: str) -> None:
    """Add a run as that release does."""
    release.become()
    ln.connect(url)
    ln.add(lns.Run(name=name))
    tell(name)


@pytest.mark.newest  # long: every process imports alembic
def test_many_processes_make_an_additive_change_once(old_file: sa.URL, additive: releases.Release, many: int) -> None:
    """Of many processes of the next release one upgrades and copies the file; the others find it done; none fails."""
    told = processes.run(add_as, [(additive, text(old_file), str(number)) for number in range(many)])

    assert sorted([str(number)] for number in range(many)) == sorted(told)
    assert schema_version.Version(NEXT, schema_version.OLDEST_READER) == version(old_file)
    assert [f"{Path(old_file.database or '').name}.schema-{THIS}.backup"] == [each.name for each in backups(old_file)]
    assert many + 2 == len(contents(old_file)["ln_run"])


@pytest.mark.postgres
def test_an_additive_change_of_a_server_is_somebodys_decision(
    old_server: sa.URL, additive: releases.Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL: the next release names the command, without the password, and writes nothing."""
    before = contents(old_server)
    additive.become(monkeypatch)

    with pytest.raises(
        errors.SchemaVersionError, match=f"has schema {THIS}, and this release works with {NEXT}"
    ) as error:
        ln.Session(old_server.set(password="hunter2")).select(lns.Run).all()

    words = shlex.split(error.value.fix)
    assert ["ln-jupyter", "migrate", "--db"] == words[:3]
    assert old_server._replace(password=None) == sa.make_url(words[3])
    assert "hunter2" not in error.value.fix
    assert before == contents(old_server)
    engines.dispose(old_server.set(password="hunter2"))


def test_what_is_not_additive_needs_the_command(
    old: sa.URL, breaking: releases.Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next release names the command, and writes nothing: releases that are in use would be locked out."""
    before = contents(old), described(old)
    breaking.become(monkeypatch)

    with pytest.raises(errors.SchemaVersionError) as error:
        ln.add(lns.Run(name="x"))

    assert error.value.fix.startswith("ln-jupyter migrate --db ")
    assert (*before, []) == (contents(old), described(old), backups(old))


@pytest.mark.parametrize("kind", ["additive", "breaking"])
def test_the_command_upgrades(
    old: sa.URL, kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`migrate` keeps every row of every table, notes whom it serves now, and copies a SQLite file before."""
    release: releases.Release = request.getfixturevalue(kind)
    before = contents(old)

    done = release.upgrade(old)

    assert (THIS, NEXT, kind == "additive") == (done.before, done.after, done.is_additive)
    assert schema_version.Version(NEXT, release.oldest_reader) == version(old)
    after = contents(old)
    assert {name: len(rows) for name, rows in before.items()} == {name: len(after[name]) for name in before}
    changed = {"ln_run", "ln_schema"}
    assert {n: r for n, r in before.items() if n not in changed} == {n: after[n] for n in before if n not in changed}
    if old.get_backend_name() == "sqlite":
        assert [done.backup] == backups(old)
        assert before == contents(sa.make_url(f"sqlite:///{done.backup}"))
    else:
        assert done.backup is None


def test_the_command_again_finds_nothing_to_do(old: sa.URL, additive: releases.Release) -> None:
    """A registry that was upgraded is left alone, and not copied."""
    additive.upgrade(old)
    before = backups(old)

    done = additive.upgrade(old)

    assert f"has schema {NEXT} already" in str(done)
    assert before == backups(old)


def test_rows_that_refer_to_nothing_undo_the_upgrade(old_file: sa.URL, tmp_path: Path) -> None:
    """SQLite's own check is off while tables are replaced; a revision that deletes what is referred to is undone."""
    before = contents(old_file)
    release = releases.make(tmp_path, 'op.execute("DELETE FROM ln_user")', oldest_reader=NEXT)

    with pytest.raises(errors.SchemaVersionError, match="ln_run would refer to nothing"):
        release.upgrade(old_file)

    assert (before, []) == (contents(old_file), backups(old_file))


def test_references_are_checked_again_after_an_upgrade(
    old_file: sa.URL, additive: releases.Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection that upgraded goes on as before: what refers to nothing is refused."""
    additive.become(monkeypatch)
    engine = engines.resolve(old_file)

    check.ensure(engine)

    with engine.connect() as connection:
        assert 1 == connection.exec_driver_sql("PRAGMA foreign_keys").scalar()


# -- a newer registry ----------------------------------------------------------------------------------------------


def test_a_newer_schema_that_serves_this_release(
    old: sa.URL, additive: releases.Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an additive change every use of this release reads and writes as before, also by a session that stood open."""
    for _ in range(8):  # PostgreSQL's driver prepares what it sends often
        ln.select(lns.Run).all()
    standing = ln.Session()
    run = standing.select(lns.Run, name="by hand").one()

    additive.upgrade(old)

    assert 2 == ln.select(lns.Run).count()
    run.name = "edited"
    standing.add(run)
    standing.close()
    notebook = notebooks.write(tmp_path / "growth.ipynb", title="Growth")
    with processes.Process(use_everything, text(old), notebook) as process:
        process.wait_until_ready().go()
        assert ["everything"] == process.rest()
    assert schema_version.Version(NEXT, schema_version.OLDEST_READER) == version(old)


def use_everything(tell: Tell, url: str, notebook: Path) -> None:
    """Use this release in every way."""
    os.environ["LN_JUPYTER_URL"] = url
    environment.server_extension = list  # type: ignore[assignment] # it starts a process of its own
    ln.header(filepath=notebook)
    pipeline = ln.add(lns.Pipeline(name="Transform B"))
    run = ln.add(lns.Run(name="added", pipeline=pipeline, inputs=[lns.File(name="in")]))
    assert pipeline.id == ln.add(lns.Pipeline, name="Transform B").id
    assert 1000 == len(ln.add(lns.File, [{"name": f"bulk {number}"} for number in range(1000)]))
    with ln.Session() as ss:
        ss.select(lns.Run, name="edited").one().name = "edited again"
    with ln.Session(write=True) as ss:
        ss.select(lns.Pipeline, id=pipeline.id).one().name = "Transform C"
    assert "Transform C" == ln.select(lns.Run, id=run.id).load("pipeline").one().pipeline.name
    assert "ann" == ln.select(lns.Run, name="edited again").load("created_by").one().created_by.handle
    assert "added" in ln.select(lns.Run).df()["name"].to_list()
    assert "edited again" in repr(ln.select(lns.Run).all())
    ln.view()
    ln.delete(run)
    assert not ln.select(lns.Run, id=run.id).exists()
    for words in (["list"], ["runs"], ["show", ln.nb.notebook.id], ["doctor"], ["migrate"], ["migrate", "--dry-run"]):
        done = CliRunner().invoke(cli.main, words)
        assert done.exit_code == 0 or words == ["doctor"], (words, done.output)
    found = json.loads(CliRunner().invoke(cli.main, ["doctor", "--json"]).stdout)
    assert (NEXT, schema_version.OLDEST_READER) == (found["registry"]["schema"], found["registry"]["oldest_reader"])
    assert ["ok"] == [each["state"] for each in found["findings"] if each["name"] == "registry"]
    tell("everything")


USES: dict[str, Callable[[Path], object]] = {
    "select": lambda _: ln.select(lns.Run).all(),
    "add": lambda _: ln.add(lns.Run(name="x")),
    "bulk add": lambda _: ln.add(lns.File, [{"name": "x"}]),
    "delete": lambda _: ln.delete(lns.Run, name="by hand"),
    "view": lambda _: ln.view(),
    "a block that writes": lambda _: ln.Session(write=True).__enter__(),
    "header": lambda folder: ln.header(filepath=notebooks.write(folder / "n.ipynb")),
    "migrate": lambda _: migrate.upgrade(engines.current()),
    "migrate --dry-run": lambda _: migrate.upgrade(engines.current(), dry_run=True),
}


@pytest.mark.parametrize("journal", ["wal", "delete"])
@pytest.mark.parametrize("use", USES)
def test_a_file_that_no_longer_serves_this_release(
    old_file: sa.URL, breaking: releases.Release, use: str, journal: str, tmp_path: Path
) -> None:
    """Every use refuses it in plain words, and not a byte of the file changes, its journal mode included."""
    _outgrow(old_file, breaking, journal)
    before = Path(old_file.database or "").read_bytes()

    with pytest.raises(
        errors.SchemaVersionError, match=f"needs a release that knows schema {NEXT}; this one knows"
    ) as error:
        USES[use](tmp_path)

    assert "pip install --upgrade ln-jupyter" == error.value.fix
    engines.dispose(old_file)
    assert before == Path(old_file.database or "").read_bytes()


@pytest.mark.parametrize(
    "words", [["list"], ["runs"], ["show", "byhand"], ["doctor"], ["migrate"], ["prune", "--older-than", "1d", "--yes"]]
)
def test_a_command_on_a_file_that_no_longer_serves_this_release(
    old_file: sa.URL, breaking: releases.Release, words: list[str]
) -> None:
    """Every command says so in two lines, and not a byte of the file changes."""
    _outgrow(old_file, breaking, "wal")
    before = Path(old_file.database or "").read_bytes()

    done = CliRunner().invoke(cli.main, [*words, "--db", text(old_file)])

    assert 1 == done.exit_code
    assert f"has schema {NEXT}, which needs a release that knows schema {NEXT}; this one knows {THIS}" in done.output
    assert "pip install --upgrade ln-jupyter" in done.output
    engines.dispose(old_file)
    assert before == Path(old_file.database or "").read_bytes()


def test_a_copy_of_a_file_that_no_longer_serves_this_release(
    old_file: sa.URL, breaking: releases.Release, tmp_path: Path
) -> None:
    """`backup` copies it all the same, and not a byte of it changes."""
    _outgrow(old_file, breaking, "wal")
    before = Path(old_file.database or "").read_bytes()

    done = CliRunner().invoke(cli.main, ["backup", str(tmp_path / "copy.db"), "--db", text(old_file)])

    assert 0 == done.exit_code, done.output
    engines.dispose(old_file)
    assert before == Path(old_file.database or "").read_bytes()
    assert contents(old_file) == contents(sa.make_url(f"sqlite:///{tmp_path / 'copy.db'}"))


def _outgrow(url: sa.URL, release: releases.Release, journal: str) -> None:
    """Make a file of the next release, as it is after a while."""
    release.upgrade(url)
    with closing(sqlite3.connect(url.database or "")) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")


@pytest.mark.postgres
@pytest.mark.parametrize("use", USES)
def test_a_server_that_no_longer_serves_this_release(
    old_server: sa.URL, breaking: releases.Release, use: str, tmp_path: Path
) -> None:
    """Every use refuses it in plain words, and no row changes."""
    breaking.upgrade(old_server)
    before = contents(old_server)

    with pytest.raises(errors.SchemaVersionError, match=f"needs a release that knows schema {NEXT}"):
        USES[use](tmp_path)

    assert before == contents(old_server)


# -- interrupted ---------------------------------------------------------------------------------------------------

MOMENTS = {
    "between the copy and the upgrade": "ADD COLUMN mood",
    "after the first change": "ADD COLUMN stars",
    "before the new number": "UPDATE ln_schema SET version_num",
    "before it says whom it serves": "UPDATE ln_schema SET oldest_reader",
}


def upgrade_and_stop(tell: Tell, release: releases.Release, url: str, statement: str) -> None:
    """Begin an upgrade, and stand still before a statement."""
    release.become()
    engine = engines.resolve(url)

    @event.listens_for(engine, "before_cursor_execute")
    def _stand_still(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if statement in sql:
            tell("here")
            threading.Event().wait()

    migrate.upgrade(engine)
    tell("done")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_upgrade(old: sa.URL, additive: releases.Release, moment: str) -> None:
    """SIGKILL in an upgrade changes nothing: this release goes on at once, and the next upgrade succeeds."""
    before = contents(old)
    with processes.Process(upgrade_and_stop, additive, text(old), MOMENTS[moment]) as process:
        process.wait_until_ready().go()
        assert "here" == process.next()
        process.kill()

    ln.add(lns.File(id="afterwards"))

    assert schema_version.Version(THIS, schema_version.OLDEST_READER) == version(old)
    after = contents(old)
    assert (3, 2) == (len(after["ln_file"]), len(after["ln_user"]))
    written = {"ln_file", "ln_user"}
    assert {n: r for n, r in before.items() if n not in written} == {n: r for n, r in after.items() if n not in written}
    done = additive.upgrade(old)
    assert schema_version.Version(NEXT, schema_version.OLDEST_READER) == version(old)
    if old.get_backend_name() == "sqlite":
        left, copy = backups(old)
        assert copy == done.backup
        assert before == contents(sa.make_url(f"sqlite:///{left}"))


def test_an_upgrade_that_fails(old: sa.URL, tmp_path: Path) -> None:
    """An error in the middle undoes all of it, and leaves no copy behind."""
    before, columns = contents(old), described(old)
    release = releases.make(tmp_path, f"{releases.ADDITIVE}\nraise ZeroDivisionError", oldest_reader=THIS)

    with pytest.raises(ZeroDivisionError):
        release.upgrade(old)

    assert (before, columns, []) == (contents(old), described(old), backups(old))
    assert schema_version.Version(THIS, schema_version.OLDEST_READER) == version(old)


def test_an_upgrade_that_cannot_be_undone(old_file: sa.URL, additive: releases.Release) -> None:
    """Where no copy can be made, here for the length of its name, nothing is changed, and the fix names no file."""
    url = old_file.set(database=str(Path(old_file.database or "").with_name("r" * 240)))
    Path(old_file.database or "").rename(url.database or "")

    with pytest.raises(errors.CopyError, match="was left as it is, because it could not be kept as it was") as raised:
        additive.upgrade(url)

    assert raised.value.fix.startswith("free 0.")
    assert schema_version.Version(THIS, schema_version.OLDEST_READER) == version(url)


def test_an_upgrade_waits_for_a_writer(
    old: sa.URL, additive: releases.Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins when the writer has ended, and what was written meanwhile is kept."""
    is_waiting = threading.Event()
    monkeypatch.setattr(locks, "time", waits.Clock(is_waiting.set))
    with ln.Session(old) as ss:
        ss.add(lns.Run(name="meanwhile"))
        ss.orm.flush()
        thread = threading.Thread(target=additive.upgrade, args=(old,))
        thread.start()
        if old.get_backend_name() == "sqlite":
            assert is_waiting.wait(kernel_driver.TIMEOUT)
        else:
            waits.for_waiter(engines.resolve(old))
    thread.join()

    assert ln.select(lns.Run, name="meanwhile").exists()
    assert schema_version.Version(NEXT, schema_version.OLDEST_READER) == version(old)


def test_an_upgrade_that_waits_in_vain(
    old: sa.URL, additive: releases.Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that somebody else is at work, and nothing is changed or copied."""
    before = contents(old)
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.5)
    with processes.Process(write_and_stop, text(old)) as process:
        process.wait_until_ready().go()
        assert "here" == process.next()

        with pytest.raises(errors.DatabaseBusyError):
            additive.upgrade(old)

    assert (before, []) == (contents(old), backups(old))


def write_and_stop(tell: Tell, url: str) -> None:
    """Write, and stand still before the commit."""
    with ln.Session(url) as ss:
        ss.add(lns.Run(name="x"))
        ss.orm.flush()
        tell("here")
        threading.Event().wait()


@pytest.mark.postgres
def test_an_upgrade_shares_its_new_tables(postgres_url: sa.URL) -> None:
    """Whoever may use a registry on a server may use the tables that an upgrade adds, and nobody else."""
    releases.restore(releases.RELEASED / "schema_2.postgresql.sql", postgres_url)
    role = f"ln {os.urandom(4).hex()}"
    with servers.admin(postgres_url) as connection:
        connection.exec_driver_sql(f'CREATE ROLE "{role}"')
        connection.exec_driver_sql(f'CREATE ROLE "{role} too"')
        connection.exec_driver_sql(f'GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO "{role}"')

        migrate.upgrade(engines.resolve(postgres_url))

        ask = sa.text("SELECT has_table_privilege(:role, :name, :right)")
        held = {
            (name, right, user): connection.scalar(ask, {"role": user, "name": name, "right": right})
            for name in ("ln_text", "ln_run_text", "ln_run_tag")
            for right in ("SELECT", "INSERT", "DELETE")
            for user in (role, f"{role} too")
        }
        for user in (role, f"{role} too"):
            connection.exec_driver_sql(f'DROP OWNED BY "{user}"')
            connection.exec_driver_sql(f'DROP ROLE "{user}"')
    assert {key: key[1] != "DELETE" and key[2] == role for key in held} == held
    engines.dispose(postgres_url)


# -- what was released ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dump",
    [
        pytest.param(dump, id=dump.stem, marks=[pytest.mark.postgres] if "postgresql" in dump.name else [])
        for dump in ALL_RELEASED
    ],
)
def test_what_a_release_has_left_behind(dump: Path, request: pytest.FixtureRequest) -> None:
    """A registry of every released schema is read and written, all of its rows, and has the tables of a new one."""
    kind = dump.name.split(".")[1]
    url: sa.URL = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[kind])
    releases.restore(dump, url)
    before = {name: len(rows) for name, rows in contents(url).items()}
    engine = ln.connect(url)
    migrate.upgrade(engine)

    run = ln.select(lns.Run, name="Solve Problem X").load("pipeline", "notebook", "inputs", "outputs", "cells").one()
    with ln.Session() as ss:
        read = {each.local_table.name: len(ss.select(each.class_).all()) for each in lns.Base.registry.mappers}
        ss.add(lns.Run(name="now"))
        ss.select(lns.Notebook, id="Growth0000aa", v="2").one().title = "edited"

    assert {name: before.get(name, 0) for name in read} == read
    assert 0 not in before.values()
    assert ("Transform A", "1", ["in"], ["out"], [True, False]) == (
        run.pipeline.name,
        run.notebook.v,
        [each.name for each in run.inputs],
        [each.name for each in run.outputs],
        [each.ok for each in run.cells],
    )
    assert ("2026-03-02T09:30:31.123456+00:00", {"alpha": 0.5, "name": "x"}) == (
        run.finished_at.isoformat(),
        run.parameters,
    )
    assert "edited" == ln.select(lns.Notebook, id="Growth0000aa", v="2").one().title
    assert [] == releases.differences_to_the_models(engine)
    ln.connect()


def test_every_released_schema_is_kept() -> None:
    """There is a registry of each schema number, in both databases, that later releases are tried on."""
    expected = {f"schema_{number}.{kind}.sql" for number in range(1, THIS + 1) for kind in ("sqlite", "postgresql")}

    assert expected == {dump.name for dump in ALL_RELEASED}
