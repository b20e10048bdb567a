"""What an error of PostgreSQL means for the database, by its SQLSTATE; words are in the server's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ln_jupyter import errors

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ln_jupyter.db.sqlite_faults import Meaning

_UNDONE = "what was not committed is undone"

_MEANINGS: dict[str, Meaning] = {
    "25006": (
        errors.DatabaseUnavailableError,
        "may only be read: it is a standby, or default_transaction_read_only is on",
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
    return _MEANINGS.get(state)


def of_login(original: BaseException) -> Meaning:
    """Say that there is no connection; libpq's own words name host, port and user, never the password."""
    fix = "check the URL (host, port, user, password, database), that the server is running, and what it says above"
    return errors.DatabaseUnavailableError, f"cannot be reached: {' '.join(str(original).split())}", fix


def of_disconnect(original: BaseException, *, at_end: bool) -> Meaning:
    """Say that a connection ended while it was in use; *at_end*, nobody can say whether the COMMIT came before."""
    fix = "look whether it was saved before you run this again: the answer was lost"
    return (
        errors.DatabaseUnavailableError,
        f"ended the session: {_first_line(original)}",
        fix if at_end else f"run this again; {_UNDONE}",
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
