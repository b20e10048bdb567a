"""What a notebook does goes on, whatever happens to who watches it: what is raised here is a line in the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType

_log = logging.getLogger(__name__)
_said: Final = set[str]()


class Fence:
    """Let no error out of a block; say the first of each place, and no value, for a path or a query may hold a secret.

    Ctrl-C is no error of the block's, and goes on.
    """

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: TracebackType | None) -> bool:
        if error is None:
            return False
        if not isinstance(error, Exception):
            return False
        try:
            if self._place not in _said:
                _said.add(self._place)
                _log.warning("the files of %s may not be seen: %s", self._place, type(error).__name__)
            _log.debug("while files of %s were watched", self._place, exc_info=error)
        except Exception:  # noqa: BLE001, S110 -- somebody else's handler of logs raised it
            pass
        return True
