"""A notebook and its copies: which of them a file is, by its content and by what else is still there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter import errors
from ln_jupyter.notebook import document as documents
from ln_jupyter.notebook import identity as identities
from ln_jupyter.notebook.identity import Identity
from ln_jupyter.schema import ids
from ln_jupyter.tracking import evidence
from ln_jupyter.tracking.evidence import Content

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ln_jupyter.notebook.document import Document
    from ln_jupyter.tracking.evidence import Seen, Trace
    from ln_jupyter.tracking.this_machine import ThisMachine
    from ln_jupyter.tracking.versions import Version


class Identified(NamedTuple):
    """Who a notebook is.

    Attributes:
        identity: Its id, and the version that was last known of it.
        parent: Id and version of the notebook that it is a copy of.
        is_new: The id was made just now: nothing is known of the notebook.
        why_copy: Why it was made, for a copy.
        versions: Those that are registered, as `versions.read_versions` reads them; None where they were not read.
        here: What the registry knows of the path; None where it knows nothing.
    """

    identity: Identity
    parent: tuple[str, str] | None = None
    is_new: bool = False
    why_copy: str = ""
    versions: Mapping[Version, dict[str, Any]] | None = None
    here: Seen | None = None


class Family:
    """A notebook and its copies, by what is known of their contents.

    Args:
        stated: The notebook.
        known: Its versions.
        traces: Where it and its copies were seen.
        files: Tells what is still there.
    """

    def __init__(
        self, stated: Identity, known: Mapping[Version, dict[str, Any]], traces: list[Trace], files: Files
    ) -> None:
        self._stated = stated
        self._versions = known
        self._traces = traces
        self._files = files
        published = Content(sources=frozenset(filter(None, (each.source_hash for each in known))))
        self.contents = {stated.id: published}
        """What is known of each, by id."""
        for each in traces:
            self.learn({each.seen.notebook_id: evidence.of_file(each.seen)})

    def learn(self, contents: Mapping[str, Content]) -> None:
        """Take note of more."""
        for notebook_id, content in contents.items():
            known = self.contents.get(notebook_id, Content())
            self.contents[notebook_id] = evidence.together([known, content])

    def find(self, content: Content, path: str | None) -> Identified | None:
        """Find the one that a file at this path is, by this content; None if it is none of them."""
        for each in self._traces:
            if each.is_here and self._files.is_same(each.seen.path) and self._is_there(each.seen):
                return self._identified(each.seen.notebook_id)
        parent = self.contents[self._stated.id]
        is_copy = self._original is not None
        own = content.without(parent)
        if is_copy:  # of which it may have all of its content
            own = own._replace(sources=content.sources)
        at_path = {each.seen.notebook_id for each in self._traces if each.seen.path == path}
        children = sorted(self.contents.keys() - {self._stated.id}, key=lambda child: (child not in at_path, child))
        for child in children:
            is_meant = child in at_path and self._stated.id not in at_path
            if (content if is_meant else own).agrees_with(self.contents[child]) and self._elsewhere(child) is None:
                return self._identified(child)
        if not is_copy and content.agrees_with(parent):
            return self._identified(self._stated.id)
        return None

    def new_copy(self) -> Identified:
        """Make another copy."""
        original = self._original
        if original is not None:
            return new_identity((self._stated.id, original.notebook_v), f"the original is at {original.path}")
        stated = [each.v for each in self._versions if each.v == self._stated.version]
        v = stated[0] if stated else max(self._versions, key=lambda each: each.created_at).v
        return new_identity((self._stated.id, v), "it has nothing in common with that one")

    @property
    def _original(self) -> Seen | None:
        return self._elsewhere(self._stated.id)

    def _elsewhere(self, notebook_id: str) -> Seen | None:
        """Return another file of this machine that is the notebook."""
        seen = (each.seen for each in self._traces if each.is_here and each.seen.notebook_id == notebook_id)
        return next((each for each in seen if self._is_there(each)), None)

    def _is_there(self, seen: Seen) -> bool:
        """Return whether a file is what was seen there; a copy that no server saved states the id of its original."""
        return self._files.is_there(seen, stating=(seen.notebook_id, self._stated.id))

    def _identified(self, notebook_id: str) -> Identified:
        if notebook_id == self._stated.id:
            return Identified(self._stated, versions=self._versions)
        seen = next(each.seen for each in self._traces if each.seen.notebook_id == notebook_id)
        return Identified(Identity(notebook_id, seen.notebook_v))


class Files:
    """What files of this machine are now.

    Args:
        path: The file that asks to be registered.
        machine: Looks at them, once each.
    """

    def __init__(self, path: Path, machine: ThisMachine) -> None:
        self._path = path
        self._machine = machine

    def is_same(self, path: str) -> bool:
        """Return whether a path is another name of the file, or another checkout of it."""
        return self._machine.ask(_is_same_file, self._path, path)

    def is_linked(self, path: str) -> bool:
        """Return whether a path is another name of the file."""
        return self._machine.ask(_is_linked, self._path, path)

    @property
    def real_path(self) -> str:
        """What the path of the file leads to, where it is a link."""
        return self._machine.ask(_real_path, self._path)

    def is_there(self, seen: Seen, *, stating: Collection[str]) -> bool:
        """Return whether a file that was seen is still there: it states one of these ids, or none and has its content."""
        is_there, document = self._machine.ask(_read, seen.path)
        if document is None:
            return is_there
        stated = identities.stated(document)
        return evidence.is_same(seen, document) if stated is None else stated.id in stating


def new_identity(parent: tuple[str, str] | None = None, why_copy: str = "") -> Identified:
    """Make an id, of which nothing is known."""
    return Identified(Identity(ids.new(ids.NOTEBOOK)), parent, is_new=True, why_copy=why_copy)


def _read(path: str) -> tuple[bool, Document | None]:
    """Read a file; whether it is there, and what it says if it can be read."""
    if not os.path.isfile(path):  # noqa: PTH113 - of a folder closed to us
        return False, None
    try:
        return True, documents.read(Path(path))
    except errors.NotebookUnreadableError:  # such as one with a merge conflict: it has not moved
        return True, None


def _real_path(path: Path) -> str:
    return os.path.realpath(path)


def _is_linked(path: Path, other: str) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):  # it went away, or is no path of this system
        return False


def _is_same_file(path: Path, other: str) -> bool:
    if _is_linked(path, other):
        return True
    from ln_jupyter.environment import git  # here for cost: only two files that may be one are asked about

    return git.are_one_file(path, Path(other))
