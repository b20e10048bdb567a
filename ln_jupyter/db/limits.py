"""How long an answer of a server is waited for: as long as it takes for a user's statement, and not so for one of ours."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_SECONDS = 30.0
"""How long a writer waits for another one."""

USUAL_SECONDS = 40.0
"""Longer than a lock is waited for."""

LONG_SECONDS = 3600.0
"""For what changes tables, or many rows at once."""

PING_SECONDS = 5.0
"""For a connection that is asked whether it is alive, before it is used again."""

_EARLIER = 5.0
"""So much earlier the server ends a statement by itself: it says why, and goes on."""

_silence: ContextVar[float | None] = ContextVar("ln_jupyter_silence", default=None)


@contextlib.contextmanager
def bounded(seconds: float | None = None) -> Iterator[None]:
    """Let each statement of a block end, whatever becomes of the server and of the network.

    Args:
        seconds: So long may the server be silent; as usual, if None.
    """
    token = _silence.set(USUAL_SECONDS if seconds is None else seconds)
    try:
        yield
    finally:
        _silence.reset(token)


def of_silence() -> float | None:
    """Return the seconds that a server may be silent before its connection is given up; None for as long as it likes."""
    return _silence.get()


def of_statement() -> float | None:
    """Return the seconds after which the server is to end a statement of a transaction; None where it need not."""
    seconds = _silence.get()
    return None if seconds is None else max(seconds - _EARLIER, 1.0)
