"""`publish()`: a version of the notebook is frozen, with its source, its packages and the run that made it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ln_jupyter import errors, settings
from ln_jupyter.locate.find import find
from ln_jupyter.notebook import document as documents
from ln_jupyter.notebook import identity
from ln_jupyter.tracking import running
from ln_jupyter.tracking.publishing import checks

if TYPE_CHECKING:
    from ln_jupyter.locate.location import Location
    from ln_jupyter.tracking.recording.recorder import Recording
    from ln_jupyter.tracking.request import Request


def publish(version: str | None = None) -> None:
    """Publish the running notebook: freeze its version, and finish the run.

    Call it in the last cell. The notebook is to have a title, to have run from its first cell to
    this one, and to be saved as it ran; nothing is asked, and the file is not written. Its source and
    packages are stored with the version. A notebook that is published already, with the same source,
    stays as it is: running it again is quiet.

    Where a new run began in the middle, what is shown names the cells that ran in the run before it.

    After it, `header()` goes on with the version while the source is the same, and opens the next draft
    when it differs.

    With ``LN_JUPYTER_MODE=off`` it does nothing.

    Args:
        version: What to publish it as; by default the draft's own version. Earlier runs stay with the draft.

    Raises:
        NotRegisteredError: If `header()` did not run.
        NotebookNotFoundError: If the notebook had a file, and that cannot be found any more.
        TitleMissingError: If the notebook has no title.
        NotLastCellError: If a cell follows this one.
        CellOrderError: If the cells did not run in their order.
        SourceDiffersError: If what ran is not what is saved.
        AlreadyPublishedError: If *version* is published with other source.
        InvalidIdentityError: If *version* cannot be one.
        DatabaseError: If the registry cannot be reached.

    Example:
        >>> import ln_jupyter as ln
        >>> ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")  # doctest: +ELLIPSIS
        Solve Problem X · version 1 draft
        ...
        >>> ln.publish()  # doctest: +ELLIPSIS
        Solve Problem X · version 1 published ...
    """
    current, recording = running.registration(), running.recording()
    if settings.is_off_by_environment():
        return
    identity.check(None, version)
    if current is None or recording is None:
        if settings.current().mode == "off":
            return
        msg = "the notebook is not registered: header() did not run in this process"
        raise errors.NotRegisteredError(msg, fix="ln.header() in the notebook's first cell, then run all cells")
    request = _check(recording, current.notebook_row["source_hash"])
    from ln_jupyter.tracking import header_output
    from ln_jupyter.tracking.publishing import publication  # here for cost: they import SQLAlchemy

    recording.settle()
    published = publication.publish(current, request, version)
    recording.close()
    recording.request = request  # where it is now, also for the next header()
    running.replace(published)
    header_output.show(published, request, ran_before=recording.ran_before(request.document))


def _check(recording: Recording, published: str | None) -> Request:
    """Look at the notebook as it is saved now, and refuse what is not fit to be published.

    Args:
        recording: Of its run.
        published: The hash of the source that its version is published with; None for a draft.
    """
    request, log, file = recording.request, recording.log, recording.request.last_location
    if file is None:
        cells = () if log is None else (*log.earlier, *recording.executed, log.running)
        code = tuple(documents.Cell(None, "code", cell.source) for cell in cells if cell is not None)
        return request._replace(document=documents.Document(Path(), None, {}, (), code))
    request = request.read_again(_where_now(file))
    if published is None or request.document is None or request.document.source_hash != published:
        checks.check_title(request)  # of what is published already, the title is what it was taken for then
    if log is not None:  # a script, or a file given to `ipython`, runs from its first line on
        checks.check_order(request, log)
    return request


def _where_now(file: Location) -> Location:
    """Find a file again that may have been renamed: what has a file is published as the file is, or not at all."""
    if os.path.isfile(file.path):  # noqa: PTH113 - of a folder closed to us
        return file
    try:
        return find()
    except errors.NotebookNotFoundError as error:
        msg = f"the notebook's file, {file.path}, is gone, and {error}"
        fix = 'put it back, or say where it is in the header\'s cell, ln.header(filepath="..."), and run all cells'
        raise errors.NotebookNotFoundError(msg, fix=fix) from error
