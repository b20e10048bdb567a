"""Notebooks by the names of their files, as people know them."""

from __future__ import annotations

import socket
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from ln_jupyter import errors
from ln_jupyter.sanitize import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

_LONGEST = 200  # characters of a name in an error
_SUFFIXES = (".ipynb", ".py", ".md", ".qmd", ".Rmd")


def is_one(name: str) -> bool:
    """Say whether somebody who writes this means a file, and no id.

    Example:
        >>> is_one("growth/train.ipynb"), is_one("Rx2s9c")
        (True, False)
    """
    return name.endswith(_SUFFIXES) or "/" in name or "\\" in name


def notebooks(connection: sa.Connection, name: str) -> list[str]:
    """Return the ids of the notebooks that a file is: of one path, or wherever there is a file of this name.

    Raises:
        RunNotFoundError: If there is none; a name that is no file's may be an id, or its beginning.
        InvalidRunError: If it is the beginning of several ids.
    """
    from ln_jupyter.queries import ids, notebooks  # here for cost: --help needs no database
    from ln_jupyter.schema import Notebook

    if not is_one(name):
        return [ids.find(connection, name, Notebook)[1]]
    found = notebooks.at(connection, name, host=socket.gethostname(), path=str(Path(name).absolute()))
    if not found:
        msg = f"the registry knows no notebook {shortened(name, _LONGEST)}"
        raise errors.RunNotFoundError(msg, fix="ln-jupyter list names those there are")
    return list(found)


def notebook(connection: sa.Connection, name: str) -> str:
    """Return the id of the one notebook that a file is.

    Raises:
        RunNotFoundError: As `notebooks`.
        InvalidRunError: If there are several.
    """
    found = notebooks(connection, name)
    if len(found) > 1:
        msg = f"{len(found)} notebooks have a file {shortened(name, _LONGEST)}"
        raise errors.InvalidRunError(msg, fix=f"write its path, or an id: {', '.join(found[:4])}")
    return found[0]


def short_names(paths: Iterable[str | None]) -> dict[str, str]:
    """Shorten paths to the names of their files; those of one name keep as many folders as tell them apart.

    Example:
        >>> short_names(["/lab/a/train.ipynb", "/lab/b/train.ipynb", "/lab/b/plot.ipynb"])
        {'/lab/a/train.ipynb': 'a/train.ipynb', '/lab/b/train.ipynb': 'b/train.ipynb', '/lab/b/plot.ipynb': 'plot.ipynb'}
    """
    parts = {path: _parts(path) for path in paths if path}
    found = {}
    for path, own in parts.items():
        others = [each for other, each in parts.items() if other != path]
        count = 1
        while count < len(own) and any(each[-count:] == own[-count:] for each in others):
            count += 1
        found[path] = "/".join(own[-count:])
    return found


def near(path: str) -> str:
    """Write a path from here, or from the home folder, if it is below one of them.

    Example:
        >>> near(str(Path.cwd() / "growth" / "train.ipynb"))
        'growth/train.ipynb'
    """
    for folder, before in ((Path.cwd(), ""), (Path.home(), "~/")):
        if Path(path).is_relative_to(folder):
            return before + Path(path).relative_to(folder).as_posix()
    return path


def _parts(path: str) -> tuple[str, ...]:
    kind = PureWindowsPath if "\\" in path and "/" not in path else PurePosixPath
    return kind(path).parts or (path,)
