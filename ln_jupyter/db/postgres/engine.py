"""The engine of a PostgreSQL database: for a team that shares one registry."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from ln_jupyter import errors
from ln_jupyter.db import driver, error_translation, forks, internals, interrupts, limits
from ln_jupyter.db.postgres import errors as postgres_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy.pool import ConnectionPoolEntry

_PREPARE = "prepare_threshold"
_CONNECT_SECONDS = 5
_SILENT_SECONDS = 10
"""So long may the network keep what was sent; else a laptop that slept waits for a quarter of an hour."""


def create(url: sa.URL) -> sa.Engine:
    """Make the engine of a URL that names psycopg.

    What the URL's query says (``options``, ``application_name``, ``sslmode`` ...) wins. Nothing
    but the name of the application is asked of the server at login, and nothing is prepared or
    set for a connection: poolers allow no more, and give its next transaction another server's.

    Raises:
        MissingExtraError: If psycopg is not installed.
        InvalidUrlError: If ``prepare_threshold`` is no number.
    """
    try:
        import psycopg  # noqa: F401 - cost: only for those who use it
    except ImportError as error:
        msg = "PostgreSQL needs the driver psycopg, which is not installed"
        raise errors.MissingExtraError(msg, fix="pip install 'ln-jupyter[postgres]'") from error
    from ln_jupyter.db.postgres import connection as psycopg_connection  # cost: it imports psycopg

    defaults: dict[str, Any] = {
        "application_name": "ln_jupyter",
        "connect_timeout": _CONNECT_SECONDS,
        "keepalives_idle": 3 * _SILENT_SECONDS,
        "keepalives_interval": _SILENT_SECONDS,
        "keepalives_count": 3,
        "tcp_user_timeout": 1000 * _SILENT_SECONDS,
    }
    _, given = url.get_dialect()().create_connect_args(url)
    if "," in str(given.get("host", "")):
        defaults["target_session_attrs"] = "read-write"  # the one of several that is written to, whichever it is now
    fixed = {"autocommit": True, _PREPARE: _prepare_threshold(given.get(_PREPARE))}
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,  # a server that ended a session says so only when it is used
        use_native_hstore=False,  # to look for its type would take three round trips
        creator=_Login(
            psycopg_connection.Connection.connect,
            defaults | dict(given) | fixed,
            functools.partial(_settings, str(given.get("options", ""))),
        ),
    )
    _ask_less(engine.dialect)
    _lose_nothing_by_rollback(engine.dialect)
    forks.leave_connections(engine)
    event.listen(engine, "checkin", _put_in_autocommit)
    error_translation.translate(engine, postgres_errors.explain)
    return engine


def _put_in_autocommit(driver: Any, _entry: ConnectionPoolEntry) -> None:
    if driver is not None and not driver.closed and not driver.autocommit:
        driver.autocommit = True


def _ask_less(dialect: Any) -> None:
    """Let SQLAlchemy ask for what the server has told already neither at the first connection nor at each use of one."""
    ask = dialect.do_ping

    @limits.bounded(limits.PING_SECONDS)
    def ping(driver: Any) -> bool:
        return driver.is_fresh or bool(ask(driver))

    def version(connection: sa.Connection) -> tuple[int, ...]:
        number = _info(connection).server_version
        return number // 10000, number % 10000

    def has_escapes(connection: sa.Connection) -> bool:
        return bool(_info(connection).parameter_status("standard_conforming_strings") == "off")

    dialect.do_ping = ping
    internals.know_at_connect(dialect, version, has_escapes)


def _lose_nothing_by_rollback(dialect: Any) -> None:
    """Let a rollback on a connection that is lost be done: the server undoes by itself what nobody commits."""
    undo = dialect.do_rollback

    def do_rollback(driver: Any) -> None:
        try:
            undo(driver)
        except dialect.dbapi.Error:
            if not driver.closed:  # what comes next finds out, or the pool before it lends it again
                raise

    dialect.do_rollback = do_rollback


def _info(connection: sa.Connection) -> Any:
    return driver.connection_of(connection).info


def _settings(options: str) -> Iterator[str]:
    """Return what is set first in a transaction, unless the *options* of the URL, or those of libpq, say it."""
    options += os.environ.get("PGOPTIONS", "")
    seconds = {"lock_timeout": limits.LOCK_SECONDS, "statement_timeout": limits.of_statement()}
    for name, value in seconds.items():
        if value is not None and name not in options:
            yield f"SET LOCAL {name} = {1000 * value:.0f}"


def _prepare_threshold(given: object) -> int | None:
    """Read after how many times a statement is prepared: never, unless the URL says so."""
    if given is None:
        return None
    if not str(given).isdecimal():
        msg = f"prepare_threshold={given} in the database URL is no number"
        raise errors.InvalidUrlError(msg, fix="leave it out: then nothing is prepared, as poolers ask for")
    return int(str(given))


class _Login:
    """Opens connections, and keeps the password out of the variables of every frame an error passes through.

    Debuggers, test runners and error reporters print those, and so does IPython's verbose mode.
    """

    def __init__(
        self, connect: Callable[..., Any], arguments: dict[str, Any], settings: Callable[[], Iterable[str]]
    ) -> None:
        self._connect = connect
        self._settings = settings
        self._arguments = arguments

    def __call__(self) -> Any:
        try:
            with interrupts.allowed():
                connection = self._connect(**self._arguments)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            raise error.with_traceback(None) from None  # the driver's frames hold the password
        connection.settings = self._settings
        return connection
