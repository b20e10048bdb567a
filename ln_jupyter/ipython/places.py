"""Where the row of a record is, as the user can write it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import errors, schema
from ln_jupyter.db import engines
from ln_jupyter.display.options import Place
from ln_jupyter.orm import origins
from ln_jupyter.registry import choose

if TYPE_CHECKING:
    from collections.abc import Callable

    Visible = Callable[[type], list[tuple[str, Any]]]
    """Lists the user's variables that hold an instance of a class, with it."""


def find(record: object | None, model: type, visible: Visible) -> Place:
    """Find where the row of a detached record is; asks no database.

    Args:
        record: The record; None if it is gone.
        model: Its class.
        visible: The user's variables.
    """
    usual = choose.at_hand(of_registry=issubclass(model, schema.Base))
    try:
        origin = None if record is None else origins.engine_of(record)
    except errors.LnJupyterError:  # it comes from another process
        return Place("engine", is_known=False)
    if origin is not None and usual is not None and engines.is_same_database(usual, origin):
        return Place()
    mine: list[tuple[str, sa.Engine]] = visible(sa.Engine)
    if origin is not None:
        url = origin.url
        spelled = repr(str(url)) if engines.is_ours(origin) and url.password is None else "engine"
        return Place(next((name for name, engine in mine if engine is origin), spelled))
    if not origins.is_ambiguous(model, record, usual):
        return Place()
    # A session of SQLAlchemy's own leaves no trace on its records. The user has made an
    # engine that we were not told of, so it is the likely one.
    foreign = {engine: name for name, engine in mine if engine is not usual and not engines.is_ours(engine)}
    if not foreign and (opened := _opened(visible)):
        return Place(opened=opened, is_known=False)
    first, *others = [*foreign.values(), *(name for name, engine in mine if engine is usual)] or ["engine"]
    return Place(first, is_known=False, others=tuple(others))


def _opened(visible: Visible) -> str:
    """Write what opens a session of an asynchronous engine, if the user has one."""
    asyncio = sys.modules.get("sqlalchemy.ext.asyncio")
    if asyncio is None:
        return ""
    for name, maker in visible(asyncio.async_sessionmaker):
        if maker.kw.get("bind") is not None:
            return f"{name}()"
    return next((f"AsyncSession({name})" for name, _ in visible(asyncio.AsyncEngine)), "")
