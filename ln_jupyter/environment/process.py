"""The process that runs the notebook, as the run record keeps it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import socket
import sys
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter import redaction
from ln_jupyter.environment import kernel

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

_PARENT_RUN = "LN_JUPYTER_PARENT_RUN"
"""The variable by which a process knows the run of the one that started it: ``"<run> <pid of that process> <file>"``."""

_LOKY = "loky.backend.popen_loky_posix"  # the module that joblib's workers run
# What a worker runs beside its work: its pool, and what of ours, called by that, notes its end.
_OF_POOLS = ("multiprocessing.", "concurrent.futures.", "loky.", "joblib.externals.loky.", "ln_jupyter.", "threading.")

_MOST_ARGUMENTS, _LONGEST_ARGUMENT = 1_000, 1_000

_SAME_START = 2.0  # seconds: what a clock that is set shifts between two looks at one process


class Process(NamedTuple):
    """One operating system process on one host.

    The pid and its start tell two runs apart where the kernel id does not: a restarted kernel
    keeps its id, and a pid comes round again.

    Attributes:
        host: This machine's name.
        pid: Of this process.
        started_at: When the process began, in UTC.
        python: The version that runs, such as ``"3.12.1"``.
        kernel_id: The id a Jupyter server gave the kernel; empty outside one.
        kernel_name: The kernelspec, such as ``"python3"``; empty where nobody says.
        ancestors: Pid and start of those above a worker of multiprocessing, the nearest first; none of any other process.
        argv: The arguments of a script, without known forms of passwords; none of a notebook.
        parent_run: The run of the process that started this one, or of one above; empty if there is none.
    """

    host: str
    pid: int
    started_at: datetime
    python: str
    kernel_id: str
    kernel_name: str
    ancestors: tuple[tuple[int, datetime], ...] = ()
    argv: tuple[str, ...] = ()
    parent_run: str = ""


def current() -> Process:
    """Describe this process.

    Example:
        >>> current().pid == os.getpid()
        True
    """
    here = kernel.current()
    return Process(
        host=socket.gethostname(),
        pid=os.getpid(),
        started_at=_started_at(os.getpid()),
        python=platform.python_version(),
        kernel_id=here.id if here is not None else "",
        kernel_name=_kernel_name(here.connection_file) if here is not None else "",
        ancestors=_ancestors() if is_worker() else (),
        argv=_argv() if kernel.shell() is None else (),
        parent_run=_parent_run(),
    )


@lru_cache
def platform_name() -> str:
    """Name the system and its version, machine and C library, and the kind of Python; nothing names this machine.

    `platform.platform` starts a process for it, and reads the interpreter where the library is not glibc.

    Example:
        >>> platform.machine() in platform_name()
        True
    """
    system, release, rest = platform.system(), platform.release(), ""
    if system == "Linux":
        rest = f"-with-{_c_library()}"
    elif system == "Darwin":
        system, release = "macOS", platform.mac_ver()[0] or release
    # A free-threaded Python installs other wheels.
    free = " free-threaded" if "t" in getattr(sys, "abiflags", "") else ""
    return f"{system}-{release}-{platform.machine()}{rest} {platform.python_implementation()}{free}"


def _c_library() -> str:
    try:
        stated = os.confstr("CS_GNU_LIBC_VERSION")  # "glibc 2.36"
    except (AttributeError, ValueError, OSError):  # musl has no such question
        stated = None
    return (stated or getattr(sys.implementation, "_multiarch", "").rpartition("-")[2] or "another").replace(" ", "")


def hand_down(run_id: str, path: str | None) -> None:
    """Let the processes that this one starts know its run, and the file that it is of."""
    os.environ[_PARENT_RUN] = f"{run_id} {os.getpid()} {path or ''}"


def _parent_run() -> str:
    run_id, _, rest = os.environ.get(_PARENT_RUN, "").partition(" ")
    return "" if rest.partition(" ")[0] == str(os.getpid()) else run_id


def file_of_parent() -> str:
    """Return the notebook or script whose code joblib's own program runs here; empty if it does not, or nobody says."""
    return "".join(os.environ.get(_PARENT_RUN, "").split(" ", 2)[2:]) if _is_joblibs() else ""


def _argv() -> tuple[str, ...]:
    """Return the arguments, each option's value hidden whose name is a password's."""
    shown: list[str] = []
    for argument in sys.argv[:_MOST_ARGUMENTS]:
        name, is_assigned, _ = argument.partition("=")
        before = shown[-1] if shown else ""
        if is_assigned and redaction.is_secret(name.lstrip("-")):
            argument = f"{name}=***"  # noqa: PLW2901 - what is shown of it
        elif before.startswith("-") and "=" not in before and redaction.is_secret(before.lstrip("-")):
            argument = "***"  # noqa: PLW2901 - as above
        shown.append(redaction.without_passwords(argument)[:_LONGEST_ARGUMENT])
    return tuple(shown)


def is_worker() -> bool:
    """Return whether multiprocessing started this process, as concurrent.futures does by it, or joblib's own."""
    module = sys.modules.get("multiprocessing.process")
    return (module is not None and module.parent_process() is not None) or _is_joblibs()


def _is_joblibs() -> bool:
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name.endswith(_LOKY)


def is_idle(frame: FrameType | None) -> bool:
    """Return whether a worker waits for work: it runs nothing but its pool's own code, from its innermost frame on."""
    while is_worker() and frame is not None and f"{frame.f_globals.get('__name__')}.".startswith(_OF_POOLS):
        if frame.f_code.co_name == "_bootstrap":
            return True
        frame = frame.f_back
    return False


def _ancestors() -> tuple[tuple[int, datetime], ...]:
    import psutil

    found = []
    with contextlib.suppress(psutil.Error):  # one has ended, or is somebody else's
        for each in psutil.Process().parents():
            found.append((each.pid, datetime.fromtimestamp(each.create_time(), tz=UTC)))  # noqa: PERF401 - as far as it goes
    return tuple(found)


def is_same_start(one: datetime, other: datetime) -> bool:
    """Return whether two looks at the start of a process may have seen the same one."""
    return abs((one - other).total_seconds()) < _SAME_START


def is_running(pid: int, started_at: datetime) -> bool:
    """Return whether a process of this machine runs, and is the one that began then.

    Example:
        >>> is_running(os.getpid(), current().started_at)
        True
        >>> is_running(os.getpid(), datetime(2026, 1, 2, tzinfo=UTC))
        False
    """
    import psutil

    try:
        process = psutil.Process(pid)
        is_same = is_same_start(datetime.fromtimestamp(process.create_time(), tz=UTC), started_at)
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


# Kept, because the system derives it from the wall clock: a clock that is set back would make
# another process of this one. By pid, because a fork is another process.
@lru_cache
def _started_at(pid: int) -> datetime:
    import psutil  # 18 ms

    return datetime.fromtimestamp(psutil.Process(pid).create_time(), tz=UTC)


def _kernel_name(connection_file: Path | None) -> str:
    try:
        stated = json.loads(connection_file.read_bytes()) if connection_file is not None else None
    except (OSError, ValueError):
        return ""
    name = stated.get("kernel_name") if isinstance(stated, dict) else None
    return name if isinstance(name, str) else ""
