"""Saves one row after the other while servers come and go, and does what each error advises."""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import TYPE_CHECKING, NamedTuple

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Tell = Callable[[object], None]

_SETUP = """\
import ln_jupyter as ln, ln_jupyter.schema as lns
%load_ext ln_jupyter
ln.connect({!r})
ln.header(id={!r}, name='Stubborn')
"""


class Try(NamedTuple):
    """What became of one try to save a run.

    Attributes:
        name: Of the run; each try has its own.
        seconds: How long it took.
        error: What was said with the fix; None if nothing failed.
        is_saved: Whether it is saved: as nothing failed, or as was found when the error said to look.
    """

    name: str
    seconds: float
    error: str | None
    is_saved: bool

    @property
    def may_be_saved(self) -> bool:
        """Whether the error says to look."""
        return self.error is not None and "look whether it was saved before you run this again" in self.error


def write(tell: Tell, url: str, who: str, end: Path) -> None:
    """Add runs until there is a file *end*."""

    def add(name: str) -> str | None:
        try:
            ln.add(lns.Run(name=name))
        except errors.DatabaseError as error:
            return f"{error}; fix: {error.fix}"
        return None

    _save_all(tell, url, who, end, add)


def work(tell: Tell, url: str, notebook_id: str, end: Path, magic: str) -> None:
    """Be the front end of a kernel, of which each cell adds a run, until there is a file *end*.

    Args:
        tell: Is told of each try.
        url: Of the registry.
        notebook_id: Of the notebook.
        end: Ends it.
        magic: What each of these cells begins with, or, if it is no magic of cells, a second cell of its own.
    """
    second, each = ("pass", magic) if magic.startswith("%%") else (magic, "")

    def execute(name: str) -> str | None:
        done = kernel.run(f"{each}\nln.add(lns.Run(name={name!r}))".strip())
        return None if done.status == "ok" else done.traceback

    with kernel_driver.start(end.parent, _SETUP.format(url, notebook_id)) as kernel:
        kernel.run(second)
        _save_all(tell, url, notebook_id, end, execute)
        kernel.manager.shutdown_kernel()


def _save_all(tell: Tell, url: str, who: str, end: Path, save: Callable[[str], str | None]) -> None:
    ln.connect(url)
    for number in itertools.count():
        if end.exists():
            return
        for turn in itertools.count():
            name, began = f"{who} {number}.{turn}", time.monotonic()
            tried = Try(name, 0.0, error := save(name), error is None)._replace(seconds=time.monotonic() - began)
            if tried.may_be_saved:
                tried = tried._replace(is_saved=_is_saved(name))
            tell(tried)
            if tried.is_saved:
                break


def _is_saved(name: str) -> bool:
    while True:
        with contextlib.suppress(errors.DatabaseError):
            return ln.select(lns.Run, name=name).exists()


def summary(tries: Iterable[Try]) -> str:
    """Say in a line what docs/scale.md tells."""
    tries = list(tries)
    failed = [each for each in tries if each.error is not None]
    return (
        f"{sum(each.is_saved for each in tries)} rows were saved, {len(failed)} tries failed, "
        f"{sum(each.may_be_saved for each in failed)} of them may have saved, "
        f"the slowest took {max((each.seconds for each in failed), default=0.0):.1f} s"
    )
