"""Short transactions of our own, which are done again, whole, where the database asks for it."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from ln_jupyter.db import limits

if TYPE_CHECKING:
    from collections.abc import Callable

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
    deadline = time.monotonic() + limits.LOCK_SECONDS
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
