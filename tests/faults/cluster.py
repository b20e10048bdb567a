"""A primary and a synchronous standby of Debian's PostgreSQL, which change their places when the first is killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import sqlalchemy as sa

from tests import servers, waits

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDERS = "/usr/lib/postgresql"
_ROOTS_STAND_IN = "postgres"  # Debian's package makes this user
_HOST = "127.0.0.1"
_QUICK = {"fsync": "off", "unix_socket_directories": "", "listen_addresses": _HOST, "max_connections": "100"}


class Cluster:
    """A primary and its standby, where what is committed to the one is on the other.

    Args:
        folder: Of their own.

    Attributes:
        url: Of both, for their superuser.
    """

    def __init__(self, folder: Path) -> None:
        newest = max(Path(_FOLDERS).glob("*/bin"), key=lambda each: int(each.parent.name), default=Path(_FOLDERS))
        programs = ("initdb", "pg_ctl", "pg_basebackup")
        initdb, self._pg_ctl, basebackup = servers.find(
            "Debian's PostgreSQL", "postgresql", *programs, folder=str(newest)
        )
        self._user = _ROOTS_STAND_IN if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(folder, self._user)
        self._folder, self._basebackup = folder, basebackup
        self._primary, self._standby = _free_ports(2)
        self.url = self._url().update_query_dict({"host": [f"{_HOST}:{self._primary}", f"{_HOST}:{self._standby}"]})
        self._run(initdb, "-D", self._data(self._primary), "-U", "postgres", "-A", "trust", "--no-sync")
        self._start(self._primary)
        self.rejoin()

    @property
    def primary(self) -> sa.URL:
        """The one that is written to alone."""
        return self._url(self._primary)

    @property
    def standby(self) -> sa.URL:
        """The other one alone."""
        return self._url(self._standby)

    def kill_primary(self) -> None:
        """Kill the one that is written to, as a machine that loses its power does."""
        first = psutil.Process(int((self._data(self._primary) / "postmaster.pid").read_text().split()[0]))
        for each in (first, *first.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()

    def promote(self) -> None:
        """Let the other one be written to."""
        self._run(self._pg_ctl, "promote", "-w", "-D", self._data(self._standby))
        self._primary, self._standby = self._standby, self._primary

    def rejoin(self) -> None:
        """Let the one that is not written to begin anew, as the standby of the other."""
        data = self._data(self._standby)
        shutil.rmtree(data, ignore_errors=True)
        there = ("-h", _HOST, "-p", self._primary, "-U", "postgres")
        self._run(self._basebackup, "-D", data, "-R", "--checkpoint=fast", "--no-sync", *there)
        self._start(self._standby)
        with servers.admin(self.primary) as connection:
            connection.exec_driver_sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            is_sync = sa.text("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
            waits.until(lambda: connection.execute(is_sync).all())

    def stop(self) -> None:
        """End both."""
        for port in (self._primary, self._standby):
            with contextlib.suppress(subprocess.CalledProcessError, OSError):
                self._run(self._pg_ctl, "stop", "-m", "immediate", "-w", "-D", self._data(port))

    def _data(self, port: int) -> Path:
        return self._folder / str(port)

    def _url(self, port: int | None = None) -> sa.URL:
        host = None if port is None else _HOST
        return sa.URL.create("postgresql+psycopg", "postgres", host=host, port=port, database="postgres")

    def _start(self, port: int) -> None:
        settings = " ".join(f"-c {name}={value}" for name, value in {**_QUICK, "port": str(port)}.items())
        log = self._folder / f"{port}.log"
        self._run(self._pg_ctl, "start", "-w", "-D", self._data(port), "-l", log, "-o", settings)

    def _run(self, *command: object) -> None:
        subprocess.run(
            [str(each) for each in command],
            user=self._user,
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,  # not a pipe, which the server would keep open
            stderr=subprocess.DEVNULL,
        )


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """Run both for a while."""
    folder = servers.new_folder()
    cluster = None
    try:
        cluster = Cluster(folder)
        yield cluster
    finally:
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
