"""Whether a database holds a registry that serves this release; its first use makes it, or brings it up to date."""

from __future__ import annotations

import logging
import shlex
import weakref
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import advice, errors
from ln_jupyter.db import driver, error_translation, forks, limits, transactions
from ln_jupyter.db.sqlite import lock_owner
from ln_jupyter.registry import schema_version
from ln_jupyter.schema import lost

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection
    from contextlib import AbstractContextManager

    Lend = Callable[[sa.Engine], AbstractContextManager[sa.Connection]]

_SERVES = "ln_registry_serves"

_known: weakref.WeakSet[sa.Engine] = weakref.WeakSet()
"""Which engines led to a registry when they were asked last: enough to choose one by, and not to use it."""

_looking: weakref.WeakKeyDictionary[sa.Engine, forks.Lock] = weakref.WeakKeyDictionary()

_log = logging.getLogger(__name__)


def known() -> Collection[sa.Engine]:
    """Return the engines that led to a registry when they were asked last."""
    return _known


def _locked_since() -> dt.datetime | None:
    """Return since when nobody could write to a file that is a registry: its last commit, if it is locked now."""
    files = [each.url.database for each in list(_known) if each.url.database]  # of a server it is the name of no file
    written = [lock_owner.last_commit(file) for file in files if lock_owner.find(file) is not None]
    return min((each for each in written if each is not None), default=None)


lost.ask_for_locks(_locked_since)


def ensure(engine: sa.Engine) -> None:
    """See to it that an engine of ours leads to a registry that serves this release.

    Raises:
        NotARegistryError: If the database holds somebody else's tables; they are left as they are.
        SchemaVersionError: If another release is needed, or ``ln-jupyter migrate``; nothing is written.
    """
    find(engine, make=True)


def find(engine: sa.Engine, *, make: bool, lend: Lend | None = None) -> bool:
    """Return whether an engine leads to a registry.

    Args:
        engine: Of any database.
        make: As for `check`.
        lend: Gives the connection that is about to be used, which is looked at too; None if none is.

    Raises:
        DatabaseError: As `ensure`.
    """
    if engine not in _known and (make or lend is None):
        with _looking.setdefault(engine, forks.Lock()):  # while one thread makes it, it is half made for the others
            if engine not in _known and not _look(engine, make=make):
                return False
    if lend is None:
        return True
    with lend(engine) as connection:
        return check(connection, make=make)


@limits.bounded()
def _look(engine: sa.Engine, *, make: bool) -> bool:
    if make:
        schema_version.refuse_strange_file(engine)
    with engine.connect() as connection:  # its own: a session's may be in a transaction already
        return check(connection, make=make)


def check(connection: sa.Connection, *, make: bool) -> bool:
    """Return whether a connection leads to a registry.

    What was found is remembered with the driver's connection, and goes with it: behind the
    next one there may be another file, or a database that was made anew.

    Args:
        connection: What is about to be used; its transaction stays as it is.
        make: Whether the engine is ours. Then a registry is made where there is nothing, and
            one in SQLite is brought up to date, if that locks no release out that uses it.

    Raises:
        DatabaseReplacedError: If that would have to be done inside a transaction.
        DatabaseError: As `ensure`.
    """
    if _SERVES in connection.info:
        return True
    serves = False
    try:
        with limits.bounded():
            serves = _check(connection, make=make)
    finally:
        # and not while it is asked: other threads, which may hold what this one waits for, would look for themselves
        (_known.add if serves else _known.discard)(connection.engine)
    if serves:
        connection.info[_SERVES] = True
    return serves


def _check(connection: sa.Connection, *, make: bool) -> bool:
    if make:
        # the same connection of the driver, past what listens to a session's: a profile, a refusal to write
        _settle(sa.Connection(connection.engine, driver.lent(connection)))
        return True
    version = schema_version.read(connection) if schema_version.are_in(connection) else None
    if version is not None:
        refuse(connection, version, make=False)
    return version is not None


def refuse(connection: sa.Connection, version: schema_version.Version, *, make: bool = True) -> None:
    """Leave a registry alone that does not serve this release, and would not be brought up to date by `check`.

    Raises:
        SchemaVersionError: With the way on.
    """
    url = connection.engine.url
    schema_version.refuse_newer(error_translation.describe(url), version)
    is_updated = make and connection.dialect.name == "sqlite" and version.number >= schema_version.OLDEST_READER
    if version.number < schema_version.NUMBER and not is_updated:
        msg = f"{error_translation.describe(url)} has schema {version.number}, and this release works with {schema_version.NUMBER}"
        named = url if make else url.set(query={})  # where one of the user's may have a password, which ours never has
        text = named._replace(password=None).render_as_string()
        raise errors.SchemaVersionError(msg, fix=f"ln-jupyter migrate --db {shlex.quote(text)}")


def _settle(connection: sa.Connection) -> None:
    version = schema_version.read(connection)
    if version is not None:
        refuse(connection, version)
        if version.number >= schema_version.NUMBER:
            return
    if transactions.has_begun(connection):
        msg = f"{error_translation.describe(connection.engine.url)} was replaced while it was in use"
        raise errors.DatabaseReplacedError(msg, fix="run this again")
    if version is None:
        refuse(connection, schema_version.create(connection))
        return
    from ln_jupyter.registry import migrate  # here for cost: it imports alembic

    done = migrate.apply(connection)
    if done.is_needed:
        _log.info("%s", done)
        advice.give(f"the registry was brought up to date · {done}")
