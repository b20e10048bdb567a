"""What `header()` writes to the registry: the notebook, where its file was seen, and the run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from ln_jupyter.db import engine as engines
from ln_jupyter.db import unit, upsert, users
from ln_jupyter.notebook.identity import Identity
from ln_jupyter.schema import Notebook, NotebookPath, Run
from ln_jupyter.schema.declarative import utcnow

if TYPE_CHECKING:
    from sqlalchemy import orm

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
    user_id = users.current_id(session)
    notebook = _find_or_make_notebook(session, _identify(session, request, before), request, user_id)
    _note_path(session, request, notebook)
    kept = _find_run(session, notebook, before, run) or _make_run(request)
    kept.notebook = notebook
    if request.imports:
        kept.imports = (kept.imports or {}) | request.imports
    session.add(kept)
    path = request.path or (None if before is None else before.path)
    return Registration(notebook, kept, user_id, path, os.getpid())


def _identify(session: orm.Session, request: Request, before: Registration | None) -> Identity:
    return (
        request.stated
        or _of_this_process(request, before)
        or _at_same_path(session, request)
        or Identity(Notebook().id)
    )


def _of_this_process(request: Request, before: Registration | None) -> Identity | None:
    """Keep who this process said it was, unless the file is now beside the earlier one: a second notebook."""
    if before is None:
        return None
    elsewhere = request.path is not None and request.path != before.path
    if elsewhere and (before.path is None or os.path.exists(before.path)):  # noqa: PTH110 - of a folder closed to us
        return None
    return Identity(before.notebook.id, before.notebook.v)


def _at_same_path(session: orm.Session, request: Request) -> Identity | None:
    """Find who was last seen at this path; only if the content says that it is the same notebook."""
    if request.document is None:
        return None
    seen = session.get(NotebookPath, (request.process.host, request.path))
    if seen is None:
        return None
    shares_cells = not set(seen.cell_ids or ()).isdisjoint(request.cell_ids)
    if not shares_cells and seen.source_hash != request.document.source_hash:
        return None
    return Identity(seen.notebook_id, seen.notebook_v)


def _find_or_make_notebook(session: orm.Session, identity: Identity, request: Request, user_id: str) -> Notebook:
    key = (identity.id, identity.version)
    notebook = session.get(Notebook, key)
    if notebook is None:
        # another kernel may be registering it right now: whoever comes second takes the first one's row
        upsert.insert_if_absent(
            session.connection(bind_arguments={"mapper": Notebook}),
            Notebook,
            id=identity.id,
            v=identity.version,
            created_at=identity.time_init or utcnow(),
            created_by_id=user_id,
            revision=1,
            **request.names,
        )
        notebook = session.get_one(Notebook, key)
    if any(getattr(notebook, field) != value for field, value in request.names.items()):
        # past the counter that guards edits: two kernels may both be the first to see a new title
        same = (Notebook.id == notebook.id, Notebook.v == notebook.v)
        session.execute(sa.update(Notebook).where(*same).values(**request.names))
    return notebook


def _note_path(session: orm.Session, request: Request, notebook: Notebook) -> None:
    """Remember who was seen where; what is known already is not written again, nor its row contended for."""
    if request.document is None:
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
    return session.get(Run, before.run.id)


def _make_run(request: Request) -> Run:
    here = request.process
    return Run(
        started_at=utcnow(),
        host=here.host,
        pid=here.pid,
        process_started_at=here.started_at,
        kernel_id=here.kernel_id or None,
        kernel_name=here.kernel_name or None,
        runner=request.runner or None,
        path=request.path,
        python=here.python,
    )
