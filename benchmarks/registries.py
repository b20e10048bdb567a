"""Registries to measure with: new ones, and those of very many runs, which are made once and kept."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import sqlite3
import tempfile
from pathlib import Path

import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines
from ln_jupyter.schema import ids

COLUMNS = "id, v, name, reference, created_at, created_by_id, revision"
"""Of a pipeline."""

INSERT = f"INSERT INTO ln_pipeline ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"

NOTEBOOKS = 100
"""Among which the runs of a large registry are shared out."""

_MAKE = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :runs)
INSERT INTO ln_run (id, name, notebook_id, notebook_v, started_at, heard_at, finished_at, outcome, host, runner,
                    path, python, created_at, created_by_id, revision)
SELECT :prefix || printf('%08x', (i * 2654435761) & 4294967295), 'run ' || i, 'notebook' || printf('%04d', i % :notebooks),
       '1', time, time, time, 'ok', 'host', 'jupyter-server', '/data/notebook.ipynb', '3.11.7', time, 'user0001', 1
FROM (SELECT i, strftime('%Y-%m-%d %H:%M:%f000', :since, '+' || i || ' seconds') AS time FROM n)
"""
_CELLS = """
INSERT INTO ln_executed_cell (run_id, position, cell_id, started_at, seconds, ok)
SELECT id, 1, 'cell', started_at, 0.1, 1 FROM ln_run
"""


def url(path: Path) -> str:
    """Write the URL of a file."""
    return f"sqlite:///{path}"


def new(path: Path) -> sa.Engine:
    """Make an empty registry."""
    with ln.Session(url(path)) as ss:
        ss.select(lns.Run).exists()
    return engines.resolve(url(path))


def with_user(path: Path) -> str:
    """Make a registry that knows who writes to it, and give the user's id."""
    new(path)
    with ln.Session(url(path)) as ss:
        first = ss.add(lns.Pipeline(name="first"))
        ss.commit()
        return str(first.created_by_id)


def of_pipelines(path: Path, n: int) -> Path:
    """Make a registry with so many pipelines, named by their numbers."""
    user_id = with_user(path)
    with sqlite3.connect(path) as connection:
        connection.executemany(INSERT, pipelines(n, user_id))
    connection.close()
    return path


def pipelines(n: int, user_id: str) -> list[tuple[object, ...]]:
    """Make the rows of new pipelines, named by their numbers."""
    time = "2026-01-01 00:00:00.000000"
    return [(ids.new(ids.PIPELINE), "1", str(number), None, time, user_id, 1) for number in range(n)]


def of_runs(runs: int) -> Path:
    """Give a registry with so many runs and as many cells, in time order, of 100 notebooks.

    It is made by SQL in half a minute for a million, and kept in the system's folder for temporary files.
    """
    folder = Path(tempfile.gettempdir()) / f"ln_jupyter-benchmarks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    made_by = [_MAKE, _CELLS, *(str(sa.schema.CreateTable(each)) for each in _tables())]
    made_by += [str(sa.schema.CreateIndex(index)) for each in _tables() for index in sorted(each.indexes, key=str)]
    path = folder / f"{runs}-{hashlib.sha256(''.join(made_by).encode()).hexdigest()[:12]}.db"
    if not path.exists():
        for old in folder.glob(f"{runs}-*"):
            old.unlink()
        making = path.with_suffix(".making")
        making.unlink(missing_ok=True)
        _make(making, runs)
        making.replace(path)
    return path


def _tables() -> list[sa.Table]:
    return list(lns.Base.metadata.sorted_tables)


def _make(path: Path, runs: int) -> None:
    new(path)
    engines.dispose(url(path))
    since = f"{dt.datetime.now(dt.UTC) - dt.timedelta(seconds=runs):%Y-%m-%d %H:%M:%S}"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-400000")
        now = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S.000000}"
        connection.execute(
            "INSERT INTO ln_user (id, handle, created_at, revision) VALUES ('user0001', 'bench', ?, 1)", (now,)
        )
        connection.executemany(
            "INSERT INTO ln_notebook (id, v, name, created_at, created_by_id, revision) VALUES (?, '1', ?, ?, 'user0001', 1)",
            [(f"notebook{number:04d}", f"notebook {number}", now) for number in range(NOTEBOOKS)],
        )
        values = {"runs": runs, "notebooks": NOTEBOOKS, "prefix": "run000000000", "since": since}
        connection.execute(_MAKE, values)
        connection.execute(_CELLS)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
