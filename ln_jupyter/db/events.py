"""Listeners that take notes only: SQLAlchemy goes on whatever becomes of them."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")

_log = logging.getLogger(__name__)


def takes_notes(listener: Callable[P, None]) -> Callable[P, None]:
    """Let an error of a listener cost its notes, and not hide the user's own error, which may be why it was called."""

    @functools.wraps(listener)
    def listen(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            listener(*args, **kwargs)
        except Exception:  # noqa: BLE001 - of mappers that are gone, of the user's own values: SQLAlchemy goes on
            _log.debug("%s took no notes", listener.__qualname__, exc_info=True)

    return listen
