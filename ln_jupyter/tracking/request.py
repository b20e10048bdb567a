"""What is known of the running notebook before the registry is asked."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ln_jupyter import errors
from ln_jupyter.environment import process
from ln_jupyter.notebook import document as documents
from ln_jupyter.notebook import identity as identities

if TYPE_CHECKING:
    from ln_jupyter.environment.process import Process
    from ln_jupyter.locate.location import Location
    from ln_jupyter.notebook.document import Document
    from ln_jupyter.notebook.identity import Identity


class Request(NamedTuple):
    """A notebook that asks to be registered.

    Attributes:
        location: Where its file is; None where there is none, or it is lost.
        lost: Where its file was at an earlier call, and is no more; None where it is found, or there is none.
        document: What its file says; None without a file.
        stated: Who it is, by the call's id or its file; None where neither says.
        names_id: The call itself says the id.
        version: What the call itself says of it, whoever the notebook is; None where it does not.
        name: The file's name without its ending, or what the call says.
        title: Its title; None where it has none.
        runner: The program that runs it.
        imports: Name to version, of the packages that the call names.
        process: Which runs it.
        executed_text: Whether the text of executed cells is kept, as the call says; None where it does not.
        files: Whether the files that it reads and writes are kept, as the call says; None where it does not.
    """

    location: Location | None
    lost: Location | None
    document: Document | None
    stated: Identity | None
    names_id: bool
    version: str | None
    name: str | None
    title: str | None
    runner: str
    imports: dict[str, str]
    process: Process
    executed_text: Literal["on", "off"] | None = None
    files: Literal["on", "off"] | None = None

    @property
    def path(self) -> str | None:
        """The file's path, as it can be stored; None for a lost file, whose path nobody knows."""
        return None if self.location is None else storable(self.location.path)

    @property
    def last_location(self) -> Location | None:
        """Where its file is, or was; None only where it has none."""
        return self.location or self.lost

    @property
    def cell_ids(self) -> list[str]:
        """The ids of the file's cells: evidence of which notebook it is."""
        return [storable(cell.id) for cell in self.document.cells if cell.id] if self.document else []

    @property
    def names(self) -> dict[str, str]:
        """The notebook's columns that follow its file, as far as they are known."""
        return {field: value for field, value in (("name", self.name), ("title", self.title)) if value}

    def read_again(self, location: Location) -> Request:
        """Read the file as it is now, where it is now; who it is stays.

        Raises:
            NotebookUnreadableError: If the file is no notebook that can be read.
        """
        document = documents.read(location.path)
        title = None if document.title is None else storable(document.title)
        return self._replace(location=location, lost=None, document=document, title=title)


def look_at(  # noqa: PLR0913 - one argument for each of header()'s that it reads
    location: Location | None,
    *,
    lost: Location | None = None,
    notebook_id: str | None = None,
    version: str | None = None,
    name: str | None = None,
    packages: str | Iterable[str] = (),
    runner: str | None = None,
    executed_text: Literal["on", "off"] | None = None,
    files: Literal["on", "off"] | None = None,
) -> Request:
    """Read the file, and let the arguments of `header()` win over what it says.

    Args:
        location: Of the file.
        lost: Where it was at an earlier call, if it is there no more.
        notebook_id: The call's `id`.
        version: The call's `v`.
        name: The call's.
        packages: The call's `pypackage`.
        runner: The call's `env`.
        executed_text: The call's.
        files: The call's.

    Raises:
        NotebookUnreadableError: If the file is no notebook that can be read.
        InvalidValueError: If the packages have no names, the runner is no text, or *executed_text* or *files* none of its words.
    """
    names = _names(packages)
    for switch, value, fix in (
        ("executed_text", executed_text, 'ln.header(executed_text="off") keeps only the hash of what cells ran'),
        ("files", files, 'ln.header(files="off") keeps nothing of the files that are read and written'),
    ):
        if value not in (None, "on", "off"):
            raise errors.InvalidValueError(f"{switch}={value!r} is none of 'on' and 'off'", fix=fix)
    if not isinstance(runner, str | None):
        raise errors.InvalidValueError(f"env={runner!r} is no text", fix='ln.header(env="lab")')
    document = None if location is None else documents.read(location.path)
    name = name or (None if location is None else location.path.stem)
    title = None if document is None else document.title
    last = location or lost
    return Request(
        location=location,
        lost=lost,
        document=document,
        stated=_stated(document, notebook_id),
        names_id=notebook_id is not None,
        version=version,
        name=None if name is None else storable(name),
        title=None if title is None else storable(title),
        runner=storable(runner or ("" if last is None else last.runner)),
        imports={package: _version(package) for package in names if package},
        process=process.current(),
        executed_text=executed_text,
        files=files,
    )


def storable(text: str | os.PathLike[str]) -> str:
    r"""Write text as every database takes it: without NUL, and without bytes that are not UTF-8.

    Example:
        >>> storable("caf\udce9\0")
        'caf?'
    """
    return os.fspath(text).replace("\0", "").encode(errors="replace").decode()


def _stated(document: Document | None, notebook_id: str | None) -> Identity | None:
    stated = None if document is None else identities.stated(document)
    if notebook_id is not None and (stated is None or stated.id != notebook_id):
        return identities.Identity(notebook_id)
    return stated


def _names(packages: object) -> list[str]:
    names: list[Any] = [packages] if isinstance(packages, str) or not isinstance(packages, Iterable) else list(packages)
    if not all(isinstance(name, str) for name in names):
        msg = f"pypackage={packages!r} names no packages"
        raise errors.InvalidValueError(msg, fix='ln.header(pypackage=["pandas", "scipy"])')
    return names


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return str(getattr(sys.modules.get(package), "__version__", ""))
