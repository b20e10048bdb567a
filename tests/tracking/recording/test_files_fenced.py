"""Whatever is raised while files are looked at, the run is written, and one line of the log says that files may be missing."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
from ln_jupyter.files import audit, events, hash_queue, hashing, ledger, noise, snapshot, touches, watching, workers
from ln_jupyter.schema import tables
from ln_jupyter.tracking.recording import files as of_run
from ln_jupyter.tracking.recording.files import Files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

pytestmark = pytest.mark.newest  # no library decides what is proved here

MODULES = {
    each.__file__ for each in (audit, events, hash_queue, hashing, ledger, noise, snapshot, touches, workers, of_run)
}
# These begin the fence, or say what is there.
OPEN = {("files", each) for each in ("take", "settle", "write", "confirm", "_fence", "_report", "__init__")}
OPEN |= {("ledger", "__init__"), ("noise", "__init__"), ("audit", "__init__")}
Line = tuple[str, str, int]


class Lines:
    """Traces the lines of the modules, and raises at one of them."""

    def __init__(self, target: Line | None = None) -> None:
        self.seen: dict[Line, None] = {}
        self._target = target

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        """Trace a frame."""
        code = frame.f_code
        module = code.co_filename.rpartition("/")[2].removesuffix(".py")
        if code.co_filename not in MODULES or (module, code.co_name) in OPEN:
            return None
        line = (module, code.co_name, frame.f_lineno)
        if event == "line":
            self.seen[line] = None
            if line == self._target:
                raise ZeroDivisionError
        return self

    def __enter__(self) -> Self:
        sys.settrace(self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder of a process that is watched."""
    monkeypatch.chdir(tmp_path)
    audit.start()
    yield tmp_path
    watching.end()


def work(number: int) -> None:
    """Read, write, update, rename and ask for a process."""
    audit.LOG.silent.clear()  # what has failed where a silence ends goes on
    name = f"{number}"
    Path(name).mkdir()
    os.chdir(name)
    Path(f"{name}.in").write_text(name)
    audit.LOG.take()
    audit.LOG.begin_cell(float(number + 1))
    Path(f"{name}.in").read_text()
    Path(f"{name}.in").write_text("changed")
    Path(f"{name}.tmp").write_text(name)
    Path(f"{name}.tmp").replace(f"{name}.out")
    Path(f"{name}.folder").mkdir()
    Path(f"{name}.folder", "member").write_text(name)
    sqlite3.connect(f"{name}.db").close()
    audit.LOG.note(f"{name}.folder", 1, "pyarrow")
    audit.LOG.note(f"{name}*.o?t", 0, "polars")
    audit.LOG.note("https://example.org/a.csv", 0, "pandas")
    audit.LOG.add("", audit.PROCESS, "os.system")
    workers.INBOX.open()
    with Path(workers.INBOX.path).open("a") as lines:
        lines.write(f'["{Path.cwd()}/{name}.in", 0, "open", {time.time()}, null, null, ""]\n')
    audit.LOG.end_cell()
    os.chdir("..")


def look(files: Files, engine: sa.Engine, run_id: str) -> None:
    """Do what the recorder does with the files of a cell, in the transaction that writes the run."""
    files.take([], before=None)
    files.settle([], is_last=False, is_ending=lambda: False)
    with engine.connect() as connection:
        connection.execute(sa.update(tables.run).where(tables.run.c.id == run_id).values(note="written"))
        confirm = files.write(connection, {})
        connection.commit()
    confirm()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # nothing of it depends on the database
def test_an_error_at_each_line(folder: Path, engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever line fails, what else there is of the run is written, and the next look finds what there is to find."""
    caplog.set_level(logging.WARNING)
    import ln_jupyter.schema as lns

    run = ln.add(lns.Run(name="Solve Problem X"))
    columns = {"id": run.id, "created_by_id": run.created_by_id}

    def make(number: int) -> Files:
        return Files(columns, noise.Noise(str(folder), own=()), str(folder / f"{number}"), "host")

    work(0)
    with Lines() as lines:
        look(make(0), engine, run.id)
    found = list(lines.seen)
    for number, line in enumerate(found, 1):
        caplog.clear()
        work(number)
        files = make(number)
        with Lines(line):
            look(files, engine, run.id)
        said = [each.getMessage() for each in caplog.records if "missing from the run" in each.getMessage()]
        assert len(said) <= 1, line

    assert ln.select(lns.Run, id=run.id).one().note == "written"
    assert len(found) > 150
    assert {"ledger", "hashing", "events", "snapshot", "noise", "files"} <= {module for module, *_ in found}
