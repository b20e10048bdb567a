"""What is not done while the registry is locked: others wait for it."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from ln_jupyter.db import backends
from ln_jupyter.db.sqlite import locks
from ln_jupyter.environment import process as processes
from ln_jupyter.locate.location import Location
from ln_jupyter.registry import choose
from ln_jupyter.tracking import register as rows
from ln_jupyter.tracking import request as requests
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import sqlalchemy as sa

    from ln_jupyter.db.backend import Backend
    from ln_jupyter.tracking.register import Registration

_ASKS = {"open", "os.listdir", "os.scandir", "subprocess.Popen", "os.posix_spawn", "os.fork"}
_heard: list[list[tuple[str, Any]]] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _heard and event in _ASKS:
        _heard[-1].append((event, arguments[0] if arguments else None))


@pytest.fixture(scope="module")
def audit() -> None:
    """Hear what Python opens and starts; a hook stays for as long as the process."""
    sys.addaudithook(_hear)


@pytest.fixture
def asked(audit: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    """Give what was opened and started between the first write's lock and the end of the transaction."""
    asked: list[tuple[str, Any]] = []
    begin, in_registry = locks.begin, choose.in_registry

    def begin_and_hear(*arguments: Any) -> None:
        begin(*arguments)
        _heard.append(asked)

    def end(*arguments: Any, **options: Any) -> Any:
        try:
            return in_registry(*arguments, **options)
        finally:
            _heard.clear()

    monkeypatch.setattr(locks, "begin", begin_and_hear)
    monkeypatch.setattr(choose, "in_registry", end)
    yield asked
    _heard.clear()


def test_a_new_notebook(register: Callable[..., Registration], tmp_path: Path, asked: list[Any]) -> None:
    """A notebook that the registry does not know is read before."""
    register(notebooks.write(tmp_path / "a.ipynb"))

    assert [] == asked


def test_a_copy(register: Callable[..., Registration], tmp_path: Path, asked: list[Any]) -> None:
    """Whether the original is still there, and whether git holds both as one file, is asked before."""
    original = notebooks.write(tmp_path / "a.ipynb", nbproject={"id": "aaaaaaaaaaaa", "version": "1"})
    (tmp_path / ".git").mkdir()
    register(original)
    copy = tmp_path / "other" / "a.ipynb"
    (tmp_path / "other" / ".git").mkdir(parents=True)
    copy.write_bytes(original.read_bytes())

    assert "aaaaaaaaaaaa" == register(copy).notebook.parent_id
    assert [] == asked


def test_what_somebody_else_writes_meanwhile(
    register: Callable[..., Registration],
    tmp_path: Path,
    asked: list[Any],
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that another kernel registers before the lock is there is looked at without the lock, and so is a copy made once."""
    stated = {"nbproject": {"id": "aaaaaaaaaaaa", "version": "1"}}
    original = notebooks.write(tmp_path / "a.ipynb", **stated)
    copy = notebooks.write(tmp_path / "b.ipynb", "other = 1", "code = 2", ids="x", **stated)
    register(original)
    other = notebooks.write(tmp_path / "c.ipynb", "other = 1", "code = 2", ids="x", **stated)
    backend, begun = type(backends.get(engine.dialect)), []
    lock = backend.begin_named

    def lock_after_another(self: Backend, connection: sa.Connection, name: str) -> None:
        if not begun:
            begun.append(name)
            register(other)
            asked.clear()
        lock(self, connection, name)

    monkeypatch.setattr(backend, "begin_named", lock_after_another)

    found = register(copy)

    assert "aaaaaaaaaaaa" == found.notebook.parent_id
    assert [] == asked


def test_the_latest_run(register: Callable[..., Registration], tmp_path: Path, asked: list[Any]) -> None:
    """Whether the process of the newest run still runs is asked before, too."""
    notebook = notebooks.write(tmp_path / "a.ipynb")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        began = dt.datetime.fromtimestamp(psutil.Process(other.pid).create_time(), dt.UTC)
        process = processes.current()._replace(pid=other.pid, started_at=began)
        request = requests.look_at(Location(notebook, "test"))._replace(process=process)
        first = rows.register(request, before=None, run=None)
        asked.clear()

        second = register(notebook, run="latest")

        other.communicate(b"\n")
    assert first.run.id in second.why_new
    assert [] == asked
