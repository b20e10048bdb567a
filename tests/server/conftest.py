import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import ln_jupyter

PROJECT = Path(ln_jupyter.__file__).parent.parent
SHIPPED_CONFIG = PROJECT / "jupyter-config" / "server-config" / "ln_jupyter.json"
# Not the root: a hub, or a proxy, serves many users below paths of their own.
BASE_URL = "/user/ada/"


class JupyterServer:
    """A real `jupyter server` in a process of its own, reached over HTTP."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}{BASE_URL}"
        self.token = secrets.token_hex(16)
        self._log = folder.with_suffix(".log")
        command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", "--ip=127.0.0.1"]
        options = [f"--ServerApp.{name}" for name in (f"base_url={BASE_URL}", f"port={port}", f"root_dir={folder}")]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *options],
                env=environment | {"JUPYTER_TOKEN": self.token},
                stdout=log,
                stderr=log,
            )
        # The port opens after the last line of the log, so only knocking tells.
        while not is_open(port):
            if self._process.poll() is not None:
                pytest.fail(f"the server did not start\n{self.log}")
            time.sleep(0.02)

    @property
    def log(self) -> str:
        """What the server has said until now."""
        return self._log.read_text(encoding="utf-8")

    def get(self, path: str, *, token: str | None = None) -> object:
        """Ask for a path below the base URL; another answer than 200 raises HTTPError."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"token {token or self.token}"})
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def stop(self) -> None:
        """End the process and wait until it is gone."""
        self._process.terminate()
        self._process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def server_environment(tmp_path_factory):
    """Environment variables of an empty home where only this package's extension is enabled."""
    home = tmp_path_factory.mktemp("jupyter")
    enabled = home / "config" / "jupyter_server_config.d"
    enabled.mkdir(parents=True)
    shutil.copy(SHIPPED_CONFIG, enabled)
    return os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "PYTHONPATH": str(PROJECT),
    }


@pytest.fixture(scope="session")
def server(server_environment, tmp_path_factory):
    """One running server, for tests that leave it as it was."""
    server = JupyterServer(tmp_path_factory.mktemp("notebooks"), server_environment)
    yield server
    server.stop()
