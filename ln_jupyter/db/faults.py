"""What a driver's error means, and what to do about it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import event

from ln_jupyter import errors

if TYPE_CHECKING:
    import sqlalchemy as sa

_SQLITE: dict[int, tuple[type[errors.DatabaseError], str, str]] = {
    sqlite3.SQLITE_CANTOPEN: (
        errors.DatabaseUnavailableError,
        "cannot be opened",
        "check that its folder is there and may be written to",
    ),
    sqlite3.SQLITE_NOTADB: (
        errors.NotARegistryError,
        "is not a SQLite database",
        "name another file; this one was left as it was",
    ),
    sqlite3.SQLITE_CORRUPT: (
        errors.DatabaseUnavailableError,
        "is damaged",
        "restore a backup, or save what can be read: sqlite3 FILE .recover",
    ),
    sqlite3.SQLITE_FULL: (
        errors.DatabaseUnavailableError,
        "cannot grow: the disk is full",
        "free some space, then run this again; nothing was saved by this step",
    ),
    sqlite3.SQLITE_READONLY: (
        errors.DatabaseUnavailableError,
        "may only be read",
        "make the file and its folder writable, or use another registry: LN_JUPYTER_URL",
    ),
    sqlite3.SQLITE_IOERR: (
        errors.DatabaseUnavailableError,
        "cannot be read or written: the disk reports an error",
        "check the disk, then run this again",
    ),
    sqlite3.SQLITE_BUSY: (
        errors.DatabaseBusyError,
        "is locked by another session",
        "end the cell or kernel that holds it, then run this again",
    ),
}

_POSTGRESQL: dict[str, tuple[type[errors.DatabaseError], str, str]] = {
    "55P03": (
        errors.DatabaseBusyError,
        "did not give a lock in time",
        "end the session that holds it (pg_stat_activity names it), then run this again",
    ),
    "57014": (
        errors.DatabaseBusyError,
        "cancelled the statement: it took too long",
        "make it smaller, or raise statement_timeout",
    ),
}


def translate(engine: sa.Engine) -> None:
    """Turn the engine's operational errors into ours, with the driver's own as their cause."""

    @event.listens_for(engine, "handle_error")
    def _handle(context: sa.engine.ExceptionContext) -> None:
        if context.is_pre_ping:
            return  # the pool asks whether a connection is still alive, and replaces it
        original = context.original_exception
        error = meaning(engine.url, original)
        if error is None and context.connection is None and context.sqlalchemy_exception is not None:
            # libpq's own words name host, port and user, never the password
            msg = f"{describe(engine.url)} cannot be reached: {str(original).strip()}"
            error = errors.DatabaseUnavailableError(msg, fix="check the URL and that the server is running")
        if error is not None:
            raise error from original


def meaning(url: sa.URL, original: BaseException) -> errors.DatabaseError | None:
    """Say what the driver's error means for the database; None where it speaks for itself."""
    if isinstance(original, sqlite3.Error):
        found = _SQLITE.get(getattr(original, "sqlite_errorcode", 0) & 0xFF)
    else:
        found = _POSTGRESQL.get(getattr(original, "sqlstate", None) or "")
    if found is None:
        return None
    kind, what, fix = found
    return kind(f"{describe(url)} {what}", fix=fix)


def describe(url: sa.URL) -> str:
    """Name a database for people: the file's path, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "the database in memory"
    return url.set(query={}).render_as_string(hide_password=True)
