"""A real Jupyter server with a token, a base URL, a root with spaces and a proxy that leads nowhere."""

from __future__ import annotations

import json
import os
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from ln_jupyter.locate import jupyter_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_session(server: Any, write: Callable) -> None:
    """A notebook in a server is found by its kernel's session, through no proxy."""
    notebook = write(server.root / "john-doe" / "Übung eins.ipynb")
    _, kernel = server.open(notebook)

    found = kernel.find()

    assert found == {
        "path": str(notebook),
        "via": "server-session",
        "live": True,
        "confidence": "sure",
        "runner": "jupyter-server",
        "base_url": "/user/ada/",
    }


def test_rename(server: Any, write: Callable) -> None:
    """A rename is followed while the kernel runs, though JPY_SESSION_NAME is stale."""
    notebook = write(server.root / "before.ipynb")
    session, kernel = server.open(notebook)
    stale = write(server.root / "after.ipynb").name
    server.request("PATCH", f"sessions/{session['id']}", {"path": stale, "name": stale})

    found = kernel.find()

    assert found["path"] == str(server.root / "after.ipynb")


def test_two_notebooks_with_one_kernel(server: Any, write: Callable) -> None:
    """Where two notebooks share a kernel, the one that holds the running cell is found."""
    one = write(server.root / "one.ipynb", cell_id="cell-of-one")
    two = write(server.root / "two.ipynb", cell_id="cell-of-two")
    session, kernel = server.open(one)
    server.open(two, kernel_id=session["kernel"]["id"])

    found = [kernel.find(cell_id=cell_id) for cell_id in ("cell-of-one", "cell-of-two")]
    unsaved = kernel.find(cell_id="cell-of-none")

    assert [str(one), str(two)] == [each["path"] for each in found]
    assert "error" in unsaved


def test_console(server: Any, write: Callable) -> None:
    """A console that shares the notebook's kernel is not a second notebook."""
    notebook = write(server.root / "a.ipynb")
    session, kernel = server.open(notebook)
    server.open(write(server.root / "console.ipynb"), kernel_id=session["kernel"]["id"], kind="console")

    found = kernel.find()

    assert found["path"] == str(notebook)


def test_kernel_without_a_session(server: Any, write: Callable) -> None:
    """Where the kernel's own server knows no session of it, an inherited JPY_SESSION_NAME is not believed."""
    inherited = write(server.root / "a.ipynb", "1")
    kernel = server.connect(server.request("POST", "kernels", {"name": "python3"})["id"])

    found = kernel.find(before=f"import os; os.environ['JPY_SESSION_NAME'] = {str(inherited)!r}")

    assert found["error"].startswith("nothing tells which notebook is running; tried: vscode cell")


def test_imports(server: Any, write: Callable, find: str) -> None:
    """Finding a server's notebook imports nothing that is slow."""
    _, kernel = server.open(write(server.root / "a.ipynb"))
    # IPython may have loaded psutil for itself.
    forget = "import sys; [sys.modules.pop(name) for name in list(sys.modules) if name.partition('.')[0] == 'psutil']"
    names = "found = json.dumps(sorted({name.partition('.')[0] for name in sys.modules}))"
    slow = {"jupyter_server", "nbformat", "nbproject", "notebook", "psutil", "requests", "sqlalchemy"}

    loaded = kernel.find(before=forget, source=f"{find}\n{names}")

    assert "ln_jupyter" in loaded
    assert slow.isdisjoint(loaded)


@pytest.mark.runner
def test_nested_nbmake(server: Any, write: Callable, tmp_path: Path) -> None:
    """A notebook that nbmake runs from within another does not take that one's JPY_SESSION_NAME."""
    inner = write(server.root / "sub" / "inner.ipynb")
    answer = tmp_path / "found.json"
    _, kernel = server.open(write(server.root / "outer.ipynb"))
    command = [sys.executable, "-m", "pytest", "--nbmake", "-q", "-p", "no:cacheprovider", str(inner)]

    kernel.execute(
        "import os, subprocess\n"
        "assert os.environ['JPY_SESSION_NAME'].endswith('outer.ipynb')\n"
        f"os.environ['FOUND'] = {str(answer)!r}\n"
        f"subprocess.run({command!r}, check=True, capture_output=True)"
    )

    found = json.loads(answer.read_text())
    assert (str(inner), "pytest-node") == (found["path"], found["via"])


def test_refused(server: Any, start_kernel: Callable, write: Callable, folder: Path, tmp_path: Path) -> None:
    """Where the server refuses, as one does that knows only a password, its first word is likely right."""
    notebook = write(folder / "a.ipynb")
    info = json.loads(next(server.runtime.glob("jpserver-*.json")).read_text())
    (tmp_path / "runtime").mkdir()
    own = tmp_path / "runtime" / f"jpserver-{os.getpid()}.json"
    own.write_text(json.dumps(info | {"token": "wrong"}))

    found = start_kernel(like_a_server=True, JPY_SESSION_NAME=str(notebook)).find()

    assert (str(notebook), "session-name", "likely") == (found["path"], found["via"], found["confidence"])


def test_server_under_another_pid(server: Any, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel's parent is not the server, the server that knows the kernel is its own."""
    notebook = write(server.root / "a.ipynb")
    session, _ = server.open(notebook)
    kernel_id = session["kernel"]["id"]
    monkeypatch.setenv("JPY_PARENT_PID", "")
    (server.runtime / "jpserver-0.json").write_text("{")

    answer = jupyter_server.ask(server.runtime / f"kernel-{kernel_id}.json", kernel_id=kernel_id)

    (server.runtime / "jpserver-0.json").unlink()
    assert answer == jupyter_server.Answer((notebook,), "/user/ada/")


def test_token_of_the_hub(server: Any, write: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server of JupyterHub writes no token into its file; the environment has it."""
    session, _ = server.open(write(server.root / "a.ipynb"))
    info = json.loads(next(server.runtime.glob("jpserver-*.json")).read_text())
    (tmp_path / "jpserver-1.json").write_text(json.dumps(info | {"token": ""}))
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", server.token)

    answer = jupyter_server.ask(tmp_path / "kernel-x.json", kernel_id=session["kernel"]["id"])

    assert answer == jupyter_server.Answer((server.root / "a.ipynb",), "/user/ada/")


@pytest.mark.parametrize(
    "info",
    [
        [],
        {},
        {"url": 7, "root_dir": "/"},
        {"url": "http://127.0.0.1:9/"},
        {"url": "http://127.0.0.1:9/", "root_dir": "/"},
        {"url": "http://127.0.0.1:port/", "root_dir": "/"},
        {"url": "http+unix://%2Ftmp%2Fs/", "root_dir": "/", "sock": "/tmp/s"},
    ],
)
def test_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, info: Any) -> None:
    """A server file that is damaged, or of a server that is gone, is no answer."""
    monkeypatch.setenv("JPY_PARENT_PID", "7")
    (tmp_path / "jpserver-7.json").write_text(json.dumps(info))

    answer = jupyter_server.ask(tmp_path / "kernel-x.json", kernel_id=str(uuid.uuid4()))

    assert answer is None
