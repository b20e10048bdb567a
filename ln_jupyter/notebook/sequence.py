"""The order in which a program runs the cells of a notebook, with the one cell that papermill puts between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ln_jupyter.notebook.document import Cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SKIPPED = "skip-execution"  # nbclient's tag for cells that its runners leave out
_INJECTED = "# Parameters\n"  # how the cell begins that papermill writes


def is_injected(source: str) -> bool:
    r"""Return whether papermill may have written a cell, which is then in no file of the user's.

    Example:
        >>> is_injected("# Parameters\nalpha = 0.5"), is_injected("alpha = 0.1")
        (True, False)
    """
    return source.startswith(_INJECTED)


def to_run(cells: Iterable[Cell]) -> list[Cell]:
    """Return the cells that a program runs."""
    return [cell for cell in cells if cell.type == "code" and cell.source.strip() and _SKIPPED not in cell.tags]


def begins(cells: Sequence[Cell], executed: Sequence[str]) -> bool:
    r"""Return whether a notebook, run from its first cell on, begins with these sources.

    Example:
        >>> cells = [Cell(None, "markdown", "# Growth"), Cell(None, "code", "x = 1\n"), Cell(None, "code", "y = x")]
        >>> begins(cells, ["x = 1"]), begins(cells, ["x = 1", "y = x"]), begins(cells, ["y = x"])
        (True, True, False)
    """
    return count_common(sources(cells), executed) == len(executed)


def sources(cells: Iterable[Cell]) -> list[str]:
    """Return the sources of the cells that a program runs."""
    return [cell.source.strip() for cell in to_run(cells)]


def count_common(saved: Sequence[str], executed: Sequence[str]) -> int:
    """Count how many sources two notebooks have in common, up to the first that differs.

    Example:
        >>> count_common(["x = 1", "y = x"], ["x = 1", "z = x", "y = x"])
        1
    """
    pairs = enumerate(zip(saved, executed, strict=False))
    return next((at for at, (mine, ran) in pairs if mine != ran), min(len(saved), len(executed)))


def begins_by_papermill(cells: Sequence[Cell], executed: Sequence[str]) -> bool:
    r"""Return whether a notebook begins so as papermill runs it, with a cell of parameters that is in no file.

    It takes the place of the one that an earlier run has left, else it follows the cell that is tagged
    ``parameters``, else it is the first.

    Example:
        >>> cells = [Cell(None, "code", "alpha = 0.1", ("parameters",)), Cell(None, "code", "fit(alpha)")]
        >>> begins_by_papermill(cells, ["alpha = 0.1", "# Parameters\nalpha = 0.5", "fit(alpha)"])
        True
    """
    injected = next((source for source in executed if is_injected(source)), None)
    if injected is None:
        return False
    left, defaults = (_first(cells, tag) for tag in ("injected-parameters", "parameters"))
    before, after = (left, left + 1) if left is not None else (0 if defaults is None else defaults + 1,) * 2
    return begins([*cells[:before], Cell(None, "code", injected), *cells[after:]], executed)


def _first(cells: Sequence[Cell], tag: str) -> int | None:
    return next((at for at, cell in enumerate(cells) if tag in cell.tags), None)
