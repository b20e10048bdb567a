"""The engine of a PostgreSQL database: for a team that shares one registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.db import faults, forks, transactions

if TYPE_CHECKING:
    from collections.abc import Callable

_CONNECT_SECONDS = 5
_SILENT_SECONDS = 10
"""So long may the network keep what was sent; else a laptop that slept waits for a quarter of an hour."""


def create(url: sa.URL) -> sa.Engine:
    """Make the engine of a URL that names psycopg.

    What the URL's query says (``options``, ``application_name``, ``sslmode`` ...) wins.

    Raises:
        MissingExtraError: If psycopg is not installed.
    """
    try:
        import psycopg  # noqa: F401 - cost: only for those who use it
    except ImportError as error:
        msg = "PostgreSQL needs the driver psycopg, which is not installed"
        raise errors.MissingExtraError(msg, fix="pip install 'ln-jupyter[postgres]'") from error
    from ln_jupyter.db import psycopg_connection  # cost: it imports psycopg

    defaults: dict[str, Any] = {
        "application_name": "ln_jupyter",
        "connect_timeout": _CONNECT_SECONDS,
        "keepalives_idle": 3 * _SILENT_SECONDS,
        "keepalives_interval": _SILENT_SECONDS,
        "keepalives_count": 3,
        "tcp_user_timeout": 1000 * _SILENT_SECONDS,
        "options": f"-c lock_timeout={int(transactions.LOCK_SECONDS * 1000)}",
    }
    _, given = url.get_dialect()().create_connect_args(url)
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,  # a server that ended a session says so only when it is used
        creator=_Login(psycopg_connection.Connection.connect, defaults | dict(given) | {"autocommit": True}),
    )
    forks.leave_connections(engine)
    transactions.begin_lazily(engine)
    faults.translate(engine)
    return engine


class _Login:
    """Opens connections, and keeps the password out of the variables of every frame an error passes through.

    Debuggers, test runners and error reporters print those, and so does IPython's verbose mode.
    """

    def __init__(self, connect: Callable[..., Any], arguments: dict[str, Any]) -> None:
        self._connect = connect
        self._arguments = arguments

    def __call__(self) -> Any:
        try:
            return self._connect(**self._arguments)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            raise error.with_traceback(None) from None  # the driver's frames hold the password
