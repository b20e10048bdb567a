"""A URL becomes an engine, once for each process; which engine is meant where none is named."""

from __future__ import annotations

import functools
import logging
import os
import uuid
import weakref
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import errors, settings
from ln_jupyter.approval import registry_url, urls
from ln_jupyter.db import backends, error_translation, transactions

if TYPE_CHECKING:
    from pathlib import Path

Target = str | sa.URL | sa.Engine

_engines: dict[str, sa.Engine] = {}  # by the text of the URL
_connected: sa.Engine | None = None

_log = logging.getLogger(__name__)


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
        InvalidUrlError: If the URL is malformed, or carries its password where it would be shown.
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
    """Return the engine that is used where none is named."""
    return _connected or of_settings()


def connected() -> sa.Engine | None:
    """Return the engine of `connect`; None where the settings decide, or have not decided yet."""
    return _connected


def of_settings(folder: Path | None = None) -> sa.Engine:
    """Return the engine of the settings, whatever is connected; *folder* is as for `of_registry`."""
    chosen = settings.current(folder)
    engine = _engines.get(_text(chosen.url))
    if engine is not None:
        return engine
    if chosen.origins["url"].startswith("default"):
        _make_data_folder()
    return resolve(chosen.url)


def _make_data_folder() -> None:
    folder = settings.data_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{folder} cannot be made: {error.strerror or error}"
        fix = "set LN_JUPYTER_URL to a registry elsewhere, such as sqlite:////data/registry.db"
        raise errors.DatabaseUnavailableError(msg, fix=fix) from error


def resolve(target: Target) -> sa.Engine:
    """Return the engine of a URL, the same one each time; an engine is given back as it is."""
    given: object = target
    sync: object = getattr(target, "sync_engine", target)
    if isinstance(sync, sa.Engine) and sync.dialect.is_async:
        raise _refusal_of_async(sync.url)
    if isinstance(target, sa.Engine):
        meet(target)
        return target
    if not isinstance(given, (str, sa.URL)):
        msg = f"a database is named by a URL or an engine, and this is a {type(given).__name__}"
        raise errors.InvalidUrlError(msg, fix=urls.EXAMPLES)
    url = _absolute(urls.parse(target))
    text = _text(url)
    if text not in _engines:
        within = target.folder if isinstance(target, registry_url.InProject) else None
        meet(
            _engines.setdefault(text, create(url, within=within))
        )  # of threads that come at once, one has made it for all
    return _engines[text]


def create(url: sa.URL, *, within: Path | None = None) -> sa.Engine:
    """Make an engine for a registry, which begins at the first write; nobody else is given the same one.

    Args:
        url: Of the database.
        within: The folder of a project that brought the database, which is then confined to it; None
            for one that the user named or approved.

    Raises:
        InvalidUrlError: If registries are not kept in such a database, or the URL asks for what is not known.
        MissingExtraError: If the driver is not installed.
    """
    engine = backends.named(url.get_backend_name()).create_engine(url, within=within)
    transactions.begin_lazily(engine)
    return engine


def _refusal_of_async(url: sa.URL) -> errors.InvalidUrlError:
    kind = url.get_backend_name()
    reads_all = url.get_driver_name() in ("psycopg", "aiosqlite")  # what the other driver is asked by, too
    secret = {name for name, value in urls.query(url) if urls.is_secret(name, value)}
    query = {name: value for name, value in url.query.items() if reads_all or name in (*urls.PLACES, "unix_socket")}
    named = url.set(
        drivername=urls.POSTGRES if kind == "postgresql" else kind,
        query={name: value for name, value in query.items() if name not in secret},
    )
    msg = f"the engine of {error_translation.describe(url)} is asynchronous: each of its statements must be awaited"
    fix = f'use one that is not, for the same database: ln.connect(sqlalchemy.create_engine("{named}"))'
    return errors.InvalidUrlError(msg, fix=fix)


def dispose(url: str | sa.URL) -> None:
    """Close every connection to a URL and forget its engine, before its file goes away."""
    engine = _engines.pop(_text(_absolute(urls.parse(url))), None)
    if engine is not None:
        engine.dispose()


def is_ours(engine: sa.Engine) -> bool:
    """Return whether the engine was made here, from a URL."""
    return engine in _engines.values()


def is_same_database(one: sa.Engine, other: sa.Engine) -> bool:
    """Return whether two engines lead to one database, as those do that a cell makes each time it runs."""
    return one.pool is other.pool or identity(one) == identity(other)


_met: weakref.WeakSet[sa.Engine] = weakref.WeakSet()


def meet(engine: sa.Engine) -> None:
    """Let `find` find an engine, as long as somebody holds it."""
    _met.add(engine)


def find(sought: str) -> sa.Engine | None:
    """Return an engine that leads to the database of an `identity`; nothing is opened."""
    return next((each for each in (current(), *_met) if identity(each) == sought), None)


_identities: weakref.WeakKeyDictionary[sa.Engine, str] = weakref.WeakKeyDictionary()
_in_memory: weakref.WeakKeyDictionary[sa.Pool, str] = weakref.WeakKeyDictionary()


def identity(engine: sa.Engine) -> str:
    """Tell a database from others: who opens it, and how, is left out, and so is every secret.

    A relative path is what it was when it was first asked for, like the file that SQLite has open.
    """
    found = _identities.get(engine)
    if found is None:
        url = engine.url
        if is_private(engine):
            found = _in_memory.setdefault(engine.pool, uuid.uuid4().hex)
        elif url.get_backend_name() == "sqlite":
            found = str(sa.URL.create("sqlite", database=os.path.abspath(url.database or "")))  # noqa: PTH100 - normalises
        else:
            query = {name: url.query[name] for name, value in urls.query(url) if not urls.is_secret(name, value)}
            place = url.set(drivername=url.get_backend_name(), query=query)._replace(username=None, password=None)
            found = place.render_as_string()
        _identities[engine] = found
    return found


def is_private(engine: sa.Engine) -> bool:
    """Return whether the database is the engine's own, in memory, or its URL does not tell which one it is."""
    url = engine.url
    return urls.is_in_memory(url) if url.get_backend_name() == "sqlite" else not url.database


def _absolute(url: sa.URL) -> sa.URL:
    """Read a relative path from the working folder as it is now: a later one would lead to another file."""
    folder = settings.working_folder()
    if url.get_backend_name() != "sqlite" or urls.is_in_memory(url) or folder is None:
        return url
    return url.set(database=str(folder / (url.database or "")))


@functools.lru_cache(maxsize=32)
def _text(url: str | sa.URL) -> str:
    """Write a URL as every spelling of it is written; remembered, because each read asks for it."""
    return urls.parse(url).render_as_string(hide_password=False)
