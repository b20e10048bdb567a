"""Whether what is asked of a registry takes the same time with a million runs in it as with a thousand."""

from __future__ import annotations

import contextlib
import io
import shutil
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any

import registries
import sqlalchemy as sa
from interleaved import Contestant, Effort, measure
from report import Budget, Row, Section

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines
from ln_jupyter.queries import ids, notebooks, runs
from ln_jupyter.tracking import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FEW, _MANY = 1_000, 1_000_000
_BUDGET = Budget("ratio", 1.5)


def run(folder: Path, effort: Effort) -> list[Section]:
    """Measure with both registries in turns, and say which statements go without an index."""
    few = shutil.copy(registries.of_runs(_FEW), folder / "few.db")  # header() writes to them
    many = registries.of_runs(_MANY)
    notebook = folder / "growth.ipynb"
    notebook.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', encoding="utf-8")
    with sqlite3.connect(few) as connection:
        key = connection.execute("SELECT id FROM ln_run LIMIT 1 OFFSET 500").fetchone()[0]  # which both have
    connection.close()
    asked: dict[str, tuple[Callable[[], object], int]] = {
        "header(), a new run": (partial(_header, notebook), 1),
        "header() again": (partial(_again, notebook), 1),
        "select() by key": (lambda: ln.select(lns.Run, id=key).first(), 20),
        "select() by name": (lambda: ln.select(lns.Run, name="run 500").first(), 20),
        "the newest 10 runs": (lambda: ln.select(lns.Run).order_by(lns.Run.created_at.desc()).limit(10).all(), 20),
        "the newest 10 runs of a notebook": (_of_notebook, 20),
        "ln-jupyter runs": (_list_runs, 20),
        "an id by its beginning": (lambda: _find(key), 20),
        "ln-jupyter list": (_list_notebooks, 3),
        "ln.view()": (ln.view, 1),
    }
    rows, scans = [], []
    for name, (act, calls) in asked.items():
        begin = {registry: partial(_connect, registry, act) for registry in (few, many)}
        contestants = {path.name: Contestant(lambda _, act=act: act(), begin[path]) for path in (few, many)}
        small, large = measure(contestants, rounds=effort.rounds(20), calls=calls).values()
        rows.append(Row(name, large, small, "with 1,000", budget=_BUDGET))
        scans += [f"{name}: {plan}" for plan in plans(few, act)]
    running.forget()
    ln.connect()
    remarks = ["ours is with 1,000,000 runs"]
    remarks += [f"without an index: {scan}" for scan in scans] or ["every statement that was sent uses an index"]
    return [Section("Growth: 1,000,000 runs against 1,000", rows, remarks)]


def plans(path: Path, act: Callable[[], object]) -> list[str]:
    """Say what SQLite does without an index for the statements that *act* sends."""
    _connect(path, act)
    sent: list[tuple[str, Any]] = []
    engine = engines.resolve(registries.url(path))
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _cur, sql, values, *_: sent.append((sql, values)))
    running.forget()
    act()
    engines.dispose(registries.url(path))  # the next engine has no listener, which would cost
    with sqlite3.connect(path) as connection:
        found = [
            step[3]
            for sql, values in sent
            if sql.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH"))
            for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", _plain(values))
        ]
    connection.close()
    return [step for step in dict.fromkeys(found) if step.startswith("SCAN ln_") and "INDEX" not in step]


def _plain(values: Any) -> Any:
    return tuple(values) if isinstance(values, (list, tuple)) else values


def _connect(path: Path, act: Callable[[], object]) -> None:
    """Let what comes next ask this registry; the first time in this turn is not measured."""
    running.forget()
    ln.connect(registries.url(path))
    act()


def _header(notebook: Path) -> None:
    running.forget()
    _again(notebook)


def _again(notebook: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        ln.header(filepath=notebook)


def _of_notebook() -> object:
    of_notebook = ln.select(lns.Run, notebook_id="notebook0001", notebook_v="1")
    return of_notebook.order_by(lns.Run.created_at.desc()).limit(10).all()


def _list_runs() -> object:
    with engines.current().connect() as connection:
        return runs.newest(connection, limit=10), runs.count(connection, up_to=1_001)


def _list_notebooks() -> object:
    with engines.current().connect() as connection:
        return notebooks.used_last(connection, host="host", limit=10, count_to=1_001), notebooks.count(connection)


def _find(key: str) -> object:
    with engines.current().connect() as connection:
        return ids.find(connection, key[:-1], lns.Notebook, lns.Run)
