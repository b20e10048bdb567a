"""What a notebook has in common with what the registry knows: evidence that the two are one notebook."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from ln_jupyter.notebook import document as documents
from ln_jupyter.notebook import syntax
from ln_jupyter.schema.tables import executed_cell, notebook, notebook_path, run
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ln_jupyter.notebook.document import Cell, Document
    from ln_jupyter.tracking.request import Request

_NOTHING: frozenset[str] = frozenset()
_ENOUGH_CELLS = 2  # of the same source: one alone may be anybody's
_ENOUGH_LINES = 2
_FIRST = 3  # cells: an edit leaves one of them
_MOST = 1_000  # ids, and sources, that are asked for
_SAYS_NOTHING = (ast.Import, ast.ImportFrom, ast.Pass)  # the last one is what `syntax.parse` makes of a magic


class Seen(NamedTuple):
    """A file that is registered, by the columns of its row.

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


class Trace(NamedTuple):
    """A file that is registered, on this machine or another.

    Attributes:
        is_here: It is on this machine.
        seen: The file; its path is empty where it is neither of this machine nor the path that was asked for.
    """

    is_here: bool
    seen: Seen


class Content(NamedTuple):
    """What can be compared of a file, or of all that is known of a notebook.

    Attributes:
        cell_ids: Those that tell one cell from any other.
        sources: Hashes of the whole source.
        code: Hashes of the code cells that say something by themselves.
    """

    cell_ids: frozenset[str] = _NOTHING
    sources: frozenset[str] = _NOTHING
    code: frozenset[str] = _NOTHING

    def agrees_with(self, other: Content) -> bool:
        """Return whether they share the id of a cell, the whole source, or two cells that say something."""
        return not (
            self.cell_ids.isdisjoint(other.cell_ids)
            and self.sources.isdisjoint(other.sources)
            and len(self.code & other.code) < _ENOUGH_CELLS
        )

    def without(self, other: Content) -> Content:
        """Leave out what is in the other one too."""
        return Content(*(mine - its for mine, its in zip(self, other, strict=True)))


def together(contents: Iterable[Content]) -> Content:
    """Put together what is known of one notebook."""
    return Content(*(_NOTHING.union(*parts) for parts in zip(Content(), *contents, strict=True)))


def content(document: Document) -> Content:
    """Take from a file what is compared first; `with_code` adds what has to be parsed."""
    has_source = any(cell.source.strip() for cell in document.cells)
    return Content(_telling(cell.id for cell in document.cells), frozenset([document.source_hash] * has_source))


def with_code(content: Content, document: Document) -> Content:
    """Add the code cells, but for the header, imports and single lines, which many notebooks share."""
    hashes = (documents.hash_of(cell.source) for cell in document.cells if _says_something(cell))
    return content._replace(code=frozenset(hashes))


def of_file(seen: Seen) -> Content:
    """Take what is known of a file that is registered."""
    return Content(_telling(seen.cell_ids or ()), frozenset(filter(None, [seen.source_hash])))


def seen_at(connection: sa.Connection, request: Request) -> Seen | None:
    """Read what the registry knows of the request's path; None where it does not, or there is no file."""
    return next(iter(seen(connection, request, request.path or "", and_alike=False)), None)


def seen(connection: sa.Connection, request: Request, real_path: str, *, and_alike: bool) -> list[Seen]:
    """Read what the registry knows of the request's path, and of others of this machine that may lead to its file.

    Args:
        connection: To the registry.
        request: The notebook.
        real_path: What its path leads to, where it is a link.
        and_alike: Add files that may be links to it, for they have its source, or one of its first cells.
    """
    if request.document is None:
        return []
    column = notebook_path.c
    criteria: list[sa.ColumnElement[bool]] = [column.path.in_(sorted({request.path or "", real_path}))]
    if and_alike:
        alike = content(request.document)
        ids = sa.cast(column.cell_ids, sa.Text)
        first = [each for each in request.cell_ids if each in alike.cell_ids][:_FIRST]
        criteria += [column.source_hash.in_(alike.sources), *(ids.contains(each, autoescape=True) for each in first)]
    rows = sa.select(*(column[name] for name in Seen._fields))
    rows = rows.where(column.host == request.process.host, sa.or_(*criteria)).order_by(column.path)
    return [Seen(*row) for row in connection.execute(rows)]


def traces(connection: sa.Connection, notebook_id: str, *, host: str, path: str | None) -> list[Trace]:
    """Read where a notebook and its copies were seen; files that many machines have alike are one.

    Args:
        connection: To the registry.
        notebook_id: Of the notebook.
        host: This machine.
        path: The path that is asked for, of this machine or another.
    """
    column = notebook_path.c
    is_here = (column.host == host).label("is_here")
    shown = sa.case((sa.or_(column.host == host, column.path == path), column.path), else_="").label("path")
    rest = (column[name] for name in Seen._fields[1:])
    family = sa.select(notebook.c.id).where(sa.or_(notebook.c.id == notebook_id, notebook.c.parent_id == notebook_id))
    rows = sa.select(is_here, shown, *rest).where(column.notebook_id.in_(family)).distinct()
    return [Trace(bool(here), Seen(*seen)) for here, *seen in connection.execute(rows)]


def of_runs(connection: sa.Connection, notebook_ids: Iterable[str], content: Content) -> dict[str, Content]:
    """Read what of a content the runs of notebooks, and the cells they executed, had too; by notebook."""
    wanted = list(notebook_ids)
    of_notebooks = run.c.notebook_id.in_(wanted)
    sources = sa.select(run.c.notebook_id, sa.null(), run.c.source_hash, sa.null())
    sources = sources.where(of_notebooks, run.c.source_hash.in_(content.sources))
    cell = executed_cell.c
    cells = sa.select(run.c.notebook_id, cell.cell_id, sa.null(), cell.source_hash)
    cells = cells.join(executed_cell, cell.run_id == run.c.id).where(
        of_notebooks,
        sa.or_(cell.cell_id.in_(_some(content.cell_ids)), cell.source_hash.in_(_some(content.code))),
    )
    found: dict[str, list[Content]] = {}
    for notebook_id, *parts in connection.execute(sources.union(cells)):
        found.setdefault(notebook_id, []).append(Content(*(frozenset(filter(None, [part])) for part in parts)))
    return {notebook_id: together(contents) for notebook_id, contents in found.items()}


def is_same(seen: Seen, document: Document) -> bool:
    """Return whether a file is the notebook that was seen at its path.

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


def _telling(cell_ids: Iterable[str | None]) -> frozenset[str]:
    """Leave out ids that are numbers: nbstripout counts the cells of every notebook, from 0."""
    return frozenset(storable(each) for each in cell_ids if each and not each.isdecimal())


def _some(values: Iterable[str]) -> list[str]:
    """Return no more than a statement takes."""
    return sorted(values)[:_MOST]


def _says_something(cell: Cell) -> bool:
    if cell.type != "code" or len(cell.source.split("\n")) < _ENOUGH_LINES:
        return False
    statements = [each for each in syntax.parse(cell.source) if not isinstance(each, _SAYS_NOTHING)]
    lines = sum((each.end_lineno or each.lineno) - each.lineno + 1 for each in statements)
    return lines >= _ENOUGH_LINES and not any(map(_is_header, _nodes(statements)))


def _nodes(statements: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    return (node for each in statements for node in ast.walk(each))


def _is_header(node: ast.AST) -> bool:
    """Return whether this is a call of `header()`, as ours and nbproject's are written."""
    if not isinstance(node, ast.Call):
        return False
    return getattr(node.func, "attr", getattr(node.func, "id", None)) == "header"
