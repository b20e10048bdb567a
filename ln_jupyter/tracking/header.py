"""`header()`: the running notebook is found, registered, recorded and shown."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ln_jupyter import callsite, errors, importing, settings
from ln_jupyter.environment import kernel, process, signals
from ln_jupyter.files import audit
from ln_jupyter.ipython import cell_log
from ln_jupyter.ipython.cell_log import CellLog
from ln_jupyter.locate import content
from ln_jupyter.locate.find import find
from ln_jupyter.locate.location import Location
from ln_jupyter.notebook import identity
from ln_jupyter.tracking import request as requests
from ln_jupyter.tracking import running

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ln_jupyter.ipython.cell_log import Execution
    from ln_jupyter.tracking.register import Registration
    from ln_jupyter.tracking.request import Request


def header(  # noqa: PLR0913 - keywords, each for what cannot be found out or is found wrongly
    *,
    run: Literal["new", "latest", "same"] | None = None,
    pypackage: str | Iterable[str] | None = None,
    filepath: str | Path | None = None,
    env: str | None = None,
    id: str | None = None,  # noqa: A002 - nbproject's word
    v: str | None = None,
    name: str | None = None,
    files: Literal["on", "off"] | None = None,
    executed_text: Literal["on", "off"] | None = None,
) -> None:
    """Register the running notebook and its run, and show them.

    Finds the notebook, reads its title and identity, registers both in one transaction,
    loads the magics, and displays itself. A run is what one pass through the notebook did: when the cell
    that called it is executed again after other cells, a new run begins, which names the one before it.
    Called again by another cell, a function or a script it keeps the run. It never writes the notebook's file: the identity travels in the display.

    With ``LN_JUPYTER_MODE=off`` it only loads the magics, so that the rest of the notebook runs.

    Args:
        run: ``"new"`` begins another run; ``"latest"`` goes on with the newest there is, unless another
            process still runs it, or it made what is published: then it begins another one, and says so;
            ``"same"`` keeps the present one, whatever was executed.
        pypackage: Packages to note with the run, with their versions.
        filepath: The notebook, where nothing can find it.
        env: What runs the notebook, where that is found wrongly.
        id: The notebook's id, where its file should not decide.
        v: Its version.
        name: Its name, where there is no file.
        files: ``"off"`` keeps nothing of the files that the run reads and writes; by default as the setting says,
            which is ``"on"``.
        executed_text: ``"off"`` keeps the hash of what the run's cells execute, and neither their text nor what
            their errors say; by default as the setting says, which is ``"on"``.

    Raises:
        NotebookNotFoundError: If nothing tells which notebook is running, or whether it is still the one
            that was registered, where a program runs several in one kernel.
        NotebookUnreadableError: If the file is none.
        InvalidIdentityError: If *id*, *v* or *name* cannot name a notebook.
        InvalidRunError: If *run* is none of its words.
        InvalidValueError: If *pypackage* or *env* is no text.
        SettingsError: If a setting cannot be used.
        DatabaseError: If the registry cannot be reached, or is none.

    Example:
        >>> import ln_jupyter as ln
        >>> ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")  # doctest: +ELLIPSIS
        Solve Problem X
        ...
    """
    shell, is_in_cell = kernel.shell(), callsite.is_cell_itself(sys._getframe(1))
    if shell is not None:
        shell.extension_manager.load_extension("ln_jupyter")  # by its manager, so that %unload_ext knows of it
    if settings.is_off_by_environment():
        return
    with audit.silence():  # what is read here is not the cell's
        identity.check(id, v, name)
        _check(run)
        location, missing = _find(filepath, id)
        if settings.current(None if location is None else location.path.parent).mode == "off":
            return
        lost = None
        if missing is not None:
            if filepath is not None or id is None:
                _check_that_it_goes_on(missing, is_named=filepath is not None)
            location, lost = _find_again(id)
        request = requests.look_at(
            location,
            lost=lost,
            notebook_id=id,
            version=v,
            name=name,
            packages=pypackage or (),
            runner=env,
            executed_text=executed_text,
            files=files,
        )
        with importing.uninterrupted():
            from ln_jupyter.tracking import header_output  # here for cost: it imports SQLAlchemy

        if run is None and is_in_cell and _begins_again():
            run = "new"
        registered, problem = _register(request, run, shell)
        _note_cell()
        if registered.run_row["pid"] == os.getpid():  # else it is a worker's parent's, which has shown it
            header_output.show(registered, request, problem=problem)


def _check(run: object) -> None:
    if run not in (None, "new", "latest", "same"):
        fix = f'{errors.near_miss(str(run), ("new", "latest", "same"))} ln.header(run="new") begins another run'
        raise errors.InvalidRunError(f"run={run!r} is none of 'new', 'latest' and 'same'", fix=fix)


def _begins_again() -> bool:
    """Return whether the running cell has called `header()` in this run, and another cell has run since."""
    recording, cell = running.recording(), _running_cell()
    if recording is None or recording.log is None or cell is None or _key(cell) not in recording.header_cells:
        return False
    since = recording.log.executed[recording.header_cells[_key(cell)] :]
    return any(_key(each) != _key(cell) for each in since)


def _note_cell() -> None:
    recording, cell = running.recording(), _running_cell()
    if recording is not None and recording.log is not None and cell is not None:
        recording.header_cells[_key(cell)] = len(recording.log.executed)


def _running_cell() -> Execution | None:
    recording = running.recording()
    return None if recording is None or recording.log is None else recording.log.running


def _key(execution: Execution) -> str:
    """Tell a cell from others: by its id, or by what it is where the front end has no ids."""
    return execution.cell_id or execution.source.strip()


def _register(
    request: Request, run: Literal["new", "latest", "same"] | None, shell: Any
) -> tuple[Registration, errors.DatabaseError | None]:
    """Register, and record from here on; where the registry is down, what was registered goes on, and why it does."""
    from ln_jupyter.tracking import register

    with running.one_at_a_time:
        before = running.registration()
        try:
            registered = register.register(request, before=before, run=run)
        except errors.DatabaseError as error:
            if before is None or run is not None or not _goes_on(before, request):
                raise
            return before, error
        running.replace(registered)
        if registered.run_row["pid"] == os.getpid():
            _record(registered, request, shell)
    return registered, None


def _goes_on(before: Registration, request: Request) -> bool:
    """Return whether what was registered is still what runs, where it is: then a registry that is down stops nobody."""
    from ln_jupyter.registry import choose

    is_same = request.path in (None, before.path)
    recording = running.newest_recording()
    return is_same and recording is not None and recording.engine is choose.of_registry()


def _check_that_it_goes_on(problem: errors.NotebookNotFoundError, *, is_named: bool) -> None:
    """Refuse to go on with what was registered where a program may have begun another notebook in this kernel.

    Who sits at a notebook has one kernel for it; nbclient takes any, and does not say what it runs.

    Raises:
        NotebookNotFoundError: If another file was named, nothing was registered, or what runs may be another one.
    """
    before, here = running.registration(), kernel.current()
    if before is None or is_named:
        raise problem
    if here is None or not here.is_headless or (before.path and content.is_begun(Path(before.path), here.executed)):
        return
    name = before.path or before.notebook_row["name"] or before.notebook_row["id"]
    message = f"nothing tells whether {name}, which this kernel has registered, is still what runs in it; {problem}"
    fix = f"{problem.fix}; or run each notebook in a kernel of its own"
    raise errors.NotebookNotFoundError(message, fix=fix)


def _record(registration: Registration, request: Request, shell: Any) -> None:
    """Keep the run up to date from here on; another run that the process has begun before ends here."""
    from ln_jupyter.tracking.recording.recorder import Recording  # here for cost: it imports SQLAlchemy

    engine, before = registration.origin, running.newest_recording()
    if before is not None and before.is_of(registration, engine):
        before.follow(request)
        return
    log = None
    if before is not None:
        ended = before.executed
        before.finish(at=ended[-1].ended_at if ended else None, with_process=False)
        log = before.log
    if shell is not None and (log is None or not log.follows(shell)):
        log = CellLog(shell, _wake) if cell_log.is_known(shell) else None
    recording = Recording(registration, request, engine, log)
    running.record(recording)
    recording.start()
    process.hand_down(recording.run_id, registration.path)
    signals.watch(_end)


def _wake() -> None:
    if (recording := running.newest_recording()) is not None:
        recording.wake()


def _end(by: str) -> None:
    recording = running.newest_recording()
    if recording is not None and running.recording() is recording:
        recording.finish(ended_by=by and f"ended by {by}")


def _find_again(notebook_id: str | None) -> tuple[Location | None, Location | None]:
    """Return where the file is that an earlier call found, or else where it was.

    Neither, where the notebook has no file, or *notebook_id* is another one's.
    """
    registered, recording = running.registration(), running.recording()
    if registered is None or recording is None or notebook_id not in (None, registered.notebook_row["id"]):
        return None, None
    earlier = recording.request.last_location
    if earlier is None or not os.path.isfile(earlier.path):  # noqa: PTH113 - of a folder closed to us
        return None, earlier
    return earlier._replace(via="an earlier header()"), None


def _find(
    filepath: str | Path | None, notebook_id: str | None
) -> tuple[Location | None, errors.NotebookNotFoundError | None]:
    """Find the file, or why it cannot be found: a project that is turned off does not care."""
    try:
        return find(filepath), None
    except errors.NotebookNotFoundError as error:
        # joblib's workers run a program of its own, and the code of the one that started them
        if filepath is None and notebook_id is None and os.path.isfile(file := process.file_of_parent()):  # noqa: PTH113 - of a folder closed to us
            return Location(Path(file), "the process that started it"), None
        return None, error
