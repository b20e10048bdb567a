"""What is in a file or a folder, as one hash, as far as that is to be known."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter.files import audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGEST = 2**30
"""Bytes of a file or folder that is hashed."""

MOST_MEMBERS = 10_000
"""Files of a folder that is hashed."""

SECRET = "may hold a secret"  # noqa: S105 - a reason
TOO_LARGE = "larger than 1 GiB"
TOO_MANY = "a folder of more than 10,000 files"
UNREADABLE = "cannot be read"
BEING_WRITTEN = "was being written"
TOOK_TOO_LONG = "hashing it took too long"
MISSING = "not there"

_CHUNK = 2**20
# What commonly holds passwords and keys: not even a hash of it is kept, which would confirm a guess.
_SECRETS = (
    *(".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.gpg"),
    *(
        "id_rsa*",
        "id_dsa*",
        "id_ecdsa*",
        "id_ed25519*",
        "*_rsa",
        "*_ed25519",
        ".netrc",
        "_netrc",
        ".pgpass",
        ".htpasswd",
    ),
    *(".npmrc", ".pypirc", ".git-credentials", ".dockercfg", "credentials", "credentials.*", "secrets.*", ".secrets*"),
)
_SECRET_FOLDERS = frozenset({".ssh", ".aws", ".gnupg", ".kube", ".docker", ".azure", ".gcloud"})


class Content(NamedTuple):
    """What is at a path.

    Attributes:
        hash: SHA-256, hexadecimal; of a folder of its manifest: a line for each file, with its SHA-256, its size and
            its name in the folder, in the order of names. None where it is not known.
        size: In bytes; of a folder, of all files together.
        modified_ns: When it was written last, in nanoseconds since 1970; of a folder, the last of its files.
        inode: Of the file or folder.
        members: How many files a folder has; None of a file.
        reason: Why the hash is not known; None where it is.
        changed_ns: When it was written, made or renamed last, by the clock of the system, which nobody sets on a file.
    """

    hash: str | None
    size: int | None
    modified_ns: int | None
    inode: int | None
    members: int | None
    reason: str | None
    changed_ns: int | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is such a file or folder."""
        return self.reason != MISSING

    @property
    def stamp(self) -> tuple[int | None, ...]:
        """What changes when it is written, as far as that can be told without reading it."""
        return self.size, self.modified_ns, self.inode, self.members


def _never() -> bool:
    return False


def look(path: str) -> Content:
    """Return what is at a path without reading it: of its hash only why it is not to be known.

    Example:
        >>> look("/no/such/file").is_there
        False
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - many of them, and a Path of each would cost more than to ask
    except (OSError, ValueError):
        return Content(None, None, None, None, None, MISSING)
    if stat.S_ISDIR(found.st_mode):
        return _look_into(path, found.st_ino)
    if not stat.S_ISREG(found.st_mode):
        return Content(None, None, None, None, None, MISSING)
    reason = SECRET if is_secret(path) else TOO_LARGE if found.st_size > LARGEST else None
    return Content(None, found.st_size, found.st_mtime_ns, found.st_ino, None, reason, found.st_ctime_ns)


def of_path(path: str, *, seen: Content | None = None, is_over: Callable[[], bool] = _never) -> Content:
    """Return what is at a path, with its hash.

    Args:
        path: Of a file or a folder.
        seen: What `look` has returned of it just before.
        is_over: Asked now and then; when it says so, the rest is not read.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     of_path(file.name).hash == hashlib.sha256().hexdigest()
        True
    """
    before = look(path) if seen is None else seen
    if before.reason is not None:
        return before
    try:
        with audit.silence():
            is_file = before.members is None
            found = _sha256(path, before.size or 0, is_over) if is_file else _manifest(path, is_over)
    except (OSError, ValueError):
        return before._replace(reason=UNREADABLE)
    if found is None:
        return before._replace(reason=TOOK_TOO_LONG)
    return before._replace(hash=found) if look(path).stamp == before.stamp else before._replace(reason=BEING_WRITTEN)


def is_secret(path: str) -> bool:
    """Return whether a file may hold a password or a key, by its name.

    Example:
        >>> [is_secret(name) for name in ("/a/.env", "/a/key.pem", "/home/b/.ssh/id_work", "/a/id_map.csv")]
        [True, True, True, False]
    """
    folder, name = os.path.split(path)
    lower = name.lower()
    if any(fnmatch.fnmatchcase(lower, each) for each in _SECRETS):
        return True
    is_key = lower.startswith("id_") and "." not in lower
    return is_key or not _SECRET_FOLDERS.isdisjoint(Path(folder).parts)


def _sha256(path: str, size: int, is_over: Callable[[], bool]) -> str | None:
    digest, left = hashlib.sha256(), size
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
        # not further than it went: a log that grows as fast as it is read would have no end
        while left >= 0 and (chunk := file.read(_CHUNK)):
            digest.update(chunk)
            left -= len(chunk)
            if is_over():
                return None
    return digest.hexdigest()


def _manifest(folder: str, is_over: Callable[[], bool]) -> str | None:
    digest = hashlib.sha256()
    for name, path, size in sorted((os.path.relpath(path, folder), path, each.st_size) for path, each in files(folder)):
        found = _sha256(path, size, is_over)
        if found is None:
            return None
        line = f"{found} {size} {name.replace(os.sep, '/')}\0"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _look_into(folder: str, inode: int) -> Content:
    size = modified = members = 0
    reason = None
    try:
        for path, found in files(folder):
            size, modified, members = size + found.st_size, max(modified, found.st_mtime_ns), members + 1
            if is_secret(path):
                reason = SECRET
            if members > MOST_MEMBERS:
                return Content(None, None, None, inode, members, TOO_MANY)
    except OSError:
        reason = UNREADABLE
    return Content(None, size, modified, inode, members, reason or (TOO_LARGE if size > LARGEST else None))


def files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Go through the regular files of a folder and of those in it; links to folders are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from files(entry.path)
            elif entry.is_file():
                yield entry.path, entry.stat()
