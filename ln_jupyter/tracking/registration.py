"""`header()`, and what it registered in this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from ln_jupyter import errors, settings
from ln_jupyter.notebook import identity, kernel, locate
from ln_jupyter.tracking import request as requests

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ln_jupyter.notebook.location import Location
    from ln_jupyter.tracking.rows import Registration

_current: Registration | None = None


def current() -> Registration | None:
    """Give what `header()` registered in this process; None if it did not run here."""
    return _current if _current is not None and _current.pid == os.getpid() else None


def forget() -> None:
    """Let the next `header()` begin a run, as in a new process: a test does."""
    global _current  # noqa: PLW0603 - the one owner of what this process runs
    _current = None


def header(  # noqa: PLR0913 - keywords, each for what cannot be found out or is found wrongly
    *,
    run: Literal["new", "latest"] | None = None,
    pypackage: str | Iterable[str] | None = None,
    filepath: str | Path | None = None,
    env: str | None = None,
    id: str | None = None,  # noqa: A002 - nbproject's word
    v: str | None = None,
    name: str | None = None,
) -> None:
    """Register the running notebook and its run, and show them.

    Finds the notebook, reads its title and identity, registers both in one transaction,
    loads the magics, and displays itself. Called again in the same process it keeps the
    run. It never writes the notebook's file: the identity travels in the display.

    With ``LN_JUPYTER_MODE=off`` it only loads the magics, so that the rest of the notebook runs.

    Args:
        run: ``"new"`` begins another run; ``"latest"`` goes on with the newest there is.
        pypackage: Packages to note with the run, with their versions.
        filepath: The notebook, where nothing can find it.
        env: What runs the notebook, where that is found wrongly.
        id: The notebook's id, where its file should not decide.
        v: Its version.
        name: Its name, where there is no file.

    Raises:
        NotebookNotFoundError: If nothing tells which notebook is running.
        NotebookUnreadableError: If the file is none.
        InvalidIdentityError: If *id* or *v* cannot name a notebook.
        NothingGivenError: If *run* is none of its words.
        SettingsError: If a setting cannot be used.
        DatabaseError: If the registry cannot be reached, or is none.

    Example:
        >>> import ln_jupyter as ln
        >>> ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")  # doctest: +ELLIPSIS
        Solve Problem X
        ...
    """
    global _current  # noqa: PLW0603 - the one owner of what this process runs
    _load_magics()
    if settings.is_off_by_environment():
        return
    identity.check(id, v)
    if run not in (None, "new", "latest"):
        msg = f"run={run!r} is none of None, 'new' and 'latest'"
        raise errors.NothingGivenError(msg, fix='header(run="new") begins another run')
    location, problem = _find(filepath)
    if settings.current(None if location is None else location.path.parent).mode == "off":
        return
    known = id is not None or current() is not None
    if problem is not None and (filepath is not None or not known):
        raise problem
    request = requests.look_at(location, notebook_id=id, version=v, name=name, packages=pypackage or (), runner=env)
    from ln_jupyter.tracking import bundle, rows  # here for cost: they import SQLAlchemy

    _current = rows.register(request, before=current(), run=run)
    bundle.show(_current, request)


def _find(filepath: str | Path | None) -> tuple[Location | None, errors.NotebookNotFoundError | None]:
    """Find the file, or why it cannot be found: a project that is turned off does not care."""
    try:
        return locate.find(filepath), None
    except errors.NotebookNotFoundError as error:
        return None, error


def _load_magics() -> None:
    shell = kernel.shell()
    if shell is not None:
        shell.extension_manager.load_extension("ln_jupyter")  # by its manager, so that %unload_ext knows of it
