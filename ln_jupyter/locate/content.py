"""Which of several notebooks runs, by what was executed: what can be told apart, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter import errors
from ln_jupyter.environment import process
from ln_jupyter.notebook import document, sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ln_jupyter.environment.kernel import Kernel
    from ln_jupyter.notebook.document import Document

_CLOCK = 2.0  # seconds: how coarsely some file systems note when a file was written


class Found(NamedTuple):
    """The notebooks that what was executed may be of.

    Attributes:
        paths: Their files.
        is_papermill: It was papermill that executed it, which adds a cell to what it runs.
    """

    paths: tuple[Path, ...]
    is_papermill: bool = False


class _Pass(NamedTuple):
    """A notebook that may have run from one executed cell to before another, to its end or not."""

    start: int
    end: int
    path: Path


def find(files: Iterable[Path], kernel: Kernel) -> Found:
    """Find the notebooks that hold the running cell, if the front end named it, and all that was executed.

    A program executes a notebook in order and from its first cell on; a person does as they like.
    """
    executed = kernel.executed
    if not executed:
        return Found(())
    documents = [each for each in map(_read, files) if each is not None]
    if kernel.cell_id:
        documents = [each for each in documents if _has(each, kernel.cell_id)]
    if not kernel.is_headless:
        return Found(tuple(each.path for each in documents if set(executed) <= _sources(each)))
    found = _begun(documents, executed)
    return found if found.paths else Found(_begun_later(documents, executed))


def is_begun(path: Path, executed: Sequence[str]) -> bool:
    """Return whether a notebook begins with all that was executed: then nothing else has run since it began."""
    found = _read(path)
    return found is not None and bool(_begun([found], executed).paths)


def with_cell(files: Iterable[Path], cell_id: str) -> tuple[Path, ...]:
    """Find the notebooks that hold a cell."""
    documents = [each for each in map(_read, files) if each is not None]
    return tuple(each.path for each in documents if cell_id and _has(each, cell_id))


def _begun(documents: Sequence[Document], executed: Sequence[str]) -> Found:
    as_saved = [each for each in documents if sequence.begins(each.cells, executed)]
    parametrised = [each for each in documents if sequence.begins_by_papermill(each.cells, executed)]
    paths = {each.path for each in (*as_saved, *parametrised)}
    written = [each for each in as_saved if _is_being_written(each)]
    if written:  # what papermill writes is no notebook of the user's, and names the one it is made of
        paths = {path for path in paths if any(_is_named(path, each.papermill.get("input_path")) for each in written)}
    return Found(tuple(sorted(paths)), is_papermill=bool(written or parametrised))


def _begun_later(documents: Sequence[Document], executed: Sequence[str]) -> tuple[Path, ...]:
    """Find what a program may run in a kernel that has run other notebooks before, one after the other.

    One that ran before may run again, or one of another folder that begins like it: then nothing is known.
    """
    saved = {each.path: sequence.sources(each.cells) for each in documents}
    passes: list[_Pass] = []
    reached = {0}
    for start in range(len(executed)):
        if start in reached:
            rest = executed[start:]
            ends = {path: start + sequence.count_common(sources, rest) for path, sources in saved.items()}
            passes += [_Pass(start, end, path) for path, most in ends.items() for end in range(start + 1, most + 1)]
            reached.update(each.end for each in passes)
    last = [each for each in passes if each.start > 0 and each.end == len(executed)]
    found = {each.path for each in last}
    known = {path for start in {each.start for each in last} for path in _before(start, passes)}
    return tuple(sorted(found)) if len(found) > 1 or found.isdisjoint(known) else ()


def _before(start: int, passes: Sequence[_Pass]) -> set[Path]:
    """Return the notebooks of all passes that lead there without a gap; those that begin them are reached so."""
    leads = {start}
    for each in sorted(passes, reverse=True):
        if each.end in leads:
            leads.add(each.start)
    return {each.path for each in passes if each.end in leads}


def _is_being_written(document: Document) -> bool:
    """Return whether papermill writes this file while it runs this kernel, as it does before each cell."""
    said = document.papermill
    if not said or said.get("end_time") is not None or not _is_named(document.path, said.get("output_path")):
        return False
    try:
        written = document.path.stat().st_mtime
    except OSError:  # it went away just now
        return False
    return written > process.current().started_at.timestamp() - _CLOCK


def _is_named(path: Path, stated: object) -> bool:
    """Return whether papermill may mean this file; a relative path is one of a folder that it may have left."""
    if not isinstance(stated, str) or not stated:
        return False
    parts = [part for part in Path(stated).parts if part != ".."]
    return path.parts[-len(parts) :] == tuple(parts)


def _has(document: Document, cell_id: str) -> bool:
    return any(cell.id == cell_id for cell in document.cells)


def _sources(document: Document) -> set[str]:
    return {cell.source.strip() for cell in document.cells if cell.type == "code"}


def _read(path: Path) -> Document | None:
    try:
        return document.read(path)
    except errors.NotebookUnreadableError:
        return None
