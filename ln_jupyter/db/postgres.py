"""The engine of a PostgreSQL database: for a team that shares one registry."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.db import faults, pool, transactions

DRIVER = "postgresql+psycopg"

_CONNECT_SECONDS = 5


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
    defaults: dict[str, Any] = {
        "application_name": "ln_jupyter",
        "connect_timeout": _CONNECT_SECONDS,
        "options": f"-c lock_timeout={int(transactions.LOCK_SECONDS * 1000)}",
    }
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,  # a server that ended a session says so only when it is used
        connect_args={"autocommit": True} | {k: v for k, v in defaults.items() if k not in url.query},
    )
    pool.refuse_strangers(engine)
    transactions.begin_lazily(engine)
    faults.translate(engine)
    return engine
