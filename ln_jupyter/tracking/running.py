"""What this process runs, and what records it: the one owner of both."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ln_jupyter.db import forks

if TYPE_CHECKING:
    from ln_jupyter.tracking.recording.recorder import Recording
    from ln_jupyter.tracking.register import Registration

one_at_a_time = forks.Lock()
"""Held while a thread of this process registers: the others go on with its run."""

_registration: Registration | None = None
_recording: Recording | None = None


def registration() -> Registration | None:
    """Return what `header()` registered in this process; None if it did not run here."""
    return _registration if _registration is not None and _registration.pid == os.getpid() else None


def recording() -> Recording | None:
    """Return what keeps the current run up to date; None if `header()` did not run in this process."""
    return None if registration() is None else _recording


def newest_recording() -> Recording | None:
    """Return what was begun last, here or in the process that this one was forked from."""
    return _recording


def replace(registration: Registration) -> None:
    """Let this be what the process runs, as `header()` or `publish()` made it."""
    global _registration  # noqa: PLW0603 - the one owner of what this process runs
    _registration = registration


def record(recording: Recording) -> None:
    """Let this keep the current run up to date."""
    global _recording  # noqa: PLW0603 - the one owner of what this process runs
    _recording = recording


def forget() -> None:
    """Let the next `header()` begin a run, as in a new process: a test does."""
    global _registration, _recording  # noqa: PLW0603 - the one owner of what this process runs
    if _recording is not None:
        _recording.stop()
        if _recording.log is not None:
            _recording.log.stop()
    _registration = _recording = None
