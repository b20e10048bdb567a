"""When a run that was not heard reads as lost."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Callable

AFTER = dt.timedelta(minutes=2)
"""A run that was not heard for so long, four heartbeats, reads as lost, until it is heard again."""


def _nobody_knows() -> dt.datetime | None:
    return None


_locked_since: Callable[[], dt.datetime | None] = _nobody_knows


def ask_for_locks(locked_since: Callable[[], dt.datetime | None]) -> None:
    """Let this say since when nobody can write to a registry, and so no run can be heard: None if that can be."""
    global _locked_since  # noqa: PLW0603 - set once, by who knows databases
    _locked_since = locked_since


def before() -> dt.datetime:
    """Return the moment before which a run was heard last that reads as lost.

    Example:
        >>> before() < utcnow()
        True
    """
    return (_locked_since() or utcnow()) - AFTER
