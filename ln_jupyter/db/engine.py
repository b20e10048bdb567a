"""A URL becomes an engine, once for each process; which engine is meant where none is named."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import errors, settings
from ln_jupyter.db import postgres, registry, sqlite

if TYPE_CHECKING:
    from pathlib import Path

Target = str | sa.URL | sa.Engine

_engines: dict[sa.URL, sa.Engine] = {}
_connected: sa.Engine | None = None


def connect(target: Target | None = None) -> sa.Engine:
    """Choose the database of this process, for everything that names none.

    Args:
        target: A URL, for a registry of SQLite or PostgreSQL; an engine of your own, for
            your own models on any database SQLAlchemy knows. Your engine is used as it is;
            records of `ln_jupyter.schema` go to it if it holds a registry, and else to the
            registry of the settings. None goes back to the settings.

    Returns:
        The engine. Nothing is sent to the database yet.

    Raises:
        InvalidUrlError: If the URL is malformed, or carries its password in the query.
        MissingExtraError: If the driver is not installed.

    Example:
        >>> import ln_jupyter as ln
        >>> ln.connect("sqlite://")
        Engine(sqlite://)
        >>> _ = ln.connect()
    """
    global _connected  # noqa: PLW0603 - one database for each process, chosen here and nowhere else
    _connected = None if target is None else resolve(target)
    return current()


def current() -> sa.Engine:
    """Give the engine that is used where none is named."""
    return _connected or _of_settings()


def connected() -> sa.Engine | None:
    """Give the engine of `connect`; None where the settings decide, or have not decided yet."""
    return _connected


def of_registry(folder: Path | None = None) -> sa.Engine:
    """Give the engine that holds the registry, its tables made and checked.

    Args:
        folder: Where to look for a project from, if nothing was decided yet.

    Raises:
        NotARegistryError: If the database holds somebody else's tables.
        SchemaVersionError: If its tables do not serve this release.
    """
    if _connected is not None and (is_ours(_connected) or registry.holds(_connected)):
        return with_registry(_connected)
    return with_registry(_of_settings(folder))


def with_registry(engine: sa.Engine) -> sa.Engine:
    """Give back the *engine*, its registry made or checked; nothing is made on an engine of the user's.

    Raises:
        NotARegistryError: If there is none and none may be made.
        SchemaVersionError: If its tables do not serve this release.
    """
    if not is_ours(engine) and not registry.holds(engine):
        msg = f"the engine {engine.url.render_as_string(hide_password=True)} holds no registry"
        raise errors.NotARegistryError(msg, fix="use ln.Session() without it for records of ln_jupyter.schema")
    registry.ensure(engine)
    return engine


def _of_settings(folder: Path | None = None) -> sa.Engine:
    chosen = settings.current(folder)
    if chosen.origins["url"].startswith("default"):
        settings.data_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    return resolve(chosen.url)


def resolve(target: Target) -> sa.Engine:
    """Give the engine of a URL, the same one each time; an engine is given back as it is."""
    if isinstance(target, sa.Engine):
        return target
    url = parse(target)
    if url not in _engines:
        make = sqlite.create if url.get_backend_name() == "sqlite" else postgres.create
        _engines[url] = make(url)
    return _engines[url]


def dispose(url: str | sa.URL) -> None:
    """Close every connection to a URL and forget its engine, before its file goes away."""
    engine = _engines.pop(parse(url), None)
    if engine is not None:
        engine.dispose()


def is_ours(engine: sa.Engine) -> bool:
    """Say whether the engine was made here, from a URL."""
    return _engines.get(engine.url) is engine


@functools.lru_cache(maxsize=32)
def parse(url: str | sa.URL) -> sa.URL:
    """Read a database URL; an error never repeats it, because it may hold a password.

    Raises:
        InvalidUrlError: If it is malformed, of another kind of database, or has a password in its query.
    """
    try:
        parsed = sa.make_url(url)
        backend = parsed.get_backend_name()
    except (sa.exc.ArgumentError, ValueError):
        msg = "the database URL cannot be read"
        raise errors.InvalidUrlError(msg, fix=_EXAMPLES) from None
    if "password" in parsed.query:
        msg = "the database URL carries a password in its query, where logs would show it"
        fix = "write it as user:password@host, or use PGPASSWORD or ~/.pgpass"
        raise errors.InvalidUrlError(msg, fix=fix)
    if backend in ("postgres", "postgresql"):
        return parsed.set(drivername=postgres.DRIVER)
    if backend != "sqlite":
        msg = f"a registry cannot be kept in {backend}"
        raise errors.InvalidUrlError(msg, fix=f"{_EXAMPLES}; for your own models: ln.connect(engine)")
    return parsed


_EXAMPLES = "use sqlite:////absolute/path.db or postgresql://user@host/database"
