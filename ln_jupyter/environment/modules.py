"""The project's own modules that are imported now, and their source."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from ln_jupyter import reading
from ln_jupyter.environment import git

_log = logging.getLogger(__name__)

_LARGEST = 1_000_000  # bytes of a source whose text is kept
_MOST = 500  # modules

# What is installed, wherever the environment stands.
_INSTALLED = frozenset(
    {"site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox", "__pypackages__", "node_modules"}
)
_SCRIPTS = frozenset({"__main__", "__mp_main__"})  # the second is the first, in a worker
_OURS = __name__.partition(".")[0]

# A module's own names. A lazy module would be loaded by asking it, and an odd one answer with anything.
_NAMES_OF = vars(ModuleType)["__dict__"].__get__


class Module(NamedTuple):
    """A module of the project.

    Attributes:
        path: Of its file.
        hash: SHA-256 of the file as it is, hexadecimal.
        text: As Python reads it; None of a file that is too long, or is no text.
    """

    path: Path
    hash: str
    text: str | None


class _Written(NamedTuple):
    """When a file was written, as far as that can be told without reading it."""

    path: str
    modified: int
    size: int
    inode: int


def project_root(folder: Path) -> Path:
    """Return the folder of the project that a notebook's folder is in: git's work tree, else the folder itself."""
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - Path.absolute keeps ".."
    return git.root(folder) or folder


class OwnModules:
    """The imported modules whose files are in a project's folder; for one thread.

    Neither what is installed is among them, nor the script that runs, nor this package.

    Args:
        folder: Of the project, such as `project_root` returns.
    """

    def __init__(self, folder: Path) -> None:
        stated = os.path.abspath(folder)  # noqa: PTH100 - as above
        self._folders = tuple({_inside(stated), _inside(os.path.realpath(stated))})
        self._interpreters = _interpreters(self._folders)
        self._names: list[str] = []
        self._ids: list[int] = []
        self._is_own: dict[str, bool] = {}
        self._own: dict[str, str] = {}
        self._read: dict[str, _Written] = {}

    def look(self) -> dict[str, Module]:
        """Return the modules that are new, or whose files were written since the last look, by name.

        The text is what the file holds now. After an edit that no reload has followed, that is not what runs.

        Example:
            >>> sorted(OwnModules(Path("/no/such/project")).look())
            []
        """
        # A copy: other threads import meanwhile. Compared at C's speed, as most often nothing has come.
        loaded = sys.modules.copy()
        names, ids = list(loaded), list(map(id, loaded.values()))
        if names != self._names or ids != self._ids:
            self._own = self._find_own(loaded)
            self._names, self._ids = names, ids
        found = {}
        for name, path in self._own.items():
            written = _written(_file(loaded[name]) or path)  # a reload may have found another one
            if written is not None and written != self._read.get(name) and (module := _module(written.path)):
                self._read[name] = written
                found[name] = module
        return found

    def _find_own(self, loaded: dict[str, ModuleType]) -> dict[str, str]:
        own: dict[str, str] = {}
        real: dict[str, str] = {}
        for name, module in loaded.items():
            path = _file(module)
            if path is None:
                continue
            if path not in self._is_own:
                self._is_own[path] = self._is_of_project(path, real)
            if self._is_own[path] and _is_named_like_one(name) and len(own) < _MOST:
                own[name] = path
        return own

    def _is_of_project(self, path: str, real: dict[str, str]) -> bool:
        if not path.startswith(self._folders):
            # Hundreds of modules share a folder, and to follow its links asks the system for each part of its path.
            folder, name = os.path.split(path)
            if folder not in real:
                real[folder] = os.path.realpath(folder)
            path = os.path.join(real[folder], name)  # noqa: PTH118
        inside = next((path[len(each) :] for each in self._folders if path.startswith(each)), None)
        return (
            inside is not None and _INSTALLED.isdisjoint(Path(inside).parts) and not path.startswith(self._interpreters)
        )


def _inside(folder: str) -> str:
    """Return how the paths of what is in a folder begin."""
    return os.path.join(folder, "")  # noqa: PTH118 - a Path has no separator at its end


def _interpreters(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Return where Python itself is, as far as that is inside the project: the project may be inside of it, too."""
    stated = {sys.prefix, sys.exec_prefix, sys.base_prefix, os.path.dirname(os.__file__)}  # noqa: PTH120
    places = {_inside(form(each)) for each in stated for form in (os.path.abspath, os.path.realpath)}
    return tuple(each for each in places if each.startswith(folders) and each not in folders)


def _is_named_like_one(name: object) -> bool:
    return type(name) is str and name not in _SCRIPTS and name.partition(".")[0] != _OURS


def _file(module: object) -> str | None:
    """Return the source file of a module, as its own names have it."""
    try:
        names = _NAMES_OF(module)
    except TypeError:  # anything can be put among the modules
        return None
    path = names.get("__file__")
    if type(path) is not str:
        spec = names.get("__spec__")
        path = spec.origin if type(spec) is ModuleSpec else None
    if type(path) is not str or not path.endswith(".py"):  # made up, compiled
        return None
    return path if os.path.isabs(path) and path.isprintable() else None  # noqa: PTH117


def _written(path: str) -> _Written | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path of each would cost more than to ask
    except OSError:  # gone, in a zip file
        return None
    return _Written(path, found.st_mtime_ns, found.st_size, found.st_ino)


def _module(path: str) -> Module | None:
    try:
        content = reading.whole(path)  # whole, as Python has read it
    except OSError:
        return None
    return Module(Path(path), hashlib.sha256(content).hexdigest(), _decoded(content))


def _decoded(content: bytes) -> str | None:
    if len(content) > _LARGEST:
        return None
    try:
        return importlib.util.decode_source(content)
    except Exception:  # noqa: BLE001 - a file names its codec, and codecs are anybody's
        _log.debug("a module's source is no text", exc_info=True)
        return None
