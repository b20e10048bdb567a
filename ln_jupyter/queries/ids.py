"""Ids of a registry, whole or by their beginning."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import errors, sanitize
from ln_jupyter.queries import rows
from ln_jupyter.schema import Notebook, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 80  # characters of a name that is unknown
_MATCHES = 4  # of an ambiguous beginning
_NEAR = 1_000  # of the newest ids are compared with one that is unknown


def find(connection: sa.Connection, name: str, *models: type[Notebook | Run]) -> tuple[type[Notebook | Run], str]:
    """Find a notebook or run by its id, or by a beginning that no other has.

    Args:
        connection: To the registry.
        name: The id or its beginning.
        models: What it may be.

    Raises:
        RunNotFoundError: If there is none; it names near ids.
        InvalidRunError: If there are several.
    """
    shown = sanitize.shortened(name, _LONGEST)
    for is_whole in (True, False) if name else (True,):  # by index first; all ids begin with nothing
        found = [(model, each) for model in models for each in _ids(connection, model, name, is_whole=is_whole)]
        if len(found) == 1:
            return found[0]
        if found:
            some = ", ".join(each for _, each in found[:_MATCHES])
            msg = f"{shown!r} is the beginning of several ids"
            more = ", ..." * (len(found) > _MATCHES)
            raise errors.InvalidRunError(msg, fix=f"write more of the one you mean: {some}{more}")
    kinds = " or ".join(model.__name__.lower() for model in models)
    raise errors.RunNotFoundError(f"the registry has no {kinds} {shown!r}", fix=_near(connection, name, models))


def beginning_with(connection: sa.Connection, name: str, model: type[Notebook | Run], *, limit: int) -> dict[str, str]:
    """Return the ids that begin so, the newest first, each with the title of what it is or ran."""
    title = (Notebook.title, Notebook.name) if model is Notebook else (Notebook.title, Notebook.name, Run.name)
    chosen = sa.select(model.id, sa.func.coalesce(*title)).where(_begins_with(connection, model, name))
    if model is Run:
        chosen = chosen.outerjoin(Run.notebook)
    found = connection.execute(chosen.order_by(*rows.newest_first(model)).limit(limit))
    return {each: text or "" for each, text in reversed(found.all())}  # of versions, the newest one's


def _ids(connection: sa.Connection, model: type[Notebook | Run], name: str, *, is_whole: bool) -> list[str]:
    matches = model.id == name if is_whole else _begins_with(connection, model, name)
    return list(connection.scalars(sa.select(model.id).where(matches).distinct().limit(_MATCHES + 1)))


def _begins_with(connection: sa.Connection, model: type[Notebook | Run], name: str) -> sa.ColumnElement[bool]:
    # not LIKE, to which SQLite's "a" is "A"
    begins = sa.func.substr(model.id, 1, len(name)) == name
    if not rows.is_file(connection):  # where a collation decides what is between two texts
        return begins
    return sa.and_(begins, model.id >= name, model.id < f"{name}\U0010ffff")  # by index


def _near(connection: sa.Connection, name: str, models: Sequence[type[Notebook | Run]]) -> str:
    known = [
        each
        for model in models
        for each in connection.scalars(sa.select(model.id).order_by(model.created_at.desc()).limit(_NEAR))
    ]
    near = difflib.get_close_matches(name, dict.fromkeys(known), n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return "ln-jupyter list and ln-jupyter runs name those there are"
