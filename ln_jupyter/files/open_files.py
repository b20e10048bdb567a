"""The files that this process holds open."""

from __future__ import annotations

import os

_FOLDER = "/proc/self/fd"


def held() -> set[str]:
    """Return the paths of files that are open; none where the system does not say (Linux does).

    Example:
        >>> "/no/such/file" in held()
        False
    """
    found = set[str]()
    try:
        names = os.listdir(_FOLDER)  # noqa: PTH208 - as text
    except OSError:
        return found
    for name in names:
        try:
            found.add(os.readlink(f"{_FOLDER}/{name}"))  # noqa: PTH115 - as text
        except OSError:  # closed meanwhile
            continue
    return found
