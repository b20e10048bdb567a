"""Ctrl-C ends a wait for the database, also in a cell with ``await``, and a statement that SQLite works on."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEPS = 100_000
"""Steps of SQLite's machine between two chances for Ctrl-C: a millisecond or two."""


def let_in(driver: sqlite3.Connection) -> None:
    """Let Ctrl-C end whatever statement a connection works on; `is_by_ctrl_c` tells its error."""
    driver.set_progress_handler(_nothing, _STEPS)


def is_by_ctrl_c(error: BaseException) -> bool:
    """Return whether Ctrl-C ended a statement: sqlite3 swallows what is raised while it works."""
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT


def _nothing() -> None:
    """Be Python code, which is where a signal arrives."""


@contextlib.contextmanager
def allowed() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt at once in a block that stops an event loop.

    ipykernel, in a cell with ``await``, and `asyncio.run` let Ctrl-C cancel a task. That
    happens when their loop goes on, and it does not before the block ends.
    """
    if not _stops_a_loop_that_handles_ctrl_c():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _stops_a_loop_that_handles_ctrl_c() -> bool:
    if threading.current_thread() is not threading.main_thread():  # no other one gets signals
        return False
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_DFL, signal.SIG_IGN, None):
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
