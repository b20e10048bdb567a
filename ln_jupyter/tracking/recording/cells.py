"""What a run has executed, from the log of its shell to the rows of the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ln_jupyter import redaction
from ln_jupyter.tracking.recording import run_rows, texts
from ln_jupyter.tracking.recording.outcome import End, Judge
from ln_jupyter.tracking.recording.run_rows import CellRow
from ln_jupyter.tracking.recording.saved_cells import SavedCells

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import sqlalchemy as sa

    from ln_jupyter.ipython.cell_log import CellLog, Execution
    from ln_jupyter.notebook.document import Document
    from ln_jupyter.tracking.recording.texts import Text


_MOST_BEFORE = 200
"""Cells before `header()`: a console may have run thousands."""


class Cells:
    """The executions of one run; it belongs to the thread that writes the run, but for `executed`.

    Args:
        log: Of the shell.
        run: The run's columns, as it began or is gone on with.
        runner: What executes the cells.
        keeps_text: Whether their text and the messages of their errors may be kept.
    """

    def __init__(self, log: CellLog, run: Mapping[str, Any], *, runner: str, keeps_text: bool) -> None:
        self.log = log
        self._run_id, self._runner, self._keeps_text = run["id"], runner, keeps_text
        self._continues = run["continues_id"] is not None
        self._busy, self._failures = run["busy_seconds"] or 0.0, run["failures"] or 0
        self._first = self._written = len(log.executed)
        self._last: int | None = None
        self._with_process = False
        self._position: int | None = None
        self._begun: dict[Any, int] = {}
        self.positions: dict[float, int] = {}
        """Of the executions, by when they began."""
        self._document: Document | None = None
        self._saved, self._is_saved_anew = SavedCells(None), False
        self._shown: dict[int, Execution] = {}
        """Whose text is stored, by position."""

    @property
    def executed(self) -> list[Execution]:
        """What has ended."""
        return self.log.executed[self._first : self._last]

    def ran_before(self, document: Document) -> list[int]:
        """Return the numbers of the notebook's cells that ran last before this run began, in the run before it."""
        saved, log = SavedCells(document), self.log
        last = {saved.number(each): False for each in log.executed[: self._first]}
        last |= {saved.number(each): True for each in (*log.executed[self._first :], *log.all_running)}
        return sorted(number for number, is_here in last.items() if number is not None and not is_here)

    def before(self) -> dict[tuple[str, str], Text]:
        """Return what ran before `header()` first did, of which only the source is known: the last of it."""
        if self._continues:  # it is in the run before
            return {}
        earlier = self.log.earlier[-_MOST_BEFORE:]
        return {("before", f"{n:04}"): self._text(each) for n, each in enumerate(earlier, 1)}

    def take(self) -> tuple[list[Execution], list[Execution]]:
        """Return what has ended since the last write, and what runs: a cell that follows another is never without it."""
        running = self.log.all_running if self._is_here else []  # first: what ends meanwhile is among what has ended
        ended = self.log.executed[self._written : self._last]
        known = {(each.began, each.source) for each in ended}
        return ended, [each for each in running if (each.began, each.source) not in known]

    @property
    def _is_here(self) -> bool:
        """Whether what runs is of this run."""
        return self._last is None or self._with_process

    @property
    def is_unwritten(self) -> bool:
        """Whether nothing was written yet."""
        return self._position is None

    def end(self, *, with_process: bool) -> None:
        """Let what is executed from here on be of no concern.

        Args:
            with_process: What runs now ends with its process, and is of this run.
        """
        if self._last is None:
            self._last, self._with_process = len(self.log.executed), with_process

    def look(self, document: Document | None) -> None:
        """Take the notebook as it is saved now."""
        if document is not self._document:
            self._document, self._saved, self._is_saved_anew = document, SavedCells(document), True

    def summary(self, ended: Sequence[Execution]) -> dict[str, Any]:
        """Return the run's columns that change when these have ended."""
        if not ended:
            return {}
        return {
            "last_cell_at": ended[-1].ended_at,
            "busy_seconds": self._busy + sum(each.seconds or 0.0 for each in ended),
            "failures": self._failures + sum(map(self._judge.has_failed, ended)),
        }

    def judge(self, *, ended_by: str) -> End:
        """Say how the run has ended.

        Args:
            ended_by: What ended its process, such as a signal; "" if nothing did.
        """
        judge = self._judge
        if ended_by:
            return judge.interrupted(next(iter(self.log.all_running), None), ended_by)
        return judge.of_cells(self.executed) if self.log.is_of_kernel else judge.of_inputs(self.executed)

    def write(
        self, connection: sa.Connection, ended: Sequence[Execution], running: Sequence[Execution]
    ) -> Callable[[], None]:
        """Write what has ended and what runs; what is saved as private since is hidden.

        Returns:
            What is to be called when that is committed.
        """
        if self._position is None:  # kept also where the commit's answer is lost
            self._position = run_rows.count_cells(connection, self._run_id)
        rows = [self._row(each) for each in (*ended, *running)]
        position, places = run_rows.write_cells(connection, self._run_id, rows, after=self._position, begun=self._begun)
        self.positions |= {row.execution.began: places[row.key] for row in rows}
        if not self._is_here:  # what has not ended is of the run that has begun since
            run_rows.remove_cells(connection, self._run_id, set(self._begun.values()) - set(places.values()))
        shown = {places[row.key]: row.execution for row in rows if row.text.id is not None}
        # what was shown before is looked at again only where its tags may be others
        hidden = [n for n, each in self._shown.items() if self._saved.is_private(each)] if self._is_saved_anew else []
        run_rows.hide_cells(connection, self._run_id, hidden)

        def confirm() -> None:
            summary = self.summary(ended)
            self._busy = summary.get("busy_seconds", self._busy)
            self._failures = summary.get("failures", self._failures)
            self._written += len(ended)
            self._position = position
            self._begun = {row.key: places[row.key] for row in rows if row.execution.ok is None}
            self._shown |= shown
            for place in hidden:
                del self._shown[place]
            self._is_saved_anew = False

        return confirm

    @property
    def _judge(self) -> Judge:
        is_edited = self.log.is_of_kernel and self.log.is_edited
        return Judge(self._saved, is_edited=is_edited, runner=self._runner, keeps_text=self._keeps_text)

    def _row(self, execution: Execution) -> CellRow:
        keeps_text = self._keeps_text and not self._saved.is_private(execution)
        error = execution.error
        return CellRow(
            execution,
            number=self._saved.number(execution),
            text=self._text(execution),
            message=redaction.without_secrets(error.message) if error is not None and keeps_text else None,
        )

    def _text(self, execution: Execution) -> Text:
        source = redaction.without_secrets(execution.source).encode(errors="surrogatepass")
        return texts.of_bytes(source, is_kept=self._keeps_text and not self._saved.is_private(execution))
