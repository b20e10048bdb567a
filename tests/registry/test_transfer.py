"""A registry moves to another database whole, or not at all."""

from __future__ import annotations

import datetime as dt
import itertools
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import advice, errors
from ln_jupyter.db import engines
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.registry import check, schema_version, transfer
from tests.conftest import new_database
from tests.faults import processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.newest  # no library decides what is proved here

_TABLES = lns.Base.metadata.sorted_tables


@pytest.fixture
def target(tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty SQLite database."""
    url = f"sqlite:///{tmp_path / 'target.db'}"
    yield engines.resolve(url)
    engines.dispose(url)


@pytest.fixture(
    params=[
        ("sqlite", "sqlite"),
        *(
            pytest.param(kinds, marks=pytest.mark.postgres)
            for kinds in (("sqlite", "postgresql"), ("postgresql", "sqlite"), ("postgresql", "postgresql"))
        ),
    ],
    ids=" to ".join,
)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[sa.Engine, sa.Engine]]:
    """A filled registry and an empty database, of each kind."""
    source, goal = request.param
    postgres = request.getfixturevalue("postgres") if "postgresql" in request.param else None
    names = {kind: f"sqlite:///{tmp_path / kind}.db" for kind in ("source", "goal")}
    made = [new_database(postgres) for kind in request.param if kind == "postgresql"]
    urls = [context.__enter__() for context in made]
    first: Any = urls[0] if source == "postgresql" else names["source"]
    second: Any = urls[-1] if goal == "postgresql" else names["goal"]
    fill(engines.resolve(first))
    yield engines.resolve(first), engines.resolve(second)
    for url in names.values():
        engines.dispose(url)
    for context in made:
        context.__exit__(None, None, None)


@pytest.fixture
def source(sqlite_url: sa.URL) -> sa.Engine:
    """A filled registry."""
    engine = engines.resolve(sqlite_url)
    fill(engine)
    return engine


def fill(engine: sa.Engine) -> None:
    """Fill every table, with what databases keep differently."""
    check.ensure(engine)
    east = dt.timezone(dt.timedelta(hours=9))
    time = dt.datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=east)
    source = lns.Source(hash="s" * 64, content=bytes(range(256)))
    environment = lns.Environment(hash="e" * 64, python="3.12.1", packages={"b": "2", "a": "1"})
    notebooks = [lns.Notebook(id=f"n{i:011}", v="1", title="Größe 実 🧪 \u202e", created_at=time) for i in range(7)]
    last = lns.Notebook(id=f"n{7:011}", v="1", published_at=time, source=source, environment=environment)
    run = lns.Run(id="r" * 20, name="", started_at=time, pid=2**31 - 1, git_dirty=False, notebook=last)
    run.parameters = {"a": [1, 1.0, 1e22, -0.0, 2**70, None, True, "実"], "": {}}
    run.imports = {}
    run.pipeline = lns.Pipeline(name="p", v="2")
    run.cells = [lns.ExecutedCell(position=i, started_at=time, seconds=i / 3, ok=None) for i in range(1, 9)]
    text = lns.Text(id=2**60 - 1, content=bytes(range(256)))
    run.cells[0].text = text
    run.texts = [lns.RunText(kind="cells", name="", hash="t" * 64, text=text)]
    run.tags, run.results, run.continues_id = ["实"], {"auc": 0.1}, run.id
    run.inputs = [lns.File(name="in", size=2**60)]
    run.outputs = [lns.File(name="out", uri="s3://b/ä")]
    seen = lns.RunFile(position=1, role="input", kind="folder", path="/ä b", via="open", size=2**60, modified_at=time)
    seen.file, run.files, run.unlisted_files = run.inputs[0], [seen], 7
    path = lns.NotebookPath(host="h", path="/ä b", notebook=last, cell_ids=["x", "y"], seen_at=time)
    with OrmSession(engine) as session:
        for each in (*notebooks, last):
            session.add(each)
            session.flush()
        for notebook, parent in itertools.pairwise((*notebooks, last)):  # which is read after it
            notebook.parent_id, notebook.parent_v = parent.id, parent.v
        session.add_all([run, path])
        session.commit()
        last.title = "a second revision"
        session.commit()


def content(engine: sa.Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is in a registry."""
    with engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in _TABLES
        }


def test_everything_is_copied(both: tuple[sa.Engine, sa.Engine]) -> None:
    """Ids, revisions, times, JSON, bytes and references are in the copy as they were, and the source is as before."""
    source, target = both
    before = content(source)

    done = transfer.copy(source, target)

    assert before == content(target) == content(source)
    assert {name: len(rows) for name, rows in before.items()} == done.rows
    assert 0 not in done.rows.values()


def test_the_copy_is_used_like_the_registry(both: tuple[sa.Engine, sa.Engine]) -> None:
    """What was copied is read, edited and added to."""
    source, target = both
    transfer.copy(source, target)
    ln.connect(target)

    with ln.Session() as ss:
        notebook = ss.select(lns.Notebook, title="a second revision").one()
        notebook.title = "third"
        ss.add(lns.Run(notebook=notebook))

    assert (3, 2) == (notebook.revision, ln.select(lns.Run).count())
    ln.connect()


def test_many_chunks(both: tuple[sa.Engine, sa.Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows are in memory at once, all arrive, and rows that refer to later rows too."""
    source, target = both
    monkeypatch.setattr(transfer, "_CHUNK", 2)

    transfer.copy(source, target)

    assert content(source) == content(target)


def test_half_a_reference(both: tuple[sa.Engine, sa.Engine]) -> None:
    """A notebook that names its parent's id or version alone, which refers to nothing, is copied as it is."""
    source, target = both
    halves = [("p", None), (None, "7")]
    with OrmSession(source) as session:
        session.add_all(lns.Notebook(parent_id=parent_id, parent_v=v) for parent_id, v in halves)
        session.commit()

    transfer.copy(source, target)

    assert content(source) == content(target)


def test_the_copy_is_of_one_moment(both: tuple[sa.Engine, sa.Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    """What others save meanwhile is saved, and not in the copy."""
    source, target = both
    before, refuse_rows = content(source), transfer._refuse_rows
    user = before["ln_user"][0][0]

    def refuse_and_save(*given: Any) -> None:
        refuse_rows(*given)
        with OrmSession(source) as session:
            session.add(lns.Run(name="meanwhile", created_by_id=user))
            session.commit()

    monkeypatch.setattr(transfer, "_refuse_rows", refuse_and_save)

    transfer.copy(source, target)

    assert before == content(target)
    assert 2 == len(content(source)["ln_run"])


def test_an_empty_registry_takes_a_copy(source: sa.Engine, target: sa.Engine) -> None:
    """A target whose tables are there already, and without rows, is as good as none."""
    check.ensure(target)

    transfer.copy(source, target)

    assert content(source) == content(target)


def test_tables_of_others_are_named(source: sa.Engine, target: sa.Engine) -> None:
    """What is not the registry's stays where it is, and is told."""
    with source.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE diary (day)")
        connection.commit()

    done = transfer.copy(source, target)

    assert ("diary",) == done.left
    assert not sa.inspect(target).has_table("diary")


# -- what is refused -----------------------------------------------------------------------------------------------


def test_a_target_with_rows(both: tuple[sa.Engine, sa.Engine]) -> None:
    """Registries are not merged: one that holds anything is left as it is."""
    source, target = both
    transfer.copy(source, target)
    before = content(target)

    with pytest.raises(errors.CopyError, match="is not empty: it holds rows in ") as error:
        transfer.copy(source, target)

    assert error.value.fix == "name a new file or an empty database; registries are not merged"
    assert before == content(target)


def test_a_target_of_somebody_else(source: sa.Engine, target: sa.Engine) -> None:
    """A database with other tables is left as it is."""
    with target.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE diary (day)")
        connection.commit()

    with pytest.raises(errors.NotARegistryError, match="it holds 'diary'"):
        transfer.copy(source, target)

    assert ["diary"] == sa.inspect(target).get_table_names()


def test_a_missing_source(target: sa.Engine, sqlite_url: sa.URL, tmp_path: Path) -> None:
    """A file that is not there is not made, and neither is the target."""
    with pytest.raises(errors.DatabaseUnavailableError, match="there is no registry at"):
        transfer.copy(engines.resolve(sqlite_url), target)

    assert [] == list(tmp_path.iterdir())


def test_a_source_of_somebody_else(target: sa.Engine, sqlite_url: sa.URL, tmp_path: Path) -> None:
    """A database that holds no registry is not copied."""
    source = engines.resolve(sqlite_url)
    with source.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE diary (day)")
        connection.commit()

    with pytest.raises(errors.NotARegistryError, match="is not a registry"):
        transfer.copy(source, target)

    assert not (tmp_path / "target.db").exists()


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (schema_version.NUMBER - 1, "migrate it first: ln-jupyter migrate --db URL"),
        (schema_version.NUMBER + 1, "copy it with that release: pip install --upgrade ln-jupyter"),
    ],
)
def test_a_source_of_another_schema(
    source: sa.Engine, target: sa.Engine, tmp_path: Path, number: int, fix: str
) -> None:
    """Only a registry of which this release knows every column is copied, although it could use it."""
    with source.connect() as connection:
        connection.execute(sa.update(schema_version.TABLE).values(version_num=f"{number:04}"))
        connection.commit()

    with pytest.raises(errors.SchemaVersionError, match=f"schema {number}") as error:
        transfer.copy(source, target)

    assert fix == error.value.fix
    assert not (tmp_path / "target.db").exists()


def test_a_column_that_is_not_known(source: sa.Engine, target: sa.Engine) -> None:
    """A column that would be lost is named."""
    with source.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE ln_run ADD COLUMN mood TEXT")
        connection.commit()

    with pytest.raises(errors.SchemaVersionError, match=r"columns that this release does not know: ln_run\.mood"):
        transfer.copy(source, target)


STRANGE = {
    "a NUL in a name": ("name", "a\0b", "NUL"),
    "a NUL in JSON": ("parameters", {"a": "\0"}, "nicode"),
    "half a character in JSON": ("parameters", {"a": "\ud800"}, "nicode"),
    "no number in JSON": ("parameters", {"a": float("nan")}, "json"),
    "a number that is too large": ("pid", 2**40, "out of range"),
}


@pytest.mark.postgres
@pytest.mark.parametrize("strange", STRANGE)
def test_what_postgresql_cannot_hold(source: sa.Engine, postgres_url: sa.URL, strange: str) -> None:
    """The error names the table and the key, says it in the database's words, and nothing is written."""
    column, value, said = STRANGE[strange]
    target = engines.resolve(postgres_url)
    with OrmSession(source) as session:
        session.execute(sa.insert(lns.Run), [{"id": f"a{i}", "revision": 1, column: None} for i in range(5)])
        session.execute(sa.update(lns.Run).where(lns.Run.id == "a3").values({column: value}))
        session.commit()

    with pytest.raises(errors.CopyError, match="cannot hold the row of ln_run with id='a3': ") as error:
        transfer.copy(source, target)

    assert said in str(error.value)
    assert error.value.fix == "correct that row in the source, then copy again; nothing was written"
    assert [] == [name for name, rows in content(target).items() if rows]


@pytest.mark.parametrize(
    ("column", "value"),
    [("name", "CAST(x'61ff' AS TEXT)"), ("started_at", "'yesterday'"), ("parameters", "'{'")],
)
def test_what_cannot_be_read(source: sa.Engine, target: sa.Engine, column: str, value: str) -> None:
    """A row that some other program spoiled is told with its table, and nothing is written."""
    with source.connect() as connection:
        connection.exec_driver_sql(f"UPDATE ln_run SET {column} = {value}")
        connection.commit()

    with pytest.raises(errors.CopyError, match="has a row in ln_run that cannot be read: ") as error:
        transfer.copy(source, target)

    assert error.value.fix == "correct that row, then copy again; nothing was written"
    assert [] == [name for name, rows in content(target).items() if rows]


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ("UPDATE ln_executed_cell SET seconds = seconds + 1 WHERE position = 3", "other values in ln_executed_cell"),
        ("DELETE FROM ln_executed_cell WHERE position = 3", "7 rows for 8 in ln_executed_cell"),
    ],
)
def test_a_target_that_reads_differently(source: sa.Engine, target: sa.Engine, trigger: str, said: str) -> None:
    """What was written is read again before it is kept: one value too few, or another one, and nothing is."""
    check.ensure(target)
    with target.connect() as connection:
        connection.exec_driver_sql(f"CREATE TRIGGER t AFTER INSERT ON ln_executed_cell BEGIN {trigger}; END")
        connection.commit()

    with pytest.raises(errors.CopyError, match=f"reads back {said}"):
        transfer.copy(source, target)

    assert [] == [name for name, rows in content(target).items() if rows]


_INTERRUPTED = """
import os, signal, sys
from ln_jupyter.db import engines; from ln_jupyter.registry import transfer
signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts us may ignore it
where = getattr(transfer, sys.argv[3])
def interrupted(reader, table, *rest):
    if "ln_run" in (getattr(each, "name", "") for each in (table, *rest)):
        os.kill(os.getpid(), getattr(signal, sys.argv[4]))
    return where(reader, table, *rest)
setattr(transfer, sys.argv[3], interrupted)
transfer.copy(engines.resolve(sys.argv[1]), engines.resolve(sys.argv[2]))
"""


@pytest.mark.parametrize("signum", ["SIGINT", "SIGKILL"])
@pytest.mark.parametrize("where", ["_insert", "_compare"])
def test_what_ends_it_early(both: tuple[sa.Engine, sa.Engine], where: str, signum: str) -> None:
    """Whenever it ends, the target holds nothing or all, and takes the next copy."""
    source, target = both
    words = [engine.url.render_as_string(hide_password=False) for engine in both]

    ended = processes.run_script(_INTERRUPTED, *words, where, signum)

    assert -getattr(signal, signum) == ended
    assert [] == [name for name, rows in content(target).items() if rows]
    transfer.copy(source, target)
    assert content(source) == content(target)


def test_many_rows_show_a_bar(
    source: sa.Engine, target: sa.Engine, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """Who waits for many rows on a terminal sees how far they are; for a few, nothing is written."""
    transfer.copy(source, target)
    assert ("", "") == capfd.readouterr()
    monkeypatch.setattr(advice, "PATIENCE", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    engines.dispose(target.url)
    other = engines.resolve(target.url.set(database=f"{target.url.database}2"))

    transfer.copy(source, other)

    assert "copying: " in capfd.readouterr().err
    engines.dispose(other.url)
