"""Who a notebook is: what its file says, held against where the registry saw it before.

A file that moves keeps its id, and so does one that git checked out twice. A copy gets its own,
once: the file may go on saying the other one for ever, where no server saves it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.notebook import document as documents
from ln_jupyter.notebook import identity as identities
from ln_jupyter.notebook.identity import Identity
from ln_jupyter.schema import Notebook, NotebookPath
from ln_jupyter.tracking import checkouts
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import orm

    from ln_jupyter.notebook.document import Document
    from ln_jupyter.tracking.request import Request


@dataclass(frozen=True)
class Identified:
    """Who a notebook is.

    Attributes:
        identity: Its id, and the version that was last known of it.
        parent: Id and version of the notebook that it is a copy of.
        is_new: The id was made just now: nothing is known of the notebook.
    """

    identity: Identity
    parent: tuple[str, str] | None = None
    is_new: bool = False


@dataclass(frozen=True)
class Seen:
    """A file of this host that is registered.

    Attributes:
        path: Where it was.
        id: Of the notebook that it was.
        v: Its version.
        cell_ids: Its cells.
        source_hash: Of its source.
    """

    path: str
    id: str
    v: str
    cell_ids: list[str] | None
    source_hash: str | None


def identify(session: orm.Session, request: Request, known: Identity | None) -> Identified:
    """Say who asks to be registered.

    Args:
        session: A session of the registry; it is only read.
        request: The notebook.
        known: Who this process registered it as, where it did.
    """
    stated = request.stated
    if stated is not None:
        return Identified(stated) if request.names_id else _stated(session, request, stated)
    if known is not None:
        return Identified(known)
    here = seen_at(session, request)
    if here is not None and request.document is not None and _is_same(here, request.document):
        return Identified(Identity(here.id, here.v))
    return _new()


def seen_at(session: orm.Session, request: Request) -> Seen | None:
    """Read what the registry knows of the request's path; None where it does not, or there is no file."""
    if request.document is None:
        return None
    return next(
        iter(_seen(session, NotebookPath.host == request.process.host, NotebookPath.path == request.path)), None
    )


def _stated(session: orm.Session, request: Request, stated: Identity) -> Identified:
    """Believe what a file says of itself, unless it is the copy of a file that is still there."""
    here = seen_at(session, request)
    if request.location is None or (here is not None and here.id == stated.id):
        return Identified(stated)
    if here is not None and _is_child(session, here.id, stated.id):
        return Identified(Identity(here.id, here.v))
    of_host = (NotebookPath.notebook_id == stated.id, NotebookPath.host == request.process.host)
    others = [seen for seen in _seen(session, *of_host) if _is_still_there(seen)]
    path = request.location.path
    if not others or any(_is_link(path, seen) or checkouts.are_one_file(path, Path(seen.path)) for seen in others):
        return Identified(stated)
    return _new(parent=(stated.id, others[0].v))


def _new(parent: tuple[str, str] | None = None) -> Identified:
    return Identified(Identity(Notebook().id), parent, is_new=True)


def _seen(session: orm.Session, *criteria: sa.ColumnElement[bool]) -> Iterable[Seen]:
    # columns and no records: a session that asks again, under a lock, is to see what was written meanwhile
    row = (NotebookPath.path, NotebookPath.notebook_id, NotebookPath.notebook_v)
    evidence = (NotebookPath.cell_ids, NotebookPath.source_hash)
    return [Seen(*each) for each in session.execute(sa.select(*row, *evidence).where(*criteria))]


def _is_child(session: orm.Session, notebook_id: str, parent_id: str) -> bool:
    is_child = sa.exists().where(Notebook.id == notebook_id, Notebook.parent_id == parent_id)
    return bool(session.scalar(sa.select(is_child), bind_arguments={"mapper": Notebook}))


def _is_still_there(seen: Seen) -> bool:
    """Say whether the file that was seen there is still the same notebook."""
    if not os.path.isfile(seen.path):  # noqa: PTH113 - of a folder closed to us
        return False
    try:
        document = documents.read(Path(seen.path))
    except errors.NotebookUnreadableError:  # such as one with a merge conflict: it has not moved
        return True
    stated = identities.stated(document)
    return _is_same(seen, document) if stated is None else stated.id == seen.id


def _is_same(seen: Seen, document: Document) -> bool:
    """Say whether the content tells that a file is the notebook that was seen at its path.

    A shared cell does. The same source does too, for converters and older formats keep no cell ids;
    but every new notebook may begin with the same one cell.
    """
    ids = {storable(cell.id) for cell in document.cells if cell.id}
    if not ids.isdisjoint(seen.cell_ids or ()):
        return True
    if ids and seen.cell_ids and sum(bool(cell.source.strip()) for cell in document.cells) <= 1:
        return False
    return seen.source_hash == document.source_hash


def _is_link(path: Path, seen: Seen) -> bool:
    try:
        return path.samefile(seen.path)
    except OSError:  # it went away just now
        return False
