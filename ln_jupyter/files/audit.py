"""What this process opens, by an audit hook that only takes note, and in which cell.

Python calls the hook before it opens a file, and offers no way to take it back: what it raised would stand in the
place of the file. So it asks the system for nothing, and whatever is raised in it is kept for one line of the log.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from ln_jupyter.files.access import READ, UPDATE, WRITE
from ln_jupyter.files.fence import Fence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ln_jupyter.files.events import Event, Stat

_log = logging.getLogger(__name__)

RENAME, SCRATCH, PROCESS = 3, 4, 5
"""What else is noted beside an access: a new name, a name that `tempfile` made, a process that was started."""

MOST = 50_000
"""What is noted between two looks; more is counted."""

_WAYS = os.O_WRONLY | os.O_RDWR | os.O_TRUNC | os.O_EXCL
_PROCESSES = frozenset(
    {"subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn"}
)
_OTHERS = _PROCESSES | {"os.rename", "os.link", "os.chdir", "sqlite3.connect", "tempfile.mkstemp", "tempfile.mkdtemp"}

# In a tuple, where those do not find it who put another function in the place of Python's.
_CLOCK = (time.time,)


class Span:
    """What holds between two changes of folder or cell.

    Attributes:
        running: The cells that run, by the thread that runs them.
        threads: Those that were there at its beginning.
        folder: The working folder; None while it is the present one, or where it was deleted.
        known: The numbers of the threads.
        started: The threads that cells have started and that go on, each with its cell; None while nobody asked.
    """

    __slots__ = ("folder", "known", "running", "started", "threads")

    def __init__(self, running: dict[int, float], threads: list[threading.Thread]) -> None:
        self.running, self.threads = running, threads
        self.folder: str | None = None
        self.known: frozenset[int] = frozenset()
        self.started: dict[int, float] | None = None

    def follow(self, before: Span | None) -> None:
        """Find out which of the threads were started by cells, from what held before."""
        if self.started is not None:
            return
        self.known = frozenset(each.ident for each in self.threads if each.ident is not None)
        self.threads, self.started = [], {}
        for thread in self.known:
            if before is not None and thread not in before.running and (cell := before.cell_of(thread)) is not None:
                self.started[thread] = cell

    def cell_of(self, thread: int) -> float | None:
        """Return the cell to which a thread's work belongs."""
        if thread in self.running:
            return self.running[thread]
        if thread in self.known:
            return (self.started or {}).get(thread)
        return next(iter(self.running.values())) if len(self.running) == 1 else None


class Log:
    """What was noted since the last look.

    Attributes:
        is_on: Whether anything is noted.
        left_out: How much was not noted, for being too much.
        raw: What was noted: path, access, via, when, thread, epoch, and for some what was there before and a new name.
        read: Of this epoch.
        epoch: Counts the changes of cell and of folder.
    """

    def __init__(self) -> None:
        self.is_on = False
        self.silent: list[list[float]] = []
        """When threads did our own work: the thread, from when and until when."""
        self.cell_of_parent: float | None = None
        """The cell in which the process was forked."""
        self.left_out = 0
        self.problem: Exception | None = None
        self.is_reported = False
        self.forget()

    def forget(self) -> None:
        """Begin anew, as in a fork, which shares nothing with its parent's threads."""
        self.raw: Any = []  # in a worker what sends it
        self.read: set[str] = set()
        self.epoch = 0
        self._seen: set[tuple[Any, ...]] = set()
        self._spans: dict[int, Span] = {0: Span({}, [])}
        self._returned: list[Event] = []
        self._lock = threading.RLock()

    def note(self, path: str, access: int, via: str) -> None:
        """Take note of what a library is about to do."""
        if self.is_on:
            self.add(path, access, via, before=None if access == READ else _stat(path))

    def add(self, path: str, access: int, via: str, before: Stat | None = None, target: str = "") -> None:
        """Take note, if it is new and not too much."""
        thread = threading.get_ident()
        key = (path, access, target, via, thread, self.epoch)
        if key in self._seen:
            return
        if len(self.raw) >= MOST:
            self.left_out += 1
            return
        self._seen.add(key)
        self.raw.append((path, access, via, _CLOCK[0](), thread, key[-1], before, target))

    def give_up(self) -> None:
        """Forget what was noted last, for being too much."""
        self.left_out += 1
        self.raw.pop()

    def open(self, path: Any, flags: int) -> None:
        """Take note of what is not simply read."""
        if isinstance(path, int) or path is None:
            return
        name, way = os.fsdecode(path), flags & _WAYS
        access = READ if not way else UPDATE if way == os.O_RDWR else WRITE
        self.add(name, access, "open", before=None if access == READ else _stat(name))

    def other(self, event: str, args: tuple[Any, ...]) -> None:
        """Take note of an event that opens nothing by itself."""
        if event in _PROCESSES:
            self.add("", PROCESS, event)
        elif event == "os.chdir":
            self.change_folder()
        elif event == "sqlite3.connect":
            if path := _of_sqlite(os.fsdecode(args[0])):
                self.note(path, UPDATE, "sqlite3")
        elif event == "os.link":
            self.add(os.fsdecode(args[1]), WRITE, "open")
        elif event == "os.rename":
            new = os.fsdecode(args[1])
            self.add(os.fsdecode(args[0]), RENAME, "open", before=_stat(new), target=new)
        else:
            self.add(os.fsdecode(args[0]), SCRATCH, event)

    def begin_cell(self, cell: float) -> None:
        """Say that this thread begins to run a cell."""
        with Fence("a cell"), self._lock:
            self._turn({**self._spans[self.epoch].running, threading.get_ident(): cell})

    def end_cell(self) -> None:
        """Say that the cell of this thread has ended; threads that it has started go on as its own."""
        with Fence("a cell"), self._lock:
            running = dict(self._spans[self.epoch].running)
            running.pop(threading.get_ident(), None)
            self._turn(running)

    def change_folder(self) -> None:
        """Keep which folder relative paths were of, before another one takes its place."""
        with self._lock:
            self._keep_folder()
            self._turn(self._spans[self.epoch].running)

    @property
    def cell(self) -> float | None:
        """The cell that this thread's work belongs to."""
        with self._lock:
            self._follow()
            return self._spans[self.epoch].cell_of(threading.get_ident())

    def cell_at_fork(self) -> float | None:
        """Return the same in a fork, whose parent may have held the lock in a thread that is not there."""
        self._lock = threading.RLock()
        return self.cell

    def _follow(self) -> None:
        before = None
        for span in self._spans.values():
            span.follow(before)
            before = span

    def _turn(self, running: dict[int, float]) -> None:
        # twice in each cell: what can be found out behind it is
        self._spans[self.epoch + 1] = Span(running, threading.enumerate())
        self.epoch += 1
        self.read = set()

    def _keep_folder(self) -> None:
        """Say of all that was noted since the last change which folder it was in."""
        folder = _folder()
        for span in reversed(self._spans.values()):
            if span.folder is not None:
                break
            span.folder = folder

    def take(self) -> list[Event]:
        """Return what was noted since the last time, in its order."""
        from ln_jupyter.files.events import make_event  # here for cost: behind the cell

        with self._lock:
            end = len(self.raw)
            self._keep_folder()
            self._turn(self._spans[self.epoch].running)
            raw = self.raw[:end]
            del self.raw[:end]
            self._seen.clear()
            self._follow()
            spans = self._spans
            # what another thread notes just now is of the last one
            self._spans = {number: span for number, span in spans.items() if number >= self.epoch - 1}
            returned, self._returned = self._returned, []
        silent, now = list(self.silent), _CLOCK[0]()
        is_ours = [any(t == each[4] and start <= each[3] <= end for t, start, end in silent) for each in raw]
        noted = [make_event(spans, each) for each, ours in zip(raw, is_ours, strict=True) if not ours]
        self.silent = [each for each in self.silent if each[2] > now]
        if self.problem is not None and not self.is_reported:
            self.is_reported = True
            _log.warning("a file may be missing from the run: %s", type(self.problem).__name__)
            _log.debug("while a file was noted", exc_info=self.problem)
        return returned + [event for event in noted if event is not None]

    def give_back(self, events: list[Event]) -> None:
        """Let these be taken again, before others."""
        with self._lock:
            self._returned = events + self._returned


LOG = Log()
"""Of this process."""


def _hook(  # noqa: PLR0913, PLR0917 - as below
    event: str,
    args: tuple[Any, ...],
    log: Log = LOG,
    thread: Callable[[], int] = threading.get_ident,
    clock: Callable[[], float] = time.time,
    ways: int = _WAYS,
) -> None:
    # Called for each event of the interpreter: what it needs stands in its arguments, which are found fastest.
    if not log.is_on:
        return
    try:
        if event == "open":
            path, _, flags = args
            if flags & ways or type(path) is not str:
                log.open(path, flags)
                return
            read = log.read
            if path not in read:
                read.add(path)
                log.raw.append((path, 0, "open", clock(), thread(), log.epoch))
                if len(read) > MOST:
                    log.give_up()
        elif event in _OTHERS:
            log.other(event, args)
    except Exception as error:  # noqa: BLE001 - it would stand in the place of the user's file
        log.problem = error


def _of_sqlite(name: str) -> str:
    """Return the file of a database; empty where it is in memory."""
    if name.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        parts = urlsplit(name)
        return "" if "mode=memory" in parts.query else unquote(parts.path)
    return "" if name == ":memory:" else name


def _stat(path: str) -> Stat | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path would cost more than to ask
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - as above
    except OSError:  # it was deleted
        return None


_is_hooked = False


def start(cell: float | None = None) -> None:
    """Take note from here on.

    Args:
        cell: The one that runs in this thread.
    """
    global _is_hooked  # noqa: PLW0603 - a hook is there once, and for good
    if not _is_hooked:
        _is_hooked = True
        sys.addaudithook(_hook)
        if hasattr(os, "register_at_fork"):  # Windows has no forks
            os.register_at_fork(after_in_child=_fall_silent)
    if type(LOG.raw) is not list:  # in a worker that has a run of its own
        LOG.forget()
    if not LOG.is_on and cell is not None:
        LOG.begin_cell(cell)
    LOG.is_on = True


def stop() -> None:
    """Take note of nothing any more."""
    LOG.is_on = False
    LOG.forget()


def _fall_silent() -> None:
    cell = None
    with Fence("a worker"):
        cell = LOG.cell_at_fork() if LOG.is_on else None
    LOG.is_on = False
    LOG.forget()
    LOG.cell_of_parent = cell


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Let nothing be noted of what this thread does in a block, which is our own work."""
    thread = threading.get_ident()
    if not LOG.is_on or any(each[0] == thread and each[2] > _CLOCK[0]() for each in LOG.silent):
        yield
        return
    span = [thread, _CLOCK[0](), float("inf")]
    try:
        LOG.silent.append(span)
        yield
    finally:
        span[2] = _CLOCK[0]()
