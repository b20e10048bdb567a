"""Who a notebook is: what its file says, held against where the registry saw it before.

A file that moves keeps its id, and so does one that git checked out twice. A copy gets its own,
once: the file may go on saying the other one for ever, where no server saves it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.notebook import document as documents
from ln_jupyter.notebook import identity as identities
from ln_jupyter.notebook.identity import Identity
from ln_jupyter.schema import ids
from ln_jupyter.schema.tables import notebook, notebook_path
from ln_jupyter.tracking import checkouts
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ln_jupyter.notebook.document import Document
    from ln_jupyter.tracking.request import Request


class Identified(NamedTuple):
    """Who a notebook is.

    Attributes:
        identity: Its id, and the version that was last known of it.
        parent: Id and version of the notebook that it is a copy of.
        is_new: The id was made just now: nothing is known of the notebook.
    """

    identity: Identity
    parent: tuple[str, str] | None = None
    is_new: bool = False


class Seen(NamedTuple):
    """A file of this host that is registered, by the columns of its row.

    Attributes:
        path: Where it was.
        notebook_id: Of the notebook that it was.
        notebook_v: Its version.
        cell_ids: Its cells.
        source_hash: Of its source.
    """

    path: str
    notebook_id: str
    notebook_v: str
    cell_ids: list[str] | None
    source_hash: str | None


def identify(connection: sa.Connection, request: Request, known: Identity | None) -> Identified:
    """Say who asks to be registered.

    Args:
        connection: To the registry; it is only read.
        request: The notebook.
        known: Who this process registered it as, where it did.
    """
    stated = request.stated
    if stated is not None:
        return Identified(stated) if request.names_id else _stated(connection, request, stated)
    if known is not None:
        return Identified(known)
    here = seen_at(connection, request)
    if here is not None and request.document is not None and _is_same(here, request.document):
        return Identified(Identity(here.notebook_id, here.notebook_v))
    return _new()


def seen_at(connection: sa.Connection, request: Request) -> Seen | None:
    """Read what the registry knows of the request's path; None where it does not, or there is no file."""
    if request.document is None:
        return None
    here = (notebook_path.c.host == request.process.host, notebook_path.c.path == request.path)
    return next(iter(_seen(connection, *here)), None)


def _stated(connection: sa.Connection, request: Request, stated: Identity) -> Identified:
    """Believe what a file says of itself, unless it is the copy of a file that is still there."""
    here = seen_at(connection, request)
    if request.location is None or (here is not None and here.notebook_id == stated.id):
        return Identified(stated)
    if here is not None and _is_child(connection, here.notebook_id, stated.id):
        return Identified(Identity(here.notebook_id, here.notebook_v))
    of_host = (notebook_path.c.notebook_id == stated.id, notebook_path.c.host == request.process.host)
    others = [seen for seen in _seen(connection, *of_host) if _is_still_there(seen)]
    path = request.location.path
    if not others or any(_is_link(path, seen) or checkouts.are_one_file(path, Path(seen.path)) for seen in others):
        return Identified(stated)
    return _new(parent=(stated.id, others[0].notebook_v))


def _new(parent: tuple[str, str] | None = None) -> Identified:
    return Identified(Identity(ids.new(ids.NOTEBOOK)), parent, is_new=True)


def _seen(connection: sa.Connection, *criteria: sa.ColumnElement[bool]) -> Iterable[Seen]:
    row = sa.select(*(notebook_path.c[name] for name in Seen._fields))
    return [Seen(*each) for each in connection.execute(row.where(*criteria))]


def _is_child(connection: sa.Connection, notebook_id: str, parent_id: str) -> bool:
    is_child = sa.exists().where(notebook.c.id == notebook_id, notebook.c.parent_id == parent_id)
    return bool(connection.scalar(sa.select(is_child)))


def _is_still_there(seen: Seen) -> bool:
    """Say whether the file that was seen there is still the same notebook."""
    if not os.path.isfile(seen.path):  # noqa: PTH113 - of a folder closed to us
        return False
    try:
        document = documents.read(Path(seen.path))
    except errors.NotebookUnreadableError:  # such as one with a merge conflict: it has not moved
        return True
    stated = identities.stated(document)
    return _is_same(seen, document) if stated is None else stated.id == seen.notebook_id


def _is_same(seen: Seen, document: Document) -> bool:
    """Say whether a file is the notebook that was seen at its path.

    A script is: it has no cells to tell it by, and its edits are why it is run again. Of a notebook
    the content tells: a shared cell does. The same source does too, for converters and older formats
    keep no cell ids; but every new notebook may begin with the same one cell.
    """
    if document.path.suffix != ".ipynb":
        return True
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
