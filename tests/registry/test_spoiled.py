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
        run = lns.Run(id="run0", notebook=notebook, name="n", started_at=_NOW, pid=5, parameters={"a": 1})
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
]


@pytest.mark.parametrize(("column", "value", "refused"), SPOILED)
def test_a_value_that_its_column_cannot_have(file: Path, column: str, value: str, refused: list[str]) -> None:
    """It is an error of ours, never a traceback, for whatever reads it; the doctor names the file and the column."""
    table, name = column.split(".")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE {table} SET {name} = {value}")
        connection.commit()
    url = settings.sqlite_url(file)
    told = []

    for words in (["list"], ["runs"], ["show", "run0"]):
        done = CliRunner().invoke(cli.main, [*words, "--db", url])
        told += [words[0]] * bool(done.exit_code)
        assert (done.exit_code, "fix: " in done.output) in {(0, False), (1, True)}, done.output
    for use, read in (("select", ln.Session(url).select(lns.Run).all), ("df", ln.Session(url).select(lns.Run).df)):
        with suppress(errors.LnJupyterError):
            read()
            continue
        told.append(use)
    _, (finding, *_) = health.examine(engines.resolve(url))

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

    _, (finding, *_) = health.examine(engines.resolve(settings.sqlite_url(file)))

    assert f"{file}, ln_run.created_at: the registry has nothing where a value is to be" == finding.text
    assert 0 == CliRunner().invoke(cli.main, ["runs", "--db", settings.sqlite_url(file)]).exit_code


def test_a_good_one(file: Path) -> None:
    """A registry that nobody has spoiled is well."""
    _, (finding, *_) = health.examine(engines.resolve(settings.sqlite_url(file)))

    assert "ok" == finding.state
