"""What a notebook's file says: its cells, its title and its nbproject metadata."""

from __future__ import annotations

import hashlib
import io
import json
import tokenize
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter import errors, reading, redaction
from ln_jupyter.notebook import title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MIME = "application/vnd.ln-jupyter.header+json"
"""The output of a header that carries the identity: ``{"schema": 1, "nbproject": {...}}``."""

PRIVATE = "private"
"""The tag of a cell of which only the hash is kept."""

_NBFORMAT = 4
_NEVER = datetime.min.replace(tzinfo=UTC)


class Cell(NamedTuple):
    """One cell, without its outputs.

    Attributes:
        id: None before nbformat 4.5.
        type: ``"code"``, ``"markdown"`` or ``"raw"``.
        source: As one string.
        tags: Such as papermill's ``parameters``.
    """

    id: str | None
    type: str
    source: str
    tags: tuple[str, ...] = ()


class Document(NamedTuple):
    """A notebook or script as it is on disk.

    Attributes:
        path: The file that was read.
        title: The first heading; below code, of the top level only.
        metadata: ``nbproject`` of the notebook's metadata, or empty.
        carried: Each ``nbproject`` that a saved header output carries, in the order of the file.
        cells: In the order of the file.
        papermill: What papermill notes in the notebook that it writes, or empty.
    """

    path: Path
    title: str | None
    metadata: Mapping[str, Any]
    carried: tuple[Mapping[str, Any], ...]
    cells: tuple[Cell, ...]
    papermill: Mapping[str, Any] = MappingProxyType({})

    @property
    def source(self) -> bytes:
        """The cells' types and sources as JSON, as they are stored: without known forms of passwords.

        Of a private cell it is the hash. Outputs, ids, counts and metadata do not count.
        """
        return _source(self.cells)

    @property
    def source_hash(self) -> str:
        """SHA-256 of `source`, hexadecimal."""
        return _source_hash(self.cells)


def read(path: Path) -> Document:
    """Read a notebook, or any other file as one code cell; the file is never changed.

    nbformat is not imported: it costs more than all the rest, and validates what we can tolerate.

    Raises:
        NotebookUnreadableError: The file cannot be read, or is no notebook of nbformat 4.
    """
    if path.suffix != ".ipynb":
        return _script(path)
    notebook = _load(path)
    raw_cells = [cell for cell in notebook["cells"] if isinstance(cell, dict)]
    cells = tuple(_cell(cell) for cell in raw_cells)
    metadata = _mapping(notebook.get("metadata"))
    return Document(
        path=path,
        title=title.read_title(cells),
        metadata=_mapping(metadata.get("nbproject")),
        carried=tuple(_carried(raw_cells)),
        cells=cells,
        papermill=_mapping(metadata.get("papermill")),
    )


def cells_of(source: bytes) -> tuple[Cell, ...]:
    """Read the cells back from `Document.source`, without what does not count.

    Example:
        >>> cells_of(b'[["code","x = 1"]]')
        (Cell(id=None, type='code', source='x = 1', tags=()),)
    """
    return tuple(Cell(None, kind, text) for kind, text in json.loads(source))


def hash_of(source: str) -> str:
    """Hash the source of one cell, the same as it is saved and as it was executed: SHA-256, hexadecimal.

    Known forms of passwords are left out: a short one could be guessed from the hash.
    """
    return hashlib.sha256(redaction.without_secrets(source).encode(errors="surrogatepass")).hexdigest()


@lru_cache(maxsize=4)  # one notebook is looked at again and again
def _source(cells: tuple[Cell, ...]) -> bytes:
    return json.dumps([[cell.type, _stored(cell)] for cell in cells], separators=(",", ":")).encode()


@lru_cache(maxsize=4)
def _source_hash(cells: tuple[Cell, ...]) -> str:
    return hashlib.sha256(_source(cells)).hexdigest()


def _stored(cell: Cell) -> str:
    if cell.type == "code" and PRIVATE in cell.tags:
        return f"# private: {hash_of(cell.source)}"
    return redaction.without_secrets(cell.source)


def ran_at(nbproject: Mapping[str, Any]) -> datetime:
    """Read ``time_run``; missing or malformed counts as the oldest there is.

    Example:
        >>> ran_at({"time_run": "2026-01-02T03:04:05+00:00"}) > ran_at({})
        True
    """
    return moment(nbproject.get("time_run")) or _NEVER


def moment(text: object) -> datetime | None:
    """Read an ISO 8601 time as an aware one; without an offset it is UTC, as nbproject writes it."""
    if not isinstance(text, str):
        return None
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _script(path: Path) -> Document:
    try:
        raw = io.BytesIO(reading.whole(path))
        encoding, _ = tokenize.detect_encoding(raw.readline)  # honours a coding cookie, as Python does
        raw.seek(0)
        source = io.TextIOWrapper(raw, encoding).read()
    except OSError as error:
        raise _unreadable(path, error) from error
    except (SyntaxError, ValueError) as error:
        message = f"{path} is not text: {error}"
        raise errors.NotebookUnreadableError(message, fix="save the file as UTF-8") from error
    return Document(path, title=None, metadata={}, carried=(), cells=(Cell(None, "code", source),))


def _load(path: Path) -> dict[str, Any]:
    try:
        raw = reading.whole(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not raw.strip():
        message = f"{path} is empty"
        raise errors.NotebookUnreadableError(message, fix="save the notebook in its editor, then run this cell again")
    try:
        notebook = json.loads(raw)
    except (ValueError, RecursionError) as error:
        message = f"{path} is not JSON: {error}"
        fix = "restore the file from version control or a checkpoint, or resolve its merge conflict"
        raise errors.NotebookUnreadableError(message, fix=fix) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat", _NBFORMAT), int):
        message = f"{path} is JSON, but not a notebook"
        raise errors.NotebookUnreadableError(
            message, fix='ln.header(filepath="my.ipynb") with the notebook\'s own file'
        )
    version = notebook.get("nbformat", _NBFORMAT)
    if version != _NBFORMAT:
        message = f"{path} is a notebook of nbformat {version}; only nbformat 4 can be read"
        fix = "save it in JupyterLab or Notebook, which write nbformat 4, then run this cell again"
        if version > _NBFORMAT:
            fix = "pip install --upgrade ln_jupyter, or save it in the editor as nbformat 4"
        raise errors.NotebookUnreadableError(message, fix=fix)
    if not isinstance(notebook.get("cells"), list):
        message = f"{path} has no list of cells"
        raise errors.NotebookUnreadableError(message, fix="save the notebook in its editor, then run this cell again")
    return notebook


def _unreadable(path: Path, error: OSError) -> errors.NotebookUnreadableError:
    message = f"{path} cannot be read: {error.strerror or error}"
    return errors.NotebookUnreadableError(message, fix="check that the file is there and that you may read it")


def _cell(cell: Mapping[str, Any]) -> Cell:
    cell_id, kind = cell.get("id"), cell.get("cell_type")
    tags = _mapping(cell.get("metadata")).get("tags")
    return Cell(
        id=cell_id if isinstance(cell_id, str) else None,
        type=kind if isinstance(kind, str) else "raw",
        source=_text(cell.get("source")),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def _carried(cells: list[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for cell in cells:
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else ():
            nbproject = _mapping(_mapping(_mapping(_mapping(output).get("data")).get(MIME)).get("nbproject"))
            if nbproject:
                yield nbproject


def _text(source: object) -> str:
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
