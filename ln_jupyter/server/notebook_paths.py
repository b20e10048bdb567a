"""Where the registry last saw notebooks, brought up to date after files moved or went."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import settings
from ln_jupyter.approval import urls
from ln_jupyter.db import engines, limits
from ln_jupyter.orm import unit_of_work
from ln_jupyter.registry import choose, schema_version
from ln_jupyter.schema import NotebookPath
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking.request import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import orm


def move(old: Path, new: Path) -> None:
    """Note that a file, or a folder with all that is in it, has another path on this machine.

    Args:
        old: Absolute, as `location.absolute` makes it; no longer there.
        new: Absolute; what was noted there before is stale.

    Raises:
        LnJupyterError: If a registry cannot be used.
    """
    before, after = storable(old), storable(new)

    def act(session: orm.Session) -> None:
        session.execute(sa.delete(NotebookPath).where(*_at(after)))
        rest = sa.func.substr(NotebookPath.path, len(before) + 1)
        moved = sa.update(NotebookPath).where(*_at(before)).values(path=sa.literal(after) + rest, seen_at=utcnow())
        session.execute(moved)

    _in_each_registry(act, old, new)


def forget(path: Path) -> None:
    """Note that a file, or a folder, is no longer there; the notebooks stay, with their runs.

    Args:
        path: Absolute, as `location.absolute` makes it.

    Raises:
        LnJupyterError: If a registry cannot be used.
    """

    def act(session: orm.Session) -> None:
        session.execute(sa.delete(NotebookPath).where(*_at(storable(path))))

    _in_each_registry(act, path)


@limits.bounded()
def _in_each_registry(act: Callable[[orm.Session], None], *paths: Path) -> None:
    """Act where any of *paths* is, or is below, what the registry knows, if it is one that may be used."""
    chosen = [each for each in map(settings.resolve, paths) if each.mode == "on" and each.registry.is_approved]
    for url in dict.fromkeys(each.url for each in chosen):
        with _existing_registry(url) as engine:
            if engine is not None and _knows(engine, *paths):
                unit_of_work.run(act, engine=engine)


@contextmanager
def _existing_registry(url: str) -> Iterator[sa.Engine | None]:
    """Open a registry for a moment, so that no project's file is held; None where there is none to open.

    The settings are those of each path: a server has many projects, a kernel one.
    """
    parsed = urls.parse(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        yield None  # connecting would make it
        return
    engine = engines.resolve(url)
    try:
        with engine.connect() as connection:
            found = schema_version.read(connection)
        yield None if found is None else choose.with_registry(engine)
    finally:
        engines.dispose(parsed)


def _knows(engine: sa.Engine, *paths: Path) -> bool:
    """Look before writing: most files are no notebooks, and the write lock may be taken."""
    here = sa.or_(*(sa.and_(*_at(storable(path))) for path in paths))
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.exists(sa.select(NotebookPath.path).where(here)))) is True


def _at(path: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Select a path and, if it is a folder, what is in it; on this machine only."""
    below = path + os.sep
    # no LIKE: SQLite's takes capitals for small letters
    inside = sa.func.substr(NotebookPath.path, 1, len(below)) == below
    return NotebookPath.host == socket.gethostname(), sa.or_(NotebookPath.path == path, inside)
