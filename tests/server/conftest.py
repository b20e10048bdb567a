import json
import os
import secrets
import shutil
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import ln_jupyter
from ln_jupyter.notebook.identity import MIME, bundle
from tests.server import process

PROJECT = Path(ln_jupyter.__file__).parent.parent
SHIPPED_CONFIG = PROJECT / "jupyter-config" / "server-config" / "ln_jupyter.json"
# Not the root: a hub, or a proxy, serves many users below paths of their own.
BASE_URL = "/user/ada/"


class JupyterServer:
    """A real `jupyter server` in a process of its own, reached over HTTP."""

    def __init__(self, folder: Path, environment: dict[str, str], *more_options: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.token = secrets.token_hex(16)
        self._log = folder.with_suffix(".log")
        options = ["--ip=127.0.0.1", f"--ServerApp.base_url={BASE_URL}", f"--ServerApp.root_dir={folder}"]
        self._process, port = process.start(
            [*options, *more_options], log=self._log, env=environment | {"JUPYTER_TOKEN": self.token}
        )
        self.url = f"http://127.0.0.1:{port}{BASE_URL}"

    @property
    def log(self) -> str:
        """What the server has said until now."""
        return self._log.read_text(encoding="utf-8")

    def get(self, path: str, *, token: str | None = None) -> Any:
        """Ask for a path below the base URL; another answer than 2xx raises HTTPError."""
        return self.send("GET", path, token=token)

    def send(self, method: str, path: str, body: object = None, *, token: str | None = None) -> Any:
        """Send a request below the base URL, and give what it answers."""
        headers = {"Authorization": f"token {token or self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + quote(path, safe="/?=&"), data, headers, method=method)
        with urllib.request.urlopen(request) as response:
            answer = response.read()
        return json.loads(answer) if answer else None

    def save(self, path: str, notebook: dict[str, Any]) -> dict[str, Any]:
        """Save a notebook as an editor does, and give what is in the file then."""
        self.send("PUT", f"api/contents/{path}", {"type": "notebook", "format": "json", "content": notebook})
        return self.read(path)

    def read(self, path: str) -> dict[str, Any]:
        """Read a notebook's file, not through the server."""
        return dict(json.loads((self.folder / path).read_bytes()))

    def stop(self) -> None:
        """End the process and wait until it is gone."""
        self._process.terminate()
        self._process.wait()


def header(time_run: str, notebook_id: str = "Rx2s9cPTMQLY", **more: object) -> dict[str, Any]:
    """Make the identity that a header states."""
    return {"id": notebook_id, "version": "1", "time_init": "2026-01-01T00:00:00+00:00", "time_run": time_run, **more}


def notebook(*headers: dict[str, Any], metadata: object = None, cell_ids: str = "abcd") -> dict[str, Any]:
    """Make a notebook with one cell for each of *cell_ids*; the first ones display these headers."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": cell_id, "metadata": {}, "source": ["header()"], "execution_count": None}
        | {"outputs": []}
        for cell_id in cell_ids
    ]
    for cell, nbproject in zip(cells, headers, strict=False):
        data = {"text/plain": ["header"], MIME: bundle(nbproject)}
        cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}]
    all_metadata = {} if metadata is None else {"nbproject": metadata}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": all_metadata, "cells": cells}


@pytest.fixture(scope="session")
def server_environment(tmp_path_factory):
    """Environment variables of an empty home where only this package's extension is enabled."""
    home = tmp_path_factory.mktemp("jupyter")
    enabled = home / "config" / "jupyter_server_config.d"
    enabled.mkdir(parents=True)
    shutil.copy(SHIPPED_CONFIG, enabled)
    # A registry that is named here would be that of all projects.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LN_JUPYTER_")}
    return environment | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "PYTHONPATH": str(PROJECT),
        "PGPASSWORD": "a secret of the server's user",
    }


@pytest.fixture(scope="session")
def server(server_environment, tmp_path_factory):
    """One running server, for tests that leave it as it was."""
    server = JupyterServer(tmp_path_factory.mktemp("notebooks"), server_environment)
    yield server
    server.stop()
