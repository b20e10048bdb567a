"""A file's identity is forgotten on purpose: in the registry, and in the file itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import errors, reading
from ln_jupyter.locate import jupyter_server
from ln_jupyter.locate.location import absolute
from ln_jupyter.notebook import document as documents
from ln_jupyter.notebook import identity
from ln_jupyter.orm import unit_of_work
from ln_jupyter.schema import NotebookPath
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import orm

_INDENT = re.compile(rb"\{\r?\n([ \t]+)")


@dataclass(frozen=True)
class Forgotten:
    """What a file was, until now.

    Attributes:
        path: Of the file, absolute.
        notebook_id: What the file said, or else the registry; None where neither knew it.
        in_file: The file said so, and was written.
        in_registry: The registry knew its path.
    """

    path: Path
    notebook_id: str | None
    in_file: bool
    in_registry: bool


def forget(path: Path, *, force: bool = False) -> Forgotten:
    """Forget who a notebook is, so that its next `header()` gives it a new id.

    The identity goes from the file's metadata and from its saved header, with nothing else of it changed,
    and its path from the registry. What was registered of the notebook stays there.

    Args:
        path: Of the file.
        force: Do so although an editor may have the file open.

    Raises:
        NotebookOpenError: If a Jupyter server of this user has the file open: its next save would bring the id back.
        NotebookUnreadableError: If the file is no notebook that can be read, or cannot be written.
        DatabaseError: If the registry cannot be reached; the file is as it was.
    """
    path = absolute(Path(os.path.expanduser(path)), folder=Path.cwd())  # noqa: PTH111 - raises for the name "~x.ipynb"
    document = documents.read(path)
    stated = identity.stated(document)
    has_identity = bool(document.metadata or document.carried)
    if has_identity and not force and (url := jupyter_server.find_editor(path)) is not None:
        msg = f"{path} is open in the Jupyter server at {url}, whose next save would bring its id back"
        fix = "close the notebook there and shut down its kernel, then forget it"
        raise errors.NotebookOpenError(msg, fix=fix)
    target = Path(os.path.realpath(path))
    beside = _write_without(target) if has_identity else None
    try:
        known = unit_of_work.run(lambda session: _forget_path(session, path))
        if beside is not None:
            beside.replace(target)
    finally:
        if beside is not None:
            beside.unlink(missing_ok=True)
    return Forgotten(path, known if stated is None else stated.id, has_identity, known is not None)


def _forget_path(session: orm.Session, path: Path) -> str | None:
    here = (NotebookPath.host == socket.gethostname(), NotebookPath.path == storable(path))
    known = session.scalar(sa.select(NotebookPath.notebook_id).where(*here))
    session.execute(sa.delete(NotebookPath).where(*here))
    return known


def _write_without(path: Path) -> Path:
    """Write the notebook without its identity into a new file beside it, in the style of the old one."""
    raw = reading.whole(path)
    notebook = json.loads(raw)
    metadata = notebook.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("nbproject", None)
    for data in _outputs(notebook):
        data.pop(identity.MIME, None)
    if not os.access(path, os.W_OK):
        raise _not_writable(path, "it is read-only")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(_in_the_style_of(raw, notebook))
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, name)
    except OSError as error:
        raise _not_writable(path, error.strerror or str(error)) from error
    return Path(name)


def _in_the_style_of(raw: bytes, notebook: dict[str, Any]) -> bytes:
    """Write JSON as the file has it: its indentation, line ends and escapes."""
    indent = _INDENT.match(raw)
    step = indent[1].decode() if indent is not None else None
    try:
        content = json.dumps(notebook, ensure_ascii=raw.isascii(), indent=step).encode()
    except UnicodeEncodeError:  # half a character, which only an escape can write
        content = json.dumps(notebook, indent=step).encode()
    if b"\r\n" in raw:
        content = content.replace(b"\n", b"\r\n")
    return content + raw[len(raw.rstrip()) :]


def _not_writable(path: Path, why: str) -> errors.NotebookUnreadableError:
    msg = f"{path} cannot be written: {why}"
    return errors.NotebookUnreadableError(msg, fix="make the file and its folder writable, then forget it")


def _outputs(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for cell in notebook["cells"]:
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else ():
            data = output.get("data") if isinstance(output, dict) else None
            if isinstance(data, dict):
                yield data
