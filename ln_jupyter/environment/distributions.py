"""What is installed beside the interpreter: every distribution and its version."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter import reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SEPARATORS = re.compile(r"[-_.]+")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")  # pip's leftovers begin with "~"
_EGG_PYTHON = re.compile(r"-py\d.*")


class Distribution(NamedTuple):
    """One installed distribution. There are hundreds, and they are made anew each time.

    Attributes:
        name: Normalised: lower case, with hyphens.
        version: As its metadata says.
        folder: The entry of ``sys.path`` it is installed in.
        metadata: Its ``.dist-info`` or ``.egg-info``.
    """

    name: str
    version: str
    folder: str
    metadata: str


class Environment(NamedTuple):
    """An interpreter, and what is installed for it.

    Attributes:
        python: Its version.
        packages: Name to version, of every distribution, by name.
    """

    python: str
    packages: Mapping[str, str]

    @property
    def hash(self) -> str:
        """SHA-256 of both, hexadecimal; the order of installation does not count."""
        content = json.dumps([self.python, sorted(self.packages.items())], separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()


def current() -> Environment:
    """List what is installed now, by the names of folders alone: some milliseconds, where pip takes seconds.

    Example:
        >>> "ipython" in current().packages
        True
    """
    packages: dict[str, str] = {}
    for found in distributions():
        packages.setdefault(found.name, found.version)  # of two of a name, the one that an import would find
    return Environment(platform.python_version(), dict(sorted(packages.items())))


def state() -> tuple[tuple[str, int], ...]:
    """Say when the folders of ``sys.path`` last changed: installing, upgrading and removing all change one."""
    return tuple((entry, _changed_at(entry or os.curdir)) for entry in sys.path)


def distributions(path: Iterable[str] | None = None) -> Iterator[Distribution]:
    """List distributions in the order of *path*, else of ``sys.path``; broken ones are passed over."""
    for folder in dict.fromkeys(os.path.realpath(entry or os.curdir) for entry in (sys.path if path is None else path)):
        yield from in_folder(folder)


def in_folder(folder: str) -> list[Distribution]:
    """List the distributions of one entry of ``sys.path``, by name."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - Path.iterdir makes a Path of each of thousands of files
    except OSError:  # a zip file, a folder that is gone or closed to us
        return []
    return [found for name in names if (found := _distribution(folder, name)) is not None]


def normalised(name: str) -> str:
    """Write a distribution's name in the one way that all its spellings share.

    Example:
        >>> normalised("ruamel_yaml.Clib")
        'ruamel-yaml-clib'
    """
    return _SEPARATORS.sub("-", name).lower()


def _changed_at(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116 - as above
    except OSError:
        return 0


def _distribution(folder: str, name: str) -> Distribution | None:
    stem, _, kind = name.rpartition(".")
    if kind == "dist-info":
        project, _, version = stem.partition("-")
        stated = "METADATA"
    elif kind == "egg-info":
        project, _, version = _EGG_PYTHON.sub("", stem).partition("-")
        stated = "PKG-INFO"
    else:
        return None
    metadata = os.path.join(folder, name)  # noqa: PTH118 - as above
    file = os.path.join(metadata, stated)  # noqa: PTH118 - as above
    if kind == "egg-info" and os.path.isfile(metadata):  # noqa: PTH113 - as above
        file = metadata
    if not os.path.isfile(file) or not _NAME.fullmatch(project):  # noqa: PTH113 - as above
        return None
    version = version or _stated_version(file)
    return Distribution(normalised(project), version, folder, metadata) if version else None


def _stated_version(file: str) -> str:
    """Read the version of a project that is installed from its own folder: the folder's name has none."""
    try:
        text = reading.whole(file).decode(errors="replace")
    except OSError:
        return ""
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for key, _, value in lines if key == "Version"), "")
