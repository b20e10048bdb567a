"""A Jupyter server in a process of its own."""

from __future__ import annotations

import secrets
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# The log names an address before the server listens there; its event loop has begun to listen when this prints.
# What kernels print afterwards joins the log: nobody reads the pipe any more.
SERVE = """\
import importlib, os, sys
module, _, name = sys.argv[1].partition(":")
application = getattr(importlib.import_module(module), name)
if name == "ServerApp":
    server = application.instance()
    server.initialize(sys.argv[2:])
else:
    server = application.initialize_server(sys.argv[2:])
def tell():
    print(server.port, flush=True)
    os.dup2(2, 1)
server.io_loop.add_callback(tell)
server.start()
"""


def start(
    options: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    application: str = "jupyter_server.serverapp:ServerApp",
    cwd: Path | None = None,
) -> tuple[subprocess.Popen[str], int]:
    """Start a server on this machine, and give its process and its port once it listens.

    A port that is free now may be another process's when the server has started, so the server looks for one itself:
    from a random number on, below those that the system gives to whoever asks for any port. Not from 0, of which
    some releases tell neither the log nor `jpserver-*.json` what became of it. The number is no `random` one:
    pytest-randomly gives all processes of a run the same.
    """
    port = f"--ServerApp.port={10_000 + secrets.randbelow(20_000)}"
    command = [sys.executable, "-c", SERVE, application, "--allow-root", "--no-browser", port]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, *options], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout is not None
    with process.stdout as printed:
        # an extension may print, too
        port = next((line.strip() for line in printed if line.strip().isdecimal()), "")
    if not port:
        process.kill()
        process.wait()
        pytest.fail(f"the server did not start\n{log.read_text('utf-8')}")
    return process, int(port)
