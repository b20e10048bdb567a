"""What this environment has installed, and whether its Jupyter Server has the extension on."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from ln_jupyter import settings
from ln_jupyter.files import watching
from ln_jupyter.registry.finding import Finding
from ln_jupyter.registry.health import can_be_made

_DISTRIBUTIONS = (
    "ln-jupyter",
    "SQLAlchemy",
    "alembic",
    "ipython",
    "ipykernel",
    "nbproject",
    "jupyter_server",
    "jupyterlab",
    "psycopg",
)
_EXTENSION = "ln_jupyter"
_ENABLE = f"jupyter server extension enable {_EXTENSION} --sys-prefix"
_LOAD_SECONDS = 60


def versions() -> dict[str, str | None]:
    """Return the versions that matter; None of what is not installed."""
    found: dict[str, str | None] = {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
    return found | {name: _installed(name) for name in _DISTRIBUTIONS}


def data_folder() -> Finding:
    """Check the folder of the registry that is used where nothing else is said."""
    folder = settings.data_folder()
    if can_be_made(folder):
        return Finding("data folder", "ok", f"{folder} {'is' if folder.exists() else 'can be made'} writable")
    text = f"{folder} cannot be written to: outside of a project, nothing can be registered"
    return Finding("data folder", "hint", text, "make it writable, or set LN_JUPYTER_URL")


def files(switch: str) -> Finding:
    """Say whether what runs read and write is recorded, and which libraries are seen past Python's own `open`."""
    if switch == "off":
        return Finding("files", "ok", "what runs read and write is not recorded, as the setting says")
    here = sorted(name for name in watching.LIBRARIES if importlib.util.find_spec(name) is not None)
    text = "recorded: what Python opens, what shell commands write into the notebook's folder"
    return Finding("files", "ok", f"{text}, and what is read and written by {', '.join(here)}" if here else text)


def server_extension() -> list[Finding]:
    """Check that Jupyter Server is here, is told to load the extension, and can."""
    if _installed("jupyter_server") is None:
        text = "there is no Jupyter Server in this environment; without the extension, a save keeps no id in the file"
        fix = "pip install 'ln-jupyter[server]' in the environment of your Jupyter Server"
        return [Finding("server extension", "hint", text, fix)]
    is_enabled, origin = _enabled()
    if not is_enabled:
        where = f"off in {origin}" if origin else "not on: no configuration of Jupyter names it"
        return [Finding("server extension", "broken", f"it is {where}", _ENABLE)]
    # in a process of its own: Jupyter Server imports it, not we, and it takes a second
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", f"import {_EXTENSION}.server.app"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_LOAD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        text = f"it is on; whether it can be loaded is not known: that took longer than {_LOAD_SECONDS} s"
        return [Finding("server extension", "hint", text, "ask again when the machine is less busy")]
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        fix = "pip install --upgrade 'ln-jupyter[server]'"
        return [Finding("server extension", "broken", f"it is on and cannot be loaded: {reason}", fix)]
    return [Finding("server extension", "ok", f"on in {origin}")]


def _enabled() -> tuple[bool, Path | None]:
    """Read what Jupyter Server reads, in its order: the last word counts."""
    from jupyter_core.paths import jupyter_config_path  # here for cost: only the doctor asks

    found: tuple[bool, Path | None] = (False, None)
    for folder in map(Path, reversed(jupyter_config_path())):
        for file in (
            *sorted((folder / "jupyter_server_config.d").glob("*.json")),
            folder / "jupyter_server_config.json",
        ):
            said = _said(file)
            if said is not None:
                found = (said, file)
    return found


def _said(file: Path) -> bool | None:
    try:
        value: Any = json.loads(file.read_bytes())
    except (OSError, ValueError):  # Jupyter Server skips them, too
        return None
    for key in ("ServerApp", "jpserver_extensions", _EXTENSION):
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None else bool(value)


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
