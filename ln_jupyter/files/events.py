"""What was noted, as others understand it: by absolute paths, and by cells."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from ln_jupyter.files.audit import PROCESS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ln_jupyter.files.audit import Span

Stat = tuple[int, int, int]
"""Size, time in nanoseconds and inode."""


class Event(NamedTuple):
    """What was noted.

    Attributes:
        path: Absolute, or a URL; a pattern where a library was given one.
        access: As in `access`, or what else `audit` notes.
        via: ``"open"``, or the name of a library.
        at: When, in seconds since 1970.
        cell: The running cell of whoever did it, as `audit` was told; None where that is not known.
        before: What was there before it was written; None where nothing was.
        target: The new name, where it was renamed.
    """

    path: str
    access: int
    via: str
    at: float
    cell: float | None
    before: Stat | None = None
    target: str = ""


def make_event(spans: Mapping[int, Span], noted: tuple[Any, ...]) -> Event | None:
    """Say what was noted as others understand it; None where nothing tells which file it was."""
    path, access, via, at, thread, epoch = noted[:6]
    before, target = noted[6:] or (None, "")
    span = spans.get(epoch)
    cell, folder = (None, None) if span is None else (span.cell_of(thread), span.folder)
    if access == PROCESS:
        return Event("", access, via, at, cell)
    if via not in ("open", "sqlite3"):  # which know no ~
        path = os.path.expanduser(path)  # noqa: PTH111 - a text
    absolute, new = _absolute(path, folder), _absolute(target, folder) if target else ""
    return None if absolute is None or new is None else Event(absolute, access, via, at, cell, before, new)


def _absolute(path: str, folder: str | None) -> str | None:
    """Return a path as it was meant; a URL as it is."""
    if "://" in path and not path.startswith("file://"):
        return path
    if path.startswith("file://"):
        path = unquote(urlsplit(path).path)
    if os.path.isabs(path):  # noqa: PTH117
        return os.path.normpath(path)
    return None if folder is None else os.path.normpath(os.path.join(folder, path))  # noqa: PTH118
