"""What `publish()` writes: the version is frozen with what it was made of, and its run is finished."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.environment import distributions
from ln_jupyter.registry import choose
from ln_jupyter.schema import tables
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking import evidence, register, versions
from ln_jupyter.tracking.recording import facts, run_rows

if TYPE_CHECKING:
    from ln_jupyter.environment.distributions import Environment
    from ln_jupyter.tracking.register import Registration
    from ln_jupyter.tracking.request import Request


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
    installed = distributions.current()
    return choose.in_registry(
        lambda connection: _publish(connection, current, request, installed, version), engine=current.origin
    )


def _publish(
    connection: sa.Connection, current: Registration, request: Request, installed: Environment, version: str | None
) -> Registration:
    assert request.document is not None  # noqa: S101 - see above
    source, before, now = facts.stored(request.document), current.notebook_row, utcnow()
    notebook_id, draft_v = before["id"], before["v"]
    known = versions.read_versions(connection, notebook_id)
    v = version or versions.choose(draft_v, known, source.hash)
    names = {"name": before["name"], "title": before["title"]} | request.names
    # the draft may have been deleted: what is made in its place has its parent, and is not its own
    parents, made_at = [(before["parent_id"], before["parent_v"])], before["created_at"]
    if v != draft_v:
        parents, made_at = [(notebook_id, draft_v), *parents], now
    parent = register.find_first(connection, parents)
    made = {"parent_id": parent[0], "parent_v": parent[1], "created_at": made_at}
    run_rows.store(connection, source=source, environment=installed)
    register.find_or_make(connection, (notebook_id, v), current.user_id, made | names)
    table, frozen = tables.notebook, {"source_hash": source.hash, "environment_hash": installed.hash}
    is_draft = (table.c.id == notebook_id, table.c.v == v, table.c.published_at.is_(None))
    freeze = sa.update(table).where(*is_draft)
    published = {"published_at": now, "published_by_id": current.user_id}
    connection.execute(freeze.values(**names, **frozen, **published, revision=table.c.revision + 1))
    frozen_version, notebook = next(
        each for each in versions.read_versions(connection, notebook_id).items() if each[0].v == v
    )
    if notebook["source_hash"] != source.hash:  # published before, or just now by another kernel
        msg = f"version {v} is published since {notebook['published_at']:%Y-%m-%d}, with other source"
        fix = f'ln.publish(version="{versions.following(v)}"), or ln.publish() for the next version there is'
        raise errors.AlreadyPublishedError(msg, fix=fix)
    kept = register.read_run(connection, current.run_row["id"])
    lost = {} if kept is not None else {name: current.run_row[name] for name in ("id", "started_at")}
    ended = {"heard_at": now, "finished_at": now, "outcome": "ok"}
    values = lost | frozen | ended | {"notebook_id": notebook_id, "notebook_v": v}
    register.note_path(connection, request, notebook, evidence.seen_at(connection, request))
    run = register.save_run(connection, kept, current.user_id, values)
    path = request.path or current.path
    return replace(current, notebook_row=notebook, run_row=run, path=path, publisher=frozen_version.publisher)
