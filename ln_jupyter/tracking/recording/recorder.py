"""A run is heard while it goes on: a thread writes what its cells did, beside them and never in their way."""

from __future__ import annotations

import logging
import queue
import sys
import threading
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import errors, sanitize, settings
from ln_jupyter.db import limits, transactions
from ln_jupyter.environment import clock, exit_status
from ln_jupyter.files import audit, watching
from ln_jupyter.files.fence import Fence
from ln_jupyter.schema.tables import INTERRUPTED
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking.annotations import Annotations, Stated
from ln_jupyter.tracking.recording import outcome, run_rows
from ln_jupyter.tracking.recording.cells import Cells

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ln_jupyter.ipython.cell_log import CellLog, Execution
    from ln_jupyter.notebook.document import Document
    from ln_jupyter.tracking.recording.facts import Facts
    from ln_jupyter.tracking.recording.files import Files
    from ln_jupyter.tracking.recording.texts import Text
    from ln_jupyter.tracking.register import Registration
    from ln_jupyter.tracking.request import Request

HEARTBEAT = 30.0
"""Seconds between two signs of life."""

PAUSE = 1.0
"""Seconds that what follows a cell is waited for, to be written together."""

PATIENCE = 5.0
"""Seconds that the end of the process waits for the last write: as long as a server waits for a kernel."""

_FROZEN, _FROZEN_BESIDE = ("source_hash", "environment_hash"), ("cells", "packages")
"""What a publication says of its run, whatever is saved or installed until its cell has ended."""

_log = logging.getLogger(__name__)


class Call:
    """An event that a signal's handler may set, whatever it has interrupted; `threading.Event` would wait for itself."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        """Wake whoever waits."""
        if self._calls.empty():
            self._calls.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait for a call, and forget it; whether one came."""
        try:
            self._calls.get(timeout=seconds)
        except queue.Empty:
            return False
        return True


class Recording:
    """Keeps the rows of one run up to date, until the process ends or another run begins in it.

    Only its thread writes, through connections of its own. A database that is busy or gone costs the
    cells nothing: what could not be written is written at the next heartbeat.

    Args:
        registration: The run.
        request: The notebook, as it was registered.
        engine: Of the registry.
        log: The cells of the shell; None in a script.
    """

    def __init__(self, registration: Registration, request: Request, engine: sa.Engine, log: CellLog | None) -> None:
        run = registration.run_row
        self.run_id = run["id"]
        self.engine = engine
        self.log = log
        self.request = request
        self._keeps_text = (request.executed_text or settings.current().executed_text) == "on"
        self._cells = None if log is None else Cells(log, run, runner=request.runner, keeps_text=self._keeps_text)
        self.header_cells: dict[str, int] = {}
        """The cells that called `header()` in this run, each with how many had ended when it last did."""
        self._path: Path | None = None
        self._known = dict(run)
        self._named: Mapping[str, Any] = self._known["imports"] or {}
        self._facts: Facts | None = None
        self._sees_files = (request.files or settings.current().files) == "on"
        self._files: Files | None = None
        self._stated: list[Stated] = []
        self._next_began: float | None = None
        """When the cell began that is the first of another run."""
        self._note(request)
        self._alive, self._began = run["alive_seconds"] or 0.0, clock.elapsed()
        self._source_hash = run["source_hash"]
        self._pending: dict[str, Any] = {}
        self._beside: dict[tuple[str, str], Text] = {}
        self._annotations, self._annotating = Annotations(), threading.Lock()
        self._end: dict[str, Any] | None = None
        self._ended_by = ""
        self._is_gone = self._is_published = self._is_ending = self._is_ended = False
        self._problem: Exception | None = None
        self._wake, self._urgent = Call(), Call()
        self._tickets: list[threading.Event] = []
        self._is_asked = False
        self._thread = threading.Thread(target=self._listen, name="ln_jupyter heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to listen. A database in memory is not written to: its one connection is the user's."""
        if self.engine.dialect.name != "sqlite" or self.engine.url.database not in (None, "", ":memory:"):
            if self._sees_files:
                running = None if self.log is None else self.log.running
                watching.begin(None if running is None else running.began)
            else:
                watching.end()
            try:
                self._thread.start()
            except RuntimeError as error:  # a limit of processes, or of memory
                said = f"header(): no cell of this run is recorded, and not its end, for want of a thread: {error}"
                sanitize.write_line(said, sys.stderr)
                return
            if self.log is None:
                exit_status.watch()
            self._wake.set()  # for what runs, and may be killed
            exit_status.at_exit(self.finish)

    def is_of(self, registration: Registration, engine: sa.Engine) -> bool:
        """Return whether it keeps this run, and goes on doing so."""
        return (self.run_id, self.engine) == (registration.run_row["id"], engine) and self._end is None

    def follow(self, request: Request) -> None:
        """Go on with what a later call of `header()` found."""
        if self.log is not None:
            self.log.attach()
        self.request = request
        self._note(request)

    def wake(self) -> None:
        """Say that a cell has begun or ended."""
        self._wake.set()

    def take(self, annotations: Annotations) -> bool:
        """Put these on the run with its next sign of life; whether it has one."""
        if not self._is_here or self._is_gone or self._end is not None:
            return False
        with self._annotating:
            self._annotations.add(annotations)
        self._wake.set()
        return True

    def state_file(self, stated: Stated) -> None:
        """Write what the user says of a file with the next sign of life; nothing of it where files are not kept."""
        if self._sees_files:
            self._stated.append(stated._replace(cell=audit.LOG.cell))
            self._wake.set()

    def settle(self) -> None:
        """Wait until everything is written, for as long as `PATIENCE` lasts."""
        if self._is_here:
            written = threading.Event()
            self._tickets.append(written)
            self._urgent.set()
            self._wake.set()
            written.wait(PATIENCE)

    def finish(self, *, at: dt.datetime | None = None, with_process: bool = True, ended_by: str = "") -> None:
        """Write how the run ended; what the process does from here on is not of the run.

        Args:
            at: When; now, if None.
            with_process: The process ends, and with it what runs.
            ended_by: What ends it, such as a signal; "" where it ends by itself.
        """
        if self._end is None:
            end: dict[str, Any] = {"finished_at": at or utcnow()}
            if self._is_ending:  # by itself, when a signal interrupted this very call
                ended_by = ""
            self._is_ending, self._ended_by = True, ended_by
            running = [] if self.log is None or with_process else self.log.all_running
            self._next_began = min((each.began for each in running), default=None)
            if self._cells is not None:
                self._cells.end(with_process=with_process)
            elif ended_by:
                end |= outcome.End(INTERRUPTED, ended_by)._asdict()
            else:
                end |= outcome.of_process(keeps_text=self._keeps_text)._asdict()
            self._end = end  # whole: a signal's handler may have interrupted this line, and writes what is there
        was_here = self._is_here
        self.settle()
        if was_here and with_process:
            watching.end()
        if was_here and not (self._is_ended or self._is_gone):
            why = f"it took longer than {PATIENCE:.0f} s"
            if self._problem is not None:  # of others' errors only the kind is sure to hold no value
                is_ours = isinstance(self._problem, errors.LnJupyterError)
                why = str(self._problem) if is_ours else type(self._problem).__name__
            said = f"header(): the end of run {self.run_id} is not recorded, and it will read as lost: {why}"
            sanitize.write_line(said, sys.stderr)
        exit_status.not_at_exit(self.finish)  # which keeps the whole notebook in memory
        exit_status.keep_interrupt()

    def close(self) -> None:
        """Write nothing but the running cell any more: the run's end is written already, and what was published."""
        self._is_published = True
        self._end = {}

    def stop(self) -> None:
        """Write nothing any more."""
        exit_status.not_at_exit(self.finish)
        self._is_gone = True
        watching.end()
        if self._is_here:
            self._urgent.set()
            self._wake.set()
            self._thread.join(PATIENCE)

    @property
    def executed(self) -> list[Execution]:
        """The cells of the run that have ended."""
        return [] if self._cells is None else self._cells.executed

    def ran_before(self, document: Document | None) -> list[int]:
        """Return the numbers of the notebook's cells that ran last in the run before this one."""
        return [] if self._cells is None or document is None else self._cells.ran_before(document)

    @property
    def _is_here(self) -> bool:
        """Whether the thread runs: in a fork it does not."""
        return self._thread.is_alive()

    def _listen(self) -> None:
        with audit.silence():
            if self._sees_files:
                self._begin_files()
            self._write_until_ended()

    def _begin_files(self) -> None:
        with Fence("the run"):
            from ln_jupyter.tracking.recording import files  # here for cost: by the thread, beside the cell

            folder = None if self._path is None else str(self._path.parent)
            self._files = files.begin(self._known, self.request, self.engine, folder)

    def _write_until_ended(self) -> None:
        is_last = False
        while not self._is_gone:
            is_woken = self._wake.wait(HEARTBEAT)
            if is_woken:
                if self._files is not None:  # at once, while they are as a cell has left them
                    self._files.take(self._stated, before=self._next_began)
                    self._files.settle(
                        [] if self.log is None else self.log.all_running, is_last=False, is_ending=self._ends
                    )
                self._urgent.wait(PAUSE)
            self._wake.wait(0)
            self._urgent.wait(0)
            is_written = False
            tickets, self._tickets = self._tickets, []
            self._is_asked = bool(tickets)
            # after the tickets: whoever left one may have set the end just before, and is told that it is written
            is_last |= (is_woken or bool(tickets)) and self._end is not None
            if not self._is_gone:
                try:
                    transactions.repeat(self._write)
                    is_written, self._problem = True, None
                except (errors.LnJupyterError, sa.exc.SQLAlchemyError, OSError) as error:
                    self._problem = error
                    _log.debug("the run %s could not be written now", self.run_id, exc_info=True)
                except Exception as error:  # noqa: BLE001 - the edge of a thread: the next beat goes on
                    if type(error) is not type(self._problem):
                        _log.warning("the run %s cannot be written now: %s", self.run_id, type(error).__name__)
                    self._problem = error
                    _log.debug("the run %s could not be written now", self.run_id, exc_info=True)
            self._is_ended = is_last and is_written
            for written in tickets:
                written.set()
            if self._is_ended:
                return

    @limits.bounded()
    def _write(self) -> None:
        cells = self._cells
        if self._files is not None:
            self._files.take(
                self._stated, before=self._next_began
            )  # before the cells: they know each that did something
        ended, running = ([], []) if cells is None else cells.take()
        sources = [each.source for each in ended]
        if cells is not None and cells.is_unwritten:
            sources = [each.source for each in cells.log.earlier] + sources
        facts, found = self._look(sources)
        self._pending |= found
        self._beside |= facts.beside
        if cells is not None:
            cells.look(facts.document)
            if cells.is_unwritten:
                self._beside |= cells.before()
            self._pending |= cells.summary(ended)
        if self._files is not None:
            # who asks for all wants what the running cell has written, too
            self._files.settle([] if self._is_asked else running, is_last=self._end is not None, is_ending=self._ends)
            self._pending |= self._files.summary
        values, beside = self._pending | self._ended(), self._beside
        if self._is_published:
            values = {name: value for name, value in values.items() if name not in _FROZEN}
            beside = {key: text for key, text in beside.items() if key[0] not in _FROZEN_BESIDE}
        with self._annotating:
            annotations, self._annotations = self._annotations, Annotations()
        try:
            self._send(values, beside, annotations, facts, (ended, running))
        except BaseException:
            with self._annotating:  # what came meanwhile is later
                annotations.add(self._annotations)
                self._annotations = annotations
            raise

    def _send(
        self,
        values: Mapping[str, Any],
        beside: Mapping[tuple[str, str], Text],
        annotations: Annotations,
        facts: Facts,
        executed: tuple[Sequence[Execution], Sequence[Execution]],
    ) -> None:
        cells = self._cells
        with self.engine.connect() as connection:
            run_rows.store(
                connection,
                source=facts.source if "source_hash" in values else None,
                environment=facts.environment if "environment_hash" in values else None,
            )
            alive = self._alive + clock.elapsed() - self._began
            written = run_rows.hear(connection, self.run_id, values, self._known, alive_seconds=alive)
            if written is None:  # it was deleted
                self._is_gone = True
                return
            if annotations:
                run_rows.annotate(connection, self.run_id, annotations)
            run_rows.write_beside(connection, self.run_id, beside)
            confirmed = [] if cells is None else [cells.write(connection, *executed)]
            if self._files is not None:
                confirmed.append(self._files.write(connection, {} if cells is None else cells.positions))
            if self._source_hash not in (None, written.get("source_hash", self._source_hash)):
                run_rows.remove_unused(connection, sources=[self._source_hash])
            connection.commit()
        self._source_hash = written.get("source_hash", self._source_hash)
        self._known |= values
        self._pending, self._beside = {}, {}
        for confirm in confirmed:
            confirm()
        if self._files is not None and self._files.has_more:
            self._wake.set()

    def _note(self, request: Request) -> None:
        self._named = {**self._named, **request.imports}
        if request.last_location is not None:  # a lost file may be put back, and is read then
            self._path = request.last_location.path

    def _ends(self) -> bool:
        return self._end is not None

    def _look(self, sources: Iterable[str]) -> tuple[Facts, Mapping[str, Any]]:
        if self._facts is None:
            from ln_jupyter.tracking.recording.facts import (
                Facts,  # here for cost: by the thread, when the cell has ended
            )

            self._facts = Facts(self._path, self.request.runner, self.log is not None, keeps_text=self._keeps_text)
        self._facts.path = self._path
        self._facts.packages |= self._named
        return self._facts, self._facts.look(sources, is_last=self._end is not None)

    def _ended(self) -> dict[str, Any]:
        """Say how the run has ended, if it has: of cells that is asked last, when the file was looked at."""
        if not self._end or self._cells is None:
            return self._end or {}
        return self._end | self._cells.judge(ended_by=self._ended_by)._asdict()
