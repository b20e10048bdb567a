"""The cells that a shell runs, noted as they run: by IPython's own events, and a few microseconds each."""

from __future__ import annotations

import datetime as dt
import os
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter.environment import clock
from ln_jupyter.environment import kernel as kernels
from ln_jupyter.files import audit
from ln_jupyter.ipython import cell_error
from ln_jupyter.ipython.session_cell import cell as cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from ln_jupyter.ipython.cell_error import CellError

_EXTENSION = "ln_jupyter"


class Execution(NamedTuple):
    """One execution of one cell.

    Attributes:
        cell_id: What the front end calls the cell; None where it does not say.
        source: What ran.
        began: Seconds since 1970; 0 where it ran before anybody took note.
        seconds: How long it took; None while it runs.
        ok: Whether it ended without an error; None while it runs.
        error: What it ended with.
        may_fail: Whoever ran it goes on after an error: the cell is tagged so, or the runner allows errors.
    """

    cell_id: str | None
    source: str
    began: float = 0.0
    seconds: float | None = None
    ok: bool | None = None
    error: CellError | None = None
    may_fail: bool = False

    @property
    def started_at(self) -> dt.datetime:
        """When it began."""
        return dt.datetime.fromtimestamp(self.began, dt.UTC)

    @property
    def ended_at(self) -> dt.datetime:
        """When it ended; when it began where it runs."""
        return self.started_at + dt.timedelta(seconds=self.seconds or 0.0)


class _Running(NamedTuple):
    info: Any
    cell_id: str | None
    source: str
    is_kept: bool
    began: float
    clock: float

    @property
    def execution(self) -> Execution:
        """The same, for others."""
        return Execution(self.cell_id, self.source, self.began)


class CellLog:
    """Every cell that a shell has run, in order: what a front end asks silently is none.

    Args:
        shell: IPython's shell, in which a cell is running.
        on_change: Called when a cell has begun, and when it has ended, in the cell's thread.
    """

    def __init__(self, shell: Any, on_change: Callable[[], None]) -> None:
        self.executed: list[Execution] = []
        """What has ended, since `header()` first ran."""
        self.earlier = [Execution(None, source) for source in _history(shell)[1:-1]]
        """What ran before, of which only the source is known."""
        self.is_edited = False
        """Whether people edit the notebook, and not a program runs it from top to bottom; of a terminal nobody can say."""
        self._shell = shell
        self._on_change = on_change
        self._pid = os.getpid()
        # By thread: a kernel's subshells run cells beside each other. The last of a list is the innermost.
        self._running: dict[int, list[_Running]] = {}
        self.attach()

    def attach(self) -> None:
        """Take note from the running cell on, if that is not done already."""
        if self.follows(self._shell):
            return
        shell, kernel = self._shell, kernels.current()
        if kernel is not None:
            self.is_edited = not kernel.is_headless
        self._running.clear()
        cell_id = kernel.cell_id or None if kernel is not None else None
        self._push(None, cell_id, _history(shell)[-1], is_kept=True)
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)

    @property
    def is_of_kernel(self) -> bool:
        """Whether it is the log of a kernel, and not of a terminal."""
        return getattr(self._shell, "kernel", None) is not None

    @property
    def running(self) -> Execution | None:
        """The cell that runs the caller."""
        running = self._running.get(threading.get_ident())
        return None if not running else running[0].execution

    @property
    def all_running(self) -> list[Execution]:
        """The cells that run now, in whatever thread: a kernel's subshells run some beside each other."""
        return [each[0].execution for each in list(self._running.values()) if each and each[0].is_kept]

    def follows(self, shell: Any) -> bool:
        """Return whether it takes note of what this shell runs, in this process."""
        is_called = self._end in shell.events.callbacks["post_run_cell"]
        return is_called and shell is self._shell and os.getpid() == self._pid

    def stop(self) -> None:
        """Take note of nothing any more."""
        for event, callback in (("pre_run_cell", self._begin), ("post_run_cell", self._end)):
            if callback in self._shell.events.callbacks[event]:
                self._shell.events.unregister(event, callback)

    def _begin(self, info: Any) -> None:
        if _EXTENSION not in self._shell.extension_manager.loaded:  # since `%unload_ext`
            self.stop()
        else:
            if cells.current() is None:
                self._give_up()
            cell_id = getattr(info, "cell_id", None)
            self._push(info, cell_id, info.raw_cell, is_kept=info.store_history)
            if info.store_history:
                self._on_change()

    def _give_up(self) -> None:
        """End a cell whose end was never told, as where Ctrl-C came twice; the one that began this log ran unknown."""
        running = self._running.get(threading.get_ident())
        if running and running[0].info is not None:
            del running[1:]
            self._note(running.pop(), None)

    def _push(self, info: Any, cell_id: str | None, source: str, *, is_kept: bool) -> None:
        entry = _Running(info, cell_id, source, is_kept, clock.seconds(), clock.elapsed())
        running = self._running.setdefault(threading.get_ident(), [])
        if not running and audit.LOG.is_on:
            audit.LOG.begin_cell(entry.began)
        running.append(entry)

    def _end(self, result: Any) -> None:
        running = self._running.get(threading.get_ident())
        if not running or os.getpid() != self._pid:
            return
        if result is not None and not result.info.raw_cell.strip():
            return  # of an empty cell, which has begun nothing
        entry = running.pop()  # IPython names it by another object where its error could not be shown
        if not running:
            if audit.LOG.is_on:
                audit.LOG.end_cell()
            self._note(entry, result)

    def _note(self, entry: _Running, result: Any) -> None:
        if entry.is_kept:
            seconds = clock.elapsed() - entry.clock
            ok = result is not None and result.success
            raised = None if ok or result is None else result.error_before_exec or result.error_in_exec
            error = None if raised is None else cell_error.of_exception(raised)
            may_fail = error is not None and kernels.goes_on_after_error(self._shell)
            ended = entry.execution._replace(seconds=seconds, ok=ok, error=error, may_fail=may_fail)
            self.executed.append(ended)
            self._on_change()


def is_known(shell: Any) -> bool:
    """Return whether the shell tells of the cell that runs: of the cells of a file given to `ipython` it does not."""
    return bool(_history(shell)[-1])


def _history(shell: Any) -> list[str]:
    """Return what was executed and stored, the running cell last; the first is empty."""
    return getattr(shell.history_manager, "input_hist_raw", None) or [""]
