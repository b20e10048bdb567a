"""Who holds the write lock of a SQLite file: a line of this process, or another process of this machine."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter import callsite, errors
from ln_jupyter.db import error_translation

if TYPE_CHECKING:
    import sqlalchemy as sa


class Holder(NamedTuple):
    """Who of this process took a database's write lock last.

    Attributes:
        line: Of the user's code, that wrote first.
        since: On the monotonic clock.
    """

    driver: Any
    pid: int
    thread: int
    line: callsite.Line | None
    since: float

    @property
    def is_open(self) -> bool:
        """Whether it still holds the lock."""
        return self.pid == os.getpid() and self._is_in_transaction

    @property
    def was_open_at_fork(self) -> bool:
        """Whether it is of a process that this one was forked from, and held the lock at that moment."""
        return self.pid != os.getpid() and self._is_in_transaction

    @property
    def _is_in_transaction(self) -> bool:
        try:
            return bool(self.driver.in_transaction)
        except sqlite3.ProgrammingError:  # closed since
            return False


_holders: dict[object, Holder] = {}


def note(engine: sa.Engine, driver: object) -> Holder:
    """Remember that the running line has taken the lock, through a connection of the *driver*."""
    holder = Holder(driver, os.getpid(), threading.get_ident(), callsite.current(), time.monotonic())
    _holders[_file(engine)] = holder
    return holder


PARENT_SECONDS = 2.0
"""So long may a process that has forked this one go on to its commit; in most programs it waits for this one."""


def refuse_ourselves(engine: sa.Engine, waited: float) -> None:
    """Refuse to wait for a lock of who waits for us: that would never end.

    It is of this very thread, in another session; or of a session that was open when this
    process was forked.

    Args:
        engine: Of the database.
        waited: How long it was waited for, in seconds.

    Raises:
        DatabaseBusyError: With the line that wrote first.
    """
    holder = _holders.get(_file(engine))
    if holder is None:
        return
    if holder.is_open and holder.thread == threading.get_ident():
        msg = f"another session of this process holds the write lock of {error_translation.describe(engine.url)}"
        fix = "commit or close that session first, or do both in one `with ln.Session():`"
    elif holder.was_open_at_fork and waited > PARENT_SECONDS and find(engine.url.database or "") in (None, holder.pid):
        msg = f"the session in which this process was forked holds the write lock of {error_translation.describe(engine.url)}"
        fix = "commit that session before you fork, or return to its process what is to be added, and add it there"
    else:
        return
    raise errors.DatabaseBusyError(msg + _written_by(holder), fix=fix)


def busy(engine: sa.Engine, seconds: float) -> errors.DatabaseBusyError:
    """Say that the lock was not given for so long, and whom to look for."""
    msg = f"another session has held the write lock of {error_translation.describe(engine.url)} for {seconds:.0f} s"
    fix = "end the cell or kernel that holds it, then run this again"
    pid = None if engine.url.database is None else find(engine.url.database)
    holder = _holders.get(_file(engine))
    if pid is not None and pid != os.getpid():
        msg += f"; now it is {describe(pid)}"
        fix = f"interrupt or end process {pid}, then run this again"
    elif holder is not None and holder.is_open:
        msg += f"; now it is another thread of this process{_written_by(holder)}"
        fix = "commit or close its session, then run this again"
    elif pid is not None:
        msg += "; now it is this process, by a connection that is not of ln_jupyter"
        fix = "commit or close that connection, then run this again"
    return errors.DatabaseBusyError(msg, fix=fix)


def _written_by(holder: Holder) -> str:
    return "" if holder.line is None else f"; it wrote first at {holder.line}"


def _file(engine: sa.Engine) -> object:
    """Tell a database from others, by whatever path its file was reached."""
    try:
        stat = os.stat(engine.url.database or "")  # noqa: PTH116 - it may be ":memory:", or an URI
    except OSError:
        return engine.url.database or id(engine)
    return stat.st_dev, stat.st_ino


_LOCKS = Path("/proc/locks")  # Linux; asking by fcntl would open the file, and closing it would drop our own locks
_OF_WAL = 120  # the byte of the -shm file that SQLite locks to write to the WAL
_OF_JOURNAL = 0x40000001  # and of the database itself, where it has none
_LOCK = re.compile(r"POSIX\s+ADVISORY\s+WRITE\s+(\d+)\s+\w+:\w+:(\d+)\s+(\d+)\s+(\d+)$", re.MULTILINE)
_KERNEL = re.compile(r"kernel-(?:v\d)?([0-9a-f-]{36})\.json$")
_STATES = {"stopped": "stopped", "tracing-stop": "stopped by a debugger"}


def find(database: str) -> int | None:
    """Find the process that holds the write lock of a database file now.

    Returns:
        Its pid; None if nobody holds it, or where it cannot be told: another machine or container, not Linux.
    """
    bytes_of = {_inode(f"{database}-shm"): _OF_WAL, _inode(database): _OF_JOURNAL}
    try:
        locks = _LOCKS.read_text()
    except OSError:
        return None
    for pid, inode, first, last in _LOCK.findall(locks):
        byte = bytes_of.get(int(inode))
        if byte is not None and int(first) <= byte <= int(last):
            return int(pid)
    return None


def last_commit(database: str) -> dt.datetime | None:
    """Return when a database file, or its WAL, was written last; None where that cannot be told."""
    times = []
    for file in (database, f"{database}-wal"):
        with contextlib.suppress(OSError):
            times.append(os.stat(file).st_mtime)  # noqa: PTH116 - as above
    return dt.datetime.fromtimestamp(max(times), dt.UTC) if times else None


def describe(pid: int) -> str:
    """Name a process for people: its pid, its kernel or program, and whether it is stopped.

    No more is said of its command line: a password may be among the arguments.
    """
    import psutil  # here for cost: 18 ms, and only an error asks

    try:
        process = psutil.Process(pid)
        words = [word for word in (_program(process.cmdline()), _STATES.get(process.status())) if word]
    except psutil.Error:
        words = []
    return f"process {pid} ({', '.join(words)})" if words else f"process {pid}"


def _program(command: list[str]) -> str:
    for argument in command:
        if kernel := _KERNEL.search(argument):
            return f"kernel {kernel[1]}"
    words = command[:3] if command[1:2] == ["-m"] else command[:2]
    if words[1:] and words[1].startswith("-") and words[1] != "-m":
        words = words[:1]
    return " ".join(Path(word).name for word in words)


def _inode(file: str) -> int | None:
    try:
        return os.stat(file).st_ino  # noqa: PTH116 - as above
    except OSError:
        return None
