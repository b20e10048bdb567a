"""Session cells on PostgreSQL."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.conftest import new_database
from tests.ipython import kernel_driver
from tests.ipython.conftest import SETUP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ipython.kernel_driver import Kernel

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def database(postgres: sa.URL) -> Iterator[sa.Engine]:
    """A database of this module's own, looked at from outside of the kernel."""
    with new_database(postgres) as url:
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        yield engine
        engine.dispose()


@pytest.fixture(scope="module")
def kernel(database: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with the extension loaded, whose registry is on PostgreSQL."""
    url = database.url.render_as_string(hide_password=False)
    setup = f"import ln_jupyter as ln\n_ = ln.connect({url!r})\n{SETUP}"
    with kernel_driver.start(tmp_path_factory.mktemp("kernel"), setup) as kernel:
        yield kernel


def states(database: sa.Engine) -> list[str]:
    """What the server says that others do who are connected to the database."""
    others = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    with database.connect() as connection:
        return list(connection.scalars(sa.text(f"SELECT state FROM pg_stat_activity WHERE {others}")))


def wait_for_query(database: sa.Engine, part: str) -> None:
    """Wait until a query is running."""
    here = "datname = current_database() AND state = 'active'"  # other tests share the server
    query = sa.text(f"SELECT count(*) FROM pg_stat_activity WHERE {here} AND query LIKE :part")
    deadline = time.monotonic() + kernel_driver.TIMEOUT
    with database.connect() as connection:
        while not connection.scalar(query, {"part": f"%{part}%"}):
            assert time.monotonic() < deadline


def test_commit(kernel: Kernel, database: sa.Engine, name: str) -> None:
    """A cell commits, and leaves no transaction open."""
    executed = kernel.run(f"%%ln_session\npipeline = pipeline_of({name!r})\npipeline.name")

    assert (repr(name), 1, name) == (executed.value, kernel.count(name), kernel.read("pipeline.name"))
    assert {"idle"} == set(states(database))


def test_error(kernel: Kernel, database: sa.Engine, name: str) -> None:
    """An error rolls back what was sent, and leaves no transaction open; what was only read stays readable."""
    kernel.run(f"pipeline_of({name!r})")

    executed = kernel.run(
        f"%%ln_session\nread = ln.select(lns.Pipeline, name={name!r}).one()\n"
        f"_ = pipeline_of({name!r})\nln.current_session().flush()\n1 / 0"
    )

    assert ("error", ["ZeroDivisionError"], 1) == (executed.status, executed.errors, kernel.count(name))
    assert name == kernel.read("read.name")
    assert {"idle"} == set(states(database))


@pytest.mark.parametrize("end", ["", "%ln_session commit\n", "ln.current_session().commit()\n"])
def test_a_unit_that_was_given_up(kernel: Kernel, name: str, end: str) -> None:
    """A cell that caught an error which has undone its transaction is red, however it commits."""
    executed = kernel.run(
        f"%%ln_session\nimport sqlalchemy\np = pipeline_of({name!r})\nln.select(lns.Pipeline).count()\n"
        "try:\n    ln.current_session().execute(sqlalchemy.text('SELECT nonsense'))\n"
        f"except sqlalchemy.exc.DBAPIError:\n    pass\n{end}",
    )

    assert ("error", ["TransactionUndoneError"], 0) == (executed.status, executed.errors, kernel.count(name))
    kernel.run("ln.add(p)")
    assert 1 == kernel.count(name)


def test_commit_fails(kernel: Kernel, database: sa.Engine, name: str) -> None:
    """A commit that fails is the cell's one error, naming the record and its line, and saves nothing."""
    executed = kernel.run(
        f"%%ln_session\n_ = pipeline_of({name!r})\n_ = ln.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))"
    )

    assert ("error", ["IntegrityError"], 0) == (executed.status, executed.errors, kernel.count(name))
    assert "name='a'); it was added at line 3: _ = ln.add(lns.Run(" in executed.traceback
    assert {"idle"} == set(states(database))


def test_caught_database_error(kernel: Kernel, name: str) -> None:
    """A refused statement that the cell catches in a savepoint loses nothing else."""
    executed = kernel.run(
        f"%%ln_session --as ss\n_ = pipeline_of({name!r})\n"
        "try:\n"
        "    with ss.orm.begin_nested():\n"
        "        ss.orm.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))\n"
        "except Exception as error:\n"
        "    caught = type(error).__name__\n"
        "caught"
    )

    assert ("'IntegrityError'", "ok", 1) == (executed.value, executed.status, kernel.count(name))


def test_locks_nothing(kernel: Kernel, database: sa.Engine) -> None:
    """A cell that has only read holds no transaction while it goes on."""
    message = kernel.begin(
        "go = threading.Event()\n%ln_session cell\n_ = ln.select(lns.Pipeline).all()\nprint('read')\nwait_for_ever()"
    )
    kernel.wait_for_output(message)

    found = set(states(database))

    kernel.interrupt()
    kernel.finish(message)
    assert {"idle"} == found


def test_interrupt(kernel: Kernel, database: sa.Engine, name: str) -> None:
    """The stop button ends a query that is running, and rolls back."""
    slow = f"SELECT pg_sleep(60), '{name}'"
    message = kernel.begin(
        f"%%ln_session\nimport sqlalchemy as sa\n_ = pipeline_of({name!r})\n"
        f"ln.current_session().execute(sa.text({slow!r}))"
    )
    wait_for_query(database, name)

    kernel.interrupt()

    executed = kernel.finish(message)
    assert ("error", "KeyboardInterrupt", 0) == (executed.status, executed.reply["ename"], kernel.count(name))
    assert {"idle"} == set(states(database))


def test_write(kernel: Kernel, name: str) -> None:
    """Cells with `--write` wait for each other, so that no update is lost."""
    kernel.run(f"pipeline_of({name!r})")
    kernel.run(
        "def add_one():\n"
        "    with ln.Session(write=True) as ss:\n"
        f"        pipeline = ss.select(lns.Pipeline, name={name!r}).one()\n"
        "        pipeline.reference = str(int(pipeline.reference or 0) + 1)"
    )

    executed = kernel.run(
        "%%ln_session --write\n"
        "others = [threading.Thread(target=add_one) for _ in range(3)]\n"
        "for other in others:\n    other.start()\n"
        f"pipeline = ln.select(lns.Pipeline, name={name!r}).one()\n"
        "time.sleep(0)\n"
        "pipeline.reference = str(int(pipeline.reference or 0) + 1)"
    )
    kernel.run("for other in others:\n    other.join()")

    assert "ok" == executed.status
    assert "4" == kernel.read(f"ln.select(lns.Pipeline, name={name!r}).one().reference")
