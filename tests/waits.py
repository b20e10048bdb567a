"""Waiting for a lock as an event: whoever wants to know is told when somebody waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Stands for the module `time` in `locks`, and calls once, when a wait for SQLite's lock goes on."""

    def __init__(self, on_wait: Callable[[], object]) -> None:
        self.monotonic = time.monotonic
        self._on_wait: Callable[[], object] | None = on_wait

    def sleep(self, seconds: float) -> None:
        """Tell, then sleep."""
        if (tell := self._on_wait) is not None:
            self._on_wait = None
            tell()
        time.sleep(seconds)


def until(is_so: Callable[[], object]) -> None:
    """Wait for what happens beside the test, and tells nobody."""
    deadline = time.monotonic() + kernel_driver.TIMEOUT
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def for_waiter(database: sa.Engine) -> None:
    """Wait until somebody waits for a lock of a PostgreSQL database."""
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    stranger = sa.create_engine(database.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with stranger.connect() as connection:
        until(lambda: connection.scalar(waiting))
