"""Who a notebook is: what its file says, held against what the registry knows.

A file that moves keeps its id, and so does one that git checked out twice, or that a link leads to. A copy
gets its own, once: the file may go on saying the other one for ever, where no server saves it. So does a file
that has nothing in common with the notebook whose id it states: somebody else made it from that one.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter.db import backends
from ln_jupyter.notebook.identity import Identity
from ln_jupyter.schema.tables import notebook
from ln_jupyter.tracking import evidence, versions
from ln_jupyter.tracking.evidence import Content
from ln_jupyter.tracking.family import Family, Files, Identified, new_identity
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ln_jupyter.notebook.document import Document
    from ln_jupyter.tracking.evidence import Seen
    from ln_jupyter.tracking.request import Request
    from ln_jupyter.tracking.this_machine import ThisMachine


def identify(connection: sa.Connection, request: Request, known: Identity | None, machine: ThisMachine) -> Identified:
    """Say who asks to be registered; afterwards the machine is asked nothing more.

    Args:
        connection: To the registry, which is only read, and locked for whoever is new.
        request: The notebook.
        known: Who this process registered it as, where it did.
        machine: Looks at files.

    Raises:
        UnansweredError: If the machine has to be asked while the registry is locked.
    """
    identification = _Identification(request, known, machine)
    machine.must_not_ask = False  # nothing is locked yet, the second time neither
    found = identification.find(connection)
    machine.must_not_ask = True
    if found.is_new and request.path is not None:
        # two kernels may both be the first to see a file: the second one waits, and sees what the first one wrote
        name = identification.real_path if request.stated is None else request.stated.id
        backends.get(connection.dialect).begin_named(connection, name)
        found = identification.find(connection, and_alike=request.stated is None)
    return found


class _Identification:
    """What is asked of the registry and of files; the answers of files are kept."""

    def __init__(self, request: Request, known: Identity | None, machine: ThisMachine) -> None:
        self._request = request
        self._known = known
        self._files = Files(Path() if request.location is None else request.location.path, machine)
        self.real_path = "" if request.path is None else storable(self._files.real_path)
        """What the path leads to, where it is a link."""

    def find(self, connection: sa.Connection, *, and_alike: bool = False) -> Identified:
        """Say who it is, as far as the machine answers; links to its file, if any, are among those *and_alike*."""
        seen = evidence.seen(connection, self._request, self.real_path, and_alike=and_alike)
        here = next((each for each in seen if each.path == self._request.path), None)
        return self._find(connection, here, seen)._replace(here=here)

    def _find(self, connection: sa.Connection, here: Seen | None, seen: Sequence[Seen]) -> Identified:
        request, known = self._request, self._known
        if request.document is None or request.names_id:
            identity = request.stated or known
            return new_identity() if identity is None else Identified(identity)
        if request.stated is not None:
            return self._stated(connection, request.stated, request.document, here)
        if known is not None:
            return Identified(known)
        for each in filter(None, (here, *seen)):  # the file's own path first, then other names of it
            is_it = each is here or self._files.is_linked(each.path)
            if is_it and evidence.is_same(each, request.document):
                return Identified(Identity(each.notebook_id, each.notebook_v))
        return new_identity()

    def _stated(self, connection: sa.Connection, stated: Identity, document: Document, here: Seen | None) -> Identified:
        """Believe what a file says of itself if this file had the id, or has something in common with whoever has."""
        at_path = None if here is None else Identity(here.notebook_id, here.notebook_v)
        had = [identity for identity in (self._known, at_path) if identity is not None]
        if any(identity.id == stated.id for identity in had):
            return Identified(stated)
        for identity in had:
            if _is_child(connection, identity.id, stated.id):
                return Identified(identity)
        known = versions.read_versions(connection, stated.id)
        if not known:
            return Identified(stated)
        host, path = self._request.process.host, self._request.path
        traces = evidence.traces(connection, stated.id, host=host, path=path)
        family = Family(stated, known, traces, self._files)
        content = evidence.content(document)
        if (found := family.find(content, path)) is not None:
            return found
        if here is not None and at_path is not None and content.agrees_with(evidence.of_file(here)):
            return Identified(at_path)  # a header that was pasted from elsewhere has brought the id along
        content = self._content_with_code
        family.learn(evidence.of_runs(connection, family.contents, content))
        return family.find(content, path) or family.new_copy()

    @functools.cached_property  # for it takes long to parse, and may be asked for again with a lock
    def _content_with_code(self) -> Content:
        document = self._request.document
        return Content() if document is None else evidence.with_code(evidence.content(document), document)


def _is_child(connection: sa.Connection, notebook_id: str, parent_id: str) -> bool:
    is_child = sa.exists().where(notebook.c.id == notebook_id, notebook.c.parent_id == parent_id)
    return bool(connection.scalar(sa.select(is_child)))
