"""Every private name of SQLAlchemy's core that is needed, with its reason; `tests/db/test_internals.py` holds them to it.

All are there in SQLAlchemy 2.0 and 2.1. Those of its ORM are in `orm/internals.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.event.registry import _EventKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def listen(connection: sa.Connection, name: str, listener: Callable[..., Any]) -> None:
    """Do what `sqlalchemy.event.listen` does.

    `_EventKey`: before SQLAlchemy 2.0.38 `listen` knows no events of a connection whose engine was made by
    `Engine.execution_options`.
    """
    _key(connection, name, listener).listen()


def remove(connection: sa.Connection, name: str, listener: Callable[..., Any]) -> None:
    """Do what `sqlalchemy.event.remove` does, for what `listen` added."""
    _key(connection, name, listener).remove()


def listen_first_to_errors(engine: sa.Engine, listener: Callable[..., Any]) -> None:
    """Do what `sqlalchemy.event.listen` does with ``insert=True``, which it forgets for this event.

    `_has_events` is what `listen` sets, and `_EventKey` what it uses.
    """
    dialect: Any = engine.dialect
    dialect._has_events = True
    _EventKey(dialect, "handle_error", listener, dialect).base_listen(insert=True)


def listen_alike(connection: sa.Connection, dispatch: Any) -> None:
    """Let a connection call the listeners of another one of its engine, whose *dispatch* it is.

    `_has_events` is what `listen` sets: to add the same listeners anew costs as much as a short read.
    """
    connection.dispatch, connection._has_events = dispatch, True


lent: Any = sa.Connection.connection.fget  # type: ignore[attr-defined]
"""Returns what the pool has lent to a connection, past what watches it."""


class WatchedConnection(sa.Connection):
    """A connection that says when somebody asks it for the driver's, by whatever way they came, and before it ends.

    `_commit_impl` and `_rollback_impl` are what ends a transaction, whoever calls: to listen to one connection's
    events costs hundreds of calls. They and `_begin_impl` ask for the driver's connection themselves.
    """

    _is_turning = False

    @classmethod
    def watch(cls, connection: sa.Connection) -> None:
        """Let a connection be one of these; of a class of somebody else's it stays what it is."""
        if type(connection) is sa.Connection:
            connection.__class__ = cls

    def before_lending(self) -> None:
        """Somebody asks for the driver's connection."""

    def before_commit(self) -> None:
        """The transaction is about to be committed."""

    def before_rollback(self) -> None:
        """The transaction is about to be rolled back."""

    @property
    def connection(self) -> sa.PoolProxiedConnection:
        """Say it, and lend the driver's connection."""
        found: sa.PoolProxiedConnection = lent(self)
        if not self._is_turning:
            self.before_lending()
        return found

    @property
    def info(self) -> dict[Any, Any]:
        """Return what is kept with the driver's connection, which is not lent for it."""
        found: dict[Any, Any] = lent(self).info
        return found

    def _begin_impl(self, transaction: Any) -> None:
        self._turn(super()._begin_impl, transaction)

    def _commit_impl(self) -> None:
        self.before_commit()
        self._turn(super()._commit_impl)

    def _rollback_impl(self) -> None:
        self.before_rollback()
        self._turn(super()._rollback_impl)

    def _turn(self, act: Callable[..., None], *given: Any) -> None:
        self._is_turning = True
        try:
            act(*given)
        finally:
            self._is_turning = False


def _key(connection: sa.Connection, name: str, listener: Callable[..., Any]) -> _EventKey[Any]:
    return _EventKey(connection, name, listener, connection)


def commits_each_statement(connection: sa.Connection) -> bool:
    """Return whether its isolation level is AUTOCOMMIT, by the engine or by its own options.

    `_is_autocommit_isolation`: `get_isolation_level` asks the database, and its defaults do not know of the options.
    """
    return connection._is_autocommit_isolation()


def is_server_side(context: Any) -> bool:
    """Return whether a statement's rows stay with the server until they are read.

    `_is_server_side` of an execution context: it is decided there, by options, the statement and the dialect.
    """
    return bool(context._is_server_side)


def know_at_connect(
    dialect: Any, version: Callable[[sa.Connection], tuple[int, ...]], has_escapes: Callable[[sa.Connection], bool]
) -> None:
    """Let the dialect of PostgreSQL ask the server for nothing at the first connection that psycopg knows already.

    `_get_server_version_info`, `_set_backslash_escapes` and `_backslash_escapes`: each is a round trip.
    """

    def set_backslash_escapes(connection: sa.Connection) -> None:
        dialect._backslash_escapes = has_escapes(connection)

    dialect._get_server_version_info, dialect._set_backslash_escapes = version, set_backslash_escapes


def keys_of_result(result: sa.Result[Any]) -> Sequence[str]:
    """Return the names of a result's columns, whether it can still be read or not.

    `_metadata`: `Result.keys` raises once the result is closed.
    """
    return list(map(str, result._metadata.keys))


def source_of_result(result: Any) -> Any:
    """Return the result that a filter of scalars or mappings reads from; `_real_result` is what it reads."""
    return getattr(result, "_real_result", None) or result


def is_read(result: Any) -> bool:
    """Return whether a result gives no more rows; `_soft_closed` says so before it is closed for good."""
    return bool(getattr(result, "_soft_closed", False) or result.closed)


def keys_of_row(row: Any) -> tuple[str, ...]:
    """Return the names of a row's columns, of which several may have the same.

    `_parent`: the public `_fields` and `_mapping` make objects for each row.
    """
    return tuple(map(str, row._parent.keys))
