"""What importing the package and `header()` cost in a fresh kernel of a real Jupyter server.

Run it from the repository: ``.venv/bin/python benchmarks/header.py``, with ``--against FOLDER`` to
take turns with another checkout. A kernel is used once: it is what a user has just started.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.blocking.client import BlockingKernelClient
from tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[1]

_TOKEN = "benchmark"
_SECONDS = 60
_SETTLED = 2.5  # seconds after the cell in which the heartbeat has written what there is to say at first

# What each cell says is the process's CPU time in milliseconds, of all its threads.
_PREPARE = """
import gc, json, sys, threading, time
sys.path.insert(0, {root!r})
def cpu(call):
    begun = time.process_time_ns()
    call()
    return (time.process_time_ns() - begun) / 1e6
def sqlalchemy():
    import sqlalchemy, sqlalchemy.orm
def package():
    import ln_jupyter
def first():
    import ln_jupyter as ln
    ln.header()
def again():
    sys.modules["ln_jupyter"].header()
def heartbeat():
    thread = next(each for each in threading.enumerate() if each.name == "ln_jupyter heartbeat")
    return time.clock_gettime_ns(time.pthread_getcpuclockid(thread.ident)) / 1e6
"""
_SITUATIONS = {
    "sqlalchemy": ("sqlalchemy", "package", "first", "again", "again", "again"),
    "fresh": ("package", "first", "again", "again", "again"),
}


@dataclass(frozen=True)
class Costs:
    """Milliseconds of CPU time in one kernel.

    Attributes:
        sqlalchemy: Of importing SQLAlchemy and its ORM; 0 where `header()` did it.
        package: Of ``import ln_jupyter``.
        first: Of the first `header()`, with what it imports.
        again: Of a `header()` after that, the middle one of three.
        heartbeat: Of the thread that `header()` starts, in the seconds after.
    """

    sqlalchemy: float
    package: float
    first: float
    again: float
    heartbeat: float


def measure(roots: Mapping[str, Path], *, rounds: int = 11) -> dict[tuple[str, str], list[Costs]]:
    """Take turns with the checkouts, each in fresh kernels, with SQLAlchemy imported before and not.

    Args:
        roots: The folder that has the package, by the name of the checkout.
        rounds: How often each has its turn.

    Returns:
        What each round cost, by the names of the checkout and the situation:
        ``"sqlalchemy"`` where it was imported before, ``"fresh"`` where not.
    """
    measured: dict[tuple[str, str], list[Costs]] = {(name, kind): [] for name in roots for kind in _SITUATIONS}
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as server:
        for turn in range(rounds + 1):
            for name, root in roots.items():
                for kind in _SITUATIONS:
                    costs = server.run(root, kind, registry=f"{name}.db")
                    if turn:  # the first makes the registry, and the files of compiled modules
                        measured[name, kind].append(costs)
    return measured


def median(costs: list[Costs], field: str) -> float:
    """Give the median of one field."""
    return float(statistics.median(getattr(each, field) for each in costs))


def table(measured: Mapping[tuple[str, str], list[Costs]]) -> str:
    """Write medians and quartiles; SQLAlchemy's own import is taken from where it was imported alone."""
    rows = []
    for (name, kind), costs in measured.items():
        for field in ("sqlalchemy", "package", "first", "again", "heartbeat"):
            values = [getattr(each, field) for each in costs]
            if kind == "fresh" and field == "first":
                alone = median(measured[name, "sqlalchemy"], "sqlalchemy")
                values = [value - alone for value in values]
                field = f"first, less {alone:.0f} of SQLAlchemy"  # noqa: PLW2901
            if any(values):
                low, middle, high = statistics.quantiles(values, n=4)
                rows.append((name, kind, field, f"{middle:.1f}", f"{low:.1f} to {high:.1f}"))
    return tabulate(rows, ("", "kernel", "", "ms CPU, median", "quartiles"), disable_numparse=True)


@dataclass(frozen=True)
class _Server:
    """A running Jupyter server."""

    url: str
    folder: Path

    def run(self, root: Path, kind: str, *, registry: str) -> Costs:
        """Start a kernel for a notebook, and let it tell what it cost."""
        path = "notebook.ipynb"
        session = self._ask("POST", "sessions", {"path": path, "name": path, "type": "notebook", "kernel": _KERNEL})
        try:
            with _client(self.folder / "runtime" / f"kernel-{session['kernel']['id']}.json") as client:
                prepare = _PREPARE.format(root=str(root))
                url = f"sqlite:///{self.folder / registry}"
                _execute(client, f"{prepare}\nimport os\nos.environ['LN_JUPYTER_URL'] = {url!r}")
                told = [_execute(client, f"cpu({call})") for call in _SITUATIONS[kind]]
                time.sleep(_SETTLED)
                told.append(_execute(client, "heartbeat()"))
        finally:
            self._ask("DELETE", f"sessions/{session['id']}")
        if kind == "fresh":
            told.insert(0, 0.0)
        sqlalchemy, package, first, *again, heartbeat = told
        return Costs(sqlalchemy, package, first, statistics.median(again), heartbeat)

    def _ask(self, method: str, what: str, content: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}api/{what}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Authorization": f"token {_TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return json.loads(answer.read() or "null")


_KERNEL = {"name": "python3"}
_TITLE = {"cell_type": "markdown", "id": "c0", "source": "# Growth of *E. coli*", "metadata": {}}
_CODE = {"cell_type": "code", "id": "c1", "source": "import ln_jupyter as ln\nln.header()", "metadata": {}}
_NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [_TITLE, _CODE | {"outputs": [], "execution_count": None}],
}


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[_Server]:
    """Run a Jupyter server of a user with folders of their own, and a notebook in it."""
    home = {f"JUPYTER_{name.upper()}_DIR": str(folder / name) for name in ("runtime", "config", "data")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_SIGNALS)}
    environment |= {"IPYTHONDIR": str(folder / "ipython"), "JUPYTER_TOKEN": _TOKEN, "JUPYTER_PLATFORM_DIRS": "1"} | home
    # as after an installation, where every module is compiled; the checkouts are left as they are
    environment |= {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    (folder / "notebook.ipynb").write_text(json.dumps(_NOTEBOOK), encoding="utf-8")
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    options = [
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.port=0",
        "--ServerApp.jpserver_extensions=ln_jupyter=True",
    ]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([*command, *options], env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        yield _Server(_url(folder / "runtime" / f"jpserver-{process.pid}.json", process), folder)
    finally:
        process.terminate()
        process.wait(_SECONDS)


def _url(file: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(_SECONDS * 10):
        with contextlib.suppress(OSError, ValueError):
            url: str = json.loads(file.read_bytes())["url"]
            with urllib.request.urlopen(f"{url}api", timeout=1):
                return url
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"the server does not answer; see {file.parents[1] / 'server.log'}")


@contextlib.contextmanager
def _client(connection_file: Path) -> Iterator[BlockingKernelClient]:
    client = BlockingKernelClient(connection_file=str(connection_file))
    client.load_connection_file()
    client.start_channels()
    try:
        client.kernel_info(reply=True, timeout=_SECONDS)  # wait_for_ready gives up on a kernel that starts slowly
        yield client
    finally:
        client.stop_channels()


def _execute(client: BlockingKernelClient, source: str) -> float:
    """Run a cell, and give what its last line says, if that is a number."""
    *lines, last = source.splitlines()
    if not lines:
        lines, last = [f"told = {last}"], "told"
    else:
        lines, last = [*lines, last], "None"
    asked = client.execute("\n".join(lines), user_expressions={"told": last}, reply=True, timeout=_SECONDS)
    reply = asked["content"]
    if reply["status"] != "ok":
        raise RuntimeError("\n".join(reply["traceback"]))
    told = reply["user_expressions"]["told"]["data"]["text/plain"]
    return 0.0 if told == "None" else float(told)


_SIGNALS = ("JPY_", "JUPYTER", "LN_JUPYTER", "PYTHON")


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    arguments.add_argument("--against", type=Path, action="append", default=[])
    arguments.add_argument("--rounds", type=int, default=11)
    given = arguments.parse_args()
    roots = {each.name: each.resolve() for each in given.against} | {"this": ROOT}
    print(table(measure(roots, rounds=given.rounds)))
