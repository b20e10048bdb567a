"""How a script ends: what became of its exit status, which Python has forgotten when exit handlers run."""

from __future__ import annotations

import atexit
import contextlib
import functools
import sys
import threading
from typing import TYPE_CHECKING, Any

from ln_jupyter.environment import kernel, process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import NoReturn

_UNKNOWN = object()

_outermost: FrameType | None = None
_status: object = _UNKNOWN
_of_worker: BaseException | None = None
"""What a worker of multiprocessing ends with, which Python's hooks are never told."""

_finalizers: dict[Callable[[], None], Any] = {}
_LAST = -100  # of a finalizer: when children have ended, and what others registered is done


def watch() -> None:
    """Take note of the status that the process gives to `sys.exit`; nothing else tells it."""
    global _outermost
    if _outermost is not None:
        return
    for _outermost in _stack():
        pass
    leave = sys.exit

    @functools.wraps(leave)
    def note(status: object = None, /) -> NoReturn:
        if threading.current_thread() is threading.main_thread():  # in another one it ends that thread
            global _status  # noqa: PLW0603 - as above
            _status = status
        leave(status)  # type: ignore[arg-type]

    sys.exit = note


def at_exit(call: Callable[[], None]) -> None:
    """Call this when the process ends, which workers of multiprocessing do without exit handlers."""
    atexit.register(call)
    if process.is_worker():
        from multiprocessing import util  # here for cost: it is there in a worker

        def end() -> None:
            global _of_worker, _status  # noqa: PLW0603 - as above
            _of_worker = sys.exc_info()[1]
            if isinstance(_of_worker, SystemExit):
                _status = _of_worker.code
            call()

        _finalizers[call] = util.Finalize(None, end, exitpriority=_LAST)


def not_at_exit(call: Callable[[], None]) -> None:
    """Let go of what was to be called."""
    atexit.unregister(call)
    if (finalizer := _finalizers.pop(call, None)) is not None:
        finalizer.cancel()


def keep_interrupt() -> None:
    """Let Python end by SIGINT where that ended the script, so that a shell's loop ends as well.

    Python remembers it until other code is evaluated, as of the modules that are imported at the end.
    """
    is_left = _outermost is not None and not _goes_on(_outermost) and not _has_returned(_outermost)
    if is_left and kernel.shell() is None and isinstance(raised(), KeyboardInterrupt):
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt", {})  # noqa: S102 - this is what makes it remember


def is_well() -> bool | None:
    """Return whether the process goes on, or ends, without an error; None where that cannot be known.

    An exit that was raised by hand cannot, nor can one before `watch`. One that was caught is none.
    """
    if raised() is not None:
        return False
    if isinstance(_of_worker, SystemExit):
        return _is_zero()
    if _outermost is None:
        return None
    if _goes_on(_outermost) or _has_returned(_outermost):
        return True
    if _status is _UNKNOWN:
        return None
    return _is_zero()


def raised() -> BaseException | None:
    """Return the exception that ended the process; None if none did, or an exit."""
    return getattr(sys, "last_value", None) or (None if isinstance(_of_worker, SystemExit) else _of_worker)


def said() -> str:
    """Return what the process gave to `sys.exit`, as a shell or a reader of its output sees it."""
    return _status if isinstance(_status, str) else f"exit status {_status if isinstance(_status, int) else 1}"


def _goes_on(frame: FrameType) -> bool:
    return any(each is frame for each in _stack())


def _is_zero() -> bool:
    return _status is None or (isinstance(_status, int) and _status == 0)


def _has_returned(frame: FrameType) -> bool:
    """Return whether a frame that is done came to its end, and no exception went out of it."""
    import opcode  # here for cost: asked once

    return opcode.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN")


def _stack() -> Iterator[FrameType]:
    """Return the frames of the main thread, the innermost first."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        yield frame
        frame = frame.f_back
