"""What is opened and is nobody's data: Python's own files, those of packages and programs, caches, locks and code."""

from __future__ import annotations

import fnmatch
import os
import re
import site
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ln_jupyter.files.access import READ

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SYSTEM = (
    "/proc",
    "/sys",
    "/etc",
    "/run",
    "/usr/share",
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/System",
    "/Library",
)
_DEVICES, _SHARED_MEMORY = "/dev/", "/dev/shm/"  # noqa: S108 - files of data may be in the second
_OF_HOME = (
    ".cache",
    ".config",
    ".local",
    ".jupyter",
    ".ipython",
    ".matplotlib",
    ".conda",
    ".mamba",
    ".astropy",
    ".keras",
)
_VARIABLES = (
    *("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME"),
    *("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "NUMBA_CACHE_DIR", "PYTHONPYCACHEPREFIX", "HF_HOME", "TORCH_HOME"),
)
_FOLDERS = frozenset(
    {
        *("__pycache__", ".git", ".hg", ".svn", ".ipynb_checkpoints", ".ln_jupyter", ".venv", "node_modules"),
        *("site-packages", "dist-packages", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".cache", ".dvc"),
    }
)
_ENDINGS = (
    *(".pyc", ".pyo", ".pyd", ".so", ".dll", ".dylib", ".pth", ".ttf", ".otf", ".afm", ".pfb", ".woff", ".woff2"),
    *("-journal", "-wal", "-shm", ".lock", ".lck", ".mplstyle", ".swp", "~"),
)
_CODE = (".py", ".pyi", ".pyx", ".ipynb")
_OF_TEMPORARY = (
    "ipykernel_",
    "joblib_memmapping_folder_",
    "pip-",
    "matplotlib-",
    "pymp-",
    "loky-",
    "tmpxft_",
    "ln_jupyter-",
)


class Noise:
    """What of all that a process opens is left out.

    Args:
        folder: The notebook's, or the working folder; None where that was deleted.
        own: Our own files, and the notebook itself: how their paths begin.
        patterns: As in a `.gitignore`, the last one that matches counts: without a slash of a file's name, else of
            its path in *folder* or of its whole one. One that begins with ``!`` takes in what is left out otherwise.

    Example:
        >>> noise = Noise("/home/ann", own=(), patterns=["*.log", "!growth.py"])
        >>> [noise.leaves_out(f"/home/ann/{name}", READ) for name in ("a.csv", "a.log", "a.py", "growth.py")]
        [False, True, True, False]
    """

    def __init__(self, folder: str | None, *, own: Iterable[str], patterns: Iterable[str] = ()) -> None:
        self._folder = folder
        self._own = tuple(own)
        """Left out whatever anybody says."""
        self._patterns = [(not each.startswith("!"), _compiled(each.removeprefix("!"))) for each in patterns]
        self._places = (*_interpreter(folder), *_places(_SYSTEM, folder), *_of_user(folder))

    def leaves_out(self, path: str, access: int) -> bool:
        """Return whether a path is left out."""
        if path.startswith(self._own):
            return True
        for leaves, (pattern, is_name) in reversed(self._patterns):
            if pattern.fullmatch(os.path.basename(path) if is_name else path) or (  # noqa: PTH119 - a text
                not is_name and self._folder is not None and pattern.fullmatch(os.path.relpath(path, self._folder))
            ):
                return leaves
        if path.startswith(_DEVICES) and not path.startswith(_SHARED_MEMORY):
            return True
        if path.startswith(self._places) or path.endswith(_ENDINGS) or (access == READ and path.endswith(_CODE)):
            return True
        inside = path.removeprefix(_inside(self._folder)) if self._folder is not None else path
        return not _FOLDERS.isdisjoint(Path(inside).parts[:-1])


def _compiled(pattern: str) -> tuple[re.Pattern[str], bool]:
    """Return a pattern, and whether it is one of names."""
    is_name = "/" not in pattern
    whole = pattern.removeprefix("./")
    return re.compile(fnmatch.translate(f"{whole}*" if whole.endswith("/") else whole)), is_name


def _interpreter(folder: str | None) -> Iterator[str]:
    """Return where Python and what is installed are."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix}
    parts = {*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()}
    return _places({form(each) for each in prefixes | parts for form in (os.path.abspath, os.path.realpath)}, folder)


def _of_user(folder: str | None) -> Iterator[str]:
    home, temporary = os.path.expanduser("~"), tempfile.gettempdir()  # noqa: PTH111 - a text
    places = [os.path.join(home, each) for each in _OF_HOME]  # noqa: PTH118
    places += [value for name in _VARIABLES if os.path.isabs(value := os.environ.get(name, ""))]  # noqa: PTH117
    yield from _places(places, folder)
    for each in _OF_TEMPORARY:
        yield os.path.join(temporary, each)  # noqa: PTH118


def _places(folders: Iterable[str], folder: str | None) -> Iterator[str]:
    """Return how the paths in these folders begin; one that the notebook is in is a place for both."""
    return (_inside(each) for each in folders if folder is None or not _is_in(folder, each))


def _is_in(path: str, folder: str) -> bool:
    return _inside(path).startswith(_inside(folder))


def _inside(folder: str) -> str:
    return os.path.join(folder, "")  # noqa: PTH118 - a Path has no separator at its end
