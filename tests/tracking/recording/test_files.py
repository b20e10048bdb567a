"""What a run reads and writes, seen in real kernels and processes, and read back from the registry."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines
from ln_jupyter.files import audit, hash_queue, hashing, ledger
from tests.faults import processes
from tests.ipython import kernel_driver
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import sqlalchemy as sa

    from tests.ipython.kernel_driver import Kernel

SETUP = """
import os, sys, shutil, threading
import multiprocessing as mp
import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.tracking import running
"""
HEADER = "ln.header(id='Rx2s9cPTMQLY', name='Growth', run='new')"
SETTLE = "running.recording().settle()"

TASKS = """
import shutil

def copy(names):
    shutil.copy(*names)

def convert(names):
    import polars
    polars.read_csv(names[0]).write_csv(names[1])
"""

Seen = tuple[str, str, str, int | None, str | None]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, Path]]:
    """Give a kernel that imports nothing twice, and its home."""
    home = tmp_path_factory.mktemp("kernel")
    (home / "tasks.py").write_text(TASKS)
    with kernel_driver.start(home, SETUP) as kernel:
        yield kernel, home


class Notebook:
    """A notebook whose cells run in a folder of its own."""

    def __init__(self, kernel: Kernel, home: Path, folder: Path) -> None:
        self.kernel, self.home, self.folder = kernel, home, folder
        self.kernel.run(f"os.chdir({str(folder)!r})")
        self.run_id = ""
        self.run(HEADER)

    def run(self, *cells: str) -> None:
        """Run cells, and wait until they are written."""
        for cell in (*cells, SETTLE):
            executed = self.kernel.run(cell)
            assert executed.status == "ok", executed.traceback
        self.run_id = self.kernel.read("running.recording().run_id")

    @property
    def rows(self) -> list[lns.RunFile]:
        """What is known of the run that goes on."""
        with ln.Session(engines.resolve(f"sqlite:///{self.home / 'registry.db'}")) as ss:
            return list(ss.select(lns.Run, id=self.run_id).load("files.file").one().files)

    @property
    def seen(self) -> list[Seen]:
        """Role, name, how it was seen, in which cell, and why its content is not known."""
        return [(r.role, os.path.relpath(r.path, self.folder), r.via, r.cell, r.reason) for r in self.rows]


@pytest.fixture
def notebook(started: tuple[Kernel, Path], tmp_path: Path) -> Iterator[Notebook]:
    """Give a notebook, with a new run in which `header()` was the first cell."""
    yield Notebook(*started, tmp_path)
    engines.dispose(f"sqlite:///{started[1] / 'registry.db'}")


def test_files_of_cells(notebook: Notebook) -> None:
    """What a cell reads and writes is of that cell, by absolute path, size and content; links to files are filled."""
    (notebook.folder / "raw.csv").write_text("of cells alone")
    notebook.run("text = open('raw.csv').read()", "print(text, file=open('clean.csv', 'w')); del text")

    assert [each[:3] for each in notebook.seen] == [("input", "raw.csv", "open"), ("output", "clean.csv", "open")]
    read, written = notebook.rows
    assert read.file is not None
    assert written.file is not None
    assert (read.size, read.file.size, read.file.name, read.file.suffix) == (14, 14, "raw", ".csv")
    assert read.file.hash == hashlib.sha256(b"of cells alone").hexdigest()
    with ln.Session(engines.resolve(f"sqlite:///{notebook.home / 'registry.db'}")) as ss:
        run = ss.select(lns.Run, id=read.run_id).load("inputs", "outputs").one()
    assert ([each.id for each in run.inputs], [each.id for each in run.outputs]) == ([read.file_id], [written.file_id])
    assert read.file.created_by_id == run.created_by_id


def test_the_cell_is_that_of_the_log(notebook: Notebook) -> None:
    """The number of a file's cell is that of the executed cell in the run."""
    notebook.run("open('a.csv', 'w').close()", "1 + 1", "open('b.csv', 'w').close()")

    with ln.Session(engines.resolve(f"sqlite:///{notebook.home / 'registry.db'}")) as ss:
        for row in notebook.rows:
            cell = ss.select(lns.ExecutedCell, run_id=row.run_id, position=row.cell).load("text").one()
            assert (
                cell.source_hash == hashlib.sha256(f"open('{Path(row.path).name}', 'w').close()".encode()).hexdigest()
            )
    assert len(notebook.rows) == 2


@pytest.mark.parametrize(
    "start",
    [
        "with mp.get_context('fork').Pool(1) as pool: pool.map(tasks.copy, [names])",
        "with mp.get_context('spawn').Pool(1) as pool: pool.map(tasks.copy, [names])",
        "with mp.get_context('spawn').Pool(1) as pool: pool.map(tasks.convert, [names])",
        "process = mp.get_context('fork').Process(target=tasks.copy, args=[names]); process.start(); process.join()",
        (
            "from concurrent.futures import ProcessPoolExecutor\n"
            "with ProcessPoolExecutor(1, mp_context=mp.get_context('forkserver')) as pool: list(pool.map(tasks.copy, [names]))"
        ),
        "import joblib; joblib.Parallel(2)(joblib.delayed(tasks.copy)(each) for each in [names, names])",
        (
            "from concurrent.futures import ThreadPoolExecutor\n"
            "with ThreadPoolExecutor(1) as pool: list(pool.map(tasks.copy, [names]))"
        ),
    ],
    ids=["fork pool", "spawn pool", "spawn pool, polars", "fork", "forkserver", "joblib", "threads"],
)
def test_files_of_workers(notebook: Notebook, start: str) -> None:
    """What a worker or a thread reads and writes is of the cell that started it."""
    (notebook.folder / "raw.csv").write_text("a,b\n")
    (notebook.folder / "tasks.py").write_text((notebook.home / "tasks.py").read_text())
    notebook.run("sys.path.insert(0, os.getcwd()); import tasks; names = 'raw.csv', 'copy.csv'", start)

    assert {each[:2] for each in notebook.seen} == {("input", "raw.csv"), ("output", "copy.csv")}
    assert len({cell for *_, cell, _ in notebook.seen}) == 1
    assert None not in {cell for *_, cell, _ in notebook.seen}


def test_a_fork_is_silent(notebook: Notebook) -> None:
    """What a process does that was forked by hand is nobody's."""
    notebook.run("if not os.fork():\n    open('a.csv', 'w').close()\n    os._exit(0)\nos.wait();")

    assert notebook.seen == []


def test_what_a_shell_command_writes(tmp_path: Path, started: tuple[Kernel, Path]) -> None:
    """What a shell command has written into the notebook's folder is an output that a look around has found."""
    notebook = Notebook(*started, tmp_path)
    file = notebooks.write(tmp_path / "a.ipynb")
    notebook.run(f"ln.header(filepath={str(file)!r}, run='new')", "!echo a,b > made.csv")

    assert [each[:3] for each in notebook.seen] == [("output", "made.csv", "snapshot")]


def test_a_run_has_its_own_files(notebook: Notebook) -> None:
    """What a process does before the cell in which another run begins is of the run before, and what that cell does is not."""
    notebook.run("open('one.csv', 'w').close()")
    before = notebook.rows[0].run_id
    notebook.kernel.run("open('two.csv', 'w').close()")
    notebook.run(f"open('three.csv', 'w').close(); {HEADER}", "open('four.csv', 'w').close()")

    assert sorted(name for _, name, *_ in notebook.seen) == ["four.csv", "three.csv"]
    with ln.Session(engines.resolve(f"sqlite:///{notebook.home / 'registry.db'}")) as ss:
        rows = ss.select(lns.RunFile, run_id=before).all()
    assert sorted(Path(each.path).name for each in rows) == ["one.csv", "two.csv"]


def test_it_can_be_turned_off(notebook: Notebook) -> None:
    """With `files="off"` nothing is recorded, until a run wants it again."""
    notebook.run(HEADER.replace("run=", "files='off', run="), "open('a.csv', 'w').close()")
    off = notebook.seen
    notebook.run(HEADER, "open('b.csv', 'w').close()")

    assert (off, [name for _, name, *_ in notebook.seen]) == ([], ["b.csv"])


def test_what_the_user_says(notebook: Notebook) -> None:
    """`track_input` and `track_output` record what nothing can see: of files the content, of others the address."""
    (notebook.folder / "a.csv").write_text("a")
    notebook.run(
        "ln.track_input('a.csv'); ln.track_input('https://ann:pw@example.org/a.csv?token=s3cret')",
        "ln.track_input('postgresql://ann:pw@example.org/lab/plates'); ln.track_input('select * from plates')",
        "ln.track_output('.')",
    )

    assert [(row.role, row.kind, row.path.removeprefix(f"{notebook.folder}/"), row.via) for row in notebook.rows] == [
        ("input", "file", "a.csv", "stated"),
        ("input", "url", "https://example.org/a.csv?token=***", "stated"),
        ("input", "table", "postgresql://example.org/lab/plates", "stated"),
        ("input", "query", "select * from plates", "stated"),
        ("output", "folder", str(notebook.folder), "stated"),
    ]
    assert [row.file is not None for row in notebook.rows] == [True, False, False, False, True]


@pytest.mark.parametrize("x", [None, 1, "", b"a.csv", ["a.csv"], "no/such/file.csv"])
def test_what_cannot_be_said(x: Any) -> None:
    """What is no path and no address, and a file that is not there, is refused in a sentence."""
    with pytest.raises(errors.InvalidValueError):
        ln.track_input(x)


def test_without_a_run_nothing_can_be_said() -> None:
    """Without a run the error says what to call."""
    with pytest.raises(errors.NotRegisteredError, match=r"ln\.header"):
        ln.track_output("s3://lab/model.bin")


def test_a_kill_loses_no_more_than_a_hash(tmp_path: Path) -> None:
    """Of a kernel that is killed while it hashes a large file, the file is known, and that its content is not."""
    with kernel_driver.start(tmp_path, SETUP) as kernel:
        notebook = Notebook(kernel, tmp_path, tmp_path)
        kernel.run(
            "from ln_jupyter.files import hash_queue, hashing; hash_queue._SMALL = 10; begun = threading.Event()\n"
            "read = hashing.of_path\n"
            "def of_path(path, **options):\n"
            "    if 'big' in path:\n        begun.set()\n        threading.Event().wait()\n"
            "    return read(path, **options)\n"
        )
        kernel.run(
            "hashing.of_path = of_path; open('big.bin', 'w').write('x' * 11); open('small.bin', 'w').write('x');"
        )
        kernel.run("begun.wait(60)")
        os.kill(kernel.read("os.getpid()"), 9)

    assert [(role, name, why) for role, name, _, _, why in notebook.seen] == [
        ("output", "big.bin", hash_queue.NOT_YET),
        ("output", "small.bin", None),
    ]
    engines.dispose(f"sqlite:///{tmp_path / 'registry.db'}")


def work(tell: Callable[[object], None], url: str, folder: str, number: int) -> None:
    """Run a script that writes what all others write, too."""
    os.environ["LN_JUPYTER_URL"] = url
    os.chdir(folder)
    ln.header(id="Rx2s9cPTMQLY", name=f"script {number}")
    Path(f"{number}.csv").write_text("the same")
    from ln_jupyter.tracking import running

    recording = running.recording()
    assert recording is not None
    recording.finish()
    tell(recording.run_id)


def test_many_processes_write_one_content(engine: sa.Engine, tmp_path: Path) -> None:
    """Whoever writes a content names the same file: one row, and a link of each."""
    url = engine.url.render_as_string(hide_password=False)
    started = [processes.Process(work, url, str(tmp_path), number) for number in range(6)]
    for each in started:
        each.wait_until_ready()
    for each in started:
        each.go()
    ids = {each.next() for each in started}

    (file,) = ln.select(lns.File).load("sources").all()
    assert {run.id for run in file.sources} == ids
    assert file.hash == hashlib.sha256(b"the same").hexdigest()


SCRIPT = """
import sys
import ln_jupyter as ln
ln.header()
*read, written = sys.argv[1:]
text = "".join(open(name).read() for name in read)
open(written, "w").write(text + written)
"""


def test_the_graph_of_four_scripts(sqlite_url: sa.URL, tmp_path: Path) -> None:
    """Of runs that read what others wrote each edge is there, and no other."""
    (tmp_path / "raw.txt").write_text("raw")
    steps = [["raw.txt", "a.txt"], ["raw.txt", "b.txt"], ["a.txt", "b.txt", "c.txt"], ["c.txt", "raw.txt", "d.txt"]]
    for number, names in enumerate(steps):
        script = tmp_path / f"step{number}.py"
        script.write_text(SCRIPT)
        environment = os.environ | {"LN_JUPYTER_URL": sqlite_url.render_as_string(hide_password=False)}
        subprocess.run([sys.executable, script, *names], check=True, cwd=tmp_path, env=environment, capture_output=True)

    with ln.Session(engines.resolve(sqlite_url)) as ss:
        found = {
            (Path(run.path or "").stem, row.role, Path(row.path).name)
            for run in ss.select(lns.Run).load("files").all()
            for row in run.files
        }
    expected = {(f"step{n}", "output", names[-1]) for n, names in enumerate(steps)}
    expected |= {(f"step{n}", "input", name) for n, names in enumerate(steps) for name in names[:-1]}
    assert found == expected


def test_whatever_fails_with_files_the_run_goes_on(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is raised while files are looked at is one line in the log, and the rest of the run is written."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    ln.header(filepath=notebooks.write(tmp_path / "a.ipynb"))
    monkeypatch.setattr(ledger.Ledger, "settle", fail)
    from ln_jupyter.tracking import running

    recording = running.recording()
    assert recording is not None
    for _ in range(2):
        ln.log(auc=0.9)
        recording.settle()

    assert ln.select(lns.Run).one().results == {"auc": 0.9}
    assert [r.levelname for r in caplog.records if "files may be missing" in r.getMessage()] == ["WARNING"]


def test_nothing_is_noted_where_no_run_is(tmp_path: Path) -> None:
    """Without `header()` nothing is hooked."""
    assert not audit.LOG.is_on
    assert hashing.look(str(tmp_path / "none")).reason == hashing.MISSING


def test_what_a_script_has_written_that_a_cell_started(notebook: Notebook, tmp_path: Path) -> None:
    """What a run is known to have written is not said again of the run whose cell started it."""
    file = notebooks.write(tmp_path / "a.ipynb")
    (tmp_path / "step.py").write_text("import ln_jupyter as ln\nln.header()\nopen('made.csv', 'w').close()\n")
    notebook.run(f"ln.header(filepath={str(file)!r}, run='new')", "!{sys.executable} step.py")

    assert notebook.seen == []
    with ln.Session(engines.resolve(f"sqlite:///{notebook.home / 'registry.db'}")) as ss:
        (row,) = ss.select(lns.RunFile, path=str(tmp_path / "made.csv")).load("run").all()
    assert row.run.path == str(tmp_path / "step.py")


def test_what_the_running_cell_has_written_is_there_for_who_asks(notebook: Notebook) -> None:
    """A question in the cell that writes a file knows of it."""
    executed = notebook.kernel.run("open('a.csv', 'w').write('a'); print(ln.where('a.csv').state)")

    assert executed.stdout == "as written\n"
