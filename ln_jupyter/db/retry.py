"""Short transactions of our own, which are done again, whole, where the database asks for it."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from ln_jupyter.db import engines, limits, transactions
from ln_jupyter.registry import check

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

_CONFLICTS = {"40001", "40P01"}  # SQLSTATE: serialization failure, deadlock detected

_LONGEST_PAUSE = 1.0  # seconds, in which those that collided are spread

_log = logging.getLogger(__name__)


def repeat(attempt: Callable[[], T]) -> T:
    """Do a whole transaction, and again while the database refuses it because of others: as long as a lock is waited for.

    A number of tries would be a guess at how many the others are: who collides on one row
    may lose to each of them.

    Args:
        attempt: Begins and ends the transaction; does nothing else that could not be done twice.
    """
    deadline = time.monotonic() + transactions.LOCK_SECONDS
    pause = 0.02
    while True:
        try:
            return attempt()
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _CONFLICTS or time.monotonic() > deadline:
                raise
            _log.debug("a transaction is done again: %s", error)
        time.sleep(random.uniform(0, pause))  # noqa: S311 - spreads those that collided
        pause = min(2 * pause, _LONGEST_PAUSE)


@limits.bounded()
def in_registry(
    action: Callable[[sa.Connection], T], *, folder: Path | None = None, engine: sa.Engine | None = None
) -> T:
    """Run *action* in one transaction of the registry, past sessions and classes, and commit.

    Args:
        action: Does nothing but work on its connection; gives the result.
        folder: As for `engine.of_registry`.
        engine: Of the registry that is meant; None for the one that is used where none is named.

    Raises:
        DatabaseError: If the registry cannot be reached, or is none.
    """
    chosen = engines.of_registry(folder) if engine is None else engine

    def attempt() -> T:
        with chosen.connect() as connection:
            check.check(connection, make=engines.is_ours(chosen))
            result = action(connection)
            connection.commit()
        return result

    return repeat(attempt)
