"""Which installed distributions a notebook's modules belong to, and their versions."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from ln_jupyter import reading
from ln_jupyter.environment import distributions
from ln_jupyter.environment.origins import direct_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ln_jupyter.environment.distributions import Distribution

_log = logging.getLogger(__name__)


class _File(NamedTuple):
    """A module's file: *inside* is its path in *folder*, an entry of ``sys.path``; empty in none of them."""

    path: str
    folder: str
    inside: str

    @property
    def top(self) -> str:
        """The name that is imported first, without its kind of file."""
        return self.inside.partition("/")[0].partition(".")[0]


def find_versions(modules: Iterable[str]) -> dict[str, str]:
    """Find the distributions that *modules* belong to; nothing is imported.

    A module that is loaded is looked up where it was loaded from, every other where an import
    would find it. One without a distribution, such as a file beside the notebook, is left out.

    Args:
        modules: Dotted names, as `imports.modules` reads them.

    Returns:
        Name to version, by name.

    Example:
        >>> list(find_versions({"IPython.display", "no_such_module"}))
        ['ipython']
    """
    paths = {path for module in modules if (path := _path(module)) is not None}
    if not paths:
        return {}
    installed = list(distributions.distributions())
    found = {owner.name: owner.version for owner in _owners([_place(path) for path in sorted(paths)], installed)}
    return dict(sorted(found.items()))


def _path(module: str) -> str | None:
    """Find the file of the outermost package of *module* that has one: a namespace package has none."""
    name = ""
    places: list[str] | None = None
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = _spec(name, places)
        if spec is None:
            return None
        if spec.has_location and spec.origin:
            return spec.origin
        places = list(spec.submodule_search_locations or ())
    return None


def _spec(name: str, places: list[str] | None) -> ModuleSpec | None:
    loaded = getattr(sys.modules.get(name), "__spec__", None)
    if isinstance(loaded, ModuleSpec):
        return loaded
    try:
        if places is None:
            return importlib.util.find_spec(name)
        # `importlib.util` would import what the name stands in; the finder would look for that among
        # the loaded modules, if the name told it.
        return PathFinder.find_spec(name.rpartition(".")[2], places)
    except Exception:  # noqa: BLE001 - finders are anybody's; and a name no file can have, a folder closed to us
        _log.debug("nothing finds the module %s", name, exc_info=True)
        return None


def _place(path: str) -> _File:
    entries = [entry for entry in sys.path if entry and path.startswith(os.path.join(entry, ""))]  # noqa: PTH118
    if not entries:
        return _File(path, "", "")
    folder = max(entries, key=len)
    return _File(path, os.path.realpath(folder), Path(path).relative_to(folder).as_posix())


def _owners(files: Sequence[_File], installed: Sequence[Distribution]) -> Iterator[Distribution]:
    """Ask each distribution once, those that are called like a module first: most often that is it."""
    tops = {distributions.normalised(file.top) for file in files}
    left = set(files)
    for each in sorted(installed, key=lambda each: each.name not in tops):
        candidates = [file for file in left if file.folder == each.folder]
        owned = _owned(each, candidates) if candidates else []
        if owned:
            yield each
            left.difference_update(owned)
    folders = {each.folder for each in installed}
    left = {file for file in left if file.folder not in folders}  # elsewhere: installed to be edited
    if left:
        projects = [(each, project) for each in installed if (project := _project(each)) is not None]
        for file in left:
            around = [(each, project) for each, project in projects if Path(file.path).is_relative_to(project)]
            if around:
                yield max(around, key=lambda pair: len(pair[1].parts))[0]


def _owned(distribution: Distribution, files: Sequence[_File]) -> list[_File]:
    """Tell which of *files* the distribution has installed."""
    record = _read(distribution, "RECORD")
    if record:
        lines = b"\n" + record
        return [file for file in files if f"\n{file.inside},".encode(errors="surrogateescape") in lines]
    stated = _read(distribution, "top_level.txt").decode(errors="replace").split()
    names = {distributions.normalised(name) for name in stated} or {distribution.name}
    return [file for file in files if distributions.normalised(file.top) in names]


def _project(distribution: Distribution) -> Path | None:
    """Find the folder of a project that is installed to be edited."""
    stated = direct_url(distribution)
    url = stated.get("url")
    if not isinstance(url, str) or not url.startswith("file:"):
        return None
    if "dir_info" not in stated:
        return None
    path = urlsplit(url).path
    if os.name == "nt":
        from urllib.request import url2pathname  # here for cost: elsewhere it is `unquote`

        return Path(url2pathname(path))
    return Path(unquote(path))


def _read(distribution: Distribution, name: str) -> bytes:
    try:
        # a Path of each of hundreds of files would cost more than to ask for them
        return reading.whole(os.path.join(distribution.metadata, name))  # noqa: PTH118
    except OSError:
        return b""
