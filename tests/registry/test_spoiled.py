"""A SQLite file holds whatever it is given: what a column cannot have is an error with the fix, and the doctor finds it."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import cli, errors, settings
from ln_jupyter.db import engines
from ln_jupyter.registry import health
from tests.faults import releases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give a registry with a run."""
    file = tmp_path_factory.mktemp("good") / "registry.db"
    url = settings.sqlite_url(file)
    with ln.Session(url) as ss:
        notebook = ss.add(lns.Notebook(id="Rx2s9cPTMQLY", title="Growth"))
        run = lns.Run(
            id="run0", notebook=notebook, name="n", started_at=_NOW, pid=5, parameters={"a": 1}, git_dirty=False
        )
        ss.add(run)
        ss.add(lns.ExecutedCell(run=run, position=1, cell_id="c", started_at=_NOW, seconds=1.0, ok=True))
    engines.dispose(url)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    return file.read_bytes()


@pytest.fixture
def file(tmp_path: Path, good: bytes) -> Iterator[Path]:
    """Give a copy of it."""
    file = tmp_path / "registry.db"
    file.write_bytes(good)
    yield file
    engines.dispose(settings.sqlite_url(file))


SPOILED = [
    ("ln_run.started_at", "x'ff00'", ["list", "runs", "show", "select", "df"]),
    ("ln_run.started_at", "'garbage'", ["list", "runs", "show", "select", "df"]),
    ("ln_run.started_at", "17.5", ["list", "runs", "show", "select", "df"]),
    ("ln_run.pid", "'garbage'", ["show", "df"]),
    ("ln_run.pid", "x'ff00'", ["show", "df"]),
    # earlier versions of pandas take bytes for text
    pytest.param("ln_run.name", "x'ff41'", ["runs", "show", "df"], marks=pytest.mark.newest),
    ("ln_run.name", "CAST(x'ff41' AS TEXT)", ["runs", "show", "select", "df"]),
    ("ln_run.parameters", "x'ff41'", ["show", "select", "df"]),
    ("ln_notebook.title", "x'ff41'", ["list", "runs", "show"]),
    ("ln_executed_cell.seconds", "'garbage'", ["show"]),
    ("ln_executed_cell.ok", "'garbage'", ["show"]),
    ("ln_run.git_dirty", "'garbage'", ["show", "select", "df"]),
    ("ln_run.git_dirty", "x'ff41'", ["show", "select", "df"]),
    ("ln_run.git_dirty", "2", ["show", "select", "df"]),
]


@pytest.mark.parametrize(("column", "value", "refused"), SPOILED)
def test_a_value_that_its_column_cannot_have(file: Path, column: str, value: str, refused: list[str]) -> None:
    """It is an error of ours, never a traceback, for whatever reads it; commands name the file, and the doctor the column too."""
    table, name = column.split(".")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE {table} SET {name} = {value}")
        connection.commit()
    url = settings.sqlite_url(file)
    told = []

    for words in (["list"], ["runs"], ["show", "run0"]):
        done = CliRunner().invoke(cli.main, [*words, "--db", url])
        told += [words[0]] * bool(done.exit_code)
        shown = (f"Error: {file}" in done.output, "fix: " in done.output)
        assert (done.exit_code, *shown) in {(0, False, False), (1, True, True)}, done.output
    for use, read in (("select", ln.Session(url).select(lns.Run).all), ("df", ln.Session(url).select(lns.Run).df)):
        with suppress(errors.LnJupyterError):
            read()
            continue
        told.append(use)
    _, (finding, *_) = health.examine(url)

    assert refused == told
    assert ("broken", True) == (finding.state, finding.text.startswith(f"{file}, {column}: ")), finding


def test_nothing_where_a_value_is_to_be(file: Path) -> None:
    """What was taken out by hand, past the table's own rule, is found."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(
            "PRAGMA writable_schema=ON;"
            "UPDATE sqlite_master SET sql = replace(sql, 'created_at DATETIME NOT NULL', 'created_at DATETIME');"
            "PRAGMA writable_schema=RESET; UPDATE ln_run SET created_at = NULL"
        )
        connection.commit()

    _, (finding, *_) = health.examine(settings.sqlite_url(file))

    assert f"{file}, ln_run.created_at: the registry has nothing where a value is to be" == finding.text
    assert 0 == CliRunner().invoke(cli.main, ["runs", "--db", settings.sqlite_url(file)]).exit_code


NEWER = "UPDATE ln_schema SET version_num = '0099'; ALTER TABLE ln_run ADD COLUMN mood VARCHAR;"


@pytest.mark.parametrize("change", [pytest.param("", id="older"), pytest.param(NEWER, id="newer")])
@pytest.mark.parametrize("spoil", ["", "UPDATE ln_run SET pid = 'garbage'"], ids=["good", "spoiled"])
def test_another_schema(file: Path, change: str, spoil: str) -> None:
    """The doctor reads what a registry of an older or newer release has of the columns, and leaves its bytes as they are."""
    file.unlink()
    dump = releases.RELEASED / "schema_1.sqlite.sql"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8") + change + spoil)
    before = file.read_bytes()

    _, (finding, *_) = health.examine(settings.sqlite_url(file))

    said = f"{file}, ln_run.pid: " if spoil else f"{file} serves this release"
    assert ("broken" if spoil else "ok", True) == (finding.state, finding.text.startswith(said)), finding
    assert before == file.read_bytes()


def test_a_good_one(file: Path) -> None:
    """A registry that nobody has spoiled is well."""
    _, (finding, *_) = health.examine(settings.sqlite_url(file))

    assert "ok" == finding.state
