"""Which database holds the registry: the one that is connected, or that of the settings; and one transaction of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from ln_jupyter import advice, errors, settings
from ln_jupyter.db import engines, error_translation, limits, transactions
from ln_jupyter.registry import check

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

_log = logging.getLogger(__name__)


def at_hand(*, of_registry: bool) -> sa.Engine | None:
    """Return the engine that is used where none is named, as far as it is decided; asks no database.

    Args:
        of_registry: For records of `ln_jupyter.schema`.
    """
    connected = engines.connected()
    if connected is not None and not (
        of_registry and not engines.is_ours(connected) and connected not in check.known()
    ):
        return connected
    try:
        return engines.of_settings() if settings.is_decided() else None
    except errors.SettingsError:  # whoever uses it is told
        return None


def of_registry(folder: Path | None = None, *, lend: check.Lend | None = None) -> sa.Engine:
    """Return the engine that holds the registry, its tables made and checked.

    Args:
        folder: Where to look for a project from, if nothing was decided yet.
        lend: Gives the connection that is about to be used, to be checked too.

    Raises:
        NotARegistryError: If the database holds somebody else's tables.
        SchemaVersionError: If its tables do not serve this release.
    """
    return with_registry(registry_beside(engines.connected(), folder, lend=lend), lend=lend)


def registry_beside(connected: sa.Engine | None, folder: Path | None = None, *, lend: check.Lend | None) -> sa.Engine:
    """Choose between an engine that is *connected* and the one of the settings: which holds the registry.

    An engine of the user's that cannot be reached, and never led to a registry, does not lead to one.

    Args:
        connected: The engine of `connect`, if there is one.
        folder: As for `of_registry`.
        lend: Gives a connection of *connected* that is in use; None lets it open one.

    Raises:
        DatabaseError: If *connected* was made here, and cannot be used.
    """
    if connected is None:
        return engines.of_settings(folder)
    if connected in check.known():
        return connected
    try:
        is_registry = check.find(connected, make=engines.is_ours(connected), lend=lend)
    except (sa.exc.DBAPIError, OSError) as error:
        if engines.is_ours(connected) or lend is not None:
            raise
        _log.debug("the connected database cannot be asked for a registry", exc_info=error)
        instead = engines.of_settings(folder)
        advice.give(
            f"{error_translation.describe(connected.url)} cannot be reached · "
            f"records of ln_jupyter.schema are kept in {error_translation.describe(instead.url)}"
        )
        return instead
    return connected if is_registry else engines.of_settings(folder)


def with_registry(engine: sa.Engine, *, lend: check.Lend | None = None) -> sa.Engine:
    """Return the *engine*, its registry made or checked; nothing is made on an engine of the user's.

    Raises:
        NotARegistryError: If there is none and none may be made.
        SchemaVersionError: If its tables do not serve this release.
    """
    if not check.find(engine, make=engines.is_ours(engine), lend=lend):
        msg = f"the engine of {error_translation.describe(engine.url)} holds no registry"
        raise errors.NotARegistryError(msg, fix="use ln.Session() without it for records of ln_jupyter.schema")
    return engine


@limits.bounded()
def in_registry(
    action: Callable[[sa.Connection], T], *, folder: Path | None = None, engine: sa.Engine | None = None
) -> T:
    """Run *action* in one transaction of the registry, past sessions and classes, and commit.

    Args:
        action: Does nothing but work on its connection; gives the result.
        folder: As for `of_registry`.
        engine: Of the registry that is meant; None for the one that is used where none is named.

    Raises:
        DatabaseError: If the registry cannot be reached, or is none.
    """
    chosen = of_registry(folder) if engine is None else engine

    def attempt() -> T:
        with chosen.connect() as connection:
            check.check(connection, make=engines.is_ours(chosen))
            result = action(connection)
            connection.commit()
        return result

    return transactions.repeat(attempt)
