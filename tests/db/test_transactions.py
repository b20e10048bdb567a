"""A transaction starts with the first write, and waiting for its lock can be interrupted."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors, settings
from ln_jupyter.db import backends, engines, forks, limits, transactions
from ln_jupyter.db.sqlite import lock_owner, locks
from ln_jupyter.registry import check
from ln_jupyter.schema import tables
from tests import waits
from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    Meanwhile = Callable[[Callable[[], object]], Future[object]]


@pytest.fixture
def table(url: sa.URL) -> Iterator[sa.Engine]:
    """Give an engine of ours on a database with a table of one row."""
    yield _counting(url)
    engines.dispose(url)


@pytest.fixture
def postgres_table(postgres_url: sa.URL) -> sa.Engine:
    """Give the same on PostgreSQL."""
    return _counting(postgres_url)


def _counting(url: sa.URL) -> sa.Engine:
    engine = engines.resolve(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (n INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")
    return engine


def _n(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(sa.text("SELECT n FROM counter")) or 0)


def test_reading_begins_nothing(table: sa.Engine) -> None:
    """A read leaves the driver outside of a transaction."""
    with table.connect() as connection:
        connection.scalar(sa.text("SELECT n FROM counter"))

        assert not transactions.has_begun(connection)


@pytest.mark.parametrize("how", ["core", "text", "driver"])
def test_a_write_can_be_undone(table: sa.Engine, how: str) -> None:
    """Whichever way a write is sent, it is inside a transaction."""
    counter = sa.table("counter", sa.column("n"))
    with table.connect() as connection:
        if how == "core":
            connection.execute(sa.update(counter).values(n=1))
        elif how == "text":
            connection.execute(sa.text("UPDATE counter SET n = 1"))
        else:
            connection.exec_driver_sql("UPDATE counter SET n = 1")
        assert transactions.has_begun(connection)
        connection.rollback()

    assert _n(table) == 0


def test_what_the_driver_is_sent_is_of_the_block(table: sa.Engine) -> None:
    """What goes past SQLAlchemy is undone with a block, and committed with it, although nothing else was written."""
    with pytest.raises(ZeroDivisionError), ln.Session(table) as ss:
        ss.orm.connection().connection.cursor().execute("UPDATE counter SET n = 7")
        _ = 1 / 0
    assert _n(table) == 0

    with ln.Session(table) as ss:
        ss.orm.connection().connection.cursor().execute("UPDATE counter SET n = 1")
    assert _n(table) == 1


def test_savepoints_are_inside_a_transaction(table: sa.Engine) -> None:
    """A savepoint that is released does not commit what is around it."""
    with table.connect() as connection:
        with connection.begin_nested():
            connection.exec_driver_sql("UPDATE counter SET n = 1")
        connection.rollback()

    assert _n(table) == 0


def test_ddl_can_be_undone(table: sa.Engine) -> None:
    """A table that was made in a transaction goes with it."""
    with table.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE other (x INTEGER)")
        connection.rollback()

    assert not sa.inspect(table).has_table("other")


def test_a_writer_waits_for_another(table: sa.Engine) -> None:
    """A second thread waits until the first has committed, and then goes on from there."""
    with table.connect() as first:
        transactions.lock_for_writing(first)
        with ThreadPoolExecutor(1) as threads:
            started = threading.Event()

            def write() -> None:
                with table.begin() as second:
                    started.set()
                    transactions.lock_for_writing(second)
                    second.exec_driver_sql("UPDATE counter SET n = n + 1")

            waiting = threads.submit(write)
            started.wait()
            first.exec_driver_sql("UPDATE counter SET n = n + 1")
            first.commit()
            waiting.result()

    assert _n(table) == 2


def test_a_second_writer_of_the_same_thread_is_told_at_once(sqlite_url: sa.URL) -> None:
    """Waiting for oneself would never end: the error names the line that wrote first."""
    engine = engines.resolve(sqlite_url)
    with engine.connect() as first, engine.connect() as second:
        first.exec_driver_sql("CREATE TABLE a (x)")  # the first writer

        with pytest.raises(errors.DatabaseBusyError) as error:
            second.exec_driver_sql("CREATE TABLE b (x)")

        first.rollback()
    assert 'first.exec_driver_sql("CREATE TABLE a (x)")  # the first writer' in str(error.value)
    assert "with ln.Session():" in error.value.fix


def test_a_lock_that_is_never_given_ends_in_an_error(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the deadline the error says what to look for, and reading goes on."""
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.3)
    engine = engines.resolve(sqlite_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a (x)")
    assert sqlite_url.database is not None
    stranger = sqlite3.connect(sqlite_url.database, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")

    with engine.connect() as connection:
        with pytest.raises(errors.DatabaseBusyError) as error:
            connection.exec_driver_sql("INSERT INTO a VALUES (1)")
        rows = connection.exec_driver_sql("SELECT * FROM a").all()

    stranger.close()
    assert "has held the write lock" in str(error.value)
    assert [] == rows


def test_a_wait_leaves_an_engine_its_own_patience(sqlite_url: sa.URL) -> None:
    """What a user's engine was told to wait for locks is what it waits for afterwards."""
    engine = sa.create_engine(sqlite_url, connect_args={"timeout": 120})
    with engine.connect() as connection:
        transactions.lock_for_writing(connection)
        connection.rollback()

        assert 120_000 == connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    engine.dispose()


def test_who_still_reads_an_older_moment_is_told_at_once(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting lets a connection write while it reads what others have changed since, and nobody else is blamed."""
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.3)
    engine = engines.resolve(sqlite_url)
    check.ensure(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a (x)")
        connection.exec_driver_sql("INSERT INTO a VALUES (1), (2), (3)")
    with engine.connect() as reader:
        rows = reader.exec_driver_sql("SELECT x FROM a")
        rows.fetchone()
        with engine.begin() as writer:
            writer.exec_driver_sql("INSERT INTO a VALUES (4)")

        with pytest.raises(errors.DatabaseBusyError) as error:
            reader.exec_driver_sql("INSERT INTO a VALUES (5)")

        rows.close()
        reader.exec_driver_sql("INSERT INTO a VALUES (6)")
    assert "rows of the time before are still being read here" in str(error.value)
    assert ".all()" in error.value.fix


def test_a_lost_connection_can_be_rolled_back(table: sa.Engine) -> None:
    """A connection that is invalidated in its transaction ends without another error, and the engine goes on."""
    with table.connect() as connection:
        connection.exec_driver_sql("UPDATE counter SET n = 7")
        connection.invalidate()
        connection.rollback()
        connection.exec_driver_sql("SELECT n FROM counter")

    assert _n(table) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # of other threads, which the child does not use
def test_a_fork_is_not_to_wait_for_its_parent(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who adds in a process that was forked in a block that had written is told so, with the line, and not to end its parent."""
    monkeypatch.setattr(lock_owner, "PARENT_SECONDS", 0.0)
    reading, writing = os.pipe()
    with ln.Session(sqlite_url) as ss:
        ss.add(lns.File(name="parent"))
        ss.orm.flush()  # the first write
        child = os.fork()
        if child == 0:
            try:
                ln.Session(sqlite_url).add(lns.File(name="child"))
            except errors.DatabaseBusyError as error:
                os.write(writing, f"{error}\n{error.fix}".encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()

    assert "the session in which this process was forked holds the write lock" in said
    assert "ss.orm.flush()  # the first write" in said
    assert "commit that session before you fork" in said
    assert ["parent"] == ln.Session(sqlite_url).select(lns.File.name).all()


# -- isolation levels and execution options ------------------------------------------------------------------------


@pytest.mark.parametrize("of", ["connection", "engine", "session"])
def test_autocommit_commits_each_statement(table: sa.Engine, of: str) -> None:
    """Who asks for AUTOCOMMIT gets what SQLAlchemy gives: no transaction is begun, and nothing is undone."""
    write = sa.text("UPDATE counter SET n = n + 1")
    if of == "session":
        with ln.Session(table.execution_options(isolation_level="AUTOCOMMIT")) as ss:
            ss.orm.execute(write)
            ss.rollback()
    else:
        engine = table.execution_options(isolation_level="AUTOCOMMIT") if of == "engine" else table
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(write)
            assert not transactions.has_begun(connection)

    assert _n(table) == 1
    with table.connect() as connection:  # which was in AUTOCOMMIT before
        connection.execute(write)
        connection.rollback()
    assert _n(table) == 1


@pytest.mark.postgres
def test_what_needs_autocommit_can_be_done(postgres_url: sa.URL) -> None:
    """Statements that refuse to be in a transaction are in none."""
    engine = engines.resolve(postgres_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CREATE TABLE a (x INTEGER)")
        connection.exec_driver_sql("CREATE INDEX CONCURRENTLY i ON a (x)")
        connection.exec_driver_sql(f"CREATE DATABASE {postgres_url.database}_new")
        connection.exec_driver_sql(f"DROP DATABASE {postgres_url.database}_new")
        connection.exec_driver_sql("VACUUM a")

    assert ["i"] == [index["name"] for index in sa.inspect(engine).get_indexes("a")]


@pytest.mark.postgres
@pytest.mark.parametrize("of", ["connection", "engine"])
@pytest.mark.parametrize("level", ["SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED"])
def test_a_transaction_is_isolated_as_asked(postgres_table: sa.Engine, level: str, of: str) -> None:
    """It begins with the first statement, a read too, and the connection is lazy again for whoever gets it next."""
    engine = postgres_table.execution_options(isolation_level=level) if of == "engine" else postgres_table
    with engine.connect() as connection, postgres_table.connect() as other:
        connection.execution_options(isolation_level=level)
        assert level.lower() == connection.exec_driver_sql("SHOW transaction_isolation").scalar()
        before = connection.exec_driver_sql("SELECT n FROM counter").scalar()
        other.exec_driver_sql("UPDATE counter SET n = n + 1")
        other.commit()
        after = connection.exec_driver_sql("SELECT n FROM counter").scalar()
        connection.rollback()

    assert (0, 1 if level == "READ COMMITTED" else 0) == (before, after)
    for _ in range(2):
        with postgres_table.connect() as connection:
            connection.exec_driver_sql("SELECT n FROM counter")
            assert not transactions.has_begun(connection)


@pytest.mark.postgres
@pytest.mark.parametrize("options", [{}, {"isolation_level": "SERIALIZABLE"}, {"postgresql_deferrable": True}])
def test_a_transaction_only_reads_as_asked(postgres_table: sa.Engine, options: dict[str, object]) -> None:
    """Of a connection that is to read only, the database refuses whatever writes, and of the next one nothing."""
    with postgres_table.connect().execution_options(postgresql_readonly=True, **options) as connection:
        connection.exec_driver_sql("SELECT n FROM counter")
        assert transactions.has_begun(connection)
        with pytest.raises(errors.DatabaseUnavailableError, match="or the transaction is READ ONLY"):
            connection.exec_driver_sql("UPDATE counter SET n = 7")

    with postgres_table.begin() as connection:
        connection.exec_driver_sql("UPDATE counter SET n = 1")
    assert _n(postgres_table) == 1


@pytest.mark.parametrize("level", ["SERIALIZABLE", "READ UNCOMMITTED", "AUTOCOMMIT"])
def test_an_isolation_level_ends_nobody_elses_transaction(level: str) -> None:
    """Several share the connection of a database in memory: to set a level beside a block commits nothing of it."""
    engine = ln.connect("sqlite://")
    with pytest.raises(ZeroDivisionError), ln.Session() as ss:
        ss.add(lns.File(name="undone"))
        ss.orm.flush()
        with engine.connect() as beside:
            beside.execution_options(isolation_level=level)
        _ = 1 / 0

    assert not ln.select(lns.File).exists()
    ln.connect()
    engines.dispose("sqlite://")


@pytest.mark.postgres
@pytest.mark.parametrize("of", [engines.resolve, sa.create_engine], ids=["ours", "own"])
def test_a_lock_is_of_its_transaction_at_serializable(
    postgres_table: sa.Engine, of: Callable[[sa.URL], sa.Engine]
) -> None:
    """A block with `write=True` sees what it waited for, and its lock is none of the session, which a pooler shares."""
    engine = of(postgres_table.url).execution_options(isolation_level="SERIALIZABLE")

    def count() -> None:
        with ln.Session(engine, write=True) as ss:
            n = ss.orm.scalar(sa.text("SELECT n FROM counter"))
            ss.orm.execute(sa.text("UPDATE counter SET n = :n"), {"n": n + 1})

    with ThreadPoolExecutor(1) as other:
        with ln.Session(engine, write=True) as ss:
            second = other.submit(count)
            waits.for_waiter(postgres_table)
            ss.orm.execute(sa.text("UPDATE counter SET n = 1"))
        second.result()

    assert 2 == _n(postgres_table)
    with postgres_table.connect() as connection:  # while the pool still has those that had the lock
        held = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database WHERE locktype = 'advisory'"
        assert 0 == connection.exec_driver_sql(f"{held} AND datname = current_database()").scalar()
    engine.dispose()


@pytest.mark.postgres
def test_a_lock_needs_a_transaction(postgres_url: sa.URL) -> None:
    """In AUTOCOMMIT, a session that locks is refused: its lock would be gone at once."""
    engine = engines.resolve(postgres_url).execution_options(isolation_level="AUTOCOMMIT")
    with pytest.raises(errors.SessionError, match="AUTOCOMMIT"), ln.Session(engine, write=True):
        pass


# -- in memory -----------------------------------------------------------------------------------------------------


@pytest.fixture
def in_memory() -> Iterator[sa.Engine]:
    """Connect to a database in memory, whose one connection all share."""
    engines.dispose("sqlite://")  # one that another test has left was made before the locks were watched
    yield ln.connect("sqlite://")
    ln.connect()
    engines.dispose("sqlite://")


def _count_in_a_thread() -> int:
    with ThreadPoolExecutor(1) as other:
        return other.submit(lambda: ln.select(lns.File).count()).result()


def _count_in_a_block() -> int:
    with ln.Session() as ss:
        return ss.select(lns.File).count()


@pytest.mark.usefixtures("in_memory")
@pytest.mark.parametrize(
    "read",
    [_count_in_a_block, _count_in_a_thread, lambda: ln.Session().select(lns.File).count()],
    ids=["block", "thread", "bare"],
)
def test_reading_beside_a_block_in_memory_undoes_nothing(read: Callable[[], int]) -> None:
    """Whoever shares the connection leaves the transaction of another one as it is."""
    ln.add(lns.File(name="old"))

    with pytest.raises(ZeroDivisionError), ln.Session() as ss:
        ss.add(lns.File(name="undone"))
        ss.orm.flush()
        read()
        _ = 1 / 0
    with ln.Session() as ss:
        ss.add(lns.File(name="new"))
        ss.orm.flush()
        read()

    assert {"old", "new"} == set(ln.select(lns.File.name).all())


@pytest.mark.usefixtures("in_memory")
def test_a_second_writer_in_memory_is_told_at_once() -> None:
    """An inner block that writes is refused, as it is with a file, and the outer one goes on."""
    with ln.Session() as ss:
        ss.add(lns.File(name="outer"))
        ss.orm.flush()
        for write in (False, True):
            with pytest.raises(errors.DatabaseBusyError) as error, ln.Session(write=write):
                ln.add(lns.File(name="inner"))

    assert "ss.orm.flush()" in str(error.value)
    assert ["outer"] == ln.select(lns.File.name).all()


@pytest.mark.usefixtures("in_memory")
def test_who_only_reads_is_refused_beside_a_writer_in_memory() -> None:
    """What would write is refused at once, and does not ask who it is that writes."""
    with ln.Session() as ss:
        ss.add(lns.File(name="outer"))  # and the user
        ss.orm.flush()

        with pytest.raises(errors.ReadOnlySessionError), ln.Session(readonly=True) as reader:
            reader.orm.add(lns.File(name="inner"))


@pytest.fixture
def is_waiting(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Give what is set when a thread waits for the write lock."""
    event = threading.Event()
    refuse = lock_owner.refuse_ourselves

    def wait(engine: sa.Engine, waited: float) -> None:
        event.set()
        refuse(engine, waited)

    monkeypatch.setattr(lock_owner, "refuse_ourselves", wait)
    return event


@pytest.mark.usefixtures("in_memory")
def test_another_thread_waits_for_a_writer_in_memory(is_waiting: threading.Event) -> None:
    """It writes when the block has ended."""
    with ThreadPoolExecutor(1) as other:
        with ln.Session() as ss:
            ss.add(lns.File(name="first"))
            ss.orm.flush()
            second = other.submit(ln.add, lns.File(name="second"))
            assert is_waiting.wait(kernel_driver.TIMEOUT)
        second.result()

    assert {"first", "second"} == set(ln.select(lns.File.name).all())


@pytest.mark.usefixtures("in_memory")
def test_a_user_that_another_thread_undoes_is_made_again_in_memory(is_waiting: threading.Event) -> None:
    """Whoever sees the row of a transaction beside waits for its end, and does not take it for committed."""
    with ThreadPoolExecutor(1) as other:
        with pytest.raises(ZeroDivisionError), ln.Session() as ss:
            ss.add(lns.File(name="undone"))  # and the user, who is new
            ss.orm.flush()
            second = other.submit(ln.add, lns.File(name="second"))
            assert is_waiting.wait(kernel_driver.TIMEOUT)
            _ = 1 / 0
        second.result()
    ln.add(lns.File(name="third"))

    assert {"second", "third"} == set(ln.select(lns.File.name).all())


@pytest.fixture
def has_stopped(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Give what is set when a thread finds a lock of ours held; request it before the engine."""
    event = threading.Event()

    class Lock(forks.Lock):
        def __enter__(self) -> None:
            if not self._lock.acquire(blocking=False):
                event.set()
                super().__enter__()

    monkeypatch.setattr(forks, "Lock", Lock)
    return event


@pytest.fixture
def meanwhile(has_stopped: threading.Event) -> Iterator[Meanwhile]:
    """Let another thread do something now, as far as it gets: until it ends, or finds a lock of ours held."""

    def do(work: Callable[[], object]) -> Future[object]:
        has_stopped.clear()
        done = other.submit(work)
        done.add_done_callback(lambda _: has_stopped.set())
        assert has_stopped.wait(kernel_driver.TIMEOUT)
        return done

    with ThreadPoolExecutor(1) as other:
        yield do


def _read() -> None:
    with ln.Session() as ss:
        ss.select(lns.File).count()


@pytest.mark.parametrize(
    ("work", "added"), [(_read, set()), (lambda: ln.add(lns.File(name="other")), {"other"})], ids=["reads", "adds"]
)
def test_a_thread_comes_while_a_transaction_begins_in_memory(
    meanwhile: Meanwhile,
    in_memory: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[], object],
    added: set[str],
) -> None:
    """Between BEGIN and the moment it is known who began, nobody else takes the transaction for theirs."""
    ln.add(lns.File(name="before"))  # and the user
    note = lock_owner.note
    others: list[Future[object]] = []

    def let_another_in(engine: sa.Engine, driver: object) -> lock_owner.Holder:
        if not others:
            others.append(meanwhile(work))
        return note(engine, driver)

    monkeypatch.setattr(lock_owner, "note", let_another_in)
    with pytest.raises(ZeroDivisionError), ln.Session() as ss:
        ss.add(lns.File(name="undone"))
        ss.orm.flush()
        _ = 1 / 0
    others[0].result()

    assert {"before", *added} == set(ln.select(lns.File.name).all())


def test_a_transaction_ends_while_another_thread_tries_to_begin_in_memory(
    meanwhile: Meanwhile, in_memory: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has found the connection in a transaction waits for it, although it ends a moment later."""
    check.ensure(in_memory)
    is_busy = locks._is_busy
    others: list[Future[object]] = []
    beside = in_memory.connect()

    def let_it_end(error: sqlite3.OperationalError) -> bool:
        if not others:
            others.append(meanwhile(beside.commit))
        return is_busy(error)

    monkeypatch.setattr(locks, "_is_busy", let_it_end)
    meanwhile(lambda: beside.execute(sa.insert(lns.File).values(name="first", revision=1))).result()
    ln.add(lns.File(name="second"))
    others[0].result()
    beside.close()

    assert {"first", "second"} == set(ln.select(lns.File.name).all())


def test_a_thread_makes_a_user_while_another_one_looks_for_it_in_memory(
    meanwhile: Meanwhile, has_stopped: threading.Event, in_memory: sa.Engine
) -> None:
    """Nobody begins between the moment it is known that nobody has, and the reading of what is thus committed."""
    check.ensure(in_memory)
    beside, has_read = in_memory.connect(), threading.Event()
    others: list[Future[object]] = []

    def make_and_undo() -> None:
        row = {"id": "undone", "handle": settings.current().user, "revision": 1}
        backends.get(beside.dialect).insert_if_absent(beside, tables.user, [row])
        has_stopped.set()
        assert has_read.wait(kernel_driver.TIMEOUT)
        beside.rollback()

    @sa.event.listens_for(in_memory, "before_cursor_execute")
    def let_another_in(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if "FROM ln_user" in sql and not others:
            others.append(meanwhile(make_and_undo))

    @sa.event.listens_for(in_memory, "after_cursor_execute")
    def let_it_go_on(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if "FROM ln_user" in sql:
            has_read.set()

    file = ln.add(lns.File(name="kept"))
    others[0].result()
    beside.close()

    assert file.created_by_id == ln.select(lns.User.id).one()


def test_threads_open_one_database_in_memory(meanwhile: Meanwhile, in_memory: sa.Engine) -> None:
    """While one opens it, another one that comes gets the same, and not its own."""
    others: list[Future[object]] = []
    is_first = iter([True])

    @sa.event.listens_for(in_memory, "do_connect")
    def let_another_in(*_: object) -> None:
        if next(is_first, False):  # also where the other one opens its own
            others.append(meanwhile(driver))

    def driver() -> object:
        with in_memory.connect() as connection:
            return connection.connection.dbapi_connection

    assert driver() is others[0].result()


def test_what_nobody_can_commit_any_more_is_undone_in_memory(in_memory: sa.Engine) -> None:
    """A connection that was dropped in its transaction leaves nothing for the next one that writes."""
    check.ensure(in_memory)
    dropped = in_memory.connect()
    dropped.execute(sa.insert(lns.File).values(name="undone", revision=1))
    with in_memory.connect() as writer:  # the pool looks after the one that it has lent last
        del dropped
        gc.collect()
        writer.execute(sa.insert(lns.File).values(name="kept", revision=1))
        writer.commit()

    assert ["kept"] == ln.select(lns.File.name).all()


_WAITER = """
import signal, sys, time
from ln_jupyter.db import engines, limits, transactions
from ln_jupyter.db.sqlite import locks

signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts us may ignore it

class Clock:
    monotonic = time.monotonic

    @staticmethod
    def sleep(seconds):
        print("waiting", flush=True)
        time.sleep(seconds)

locks.time = Clock
limits.LOCK_SECONDS = float("inf")
engine = engines.resolve(sys.argv[1])
with engine.connect() as connection:
    try:
        connection.exec_driver_sql("CREATE TABLE b (x)")
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.newest
def test_ctrl_c_ends_the_wait(sqlite_url: sa.URL) -> None:
    """Interrupting a kernel that waits for a lock ends the wait, which has no other end."""
    assert sqlite_url.database is not None
    holder = sqlite3.connect(sqlite_url.database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with subprocess.Popen(
        [sys.executable, "-c", _WAITER, str(sqlite_url)], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as waiter:
        try:
            assert waiter.stdout is not None
            assert waiter.stdout.readline() == "waiting\n"

            waiter.send_signal(signal.SIGINT)

            said = waiter.communicate(timeout=kernel_driver.TIMEOUT)[0]
        finally:
            waiter.kill()
    assert said.endswith("interrupted\n")
    holder.close()


def test_ctrl_c_is_let_in_all_the_time(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it waits, SQLite itself waits for a quarter of a second at most: meanwhile no signal arrives."""
    engine = engines.resolve(sqlite_url)
    patience = []
    with engine.connect() as first, engine.connect() as second, ThreadPoolExecutor(1) as threads:

        def look_and_give_way() -> None:
            patience.append(second.exec_driver_sql("PRAGMA busy_timeout").scalar())
            first.rollback()

        monkeypatch.setattr(locks, "time", waits.Clock(look_and_give_way))
        first.exec_driver_sql("CREATE TABLE a (x)")
        threads.submit(second.exec_driver_sql, "CREATE TABLE b (x)").result()

    assert [250] == patience


_READER = """
import signal, sys, threading
import sqlalchemy as sa
from ln_jupyter.db import engines

signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts us may ignore it
begun = threading.Event()
threading.Thread(target=lambda: begun.wait() and print("begun", flush=True)).start()
engine = engines.resolve(sys.argv[1])
sa.event.listen(engine, "connect", lambda driver, _: driver.create_function("begun", 0, begun.set))
with engine.connect() as connection:
    connection.exec_driver_sql("CREATE TABLE a (x)")
    try:
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT begun() UNION ALL SELECT coalesce(i, 0) + 1 FROM n) SELECT max(i) FROM n"
        ).all()
    except KeyboardInterrupt:
        connection.rollback()
        print("interrupted", sa.inspect(engine).get_table_names(), flush=True)
"""


def test_ctrl_c_ends_a_statement(sqlite_url: sa.URL) -> None:
    """A forgotten join, on which SQLite would work for hours, is ended, and what came before is undone."""
    with subprocess.Popen(
        [sys.executable, "-c", _READER, str(sqlite_url)], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as reader:
        try:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "begun\n"

            reader.send_signal(signal.SIGINT)

            said = reader.communicate(timeout=180)[0]
        finally:
            reader.kill()
    assert "interrupted []\n" == said


def test_write_locks_are_unknown_elsewhere() -> None:
    """A database without a known write lock says so instead of not locking."""

    class Other:
        class dialect:  # noqa: N801 - stands for SQLAlchemy's attribute
            name = "mysql"

    with pytest.raises(errors.SessionError) as error:
        transactions.lock_for_writing(Other())  # type: ignore[arg-type]

    assert "with_for_update" in error.value.fix
