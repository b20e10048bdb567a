"""Waiting for a lock can be interrupted and ends at a deadline; what only reads holds none."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines, limits
from ln_jupyter.db.postgres import backend as postgres
from ln_jupyter.db.sqlite import lock_owner, locks
from ln_jupyter.registry import check
from ln_jupyter.tracking import running
from ln_jupyter.tracking.recording import recorder
from tests import waits
from tests.conftest import new_database
from tests.faults.processes import Process
from tests.ipython import kernel_driver
from tests.ipython.conftest import SETUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.ipython.kernel_driver import Kernel

    Tell = Callable[[Any], None]

FOR_EVER = float("inf")
"""Seconds that a lock is waited for where something else has to end the wait."""

IS_LINUX = sys.platform == "linux"


def file_of(url: sa.URL) -> str:
    """The path of a SQLite database."""
    assert url.database is not None
    return url.database


def text_of(url: sa.URL) -> str:
    """A URL that can be given to another process."""
    return url.render_as_string(hide_password=False)


@contextmanager
def locked(url: sa.URL) -> Iterator[None]:
    """Hold whatever a writer of ours has to wait for; readers do not."""
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(file_of(url), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    stranger = sa.create_engine(url, poolclass=sa.NullPool)
    with stranger.begin() as connection:
        tables = ", ".join(table.name for table in lns.Base.metadata.sorted_tables)
        connection.exec_driver_sql(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(postgres.WRITE_KEY)))
        yield


# -- Ctrl-C --------------------------------------------------------------------------------------------------------

WRITES = {
    "add": "_ = pipeline_of({name!r})",
    "flush": "with ln.Session() as ss:\n    _ = pipeline_of({name!r})\n    ss.orm.flush()",
    "block": "with ln.Session():\n    _ = pipeline_of({name!r})",
    "write": "with ln.Session(write=True):\n    _ = pipeline_of({name!r})",
    "cell": "%%ln_session\n_ = pipeline_of({name!r})",
    "writing cell": "%%ln_session --write\n_ = pipeline_of({name!r})",
    "header": "ln.header(id='Rx2s9cPTMQLY', name={name!r}, run='new')",
    "await, then add": "await asyncio.sleep(0)\n_ = pipeline_of({name!r})",
    "await, then write": "await asyncio.sleep(0)\nwith ln.Session(write=True):\n    _ = pipeline_of({name!r})",
    "await, then header": "await asyncio.sleep(0)\nln.header(id='Rx2s9cPTMQLY', name={name!r}, run='new')",
    "cell with await": "%%ln_session\n_ = pipeline_of({name!r})\nawait asyncio.sleep(0)",
    "writing cell with await": "%%ln_session --write\n_ = pipeline_of({name!r})\nawait asyncio.sleep(0)",
}

TELL_WAITS = """
from ln_jupyter.db import limits, transactions
from ln_jupyter.db.sqlite import locks

class Clock:
    monotonic = time.monotonic
    told = 0

    @classmethod
    def sleep(cls, seconds):
        if threading.current_thread() is not threading.main_thread():
            another_thread_waits.set()
        elif cls.told != (now := get_ipython().execution_count):  # once for each cell
            cls.told = now
            print("waiting")
        time.sleep(seconds)

another_thread_waits = threading.Event()
locks.time = Clock
limits.LOCK_SECONDS = float("inf")
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, sa.URL]]:
    """A kernel that prints when it waits for SQLite's write lock, and waits for ever; and its registry."""
    home = tmp_path_factory.mktemp("kernel")
    with kernel_driver.start(home, SETUP + TELL_WAITS) as kernel:
        yield kernel, sa.make_url(f"sqlite:///{home / 'registry.db'}")


@pytest.fixture(scope="module")
def postgres_kernel(postgres: sa.URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, sa.Engine]]:
    """A kernel that waits for locks of PostgreSQL's for ever, and its registry."""
    with new_database(postgres) as url:
        patient = text_of(url.update_query_dict({"options": "-c lock_timeout=0"}))
        setup = f"import ln_jupyter as ln\n_ = ln.connect({patient!r})\n{SETUP}"
        with kernel_driver.start(tmp_path_factory.mktemp("kernel"), setup) as kernel:
            yield kernel, sa.create_engine(url, poolclass=sa.NullPool)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"n{uuid.uuid4().hex}"


@pytest.mark.parametrize("how", WRITES)
def test_interrupt(kernel: tuple[Kernel, sa.URL], name: str, how: str) -> None:
    """The stop button ends the wait for SQLite's write lock, wherever it waits, and nothing is saved."""
    driver, url = kernel
    with locked(url):
        message = driver.begin(WRITES[how].format(name=name))
        driver.wait_for_output(message)  # it waits

        driver.interrupt()
        executed = driver.finish(message)

    assert ("error", "KeyboardInterrupt") == (executed.status, executed.reply["ename"])
    assert "sqlalchemy" not in executed.traceback  # whose many frames take a second to show
    assert (0, 0) == (driver.count(name), driver.read(f"ln.select(lns.Notebook, name={name!r}).count()"))
    again = driver.run(WRITES[how].format(name=name))
    assert "ok" == again.status, again.traceback


@pytest.mark.postgres
@pytest.mark.parametrize("how", WRITES)
def test_interrupt_on_postgresql(postgres_kernel: tuple[Kernel, sa.Engine], name: str, how: str) -> None:
    """The stop button ends the wait for a lock of PostgreSQL's, wherever it waits, and nothing is saved."""
    driver, database = postgres_kernel
    with locked(database.url):
        message = driver.begin(WRITES[how].format(name=name))
        waits.for_waiter(database)

        driver.interrupt()
        executed = driver.finish(message)

    assert ("error", "KeyboardInterrupt") == (executed.status, executed.reply["ename"])
    assert "sqlalchemy" not in executed.traceback  # whose many frames take a second to show
    assert (0, 0) == (driver.count(name), driver.read(f"ln.select(lns.Notebook, name={name!r}).count()"))
    again = driver.run(WRITES[how].format(name=name))
    assert "ok" == again.status, again.traceback


def add_in_script(tell: Tell, url: str, how: str) -> None:
    locks.time = waits.Clock(lambda: tell("waiting"))  # type: ignore[assignment]
    limits.LOCK_SECONDS = FOR_EVER
    ln.connect(url)

    async def main() -> None:
        ln.add(lns.Pipeline(name="late"))

    try:
        if how == "asyncio.run":
            asyncio.run(main())
        else:
            ln.add(lns.Pipeline(name="late"))
    except KeyboardInterrupt:
        tell("interrupted")
    tell(ln.select(lns.Pipeline).count())


@pytest.mark.parametrize("how", ["plain", "asyncio.run"])
def test_interrupt_script(sqlite_url: sa.URL, how: str) -> None:
    """Ctrl-C ends the wait of a script, in a coroutine too, and the script goes on with the database."""
    check.ensure(engines.resolve(sqlite_url))
    with locked(sqlite_url), Process(add_in_script, text_of(sqlite_url), how) as script:
        script.wait_until_ready().go()
        assert "waiting" == script.next()

        os.kill(script.pid, signal.SIGINT)

        assert ["interrupted", 0] == script.rest()


# -- the deadline --------------------------------------------------------------------------------------------------


def hold(tell: Tell, url: str) -> None:
    ln.connect(url)
    with ln.Session(write=True):
        tell("holds")
        signal.pause()


def add_impatiently(tell: Tell, url: str) -> None:
    limits.LOCK_SECONDS = 0.3
    ln.connect(url)
    try:
        ln.add(lns.Pipeline(name="never"))
    except errors.DatabaseBusyError as error:
        tell((str(error), error.fix))
    tell(ln.select(lns.Pipeline).count())


def test_stopped_holder(sqlite_url: sa.URL) -> None:
    """At the deadline the error names the process that holds the lock and is stopped; reading goes on."""
    check.ensure(engines.resolve(sqlite_url))
    with Process(hold, text_of(sqlite_url)) as holder, Process(add_impatiently, text_of(sqlite_url)) as writer:
        holder.wait_until_ready().go()
        assert "holds" == holder.next()
        os.kill(holder.pid, signal.SIGSTOP)

        writer.wait_until_ready().go()
        (said, fix), count = writer.rest()

    assert 0 == count
    assert f"another session has held the write lock of {sqlite_url.database} for 0 s" in said
    if IS_LINUX:
        assert f"now it is process {holder.pid} (" in said
        assert "stopped)" in said
        assert f"interrupt or end process {holder.pid}, then run this again" == fix


@pytest.mark.postgres
def test_stopped_holder_on_postgresql(postgres_url: sa.URL) -> None:
    """On PostgreSQL too, the wait for a client that does nothing ends in an error, and reading goes on."""
    check.ensure(engines.resolve(postgres_url))
    with Process(hold, text_of(postgres_url)) as holder, Process(write_impatiently, text_of(postgres_url)) as writer:
        holder.wait_until_ready().go()
        assert "holds" == holder.next()
        os.kill(holder.pid, signal.SIGSTOP)

        writer.wait_until_ready().go()
        (said, fix), count = writer.rest()

    assert 0 == count
    assert "did not give a lock in time" in said
    assert "pg_stat_activity" in fix


def write_impatiently(tell: Tell, url: str) -> None:
    ln.connect(sa.make_url(url).update_query_dict({"options": "-c lock_timeout=300"}))
    try:
        with ln.Session(write=True):
            pass
    except errors.DatabaseBusyError as error:
        tell((str(error), error.fix))
    tell(ln.select(lns.Pipeline).count())


IDLE = "import sys; print('here', flush=True); sys.stdin.read()"


@pytest.mark.skipif(not IS_LINUX, reason="the system does not tell who holds a lock")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-m", "ipykernel_launcher", "-f", "kernel-{id}.json"], "kernel {id}"),
        (["-m", "ipykernel_launcher", "-f", "kernel-v3{id}.json"], "kernel {id}"),
        (["{script}", "--password=secret"], "{python} work.py"),
        (["-c", IDLE, "secret"], "{python}"),
    ],
    ids=["kernel", "VS Code", "script", "command"],
)
def test_holder_is_described(tmp_path: Path, arguments: list[str], named: str) -> None:
    """A process is named by its kernel or its program, and never by its arguments."""
    script = tmp_path / "work.py"
    script.write_text(IDLE)
    values = {"id": str(uuid.uuid4()), "script": str(script), "python": Path(sys.executable).name}
    module = tmp_path / "ipykernel_launcher.py"
    module.write_text(script.read_text())
    command = [sys.executable, *(each.format(**values) for each in arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the system knows its command line by then
        described = lock_owner.describe(process.pid)

        process.communicate()

    assert f"process {process.pid} ({named.format(**values)})" == described
    assert f"process {process.pid}" == lock_owner.describe(process.pid)


@pytest.mark.skipif(not IS_LINUX, reason="the system does not tell who holds a lock")
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_holder_is_found(tmp_path: Path, journal: str) -> None:
    """Whoever holds the write lock is found, with a WAL and without; nobody is, where nobody does."""
    file = str(tmp_path / "a.db")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute("CREATE TABLE a (x)")
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM a").fetchall()
        before = lock_owner.find(file)
        connection.execute("INSERT INTO a VALUES (1)")
        during = lock_owner.find(file)
        connection.execute("COMMIT")

        assert (None, os.getpid(), None) == (before, during, lock_owner.find(file))


def test_unknown_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not tell, the error says what can be said."""
    monkeypatch.setattr(lock_owner, "_LOCKS", tmp_path / "not there")

    error = lock_owner.busy(engines.resolve(f"sqlite:///{tmp_path / 'a.db'}"), 30)

    assert f"another session has held the write lock of {tmp_path / 'a.db'} for 30 s" == str(error)
    assert "end the cell or kernel that holds it, then run this again" == error.fix


# -- the same process ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["same", "symlink", "relative"])
def test_second_writer_of_a_thread(
    sqlite_url: sa.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A thread that would wait for itself is told at once, with the line that wrote, whatever the file was called."""
    check.ensure(engines.resolve(sqlite_url))
    monkeypatch.chdir(tmp_path)
    file = Path(file_of(sqlite_url))
    Path("link.db").symlink_to(file)
    other = f"sqlite:///{ {'same': file, 'symlink': 'link.db', 'relative': file.name}[path] }"

    with ln.Session(sqlite_url) as first, pytest.raises(errors.DatabaseBusyError) as error:
        first.add(lns.Pipeline(name="first"))
        first.orm.flush()  # writes first
        with ln.Session(other, write=True):
            pass

    engines.dispose(other)
    assert "first.orm.flush()  # writes first" in str(error.value)


def test_second_writer_of_another_thread(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread of the process waits, and writes when the first has ended."""
    is_waiting = threading.Event()
    monkeypatch.setattr(locks, "time", waits.Clock(is_waiting.set))
    check.ensure(engines.resolve(sqlite_url))

    def write() -> None:
        with ln.Session(sqlite_url) as ss:
            ss.add(lns.Pipeline(name="second"))

    thread = threading.Thread(target=write)
    with ln.Session(sqlite_url, write=True) as ss:
        thread.start()
        assert is_waiting.wait(kernel_driver.TIMEOUT)
        ss.add(lns.Pipeline(name="first"))
    thread.join()

    with ln.Session(sqlite_url) as ss:
        names = [each.name for each in ss.select(lns.Pipeline).order_by("created_at").all()]
    assert ["first", "second"] == names


def test_deadline_names_another_thread(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that waits in vain for another one of its process is told its line."""
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.3)
    check.ensure(engines.resolve(sqlite_url))
    found: list[errors.DatabaseBusyError] = []

    def write() -> None:
        try:
            with ln.Session(sqlite_url, write=True):
                pass
        except errors.DatabaseBusyError as error:
            found.append(error)

    with ln.Session(sqlite_url, write=True):  # holds it
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()

    assert "now it is another thread of this process; it wrote first at" in str(found[0])
    assert "with ln.Session(sqlite_url, write=True):  # holds it" in str(found[0])


@pytest.mark.skipif(not IS_LINUX, reason="the system does not tell who holds a lock")
def test_deadline_names_a_connection_of_the_users(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection of the user's own cannot be known at once; at the deadline it is known to be of this process."""
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.3)
    check.ensure(engines.resolve(sqlite_url))

    with locked(sqlite_url), pytest.raises(errors.DatabaseBusyError) as error, ln.Session(sqlite_url, write=True):
        pass

    assert str(error.value).endswith("now it is this process, by a connection that is not of ln_jupyter")
    assert "commit or close that connection, then run this again" == error.value.fix


# -- what holds no lock --------------------------------------------------------------------------------------------


def look(tell: Tell, url: str, how: str) -> None:
    ln.connect(url)
    with OPEN[how]() as opened:
        tell("open")
        signal.pause()
        del opened


@contextmanager
def bare() -> Iterator[Any]:
    """A session that has read, and is not closed."""
    ss = ln.Session()
    yield ss.select(lns.Pipeline).all()


@contextmanager
def block() -> Iterator[Any]:
    """A block that has read."""
    with ln.Session() as ss:
        yield ss.select(lns.Pipeline).all()


@contextmanager
def unread() -> Iterator[Any]:
    """A block with a result that nobody has read."""
    with ln.Session() as ss:
        yield ss.orm.execute(sa.select(lns.Pipeline))


@contextmanager
def streamed() -> Iterator[Any]:
    """A stream of which the first row was read."""
    rows = ln.select(lns.Pipeline).stream(batch=1)
    next(rows)
    yield rows


@contextmanager
def unflushed() -> Iterator[Any]:
    """A block with a new and a changed record, neither of them sent."""
    with ln.Session() as ss:
        ss.select(lns.Pipeline).all()[0].reference = "changed"
        yield ss.add(lns.Pipeline(name="new"))


@contextmanager
def held() -> Iterator[Any]:
    """A session as ``%ln_session open`` keeps it between two cells, of which one has written."""
    ss = ln.Session()
    for name in ("one", "two"):
        ss.begin(keep=True)
        ss.add(lns.Pipeline(name=name))
        ss.select(lns.Pipeline).all()
        ss.end(failed=False)
    yield ss


OPEN = {each.__name__: each for each in (bare, block, unread, streamed, unflushed, held)}


@contextmanager
def looking(url: sa.URL, how: str) -> Iterator[None]:
    """Let another process have something open."""
    ln.connect(url)
    ln.add(lns.Pipeline, [{"name": f"first {n}"} for n in range(2000)])
    ln.connect()
    with Process(look, text_of(url), how) as process:
        process.wait_until_ready().go()
        assert "open" == process.next()
        yield


@pytest.mark.parametrize("how", OPEN)
def test_looking_locks_nobody_out(sqlite_url: sa.URL, how: str) -> None:
    """Whatever is open and has not written, another process writes without waiting for an instant."""
    with looking(sqlite_url, how), closing(sqlite3.connect(file_of(sqlite_url), timeout=0)) as stranger:
        changed = stranger.execute("UPDATE ln_pipeline SET name = 'theirs' WHERE name LIKE 'first%'").rowcount
        stranger.commit()

    assert 2000 == changed


@pytest.mark.postgres
@pytest.mark.parametrize("how", [how for how in OPEN if how != "streamed"])
def test_looking_locks_nobody_out_on_postgresql(postgres_url: sa.URL, how: str) -> None:
    """Nor does it on PostgreSQL, not even whoever alters a table; only a stream lives in a transaction there."""
    with looking(postgres_url, how):
        engine = engines.resolve(postgres_url)
        with engine.begin() as connection:  # autovacuum gives its locks up to whoever waits
            connection.exec_driver_sql("LOCK TABLE ln_pipeline IN ACCESS EXCLUSIVE MODE")
            changed = connection.exec_driver_sql("UPDATE ln_pipeline SET name = 'theirs' WHERE name LIKE 'first%%'")

    assert 2000 == changed.rowcount


def test_open_across_cells(kernel: tuple[Kernel, sa.URL]) -> None:
    """Between two cells of `%ln_session open`, another process writes."""
    driver, url = kernel
    driver.run("%ln_session open\n_ = ln.add(lns.Pipeline(name='held'))")
    driver.run("ln.select(lns.Pipeline).all()")

    # longer than what the heartbeat of a run in this kernel writes; the session goes on until it is closed
    with closing(sqlite3.connect(file_of(url), timeout=kernel_driver.TIMEOUT)) as stranger:
        changed = stranger.execute("UPDATE ln_pipeline SET name = 'theirs' WHERE name = 'held'").rowcount
        stranger.commit()

    driver.run("%ln_session close")
    assert 1 == changed


# -- the WAL -------------------------------------------------------------------------------------------------------

WAL_BYTES = 5_000_000


def write_often(url: sa.URL, times: int = 3000) -> int:
    """Write as a stranger, in as many transactions, and give the bytes of the WAL then."""
    file = file_of(url)
    with closing(sqlite3.connect(file, isolation_level=None)) as stranger:
        stranger.execute("PRAGMA synchronous=OFF")
        for n in range(times):
            stranger.execute(
                "UPDATE ln_pipeline SET name = ? WHERE rowid % 2000 = ?", (f"{n} {uuid.uuid4()}", n % 2000)
            )
        return Path(f"{file}-wal").stat().st_size


@pytest.mark.newest
@pytest.mark.parametrize("how", [how for how in OPEN if how not in ("unread", "streamed")])
def test_wal_stays_short(sqlite_url: sa.URL, how: str) -> None:
    """While a session is open that has read, the WAL stays short, however much others write."""
    with looking(sqlite_url, how):
        size = write_often(sqlite_url)

    assert size < WAL_BYTES


@pytest.mark.newest
def test_wal_grows_beside_a_stream(sqlite_url: sa.URL) -> None:
    """A stream shows one moment, for which the WAL is kept; when it ends, the WAL is used again from its start."""
    ln.connect(sqlite_url)
    ln.add(lns.Pipeline, [{"name": "first"} for n in range(2000)])
    rows = ln.select(lns.Pipeline).stream(batch=1)
    next(rows)

    beside = write_often(sqlite_url)
    names = {each.name for each in rows}
    after = write_often(sqlite_url)

    ln.connect()
    assert {"first"} == names
    assert WAL_BYTES < beside
    assert after <= beside + 1_000_000


# -- stale records -------------------------------------------------------------------------------------------------

SESSIONS = ["bare", "block", "held"]


@contextmanager
def session(how: str) -> Iterator[ln.Session]:
    """A session of each kind, whose end is not yet to come."""
    ss = ln.Session()
    if how == "bare":
        yield ss
        ss.close()
        return
    ss.begin(keep=how == "held")
    try:
        yield ss
    except BaseException:
        ss.end(failed=True)
        raise
    else:
        ss.end(failed=False)
    finally:
        ss.close()


@pytest.mark.parametrize("how", SESSIONS)
@pytest.mark.parametrize("theirs", ["edit", "delete"])
@pytest.mark.parametrize("ours", ["edit", "delete"])
def test_stale_record(engine: sa.Engine, how: str, ours: str, theirs: str) -> None:
    """A row that was changed or deleted after it was read is neither overwritten nor deleted, in any session."""
    pipeline = ln.add(lns.Pipeline(name="first"))

    with pytest.raises(errors.StaleRecordError) as error, session(how) as ss:
        read = ss.select(lns.Pipeline).one()
        in_thread(lambda: change(pipeline.id, theirs))
        if ours == "edit":
            read.name = "ours"
            ss.add(read)
        else:
            ss.delete(read)

    names = [each.name for each in ln.select(lns.Pipeline).all()]
    assert {"edit": ["theirs"], "delete": []}[theirs] == names
    assert pipeline.id in str(error.value)


def change(pipeline_id: str, how: str) -> None:
    """Edit or delete a pipeline, as another program does."""
    found = ln.select(lns.Pipeline, id=pipeline_id).one()
    if how == "edit":
        found.name = "theirs"
        ln.add(found)
    else:
        ln.delete(found)


def in_thread(action: Callable[[], object]) -> None:
    """Do something where the block that the caller stands in is not seen."""
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


def publish(tell: Tell, url: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    ln.connect(url)
    ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")
    tell("registered")
    signal.sigwait({signal.SIGUSR1})
    ln.publish()
    tell("published")


@pytest.mark.parametrize("how", SESSIONS)
def test_edit_of_what_is_published(engine: sa.Engine, how: str) -> None:
    """A notebook that is published after it was read keeps what was published."""
    with Process(publish, text_of(engine.url)) as publisher:
        publisher.wait_until_ready().go()
        assert "registered" == publisher.next()

        with pytest.raises(errors.StaleRecordError), session(how) as ss:
            read = ss.select(lns.Notebook).one()
            os.kill(publisher.pid, signal.SIGUSR1)
            assert "published" == publisher.next()
            read.title = "ours"
            ss.add(read)

    found = ln.select(lns.Notebook).one()
    assert (None, True) == (found.title, found.published_at is not None)


# -- the heartbeat -------------------------------------------------------------------------------------------------


def test_heartbeat_waits_beside_the_cells(kernel: tuple[Kernel, sa.URL]) -> None:
    """While the heartbeat waits for the lock, cells run; what it could not write it writes when the lock is free."""
    driver, url = kernel
    driver.run("ln.header(id='Rx2s9cPTMQLZ', name='heart', run='new')\nanother_thread_waits.clear()")
    with locked(url):
        driver.run("'a cell to be written'")

        waited = driver.run("another_thread_waits.wait(60)")
        beside = driver.run("ln.select(lns.Notebook, name='heart').count()")

    assert ("True", "1") == (waited.value, beside.value)
    driver.run("from ln_jupyter.tracking import running\nrunning.recording().settle()")
    cells = driver.read("ln.select(lns.ExecutedCell, run_id=ln.nb.run.id).count()")
    assert cells >= 4


def test_end_of_a_run_whose_heartbeat_waits(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends while its heartbeat waits for the lock has its end written when the lock is free."""
    is_waiting = threading.Event()
    monkeypatch.setattr(recorder, "PAUSE", 0)
    ln.connect(sqlite_url)
    ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")
    run, kept = ln.nb.run, running.recording()
    assert kept is not None
    kept.settle()
    monkeypatch.setattr(locks, "time", waits.Clock(is_waiting.set))

    with locked(sqlite_url):
        kept.wake()
        assert is_waiting.wait(kernel_driver.TIMEOUT)
        ending = threading.Thread(target=kept.finish)
        ending.start()
        waits.until(lambda: kept._tickets)
    ending.join()

    found = ln.select(lns.Run, id=run.id).one()
    running.forget()
    ln.connect()
    assert "ok" == found.outcome
