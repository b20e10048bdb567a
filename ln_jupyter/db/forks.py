"""A fork leaves its parent's connections alone: it shares their sockets and locks."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

_engines: weakref.WeakSet[sa.Engine] = weakref.WeakSet()
_of_parents: list[sa.Pool] = []


class Lock:
    """Lets one thread in at a time, and again; a fork finds it free, whoever of its parent's threads held it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._pid = os.getpid()

    def __enter__(self) -> None:
        if self._pid != os.getpid():
            self._lock, self._pid = threading.RLock(), os.getpid()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def leave_connections(engine: sa.Engine) -> None:
    """Let each fork of this process begin with an empty pool.

    Refusing a connection when it is taken from the pool would be too late: the pool has asked
    it by then whether it is alive, and so have other forks, on the same socket.
    """
    _engines.add(engine)
    _watch()


@functools.cache
def _watch() -> None:
    if hasattr(os, "register_at_fork"):  # Windows has no forks
        os.register_at_fork(after_in_child=_begin_anew)


def _begin_anew() -> None:
    for engine in list(_engines):
        _of_parents.append(engine.pool)  # closing its connections, as their end would, acts on the parent's
        engine.dispose(close=False)
