"""What a run did with a file, as a value, and how it is named."""

from __future__ import annotations

import datetime as dt
import ntpath
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal

from ln_jupyter import humanize

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEEN = {
    "snapshot": "seen in the folder after a process had run",
    "stated": "as somebody stated",
    "worker": "in a worker process",
}


NAMED = {"url": "a URL", "table": "a table", "query": "a query"}
"""What is known by its name, the same on every machine, and has no content to be known by."""


@dataclass(frozen=True)
class Use:
    """That a run read or wrote a file.

    Attributes:
        role: ``"input"``, which it read, or ``"output"``, which it wrote.
        kind: ``"file"``, ``"folder"``, ``"url"``, ``"table"`` or ``"query"``.
        path: Where it lay.
        host: On which machine.
        run_id: Of the run.
        run: The name of the notebook's or script's file, else the title or name of what ran.
        by: The login name of who ran it.
        at: When: the beginning of the cell, else of the run.
        cell: Which of the notebook's code cells did it; None where that is not known.
        execution: The position in the run's log of that cell.
        via: How it was seen, as `RunFile.via`.
        size: In bytes.
        modified_at: When it had been written last.
        hash: SHA-256 of the content, hexadecimal; None where that is not known.
        reason: Why it is not.
    """

    role: Literal["input", "output"]
    kind: str
    path: str
    host: str | None
    run_id: str
    run: str
    by: str | None
    at: dt.datetime
    cell: int | None
    execution: int | None
    via: str
    size: int | None
    modified_at: dt.datetime | None
    hash: str | None
    reason: str | None

    @property
    def seen(self) -> str:
        """How it was seen, in words, where that is weaker than to see it opened."""
        return _SEEN.get(self.via, "")

    @property
    def place(self) -> str:
        """In which cell, in words; empty where that is not known."""
        if self.cell is not None:
            return f"in cell {self.cell}"
        return f"in execution {self.execution}" if self.execution is not None else ""


def from_row(row: Mapping[str, Any]) -> Use:
    """Make one of a row of `queries.files`."""
    return Use(
        role=row["role"],
        kind=row["kind"],
        path=row["path"],
        host=row["host"],
        run_id=row["run_id"],
        run=run_name(row),
        by=row["user"],
        at=row["at"],
        cell=row["number"],
        execution=row["cell"],
        via=row["via"],
        size=row["size"],
        modified_at=row["modified_at"],
        hash=row["hash"],
        reason=row["reason"],
    )


def run_name(row: Mapping[str, Any]) -> str:
    """Name what ran: by its file, else by its title; nothing for a run that has neither."""
    return ntpath.basename(row["run_path"] or "") or row["title"] or ""


def named_run(name: str, run_id: str) -> str:
    """Name a run in a sentence.

    Example:
        >>> named_run("train.ipynb", "BSc7vmTqZ2xVYc0RuW5b")
        'train.ipynb, run BSc7vm'
    """
    return ", ".join(filter(None, (name, f"run {humanize.short_id(run_id)}")))


def plain(value: Any) -> Any:
    """Write values of ours as what JSON has: dicts, lists, and times in ISO 8601."""
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, dt.datetime) else value
