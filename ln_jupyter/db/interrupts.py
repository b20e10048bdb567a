"""Ctrl-C ends a wait for the database, also in a cell with ``await``."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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
