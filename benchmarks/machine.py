"""Where and with what something was measured; nothing that names the machine."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sqlite3
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_OURS = ("ln-jupyter", "sqlalchemy", "ipython", "ipykernel", "pandas", "nbformat", "nbproject")
_ASK = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


def describe(peers: Path | None) -> dict[str, Any]:
    """Say how large the machine is, how busy, and which versions it runs.

    Args:
        peers: The Python of the peers' environment, if there is one.
    """
    versions = {name: importlib.metadata.version(name) for name in _OURS}
    if peers is not None:
        done = subprocess.run([peers, "-c", _ASK, "lamindb"], capture_output=True, text=True, check=True)
        versions |= json.loads(done.stdout)
    system = platform.uname()
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{system.system} {system.release.partition('-')[0]}",
        "architecture": system.machine,
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "versions": versions,
    }


def sentence(machine: dict[str, Any]) -> str:
    """Say it in two lines."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['cores']} cores, {machine['system']}, {machine['architecture']}; load {machine['load']} at the beginning.\n"
        f"Python {machine['python']}, SQLite {machine['sqlite']}, {versions}."
    )
