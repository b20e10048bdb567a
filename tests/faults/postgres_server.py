"""A PostgreSQL that a test may stop, start, restrict, and put behind a network of its own."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

from tests import servers

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class Server:
    """A server that listens on a socket in its folder.

    Attributes:
        url: Of its superuser.
    """

    def __init__(self, folder: Path) -> None:
        self._server = servers.start_postgres(folder)
        self.url = servers.url_of(self._server)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return Path(str(self.url.query["host"])) / ".s.PGSQL.5432"

    def stop(self) -> None:
        """End it, and every session."""
        self._server.stop()

    def crash(self) -> None:
        """End it at once, as a server that crashes: what was not committed is undone when it begins again."""
        process = psutil.Process(self._server.get_pid())
        process.send_signal(signal.SIGQUIT)
        process.wait()

    def start(self) -> None:
        """Begin it again, on the same socket."""
        self._server.ensure_postgres_running()

    def execute(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Run statements as its superuser, each for itself, and give the rows of the last one."""
        rows: list[Any] = []
        with servers.admin(self.url.set(database=database)) as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
                rows = list(result) if result.returns_rows else []
        return rows

    @contextlib.contextmanager
    def access(self, *rules: str) -> Iterator[None]:
        """Put rules before the others of pg_hba.conf for a while."""
        file = Path(self._server.pgdata) / "pg_hba.conf"
        before = file.read_text()
        file.write_text("\n".join([*rules, before]))
        self.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            file.write_text(before)
            self.execute("SELECT pg_reload_conf()")


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Run a server for a while."""
    folder = servers.new_folder()
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()  # before its folder goes, or it survives
        shutil.rmtree(folder, ignore_errors=True)


class Gate:
    """A port of this machine that leads to a server, or to nobody.

    Args:
        target: The server's socket; None for a port that takes connections and never says a word.
        tls: To speak TLS with whoever comes, as a proxy in front of a server does.

    Attributes:
        sent: What clients sent before they were answered, one for each round trip.
        conversations: The same, of each connection.
        stalls_at: What makes it pass on nothing any more, on any connection, until `flow`.
        resets_at: What is passed on and done, and then the connection is reset instead of answered.
        has_stalled: Set when it passes on nothing.
    """

    def __init__(self, target: Path | None, tls: ssl.SSLContext | None = None) -> None:
        self.sent: list[bytes] = []
        self.conversations: list[list[bytes]] = []
        self.stalls_at = self.resets_at = b""
        self.has_stalled = threading.Event()
        self._target = target
        self._tls = tls
        self._flows = threading.Event()
        self._flows.set()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flow()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in self._open:
            each.close()

    def flow(self) -> None:
        """Pass on all again, also what was held back."""
        self.stalls_at = b""
        self.has_stalled.clear()
        self._flows.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            if self._target is not None:
                self._start(self._connect, client)

    def _start(self, action: Any, *given: Any) -> None:
        thread = threading.Thread(target=action, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _connect(self, client: socket.socket) -> None:
        with _both(client):
            if self._tls is not None:
                assert client.recv(len(SSL_REQUEST), socket.MSG_WAITALL) == SSL_REQUEST
                client.sendall(b"S")
                self._open.remove(client)
                client = self._tls.wrap_socket(client, server_side=True)
                self._open.append(client)
            server = socket.socket(socket.AF_UNIX)
            self._open.append(server)
            server.connect(str(self._target))
            is_cut = threading.Event()
            self._start(self._pass_questions, client, server, is_cut)
            self._pass_answers(server, client, is_cut)

    def _pass_questions(self, client: socket.socket, server: socket.socket, is_cut: threading.Event) -> None:
        conversation: list[bytes] = []
        self.conversations.append(conversation)
        with _both(client, server):
            while data := client.recv(65536):
                self.sent.append(data)
                conversation.append(data)
                if self.stalls_at and self.stalls_at in data:
                    self._flows.clear()
                    self.has_stalled.set()
                self._flows.wait()
                if self.resets_at and self.resets_at in data:
                    is_cut.set()
                server.sendall(data)

    def _pass_answers(self, server: socket.socket, client: socket.socket, is_cut: threading.Event) -> None:
        with _both(client, server):
            while data := server.recv(65536):
                self._flows.wait()
                if is_cut.is_set():
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.shutdown(socket.SHUT_RD)  # whoever receives from it keeps it open
                    client.close()
                    return
                client.sendall(data)


@contextlib.contextmanager
def _both(*sides: socket.socket) -> Iterator[None]:
    """End both sides with a block, and with either of them."""
    with contextlib.suppress(OSError):
        yield
    for each in sides:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
