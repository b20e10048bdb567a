"""Every way into a registry, tried in a kernel and on the command line: what each of them says."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from tests.faults import permissions
from tests.faults.processes import Process
from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.ipython.kernel_driver import Kernel

OK = "ok"
USES = {"select", "add", "block", "write", "cell", "header"}
WRITES = USES - {"select", "header"}
"""Those of them that fail where nothing can be written; `header()` goes on with the run it has."""

SETUP = """\
%load_ext ln_jupyter
import logging, os, resource
import ln_jupyter as ln, ln_jupyter.schema as lns
from ln_jupyter.tracking.recording import recorder as recording; from ln_jupyter.tracking import running
from tests.faults import permissions
permissions.obey()
recording.PAUSE = 0.0

def said(use):
    try:
        use()
    except ln.errors.LnJupyterError as error:
        return f"{type(error).__name__}: {error}; fix: {error.fix}"
    except Exception as error:
        return f"of a stranger: {error!r}"
    return "ok"

def in_a_block(**options):
    with ln.Session(**options) as ss:
        ss.add(lns.Run(name="in a block"))

uses = {
    "select": lambda: ln.select(lns.Run).all(),
    "add": lambda: ln.add(lns.Run(name="added")),
    "block": in_a_block,
    "write": lambda: in_a_block(write=True),
}

class Log(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())

lines = []
logging.getLogger("ln_jupyter").setLevel(logging.DEBUG)
logging.getLogger("ln_jupyter").addHandler(Log())
logging.getLogger("ln_jupyter").propagate = False
"""
"""Of the kernel: root in it is stopped by permission bits, as everybody else is."""


def connect(kernel: Kernel, url: str) -> None:
    """Begin anew with a registry, as a new kernel would."""
    done = kernel.run(f"running.forget(); _ = ln.connect({url!r})")
    assert done.status == "ok", done.traceback


def in_kernel(kernel: Kernel) -> dict[str, str]:
    """Try the uses of a notebook: functions, blocks, a cell, and `header()`."""
    found: dict[str, str] = kernel.read("{name: said(use) for name, use in uses.items()}")
    cell = kernel.run("%%ln_session\n_ = ln.add(lns.Run(name='in a cell'))")
    header = kernel.run("ln.header(id='Rx2s9cPTMQLY', name='Growth')")
    assert "Traceback" not in cell.traceback + header.traceback
    return found | {
        "cell": cell.status if cell.status == OK else cell.traceback,
        "header": header.status if header.status == OK else header.traceback,
    }


def beat(kernel: Kernel) -> list[str]:
    """Let the heartbeat of the run write now: what it logged, but for what the end of an earlier cell has begun."""
    settle = "running.recording().settle()"
    kernel.run(f"{settle}; lines.clear(); {settle}", store_history=False)
    lines: list[str] = kernel.read("list(lines)")
    return lines


def on_command_line(url: str, home: Path) -> dict[str, str]:
    """Try commands that read, and that look after the registry."""
    return {words: command(home, *words.split(), "--db", url) for words in ("list", "runs", "doctor")}


def command(home: Path, *words: str) -> str:
    """Run a command in a process of its own, which permission bits stop: what it said."""
    with Process(_run_command, home, words, environment=kernel_driver.environment(home)) as process:
        process.wait_until_ready().go()
        code, said = process.next()
    assert "Traceback" not in said, said
    return OK if code == 0 else said


def _run_command(tell: Callable[[object], None], home: Path, words: tuple[str, ...]) -> None:
    from ln_jupyter import cli
    from ln_jupyter.cli import environment

    environment.server_extension = list  # type: ignore[assignment] # it starts a process of its own
    os.chdir(home)
    permissions.obey()
    sys.argv = ["ln-jupyter", *words]
    sys.stdout = sys.stderr = said = io.StringIO()
    code: object = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code
    tell((code or 0, said.getvalue()))


def close(kernel: Kernel) -> None:
    """Let the kernel close its connections, as its end would."""
    kernel.run("from ln_jupyter.db import engines; running.forget(); engines.current().dispose()")


def contents(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Read every file of a folder, with its mode and time."""
    return {
        str(each.relative_to(folder)): (
            each.read_bytes() if each.is_file() else b"",
            each.lstat().st_mode,
            each.lstat().st_mtime_ns,
        )
        for each in sorted(folder.rglob("*"))
    }
