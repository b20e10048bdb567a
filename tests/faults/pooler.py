"""A pgbouncer in front of the run's PostgreSQL, with few connections to it."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from tests import servers

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    import sqlalchemy as sa

_PORT = "6432"


class Pooler:
    """A pgbouncer that listens on a socket in its folder.

    Args:
        folder: Of its own.
        target: The superuser's URL of the server behind it.
        mode: ``session``, ``transaction`` or ``statement``.
        size: How many connections it has to each database.
    """

    def __init__(self, folder: Path, target: sa.URL, mode: str, size: int) -> None:
        (self._program,) = servers.find("PgBouncer", "pgbouncer", "pgbouncer")
        self._folder, self.size = folder, size
        host = str(target.host or target.query["host"])
        behind = {"host": host, "port": target.port or 5432, "user": target.username, "password": target.password}
        settings = {
            "pool_mode": mode,
            "default_pool_size": size,
            "auth_type": "any",
            "unix_socket_dir": folder,
            "listen_port": _PORT,
            "admin_users": target.username,
        }
        if os.geteuid() == 0:  # as which it refuses to run
            settings["user"] = Path(host).owner() if host.startswith("/") else "nobody"
            shutil.chown(folder, settings["user"])
        told = " ".join(f"{name}={value}" for name, value in behind.items() if value)
        lines = ["[databases]", f"* = {told}", "[pgbouncer]", *(f"{name} = {settings[name]}" for name in settings)]
        (folder / "pgbouncer.ini").write_text("\n".join(lines))
        self._url = target._replace(password=None, port=None, host=None)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def through(self, url: sa.URL, **query: str) -> sa.URL:
        """Name a database by way of it."""
        return url._replace(password=None, port=None, host=None).set(
            query={"host": str(self._folder), "port": _PORT, **query}
        )

    def start(self) -> None:
        """Begin, on the same socket."""
        self._process = servers.start(
            self._folder / "log", "process up", self._program, str(self._folder / "pgbouncer.ini")
        )

    def stop(self) -> None:
        """End it, and every session."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def connect(self, database: str) -> psycopg.Connection[Any]:
        """Connect past what is tested; the database ``pgbouncer`` is its console."""
        return psycopg.connect(
            host=str(self._folder), port=_PORT, user=self._url.username, dbname=database, autocommit=True
        )

    @contextlib.contextmanager
    def all_taken(self, database: str) -> Iterator[list[psycopg.Connection[Any]]]:
        """Hold each of its connections to a database, in a transaction."""
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(contextlib.closing(self.connect(database))) for _ in range(self.size)]
            for each in held:
                each.execute("BEGIN")
            yield held
            for each in held:
                each.execute("ROLLBACK")

    @contextlib.contextmanager
    def setting(self, name: str, value: str) -> Iterator[None]:
        """Let it have another setting for a while."""
        with contextlib.closing(self.connect("pgbouncer")) as console:
            before = next(row[1] for row in console.execute("SHOW CONFIG") if row[0] == name)
            console.execute(f"SET {name} = '{value}'")  # type: ignore[call-overload]
            yield
            console.execute(f"SET {name} = '{before}'")  # type: ignore[call-overload]


@contextlib.contextmanager
def running(target: sa.URL, mode: str, size: int) -> Iterator[Pooler]:
    """Run a pooler for a while."""
    folder = servers.new_folder()
    try:
        pooler = Pooler(folder, target, mode, size)
        try:
            yield pooler
        finally:
            pooler.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
