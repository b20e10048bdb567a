"""Ctrl-C waits for the end of an import: SQLAlchemy's modules stay broken when their first one is broken off."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back in a block that imports; what it would have done is done at the end.

    Example:
        >>> with uninterrupted():
        ...     import sqlalchemy.orm
    """
    handler = signal.getsignal(signal.SIGINT)
    # None: not Python's to put back. Only the main thread gets signals, and may say what they do.
    if handler is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    held = list[int]()
    signal.signal(signal.SIGINT, lambda number, _frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            signal.raise_signal(signal.SIGINT)
