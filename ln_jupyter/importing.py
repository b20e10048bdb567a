"""What an import asks of a package, and Ctrl-C during one: SQLAlchemy's modules stay broken when their first one is."""

from __future__ import annotations

import contextlib
import importlib.machinery
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


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


def is_asked_for(package: ModuleType, name: str) -> bool:
    """Return whether a *name* that a package does not have is one that an import or a tool looks for, and no mistake.

    ``from package import module`` looks for the attribute first.

    Example:
        >>> import ln_jupyter
        >>> [is_asked_for(ln_jupyter, name) for name in ("errors", "__wrapped__", "headr")]
        [True, True, False]
    """
    path = getattr(package, "__path__", None)
    return name.startswith("_") or (
        path is not None and importlib.machinery.PathFinder.find_spec(f"{package.__name__}.{name}", path) is not None
    )
