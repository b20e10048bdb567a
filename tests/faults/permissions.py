"""Who a process of a test is: root that permission bits stop, or another user of the machine."""

from __future__ import annotations

import ctypes
import os
import tomllib  # noqa: F401 - read by settings, and another user may not get to where Python is installed

_VERSION = 0x20080522  # of the kernel's interface: two words for each of the three sets
_PASSES_BITS = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def obey() -> None:
    """Let permission bits stop this process, for good, as they stop everybody but root."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    for each in (0, 1):  # effective and permitted
        sets[each] &= ~_PASSES_BITS
    assert libc.capset(header, sets) == 0


def become(uid: int, gid: int, umask: int = 0o022) -> None:
    """Be another user in one group from here on."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    os.umask(umask)
