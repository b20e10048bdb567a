"""A network that is slow, silent, or gone for a moment: what is ours ends by itself, the rest by Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines, limits
from ln_jupyter.db.postgres import connection as psycopg_connection
from ln_jupyter.registry import check, choose
from ln_jupyter.tracking import running
from tests import servers, waits
from tests.faults.postgres_server import Gate
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.postgres

_HEADER = {"id": "Slow00000000", "name": "Slow"}


@pytest.fixture
def gate(postgres_url: sa.URL) -> Iterator[Gate]:
    """A way to a registry, which `ln_jupyter` is connected by, and which has a run."""
    check.ensure(engines.resolve(postgres_url))
    with Gate(Path(str(postgres_url.query["host"])) / ".s.PGSQL.5432") as gate:
        url = postgres_url.set(host="127.0.0.1", port=gate.port, query={})
        ln.connect(url)
        ln.add(lns.Run(name="first"))
        yield gate
        gate.flow()
        running.forget()
        ln.connect("sqlite://")
        engines.dispose(url)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no answer for long."""
    monkeypatch.setattr(limits, "USUAL_SECONDS", 0.3)
    monkeypatch.setattr(psycopg_connection, "_CANCEL_SECONDS", 0.1)


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Press Ctrl-C, also where whoever started the tests ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


@pytest.fixture(params=["libpq 17", "libpq 16"])
def libpq(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the library of the client cancel as it can here, and as an older one does: it waits without an end."""
    if request.param == "libpq 16":
        monkeypatch.setattr(psycopg.capabilities, "has_cancel_safe", lambda: False)


# -- silence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", [b"FROM ln_notebook", b"INSERT INTO ln_run", b"COMMIT"])
def test_header_on_a_silent_line(gate: Gate, impatient: None, statement: bytes) -> None:
    """header() gives up where a line stays open and nothing comes any more, and the next one works."""
    gate.stalls_at = statement

    with pytest.raises(errors.DatabaseUnavailableError, match="did not answer for 0 s") as error:
        ln.header(**_HEADER)

    assert ("the answer was lost" if statement == b"COMMIT" else "run this again;") in error.value.fix
    gate.flow()
    ln.header(**_HEADER)
    assert "Slow" == ln.select(lns.Notebook, id="Slow00000000").one().name


def test_the_heartbeat_on_a_silent_line(gate: Gate, impatient: None) -> None:
    """What could not be written of a run is written when the line is back."""
    ln.header(**_HEADER)
    recording = running.recording()
    assert recording is not None
    recording.settle()
    gate.stalls_at = b"UPDATE ln_run"
    recording.finish()

    gate.flow()
    recording.settle()

    assert "finished" == ln.select(lns.Run, id=recording.run_id).one().state


def test_what_the_server_is_told(gate: Gate) -> None:
    """Statements of our own are bounded on the server too, those of a user's session are not."""
    ask = sa.text("SELECT current_setting('statement_timeout') FROM ln_run LIMIT 1 FOR UPDATE")

    ours = choose.in_registry(lambda connection: connection.scalar(ask), engine=engines.current())
    with ln.Session() as ss:
        theirs = ss.orm.scalar(ask)

    assert ("35s", "0") == (ours, theirs)


@pytest.mark.usefixtures("libpq")
@pytest.mark.parametrize("statement", [b"FROM ln_run", b"INSERT INTO ln_run", b"COMMIT"])
def test_ctrl_c_on_a_silent_line(
    gate: Gate, ctrl_c: Callable[[], None], monkeypatch: pytest.MonkeyPatch, statement: bytes
) -> None:
    """A user's own statement waits as long as it takes, and Ctrl-C ends it, as it says if it was the COMMIT; what follows works."""
    monkeypatch.setattr(psycopg_connection, "_CANCEL_SECONDS", 0.1)
    gate.stalls_at = statement

    def interrupt() -> None:
        gate.has_stalled.wait()
        ctrl_c()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt) as error:
        if statement == b"FROM ln_run":
            ln.select(lns.Run).all()
        else:
            ln.add(lns.Run(name="second"))

    thread.join()
    gate.flow()
    notes = ["the database was committing: look whether it was saved before you run this again"]
    assert (notes if statement == b"COMMIT" else []) == getattr(error.value, "__notes__", [])
    assert ln.select(lns.Run, name="first").exists()


@pytest.mark.usefixtures("libpq")
def test_ctrl_c_cancels_on_the_server(postgres_url: sa.URL, ctrl_c: Callable[[], None]) -> None:
    """A statement that Ctrl-C ends is ended on the server, too, and what follows works."""
    engine = engines.resolve(postgres_url)
    with engine.connect() as connection:
        pid = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        sleeps = f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep'"

        def interrupt() -> None:
            with servers.admin(postgres_url) as other:
                waits.until(lambda: other.exec_driver_sql(sleeps).all())
            ctrl_c()

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            connection.execute(sa.text("SELECT pg_sleep(600)"))
        thread.join()
        with servers.admin(postgres_url) as other:
            waits.until(lambda: not other.exec_driver_sql(sleeps).all())

    with engine.connect() as connection:
        assert 1 == connection.scalar(sa.text("SELECT 1"))


# -- an end in the middle ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["header", "add", "block"])
def test_reset_in_the_middle_of_a_commit(gate: Gate, how: str) -> None:
    """Where the answer to a COMMIT is lost, nobody says that nothing was saved: it may be, and here it is."""
    gate.resets_at = b"COMMIT"

    ss = ln.Session()

    def act() -> None:
        if how == "header":
            ln.header(**_HEADER)
        elif how == "add":
            ln.add(lns.Run(name="second"))
        else:
            with ss:
                ss.add(lns.Run(name="second"))

    with pytest.raises(errors.DatabaseUnavailableError) as error:
        act()

    gate.resets_at = b""
    assert "look whether it was saved before you run this again: the answer was lost" == error.value.fix
    assert how != "block" or "what was committed past the session is saved" in ss.undone
    assert 2 == ln.select(lns.Run).count()


def test_reset_in_the_middle_of_a_commit_on_an_engine_of_the_users(gate: Gate) -> None:
    """Its error is SQLAlchemy's, and the note does not say that nothing was saved either."""
    ours = engines.connected()
    assert ours is not None
    own = sa.create_engine(ours.url)
    try:
        with pytest.raises(sa.exc.OperationalError) as error, ln.Session(own) as ss:
            ss.add(lns.Run(name="second"))
            gate.resets_at = b"COMMIT"
    finally:
        own.dispose()

    gate.resets_at = b""
    assert "if its transaction was committed past it, what was sent until then is saved" in str(error.value.__notes__)
    assert 2 == ln.select(lns.Run).count()


def end_session_of(connection: sa.Connection, url: sa.URL) -> None:
    """Let the server end what a connection leads to."""
    pid = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    with servers.admin(url) as other:
        other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 60000)")


def test_an_end_inside_a_pipeline(gate: Gate) -> None:
    """A session that psycopg leaves in a pipeline that cannot be ended is closed, and the server's own words are told."""
    with engines.current().connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg_connection.Connection)

        with pytest.raises(psycopg.errors.AdminShutdown), driver.closed_with_pipeline():
            driver.pgconn.enter_pipeline_mode()
            try:
                raise psycopg.errors.AdminShutdown
            finally:
                raise psycopg.OperationalError("cannot exit pipeline mode while busy")

        assert driver.closed


@pytest.mark.parametrize("how", ["block", "connection"])
def test_an_end_before_the_commit(postgres_url: sa.URL, how: str) -> None:
    """A server that has ended the session before its COMMIT is sent has undone it, and nobody is sent to look."""
    engine = engines.connect(postgres_url)
    check.ensure(engine)

    def act() -> None:
        if how == "connection":
            with engine.begin() as connection:
                connection.execute(sa.text("INSERT INTO ln_user (id) SELECT 'second' WHERE false"))
                end_session_of(connection, postgres_url)
        else:
            with ln.Session() as ss:
                ss.add(lns.Run(name="second"))
                ss.orm.flush()
                end_session_of(ss.orm.connection(), postgres_url)

    with pytest.raises(errors.DatabaseUnavailableError) as error:
        act()

    assert "run this again; what was not committed is undone" == error.value.fix
    assert how == "block" or "terminating connection due to administrator command" in str(error.value)
    assert 0 == ln.select(lns.Run).count()
    ln.connect("sqlite://")


@pytest.mark.parametrize("how", ["error", "dry run", "rollback"])
def test_an_end_before_the_rollback(gate: Gate, how: str) -> None:
    """A connection that is lost when a block rolls back has undone it: an error of the block's own is what is raised."""
    gate.resets_at = b"ROLLBACK"

    def act() -> None:
        with ln.Session(rollback=how == "dry run") as ss:
            ss.add(lns.Run(name="second"))
            ss.orm.flush()
            if how == "rollback":
                ss.rollback()
                ss.add(lns.Run(name="after it"))
            elif how == "error":
                1 / 0  # noqa: B018

    with pytest.raises(ZeroDivisionError) if how == "error" else contextlib.nullcontext():
        act()

    gate.resets_at = b""
    ln.add(lns.Run(name="third"))
    names = {"first", "third"} | ({"after it"} if how == "rollback" else set())
    assert names == {run.name for run in ln.select(lns.Run).all()}


def test_a_connection_of_ones_own_that_is_lost(postgres_url: sa.URL) -> None:
    """Rolling back on a lost connection is done; what comes next on it says once that it is lost, and then it goes on."""
    with engines.resolve(postgres_url).connect() as connection:
        connection.execute(sa.text("CREATE TABLE t (x int)"))
        end_session_of(connection, postgres_url)

        connection.rollback()

        with pytest.raises(errors.DatabaseUnavailableError, match="ended the session"):
            connection.scalar(sa.text("SELECT 1"))
        connection.rollback()
        assert connection.scalar(sa.text("SELECT to_regclass('t')")) is None


# -- round trips ---------------------------------------------------------------------------------------------------


def test_round_trips_of_header(gate: Gate, tmp_path: Path) -> None:
    """On a connection that is open, header() takes 8 round trips for a new notebook, and 4 for a known one."""
    file = notebooks.write(tmp_path / "growth.ipynb", notebooks.HEADER, title="Growth")
    ln.add(lns.Pipeline(name="knows who I am"))
    counts: list[int] = []
    for is_of_another_process in (True, True, False):
        if is_of_another_process:
            running.forget()
        before = len(gate.sent)
        ln.header(filepath=file)
        counts.append(len(gate.sent) - before)
        recording = running.recording()
        assert recording is not None
        recording.settle()

    assert counts[0] <= 8
    assert max(counts[1:]) <= 4


def test_round_trips_of_records(gate: Gate) -> None:
    """On a connection that is open, a select is one round trip, and an add five at most."""
    counts: list[int] = []
    for act in (ln.select(lns.Run).all, lambda: ln.add(lns.Run(name="second"))):
        before = len(gate.sent)
        act()
        counts.append(len(gate.sent) - before)

    assert counts[0] == 1
    assert counts[1] <= 5
