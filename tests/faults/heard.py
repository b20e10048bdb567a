"""A server that hears whatever arrives, at a port and at a socket, and asks a client for its password."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FORMS = [
    "postgresql://ann@127.0.0.1:{port}/lab",
    "postgresql+asyncpg://ann@localhost:{port}/lab",
    "postgresql://ann@db.example.org:{port}/lab?hostaddr=127.0.0.1",
    "postgresql://ann@db.example.org,127.0.0.1:{port}/lab",
    "postgresql:///lab?host=127.0.0.1:{port}&host=localhost:{port}",
    "postgresql://ann@/lab?host={folder}&port={port}",
    "postgresql:///?service=lab",
    "postgresql:///lab",
    "mysql+pymysql://ann@127.0.0.1:{port}/lab",
    "mariadb://ann@127.0.0.1:{port}/lab",
]
"""URLs that a project may name: each leads to the listener, by what it says or by what the user has set."""

_REFUSES_TLS = b"N"
_ASKS_FOR_PASSWORD = b"R\0\0\0\x08\0\0\0\x03"
_NO_STARTUP = (80877103, 80877104)  # requests for TLS and for GSSAPI


class Listener:
    """Listens until it is closed; `heard` has what each connection has sent, also if that is nothing.

    Args:
        folder: Where its socket is made.
    """

    def __init__(self, folder: Path) -> None:
        self.heard: list[bytes] = []
        self.folder = folder
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self._tcp.getsockname()[1]
        self._unix = socket.socket(socket.AF_UNIX)
        self._unix.bind(str(folder / f".s.PGSQL.{self.port}"))
        self._unix.listen()
        for server in (self._tcp, self._unix):
            threading.Thread(target=self._serve, args=(server,), daemon=True).start()

    def be_named(self, folder: Path, form: str) -> None:
        """Let a project name this server as its registry."""
        url = form.format(port=self.port, folder=self.folder)
        (folder / "pyproject.toml").write_text(f'[tool.ln_jupyter]\nurl = "{url}"\nuser = "eve"\n')

    def close(self) -> None:
        """Stop listening."""
        for server in (self._tcp, self._unix):
            server.close()

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            number = len(self.heard)
            self.heard.append(b"")
            with client:
                while sent := client.recv(1 << 16):
                    self.heard[number] += sent
                    if sent[:1] == b"p":  # the password
                        break
                    is_startup = int.from_bytes(sent[4:8], "big") not in _NO_STARTUP
                    client.sendall(_ASKS_FOR_PASSWORD if is_startup else _REFUSES_TLS)
