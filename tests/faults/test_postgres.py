"""What happens to a PostgreSQL, its network and its rules is told, undone, and over when its cause is gone."""

from __future__ import annotations

import logging
import os
import re
import shutil
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines
from tests import waits
from tests.conftest import new_database
from tests.faults import postgres_server
from tests.faults.postgres_server import Gate, Server
from tests.ipython import kernel_driver
from tests.ipython.conftest import SETUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.ipython.kernel_driver import Kernel

pytestmark = pytest.mark.postgres

_SECRET = "hunter2"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of this module's own."""
    with postgres_server.running() as server:
        yield server


@pytest.fixture
def database(server: Server) -> Iterator[sa.URL]:
    """A registry with one run, which `ln_jupyter` is connected to."""
    with new_database(server.url) as url:
        ln.connect(url)
        ln.add(lns.Run(name="first"))
        before = set(engines._engines)
        yield url
        ln.connect("sqlite://")
        for other in set(engines._engines) - before:
            engines.dispose(other)


@pytest.fixture
def ann(server: Server) -> Iterator[str]:
    """A user with a password, and no rights."""
    server.execute(f"CREATE ROLE ann LOGIN PASSWORD '{_SECRET}'")
    yield "ann"
    server.execute("DROP OWNED BY ann", "DROP ROLE ann")


def kill_sessions(server: Server, url: sa.URL) -> None:
    """End the sessions of a database, as its administrator may."""
    server.execute(
        f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{url.database}' "
        "AND backend_type = 'client backend'"
    )


def names() -> list[str | None]:
    return sorted(run.name or "" for run in ln.select(lns.Run).all())


def refused(action: Callable[[], object], kind: type[errors.DatabaseError] = errors.DatabaseUnavailableError) -> Any:
    with pytest.raises(kind) as error:
        action()
    return error.value


def with_setting(url: sa.URL, setting: str) -> sa.URL:
    """Ask the server for another setting at login."""
    return url.update_query_dict({"options": f"-c {setting}"})


# -- sessions that end ---------------------------------------------------------------------------------------------


def test_killed_between_units(server: Server, database: sa.URL) -> None:
    """A session that ended while nobody used it is replaced, and nobody hears of it."""
    kill_sessions(server, database)
    ln.add(lns.Run(name="second"))
    kill_sessions(server, database)

    assert ["first", "second"] == names()


@pytest.mark.parametrize("last", ["a statement", "the commit"])
def test_killed_inside_a_block(server: Server, database: sa.URL, last: str) -> None:
    """A block whose session ended is one error, says that it is undone, and is; the next one works."""

    def block() -> None:
        with ln.Session() as ss:
            ss.add(lns.Run(name="second"))
            ss.orm.flush()
            kill_sessions(server, database)
            if last == "a statement":
                ss.select(lns.Run).all()

    error = refused(block)

    assert re.search(rf"/{database.database}\S* ended the session: ", str(error))
    assert "run this again; what was not committed is undone" == error.fix
    assert ["first"] == names()


def test_killed_in_a_bare_session(server: Server, database: sa.URL) -> None:
    """A session that is kept open goes on where nothing was lost."""
    ss = ln.Session()
    ss.add(lns.Run(name="second"))
    kill_sessions(server, database)

    ss.add(lns.Run(name="third"))

    ss.close()
    assert ["first", "second", "third"] == names()


def test_killed_in_a_bare_session_with_unsaved_records(server: Server, database: sa.URL) -> None:
    """After one error it goes on, and what was not saved is unsaved still."""
    ss = ln.Session()
    run = ss.select(lns.Run).one()
    run.name = "edited"
    ss.orm.add(lns.Run(name="new"))
    ss.select(lns.Run).count()  # which keeps the connection, because of what is unsaved
    kill_sessions(server, database)
    refused(ss.select(lns.Run).count)

    ss.add(run)

    assert ["edited", "new"] == names()
    ss.close()


def test_killed_after_a_bare_session_has_sent(server: Server, database: sa.URL) -> None:
    """What was sent and lost is not forgotten without a word: that takes a rollback of the user's."""
    ss = ln.Session()
    ss.select(lns.Run).one().name = "edited"
    ss.orm.flush()
    kill_sessions(server, database)
    refused(ss.select(lns.Run).count)

    with pytest.raises(sa.exc.PendingRollbackError):
        ss.select(lns.Run).count()
    ss.rollback()

    assert "first" == ss.select(lns.Run).one().name
    ss.close()


@pytest.fixture(scope="module")
def kernel_database(server: Server) -> Iterator[sa.URL]:
    """The registry of the kernel."""
    with new_database(server.url) as url:
        yield url


@pytest.fixture(scope="module")
def kernel(kernel_database: sa.URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with a registry on the server, whose notebook is registered."""
    url = kernel_database.render_as_string(hide_password=False)
    setup = f"import ln_jupyter as ln\n_ = ln.connect({url!r})\n{SETUP}\nln.header(id='Faults000000', name='Faults')"
    with kernel_driver.start(tmp_path_factory.mktemp("kernel"), setup) as kernel:
        yield kernel


def test_killed_between_cells(kernel: Kernel, server: Server, kernel_database: sa.URL) -> None:
    """A cell works although the session of the one before has ended."""
    kernel.run("%%ln_session\n_ = pipeline_of('before')")
    kill_sessions(server, kernel_database)

    executed = kernel.run("%%ln_session\n_ = pipeline_of('after')")

    assert ("ok", [], 1) == (executed.status, executed.errors, kernel.count("after"))


def test_killed_inside_a_cell(kernel: Kernel, server: Server, kernel_database: sa.URL) -> None:
    """A cell whose session ends is red with one error of ours, is undone, and the next one works."""
    kill = (
        "import sqlalchemy as sa\n"
        f"other = sa.create_engine({server.url.render_as_string(hide_password=False)!r}, poolclass=sa.NullPool)\n"
        "with other.connect() as c:\n"
        f'    _ = c.exec_driver_sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity '
        f"WHERE datname = '{kernel_database.database}'\")\n"
    )

    executed = kernel.run(
        f"%%ln_session\n_ = pipeline_of('lost')\nln.current_session().flush()\n{kill}\nln.select(lns.Run).all()"
    )

    assert ("error", ["DatabaseUnavailableError"]) == (executed.status, executed.errors)
    assert "fix: run this again; what was not committed is undone" in executed.traceback
    assert ("ok", 0) == (kernel.run("%%ln_session\n_ = pipeline_of('next')").status, kernel.count("lost"))


def test_a_server_that_stops(kernel: Kernel, server: Server, kernel_database: sa.URL) -> None:
    """While it is gone, cells run and header() says so; when it is back, the run has lost nothing of them."""
    server.stop()
    try:
        cell = kernel.run("value = 6 * 7\nvalue")
        again = kernel.run("ln.header(id='Faults000000', name='Faults')")
        session = kernel.run("%%ln_session\n_ = pipeline_of('gone')")
    finally:
        server.start()
    back = kernel.run("%%ln_session\n_ = pipeline_of('back')")

    assert ("ok", "42") == (cell.status, cell.value)
    assert ("ok", []) == (again.status, again.errors)
    assert ("error", ["DatabaseUnavailableError"]) == (session.status, session.errors)
    assert "cannot be reached" in session.traceback
    assert ("ok", 0, 1) == (back.status, kernel.count("gone"), kernel.count("back"))
    source = "SELECT count(*) FROM ln_executed_cell WHERE NOT ok"
    waits.until(lambda: server.execute(source, database=str(kernel_database.database))[0][0] >= 1)


_RUN = """
import sys, ln_jupyter as ln
ln.header(id="Faults000001", name="Faults")
print("registered", flush=True)
sys.stdin.readline()
"""


def run_through(database: sa.URL, meanwhile: Callable[[], object]) -> tuple[int, str]:
    """Run a script that registers, and ends when *meanwhile* is done; give its status and what it said."""
    url = database.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", _RUN],
        env=os.environ | {"LN_JUPYTER_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as script:
        assert any(line == "registered\n" for line in script.stdout or ())
        meanwhile()
        _, said = script.communicate("\n", timeout=120)
    return script.returncode, said


def has_end(server: Server, database: sa.URL) -> object:
    """Say whether the script's run has an end in the registry."""
    ended = "SELECT finished_at IS NOT NULL FROM ln_run WHERE notebook_id = 'Faults000001'"
    return server.execute(ended, database=str(database.database))[0][0]


def test_a_run_that_outlives_an_outage(server: Server, database: sa.URL) -> None:
    """The end of a run is recorded by a process that lives through a stop and a start of the server."""

    def meanwhile() -> None:
        server.stop()
        server.start()

    status, said = run_through(database, meanwhile)

    assert (0, "", True) == (status, said, has_end(server, database))


def test_a_run_that_ends_in_an_outage(server: Server, database: sa.URL) -> None:
    """Where the registry cannot be reached at the end of a process, a line says that the run will read as lost."""
    try:
        status, said = run_through(database, server.stop)
    finally:
        server.start()

    assert (0, False) == (status, has_end(server, database))
    assert re.fullmatch(
        r"header\(\): the end of run \w+ is not recorded, and it will read as lost: .*cannot be reached.*\n", said
    )


_HEADER = """
import ln_jupyter as ln
try:
    ln.header(id="Faults000000", name="Faults")
except ln.errors.DatabaseUnavailableError as error:
    print(error)
"""


def test_a_server_that_never_answers() -> None:
    """header() gives up after its connection timeout, with one error of ours."""
    with Gate(None) as gate:
        url = f"postgresql://ann:{_SECRET}@127.0.0.1:{gate.port}/x?connect_timeout=2"

        done = subprocess.run(
            [sys.executable, "-c", _HEADER],
            env=os.environ | {"LN_JUPYTER_URL": url},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )

    assert f"127.0.0.1:{gate.port}/x cannot be reached: " in done.stdout
    assert _SECRET not in done.stdout + done.stderr


def test_a_network_that_swallows(database: sa.URL) -> None:
    """A silent network ends a connection: after 5 s before it is open, 10 s when it sends, a minute when it waits."""
    with engines.current().connect() as connection:
        asked = connection.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]

    found = {name: asked[name] for name in asked if name.startswith(("connect_", "keepalives", "tcp_"))}
    expected = {
        "connect_timeout": "5",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "10000",
    }
    assert expected == found


# -- what the server forbids, or ends ------------------------------------------------------------------------------


def test_statement_timeout(database: sa.URL) -> None:
    """A statement that the server ends for its length says which setting it was."""
    ln.connect(with_setting(database, "statement_timeout=100"))

    with ln.Session() as ss:
        error = refused(lambda: ss.orm.execute(sa.text("SELECT pg_sleep(60)")), errors.DatabaseBusyError)

    assert str(error).endswith("cancelled the statement: it took too long")
    assert "make it smaller, or raise statement_timeout" == error.fix


def test_lock_timeout(database: sa.URL) -> None:
    """A lock that somebody keeps is waited for until lock_timeout, and what names its holder is told."""
    ln.connect(with_setting(database, "lock_timeout=100"))
    with sa.create_engine(database).connect() as other:
        other.exec_driver_sql("LOCK TABLE ln_run")

        error = refused(lambda: ln.add(lns.Run(name="second")), errors.DatabaseBusyError)

        other.connection.detach()
    assert "end the session that holds it (pg_stat_activity names it), then run this again" == error.fix
    assert ["first"] == names()


def test_how_long_a_lock_is_waited_for(database: sa.URL) -> None:
    """Without a word of the user's, a transaction that writes waits for a lock for 30 s, as on SQLite, however it begins."""
    for options in ({}, {"isolation_level": "SERIALIZABLE"}):
        with engines.current().connect().execution_options(**options) as connection:
            connection.execute(sa.text("LOCK TABLE ln_run"))
            assert "30s" == connection.scalar(sa.text("SHOW lock_timeout"))


@pytest.mark.parametrize("setting", ["idle_in_transaction_session_timeout", "transaction_timeout"])
def test_a_transaction_that_takes_too_long(server: Server, database: sa.URL, setting: str) -> None:
    """A block that the server ends for its length is undone, and says which setting it was."""
    ln.connect(with_setting(database, f"{setting}=100"))

    def block() -> None:
        with ln.Session() as ss:
            ss.add(lns.Run(name="second"))
            ss.orm.flush()
            pid = ss.orm.scalar(sa.text("SELECT pg_backend_pid()"))
            waits.until(lambda: not server.execute(f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}"))
            ss.select(lns.Run).all()

    error = refused(block)

    assert setting in str(error)
    assert error.fix.endswith("raise that setting, then run this again; what was not committed is undone")
    ln.connect(database)
    assert ["first"] == names()


def test_a_server_to_read_from(server: Server, database: sa.URL) -> None:
    """A standby is read; a write, or making a registry, names the way on."""
    ln.connect(with_setting(database, "default_transaction_read_only=on"))

    error = refused(lambda: ln.add(lns.Run(name="second")))

    assert "may only be read: it is a standby, default_transaction_read_only is on" in str(error)
    assert "name the server that is written to, or use another registry: LN_JUPYTER_URL" == error.fix
    assert ["first"] == names()
    with new_database(server.url) as empty:
        ln.connect(with_setting(empty, "default_transaction_read_only=on"))
        assert "may only be read" in str(refused(lambda: ln.select(lns.Run).all()))
        assert [] == server.execute("SELECT 1 FROM pg_tables WHERE tablename LIKE 'ln%%'", database=str(empty.database))
        engines.dispose(with_setting(empty, "default_transaction_read_only=on"))


def test_no_right_to_make_a_registry(server: Server, database: sa.URL, ann: str) -> None:
    """Who may not create tables reads what to ask for; with it, the registry is made."""
    with new_database(server.url) as empty:
        url = empty.set(username=ann)
        ln.connect(url)

        error = refused(lambda: ln.select(lns.Run).all())

        assert "does not allow it: " in str(error)
        ask = 'GRANT USAGE, CREATE ON SCHEMA public TO "ann"'
        assert error.fix.startswith(f"ask its owner: {ask}, to make the registry; ")
        server.execute(ask, database=str(empty.database))
        assert [] == names()
        engines.dispose(url)
        server.execute("DROP OWNED BY ann CASCADE", database=str(empty.database))


def test_no_right_to_use_a_registry(server: Server, database: sa.URL, ann: str) -> None:
    """Who may not read or write its tables reads what to ask for; with it, both work."""
    ln.connect(database.set(username=ann))

    error = refused(lambda: ln.select(lns.Run).all())

    ask = 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "ann"'
    assert error.fix.endswith(f"; {ask}, to use it")
    server.execute(ask, database=str(database.database))
    ln.add(lns.Run(name="second"))
    assert ["first", "second"] == names()
    server.execute("DROP OWNED BY ann", database=str(database.database))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"username": "nobody"}, "nobody"),
        ({"database": "nowhere"}, "nowhere"),
        ({"username": "ann", "password": "wrong"}, "ann"),
    ],
)
def test_a_login_that_fails(server: Server, database: sa.URL, ann: str, changes: dict[str, str], said: str) -> None:
    """A user, database or password that is wrong is told in the server's words, in one line."""
    with server.access(f"local all {ann} scram-sha-256"):
        ln.connect(database.set(**changes))

        error = refused(lambda: ln.select(lns.Run).all())

    assert "cannot be reached: " in str(error)
    assert f'"{said}"' in str(error)
    assert "\n" not in str(error)
    assert error.fix.startswith("check the URL (host, port, user, password, database), that the server is running")
    assert "wrong" not in str(error)


def test_too_many_connections(server: Server, database: sa.URL, ann: str) -> None:
    """A server that takes no more connections is asked again at the next cell, and works when it does."""
    server.execute("ALTER ROLE ann CONNECTION LIMIT 0", "GRANT pg_read_all_data TO ann")
    ln.connect(database.set(username=ann))

    error = refused(lambda: ln.select(lns.Run).all())

    assert 'too many connections for role "ann"' in str(error)
    server.execute("ALTER ROLE ann CONNECTION LIMIT -1")
    assert ["first"] == names()


# -- what nobody waits for -----------------------------------------------------------------------------------------


def alter(server: Server, url: sa.URL) -> None:
    """Change a table, for which nobody else may be in a transaction that used it."""
    server.execute("SET lock_timeout = '5s'; ALTER TABLE ln_run ADD COLUMN mood text", database=str(url.database))


@pytest.mark.parametrize("how", ["bare", "block", "detached"])
def test_reading_does_not_block_a_change_of_tables(server: Server, database: sa.URL, how: str) -> None:
    """Whoever has only read holds no lock, although its session is open."""
    ss = ln.Session()
    if how == "block":
        ss.__enter__()
    runs = ss.select(lns.Run).all() if how != "detached" else ln.select(lns.Run).all()

    alter(server, database)

    assert ["first"] == [run.name for run in runs]
    assert [("mood",)] == server.execute(
        "SELECT column_name FROM information_schema.columns WHERE column_name = 'mood'", database=str(database.database)
    )
    if how == "block":
        ss.__exit__(None, None, None)
    ss.close()


def test_a_held_session_does_not_block_a_change_of_tables(
    kernel: Kernel, server: Server, kernel_database: sa.URL
) -> None:
    """`%ln_session open` holds a session across cells, and no lock."""
    kernel.run("%ln_session open")
    assert "ok" == kernel.run("runs = ln.select(lns.Run).all()").status

    alter(server, kernel_database)

    assert "ok" == kernel.run("runs = ln.select(lns.Run).all()").status
    kernel.run("%ln_session close")


_FORK = """
import multiprocessing, os, sys, warnings
import ln_jupyter as ln, ln_jupyter.schema as lns
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 on forks with threads
ln.connect(sys.argv[1])
ln.add(lns.Run(name="parent"))
held = ln.Session()
held.select(lns.Run).all()
def work(number):
    ln.add(lns.Run(name=f"child {number}"))
    return ln.select(lns.Run).count()
pid = os.fork()
if pid == 0:
    try:
        work(0)
    except BaseException as error:
        print(repr(error), flush=True)
        os._exit(1)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
with multiprocessing.get_context("fork").Pool(4) as pool:
    pool.map(work, range(1, 9))
ln.add(lns.Run(name="parent again"))
print(len(held.select(lns.Run).all()))
"""


def test_the_pool_survives_a_fork(database: sa.URL) -> None:
    """Forks write through connections of their own, and the parent's goes on."""
    url = database.render_as_string(hide_password=False)

    done = subprocess.run([sys.executable, "-c", _FORK, url], capture_output=True, text=True, check=False)

    assert ("12\n", "", 0) == (done.stdout, done.stderr, done.returncode)
    assert 12 == ln.select(lns.Run).count()


# -- passwords -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["scram-sha-256", "password"])
@pytest.mark.parametrize("where", ["URL", "PGPASSWORD", "PGPASSFILE"])
def test_where_a_password_comes_from(  # noqa: PLR0913, PLR0917 - one for each part
    server: Server, database: sa.URL, ann: str, where: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password in the URL, in PGPASSWORD or in ~/.pgpass opens the registry; without one it stays closed."""
    server.execute("GRANT pg_read_all_data TO ann")
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:ann:{_SECRET}\n")
    file.chmod(0o600)
    without = database.set(username=ann)._replace(password=None)
    with server.access(f"local all {ann} {method}"):
        ln.connect(without)
        assert "password" in str(refused(lambda: ln.select(lns.Run).all()))
        if where != "URL":
            monkeypatch.setenv(where, _SECRET if where == "PGPASSWORD" else str(file))
        ln.connect(without.set(password=_SECRET) if where == "URL" else without)

        assert ["first"] == names()


_SHOWING = """
import logging, sys, traceback
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
for name in ("sqlalchemy.engine", "sqlalchemy.pool", "sqlalchemy.orm", "psycopg", "psycopg.pq", "ln_jupyter"):
    logging.getLogger(name).setLevel(logging.DEBUG)
import ln_jupyter as ln, ln_jupyter.schema as lns
from ln_jupyter import cli
from ln_jupyter.cli import environment as surroundings
from ln_jupyter.db import engines
surroundings.server_extension = list  # it starts a process of its own
def show(action):
    try:
        print(action())
    except BaseException as error:
        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        print(*lines, repr(error), error.__dict__, sep="\\n")
show(lambda: ln.header(id="Faults000000", name="Faults"))
show(lambda: engines.current())
show(lambda: engines.current().pool)
show(lambda: ln.Session())
show(lambda: ln.select(lns.Run).all())
show(lambda: ln.add(lns.Run(pipeline_id="none", pipeline_v="1")))
show(lambda: ln.Session().orm.execute(__import__("sqlalchemy").text("SELECT * FROM nowhere")))
show(lambda: cli.main(["doctor", "--json"]))
show(lambda: cli.main(["--debug", "doctor"]))
show(lambda: cli.main(["list", "--json"]))
show(lambda: cli.main(["--debug", "backup", "x"]))
print(open("/proc/self/cmdline").read() if sys.platform == "linux" else "")
"""


@pytest.mark.parametrize("where", ["URL", "PGPASSWORD"])
@pytest.mark.parametrize("is_right", [True, False], ids=["right", "wrong"])
def test_a_password_is_never_shown(server: Server, database: sa.URL, ann: str, where: str, *, is_right: bool) -> None:
    """Neither logs at DEBUG nor displays, errors, tracebacks with variables, or doctor show it, right or wrong."""
    given = _SECRET if is_right else f"{_SECRET}-not"
    server.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ann", database=str(database.database)
    )
    url = database.set(username=ann)._replace(password=given if where == "URL" else None)
    environment = {"LN_JUPYTER_URL": url.render_as_string(hide_password=False)}
    if where != "URL":
        environment["PGPASSWORD"] = given
    with server.access(f"local all {ann} scram-sha-256"):
        done = subprocess.run(
            [sys.executable, "-c", _SHOWING], env=os.environ | environment, capture_output=True, text=True, check=True
        )

    shown = done.stdout + done.stderr
    assert ("does not exist" in shown) is is_right  # the statement of a table that is nowhere was sent, or not
    assert "is not a SQLite file" in shown
    assert [] == [line for line in shown.splitlines() if _SECRET in line]
    server.execute("DROP OWNED BY ann", database=str(database.database))


# -- TLS -----------------------------------------------------------------------------------------------------------

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes the certificate")


def certificate(folder: Path, name: str) -> Path:
    """Make a certificate of this machine, signed by itself; its key lies beside it."""
    words = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -addext subjectAltName=IP:127.0.0.1"
    )
    files = ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"]
    subprocess.run(["openssl", *words.split(), "-subj", f"/CN={name}", *files], check=True, capture_output=True)
    return folder / f"{name}.crt"


def through(gate: Gate, url: sa.URL, **query: str) -> sa.URL:
    """Name the same database by way of a port."""
    return url.set(host="127.0.0.1", port=gate.port, query=query)


def test_a_server_without_tls(server: Server, database: sa.URL) -> None:
    """Who asks for TLS gets it or an error, and never a connection without."""
    with Gate(server.socket) as gate:
        ln.connect(through(gate, database))
        assert ["first"] == names()
        ln.connect(through(gate, database, sslmode="require"))

        error = refused(lambda: ln.select(lns.Run).all())

        assert "server does not support SSL, but SSL was required" in str(error)
        ln.connect("sqlite://")
        engines.dispose(through(gate, database))


@needs_openssl
def test_tls(server: Server, database: sa.URL, tmp_path: Path) -> None:
    """With sslmode=verify-full and the right certificate, what is sent is encrypted; with another one, nothing is."""
    file = certificate(tmp_path, "server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, file.with_suffix(".key"))
    with Gate(server.socket, context) as gate:
        ln.connect(through(gate, database, sslmode="verify-full", sslrootcert=str(certificate(tmp_path, "other"))))
        error = refused(lambda: ln.select(lns.Run).all())
        ln.connect(through(gate, database, sslmode="verify-full", sslrootcert=str(file)))

        assert ["first"] == names()

        assert "certificate verify failed" in str(error)
        with engines.current().connect() as connection:
            assert connection.connection.dbapi_connection.pgconn.ssl_in_use  # type: ignore[union-attr]
        url = engines.current().url
        ln.connect("sqlite://")
        engines.dispose(url)


def test_a_password_in_the_query(database: sa.URL, caplog: pytest.LogCaptureFixture) -> None:
    """A password in the URL's query, where libpq would take it, is refused before anything is sent or logged."""
    with caplog.at_level(logging.DEBUG), pytest.raises(errors.InvalidUrlError) as error:
        ln.connect(f"postgresql://ann@127.0.0.1:1/x?password={_SECRET}")

    assert _SECRET not in f"{error.value!r} {error.value} {caplog.text}"
