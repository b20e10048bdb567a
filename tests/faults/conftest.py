"""How long the faults go on, and the databases that many processes share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ln_jupyter import settings
from ln_jupyter.db import engines
from tests.faults import uses
from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa

    from tests.ipython.kernel_driver import Kernel

LEVELS = ("read committed", "repeatable read", "serializable")
"""The last is what engines that are distributed over many machines work at."""


@pytest.fixture(scope="session")
def times(request: pytest.FixtureRequest) -> int:
    """Give how many times as long as usual the faults go on: 20 with ``--faults-full``, else 1."""
    return 20 if request.config.getoption("--faults-full") else 1


@pytest.fixture(scope="session")
def many(request: pytest.FixtureRequest) -> int:
    """Give how many processes come at once: 32 with ``--faults-full``, else 8."""
    return 32 if request.config.getoption("--faults-full") else 8


@pytest.fixture(params=["sqlite", *(pytest.param(level, marks=pytest.mark.postgres) for level in LEVELS)])
def shared_url(request: pytest.FixtureRequest) -> Iterator[sa.URL]:
    """Give an empty SQLite file, and an empty PostgreSQL database at each of its isolation levels."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    level = request.param.replace(" ", r"\ ")
    options = {"options": f"-c default_transaction_isolation={level}"}
    url = request.getfixturevalue("postgres_url").update_query_dict(options)
    yield url
    engines.dispose(url)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Give a kernel that each test connects to a file of its own."""
    with kernel_driver.start(tmp_path_factory.mktemp("kernel"), uses.SETUP) as kernel:
        yield kernel


@pytest.fixture
def file(tmp_path: Path, kernel: Kernel) -> Iterator[Path]:
    """Name a file in a folder of its own, that the kernel is connected to; it is not there yet."""
    folder = tmp_path / "lab"
    folder.mkdir()
    uses.connect(kernel, settings.sqlite_url(folder / "registry.db"))
    yield folder / "registry.db"
    uses.connect(kernel, "sqlite://")
    if folder.is_dir():
        folder.chmod(0o700)  # for whoever deletes it


@pytest.fixture
def registry(file: Path, kernel: Kernel) -> Path:
    """Give the file of a registry that the kernel has used."""
    done = kernel.run("_ = ln.add(lns.Run(name='before')); ln.header(id='Rx2s9cPTMQLY', name='Growth')")
    assert done.status == "ok", done.traceback
    return file
