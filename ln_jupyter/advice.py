"""Quiet remarks for whoever ran the cell, kept until the shell asks for them."""

from __future__ import annotations

import sys
import threading

from ln_jupyter import settings

MOST = 8
"""How many remarks wait at most; where nobody asks, as in a script, more would only pile up."""


class _Waiting(threading.local):
    def __init__(self) -> None:
        self.remarks: list[object] = []


_waiting = _Waiting()


def give(remark: object) -> None:
    """Leave a remark for this thread, unless the settings turn advice off.

    Args:
        remark: One line; what its ``str()`` says when it is taken, so that it may still be counting.
    """
    if sys.is_finalizing():  # nobody asks any more, and settings can no longer be read
        return
    if len(_waiting.remarks) < MOST and settings.gives_advice():
        _waiting.remarks.append(remark)


def take() -> tuple[str, ...]:
    """Return the remarks that were left for this thread, oldest first, and forget them.

    Example:
        >>> give("the write lock was held for 3.2 s")
        >>> take(), take()
        (('the write lock was held for 3.2 s',), ())
    """
    if not _waiting.remarks:
        return ()
    remarks, _waiting.remarks = _waiting.remarks, []
    return tuple(map(str, remarks))
