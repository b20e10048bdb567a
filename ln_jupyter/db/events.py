"""Listen to SQLAlchemy: to one connection whatever its engine is, first to errors, and to take notes only."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any, ParamSpec

from sqlalchemy.event.registry import _EventKey

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

P = ParamSpec("P")

_log = logging.getLogger(__name__)


def listen(connection: sa.Connection, name: str, listener: Callable[..., Any]) -> None:
    """Do what `sqlalchemy.event.listen` does.

    Before SQLAlchemy 2.0.38 that knows no events of a connection whose engine was made by
    `Engine.execution_options`.
    """
    _key(connection, name, listener).listen()


def remove(connection: sa.Connection, name: str, listener: Callable[..., Any]) -> None:
    """Do what `sqlalchemy.event.remove` does, for what `listen` added."""
    _key(connection, name, listener).remove()


def listen_first_to_errors(engine: sa.Engine, listener: Callable[..., Any]) -> None:
    """Do what `sqlalchemy.event.listen` does with ``insert=True``, which it forgets for this event."""
    dialect: Any = engine.dialect
    dialect._has_events = True
    _EventKey(dialect, "handle_error", listener, dialect).base_listen(insert=True)


def _key(connection: sa.Connection, name: str, listener: Callable[..., Any]) -> _EventKey[Any]:
    return _EventKey(connection, name, listener, connection)


def takes_notes(listener: Callable[P, None]) -> Callable[P, None]:
    """Let an error of a listener cost its notes, and not hide the user's own error, which may be why it was called."""

    @functools.wraps(listener)
    def listen(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            listener(*args, **kwargs)
        except Exception:  # noqa: BLE001 - of mappers that are gone, of the user's own values: SQLAlchemy goes on
            _log.debug("%s took no notes", listener.__qualname__, exc_info=True)

    return listen
