"""How a script ends: what became of its exit status, which Python has forgotten when exit handlers run."""

from __future__ import annotations

import functools
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import NoReturn

_UNKNOWN = object()

_outermost: FrameType | None = None
_status: object = _UNKNOWN


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


def is_well() -> bool | None:
    """Return whether the process goes on, or ends, without an error; None where that cannot be known.

    An exit that was raised by hand cannot, nor can one before `watch`. One that was caught is none.
    """
    if getattr(sys, "last_value", None) is not None:
        return False
    if _outermost is None:
        return None
    if any(frame is _outermost for frame in _stack()) or _has_returned(_outermost):
        return True
    if _status is _UNKNOWN:
        return None
    return _status is None or (isinstance(_status, int) and _status == 0)


def raised() -> BaseException | None:
    """Return the exception that ended the process; None if none did, or an exit."""
    return getattr(sys, "last_value", None)


def said() -> str:
    """Return what the process gave to `sys.exit`, as a shell or a reader of its output sees it."""
    return _status if isinstance(_status, str) else f"exit status {_status if isinstance(_status, int) else 1}"


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
