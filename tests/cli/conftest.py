"""The command line in this process, and registries to look into."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

import ln_jupyter.schema as lns
from ln_jupyter import cli, settings
from ln_jupyter.db import engines
from ln_jupyter.orm.session import OrmSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import sqlalchemy as sa
    from click.testing import Result

NOW = dt.datetime.now(dt.UTC)
PUBLISHED = NOW - dt.timedelta(days=50)


@pytest.fixture
def command() -> Callable[..., Result]:
    """Run the command line in this process; nobody sits at its stdin."""
    runner = CliRunner()
    return lambda *words, **options: runner.invoke(cli.main, [os.fspath(word) for word in words], **options)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make an empty working folder, where no variable decides the registry."""
    for name in settings.NAMES:
        monkeypatch.delenv(f"LN_JUPYTER_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)
    settings.forget()
    yield tmp_path
    settings.forget()


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process of its own."""
    return lambda *words, **options: subprocess.run(
        program(*words), capture_output=True, text=True, check=False, timeout=180, **options
    )


def table(text: str) -> list[list[str]]:
    """Read the cells of a table that went into a pipe, below its header; None of them is empty."""
    return [re.split("  +", line.strip()) for line in text.splitlines()[1:]]


def program(*words: str) -> list[str]:
    """Write the command of a process."""
    code = "import sys; from ln_jupyter import cli; sys.argv[0] = 'ln-jupyter'; cli.main()"
    return [sys.executable, "-c", code, *map(os.fspath, words)]


@pytest.fixture
def db(engine: sa.Engine) -> list[str]:
    """Give the words that name the registry of each kind, which another command may not have chosen."""
    engines.connect()
    return ["--db", engine.url.render_as_string(hide_password=False)]


@pytest.fixture
def data(command: Callable[..., Result]) -> Callable[..., Any]:
    """Run a command with ``--json`` and read what it wrote."""

    def read(*words: str, exit_code: int = 0) -> Any:
        done = command(*words, "--json")
        assert exit_code == done.exit_code, done.output
        return json.loads(done.stdout)

    return read


@pytest.fixture
def filled(engine: sa.Engine) -> None:
    """Fill the registry: a notebook in two versions, a pipeline, and a run in each state."""
    ann = lns.User(id="ann00000", handle="ann")
    environment = lns.Environment(hash="e" * 64, python="3.12.1", packages={"numpy": "2.0", "pandas": "2.2"})
    first = notebook("Growth0000aa", "1", title="Growth of E. coli", days=60, published_at=PUBLISHED)
    second = notebook("Growth0000aa", "2", title="Growth of E. coli", days=40, parent_id="Growth0000aa", parent_v="1")
    other = notebook("Other00000bb", "1", name="untitled", days=20)
    for each in (first, second, other):
        each.created_by = ann
    first.published_by = lns.User(id="bob00000", handle="bob")
    pipeline = lns.Pipeline(id="pipe0000", name="Transform A")
    records: list[object] = [environment, first, second, other, pipeline]
    records += [
        lns.NotebookPath(host=socket.gethostname(), path="/data/old.ipynb", notebook=second, seen_at=ago(35)),
        lns.NotebookPath(host=socket.gethostname(), path="/data/growth.ipynb", notebook=second, seen_at=ago(30)),
        lns.NotebookPath(host="elsewhere", path="/there/growth.ipynb", notebook=second, seen_at=ago(1)),
        execution("published000000000aa", days=55, notebook=first, finished_at=ago(55, 30), outcome="ok"),
        execution("finished0000000000aa", days=39, notebook=second, finished_at=ago(39, 90), outcome="ok"),
        execution("failed000000000000aa", days=38, notebook=second, finished_at=ago(38, 5), outcome="failed"),
        execution("lost00000000000000aa", days=30, notebook=second, heard_at=ago(30, 600)),
        execution(
            "running00000000000aa",
            days=0.01,
            pipeline=pipeline,
            heard_at=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10),
        ),
        lns.Run(id="byhand000000000000aa", name="by hand", created_at=ago(100), created_by=ann),
    ]
    failed = next(record for record in records if getattr(record, "id", "").startswith("failed"))
    fill_in(failed, environment=environment)
    for record in records:
        if isinstance(record, lns.Run):
            record.created_by = ann
    with OrmSession(engine) as session:
        session.add_all(records)
        session.commit()


def ago(days: float, seconds: float = 0) -> dt.datetime:
    """Give the moment *seconds* after it was *days* ago."""
    return NOW - dt.timedelta(days=days) + dt.timedelta(seconds=seconds)


def notebook(notebook_id: str, v: str, *, days: float, **fields: Any) -> lns.Notebook:
    """Make a notebook of some days ago."""
    return lns.Notebook(id=notebook_id, v=v, created_at=ago(days), **fields)


def execution(run_id: str, *, days: float, **fields: Any) -> lns.Run:
    """Make a run that was started some days ago."""
    return lns.Run(id=run_id, created_at=ago(days), started_at=ago(days), runner="nbmake", **fields)


def fill_in(run: Any, **fields: Any) -> None:
    """Give a run every fact there is."""
    facts = {
        "host": "lab-1",
        "pid": 4711,
        "process_started_at": ago(38, -3),
        "kernel_name": "python3",
        "kernel_id": "6f1c",
        "path": "/data/growth.ipynb",
        "python": "3.12.1",
        "imports": {"numpy": "2.0"},
        "git_commit": "0123abc",
        "git_dirty": True,
        "parameters": {"alpha": 0.5, "name": "x"},
        "cells": [
            lns.ExecutedCell(position=1, cell_id="c1", source_hash="a" * 64, started_at=ago(38), seconds=0.25, ok=True),
            lns.ExecutedCell(position=2, cell_id="c2", source_hash="b" * 64, started_at=ago(38), seconds=4, ok=False),
        ],
    }
    for name, value in (facts | fields).items():
        setattr(run, name, value)
