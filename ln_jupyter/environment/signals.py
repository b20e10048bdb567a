"""Signals that end a process: its last moment is used, and then it ends as it would have."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from ln_jupyter.environment import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_ENDING = [found for name in ("SIGTERM", "SIGHUP") if (found := getattr(signal, name, None)) is not None]

_watching: tuple[int, Callable[[str], None]] | None = None
"""The process that is watched, which a fork of it is not, and what is called at its end."""


def watch(end: Callable[[str], None]) -> None:
    """Call *end* with the name of a signal that is about to end this process; what others handle or ignore stays theirs.

    A worker that has nothing to do is ended by its pool so, and well: then there is no name.
    Python answers a signal between two of its own steps: a process that is deep in compiled code answers later.
    """
    global _watching  # noqa: PLW0603 - one process has one handler
    if threading.current_thread() is not threading.main_thread():
        return
    _watching = os.getpid(), end
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _answer)


def _answer(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    try:
        if _watching is not None and _watching[0] == os.getpid():
            _watching[1]("" if process.is_idle(frame) else signal.Signals(number).name)
    finally:
        os.kill(os.getpid(), number)
