"""What whoever runs a cell is told beside its results: a bar while they wait, and quiet remarks that the shell asks for."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from ln_jupyter import sanitize, settings
from ln_jupyter.environment import kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST = 8
"""How many remarks wait at most; where nobody asks, as in a script, more would only pile up."""


PATIENCE = 1.0
"""Seconds after which whoever waits is shown a bar."""


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


def suggest_tables() -> None:
    """Have a shell without the extension say once, below a cell that shows records, what shows them as tables."""
    shell = kernel.shell()
    if shell is None or _tables.suggested or _is_loaded(shell):
        return
    _tables.suggested = True

    def look(result: Any) -> None:
        shell.events.unregister("post_run_cell", look)
        shown = getattr(result, "result", None)  # None of a cell that Ctrl-C has ended
        first = shown[0] if isinstance(shown, list) and shown else shown
        if not hasattr(type(first), "_sa_class_manager"):
            _tables.suggested = False  # the next select may be shown
        elif settings.gives_advice() and not _is_loaded(shell):
            sanitize.write_line("%load_ext ln_jupyter, or ln.header(), shows records as tables")

    shell.events.register("post_run_cell", look)


class _Tables:
    suggested = False
    """Whether it was said in this process, or a cell is about to end that may show records."""


_tables = _Tables()


def _is_loaded(shell: Any) -> bool:
    return "ln_jupyter" in shell.extension_manager.loaded


@contextlib.contextmanager
def progress(doing: str, total: int, *, unit: str = " rows") -> Iterator[Callable[[int], object]]:
    """Show a bar while something takes longer than a second, where somebody sees it: in a notebook or a terminal.

    Args:
        doing: What is done, in a word.
        total: How much there is to do.
        unit: In what that is counted.

    Yields:
        What is called with how much was done since it was called before.
    """
    bar = _Bar(doing, total, unit)
    try:
        yield bar.advance
    finally:
        bar.close()


class _Bar:
    """A bar that appears when somebody has waited."""

    def __init__(self, doing: str, total: int, unit: str) -> None:
        self._doing, self._total, self._unit = doing, total, unit
        self._done = 0
        self._since = time.monotonic()
        self._shown: Any = None

    def advance(self, done: int) -> None:
        """Count what was done."""
        self._done += done
        if self._shown is not None:
            self._shown.update(done)
        elif self._done < self._total and time.monotonic() - self._since > PATIENCE and _is_seen():
            from tqdm.auto import tqdm  # here for cost: little takes so long

            self._shown = tqdm(
                desc=self._doing, total=self._total, initial=self._done, unit=self._unit, unit_scale=True, leave=False
            )

    def close(self) -> None:
        """Take the bar away: what was done is said by who did it."""
        if self._shown is not None:
            self._shown.close()


def _is_seen() -> bool:
    """Say whether somebody looks at stderr, and no file gets it."""
    try:
        return kernel.current() is not None or sys.stderr.isatty()
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False
