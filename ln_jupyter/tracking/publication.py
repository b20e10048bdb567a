"""What `publish()` writes: the version is frozen with what it was made of, and its run is finished."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.db import unit
from ln_jupyter.notebook import environment
from ln_jupyter.schema import Notebook, Run
from ln_jupyter.schema.declarative import utcnow
from ln_jupyter.tracking import facts, rows, runs, versions

if TYPE_CHECKING:
    from sqlalchemy import orm

    from ln_jupyter.notebook.environment import Environment
    from ln_jupyter.tracking.request import Request
    from ln_jupyter.tracking.rows import Registration


def publish(current: Registration, request: Request, version: str | None) -> Registration:
    """Publish what a process runs, all of it or nothing.

    Args:
        current: Its notebook and run.
        request: The same notebook, as it is now; its document is what ran where there is no file.
        version: As for `publish()`.

    Returns:
        The published notebook and its finished run.

    Raises:
        AlreadyPublishedError: If the version is published with other source.
        DatabaseError: If the registry cannot be reached.
    """
    installed = environment.current()
    return unit.run(lambda session: _publish(session, current, request, installed, version))


def _publish(
    session: orm.Session, current: Registration, request: Request, installed: Environment, version: str | None
) -> Registration:
    assert request.document is not None  # noqa: S101 - see above
    source = facts.stored(request.document)
    notebook_id, draft_v, now = current.notebook.id, current.notebook.v, utcnow()
    v = version or versions.choose(draft_v, versions.of(session, notebook_id), source.hash)
    names = {"name": current.notebook.name, "title": current.notebook.title} | request.names
    made = {"parent_id": notebook_id, "parent_v": draft_v, "created_at": now} | names
    runs.store(session.connection(bind_arguments={"mapper": Notebook}), source=source, environment=installed)
    rows.find_or_make(session, (notebook_id, v), current.user_id, made)
    frozen = {"published_at": now, "source_hash": source.hash, "environment_hash": installed.hash}
    is_draft = (Notebook.id == notebook_id, Notebook.v == v, Notebook.published_at.is_(None))
    freeze = sa.update(Notebook).where(*is_draft).values(**names, **frozen, revision=Notebook.revision + 1)
    session.execute(freeze, execution_options={"synchronize_session": False})
    notebook = session.get_one(Notebook, (notebook_id, v), populate_existing=True)
    if notebook.source_hash != source.hash:  # published before, or just now by another kernel
        msg = f"version {v} is published since {notebook.published_at:%Y-%m-%d}, with other source"
        fix = f'ln.publish(version="{versions.following(v)}"), or ln.publish() for the next version there is'
        raise errors.AlreadyPublishedError(msg, fix=fix)
    run = session.get(Run, current.run.id) or Run(id=current.run.id, started_at=current.run.started_at)
    run.notebook = notebook
    run.source_hash, run.environment_hash = source.hash, installed.hash
    run.heard_at = run.finished_at = now
    run.outcome = "ok"
    session.add(run)
    rows.note_path(session, request, notebook)
    return replace(current, notebook=notebook, run=run)
