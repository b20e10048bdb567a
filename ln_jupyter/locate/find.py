"""Find the file that is running, or say what was tried."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ln_jupyter import errors, settings
from ln_jupyter.environment import kernel
from ln_jupyter.locate import finders, host
from ln_jupyter.locate.location import Confidence, Location, absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ln_jupyter.environment.kernel import Kernel

__all__ = ["VARIABLE", "Confidence", "Location", "find"]

VARIABLE = "LN_JUPYTER_NOTEBOOK"
"""The environment variable that names the notebook where nothing else can."""

# What runs cells: notebooks, scripts, and text that jupytext opens as a notebook.
_SUFFIXES = {".ipynb", ".py", ".pyw", ".ipy", ".md", ".Rmd", ".qmd"}
_FIX = 'ln.header(filepath="my.ipynb"), or ln.header(id="...", name="...") where there is no file'


def find(filepath: str | Path | None = None) -> Location:
    """Find the notebook or script that runs this code.

    A file that is named, by the argument or by ``LN_JUPYTER_NOTEBOOK``, is taken or refused;
    nothing else is asked. Otherwise the signals of ``finders`` are asked in their order, and
    one that names a file which is not there is no answer. Ask again after a rename.

    Args:
        filepath: The file, where the caller knows better than any signal.

    Raises:
        NotebookNotFoundError: The named file does not exist, or no signal named one.
        NotebookUnreadableError: The named file is none that runs cells.

    Example:
        >>> find("/no such.ipynb")
        Traceback (most recent call last):
        ...
        ln_jupyter.errors.NotebookNotFoundError: filepath names /no such.ipynb, which is not a file
        fix: ln.header(filepath="my.ipynb"), or ln.header(id="...", name="...") where there is no file
    """
    if filepath is not None:
        return _stated(filepath, by="filepath", folder=settings.working_folder())
    here = kernel.current()
    folder = here.folder if here is not None else settings.working_folder()
    if variable := os.environ.get(VARIABLE):
        return _stated(variable, by=VARIABLE, folder=folder)
    tried = []
    for signal, found in _ask(here):
        if not isinstance(found, Location):
            why = found if here is not None else _why_no_script()
            tried.append(f"{signal} ({why})" if why else signal)
            continue
        path = absolute(found.path, folder=folder)
        if _is_file(path):
            return found._replace(path=path)
        tried.append(f"{signal} (names {path}, which is not a file)")
    service = host.name()
    where = f" on {service}" if service else ""
    message = f"nothing tells which notebook is running{where}; tried: {', '.join(tried)}"
    raise errors.NotebookNotFoundError(message, fix=_FIX)


def _ask(here: Kernel | None) -> Iterator[tuple[str, Location | str | None]]:
    if here is None:
        yield "main file", finders.by_main_file()
        return
    for finder in finders.IN_A_KERNEL:
        yield finder.__name__.removeprefix("by_").replace("_", " "), finder(here)


def _why_no_script() -> str:
    stated = getattr(sys.modules.get("__main__"), "__file__", None)
    if isinstance(stated, str):
        if settings.working_folder() is None and not os.path.isabs(stated):  # noqa: PTH117 - of a text
            return f"{stated}, in a working folder that was deleted"
        return f"{stated} is an installed program, which runs this code for somebody"
    return "there is none: what runs is no script, or a thread that has outlived it"


def _stated(filepath: str | Path, *, by: str, folder: Path | None) -> Location:
    if not isinstance(filepath, str | Path):
        raise errors.NotebookNotFoundError(f"{by} is {filepath!r}, which is no path", fix=_FIX)
    # Path.expanduser raises for the name "~x.ipynb"; this leaves it as it is.
    path = Path(os.path.expanduser(filepath))  # noqa: PTH111
    if folder is None and not path.is_absolute():
        message = f"{by} names {path}, in a working folder that was deleted"
        raise errors.NotebookNotFoundError(message, fix=_FIX)
    path = absolute(path, folder=folder)
    if not _is_file(path):
        message = f"{by} names {path}, which is not a file"
        raise errors.NotebookNotFoundError(message, fix=_FIX)
    if path.suffix not in _SUFFIXES and not _is_main(path):
        message = f"{by} names {path}, which is neither a notebook nor a script"
        raise errors.NotebookUnreadableError(message, fix=_FIX)
    return Location(path, via=by)


def _is_main(path: Path) -> bool:
    """Return whether Python runs this very file, however it is called."""
    main = finders.by_main_file()
    return main is not None and main.path == path


def _is_file(path: Path) -> bool:
    # Path.is_file raises for a folder that may not be entered; this says no.
    return os.path.isfile(path)  # noqa: PTH113
