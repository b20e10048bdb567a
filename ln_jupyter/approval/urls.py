"""Database URLs: what may name a registry, the same one in every spelling, and without its password."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

from ln_jupyter import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa

EXAMPLES = "use sqlite:////absolute/path.db or postgresql://user@host/database"
POSTGRES = "postgresql+psycopg"

PLACES = ("host", "hostaddr", "port", "service")
"""Options of a URL that say where it leads, whatever host it names."""

_PORT = 5432
_HOSTS = re.compile(
    r"(?P<start>postgres[\w+]*://(?:[^/?]*@)?)(?P<hosts>[^/?@,]+(?:,[^/?@,]+)+)(?P<path>/[^?]*)?(?:\?(?P<query>.*))?"
)
_SECRET = re.compile(r"pass(?!file)|pwd|secret|token", re.IGNORECASE)
_ASSIGNED = re.compile(r"(pass\w*|pwd|secret|token)\s*=", re.IGNORECASE)  # in the value of another one


@functools.lru_cache(maxsize=32)
def parse(url: str | sa.URL) -> sa.URL:
    """Read a database URL; an error never repeats it, because it may hold a password.

    Raises:
        InvalidUrlError: If it is malformed, of another kind of database, or has a password where it would be shown.
    """
    try:
        return _parse(url)
    except errors.InvalidUrlError as error:
        del url  # what prints the variables of a traceback would print it
        raise error.with_traceback(None) from None


def _parse(url: str | sa.URL) -> sa.URL:
    import sqlalchemy as sa  # here for cost: settings are read where no database is asked

    try:
        parsed = sa.make_url(_with_hosts_apart(url) if isinstance(url, str) else url)
        backend = parsed.get_backend_name()
        leaves_paths_quoted = sa.make_url("sqlite:///%25").database != "%"  # before SQLAlchemy 2.1
        if backend == "sqlite" and isinstance(url, str) and parsed.database and leaves_paths_quoted:
            parsed = parsed.set(database=unquote(parsed.database))
        # halves of a character, as in a folder whose name is not UTF-8, can be neither hashed nor sent
        parsed.render_as_string(hide_password=False).encode()
    except (sa.exc.ArgumentError, ValueError):
        msg = "the database URL cannot be read"
        raise errors.InvalidUrlError(msg, fix=EXAMPLES) from None
    if any(is_secret(name, value) for name, value in query(parsed)):
        msg = "the database URL carries a password in its query, where logs would show it"
        fix = "write it as user:password@host, or use PGPASSWORD or ~/.pgpass"
        raise errors.InvalidUrlError(msg, fix=fix)
    if backend in ("postgres", "postgresql"):
        if "@" in f"{parsed.host}{parsed.database}":  # the rest of a password, which would be shown as a host
            msg = "the database URL has an @ behind the one that ends the password"
            fix = "write @ as %40, : as %3A and / as %2F in user and password"
            raise errors.InvalidUrlError(msg, fix=fix)
        return parsed.set(drivername=POSTGRES)
    if backend != "sqlite":
        msg = f"a registry cannot be kept in {backend}"
        raise errors.InvalidUrlError(msg, fix=f"{EXAMPLES}; for your own models: ln.connect(engine)")
    if parsed != sa.URL.create(parsed.drivername, database=parsed.database, query=parsed.query):
        msg = "the database URL names a user or a host, and SQLite has none"
        raise errors.InvalidUrlError(msg, fix="use sqlite:////absolute/path.db")
    database = parsed.database or ""
    if database.startswith("file:") or "\0" in database:
        msg = "the database URL names no file" if "\0" in database else "the database URL holds a URI of SQLite's own"
        raise errors.InvalidUrlError(msg, fix="use sqlite:////absolute/path.db")
    return parsed.set(drivername="sqlite")


def _with_hosts_apart(url: str) -> str:
    """Write several hosts, as libpq takes them, in the way in which SQLAlchemy does: each of them an option.

    Example:
        >>> _with_hosts_apart("postgresql://ann@one:5433,two/lab?sslmode=require")
        'postgresql://ann@/lab?host=one:5433&host=two:5432&sslmode=require'
    """
    found = _HOSTS.fullmatch(url)
    if found is None:
        return url
    hosts = [host if re.search(r":\d+$", host) else f"{host}:{_PORT}" for host in found["hosts"].split(",")]
    options = "&".join([*(f"host={host}" for host in hosts), *filter(None, [found["query"]])])
    return f"{found['start']}{found['path'] or ''}?{options}"


def query(url: sa.URL) -> Iterator[tuple[str, str]]:
    """Return the options of a URL, each with each of its values."""
    for name, values in url.normalized_query.items():
        yield from ((name, value) for value in values)


def is_secret(name: str, value: str) -> bool:
    """Return whether an option of a URL holds a password."""
    return bool(_SECRET.search(name) or _ASSIGNED.search(value))


def is_in_memory(url: sa.URL) -> bool:
    """Return whether a URL of SQLite names no file."""
    return url.database in (None, "", ":memory:")


def sqlite_url(path: Path | str, *, like: sa.URL | None = None) -> str:
    """Write the URL of a SQLite file.

    Args:
        path: Of the file.
        like: Whose options it has; None for none.

    Example:
        >>> from pathlib import Path
        >>> sqlite_url(Path("/data/100%?/registry.db"))
        'sqlite:////data/100%25%3F/registry.db'
    """
    quoted = str(path).replace("%", "%25").replace("?", "%3F")  # what a URL is read by; the rest is for people
    options = "" if like is None else urlencode(list(query(like)))
    return f"sqlite:///{quoted}?{options}" if options else f"sqlite:///{quoted}"


def without_password(url: sa.URL) -> str:
    """Write all that a URL of `parse` says but its password: where it leads, and what is read on the way.

    Raises:
        InvalidUrlError: If it would not be read again as what it is.

    Example:
        >>> without_password(parse("postgresql://ann:s3cret@host/lab?sslmode=require&hostaddr=10.0.0.1"))
        'postgresql://ann@host/lab?hostaddr=10.0.0.1&sslmode=require'
    """
    bare = url._replace(password=None)
    text = bare.set(drivername=url.get_backend_name()).render_as_string()
    if parse(text) != bare:
        raise errors.InvalidUrlError("the database URL can be read in two ways", fix=EXAMPLES)
    return text
