"""A run is heard while it goes on, and ends as it ended."""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import json
import logging
import signal
import subprocess
import sys
import threading
import weakref
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines, limits, transactions
from ln_jupyter.environment import distributions
from ln_jupyter.ipython.cell_log import CellLog
from ln_jupyter.locate.location import Location
from ln_jupyter.notebook import document
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking import request as requests
from ln_jupyter.tracking import running
from ln_jupyter.tracking.recording import outcome
from ln_jupyter.tracking.recording import recorder as recordings
from ln_jupyter.tracking.recording.recorder import Recording
from tests.ipython import kernel_driver
from tests.ipython.shells import shell_in
from tests.orm import conflicting
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from ln_jupyter.tracking.register import Registration
    from tests.ipython.kernel_driver import Kernel

SCRIPT = """
import os, signal, sys, threading, pytest
import ln_jupyter as ln
ln.header()
{rest}
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return notebooks.write(tmp_path / "growth.ipynb", "import sqlalchemy", notebooks.HEADER, title="Growth")


@pytest.fixture
def recording(engine: sa.Engine, notebook: Path) -> Recording:
    """Give the recording of a run in this process."""
    return record(notebook)


def record(notebook: Path) -> Recording:
    ln.header(filepath=notebook)
    found = running.recording()
    assert found is not None
    return found


def run_row() -> lns.Run:
    return ln.select(lns.Run).load("source", "environment").one()


def test_what_is_known_of_a_run_is_written(recording: Recording, notebook: Path) -> None:
    """Environment, source and imports are stored beside the cell, and the run refers to them."""
    recording.settle()

    run = run_row()
    assert distributions.current().hash == run.environment_hash
    assert run.environment.packages["sqlalchemy"] == sa.__version__ == run.imports["sqlalchemy"]
    found = document.read(notebook)
    assert (found.source_hash, found.source) == (run.source_hash, zlib.decompress(run.source.content))
    assert "running" == run.state


def test_nobodys_edit_becomes_stale(recording: Recording) -> None:
    """What the thread writes is no edit: a record that was read before can still be changed."""
    run = run_row()

    recording.settle()
    run.name = "Solve Problem X"
    ln.add(run)

    assert (2, "Solve Problem X") == (run_row().revision, run_row().name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("imports", {"sqlalchemy": "mine"}),
        ("parameters", {"lr": 0.1}),
        ("environment_hash", None),
        ("source_hash", None),
        ("git_commit", "mine"),
        ("git_dirty", True),
        ("finished_at", dt.datetime(2026, 1, 2, tzinfo=dt.UTC)),
        ("outcome", "aborted"),
        ("reason", "mine"),
        ("platform", "mine"),
    ],
)
def test_nobodys_value_is_overwritten(recording: Recording, notebook: Path, name: str, value: object) -> None:
    """What the user puts on the run stays, whatever is recorded afterwards, at its end too."""
    recording.settle()
    run = run_row()
    setattr(run, name, value)
    ln.add(run)
    notebooks.write(notebook, "import sqlalchemy", notebooks.HEADER, "x = 1", title="Growth")
    recording.settle()

    recording.finish()

    held = getattr(run_row(), name)
    assert value == ({each: held[each] for each in value} if isinstance(value, dict) else held)


def test_what_is_recorded_joins_what_was_there(recording: Recording, notebook: Path) -> None:
    """The user's parameters and those of the notebook stand beside each other."""
    run = run_row()
    run.parameters = {"lr": 0.1}
    ln.add(run)
    changed = json.loads(notebook.read_text())
    changed["cells"][1] |= {"source": "alpha = 1", "metadata": {"tags": ["parameters"]}}
    notebook.write_text(json.dumps(changed))

    recording.settle()

    assert {"lr": 0.1, "alpha": 1} == run_row().parameters


@pytest.mark.parametrize("kind", [KeyError, AssertionError, MemoryError])
def test_whatever_is_raised_in_the_thread_is_one_line(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    """A beat that fails, of whatever cause, is one line in the log, and the next one writes what it could not."""
    recording.settle()
    with monkeypatch.context() as broken:
        broken.setattr(recording, "_write", partial(_raise, kind))
        recording.settle()
        recording.settle()

    recording.finish()

    assert run_row().state == "finished"
    assert [f"the run {run_row().id} cannot be written now: {kind.__name__}"] == caplog.messages


def _raise(kind: type[Exception]) -> None:
    raise kind


def test_a_finder_that_is_broken(notebook: Path, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finder of modules that raises hides what it would find, and nothing else."""

    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            raise KeyError(name)

    notebooks.write(notebook, "import sqlalchemy, no_such_module", notebooks.HEADER, title="Growth")
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])

    recording = record(notebook)
    recording.settle()
    ln.header(filepath=notebook)

    assert run_row().imports["sqlalchemy"] == sa.__version__


def test_it_is_heard_without_cells(engine: sa.Engine, notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between cells, and in long ones, the run is heard again and again; its last cell stays what it was."""
    monkeypatch.setattr(recordings, "HEARTBEAT", 0.01)
    beats = threading.Semaphore(0)
    sa.event.listen(engine, "commit", lambda _: beats.release() if _is_beat(threading.current_thread()) else None)

    ln.header(filepath=notebook)
    assert beats.acquire(timeout=180)
    first = run_row().heard_at
    while beats.acquire(blocking=False):  # of those that came before
        pass
    assert beats.acquire(timeout=180)
    assert beats.acquire(timeout=180)

    assert first < run_row().heard_at
    assert run_row().last_cell_at is None
    running.forget()  # before the engine is disposed: the next beat would open it again


def _is_beat(thread: threading.Thread) -> bool:
    return thread.name == "ln_jupyter heartbeat"


def test_a_saved_change_is_seen(recording: Recording, notebook: Path) -> None:
    """When the file was written again, its source is; the one it replaced is kept only if somebody names it."""
    recording.settle()
    notebooks.write(notebook, "import sqlalchemy", notebooks.HEADER, "x = 1", title="Growth")

    recording.settle()

    assert [document.read(notebook).source_hash] == [source.hash for source in ln.select(lns.Source).all()]
    assert run_row().source_hash == ln.select(lns.Source).one().hash


def test_what_is_imported_later_is_written_too(recording: Recording, notebook: Path) -> None:
    """A package that the notebook gains when its imports were written already is written beside them."""
    recording.settle()
    notebooks.write(notebook, "import sqlalchemy, click", notebooks.HEADER, title="Growth")

    recording.settle()

    assert {"click", "sqlalchemy"} <= {name.lower() for name in run_row().imports or ()}


def test_a_file_that_goes_away_costs_nothing(recording: Recording, notebook: Path) -> None:
    """A file that is deleted or damaged meanwhile leaves the run as it was known."""
    recording.settle()
    before = run_row().source_hash

    notebook.write_text("<<<<<<< HEAD\n")
    recording.settle()
    notebook.unlink()
    recording.settle()

    assert before == run_row().source_hash


def test_the_commit_is_noted(engine: sa.Engine, notebook: Path) -> None:
    """In a git work tree, the run notes the commit, and whether tracked files differ."""
    for command in (["init", "-q"], ["add", "growth.ipynb"], ["commit", "-q", "-m", "x"]):
        who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
        subprocess.run(["git", *who, *command], cwd=notebook.parent, check=True, capture_output=True)
    notebooks.write(notebook, "changed", title="Growth")

    recording = record(notebook)
    recording.settle()

    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=notebook.parent, check=True, capture_output=True, text=True)
    assert (head.stdout.strip(), True) == (run_row().git_commit, run_row().git_dirty)


def test_a_locked_registry_is_caught_up_with(
    ln_registry: sa.Engine, notebook: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While somebody holds SQLite's lock nothing is written, said or raised; afterwards everything is."""
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.0)
    caplog.set_level(logging.DEBUG, recordings.__name__)
    recording = record(notebook)

    with ln_registry.connect() as holder:
        transactions.begin(holder)
        recording.settle()
        during = run_row().environment_hash
        holder.rollback()
    recording.settle()

    assert during is None
    assert run_row().environment_hash is not None
    assert any("could not be written now" in record.message for record in caplog.records)


def test_an_end_is_written_when_it_can_be(
    ln_registry: sa.Engine, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a run that another one follows is tried again, while the process lives."""
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.0)
    monkeypatch.setattr(recordings, "HEARTBEAT", 0.01)
    recording = record(notebook)

    with ln_registry.connect() as holder:
        transactions.begin(holder)
        recording.finish()
        during = run_row().state
        holder.rollback()
    for thread in filter(_is_beat, threading.enumerate()):
        thread.join(60)

    assert ("running", "finished") == (during, run_row().state)


@pytest.mark.postgres
def test_an_end_that_a_database_refuses_is_written_at_once_again(postgres_url: sa.URL, notebook: Path) -> None:
    """A process that ends does not wait for another heartbeat: a COMMIT that collided is done again before."""
    engine = engines.connect(postgres_url)
    recording = record(notebook)
    recording.settle()
    asked = conflicting.refuse_every_other_commit(engine)

    recording.finish()

    assert (2, "finished") == (asked(), run_row().state)
    engines.connect()


def test_a_session_of_the_user_is_not_touched(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a block has not committed is neither committed nor undone by a heartbeat."""
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.0)
    with pytest.raises(ZeroDivisionError), ln.Session() as ss:
        ss.add(lns.Pipeline(name="undone"))
        ss.orm.flush()
        recording.settle()
        assert ss.orm.in_transaction()
        1 / 0  # noqa: B018

    assert 0 == ln.select(lns.Pipeline).count()


def test_a_deleted_run_is_left_alone(recording: Recording) -> None:
    """A run that was deleted while it went on is not made again, nor is anything stored for it."""
    ln.delete(run_row())

    recording.settle()

    assert [0, 0] == [ln.select(model).count() for model in (lns.Run, lns.Source)]


@pytest.fixture
def keep(
    engine: sa.Engine, notebook: Path, register: Callable[..., Registration], tmp_path: Path
) -> Iterator[Callable[[], tuple[Recording, InteractiveShell]]]:
    """Keep one run with each call, as a process does that resumes it, in a shell of its own."""
    registered, request = register(notebook), requests.look_at(Location(notebook, "test"))
    with contextlib.ExitStack() as stack:

        def keep() -> tuple[Recording, InteractiveShell]:
            shell = stack.enter_context(shell_in(tmp_path))
            shell.extension_manager.load_extension("ln_jupyter")
            shell.user_ns["begin"] = lambda: CellLog(shell, lambda: None)
            shell.run_cell("log = begin()", store_history=True)
            recording = Recording(registered, request, engine, shell.user_ns["log"])
            recording.start()
            stack.callback(recording.stop)
            return recording, shell

        yield keep


def positions() -> list[int]:
    return [cell.position for cell in ln.select(lns.ExecutedCell).order_by(lns.ExecutedCell.position).all()]


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_a_commit_whose_answer_was_lost(
    keep: Callable[[], tuple[Recording, InteractiveShell]],
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_first: bool,
) -> None:
    """Cells that were written although the commit seemed to fail are written once, and those after them too."""
    recording, shell = keep()
    if not is_first:
        recording.settle()
    commit, is_lost = engine.dialect.do_commit, threading.Event()

    def lose(connection: Any) -> None:
        commit(connection)
        if not is_lost.is_set():
            is_lost.set()
            raise engine.dialect.loaded_dbapi.OperationalError("the connection was lost")

    monkeypatch.setattr(engine.dialect, "do_commit", lose)

    for _ in range(2):
        shell.run_cell("x = 1", store_history=True)
        recording.settle()

    assert is_lost.is_set()
    assert [1, 2] == positions()


def test_two_processes_that_go_on_with_one_run(keep: Callable[[], tuple[Recording, InteractiveShell]]) -> None:
    """They write one log, each after the other's cells."""
    both = [keep(), keep()]

    for recording, shell in 2 * both:
        shell.run_cell("x = 1", store_history=True)
        recording.settle()

    assert [1, 2, 3, 4] == positions()


def test_another_run_ends_the_one_before(recording: Recording, notebook: Path) -> None:
    """``run="new"`` finishes what the process ran until then."""
    ln.header(filepath=notebook, run="new")

    states = {run.id == recording.run_id: run.state for run in ln.select(lns.Run).all()}
    assert {True: "finished", False: "running"} == states


def test_a_run_that_ended_is_let_go(engine: sa.Engine, notebook: Path) -> None:
    """Nothing of the process keeps the recording of a run that another one has ended: its notebook may be large."""
    ended = weakref.ref(record(notebook))

    ln.header(filepath=notebook, run="new")
    gc.collect()

    assert ended() is None


def test_a_registry_in_memory_is_written_by_nobody_else(notebook: Path) -> None:
    """Its one connection is the user's: no thread comes near it."""
    ln.connect("sqlite://")
    recording = record(notebook)

    recording.settle()
    recording.finish()

    assert "running" == run_row().state
    ln.connect()
    engines.dispose("sqlite://")


def test_the_end_is_in_whatever_write_comes_first(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a heartbeat takes the end before it is called to, the end is recorded, and nobody says that it is not."""
    monkeypatch.setattr(recordings, "HEARTBEAT", 0.05)
    recording._wake.set()  # the wait that has begun is longer
    recording.settle()
    monkeypatch.setattr(recording._wake, "set", lambda: None)

    recording.finish()

    assert ("finished", "") == (run_row().state, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("rest", "outcome"),
    [
        ("x = 1", "ok"),
        ("1 / 0", "failed"),
        ("sys.exit()", "ok"),
        pytest.param("sys.exit(0)", "ok", marks=pytest.mark.thorough),
        ("sys.exit(1)", "failed"),
        pytest.param("sys.exit('no data')", "failed", marks=pytest.mark.thorough),
        pytest.param("sys.exit(pytest.main(['--version']))", "ok", marks=pytest.mark.thorough),
        ("raise SystemExit(1)", None),
        ("def main():\n    try:\n        sys.exit(1)\n    except SystemExit:\n        pass\nmain()", "ok"),
        ("import threading\nthread = threading.Thread(target=sys.exit, args=[1])\nthread.start()\nthread.join()", "ok"),
    ],
)
def test_a_script_ends(run: Callable[..., Any], folder: Path, registry: str, rest: str, outcome: str | None) -> None:
    """A script's run finishes with it; it failed if an exception or its exit status says so."""
    (folder / "solve.py").write_text(SCRIPT.format(rest=rest))

    run("solve.py")

    (found,) = notebooks.table(registry, "ln_run")
    assert outcome == found["outcome"]
    assert found["started_at"] < found["finished_at"]
    assert "pytest" in found["imports"]


def test_a_module_ends(run: Callable[..., Any], folder: Path, registry: str) -> None:
    """The exit status of what ``python -m`` runs is known as well."""
    (folder / "solve.py").write_text(SCRIPT.format(rest="sys.exit(len(sys.argv) - 1)"))

    for arguments in ((), ("x",)):
        run("-m", "solve", *arguments)

    assert ["ok", "failed"] == [found["outcome"] for found in notebooks.table(registry, "ln_run")]


def test_a_script_goes_on_with_another_run(run: Callable[..., Any], folder: Path, registry: str) -> None:
    """A run that another one follows has not failed, although the script does later."""
    (folder / "solve.py").write_text(SCRIPT.format(rest="ln.header(run='new')\nsys.exit(1)"))

    run("solve.py")

    assert ["ok", "failed"] == [found["outcome"] for found in notebooks.table(registry, "ln_run")]


def test_an_interrupted_script(run: Callable[..., Any], folder: Path, registry: str) -> None:
    """Its run names the line, and it ends by SIGINT as without us, so that a shell's loop ends with it."""
    (folder / "solve.py").write_text(SCRIPT.format(rest="signal.raise_signal(signal.SIGINT)"))

    done = run("solve.py")

    assert -signal.SIGINT == done.returncode
    assert ["interrupted", "line 5"] == [*ends(registry)[0]]


def ends(registry: str) -> list[tuple[str | None, str | None]]:
    """Give how each run ended, and why, oldest first."""
    return [(found["outcome"], found["reason"]) for found in notebooks.table(registry, "ln_run")]


TERMINATED = """
if sys.argv[1] == "in a child":
    child = os.fork()
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
        sys.exit()
elif sys.argv[1] == "of the user":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    ln.header()
elif sys.argv[1] == "while it is woken":
    from ln_jupyter.tracking import running
    # where a lock is held that is no one's to take again
    threading.Condition.notify_all = lambda self: signal.raise_signal(signal.SIGTERM)
    running.recording().wake()
signal.raise_signal(signal.SIGTERM)
"""


@pytest.mark.parametrize(
    ("how", "status", "end"),
    [
        ("plainly", -signal.SIGTERM, ("interrupted", "ended by SIGTERM")),
        ("in a child", 0, ("ok", None)),
        pytest.param("of the user", 3, ("failed", "exit status 3"), marks=pytest.mark.thorough),
        ("while it is woken", -signal.SIGTERM, ("interrupted", "ended by SIGTERM")),
    ],
)
def test_a_script_that_is_terminated(  # noqa: PLR0913, PLR0917 - the cases
    run: Callable[..., Any], folder: Path, registry: str, how: str, status: int, end: tuple[str, str | None]
) -> None:
    """SIGTERM ends its run and then the script, whatever it is at; a child has no run to end, and a user's handler stays."""
    (folder / "solve.py").write_text(SCRIPT.format(rest=TERMINATED))

    done = run("-W", "ignore::DeprecationWarning", "solve.py", how)

    assert (status, "") == (done.returncode, done.stderr)
    assert [end] == ends(registry)


def test_a_signal_in_the_middle_of_the_end(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends by itself when a signal comes has ended by itself, and its end is written whole."""
    of_process = outcome.of_process

    def interrupted(**options: Any) -> outcome.End:
        monkeypatch.setattr(outcome, "of_process", of_process)
        recording.finish(ended_by="ended by SIGTERM")  # as the handler of the signal does
        return of_process(**options)

    monkeypatch.setattr(outcome, "of_process", interrupted)

    recording.finish()

    assert ("finished", "ok", None) == (run_row().state, run_row().outcome, run_row().reason)


OWN_RUNS = """
import multiprocessing

def work(end):
    ln.header()
    exec(end)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(1) as pool:
        pool.map(work, ["x = 1"])
    for end in ("x = 1", "1 / 0", "sys.exit('no data')", "signal.raise_signal(signal.SIGTERM)"):
        process = context.Process(target=work, args=[end])
        process.start()
        process.join()
"""


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.thorough)])
def test_a_worker_ends_its_own_run(run: Callable[..., Any], folder: Path, registry: str, method: str) -> None:
    """Where its parent has none, a worker's run ends with it: multiprocessing asks no exit handler, and ends pools by SIGTERM."""
    (folder / "solve.py").write_text(SCRIPT.replace("ln.header()", "").format(rest=OWN_RUNS))

    run("-W", "ignore::DeprecationWarning", "solve.py", method)

    ok, failed = ("ok", None), ("failed", "line 10: ZeroDivisionError: division by zero")
    assert [ok, ok, failed, ("failed", "no data"), ("interrupted", "ended by SIGTERM")] == ends(registry)


FORK = """
child = __import__("os").fork()
if not child:
    sys.exit()
__import__("os").waitpid(child, 0)
import sqlite3
with sqlite3.connect(ln.settings.current().url.removeprefix("sqlite:///")) as connection:
    assert connection.execute("SELECT finished_at FROM ln_run").fetchall() == [(None,)]
"""


def test_a_forked_child_does_not_end_its_parents_run(run: Callable[..., Any], folder: Path, registry: str) -> None:
    """A child that ends, its exit handlers and all, leaves the parent's run as it was."""
    (folder / "solve.py").write_text(SCRIPT.format(rest=FORK))

    done = run("-W", "ignore::DeprecationWarning", "solve.py")

    assert (0, "") == (done.returncode, done.stderr)
    assert ["ok"] == [found["outcome"] for found in notebooks.table(registry, "ln_run")]


class TestKernel:
    """A kernel that records its cells."""

    @pytest.fixture
    @staticmethod
    def home(tmp_path: Path) -> Path:
        """Give a folder with a notebook."""
        notebooks.write(tmp_path / "a.ipynb", title="Growth")
        return tmp_path

    @pytest.fixture
    @staticmethod
    def kernel(home: Path) -> Iterator[Kernel]:
        """Give a kernel in that folder."""
        with kernel_driver.start(home, "x = 1") as kernel:
            yield kernel

    def test_its_cells_are_logged(self, kernel: Kernel, home: Path) -> None:
        """From the header's cell on, each cell has a row with what it did, or does; a front end's questions have none."""
        header = "import ln_jupyter as ln\nln.header(filepath='a.ipynb')"
        kernel.run(header)
        kernel.run("import numpy, time")
        kernel.run("1/0")
        kernel.read("x")
        asks = "from ln_jupyter.tracking import running; running.recording().settle()"
        kernel.run(asks)

        (run,) = notebooks.table(home / "registry.db", "ln_run")
        found = notebooks.table(home / "registry.db", "ln_executed_cell")
        assert [(1, 1), (2, 1), (3, 0), (4, None)] == [(each["position"], each["ok"]) for each in found]
        hashes = [document.hash_of(source) for source in (header, "import numpy, time", "1/0", asks)]
        assert hashes == [each["source_hash"] for each in found]
        assert found[-2]["started_at"] <= run["last_cell_at"] <= run["heard_at"]
        assert "numpy" in run["imports"]

    def test_it_finishes_when_it_is_shut_down(self, kernel: Kernel, home: Path) -> None:
        """A kernel that is shut down in order finishes its run, with its last cells."""
        kernel.run("import ln_jupyter as ln\nln.header(filepath='a.ipynb')")
        kernel.run("y = 1")

        kernel.manager.shutdown_kernel(now=False)

        (run,) = notebooks.table(home / "registry.db", "ln_run")
        assert ("ok", 2) == (run["outcome"], len(notebooks.table(home / "registry.db", "ln_executed_cell")))

    @pytest.mark.parametrize(
        ("outcome", "cells"),
        [
            ("failed", [("c1", "1/0")]),
            ("failed", [("c1", "1/0"), ("c2", "y = 1")]),
            ("ok", [("c1", "1/0"), ("c1", "y = 1")]),
            ("failed", [("c1", "y = 1"), ("c1", "1/0")]),
            ("ok", [("gone", "1/0"), ("c2", "y = 1")]),
            ("ok", [("c3", "1/0")]),
            ("interrupted", [("c1", "raise KeyboardInterrupt")]),
            ("ok", [("c1", "raise KeyboardInterrupt"), ("c2", "y = 1")]),
            ("failed", [("c1", "y ="), ("c2", "y = 1")]),
        ],
    )
    def test_a_failure_counts_until_it_is_made_good(
        self, kernel: Kernel, home: Path, outcome: str, cells: list[tuple[str, str]]
    ) -> None:
        """In a front end too a run has failed, unless each failed cell was run again, expected to fail, or deleted."""
        path = notebooks.write(home / "a.ipynb", notebooks.HEADER, "y = 1", "y = 1", "1/0", title="Growth")
        saved = json.loads(path.read_text())
        saved["cells"][-1]["metadata"]["tags"] = ["raises-exception"]
        path.write_text(json.dumps(saved))
        kernel.run("import ln_jupyter as ln\nln.header(filepath='a.ipynb')", cell_id="c0")
        for cell_id, source in cells:
            kernel.run(source, cell_id=cell_id)

        kernel.manager.shutdown_kernel(now=False)

        (run,) = notebooks.table(home / "registry.db", "ln_run")
        assert outcome == run["outcome"]

    @pytest.mark.parametrize("front_end", ["with ids", pytest.param("without ids", marks=pytest.mark.thorough)])
    def test_one_pass_is_one_run(self, kernel: Kernel, home: Path, front_end: str) -> None:
        """The header's cell begins a run when it is executed again after others; what else calls `header()` keeps it.

        Each run names the one before it in the kernel, also one of another notebook; a record that is held stays the old one.
        """
        header, define = "import ln_jupyter as ln\nln.header(filepath='a.ipynb')", "held = ln.nb.run\nbegin = ln.header"
        (home / "again.py").write_text(header)
        notebooks.write(home / "b.ipynb", ids="b")

        def run(number: int, source: str) -> str:
            done = kernel.run(source, cell_id=f"c{number}" if front_end == "with ids" else None)
            assert "ok" == done.status, done.traceback
            return kernel.read("ln.nb.run.id")

        first = run(0, header)
        elsewhere = (define, "begin(filepath='a.ipynb')", "%run again.py", "ln.header(filepath='a.ipynb')")
        kept = [run(0, header), *(run(number, source) for number, source in enumerate(elsewhere, 1))]
        kept.append(run(0, header.replace(")", ", run='same')")))
        run(5, "x = 1")
        second = run(0, header)
        held = kernel.read("held.id")
        third = run(0, header.replace(")", ", run='new')"))
        fourth = run(6, "ln.header(filepath='b.ipynb')")

        assert {first} == {*kept, held}
        expected = [(first, None, "ok"), (second, first, "ok"), (third, second, "ok"), (fourth, third, None)]
        found = notebooks.table(home / "registry.db", "ln_run")
        assert expected == [(each["id"], each["continues_id"], each["outcome"]) for each in found]
        assert ["a", "a", "a", "b"] == [each["name"] for each in notebooks.runs(home / "registry.db")]

    @pytest.mark.parametrize(
        ("death", "status", "end"),
        [
            ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, (None, None)),
            pytest.param("os._exit(3)", 3, (None, None), marks=pytest.mark.thorough),
            ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, ("interrupted", "cell 2: ended by SIGTERM")),
        ],
    )
    def test_the_cell_that_it_dies_in_is_known(
        self, kernel: Kernel, home: Path, death: str, status: int, end: tuple[str | None, str | None]
    ) -> None:
        """What ran when the kernel was killed is in the record; SIGTERM is answered by its end, before it does its work."""
        dies = f"import os, signal\nfrom ln_jupyter.tracking import running\nrunning.recording().settle()\n{death}"
        notebooks.write(home / "a.ipynb", notebooks.HEADER, dies, title="Growth")
        kernel.run("import ln_jupyter as ln\nln.header(filepath='a.ipynb')", cell_id="c0")

        kernel.begin(dies, cell_id="c1")

        assert status == kernel.manager.provisioner.process.wait(kernel_driver.TIMEOUT)
        assert [end] == ends(str(home / "registry.db"))
        _, last = notebooks.table(home / "registry.db", "ln_executed_cell")
        assert (2, "c1", None, None) == (last["number"], last["cell_id"], last["ok"], last["seconds"])
        texts = {
            each["id"]: zlib.decompress(each["content"]) for each in notebooks.table(home / "registry.db", "ln_text")
        }
        assert dies == texts[last["text_id"]].decode()

    def test_what_it_starts_names_it(self, kernel: Kernel, home: Path) -> None:
        """A script that a cell starts has a run that names the kernel's, and keeps its arguments, but no password."""
        (home / "fit.py").write_text("import ln_jupyter as ln\nln.header()")
        kernel.run("import sys, subprocess, ln_jupyter as ln\nln.header(filepath='a.ipynb')")
        kernel.run("!{sys.executable} fit.py --token abc 3")
        kernel.run("_ = subprocess.run([sys.executable, 'fit.py', '--token=abc', 'postgresql://me:abc@host/db'])")

        run, *started = notebooks.table(home / "registry.db", "ln_run")
        assert [(None, None)] == [(run["parent_id"], run["argv"])]
        assert [run["id"]] * 2 == [each["parent_id"] for each in started]
        shown = [["--token", "***", "3"], ["--token=***", "postgresql://me:***@host/db"]]
        assert shown == [json.loads(each["argv"])[1:] for each in started]

    def test_a_killed_kernel_says_nothing(
        self, kernel: Kernel, home: Path, url_of: Callable[[Path], sa.Engine]
    ) -> None:
        """The run of a kernel that is killed reads as lost, as soon as it was not heard for long enough."""
        kernel.run("import ln_jupyter as ln\nln.header(filepath='a.ipynb')")
        run_id = kernel.read("ln.nb.run.id")

        kernel.manager.shutdown_kernel(now=True)
        engine = url_of(home / "registry.db")
        with ln.Session(engine) as ss:
            long_ago = utcnow() - dt.timedelta(minutes=3)
            ss.orm.execute(sa.update(lns.Run).where(lns.Run.id == run_id).values(heard_at=long_ago))

        assert [run_id] == [run.id for run in ln.Session(engine).select(lns.Run, state="lost").all()]

    @pytest.fixture
    @staticmethod
    def url_of() -> Iterator[Callable[[Path], sa.Engine]]:
        """Open a registry by its file, until the test ends."""
        opened: list[sa.URL] = []

        def resolve(path: Path) -> sa.Engine:
            engine = engines.resolve(f"sqlite:///{path}")
            opened.append(engine.url)
            return engine

        yield resolve
        for url in opened:
            engines.dispose(url)
