"""What a driver's error means, and what to do about it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import event

from ln_jupyter.approval import registry_url, urls
from ln_jupyter.db import interrupts
from ln_jupyter.db.postgres import errors as postgres_errors
from ln_jupyter.db.sqlite import errors as sqlite_errors
from ln_jupyter.sanitize import plain

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ln_jupyter import errors


def translate(engine: sa.Engine) -> None:
    """Turn the engine's operational errors into ours, with the driver's own as their cause."""

    @event.listens_for(engine, "handle_error")
    def _handle(context: sa.engine.ExceptionContext) -> None:
        original = context.original_exception
        if context.is_pre_ping or not isinstance(original, Exception):
            return  # the pool asks whether a connection is still alive, and replaces it; or Ctrl-C
        if interrupts.is_by_ctrl_c(original):
            raise KeyboardInterrupt from None
        if sqlite_errors.is_read_only(original):  # as it was opened: the next connection may do more
            context.is_disconnect = True
            engine.pool.dispose()  # those that are left would share their -shm with it
            if context.execution_context is not None:  # an open cursor would keep the file open, as long as the error
                context.execution_context.cursor.close()
        error = meaning(engine.url, original)
        if error is None and context.connection is None and context.sqlalchemy_exception is not None:
            error = error_of(describe(engine.url), postgres_errors.of_login(original))
        elif error is None and context.is_disconnect:
            is_lost = context.statement is None and not getattr(original, "is_unsent", False)
            error = error_of(describe(engine.url), postgres_errors.of_disconnect(original, at_end=is_lost))
        if error is not None:
            raise error from original


def meaning(url: sa.URL, original: BaseException) -> errors.DatabaseError | None:
    """Say what the driver's error means for the database; None where it speaks for itself."""
    if isinstance(original, sqlite3.Error):
        found = sqlite_errors.meaning(url, original)
    else:
        found = postgres_errors.meaning(url, original)
    return None if found is None else error_of(describe(url), found)


def of_begin(url: sa.URL, original: BaseException, *, is_lost: bool) -> errors.DatabaseError | None:
    """Say what it means that a transaction could not be begun; None where the error speaks for itself."""
    error = meaning(url, original)
    if error is None and is_lost:
        error = error_of(describe(url), postgres_errors.of_disconnect(original, at_end=False))
    return error


def error_of(name: str, found: sqlite_errors.Meaning) -> errors.DatabaseError:
    """Make the error that says what happened to a database, and the fix."""
    kind, what, fix = found
    return kind(f"{name} {what}", fix=fix)


def describe(url: sa.URL) -> str:
    """Name a database for people: the file's path, or the URL without its password and its options."""
    if url.get_backend_name() == "sqlite":
        return plain(url.database) if url.database else "the database in memory"
    place = {name: url.query[name] for name in urls.PLACES if name in url.query}
    text = url._replace(password=url.password or None).set(query=place).render_as_string(hide_password=True)
    return registry_url.shown(text)  # as whoever approved it has seen it
