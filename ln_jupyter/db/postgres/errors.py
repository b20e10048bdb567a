"""What an error of PostgreSQL means for the database, by its SQLSTATE; words are in the server's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ln_jupyter import errors

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ln_jupyter.db.error_translation import Meaning

_UNDONE = "what was not committed is undone"

_NOT_PREPARED: Meaning = (
    errors.DatabaseUnavailableError,
    "has not prepared the statement that was prepared before, as behind a pooler",
    f"leave prepare_threshold= out of the URL, then run this again; {_UNDONE}",
)

_MEANINGS: dict[str, Meaning] = {
    "26000": _NOT_PREPARED,
    "42P05": _NOT_PREPARED,
    "25006": (
        errors.DatabaseUnavailableError,
        "may only be read: it is a standby, default_transaction_read_only is on, or the transaction is READ ONLY",
        "name the server that is written to, or use another registry: LN_JUPYTER_URL",
    ),
    "25P03": (
        errors.DatabaseUnavailableError,
        "ended the session: its transaction was idle for longer than idle_in_transaction_session_timeout",
        f"commit before what takes long, or raise that setting, then run this again; {_UNDONE}",
    ),
    "25P04": (
        errors.DatabaseUnavailableError,
        "ended the session: its transaction took longer than transaction_timeout",
        f"commit more often, or raise that setting, then run this again; {_UNDONE}",
    ),
    "53100": (
        errors.DatabaseUnavailableError,
        "cannot grow: the server's disk is full",
        "let its administrator free some space, then run this again; nothing was saved by this step",
    ),
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

_FORBIDDEN = "42501"

_NOT_SUPPORTED = "0A000"
_ASKS_FOR_SERIALIZABLE = "GetSerializableTransactionSnapshot"  # the function of the server that refuses it
_NOT_SERIALIZABLE: Meaning = (
    errors.DatabaseUnavailableError,
    "is a standby, which can be read at any isolation but SERIALIZABLE",
    "add to its URL: ?options=-c%20default_transaction_isolation%3Drepeatable%5C%20read",
)

_OF_POOLERS: dict[str, Meaning] = {
    "query_wait_timeout": (
        errors.DatabaseBusyError,
        "is behind a pooler that had no connection free in time (query_wait_timeout)",
        f"run this again, or ask its administrator for a larger default_pool_size; {_UNDONE}",
    ),
    "statement pooling": (
        errors.DatabaseUnavailableError,
        "is behind a pooler in statement mode, in which there are no transactions",
        "ask its administrator for pool_mode = transaction, or session, for this database",
    ),
    "unsupported startup parameter": (
        errors.DatabaseUnavailableError,
        "is behind a pooler that lets nobody ask for settings at login",
        "leave options= out of the URL, and PGOPTIONS; ALTER ROLE ... SET keeps a setting on the server",
    ),
}
"""By what pgbouncer says, in English always."""

_PROTOCOL_VIOLATION = "08P01"  # the one state that pgbouncer gives, and at login there is none


def explain(context: sa.engine.ExceptionContext) -> Meaning | None:
    """Say what an error means that SQLAlchemy tells of; None where it speaks for itself."""
    error = context.original_exception
    found = None if context.engine is None else meaning(context.engine.url, error)
    if found is None and context.connection is not None and context.is_disconnect:
        at_end = context.statement is None and not getattr(error, "is_unsent", False)
        found = of_disconnect(error, at_end=at_end)
    return found


def meaning(url: sa.URL, original: BaseException) -> Meaning | None:
    """Say what an error means; None where it speaks for itself."""
    state = getattr(original, "sqlstate", None) or ""
    if state == _FORBIDDEN:
        user = f'"{url.username}"' if url.username else "YOUR_ROLE"
        ask = (
            f"GRANT USAGE, CREATE ON SCHEMA public TO {user}, to make the registry; "
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user}, to use it"
        )
        return errors.DatabaseUnavailableError, f"does not allow it: {_first_line(original)}", f"ask its owner: {ask}"
    if state == _NOT_SUPPORTED and original.diag.source_function == _ASKS_FOR_SERIALIZABLE:  # type: ignore[attr-defined]
        return _NOT_SERIALIZABLE
    if getattr(original, "sqlstate", "unknown") in (None, _PROTOCOL_VIOLATION):
        said = str(original).lower()
        return next((found for words, found in _OF_POOLERS.items() if words in said), None)
    return _MEANINGS.get(state)


def of_disconnect(original: BaseException, *, at_end: bool) -> Meaning:
    """Say that a connection ended while it was in use; *at_end*, nobody can say whether the COMMIT came before."""
    seconds = getattr(original, "silent_seconds", None)
    what = f"ended the session: {_first_line(original)}" if seconds is None else f"did not answer for {seconds:.0f} s"
    fix = "look whether it was saved before you run this again: the answer was lost"
    return errors.DatabaseUnavailableError, what, fix if at_end else f"run this again; {_UNDONE}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
