"""Which kind of filesystem a folder is on, and whether SQLite's shared memory can be trusted there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NETWORK = (
    *("9p", "acfs", "afs", "afpfs", "beegfs", "ceph", "cifs", "coda", "cvmfs", "davfs", "drvfs", "gfs", "glusterfs"),
    *("gpfs", "lustre", "moosefs", "ncpfs", "nfs", "ocfs2", "orangefs", "panfs", "pvfs2", "quobyte", "smb", "vboxsf"),
    *("virtiofs", "vmhgfs", "webdav", "weka"),
)
_OF_CONTAINERS = "fuse.fuse-overlayfs"
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")


def kind_of(folder: Path) -> str | None:
    """Say which kind of filesystem a folder is on; None where that cannot be known."""
    return find(folder, mounts())


def is_shared(kind: str | None) -> bool:
    """Return whether other machines may have the same files open, or it is a program's and may lack memory that is shared.

    Example:
        >>> [is_shared(kind) for kind in ("nfs4", "fuse.sshfs", "ext4", "overlay", None)]
        [True, True, False, False, False]
    """
    if kind is None:
        return False
    is_program = kind.partition(".")[0] == "fuse" and kind != _OF_CONTAINERS
    return kind.startswith(_NETWORK) or is_program


def mounts() -> list[tuple[str, str]]:
    """List where each filesystem of this machine is mounted, and its kind, in the order of their mounting."""
    try:
        lines = os.fsdecode(_MOUNTS.read_bytes()).splitlines()
    except OSError:
        return _partitions()
    found = []
    for line in lines:
        mount, _, source = line.partition(" - ")
        place = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), mount.split(" ")[4])
        found.append((place, source.split(" ")[0]))
    return found


def find(folder: Path, mounted: Iterable[tuple[str, str]]) -> str | None:
    """Say which kind of filesystem a folder is on; the last one mounted on a place is seen there.

    Example:
        >>> find(Path("/home/ann/data"), [("/", "ext4"), ("/home", "nfs4"), ("/homes", "xfs")])
        'nfs4'
    """
    path = Path(os.path.realpath(folder))
    found = [(len(place), order, kind) for order, (place, kind) in enumerate(mounted) if path.is_relative_to(place)]
    return max(found)[2] or None if found else None


def _partitions() -> list[tuple[str, str]]:
    import psutil  # here for cost: 18 ms, and only where the system has no such file

    try:
        return [(each.mountpoint, each.fstype) for each in psutil.disk_partitions(all=True)]
    except OSError:  # a container may hide them
        return []
