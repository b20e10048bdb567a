"""What the workers of multiprocessing, concurrent.futures and joblib open, handed to the process that started them.

A worker writes a line for each path that is new to it, at once: a pool ends its workers by a signal, and says so to nobody.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import tempfile
from typing import TYPE_CHECKING, Any

from ln_jupyter.files import audit
from ln_jupyter.files.events import Event
from ln_jupyter.files.wrapping import imports

if TYPE_CHECKING:
    from types import ModuleType

_log = logging.getLogger(__name__)

_CODE = (".py", ".pyc", ".so", ".pyd", ".pth")
_SPAWNING = ("multiprocessing.spawn", "joblib.externals.loky.backend.spawn", "loky.backend.spawn")
_KEY = "ln_jupyter"
_PREFIX, _SUFFIX = "ln_jupyter-files-", ".lines"


class _Lines:
    """Stands in a worker where the list of what was noted is elsewhere, and sends it."""

    def __init__(self, descriptor: int, cell: float | None) -> None:
        self._descriptor, self._cell = descriptor, cell

    def __len__(self) -> int:
        return 0

    def append(self, noted: tuple[Any, ...]) -> None:
        path, access, via, at = noted[:4]
        before, target = noted[6:] or (None, "")
        if access == audit.PROCESS or path.endswith(_CODE):
            return
        absolute = path if "://" in path else os.path.abspath(path)  # noqa: PTH100 - as everywhere here, a text
        new = os.path.abspath(target) if target else ""  # noqa: PTH100
        line = json.dumps([absolute, access, via, at, self._cell, before, new])
        os.write(self._descriptor, f"{line}\n".encode())


class Inbox:
    """Where the workers of this process write; there is a file as soon as there may be one."""

    def __init__(self) -> None:
        self.path = ""
        self._pid = os.getpid()
        self._read = 0
        self._rest = b""

    def open(self) -> str:
        """Make the file, if it is not there."""
        if not self.path or self._pid != os.getpid():
            _remove_left_behind()
            descriptor, self.path = tempfile.mkstemp(prefix=f"{_PREFIX}{os.getpid()}-", suffix=_SUFFIX)
            os.close(descriptor)
            self._pid, self._read, self._rest = os.getpid(), 0, b""
        return self.path

    def take(self) -> list[Event]:
        """Return what workers have sent since the last time."""
        if not self.path or self._pid != os.getpid():
            return []
        try:
            with open(self.path, "rb") as file:  # noqa: PTH123
                file.seek(self._read)
                sent = file.read()
        except OSError:
            return []
        self._read += len(sent)
        *lines, self._rest = (self._rest + sent).split(b"\n")
        return [event for line in lines if (event := _event(line)) is not None]

    def close(self) -> None:
        """Remove the file."""
        if self.path and self._pid == os.getpid():
            with contextlib.suppress(OSError):
                os.unlink(self.path)  # noqa: PTH108
        self.path = ""


INBOX = Inbox()
"""Of this process."""


def _remove_left_behind() -> None:
    """Remove the files of processes that were killed."""
    with contextlib.suppress(OSError):
        for name in os.listdir(tempfile.gettempdir()):  # noqa: PTH208 - a text
            pid = name.removeprefix(_PREFIX).partition("-")[0]
            if name.startswith(_PREFIX) and name.endswith(_SUFFIX) and pid.isdecimal() and not _is_running(int(pid)):
                os.unlink(os.path.join(tempfile.gettempdir(), name))  # noqa: PTH108, PTH118


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _event(line: bytes) -> Event | None:
    try:
        path, access, via, at, cell, before, target = json.loads(line)
        return Event(path, access, via, at, cell, None if before is None else tuple(before), target)
    except (ValueError, TypeError):  # cut short: the worker was killed
        return None


def watch() -> None:
    """Let the workers that are started from here on tell what they open."""
    imports.when_imported("multiprocessing.util", _see_forks)
    for name in _SPAWNING:
        imports.when_imported(name, _see_spawning)


def _see_forks(module: ModuleType) -> None:
    INBOX.open()
    _watch_forks(module)


def _see_spawning(module: ModuleType) -> None:
    INBOX.open()
    _watch_spawning(module)


def begin(path: str, cell: float | None, *, is_new: bool) -> None:
    """Tell from here on what this worker opens; called in it.

    Args:
        path: Of the file to write to.
        cell: Of its parent, in which it was started.
        is_new: It is an interpreter of its own, and no fork, which has what wraps libraries.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)  # not made: where it is gone, nobody reads it
    except OSError:
        return
    audit.start()
    audit.LOG.raw = _Lines(descriptor, cell)
    if is_new:
        from ln_jupyter.files.wrapping import wrappers  # here for cost: not in the parent's first cell

        wrappers.install(audit.LOG.note)


@functools.cache
def _watch_forks(module: ModuleType) -> None:
    module.register_after_fork(audit.LOG, _begin_in_fork)


def _begin_in_fork(log: audit.Log) -> None:
    if INBOX.path:
        begin(INBOX.path, log.cell_of_parent, is_new=False)


class _Beginning:
    """Unpickled in a worker, it begins to tell there; where that fails, nothing happens."""

    def __init__(self, path: str, cell: float | None) -> None:
        self._words = path, cell

    def __reduce__(self) -> Any:
        source = (
            "try:\n"
            "    from ln_jupyter.files import workers\n"
            f"    workers.begin(*{self._words!r}, is_new=True)\n"
            "except Exception:\n"
            "    pass\n"
        )
        return exec, (source, {})


@functools.cache
def _watch_spawning(module: ModuleType) -> None:
    original = module.get_preparation_data

    @functools.wraps(original)
    def get_preparation_data(*args: Any, **kwargs: Any) -> Any:
        data = original(*args, **kwargs)
        try:
            if audit.LOG.is_on and INBOX.path:
                data[_KEY] = _Beginning(INBOX.path, audit.LOG.cell)
        except Exception:  # noqa: BLE001 - a worker begins without it
            _log.debug("a worker is not watched", exc_info=True)
        return data

    module.get_preparation_data = get_preparation_data  # type: ignore[attr-defined]
