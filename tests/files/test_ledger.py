"""What it comes to what a process was seen to open."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from ln_jupyter.files import audit, hash_queue, hashing, ledger
from ln_jupyter.files.access import READ, UPDATE, WRITE
from ln_jupyter.files.events import Event
from ln_jupyter.files.ledger import Ledger
from ln_jupyter.files.noise import Noise

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.newest  # no library decides what is proved here

Seen = tuple[str, str, str | None]


class Run:
    """A run in a folder, whose cells are numbered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = Ledger(Noise(str(folder), own=()), str(folder))
        self.cell = 1.0

    def write(self, name: str, text: str = "x", **event: Any) -> None:
        """Write a file, as a cell does it."""
        path = self.folder / name
        before = path.stat() if path.exists() else None
        stamp = None if before is None else (before.st_size, before.st_mtime_ns, before.st_ino)
        path.write_text(text)
        self.note(name, WRITE, before=stamp, **event)

    def note(self, name: str, access: int, **event: Any) -> None:
        """Note that a cell opens a file."""
        target = str(self.folder / event.pop("target")) if "target" in event else ""
        said = {"via": "open", "at": time.time(), "cell": self.cell, "before": None} | event
        self.ledger.take([Event(str(self.folder / name), access, target=target, **said)])

    def end_cell(self, *, is_last: bool = False) -> None:
        """End a cell, and begin the next one."""
        self.ledger.settle(set(), is_last=is_last, is_over=lambda: False)
        self.cell += 1

    @property
    def seen(self) -> list[Seen]:
        """Role, name, and why the content is not known."""
        return [(row.role, os.path.relpath(row.path, self.folder), row.content.reason) for row in self.ledger.rows]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run."""
    return Run(tmp_path)


def test_what_is_only_read_is_an_input(run: Run) -> None:
    """A file that is read is an input, once, with what is in it."""
    (run.folder / "a.csv").write_text("a,b")
    run.note("a.csv", READ)
    run.end_cell()
    run.note("a.csv", READ)
    run.end_cell()

    assert run.seen == [("input", "a.csv", None)]
    assert run.ledger.rows[0].content.hash == hashing.of_path(str(run.folder / "a.csv")).hash


def test_what_is_written_is_an_output(run: Run) -> None:
    """A file that is written, and then read by the run that wrote it, is an output alone."""
    run.write("a.csv")
    run.note("a.csv", READ)
    run.end_cell()
    run.note("a.csv", READ)
    run.end_cell()

    assert run.seen == [("output", "a.csv", None)]


def test_a_cache_that_was_not_there(run: Run) -> None:
    """A file that is made because it could not be read is an output alone."""
    run.note("cache.csv", READ)
    run.write("cache.csv")
    run.note("cache.csv", READ)
    run.end_cell()

    assert run.seen == [("output", "cache.csv", None)]


def test_what_is_gone_is_scratch(run: Run) -> None:
    """What is not there when its cell has ended is neither."""
    run.write("a.tmp")
    (run.folder / "a.tmp").unlink()
    run.note("no such file", READ)
    run.end_cell()

    assert run.seen == []


def test_a_temporary_file_that_gets_its_name_is_one_output(run: Run) -> None:
    """What is written under one name and renamed is an output under the other."""
    run.write("a.tmp")
    run.note("a.tmp", audit.RENAME, target="a.csv")
    (run.folder / "a.tmp").replace(run.folder / "a.csv")
    run.end_cell()

    assert run.seen == [("output", "a.csv", None)]


def test_a_folder_that_gets_its_name(run: Run) -> None:
    """What is written into a folder that is renamed is written into the other."""
    (run.folder / "tmp").mkdir()
    run.write("tmp/a.csv")
    run.note("tmp", audit.RENAME, target="out")
    (run.folder / "tmp").rename(run.folder / "out")
    run.end_cell()

    assert run.seen == [("output", "out/a.csv", None)]


def test_what_tempfile_has_named_is_scratch_until_it_is_renamed(run: Run) -> None:
    """A file under a name that `tempfile` made is nobody's data, until it gets another one."""
    for name in ("t1", "t2"):
        run.note(name, audit.SCRATCH)
        run.write(name)
    run.note("t2", audit.RENAME, target="a.csv")
    (run.folder / "t2").replace(run.folder / "a.csv")
    run.end_cell()

    assert run.seen == [("output", "a.csv", None)]


def test_a_file_that_is_updated_is_both(run: Run) -> None:
    """What was in a file before it was updated is known where an earlier cell has read it, else it has no content."""
    (run.folder / "known.csv").write_text("a")
    (run.folder / "unknown.csv").write_text("a")
    run.note("known.csv", READ)
    run.end_cell()
    for name in ("known.csv", "unknown.csv"):
        run.note(name, READ)
        run.write(name, "ab")
    run.end_cell()

    assert run.seen == [
        ("input", "known.csv", None),
        ("output", "known.csv", None),
        ("input", "unknown.csv", hash_queue.OVERWRITTEN),
        ("output", "unknown.csv", None),
    ]
    assert run.ledger.rows[2].content.size == 1


def test_an_own_product_that_is_updated(run: Run) -> None:
    """What a run has written, and reads and writes again, is an output with each content, and no input."""
    run.write("a.csv", "a")
    run.end_cell()
    run.note("a.csv", READ)
    run.write("a.csv", "ab")
    run.end_cell()

    assert run.seen == [("output", "a.csv", None), ("output", "a.csv", None)]


@pytest.mark.parametrize("is_written", [False, True])
def test_a_file_opened_for_both(run: Run, *, is_written: bool) -> None:
    """Of a file that is opened to read and to write, its time says whether it was written."""
    path = run.folder / "a.db"
    path.write_text("a")
    found = path.stat()
    if is_written:
        path.write_text("ab")
    run.note("a.db", UPDATE, before=(found.st_size, found.st_mtime_ns, found.st_ino))
    run.end_cell()

    expected = [("input", "a.db", hash_queue.OVERWRITTEN), ("output", "a.db", None)]
    assert run.seen == (expected if is_written else [("input", "a.db", None)])


def test_a_database_that_stays_open(run: Run) -> None:
    """What later cells write to a file that was opened once is an output, too: nothing tells of a write."""
    path = run.folder / "a.db"
    with path.open("w+") as file:
        run.note("a.db", UPDATE)
        file.write("a")
        file.flush()
        run.end_cell()
        file.write("b")
        file.flush()
        run.end_cell()

    assert run.seen == [("output", "a.db", None), ("output", "a.db", None)]
    assert [row.content.size for row in run.ledger.rows] == [1, 2]


def test_a_file_that_is_not_closed_yet(run: Run) -> None:
    """What is held open to be written is an output when it is closed."""
    with (run.folder / "a.csv").open("w") as file:
        run.note("a.csv", WRITE)
        run.end_cell()
        assert run.seen == []
        file.write("a")
    run.end_cell()

    assert run.seen == [("output", "a.csv", None)]


def test_a_file_that_changes_after_it_was_read(run: Run) -> None:
    """What another process writes after a file was read is not what was read."""
    (run.folder / "a.csv").write_text("a")
    run.note("a.csv", READ, at=time.time() - 60)
    run.end_cell()

    assert run.seen == [("input", "a.csv", ledger.CHANGED)]


def test_a_file_of_the_future(run: Run) -> None:
    """A file whose time lies in the future was not written after it was read."""
    path = run.folder / "a.csv"
    path.write_text("a")
    os.utime(path, (4e9, 4e9))
    run.note("a.csv", READ, at=time.time() + 1)
    run.end_cell()

    assert run.seen == [("input", "a.csv", None)]


def test_each_content_of_a_file(run: Run) -> None:
    """A file with other content at each look is a row each, up to a limit; the last one is always there."""
    for number in range(30):
        run.write("a.csv", "x" * number)
        run.end_cell()

    assert len(run.ledger.rows) == 20
    assert run.ledger.rows[-1].content.size == 29


def test_more_files_than_are_listed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many files the others are counted, each once."""
    monkeypatch.setattr(ledger, "MOST_ROWS", 3)
    for _ in range(2):
        for number in range(5):
            run.write(f"{number}.csv")
        run.end_cell()

    assert (len(run.seen), run.ledger.unlisted) == (3, 2)


def test_a_folder_that_a_library_names_is_one_row(run: Run) -> None:
    """The files of a data set are one row, with how many they are; a folder that was only opened is none."""
    (run.folder / "d" / "b=x").mkdir(parents=True)
    run.note("d", WRITE, via="pyarrow")
    run.write("d/b=x/1.parquet")
    run.write("d/2.parquet")
    run.note(".", READ)
    run.end_cell()

    (row,) = run.ledger.rows
    assert (row.kind, os.path.basename(row.path), row.content.members, row.content.size) == ("folder", "d", 2, 2)  # noqa: PTH119
    assert row.content.hash == hashing.of_path(str(run.folder / "d")).hash


def test_a_folder_that_is_read_and_written_later(run: Run) -> None:
    """What a library reads in its folder in a later cell is of the folder, and what it writes there is a new content."""
    (run.folder / "a.zarr").mkdir()
    (run.folder / "a.zarr" / "0").write_text("x")
    (run.folder / "b.zarr").mkdir()
    run.note("a.zarr", READ, via="zarr")
    run.note("b.zarr", WRITE, via="zarr")
    run.write("b.zarr/0")
    run.end_cell()
    run.note("a.zarr/0", READ)
    run.note("b.zarr/0", READ)
    run.write("b.zarr/1", "more")
    run.write("a.zarr/notes.txt")  # not by the library, which only reads there
    run.end_cell()

    assert [("input", "a.zarr"), ("output", "b.zarr"), ("output", "b.zarr"), ("output", "a.zarr/notes.txt")] == [
        each[:2] for each in run.seen
    ]
    assert ["zarr", "zarr", "zarr", "open"] == [row.via for row in run.ledger.rows]


@pytest.mark.parametrize(
    ("exists", "writes", "expected"),
    [
        (True, False, [("input", "a.zarr")]),
        (True, True, [("input", "a.zarr"), ("output", "a.zarr")]),
        (False, True, [("output", "a.zarr")]),
    ],
)
def test_a_folder_opened_for_both(run: Run, *, exists: bool, writes: bool, expected: list[tuple[str, str]]) -> None:
    """A folder that a library opens to read and write is an output if something in it is newer than that."""
    if exists:
        (run.folder / "a.zarr").mkdir()
        (run.folder / "a.zarr" / "0").write_text("x")
        os.utime(run.folder / "a.zarr" / "0", (1, 1))
    found = (run.folder / "a.zarr").stat() if exists else None
    run.note("a.zarr", UPDATE, via="zarr", before=found and (found.st_size, found.st_mtime_ns, found.st_ino))
    if writes:
        (run.folder / "a.zarr").mkdir(exist_ok=True)
        (run.folder / "a.zarr" / "1").write_text("y")
    run.end_cell()

    assert expected == [each[:2] for each in run.seen]


def test_the_folder_of_the_notebook(run: Run) -> None:
    """Where a library names the notebook's own folder, what is written there later is seen by itself."""
    (run.folder / "a.csv").write_text("x")
    run.ledger.take([Event(str(run.folder), READ, "pyarrow", time.time(), run.cell)])
    run.end_cell()
    run.write("b.csv")
    run.end_cell()

    assert ("output", "b.csv", None) in run.seen


def test_a_pattern(run: Run) -> None:
    """A pattern that a library was given is the files that match it; `open()` knows no patterns."""
    for name in ("x1.csv", "x2.csv", "y.csv"):
        (run.folder / name).write_text(name)
    run.note("x*.csv", READ, via="polars")
    run.note("y*.csv", READ)
    run.end_cell()

    assert [name for _, name, _ in run.seen] == ["x1.csv", "x2.csv"]


def test_a_url(run: Run) -> None:
    """Of a URL the address is kept, without what only its owner may know."""
    run.ledger.take([Event("https://ann:pw@example.org/a.csv?token=s3cret", READ, "pandas", time.time(), 1.0)])
    run.end_cell()

    (row,) = run.ledger.rows
    assert (row.kind, row.path, row.content.reason) == (
        "url",
        "https://example.org/a.csv?token=***",
        ledger.ONLY_ADDRESS,
    )


def test_a_secret_is_not_hashed(run: Run) -> None:
    """Of what may hold a password not even a hash is kept."""
    run.write(".env", "PASSWORD=hunter2")
    run.end_cell()

    assert run.seen == [("output", ".env", hashing.SECRET)]
    assert run.ledger.rows[0].content.hash is None


def test_what_a_process_has_written(run: Run) -> None:
    """What appears in the folder in a cell that started a process is an output, marked as seen by a look around."""
    (run.folder / "old.csv").write_text("old")
    run.write("own.csv")
    run.note("", audit.PROCESS, via="subprocess.Popen", at=time.time() + 0.02)
    time.sleep(0.05)  # as long as the clock of a file system is behind
    (run.folder / "made.csv").write_text("made")
    run.end_cell()

    assert run.seen == [("output", "own.csv", None), ("output", "made.csv", None)]
    assert [row.via for row in run.ledger.rows] == ["open", "snapshot"]


def test_hashing_ends_in_time(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be hashed in the time of a cell has no hash, and says why; what is too large is not begun."""
    monkeypatch.setattr(hash_queue, "SECONDS_A_CELL", 0.0)
    monkeypatch.setattr(hashing, "LARGEST", 5)
    run.write("a.csv", "abc")
    run.write("b.csv", "abcdef")
    run.end_cell()

    assert run.seen == [("output", "a.csv", hashing.TOOK_TOO_LONG), ("output", "b.csv", hashing.TOO_LARGE)]


def test_the_end_does_not_wait(run: Run) -> None:
    """What is not hashed when the process ends has no hash, and says why."""
    run.write("a.csv", "abc")
    run.ledger.settle(set(), is_last=True, is_over=lambda: True)

    assert run.seen == [("output", "a.csv", hash_queue.AT_END)]


def test_a_file_is_hashed_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was hashed is not read again while its size, time and inode are the same."""
    (run.folder / "a.csv").write_text("a")
    run.note("a.csv", READ)
    run.end_cell()
    monkeypatch.setattr(hashing, "of_path", pytest.fail)
    run.note("a.csv", READ)
    run.end_cell()

    assert run.seen == [("input", "a.csv", None)]


def test_a_file_that_is_written_while_it_is_hashed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes while it is hashed is hashed once more, when it is quiet; a hash of half of it is never kept."""
    read = hashing.of_path

    def disturbed(path: str, **options: Any) -> hashing.Content:
        monkeypatch.setattr(hashing, "of_path", read)
        found = read(path, **options)
        return found._replace(hash=None, reason=hashing.BEING_WRITTEN)

    monkeypatch.setattr(hashing, "of_path", disturbed)
    run.write("a.csv", "a")
    run.end_cell()
    first = run.seen
    run.end_cell()

    assert (first, run.seen) == ([("output", "a.csv", hashing.BEING_WRITTEN)], [("output", "a.csv", None)])


def test_notebooks_that_others_write_meanwhile(run: Run) -> None:
    """A notebook or a module that appears while a process runs was written by an editor or a runner."""
    run.note("", audit.PROCESS, via="subprocess.Popen")
    time.sleep(0.05)  # as long as the clock of a file system is behind
    for name in ("out.ipynb", "tools.py", "made.csv"):
        (run.folder / name).write_text(name)
    run.end_cell()

    assert run.seen == [("output", "made.csv", None)]
