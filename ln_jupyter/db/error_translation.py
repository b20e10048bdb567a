"""A driver's error becomes one of ours, that says what happened to which database, and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import event

from ln_jupyter import errors
from ln_jupyter.approval import registry_url, urls
from ln_jupyter.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

Meaning = tuple[type[errors.DatabaseError], str, str]
"""The error, what happened to the database, and the fix."""


def translate(engine: sa.Engine, explain: Callable[[sa.engine.ExceptionContext], Meaning | None]) -> None:
    """Turn the engine's operational errors into ours, with the driver's own as their cause.

    Args:
        engine: Of one of our databases.
        explain: Says what an error means; None where it speaks for itself.
    """

    @event.listens_for(engine, "handle_error")
    def _handle(context: sa.engine.ExceptionContext) -> None:
        original = context.original_exception
        if context.is_pre_ping or not isinstance(original, Exception):
            return  # the pool asks whether a connection is still alive, and replaces it; or Ctrl-C
        found = explain(context)
        if found is None and context.connection is None and context.sqlalchemy_exception is not None:
            found = _unreachable(original)
        if found is not None:
            raise error_of(engine.url, found) from original


def _unreachable(original: BaseException) -> Meaning:
    """Say that there is no connection; libpq's own words name host, port and user, never the password."""
    fix = "check the URL (host, port, user, password, database), that the server is running, and what it says above"
    return errors.DatabaseUnavailableError, f"cannot be reached: {' '.join(str(original).split())}", fix


def error_of(url: sa.URL, found: Meaning) -> errors.DatabaseError:
    """Make the error that says what happened to a database, and the fix."""
    kind, what, fix = found
    return kind(f"{describe(url)} {what}", fix=fix)


def describe(url: sa.URL) -> str:
    """Name a database for people: the file's path, or the URL without its password and its options."""
    if url.get_backend_name() == "sqlite":
        return plain(url.database) if url.database else "the database in memory"
    place = {name: url.query[name] for name in urls.PLACES if name in url.query}
    text = url._replace(password=url.password or None).set(query=place).render_as_string(hide_password=True)
    return registry_url.shown(text)  # as whoever approved it has seen it
