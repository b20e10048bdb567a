"""Which cell of the saved notebook an execution was of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter.notebook.document import PRIVATE

if TYPE_CHECKING:
    from ln_jupyter.ipython.cell_log import Execution
    from ln_jupyter.notebook.document import Cell, Document


class SavedCell(NamedTuple):
    """A code cell, and which of them it is.

    Attributes:
        number: Counted from 1.
        cell: As it is saved.
    """

    number: int
    cell: Cell


class SavedCells:
    """The code cells of a notebook, as it was saved last.

    Args:
        document: The file; None without one.
    """

    def __init__(self, document: Document | None) -> None:
        self.is_there = document is not None and document.path.suffix == ".ipynb"
        cells = (
            [cell for cell in document.cells if cell.type == "code"] if document is not None and self.is_there else []
        )
        self._by_id: dict[str, list[SavedCell]] = {}
        self._by_source: dict[str, list[SavedCell]] = {}
        for number, cell in enumerate(cells, 1):
            if cell.id:
                self._by_id.setdefault(cell.id, []).append(SavedCell(number, cell))
            self._by_source.setdefault(cell.source, []).append(SavedCell(number, cell))

    def find(self, execution: Execution) -> list[SavedCell]:
        """Return the cells that it may have been of: by its id, else by its source, which several may have.

        Runners name no cells, and VS Code has names of its own.
        """
        by_id = self._by_id.get(execution.cell_id or "", [])
        return by_id or self._by_source.get(execution.source, [])

    def number(self, execution: Execution) -> int | None:
        """Return which code cell it was of; None where the saved notebook does not say."""
        found = self.find(execution)
        return found[0].number if found else None

    def is_private(self, execution: Execution) -> bool:
        """Return whether only the hash of what ran is to be kept."""
        return any(PRIVATE in saved.cell.tags for saved in self.find(execution))
