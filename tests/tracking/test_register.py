"""What `header()` writes, on both databases."""

from __future__ import annotations

import contextlib
import datetime as dt
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.environment import process as processes
from ln_jupyter.locate.location import Location
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking import register as rows
from ln_jupyter.tracking import request as requests
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ln_jupyter.environment.process import Process
    from ln_jupyter.tracking.register import Registration
    from tests.conftest import Statements


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """Give a notebook without metadata."""
    return notebooks.write(tmp_path / "growth.ipynb", title="Growth of E. coli")


def test_a_notebook_and_its_run_are_registered(register: Callable[..., Registration], notebook: Path) -> None:
    """Both rows are committed, with the file's name and title, and know of each other."""
    found = register(notebook)

    run = ln.select(lns.Run).load("notebook").one()
    assert (run.id, run.notebook.id) == (found.run.id, found.notebook.id)
    assert (run.notebook.name, run.notebook.title, run.notebook.v) == ("growth", "Growth of E. coli", "1")


def test_a_version_needs_no_id(register: Callable[..., Registration], notebook: Path) -> None:
    """A version by argument is that of a new notebook, of one that the registry knows, and of a copy."""
    new = register(notebook, version="7").notebook
    known = register(notebook, version="8").notebook
    notebooks.write(notebook, nbproject={"id": new.id, "version": "8"})
    copy = notebook.with_name("copy.ipynb")
    copy.write_bytes(notebook.read_bytes())
    copied = register(copy, version="9").notebook

    assert ("7", "8", "9") == (new.v, known.v, copied.v)
    assert (new.id, new.id) == (known.id, copied.parent_id)


def test_the_records_are_readable_when_detached(register: Callable[..., Registration], notebook: Path) -> None:
    """What comes back is detached, with every column and the run's notebook loaded."""
    found = register(notebook)

    assert sa.inspect(found.run).detached
    assert found.run.notebook is found.notebook
    for record in (found.run, found.notebook):
        for column in sa.inspect(type(record)).column_attrs:
            getattr(record, column.key)  # a DetachedInstanceError fails the test


def test_notebook_and_run_are_made_by_the_user(register: Callable[..., Registration], notebook: Path) -> None:
    """Both rows carry the user, whose row is made in the same transaction."""
    found = register(notebook)

    user = ln.select(lns.User).one()
    assert [user.id] * 3 == [found.user_id, found.notebook.created_by_id, found.run.created_by_id]


def test_a_failure_between_leaves_nothing(
    register: Callable[..., Registration], notebook: Path, engine: sa.Engine
) -> None:
    """If the run cannot be written, neither notebook, path nor user is."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql(
                "CREATE TRIGGER no BEFORE INSERT ON ln_run BEGIN SELECT RAISE(ABORT, 'no runs today'); END"
            )
        else:
            connection.exec_driver_sql("ALTER TABLE ln_run ADD CONSTRAINT no CHECK (false)")

    with pytest.raises(sa.exc.IntegrityError):
        register(notebook)

    assert [0] * 4 == [ln.select(model).count() for model in (lns.Notebook, lns.NotebookPath, lns.User, lns.Run)]


def test_metadata_is_honoured(register: Callable[..., Registration], tmp_path: Path) -> None:
    """The id, version and time that nbproject wrote into the file are the record's."""
    metadata = {"id": "Rx2s9cPTMQLY", "version": "2", "time_init": "2022-05-06T07:08:09+00:00"}

    found = register(notebooks.write(tmp_path / "a.ipynb", nbproject=metadata)).notebook

    assert ("Rx2s9cPTMQLY", "2") == (found.id, found.v)
    assert "2022-05-06T07:08:09+00:00" == found.created_at.isoformat()


def test_arguments_win_over_the_file(register: Callable[..., Registration], tmp_path: Path) -> None:
    """What the call says of id, version and name is registered, whatever the file says."""
    path = notebooks.write(tmp_path / "a.ipynb", nbproject={"id": "Rx2s9cPTMQLY", "version": "2"})

    found = register(path, notebook_id="other", version="3", name="Solve Problem X").notebook

    assert ("other", "3", "Solve Problem X") == (found.id, found.v, found.name)


def test_another_process_at_the_same_path_keeps_the_id(register: Callable[..., Registration], notebook: Path) -> None:
    """A notebook without metadata is the same one at its next run, which is another run."""
    first = register(notebook)

    second = register(notebook)

    assert first.notebook.id == second.notebook.id
    assert first.run.id != second.run.id


def test_shared_cells_are_evidence(register: Callable[..., Registration], notebook: Path) -> None:
    """A notebook whose source changed is the same one, if it has a cell that it had."""
    first = register(notebook)
    notebooks.write(notebook, "1 + 1", notebooks.HEADER, "2 + 2", title="Growth, later")

    second = register(notebook)

    assert first.notebook.id == second.notebook.id
    assert "Growth, later" == second.notebook.title


def test_the_same_source_is_evidence(register: Callable[..., Registration], notebook: Path) -> None:
    """A notebook whose cells have new ids, as converters write them, is the same one if its source is."""
    first = register(notebook)
    notebooks.write(notebook, title="Growth of E. coli", ids="new")

    assert first.notebook.id == register(notebook).notebook.id


def test_a_path_alone_is_no_evidence(register: Callable[..., Registration], notebook: Path) -> None:
    """A new file with other content does not inherit who was at its path."""
    first = register(notebook)
    notebooks.write(notebook, "'something else'", ids="x")

    second = register(notebook)

    assert first.notebook.id != second.notebook.id
    assert second.notebook.id == register(notebook).notebook.id


def test_the_same_path_of_another_machine_is_another_file(
    register: Callable[..., Registration], notebook: Path
) -> None:
    """Paths are compared on one machine only."""
    first = register(notebook)
    request = requests.look_at(Location(notebook, "test"))
    elsewhere = request._replace(process=request.process._replace(host="elsewhere"))

    second = rows.register(elsewhere, before=None, run=None)

    assert first.notebook.id != second.notebook.id


def test_called_again_it_keeps_the_run(register: Callable[..., Registration], notebook: Path) -> None:
    """In one process, the second call finds the same notebook and run."""
    first = register(notebook)

    second = register(notebook, before=first)

    assert (first.notebook.id, first.run.id) == (second.notebook.id, second.run.id)
    assert 1 == ln.select(lns.Run).count()


def test_called_again_it_writes_nothing(
    register: Callable[..., Registration], notebook: Path, statements: Statements
) -> None:
    """A repeated call only reads, so it waits for no writer."""
    first = register(notebook)
    statements.clear()

    register(notebook, before=first)

    assert {"SELECT"} == {statement.split()[0] for statement in statements}


def test_called_again_after_an_edit_it_keeps_the_notebook(
    register: Callable[..., Registration], notebook: Path
) -> None:
    """Within one process the path is evidence enough, whatever became of the content."""
    first = register(notebook)
    notebooks.write(notebook, "'something else'", ids="x")

    assert first.notebook.id == register(notebook, before=first).notebook.id


def test_called_again_after_a_rename_it_keeps_notebook_and_run(
    register: Callable[..., Registration], notebook: Path
) -> None:
    """A file that moved while its kernel ran is the same notebook, with a new name."""
    first = register(notebook)
    renamed = notebook.rename(notebook.with_name("decay.ipynb"))

    second = register(renamed, before=first)

    assert (first.notebook.id, first.run.id) == (second.notebook.id, second.run.id)
    assert "decay" == second.notebook.name
    assert first.notebook.id == register(renamed).notebook.id


def test_a_second_notebook_of_one_process_is_another_one(register: Callable[..., Registration], notebook: Path) -> None:
    """Two files that share a kernel are two notebooks, and have two runs."""
    first = register(notebook)

    second = register(notebooks.write(notebook.with_name("b.ipynb"), "1", ids="b"), before=first)

    assert first.notebook.id != second.notebook.id
    assert first.run.id != second.run.id


def test_a_new_run_can_be_asked_for(register: Callable[..., Registration], notebook: Path) -> None:
    """``run="new"`` begins another run of the same notebook in the same process."""
    first = register(notebook)

    second = register(notebook, before=first, run="new")

    assert first.notebook.id == second.notebook.id
    assert first.run.id != second.run.id


def test_the_latest_run_can_be_resumed(register: Callable[..., Registration], notebook: Path) -> None:
    """``run="latest"`` goes on with the newest run, also from another process."""
    register(notebook)
    newest = register(notebook)

    assert newest.run.id == register(notebook, run="latest").run.id


def test_without_any_run_the_latest_is_a_new_one(register: Callable[..., Registration], notebook: Path) -> None:
    """``run="latest"`` begins a run where there is none."""
    assert register(notebook, run="latest").run.id == ln.select(lns.Run).one().id


@pytest.fixture
def other() -> Iterator[psutil.Popen]:
    """Give another process, which waits until it is killed."""
    with psutil.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def of_process(notebook: Path, process: Process, run: Any = None) -> Registration:
    request = requests.look_at(Location(notebook, "test"), notebook_id="Rx2s9cPTMQLY")
    return rows.register(request._replace(process=process), before=None, run=run)


def test_a_run_that_goes_on_elsewhere_is_not_resumed(engine: sa.Engine, notebook: Path, other: psutil.Popen) -> None:
    """While the process of the newest run lives, ``run="latest"`` is another run, and says why; afterwards it resumes."""
    began = dt.datetime.fromtimestamp(other.create_time(), dt.UTC)
    first = of_process(notebook, processes.current()._replace(pid=other.pid, started_at=began))

    second = of_process(notebook, processes.current(), "latest")

    assert first.run.id != second.run.id
    assert f"the latest, {first.run.id}, goes on in process {other.pid} of {first.run.host}" == second.why_new
    ln.delete(second.run)
    other.kill()
    other.wait()
    assert first.run.id == of_process(notebook, processes.current(), "latest").run.id


def test_a_run_of_another_machine_is_resumed_when_it_is_lost(engine: sa.Engine, notebook: Path) -> None:
    """Whether a process of another machine lives is not known: it does as long as its run was just heard."""
    first = of_process(notebook, processes.current()._replace(host="elsewhere"))
    second = of_process(notebook, processes.current(), "latest")
    ln.delete(second.run)
    with engine.begin() as connection:
        long_ago = utcnow() - dt.timedelta(minutes=3)
        connection.execute(sa.update(lns.Run).values(started_at=long_ago, heard_at=long_ago))

    third = of_process(notebook, processes.current(), "latest")

    assert first.run.id != second.run.id
    assert first.run.id == third.run.id


def test_one_of_many_resumes_the_latest_run(engine: sa.Engine, notebook: Path) -> None:
    """Of processes that ask for the latest run at the same time, one gets it, and each other one its own."""
    finished = of_process(notebook, processes.current())
    finished.run.finished_at = utcnow()
    ln.add(finished.run)
    machines = [processes.current()._replace(host=f"machine {n}") for n in range(8)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda process: of_process(notebook, process, "latest").run.id, machines))

    assert 8 == len(set(found)) == ln.select(lns.Run).count()
    assert finished.run.id in found


def test_another_version_is_another_run(register: Callable[..., Registration], notebook: Path) -> None:
    """A run belongs to one version: naming another one begins a new run of it."""
    first = register(notebook, notebook_id="a")

    second = register(notebook, notebook_id="a", version="2", before=first)

    assert first.run.id != second.run.id
    assert ("1", "2") == (first.run.notebook_v, second.run.notebook_v)


def test_packages_are_noted_with_the_run(register: Callable[..., Registration], notebook: Path) -> None:
    """Named packages are kept with their versions, and a later call adds to them."""
    first = register(notebook, packages="sqlalchemy")

    second = register(notebook, packages=["pytest"], before=first)

    assert {"sqlalchemy": sa.__version__, "pytest": pytest.__version__} == second.run.imports


def test_the_process_is_noted_with_the_run(register: Callable[..., Registration], notebook: Path) -> None:
    """A run says where, by which process and since when it runs."""
    request = requests.look_at(Location(notebook, "test", runner="nbmake"))

    run = rows.register(request, before=None, run=None).run

    here = request.process
    assert (here.host, here.pid, here.started_at, here.python) == (
        run.host,
        run.pid,
        run.process_started_at,
        run.python,
    )
    assert (str(notebook), "nbmake") == (run.path, run.runner)


def test_hostile_names_are_stored(register: Callable[..., Registration], tmp_path: Path) -> None:
    """A title no database takes as it is, with NUL or half a character, is registered without that."""
    path = notebooks.write(
        tmp_path / "a.ipynb", title="Robert'); DROP\0 TABLE ln_run;-- \ud800 <script>", ids="\0\ud800"
    )

    found = register(path).notebook

    assert "Robert'); DROP TABLE ln_run;-- ? <script>" == found.title
