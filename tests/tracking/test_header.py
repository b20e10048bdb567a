"""`header()` in this process and in scripts: when it registers, keeps and refuses."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines, limits, transactions
from ln_jupyter.tracking import running
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Statements

pytestmark = pytest.mark.alike

FORK = """
import os
import ln_jupyter as ln
ln.header()
run = ln.nb.run.id
if not (child := os.fork()):
    assert ln.nb.run is None
    ln.header()
    os._exit(0 if ln.nb.run.id != run else 1)
assert os.waitpid(child, 0)[1] == 0
ln.header()
assert ln.nb.run.id == run
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return notebooks.write(tmp_path / "growth.ipynb", title="Growth")


@pytest.mark.usefixtures("engine")
class TestOneProcess:
    """Calls in one process, on each database."""

    def test_twice_is_one_run(self, notebook: Path) -> None:
        """The second call keeps notebook and run."""
        ln.header(filepath=notebook)
        first = ln.nb.run.id

        ln.header(filepath=notebook)

        assert first == ln.nb.run.id == ln.select(lns.Run).one().id

    def test_threads_share_a_run(self, notebook: Path) -> None:
        """Threads that call it at the same moment go on with the run that one of them begins."""
        begin, ids = threading.Barrier(8), []

        def call() -> None:
            begin.wait()
            ln.header(filepath=notebook)
            ids.append(ln.nb.run.id)

        threads = [threading.Thread(target=call, daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert [ln.select(lns.Run).one().id] * 8 == ids

    def test_a_new_run(self, notebook: Path) -> None:
        """``run="new"`` begins another run, which later calls keep."""
        ln.header(filepath=notebook)
        ln.header(filepath=notebook, run="new")
        second = ln.nb.run.id

        ln.header(filepath=notebook)

        assert (second, 2) == (ln.nb.run.id, ln.select(lns.Run).count())

    def test_the_latest_run(self, notebook: Path) -> None:
        """``run="latest"`` resumes the newest run, as a restarted kernel may want."""
        ln.header(filepath=notebook)
        first = ln.nb.run.id
        running.forget()

        ln.header(filepath=notebook, run="latest")

        assert first == ln.nb.run.id == ln.select(lns.Run).one().id

    def test_what_is_published_keeps_its_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        """``run="latest"`` begins another run, and says so, where the newest one was published."""
        ln.header(id="Rx2s9cPTMQLY", name="Growth")
        ln.publish()
        before = ln.select(lns.Run).one()
        running.forget()

        ln.header(id="Rx2s9cPTMQLY", run="latest")

        after = ln.select(lns.Run, id=before.id).one()
        assert before.id != ln.nb.run.id
        assert f"the latest, {before.id}, belongs to what is published" in capsys.readouterr().out
        assert ("finished", before.finished_at, before.pid) == (after.state, after.finished_at, after.pid)

    def test_what_is_published_keeps_its_name(self) -> None:
        """A name that is given after the publication is none of the published version."""
        ln.header(id="Rx2s9cPTMQLY", name="Growth")
        ln.publish()
        running.forget()

        ln.header(id="Rx2s9cPTMQLY", name="Decay")

        assert ("1", "Growth") == (ln.nb.notebook.v, ln.nb.notebook.name)
        assert "Growth" == ln.select(lns.Notebook).one().name

    def test_after_a_restart_it_is_a_new_run(self, notebook: Path) -> None:
        """What another process registered is another run of the same notebook."""
        ln.header(filepath=notebook)
        first = ln.nb.run
        running.forget()

        ln.header(filepath=notebook)

        assert first.id != ln.nb.run.id
        assert first.notebook_id == ln.nb.run.notebook_id

    def test_an_id_is_enough(self) -> None:
        """Where nothing tells which notebook is running, an id and a name register it."""
        ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")

        assert ("Rx2s9cPTMQLY", "Solve Problem X") == (ln.nb.notebook.id, ln.nb.notebook.name)

    def test_once_registered_nothing_has_to_be_found(self) -> None:
        """A later call without arguments keeps a notebook that nothing but its id told."""
        ln.header(id="Rx2s9cPTMQLY")
        run = ln.nb.run.id

        ln.header()

        assert ("Rx2s9cPTMQLY", run) == (ln.nb.notebook.id, ln.nb.run.id)

    def test_the_file_is_not_written(self, notebook: Path) -> None:
        """The notebook's bytes are what they were."""
        before = notebook.read_bytes()

        ln.header(filepath=notebook)

        assert before == notebook.read_bytes()

    def test_nothing_is_returned_and_the_text_is_printed(
        self, notebook: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Outside of IPython the display is its text."""
        assert ln.header(filepath=notebook) is None

        assert capsys.readouterr().out.startswith("Growth · growth.ipynb, version 1 draft\nrun ")

    def test_another_registry_has_another_run(self, notebook: Path, other_url: sa.URL) -> None:
        """After `ln.connect()` to another registry, the notebook keeps its id and gets a run there."""
        ln.header(filepath=notebook)
        first = ln.nb.run
        ln.connect(other_url)

        ln.header(filepath=notebook)

        assert first.id != ln.nb.run.id
        assert first.notebook_id == ln.select(lns.Notebook).one().id

    @pytest.mark.parametrize(
        ("arguments", "kind", "fix"),
        [
            ({}, errors.NotebookNotFoundError, "ln.header(filepath="),
            ({"filepath": "/no such.ipynb", "id": "a"}, errors.NotebookNotFoundError, "ln.header(filepath="),
            ({"filepath": 5}, errors.NotebookNotFoundError, "ln.header(filepath="),
            ({"filepath": b"a.ipynb"}, errors.NotebookNotFoundError, "ln.header(filepath="),
            ({"id": "a", "name": 5}, errors.InvalidIdentityError, "ln.header(name="),
            ({"id": "no spaces, please"}, errors.InvalidIdentityError, "ln.header(id="),
            ({"id": "a", "v": ""}, errors.InvalidIdentityError, "ln.header(v="),
            ({"id": "a", "pypackage": 5}, errors.InvalidValueError, "ln.header(pypackage="),
            ({"id": "a", "pypackage": ["pandas", None]}, errors.InvalidValueError, "ln.header(pypackage="),
            ({"id": "a", "env": 5}, errors.InvalidValueError, "ln.header(env="),
            ({"id": "a", "run": "newest"}, errors.InvalidRunError, "did you mean 'new'?"),
        ],
        ids=str,
    )
    def test_what_cannot_be_registered(
        self, arguments: dict[str, Any], kind: type[errors.LnJupyterError], fix: str, statements: Statements
    ) -> None:
        """A bad argument, or nothing to go by, is one error with its fix; nothing is sent to the registry."""
        with pytest.raises(kind) as raised:
            ln.header(**arguments)

        assert fix in raised.value.fix
        assert ([], None) == (statements, ln.nb.run)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"nbformat": 3, "worksheets": []}', b"\x00\xff"])
def test_an_unreadable_notebook(tmp_path: Path, ln_registry: sa.Engine, content: bytes) -> None:
    """A file that is no notebook is an error with its fix; its bytes and the registry stay as they were."""
    path = tmp_path / "a.ipynb"
    path.write_bytes(content)

    with pytest.raises(errors.NotebookUnreadableError) as raised:
        ln.header(filepath=path)

    assert raised.value.fix
    assert (content, 0) == (path.read_bytes(), ln.select(lns.Notebook).count())


def test_a_registry_that_cannot_be_opened(tmp_path: Path, notebook: Path) -> None:
    """A SQLite file in a folder that is not there is an error that names it; nothing is registered."""
    ln.connect(f"sqlite:///{tmp_path / 'nowhere' / 'registry.db'}")

    with pytest.raises(errors.DatabaseUnavailableError, match="nowhere") as raised:
        ln.header(filepath=notebook)

    ln.connect()
    assert "mkdir -p " in raised.value.fix
    assert ln.nb.run is None


def test_a_registry_that_goes_away_stops_nobody(
    tmp_path: Path, notebook: Path, ln_registry: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Called again while the registry is gone, the header says so with the fix, and the run goes on."""
    ln.header(filepath=notebook)
    run = ln.nb.run.id
    capsys.readouterr()
    for file in tmp_path.glob("registry.db*"):
        file.unlink()

    ln.header(filepath=notebook)

    shown = capsys.readouterr().out
    assert "\nproblem " in shown
    assert "was deleted while it was in use · put it back, or restart the kernel" in shown
    assert run == ln.nb.run.id
    with pytest.raises(errors.DatabaseReplacedError):
        ln.header(filepath=notebook, run="new")


def test_no_thread_can_be_started(
    notebook: Path, ln_registry: sa.Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a limit allows no thread, the run is registered, and one line says what is not recorded of it."""

    def refuse(_thread: threading.Thread) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(threading.Thread, "start", refuse)

    ln.header(filepath=notebook)

    (said,) = capsys.readouterr().err.splitlines()
    assert "no cell of this run is recorded, and not its end" in said
    assert ln.nb.run.id == ln.select(lns.Run).one().id


def test_a_locked_registry(notebook: Path, ln_registry: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody holds the lock for too long, the first header is an error, and nothing is half-registered."""
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.0)
    with ln_registry.connect() as holder:
        transactions.begin(holder)
        with pytest.raises(errors.DatabaseBusyError) as raised:
            ln.header(filepath=notebook)
        holder.rollback()

    assert raised.value.fix
    assert [None, 0] == [ln.nb.run, ln.select(lns.Notebook).count()]


@pytest.mark.postgres
def test_a_server_that_does_not_answer(notebook: Path) -> None:
    """A closed port is an error that names the database, and never the password."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ln.connect(f"postgresql://ann:top-secret@127.0.0.1:{closed.getsockname()[1]}/lab")

        with pytest.raises(errors.DatabaseUnavailableError, match=r"ann:\*\*\*@127\.0\.0\.1") as raised:
            ln.header(filepath=notebook)

    ln.connect()
    assert "top-secret" not in str(raised.value)
    assert "check the URL" in raised.value.fix


def test_a_database_of_somebody_else(url: sa.URL, notebook: Path) -> None:
    """A database with other tables is refused, and gets none of ours."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE customer (id integer)")
    ln.connect(url)

    with pytest.raises(errors.NotARegistryError, match="customer") as raised:
        ln.header(filepath=notebook)

    ln.connect()
    assert raised.value.fix
    assert ["customer"] == sa.inspect(engine).get_table_names()
    engine.dispose()


def test_a_registry_of_a_newer_release(engine: sa.Engine, url: sa.URL, notebook: Path) -> None:
    """A registry that needs a newer release says how to get it, and is left as it is."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ln_schema SET version_num = '0099', oldest_reader = 99")
    engines.dispose(url)
    ln.connect(url)

    with pytest.raises(errors.SchemaVersionError) as raised:
        ln.header(filepath=notebook)

    assert "pip install --upgrade ln-jupyter" == raised.value.fix
    fresh = sa.create_engine(url)
    with fresh.connect() as connection:
        assert [0, 0] == [connection.scalar(sa.text(f"SELECT count(*) FROM {t}")) for t in ("ln_notebook", "ln_run")]
    fresh.dispose()


def test_a_script_is_tracked(run: Callable[..., Any], folder: Path, registry: str) -> None:
    """A plain script registers its path, under the name of its file."""
    script = folder / "solve it.py"
    script.write_text(notebooks.HEADER)

    done = run(script.name)

    assert (0, "") == (done.returncode, done.stderr)
    (found,) = notebooks.runs(registry)
    assert ("solve it", str(script), "script") == (found["name"], found["path"], found["runner"])


@pytest.mark.newest
def test_a_working_folder_that_was_deleted(run: Callable[..., Any], folder: Path, registry: str) -> None:
    """A script whose working folder is gone registers, publishes and writes as any other."""
    (folder / "gone").mkdir()
    (folder / "solve.py").write_text(
        "import os\nos.rmdir(os.getcwd())\nimport ln_jupyter as ln, ln_jupyter.schema as lns\n"
        "ln.header()\nln.add(lns.Pipeline(name='x'))\nln.publish()\n"
    )

    done = run(folder / "solve.py", cwd=folder / "gone")

    assert (0, "") == (done.returncode, done.stderr)
    assert [str(folder / "solve.py")] == [found["path"] for found in notebooks.runs(registry)]


@pytest.mark.newest
def test_a_forked_child_has_its_own_run(run: Callable[..., Any], folder: Path, registry: str) -> None:
    """A child starts without notebook and run, registers its own, and leaves its parent's alone."""
    (folder / "fork.py").write_text(FORK)

    done = run("-W", "ignore::DeprecationWarning", "fork.py")

    assert (0, "") == (done.returncode, done.stderr)
    parent, child = notebooks.runs(registry)
    assert parent["notebook"] == child["notebook"]
    assert parent["pid"] != child["pid"]


WORKERS = """
import sys
import concurrent.futures as futures
import multiprocessing
import ln_jupyter as ln
import ln_jupyter.schema as lns

context = multiprocessing.get_context(sys.argv[1])

def work(_):
    ln.header()
    return ln.nb.run.id

def pass_on(number):
    with futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(work, number).result()

if __name__ == "__main__":
    ln.header()
    with context.Pool(2) as pool:
        found = pool.map(work, range(4))
    with futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        found.append(pool.submit(pass_on, 0).result())
    assert {ln.nb.run.id} == set(found)
    assert "running" == ln.select(lns.Run).one().state
"""


@pytest.mark.newest
@pytest.mark.parametrize("method", ["fork", "spawn", pytest.param("forkserver", marks=pytest.mark.thorough)])
def test_workers_belong_to_their_parents_run(run: Callable[..., Any], folder: Path, registry: str, method: str) -> None:
    """Workers of multiprocessing, and theirs, begin no run, show nothing, and end nobody's, however they are started."""
    (folder / "work.py").write_text(WORKERS)

    done = run("-W", "ignore::DeprecationWarning", "work.py", method)

    assert (0, "", 1) == (done.returncode, done.stderr, done.stdout.count("began"))
    assert ["ok"] == [found["outcome"] for found in notebooks.table(registry, "ln_run")]


JOBLIB = """
import joblib
import ln_jupyter as ln

def work(_):
    ln.header()
    return ln.nb.run.id

if __name__ == "__main__":
    ln.header()
    assert {ln.nb.run.id} == set(joblib.Parallel(n_jobs=2)(joblib.delayed(work)(number) for number in range(4)))
"""


@pytest.mark.newest
def test_joblibs_workers_belong_to_their_parents_run(run: Callable[..., Any], folder: Path, registry: str) -> None:
    """They run a program of joblib's, and know the file whose code they run from the process that started them."""
    (folder / "work.py").write_text(JOBLIB)

    done = run("work.py")

    assert (0, "", 1) == (done.returncode, done.stderr, done.stdout.count("began"))
    assert ["ok"] == [found["outcome"] for found in notebooks.table(registry, "ln_run")]


OFF = """
import json, sys
import ln_jupyter as ln
result = ln.header(filepath="/no such.ipynb", id="no spaces, please")
print(json.dumps([result, ln.nb.run, "sqlalchemy" in sys.modules]))
"""


@pytest.mark.newest
def test_off_is_a_quiet_no_op(run: Callable[..., Any], tmp_path: Path) -> None:
    """With ``LN_JUPYTER_MODE=off`` nothing is printed, registered, checked, or imported from SQLAlchemy."""
    done = run("-c", OFF, LN_JUPYTER_MODE="off")

    assert [None, None, False] == json.loads(done.stdout)
    assert ("", False) == (done.stderr, (tmp_path / "registry.db").exists())


@pytest.mark.newest
def test_a_project_can_turn_it_off(run: Callable[..., Any], folder: Path) -> None:
    """A project whose settings say so is not tracked, as seen from the notebook and not from where it is started."""
    project = folder / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text('[tool.ln_jupyter]\nmode = "off"\n')
    (project / "solve.py").write_text(notebooks.HEADER + "\nimport sys\nprint('sqlalchemy' in sys.modules)\n")

    done = run("project/solve.py")

    assert ("False\n", "") == (done.stdout, done.stderr)


@pytest.mark.newest
def test_the_project_of_the_notebook_decides(run: Callable[..., Any], folder: Path) -> None:
    """The registry is that of the notebook's folder, wherever the program was started."""
    project = folder / "project"
    (project / ".ln_jupyter").mkdir(parents=True)
    (project / "solve.py").write_text(notebooks.HEADER)

    done = run("project/solve.py", LN_JUPYTER_URL="")

    assert (0, "") == (done.returncode, done.stderr)
    assert 1 == len(notebooks.runs(project / ".ln_jupyter" / "registry.db"))
