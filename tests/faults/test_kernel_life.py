"""Kernels end in every way there is: the registry stays whole, the run says what is known, the next kernel works."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from tests.faults.processes import Process
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import sqlalchemy as sa

    Tell = Callable[[Any], None]

pytestmark = pytest.mark.newest  # what is proven is of no library's version

DEATHS = {
    "os._exit": ("os._exit(3)", 3),
    "exec": ("os.execv('/bin/true', ['true'])", 0),
    "abort": ("os.abort()", -signal.SIGABRT),
    "segmentation fault": ("os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV),
    "out of memory": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),  # as Linux ends it
}


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    ln.connect()


def live(tell: Tell, url: sa.URL, notebook: str, last: str) -> None:
    """Be a kernel that saves in one cell, and does in the next what is asked for."""
    ln.connect(url)
    shell = InteractiveShell.instance()  # type: ignore[no-untyped-call]
    shell.run_cell(
        "import os, signal\nimport ln_jupyter as ln\nimport ln_jupyter.schema as lns\n"
        f"ln.header(filepath={notebook!r})\nrun_id = ln.nb.run.id"
    )
    shell.run_cell("%%ln_session\nln.add(lns.Pipeline(name='saved', v='1'))")
    tell(shell.user_ns["run_id"])
    shell.run_cell(f"%%ln_session\nln.add(lns.Pipeline(name='unsaved', v='1'))\n{last}")


def is_whole(url: sa.URL) -> bool:
    """Let SQLite check the file, and look for what a next process could stumble over."""
    with closing(sqlite3.connect(url.database or "")) as driver:
        return bool(driver.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


@pytest.mark.parametrize("death", DEATHS)
def test_a_death_in_a_cell(sqlite_url: sa.URL, tmp_path: Path, death: str) -> None:
    """What was saved is there, what was not is not, the run has no end, and the notebook is run again at once."""
    notebook = str(notebooks.write(tmp_path / "n.ipynb"))
    code, exit_code = DEATHS[death]
    with Process(live, sqlite_url, notebook, code) as kernel:
        kernel.wait_until_ready().go()
        (run_id,) = kernel.rest()
        assert exit_code == kernel.exit_code()

    assert is_whole(sqlite_url)
    with Process(live, sqlite_url, notebook, "pass") as kernel:
        kernel.wait_until_ready().go()
        (next_id,) = kernel.rest()
    ln.connect(sqlite_url)
    dead, following = (ln.select(lns.Run, id=each).one() for each in (run_id, next_id))
    assert ["saved", "saved", "unsaved"] == sorted(each.name or "" for each in ln.select(lns.Pipeline).all())
    assert (None, dead.notebook_id) == (dead.finished_at, following.notebook_id)


def test_a_child_that_lives_on(sqlite_url: sa.URL, tmp_path: Path) -> None:
    """A child that a cell forks, and that ends as a whole program does, neither saves nor ends the kernel's run."""
    notebook = str(notebooks.write(tmp_path / "n.ipynb"))
    fork = (
        "pid = os.fork()\nif not pid:\n    raise SystemExit(7)\ncode = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"
    )
    with Process(live, sqlite_url, notebook, f"{fork}\nos._exit(0)") as kernel:
        kernel.wait_until_ready().go()
        run_id = kernel.rest()[0]

    ln.connect(sqlite_url)
    assert ["saved"] == [each.name for each in ln.select(lns.Pipeline).all()]
    assert ln.select(lns.Run, id=run_id).one().finished_at is None
    assert is_whole(sqlite_url)


def register(tell: Tell, notebook: str) -> None:
    """Register in a home that cannot be written."""
    try:
        ln.header(filepath=notebook)
    except errors.LnJupyterError as error:
        tell((type(error).__name__, str(error), error.fix))


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="a folder where nobody may write, root neither")
def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    """Where the data folder cannot be made, the error names it, and what to set instead."""
    notebook = str(notebooks.write(tmp_path / "n.ipynb"))
    home = {"HOME": "/proc/home", "XDG_DATA_HOME": "/proc/home/data", "LN_JUPYTER_URL": ""}
    with Process(register, notebook, environment=home) as process:
        process.wait_until_ready().go()
        ((kind, said, fix),) = process.rest()

    assert "DatabaseUnavailableError" == kind
    assert said.startswith("/proc/home/data/ln_jupyter cannot be made: ")
    assert "LN_JUPYTER_URL" in fix
