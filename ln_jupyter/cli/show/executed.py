"""`ln-jupyter show RUN --executed`: the cells of a run as they ran, and where that is not what was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ln_jupyter import errors, humanize
from ln_jupyter.cli.output import programs
from ln_jupyter.cli.output.screen import Screen
from ln_jupyter.notebook.document import Cell
from ln_jupyter.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import sqlalchemy as sa

    from ln_jupyter.queries.cells import Ran

_WIDEST_ERROR = 120  # columns in the mark of a cell
_MOST_NUMBERS = 10  # of cells, in one line


def write(connection: sa.Connection, run_id: str, *, as_json: bool) -> None:
    """Write what ran as a script, each cell with which it was and what became of it.

    Raises:
        RunNotFoundError: If no executed cell was recorded.
    """
    from ln_jupyter.queries import cells  # here for cost: --help needs no database

    found = cells.read(connection, run_id)
    if not found:
        fix = f"ln-jupyter show {run_id} says what there is; a script's is its --source"
        raise errors.RunNotFoundError(f"no executed cell was recorded of {run_id}", fix=fix)
    before = cells.read_before(connection, run_id)
    ran_before, ran = cells.ran(connection, before), cells.ran(connection, found)
    if as_json:
        both = [*zip(before, ran_before, strict=True), *zip(found, ran, strict=True)]
        programs.write_json([{"position": None, **facts(cell), "text": each.source} for cell, each in both])
        return
    pairs = [*zip(before, ran_before, strict=True), *zip(found, ran, strict=True)]
    titles = ["before header()"] * len(before) + [_title(cell) for cell in found]
    programs.write_script((Cell(None, "code", _source(*pair)) for pair in pairs), titles)


def compare(connection: sa.Connection, run_id: str, saved: Iterable[Cell]) -> None:
    """Say on stderr where what ran is not what was saved; nothing where they agree."""
    from ln_jupyter.queries import differences  # here for cost: --help needs no database

    found = differences.find(connection, run_id, saved)
    said = []
    if found.otherwise:
        said.append(f"{numbered(found.otherwise)} ran otherwise")
    if found.unknown:
        said.append(
            f"{humanize.count(found.unknown, 'executed cell')} {'is' if found.unknown == 1 else 'are'} not in it"
        )
    if said:
        said[-1] += f" (ln-jupyter show {run_id} --executed has what ran)"
    if found.not_run:
        said.append(f"{numbered(found.not_run)} did not run")
    if said:
        click.echo(plain(f"what ran is not what was saved: {'; '.join(said)}"), err=True)


def facts(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Name the facts of an execution; the key of its text is of this registry alone."""
    known = {column: value for column, value in cell.items() if column != "text_id"}
    return known | {"text_is_kept": cell["text_id"] is not None}


def name(cell: Mapping[str, Any]) -> str:
    """Name a cell by its number in the notebook, else by its place in the run."""
    return f"#{cell['position']}" if cell["number"] is None else str(cell["number"])


def error(cell: Mapping[str, Any], *, widest: int | None) -> str:
    """Say how a cell failed, and in which of its lines, in one line of so many columns, if it may be cut."""
    first, _, _ = (cell["error_message"] or "").strip().partition("\n")
    said = ": ".join(filter(None, (cell["error_type"], first))) or "failed"
    place = "" if cell["error_line"] is None else f" (line {cell['error_line']})"
    return f"{said if widest is None else Screen().cut(said, widest - len(place))}{place}"


def first_line(cell: Mapping[str, Any], ran: Ran) -> str | None:
    """Give the first line of what ran, or say that only its hash is known."""
    if ran.source is not None:
        return ran.first_line
    return None if cell["source_hash"] is None else f"only its hash: {humanize.short_hash(cell['source_hash'])}"


def numbered(numbers: tuple[int, ...]) -> str:
    """Name cells by their numbers.

    Example:
        >>> numbered((3,)), numbered((5, 6, 7))
        ('cell 3', 'cells 5, 6 and 7')
    """
    if len(numbers) > _MOST_NUMBERS:
        return f"{len(numbers):,} cells"
    *some, last = map(str, numbers)
    return f"cells {', '.join(some)} and {last}" if some else f"cell {last}"


def _source(cell: Mapping[str, Any], ran: Ran) -> str:
    if ran.source is not None:
        return ran.source
    if ran.is_another:
        said = f"what is kept of this cell is not what ran, which has the hash {cell['source_hash']}"
    elif cell["source_hash"] is None:
        said = "nothing is kept of what ran"
    else:
        said = f"only the hash of what ran is kept: {cell['source_hash']}"
    return f"# {plain(said)}"  # in one line, whatever a registry holds for a hash


def _title(cell: Mapping[str, Any]) -> str:
    which = f"cell {cell['number']}" if cell["number"] is not None else f"#{cell['position']}"
    if cell["ok"] is None:
        return f"{which}, did not end"
    if cell["ok"]:
        return which
    return f"{which}, failed" + (f": {error(cell, widest=_WIDEST_ERROR)}" if cell["error_type"] else "")
