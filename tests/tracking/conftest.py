"""Notebooks to register, and the programs that run them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ln_jupyter.locate.location import Location
from ln_jupyter.tracking import register as rows
from ln_jupyter.tracking import request as requests
from ln_jupyter.tracking import running
from ln_jupyter.tracking.recording import recorder
from tests.ipython import kernel_driver
from tests.notebook.conftest import environment, folder, running_server, server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    import sqlalchemy as sa

    from ln_jupyter.tracking.register import Registration

__all__ = ["environment", "folder", "running_server", "server"]

# A pytest with the plugins under test and no others: fast, and whether or not the package is installed.
PYTEST = ("-m", "pytest", "-p", "no:cacheprovider", "-p", "ln_jupyter.pytest_plugin", "-p", "nbmake", "-p", "xdist")
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@pytest.fixture(autouse=True)
def unregistered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin and end without a registration, as a new process does; whoever waits for a write waits for its end."""
    monkeypatch.setattr(recorder, "PATIENCE", kernel_driver.TIMEOUT)
    running.forget()
    yield
    running.forget()


@pytest.fixture
def register(engine: sa.Engine) -> Callable[..., Registration]:
    """Register a file as a process does that has not registered it before."""

    def register(path: Path, *, before: Registration | None = None, run: Any = None, **options: Any) -> Registration:
        return rows.register(requests.look_at(Location(path, "test"), **options), before=before, run=run)

    return register


@pytest.fixture
def registry(tmp_path: Path) -> str:
    """Give the URL of a registry that is not there yet."""
    return f"sqlite:///{tmp_path / 'registry.db'}"


@pytest.fixture
def run(folder: Path, environment: dict[str, str], registry: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a Python program as from a shell in *folder*, with an empty registry of its own."""

    def run(*command: str, cwd: Path = folder, **extra: str) -> subprocess.CompletedProcess[str]:
        env = environment | {"LN_JUPYTER_URL": registry, "PWD": str(cwd)} | ALONE | extra
        return subprocess.run(
            [sys.executable, *map(os.fspath, command)],
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run
