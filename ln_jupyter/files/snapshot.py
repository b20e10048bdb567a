"""What the system shows of files now: which are open, and which have appeared where another process has written."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ln_jupyter.files.access import READ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST = 10_000
"""Entries that are looked at."""

_SECONDS = 1.0
_OPEN_FILES = "/proc/self/fd"


def changed_since(folder: str, since: float, *, leaves_out: Callable[[str, int], bool]) -> list[str]:
    """Return the files of a folder, and of those in it, that were written or made since a moment.

    The time at which a file was changed counts, too: what unpacks or copies files often sets the time of writing.

    Args:
        folder: Where to look; hidden folders and links are not followed.
        since: Seconds since 1970.
        leaves_out: Of whom nobody wants to know.

    Example:
        >>> changed_since("/no/such/folder", 0.0, leaves_out=lambda path, access: False)
        []
    """
    end = time.monotonic() + _SECONDS
    found = []
    for number, entry in enumerate(_entries(folder)):
        if number >= MOST or time.monotonic() > end:
            break
        try:
            stat = entry.stat()
        except OSError:
            continue
        # notebooks and code are left out as if they were read: editors and runners write them, meanwhile
        if max(stat.st_mtime, stat.st_ctime) >= since and not leaves_out(entry.path, READ):
            found.append(entry.path)
    return sorted(found)


def held() -> set[str]:
    """Return the paths of files that are open; none where the system does not say (Linux does).

    Example:
        >>> "/no/such/file" in held()
        False
    """
    found = set[str]()
    try:
        names = os.listdir(_OPEN_FILES)  # noqa: PTH208 - as text
    except OSError:
        return found
    for name in names:
        try:
            found.add(os.readlink(f"{_OPEN_FILES}/{name}"))  # noqa: PTH115 - as text
        except OSError:  # closed meanwhile
            continue
    return found


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop(0)) as entries:
                for entry in entries:
                    if entry.is_file():
                        yield entry
                    elif entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                        waiting.append(entry.path)
        except OSError:
            continue
