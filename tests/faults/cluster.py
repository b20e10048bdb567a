"""A primary and a synchronous standby of Debian's PostgreSQL, of which the first may be killed."""

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
_QUICK = {"fsync": "off", "unix_socket_directories": "", "listen_addresses": "127.0.0.1", "max_connections": "50"}


class Cluster:
    """Two servers, where what is committed to the first is on the second.

    Args:
        folder: Of their own.

    Attributes:
        url: Of both, for their superuser.
        standby: Of the second alone.
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
        self._data, self._standby_data = folder / "primary", folder / "standby"
        self._port, standby_port = _free_ports(2)
        self._run(initdb, "-D", self._data, "-U", "postgres", "-A", "trust", "--no-sync")
        self._start(self._data, self._port)
        primary = self._url(self._port)
        here = ("-h", "127.0.0.1", "-p", self._port, "-U", "postgres")
        self._run(basebackup, "-D", self._standby_data, "-R", "--checkpoint=fast", "--no-sync", *here)
        self._start(self._standby_data, standby_port)
        self.standby = self._url(standby_port)
        self.url = primary.set(host=None, port=None).update_query_dict(
            {"host": [f"127.0.0.1:{self._port}", f"127.0.0.1:{standby_port}"]}
        )
        with servers.admin(primary) as connection:
            connection.exec_driver_sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            is_sync = sa.text("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
            waits.until(lambda: connection.execute(is_sync).all())

    def kill_primary(self) -> None:
        """Kill the first one, as a machine that loses its power does."""
        first = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))
        for each in (first, *first.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()

    def promote(self) -> None:
        """Let the second one be written to."""
        self._run(self._pg_ctl, "promote", "-w", "-D", self._standby_data)

    def stop(self) -> None:
        """End both."""
        for data in (self._data, self._standby_data):
            with contextlib.suppress(subprocess.CalledProcessError, OSError):
                self._run(self._pg_ctl, "stop", "-m", "immediate", "-w", "-D", data)

    def _url(self, port: int) -> sa.URL:
        return sa.URL.create("postgresql+psycopg", "postgres", host="127.0.0.1", port=port, database="postgres")

    def _start(self, data: Path, port: int) -> None:
        settings = " ".join(f"-c {name}={value}" for name, value in {**_QUICK, "port": str(port)}.items())
        self._run(self._pg_ctl, "start", "-w", "-D", data, "-l", data.parent / f"{data.name}.log", "-o", settings)

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
