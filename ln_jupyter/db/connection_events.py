"""Events of one connection, whatever its engine is, and errors before anybody else has made others of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.event.registry import _EventKey

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa


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
