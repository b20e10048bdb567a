"""Real notebooks, kernels and servers."""

from __future__ import annotations

import ast
import http.client
import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from ln_jupyter.environment.kernel import Kernel
from tests.server import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parents[2]

# Signals of whatever runs this test suite must not reach the notebooks under test.
SIGNALS = ("JPY_", "JUPYTER", "LN_JUPYTER", "PYTEST_", "COLUMNS")

FIND = """\
import json, os
from ln_jupyter.locate import find
try:
    found = find.find()._asdict()
except FileNotFoundError as error:
    found = {"error": str(error)}
found = json.dumps(found, default=str)
"""

WRITE = """
with open(os.environ["FOUND"], "w") as file:
    file.write(found)
"""

Found = dict[str, Any]


def code_cell(source: str, cell_id: str = "") -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": cell_id or uuid.uuid4().hex[:8],
        "source": source,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }


def write_notebook(path: Path, *sources: str, cell_id: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [code_cell(source, cell_id) for source in sources or (FIND + WRITE,)]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernelspec}, "cells": cells}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def write() -> Callable[..., Path]:
    """Write a notebook with code cells; without sources, one that says what it found."""
    return write_notebook


@pytest.fixture(scope="session")
def find() -> str:
    """The source that `RunningKernel.find` executes."""
    return FIND


@pytest.fixture(scope="session")
def find_and_write() -> str:
    """The source of a notebook or script that says what it found."""
    return FIND + WRITE


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user who has installed the package, with folders of their own."""
    home = tmp_path_factory.mktemp("home").resolve()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(SIGNALS)}
    path = os.pathsep.join(filter(None, (str(ROOT), clean.get("PYTHONPATH"))))
    return clean | {
        "PYTHONPATH": path,
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose name looks like one of Jupyter's own files, with the spaces people use."""
    path = tmp_path.resolve() / "home" / "john-doe" / "my lab"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def run(folder: Path, environment: dict[str, str]) -> Callable[..., Found]:
    """Run a program as from a shell in *folder*; what the notebook under test found."""
    found = folder.parent / "found.json"

    def run(*command: str, cwd: Path = folder, **extra: str) -> Found:
        env = environment | {"FOUND": str(found), "PWD": str(cwd)} | extra
        result = subprocess.run(
            [sys.executable, *command], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=120
        )
        assert result.returncode == 0, result.stdout + result.stderr
        answer: Found = json.loads(found.read_text())
        return answer

    return run


@pytest.fixture
def kernel_here(folder: Path) -> Callable[[str], Kernel]:
    """A kernel's outside, for the one system that cannot be had here: its front end names a cell."""

    def build(cell_id: str) -> Kernel:
        kernel = SimpleNamespace(get_parent=lambda: {"metadata": {"cellId": cell_id}})
        return Kernel(SimpleNamespace(kernel=kernel), folder, None, "")

    return build


@dataclass
class RunningKernel:
    """A kernel, and a front end that may name its cells."""

    client: BlockingKernelClient

    def find(self, *, cell_id: str = "", before: str = "", source: str = FIND) -> Found:
        """Execute *before*, then *source* in a cell that the front end calls *cell_id*."""
        if before:
            self.execute(before)
        answer: Found = json.loads(self.execute(source, cell_id=cell_id, value="found"))
        return answer

    def execute(self, source: str, *, cell_id: str = "", value: str = "") -> str:
        """Execute a cell as a front end does, and read the text named *value*."""
        content = {
            "code": source,
            "silent": False,
            "store_history": True,
            "user_expressions": {"value": value} if value else {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell_id} if cell_id else {})
        self.client.shell_channel.send(message)
        reply = self.client._recv_reply(message["header"]["msg_id"], timeout=120)["content"]
        assert reply["status"] == "ok", reply
        return ast.literal_eval(reply["user_expressions"]["value"]["data"]["text/plain"]) if value else ""


def connect(connection_file: Path) -> BlockingKernelClient:
    client = BlockingKernelClient(connection_file=str(connection_file))
    client.load_connection_file()
    client.start_channels()
    client.kernel_info(reply=True, timeout=180)  # wait_for_ready gives up on a kernel that starts slowly
    return client


@pytest.fixture
def start_kernel(folder: Path, environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., RunningKernel]]:
    """Start a kernel of no runner, as a program that uses jupyter_client's API does."""
    started: list[tuple[KernelManager, BlockingKernelClient]] = []

    def start(*, like_a_server: bool = False, **extra: str) -> RunningKernel:
        name = f"kernel-{uuid.uuid4()}.json" if like_a_server else f"tmp{uuid.uuid4().hex[:8]}.json"
        runtime = tmp_path / "runtime"
        runtime.mkdir(exist_ok=True)
        manager = KernelManager(kernel_name="python3", connection_file=str(runtime / name))
        manager.start_kernel(cwd=str(folder), env=environment | extra)
        client = connect(runtime / name)
        started.append((manager, client))
        return RunningKernel(client)

    yield start
    for manager, client in started:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy()


@dataclass
class Server:
    """A Jupyter server with a token, as JupyterHub and JupyterLab start one."""

    root: Path
    runtime: Path
    port: int
    base_url: str = "/user/ada/"
    token: str = "secret-token"
    clients: list[BlockingKernelClient] = field(default_factory=list)

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the server's REST API."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=180)
        try:
            headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
            connection.request(method, f"{self.base_url}api/{path}", json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            text = response.read()
            assert response.status < http.client.BAD_REQUEST, text
            return json.loads(text) if text else None
        finally:
            connection.close()

    def open(self, path: Path, kernel_id: str = "", kind: str = "notebook") -> tuple[dict[str, Any], RunningKernel]:
        """Open a notebook as a front end does, in a new kernel or one that runs."""
        kernel = {"id": kernel_id} if kernel_id else {"name": "python3"}
        relative = path.relative_to(self.root).as_posix()
        body = {"path": relative, "name": path.name, "type": kind, "kernel": kernel}
        session = self.request("POST", "sessions", body)
        return session, self.connect(session["kernel"]["id"])

    def connect(self, kernel_id: str) -> RunningKernel:
        """Connect to a kernel that the server runs."""
        client = connect(self.runtime / f"kernel-{kernel_id}.json")
        self.clients.append(client)
        return RunningKernel(client)


@pytest.fixture(scope="module")
def running_server(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Server]:
    """One real Jupyter server for a module, behind a proxy setting that leads nowhere."""
    home = tmp_path_factory.mktemp("server").resolve()
    root, runtime = home / "Mein Labor", home / "john-doe" / "runtime"
    root.mkdir()
    runtime.mkdir(parents=True)
    options = {
        "ServerApp.base_url": Server.base_url,
        "ServerApp.root_dir": str(root),
        "ServerApp.jpserver_extensions": "{}",
        "IdentityProvider.token": Server.token,
    }
    dead = "http://127.0.0.1:9"
    running, port = process.start(
        [f"--{name}={value}" for name, value in options.items()],
        log=home / "server.log",
        env=environment | {"JUPYTER_RUNTIME_DIR": str(runtime), "http_proxy": dead, "HTTP_PROXY": dead},
    )
    server = Server(root, runtime, port)
    yield server
    for client in server.clients:
        client.stop_channels()
        client.context.destroy()
    running.terminate()
    running.wait(60)


@pytest.fixture
def server(running_server: Server) -> Iterator[Server]:
    """The running server, without kernels; sessions end with them."""
    yield running_server
    for kernel in running_server.request("GET", "kernels"):
        running_server.request("DELETE", f"kernels/{kernel['id']}")
