"""What `header()` writes to the registry: the notebook, where its file was seen, and the run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from ln_jupyter import settings
from ln_jupyter.db import backends
from ln_jupyter.environment.process import is_same_start
from ln_jupyter.notebook.identity import Identity
from ln_jupyter.orm import users
from ln_jupyter.registry import choose
from ln_jupyter.schema import ids, tables
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking import versions
from ln_jupyter.tracking.evidence import Seen
from ln_jupyter.tracking.identify import identify
from ln_jupyter.tracking.recording import latest
from ln_jupyter.tracking.request import storable
from ln_jupyter.tracking.this_machine import ThisMachine, UnansweredError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ln_jupyter.environment.process import Process
    from ln_jupyter.schema import Notebook, Run
    from ln_jupyter.tracking.family import Identified
    from ln_jupyter.tracking.request import Request
    from ln_jupyter.tracking.versions import Version

WhichRun = Literal["new", "latest", "same"] | None
Row = dict[str, Any]


@dataclass(frozen=True)
class Registration:
    """The notebook that a process runs, and its run.

    Attributes:
        notebook_row: The notebook's columns, in its version.
        run_row: Those of its run.
        user_id: Of who registered them, now or at an earlier call.
        path: Of the notebook's file, where it was found last; None without a file.
        pid: Of the process. A fork is another process, and has no registration.
        origin: The engine they are behind.
        why_new: Why ``run="latest"`` began a run, although there was one.
        why_copy: Why this call made the notebook, as a copy of another.
        publisher: Who published the version; None for a draft, or where that was not recorded.
    """

    notebook_row: Row
    run_row: Row
    user_id: str
    path: str | None
    pid: int
    origin: sa.Engine
    why_new: str = ""
    why_copy: str = ""
    publisher: str | None = None

    @cached_property
    def notebook(self) -> Notebook:
        """The notebook, as a detached record."""
        from ln_jupyter.orm import origins  # here for cost, as below: mapping classes is half of a first header()
        from ln_jupyter.schema import Notebook

        return origins.detached_record(Notebook, self.notebook_row, origin=self.origin)

    @cached_property
    def run(self) -> Run:
        """The run, as a detached record; ``run.notebook`` is loaded."""
        from ln_jupyter.orm import origins
        from ln_jupyter.schema import Run

        return origins.detached_record(Run, self.run_row | {"notebook": self.notebook}, origin=self.origin)


def register(request: Request, *, before: Registration | None, run: WhichRun) -> Registration:
    """Register a notebook and its run, both or neither.

    Args:
        request: The notebook.
        before: What this process registered at an earlier call.
        run: As for `header()`.

    Raises:
        DatabaseError: If the registry cannot be reached, or is none.
    """
    folder = None if request.location is None else request.location.path.parent
    machine = ThisMachine()

    def attempt(connection: sa.Connection) -> Registration:
        return _register(connection, request, before, run, machine)

    while True:
        try:
            return choose.in_registry(attempt, folder=folder)
        except UnansweredError as unanswered:  # what others have written just now leads to another file
            machine.answer(unanswered)


def _register(
    connection: sa.Connection, request: Request, before: Registration | None, run: WhichRun, machine: ThisMachine
) -> Registration:
    user = settings.current().user
    found = identify(connection, request, _of_this_process(request, before), machine)
    user_id = users.id_of(connection, user)
    known = found.versions
    if known is None:
        known = {} if found.is_new else versions.read_versions(connection, found.identity.id)
    notebook = _find_or_make_notebook(connection, found, known, request, user_id)
    note_path(connection, request, notebook, found.here)
    if run == "latest":
        # of two that ask at once, the second one sees that the first one runs it
        backends.get(connection.dialect).begin_named(connection, notebook["id"])
        kept, why_new = latest.find(connection, notebook, request.process, machine)
    else:
        kept, why_new = _find_run(connection, notebook, request, before, run), ""
    values = {"notebook_id": notebook["id"], "notebook_v": notebook["v"]}
    if kept is None or run == "latest":
        values |= _begun(kept, request)
    if kept is None:
        values |= _relatives(connection, request.process, before)
    if request.imports:
        values["imports"] = ((kept and kept["imports"]) or {}) | request.imports
    return Registration(
        notebook_row=notebook,
        run_row=save_run(connection, kept, user_id, values),
        user_id=user_id,
        path=None if request.last_location is None else storable(request.last_location.path),
        pid=os.getpid(),
        origin=connection.engine,
        why_new=why_new,
        why_copy=found.why_copy,
        publisher=next((each.publisher for each in known if each.v == notebook["v"]), None),
    )


def _of_this_process(request: Request, before: Registration | None) -> Identity | None:
    """Keep who this process said it was, unless the file is now beside the earlier one: a second notebook."""
    if before is None:
        return None
    elsewhere = request.path is not None and request.path != before.path
    if elsewhere and (before.path is None or os.path.exists(before.path)):  # noqa: PTH110 - of a folder closed to us
        return None
    return Identity(before.notebook_row["id"], before.notebook_row["v"])


def _find_or_make_notebook(
    connection: sa.Connection, found: Identified, known: Mapping[Version, Row], request: Request, user_id: str
) -> Row:
    identity = found.identity
    v = request.version
    if v is None:
        v = versions.choose(identity.version, known, None if request.document is None else request.document.source_hash)
    before = versions.before(v, known)
    parent_id, parent_v = found.parent or ((None, None) if before is None else (identity.id, before.v))
    made = {
        "parent_id": parent_id,
        "parent_v": parent_v,
        "created_at": utcnow() if known else identity.time_init or utcnow(),
    }
    notebook = next((row for row in known.values() if row["v"] == v), None)
    if notebook is None:
        notebook = _make(connection, (identity.id, v), user_id, made | request.names)
    if notebook["published_at"] is None and any(notebook[field] != value for field, value in request.names.items()):
        # past the counter that guards edits: two kernels may both be the first to see a new title
        is_draft = (*_is_notebook(identity.id, v), tables.notebook.c.published_at.is_(None))
        change = sa.update(tables.notebook).where(*is_draft).values(**request.names)
        if connection.execute(change).rowcount:
            notebook = notebook | request.names
    return notebook


def find_first(connection: sa.Connection, keys: Iterable[tuple[str, str]]) -> tuple[str, str] | tuple[None, None]:
    """Return the first of these keys that is a notebook's; nothing may refer to one that was deleted."""
    return next((key for key in keys if _read(connection, tables.notebook, *_is_notebook(*key))), (None, None))


def find_or_make(connection: sa.Connection, key: tuple[str, str], user_id: str, made: Mapping[str, Any]) -> Row:
    """Return the notebook of a key; if there is none, make it with these values, once for all who make it now."""
    notebook = _read(connection, tables.notebook, *_is_notebook(*key))
    return _make(connection, key, user_id, made) if notebook is None else notebook


def _make(connection: sa.Connection, key: tuple[str, str], user_id: str, made: Mapping[str, Any]) -> Row:
    # another kernel may be registering it right now: whoever comes second takes the first one's row
    values = {"id": key[0], "v": key[1], "created_by_id": user_id, "revision": 1, **made}
    backends.get(connection.dialect).insert_if_absent(connection, tables.notebook, [values])
    return read_notebook(connection, key)


def read_notebook(connection: sa.Connection, key: tuple[str, str]) -> Row:
    """Read a notebook that is there."""
    notebook = _read(connection, tables.notebook, *_is_notebook(*key))
    assert notebook is not None  # noqa: S101 - written or found in this transaction
    return notebook


def note_path(connection: sa.Connection, request: Request, notebook: Row, seen: Seen | None) -> None:
    """Remember who was seen where; what was *seen* there already is not written again, nor its row contended for."""
    if request.path is None or request.document is None:
        return
    now = Seen(request.path, notebook["id"], notebook["v"], request.cell_ids, request.document.source_hash)
    if now != seen:
        row = {"host": request.process.host, **now._asdict(), "seen_at": utcnow()}
        backends.get(connection.dialect).insert_or_update(connection, tables.notebook_path, [row])


def read_run(connection: sa.Connection, run_id: str) -> Row | None:
    """Read a run; None where it was deleted."""
    return _read(connection, tables.run, tables.run.c.id == run_id)


def save_run(connection: sa.Connection, kept: Row | None, user_id: str, values: Row) -> Row:
    """Write what is new of a run, and make it if it is not there; its row as it is then."""
    if kept is None:
        made = {"id": ids.new(ids.RUN), "created_at": utcnow(), "created_by_id": user_id, "revision": 1} | values
        connection.execute(sa.insert(tables.run).values(made))
        return dict.fromkeys(tables.run.c.keys()) | made
    changed = {name: value for name, value in values.items() if kept[name] != value}
    if changed:
        connection.execute(sa.update(tables.run).where(tables.run.c.id == kept["id"]).values(changed))
    return kept | changed


def _find_run(
    connection: sa.Connection, notebook: Row, request: Request, before: Registration | None, run: WhichRun
) -> Row | None:
    key = (notebook["id"], notebook["v"])
    if run is None and before is None and request.process.ancestors:
        return _find_run_of_ancestor(connection, key, request.process)
    if run == "new" or before is None or (before.notebook_row["id"], before.notebook_row["v"]) != key:
        return None
    kept = read_run(connection, before.run_row["id"])
    return None if kept is None or kept["finished_at"] is not None else kept


def _find_run_of_ancestor(connection: sa.Connection, key: tuple[str, str], worker: Process) -> Row | None:
    """Find the run that a worker works for: that of the process which started it, or of one above."""
    started, column = dict(worker.ancestors), tables.run.c
    of_notebook = (column.notebook_id == key[0], column.notebook_v == key[1], column.finished_at.is_(None))
    runs = sa.select(tables.run).where(*of_notebook, column.host == worker.host, column.pid.in_(list(started)))
    for run in connection.execute(runs.order_by(column.created_at.desc())).mappings():
        if is_same_start(run["process_started_at"], started[run["pid"]]):
            return dict(run)
    return None


def _relatives(connection: sa.Connection, here: Process, before: Registration | None) -> Row:
    """Name the runs that a new one goes on from: the one before it in this process, and its parent process's."""
    is_here = before is not None and before.origin is connection.engine
    continued = read_run(connection, before.run_row["id"]) if before is not None and is_here else None
    parent = read_run(connection, here.parent_run) if here.parent_run else None
    return {"continues_id": continued and continued["id"], "parent_id": parent and parent["id"]}


def _begun(run: Row | None, request: Request) -> Row:
    """Note which process runs it; one that is resumed goes on from here."""
    here = request.process
    now = max(utcnow(), here.started_at)  # a clock that was frozen before anything of ours was imported
    return {
        "started_at": (run and run["started_at"]) or now,
        "heard_at": now,
        "finished_at": None,
        "outcome": None,
        "host": here.host,
        "pid": here.pid,
        "process_started_at": here.started_at,
        "kernel_id": here.kernel_id or None,
        "kernel_name": here.kernel_name or None,
        "runner": request.runner or None,
        "path": request.path,
        "python": here.python,
        "argv": [storable(each) for each in here.argv] or None,
    }


def _is_notebook(notebook_id: str, v: str) -> tuple[sa.ColumnElement[bool], ...]:
    return tables.notebook.c.id == notebook_id, tables.notebook.c.v == v


def _read(connection: sa.Connection, table: sa.Table, *criteria: sa.ColumnElement[bool]) -> Row | None:
    row = connection.execute(sa.select(table).where(*criteria)).mappings().one_or_none()
    return None if row is None else dict(row)
