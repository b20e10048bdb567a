"""Signals that end a process: its last moment is used, and then it ends as it would have."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ENDING = [found for name in ("SIGTERM", "SIGHUP") if (found := getattr(signal, name, None)) is not None]


def watch(end: Callable[[str], None]) -> None:
    """Call *end* with the name of a signal that is about to end this process; what others handle or ignore stays theirs.

    Python answers a signal between two of its own steps: a process that is deep in compiled code answers later.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    pid = os.getpid()

    def answer(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        try:
            if os.getpid() == pid:  # a fork has it from its parent
                end(signal.Signals(number).name)
        finally:
            os.kill(os.getpid(), number)

    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, answer)
