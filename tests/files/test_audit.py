"""What the audit hook takes note of."""

# ruff: noqa: PTH119, PTH123, SIM115, UP020

from __future__ import annotations

import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ln_jupyter.files import audit
from ln_jupyter.files.access import READ, UPDATE, WRITE
from ln_jupyter.files.audit import LOG, RENAME, SCRATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.newest  # no library decides what is proved here


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, in which is noted what is opened."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    audit.start()
    yield tmp_path
    audit.stop()


def noted(folder: Path) -> list[tuple[str, int]]:
    """What was noted of the folder."""
    return [(os.path.relpath(e.path, folder), e.access) for e in LOG.take() if e.path.startswith(str(folder))]


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        (lambda: Path("a.txt").read_text(), [("a.txt", READ)]),
        (lambda: Path("b.txt").write_text("x"), [("b.txt", WRITE)]),
        (lambda: Path("a.txt").open("ab").close(), [("a.txt", WRITE)]),
        (lambda: Path("a.txt").open("r+").close(), [("a.txt", UPDATE)]),
        (lambda: Path("b.txt").open("w+").close(), [("b.txt", WRITE)]),
        (lambda: Path("b.txt").open("x").close(), [("b.txt", WRITE)]),
        (lambda: io.open(b"a.txt").close(), [("a.txt", READ)]),
        (lambda: os.close(os.open("a.txt", os.O_RDONLY)), [("a.txt", READ)]),
        (lambda: os.close(os.open(Path("a.txt"), os.O_WRONLY)), [("a.txt", WRITE)]),
        (lambda: shutil.copy("a.txt", "b.txt"), [("a.txt", READ), ("b.txt", WRITE)]),
        (lambda: Path("a.txt").replace("b.txt"), [("a.txt", RENAME)]),
        (lambda: os.link("a.txt", "b.txt"), [("b.txt", WRITE)]),
        (lambda: sqlite3.connect("a.db").close(), [("a.db", UPDATE)]),
        (lambda: sqlite3.connect("file:a%20b.db?mode=rwc", uri=True).close(), [("a b.db", UPDATE)]),
        (lambda: sqlite3.connect(":memory:").close(), []),
        (lambda: sqlite3.connect("file::memory:?mode=memory", uri=True).close(), []),
        (lambda: open(os.open("/dev/null", os.O_RDONLY)).close(), []),
        (lambda: tempfile.mkdtemp(dir="."), ["*"]),
    ],
)
def test_what_is_noted(folder: Path, do: Callable[[], Any], expected: list[Any]) -> None:
    """A file is noted by its absolute path, and how it is opened."""
    do()

    found = noted(folder)
    assert found == expected or (expected == ["*"] and found[0][1] == SCRATCH)


def test_what_was_there_before_is_noted_too(folder: Path) -> None:
    """Size, time and inode of a file are noted before it is written."""
    found = (folder / "a.txt").stat()
    (folder / "a.txt").write_text("longer")
    (folder / "b.txt").write_text("new")

    assert [each.before for each in LOG.take()] == [(found.st_size, found.st_mtime_ns, found.st_ino), None]


def test_a_relative_path_is_of_the_folder_at_its_time(folder: Path) -> None:
    """A change of the working folder changes what later paths are, not earlier ones; one that fails changes nothing."""
    for name in ("one", "two"):
        (folder / name).mkdir()
    os.chdir("one")
    open("x", "w").close()
    with pytest.raises(FileNotFoundError):
        os.chdir("no such folder")
    open("y", "w").close()
    os.chdir("../two")
    open("x", "w").close()

    assert [name for name, _ in noted(folder)] == ["one/x", "one/y", "two/x"]


def test_a_repeated_event_is_noted_once(folder: Path) -> None:
    """What is opened a thousand times is noted once between two looks."""
    for _ in range(1000):
        open("a.txt").close()
    first = noted(folder)
    open("a.txt").close()

    assert first == noted(folder) == [("a.txt", READ)]


def test_too_much_is_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a bound the rest is counted and not kept."""
    monkeypatch.setattr(audit, "MOST", 10)
    for number in range(30):
        open("a.txt").close()
        open(f"{number}.txt", "w").close()
    before = LOG.left_out

    assert len(noted(folder)) <= 11
    assert before >= 19


def test_the_cell_of_an_event(folder: Path) -> None:
    """What a cell opens is of the cell, and what a thread opens that it has started, also when it has ended; else of none."""
    go_on, is_done = threading.Event(), threading.Event()

    def work() -> None:
        open("b.txt", "w").close()
        go_on.wait(60)
        open("c.txt", "w").close()
        is_done.set()

    open("a0.txt", "w").close()
    LOG.begin_cell(1.0)
    open("a1.txt", "w").close()
    thread = threading.Thread(target=work)
    thread.start()
    LOG.end_cell()
    LOG.begin_cell(2.0)
    go_on.set()
    is_done.wait(60)
    open("a2.txt", "w").close()
    LOG.end_cell()
    open("a3.txt", "w").close()
    thread.join()

    cells = {os.path.basename(each.path): each.cell for each in LOG.take()}
    assert cells == {"a0.txt": None, "a1.txt": 1.0, "b.txt": 1.0, "c.txt": 1.0, "a2.txt": 2.0, "a3.txt": None}


def test_a_thread_that_begins_and_ends_in_a_cell(folder: Path) -> None:
    """What a thread opens that is gone before its cell ends is of the cell."""
    LOG.begin_cell(1.0)
    thread = threading.Thread(target=lambda: open("b.txt", "w").close())
    thread.start()
    thread.join()
    LOG.end_cell()

    assert [each.cell for each in LOG.take()] == [1.0]


def test_cells_of_two_threads(folder: Path) -> None:
    """Cells that run beside each other, as in subshells, are told apart by their threads."""
    begun, go_on = threading.Event(), threading.Event()

    def other() -> None:
        LOG.begin_cell(2.0)
        begun.set()
        go_on.wait(60)
        open("b.txt", "w").close()
        LOG.end_cell()

    LOG.begin_cell(1.0)
    thread = threading.Thread(target=other)
    thread.start()
    begun.wait(60)
    open("a2.txt", "w").close()
    go_on.set()
    thread.join()
    LOG.end_cell()

    assert [(os.path.basename(each.path), each.cell) for each in LOG.take()] == [("a2.txt", 1.0), ("b.txt", 2.0)]


def test_a_silent_thread(folder: Path) -> None:
    """What a thread of our own opens is not noted."""

    def work() -> None:
        with audit.silence():
            open("b.txt", "w").close()
        open("c.txt", "w").close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert noted(folder) == [("c.txt", WRITE)]


@pytest.mark.parametrize("path", [object(), 1.5, "\0", "", [], -1, 10**9])
def test_what_cannot_be_opened(folder: Path, path: Any) -> None:
    """What is no path fails as it does without the hook."""
    audit.stop()
    with pytest.raises(Exception) as without:  # noqa: PT011
        open(path)
    audit.start()
    with pytest.raises(Exception) as found:  # noqa: PT011
        open(path)

    assert (type(found.value), str(found.value)) == (type(without.value), str(without.value))


def test_whatever_fails_in_the_hook_is_a_line_in_the_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is raised while an event is noted, the file is opened, and one line of the log says what may be missing."""
    monkeypatch.setattr(LOG, "problem", None)
    monkeypatch.setattr(LOG, "is_reported", False)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    for name in ("open", "other", "add"):
        monkeypatch.setattr(LOG, name, fail)
    open("b.txt", "w").close()
    sqlite3.connect("b.db").close()
    LOG.take()
    open("c.txt", "w").close()
    LOG.take()

    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "a file may be missing from the run: ZeroDivisionError"
    ]


def test_an_error_at_each_line_of_the_hook(folder: Path) -> None:
    """Whatever line fails while an event is noted, the file is opened as it is without the hook."""
    program = """
import io, os, sqlite3, sys
from ln_jupyter.files import audit

lines = set()
def trace(frame, event, arg, at=None):
    if frame.f_code.co_filename == audit.__file__ and frame.f_code.co_name != "<module>":
        if event == "line":
            lines.add((frame.f_code.co_name, frame.f_lineno))
            if (frame.f_code.co_name, frame.f_lineno) == target:
                raise ZeroDivisionError
        return trace
def hook(*args):
    audit_hook(*args)
hook.__cantrace__ = True
audit_hook = audit._hook
audit_hook.__dict__["__cantrace__"] = True

def work():
    open("a.txt").close()
    open(b"b.txt", "w").close()
    os.rename("b.txt", "c.txt")
    os.chdir(".")
    sqlite3.connect("d.db").close()
    sqlite3.connect("file:d.db", uri=True).close()
    os.link("c.txt", "e.txt"); os.unlink("e.txt")
    os.system("true")

audit.start()
LOG = audit.LOG
target = None
# events are noted by the same functions that the hook calls: they are called as it calls them, line by line
def note_all():
    for event, args in (("open", ("a.txt", "r", os.O_RDONLY)), ("open", (b"b.txt", "w", os.O_WRONLY)), ("open", (3, "r", 0)),
                        ("os.rename", ("b", "c", -1, -1)), ("os.chdir", (".",)), ("sqlite3.connect", ("file:d.db",)),
                        ("os.link", ("c", "e", -1, -1)), ("os.system", ("true",)), ("tempfile.mkstemp", ("t",))):
        audit._hook(event, args)
sys.settrace(trace); note_all(); sys.settrace(None)
seen = sorted(lines)
for target in seen:
    LOG.problem = None
    LOG.forget()
    sys.settrace(trace)
    try:
        note_all()
    except ZeroDivisionError:
        inside_fence = False
        sys.settrace(None)
        assert target[0] == "_hook", target
        print(*target)
        continue
    sys.settrace(None)
    work()
print("done", len(seen))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=False)

    assert ran.returncode == 0, ran.stderr
    *outside, (done, count) = [line.split() for line in ran.stdout.splitlines()]
    # these ask whether it is on, begin the fence, and keep what was raised in it
    assert len(outside) <= 4, outside
    assert done == "done"
    assert int(count) > 40


def test_a_fork_while_another_thread_holds_the_lock(folder: Path) -> None:
    """A process that is forked just when another thread looks at what was noted goes on."""
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with LOG._lock:
            held.set()
            go_on.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads
        child = os.fork()
    if not child:
        os._exit(7)
    deadline = threading.Timer(60, os.kill, (child, signal.SIGKILL))  # one that waits for the lock would wait for ever
    deadline.start()
    _, status = os.waitpid(child, 0)
    deadline.cancel()
    go_on.set()
    thread.join()

    assert os.waitstatus_to_exitcode(status) == 7
