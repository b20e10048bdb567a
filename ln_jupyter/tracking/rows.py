"""What `header()` writes to the registry: the notebook, where its file was seen, and the run."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from ln_jupyter.db import engine as engines
from ln_jupyter.db import transactions, unit, upsert, users
from ln_jupyter.notebook.identity import Identity
from ln_jupyter.schema import Notebook, NotebookPath, Run
from ln_jupyter.schema.declarative import utcnow
from ln_jupyter.tracking import identification, versions

if TYPE_CHECKING:
    from sqlalchemy import orm

    from ln_jupyter.tracking.identification import Identified
    from ln_jupyter.tracking.request import Request

WhichRun = Literal["new", "latest"] | None


@dataclass(frozen=True)
class Registration:
    """The notebook that a process runs, and its run, as detached records.

    Attributes:
        notebook: The notebook, in its version.
        run: Its run; ``run.notebook`` is loaded.
        user_id: Of who registered them, now or at an earlier call.
        path: Of the notebook's file, at the last call; None without a file.
        pid: Of the process. A fork is another process, and has no registration.
    """

    notebook: Notebook
    run: Run
    user_id: str
    path: str | None
    pid: int


def register(request: Request, *, before: Registration | None, run: WhichRun) -> Registration:
    """Register a notebook and its run, both or neither.

    Args:
        request: The notebook.
        before: What this process registered at an earlier call.
        run: As for `header()`.

    Raises:
        DatabaseError: If the registry cannot be reached, or is none.
    """
    engines.of_registry(None if request.location is None else request.location.path.parent)
    return unit.run(lambda session: _register(session, request, before, run))


def _register(session: orm.Session, request: Request, before: Registration | None, run: WhichRun) -> Registration:
    found = _identify(session, request, before)
    user_id = users.current_id(session)
    notebook = _find_or_make_notebook(session, found, request, user_id)
    note_path(session, request, notebook)
    kept = _find_run(session, notebook, before, run) or Run()
    if sa.inspect(kept).transient or run == "latest":
        _begin(kept, request)
    kept.notebook = notebook
    if request.imports:
        kept.imports = (kept.imports or {}) | request.imports
    session.add(kept)
    path = request.path or (None if before is None else before.path)
    return Registration(notebook, kept, user_id, path, os.getpid())


def _identify(session: orm.Session, request: Request, before: Registration | None) -> Identified:
    known = _of_this_process(request, before)
    found = identification.identify(session, request, known)
    if found.is_new and request.path is not None:
        # two kernels may both be the first to see a file: the second one waits, and sees what the first one wrote
        _lock_path(session, request.path)
        found = identification.identify(session, request, known)
    return found


def _lock_path(session: orm.Session, path: str) -> None:
    connection = session.connection(bind_arguments={"mapper": NotebookPath})
    if not transactions.has_begun(connection):
        transactions.begin(connection)
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], signed=True)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def _of_this_process(request: Request, before: Registration | None) -> Identity | None:
    """Keep who this process said it was, unless the file is now beside the earlier one: a second notebook."""
    if before is None:
        return None
    elsewhere = request.path is not None and request.path != before.path
    if elsewhere and (before.path is None or os.path.exists(before.path)):  # noqa: PTH110 - of a folder closed to us
        return None
    return Identity(before.notebook.id, before.notebook.v)


def _find_or_make_notebook(session: orm.Session, found: Identified, request: Request, user_id: str) -> Notebook:
    identity = found.identity
    known = [] if found.is_new else versions.of(session, identity.id)
    v = identity.version
    if not request.names_version:
        v = versions.choose(v, known, None if request.document is None else request.document.source_hash)
    parent = found.parent or max(((identity.id, each.v) for each in known), default=(None, None))
    made = {
        "parent_id": parent[0],
        "parent_v": parent[1],
        "created_at": utcnow() if known else identity.time_init or utcnow(),
    }
    notebook = find_or_make(session, (identity.id, v), user_id, made | request.names)
    if any(getattr(notebook, field) != value for field, value in request.names.items()):
        # past the counter that guards edits: two kernels may both be the first to see a new title
        same = (Notebook.id == notebook.id, Notebook.v == notebook.v)
        session.execute(sa.update(Notebook).where(*same).values(**request.names))
    return notebook


def find_or_make(session: orm.Session, key: tuple[str, str], user_id: str, made: dict[str, Any]) -> Notebook:
    """Give the notebook of a key; if there is none, make it with these values, once for all who make it now."""
    notebook = session.get(Notebook, key)
    if notebook is None:
        # another kernel may be registering it right now: whoever comes second takes the first one's row
        connection = session.connection(bind_arguments={"mapper": Notebook})
        values = {"id": key[0], "v": key[1], "created_by_id": user_id, "revision": 1} | made
        upsert.insert_if_absent(connection, Notebook, **values)
        notebook = session.get_one(Notebook, key)
    return notebook


def note_path(session: orm.Session, request: Request, notebook: Notebook) -> None:
    """Remember who was seen where; what is known already is not written again, nor its row contended for."""
    if request.path is None or request.document is None:
        return
    key = {"host": request.process.host, "path": request.path}
    evidence = {
        "notebook_id": notebook.id,
        "notebook_v": notebook.v,
        "cell_ids": request.cell_ids,
        "source_hash": request.document.source_hash,
    }
    seen = session.get(NotebookPath, tuple(key.values()))
    if seen is None or any(getattr(seen, name) != value for name, value in evidence.items()):
        connection = session.connection(bind_arguments={"mapper": NotebookPath})
        upsert.insert_or_update(connection, NotebookPath, **key, **evidence, seen_at=utcnow())


def _find_run(session: orm.Session, notebook: Notebook, before: Registration | None, run: WhichRun) -> Run | None:
    if run == "latest":
        of_notebook = sa.select(Run).where(Run.notebook_id == notebook.id, Run.notebook_v == notebook.v)
        return session.scalars(of_notebook.order_by(Run.created_at.desc()).limit(1)).one_or_none()
    if run == "new" or before is None or (before.notebook.id, before.notebook.v) != (notebook.id, notebook.v):
        return None
    kept = session.get(Run, before.run.id)
    return None if kept is None or kept.finished_at is not None else kept


def _begin(run: Run, request: Request) -> None:
    """Note which process runs it; one that is resumed goes on from here."""
    here = request.process
    run.started_at = run.started_at or utcnow()
    run.heard_at = utcnow()
    run.finished_at = run.outcome = None
    run.host = here.host
    run.pid = here.pid
    run.process_started_at = here.started_at
    run.kernel_id = here.kernel_id or None
    run.kernel_name = here.kernel_name or None
    run.runner = request.runner or None
    run.path = request.path
    run.python = here.python
