"""The files of a run, from what its process was seen to open to the rows of the registry."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import errors, settings
from ln_jupyter.db import backends
from ln_jupyter.files import audit, hash_queue, ledger, watching, workers
from ln_jupyter.files.noise import Noise
from ln_jupyter.schema import ids, tables
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ln_jupyter.files.hashing import Content
    from ln_jupyter.files.ledger import Ledger, Row
    from ln_jupyter.ipython.cell_log import Execution
    from ln_jupyter.tracking.annotations import Stated
    from ln_jupyter.tracking.request import Request

_log = logging.getLogger(__name__)

_PATIENCE = 2.5
"""Seconds that the end of a run waits for hashes; its process waits little longer."""

_PACKAGE = str(Path(__file__).parents[2]) + os.sep
_AT_ONCE = 500  # paths in a statement
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LINKS = {"input": tables.run_input, "output": tables.run_output}


def begin(run: Mapping[str, Any], request: Request, engine: sa.Engine, folder: str | None) -> Files:
    """See also what libraries and workers open, beside what `audit` notes already.

    Args:
        run: The run's columns.
        request: What was asked for.
        engine: Of the registry.
        folder: The notebook's; None where it has none.
    """
    own = [_PACKAGE] if request.path is None else [_PACKAGE, request.path]
    if engine.url.get_backend_name() == "sqlite" and engine.url.database:
        own.append(os.path.abspath(engine.url.database))  # noqa: PTH100 - Path.absolute keeps ".."
    working = folder or (None if (found := settings.working_folder()) is None else str(found))
    noise = Noise(working, own=own, patterns=settings.current().ignored_files)
    watching.see_libraries_again()
    return Files(run, noise, folder, request.process.host)


class Files:
    """What one run reads and writes; it belongs to the thread that writes the run.

    Whatever goes wrong here is a line in the log: the rest of the run is written all the same.

    Args:
        run: The run's columns, as it began or is gone on with.
        noise: What is left out.
        folder: The notebook's; None where it has none.
        host: On which it runs.
    """

    def __init__(self, run: Mapping[str, Any], noise: Noise, folder: str | None, host: str) -> None:
        self._run_id, self._user_id, self._host = run["id"], run["created_by_id"], host
        self._ledger: Ledger = ledger.Ledger(noise, folder)
        self._left_out = 0
        self._before: int | None = None
        """How many files of the run an earlier process has listed."""
        self._ending_since: float | None = None
        self._problem: Exception | None = None

    def take(self, stated: list[Stated], *, before: float | None) -> None:
        """Take what was noted, but for what belongs to the run that has begun since.

        Args:
            stated: What the user said; it is taken out.
            before: When the cell began that is the first of another run; None where there is none.
        """
        with self._fence():
            events = audit.LOG.take() + workers.INBOX.take()
            if before is not None:
                audit.LOG.give_back([each for each in events if (each.cell or each.at) >= before])
                events = [each for each in events if (each.cell or each.at) < before]
            self._ledger.take(events)
            watching.see_libraries_again()
            while stated:
                said = stated.pop(0)
                self._ledger.add_stated(said.role, said.kind, said.path, said.cell)
            self._left_out = audit.LOG.left_out

    def settle(self, running: Sequence[Execution], *, is_last: bool, is_ending: Callable[[], bool]) -> None:
        """Say what it comes to, and hash what is new.

        Args:
            running: The cells that have not ended.
            is_last: Nothing follows.
            is_ending: Says whether somebody waits for the end.
        """

        def is_over() -> bool:
            if not is_ending():
                return False
            self._ending_since = self._ending_since or time.monotonic()
            return time.monotonic() - self._ending_since > _PATIENCE

        with self._fence():
            self._ledger.settle({each.began for each in running}, is_last=is_last, is_over=is_over)

    @contextlib.contextmanager
    def _fence(self) -> Iterator[None]:
        """Keep what fails here from the rest of the run."""
        try:
            yield
        except (errors.LnJupyterError, sa.exc.SQLAlchemyError) as error:
            if not isinstance(error, (sa.exc.DataError, sa.exc.IntegrityError)):
                raise  # of the database: the whole is written again
            self._report(error)
        except Exception as error:  # noqa: BLE001 - many systems' files, and no reason to lose the run
            self._report(error)

    def _report(self, error: Exception) -> None:
        if type(error) is not type(self._problem):
            _log.warning("files may be missing from the run %s: %s", self._run_id, type(error).__name__)
        self._problem = error
        _log.debug("the files of the run %s", self._run_id, exc_info=True)

    @property
    def has_more(self) -> bool:
        """Whether something waits to be hashed."""
        return self._ledger.has_more

    @property
    def summary(self) -> dict[str, Any]:
        """The run's columns that tell of what is not listed."""
        unlisted = self._ledger.unlisted + self._left_out
        return {"unlisted_files": unlisted} if unlisted else {}

    def write(self, connection: sa.Connection, positions: Mapping[float, int]) -> Callable[[], None]:
        """Write what is new.

        Args:
            connection: To the registry, in a transaction that has written the run.
            positions: Of the run's cells in its log, by when they began.

        Returns:
            What is to be called when that is committed.
        """
        written: list[tuple[Row, Content]] = []
        with self._fence():
            if rows := self._ledger.unstored:
                with connection.begin_nested():
                    self._write_rows(connection, rows, positions)
                written = [(row, row.content) for row in rows]

        def confirm() -> None:
            for row, content in written:
                row.is_stored = row.content is content

        return confirm

    def _write_rows(self, connection: sa.Connection, rows: Sequence[Row], positions: Mapping[float, int]) -> None:
        if self._before is None:
            last = sa.select(sa.func.max(tables.run_file.c.position))
            self._before = connection.scalar(last.where(tables.run_file.c.run_id == self._run_id)) or 0
        others = self._of_others(connection, rows)
        if not (rows := [row for row in rows if row.position not in others]):
            return
        known = self._overwritten(connection, rows)
        contents = {row.position: known.get(row.position) or self._file_id(row) for row in rows}
        self._write_files(connection, [row for row in rows if row.content.hash is not None])
        backend = backends.get(connection.dialect)
        for role, table in _LINKS.items():
            linked = {file_id for row in rows if row.role == role and (file_id := contents[row.position])}
            links = [{"run_id": self._run_id, "file_id": each} for each in sorted(linked)]
            if links:
                backend.insert_if_absent(connection, table, links)
        values = [self._values(row, contents[row.position], positions) for row in rows]
        backend.insert_or_update(connection, tables.run_file, values)

    def _file_id(self, row: Row) -> str | None:
        content = row.content
        return None if content.hash is None else ids.of_content(content.hash, content.size)

    def _values(self, row: Row, file_id: str | None, positions: Mapping[float, int]) -> dict[str, Any]:
        content = row.content
        return {
            "run_id": self._run_id,
            "position": (self._before or 0) + row.position,
            "role": row.role,
            "kind": row.kind,
            "path": storable(row.path),
            "cell": None if row.cell is None else positions.get(row.cell),
            "via": row.via,
            "size": content.size,
            "modified_at": moment(content.modified_ns),
            "members": content.members,
            "reason": content.reason if file_id is None else None,
            "file_id": file_id,
        }

    def _write_files(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        files = {}
        for row in rows:
            stem, suffix = os.path.splitext(os.path.basename(row.path))  # noqa: PTH119, PTH122 - a text
            files[row.path] = {
                "id": self._file_id(row),
                "name": storable(stem),
                "suffix": storable(suffix),
                "uri": storable(row.path),
                "size": row.content.size,
                "hash": row.content.hash,
                "created_at": utcnow(),
                "created_by_id": self._user_id,
                "revision": 1,
            }
        if files:
            in_order = sorted(
                files.values(), key=lambda row: str(row["id"])
            )  # the same for all: nobody waits in a ring
            backends.get(connection.dialect).insert_if_absent(connection, tables.file, in_order)

    def _overwritten(self, connection: sa.Connection, rows: Sequence[Row]) -> dict[int, str]:
        """Find what was in files that were overwritten, where it is known from an earlier look at them."""
        lost = [row for row in rows if row.content.reason in (hash_queue.OVERWRITTEN, ledger.CHANGED)]
        known = self._find(connection, lost, tables.run_file.c.file_id.is_not(None))
        return {row.position: known[state] for row in lost if (state := _state(row)) in known}

    def _of_others(self, connection: sa.Connection, rows: Sequence[Row]) -> set[int]:
        """Find what a look around has found and another run is known to have written: a script that a cell started."""
        found, column = [row for row in rows if row.via == "snapshot"], tables.run_file.c
        is_seen = (column.role == "output", column.via != "snapshot", column.run_id != self._run_id)
        known = self._find(connection, found, *is_seen)
        return {row.position for row in found if _state(row) in known}

    def _find(
        self, connection: sa.Connection, rows: Sequence[Row], *conditions: sa.ColumnElement[bool]
    ) -> dict[tuple[Any, ...], str]:
        """Look for rows of any run on this host with the same paths, sizes and times; the contents that they name."""
        seen, run = tables.run_file.c, tables.run.c
        paths = sorted({storable(row.path) for row in rows if row.content.modified_ns is not None})
        found: dict[tuple[Any, ...], str] = {}
        for start in range(0, len(paths), _AT_ONCE):
            chosen = sa.select(seen.path, seen.size, seen.modified_at, seen.file_id).distinct()
            chosen = chosen.join(tables.run, run.id == seen.run_id)
            chosen = chosen.where(seen.path.in_(paths[start : start + _AT_ONCE]), run.host == self._host, *conditions)
            found |= {tuple(row[:3]): row.file_id for row in connection.execute(chosen)}
        return found


def _state(row: Row) -> tuple[str, int | None, dt.datetime | None]:
    return storable(row.path), row.content.size, moment(row.content.modified_ns)


def moment(nanoseconds: int | None) -> dt.datetime | None:
    """Return a file's time as the registry has it: to the microsecond, and exactly the same each time."""
    if nanoseconds is None:
        return None
    try:
        return _EPOCH + dt.timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:  # a file may say anything
        return None
