"""While a file is locked no run can be heard, and none becomes lost by it."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db.sqlite import lock_owner
from ln_jupyter.schema import lost
from ln_jupyter.schema.types import utcnow
from tests.faults import processes

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

pytestmark = pytest.mark.skipif(not lock_owner._LOCKS.exists(), reason="only Linux says who holds a lock")


def make_run(url: sa.URL) -> None:
    """Make a run that was heard just before now, long enough ago to be lost, and let the last commit be as old."""
    heard_at = utcnow() - lost.AFTER - dt.timedelta(seconds=20)
    ln.add(lns.Run(name="long", started_at=heard_at, heard_at=heard_at))
    for file in (Path(url.database or ""), Path(f"{url.database}-wal")):
        os.utime(file, (heard_at.timestamp() + 10,) * 2)


def states() -> tuple[str | None, list[str | None]]:
    """Say the state as the record and as statements have it."""
    return ln.select(lns.Run, name="long").one().state, ln.select(lns.Run.state).all()


def lock(tell: Callable[[object], None], url: str) -> None:
    """Hold the lock of a file until it is told to go on."""
    import threading

    with ln.Session(url) as ss:
        ss.add(lns.Run(name="other"))
        ss.orm.flush()
        tell("locked")
        threading.Event().wait()


def test_a_run_is_not_lost_by_a_lock(sqlite_url: sa.URL) -> None:
    """It reads as running while another process holds the lock, and as lost afterwards."""
    ln.connect(sqlite_url)
    make_run(sqlite_url)
    before = states()

    with processes.Process(lock, str(sqlite_url)) as process:
        process.wait_until_ready().go()
        assert "locked" == process.next()
        while_locked = states()

    assert (("lost", ["lost"]), ("running", ["running"])) == (before, while_locked)
    assert ("lost", ["lost"]) == states()
    ln.connect()


def test_a_run_is_not_lost_by_its_own_block(sqlite_url: sa.URL) -> None:
    """A block that has written and goes on working keeps its own run from being heard, not from running."""
    ln.connect(sqlite_url)
    make_run(sqlite_url)

    with ln.Session() as ss:
        ss.add(lns.Run(name="other"))
        ss.orm.flush()
        with ln.Session(sqlite_url) as beside:
            found = beside.select(lns.Run, name="long").one().state

    assert "running" == found
    ln.connect()
