"""Files that may have come from elsewhere: read as far as they say they go, and not for ever."""

from __future__ import annotations

import errno
import os
import stat

_AS_IT_IS = getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # nobody may be at the other end of a pipe


def whole(path: str | os.PathLike[str]) -> bytes:
    """Read a file; what the system makes up while it is read, as below ``/proc``, says that it is empty.

    Raises:
        OSError: If it cannot be read, or is a folder, a pipe or a device.
    """
    descriptor = os.open(path, os.O_RDONLY | _AS_IT_IS)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            is_folder = stat.S_ISDIR(found.st_mode)
            raise (
                OSError(errno.EISDIR, os.strerror(errno.EISDIR))
                if is_folder
                else OSError(errno.EINVAL, "it is not a file")
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(found.st_size)
    finally:
        os.close(descriptor)
