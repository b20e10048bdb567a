"""Which session the code of a block stands in, found by context, thread and process."""

from __future__ import annotations

import contextlib
import os
import threading
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import orm

    from ln_jupyter.orm.session import OrmSession


class Block:
    """A session that `select`, `add` and `delete` find by themselves until it ends.

    It belongs to the context, thread and process that opened it: work that outlives the
    block, or runs beside it, does not see it.

    Args:
        session: What is found; ending its transaction is up to whoever opened the block.
    """

    def __init__(self, session: OrmSession) -> None:
        self.orm = session
        self._owner = (os.getpid(), threading.get_ident())
        self._token: Token[Block | None] | None = None

    @property
    def is_current(self) -> bool:
        """Whether it is open, and open for whoever asks."""
        return self._token is not None and self._owner == (os.getpid(), threading.get_ident())

    def enter(self) -> None:
        """Become the block of this context."""
        self._token = _block.set(self)

    def leave(self) -> None:
        """Give the context back; nothing is committed or closed."""
        token, self._token = self._token, None
        if token is not None and _block.get() is self:
            with contextlib.suppress(ValueError):  # entered in another context, whose variable ends with it
                _block.reset(token)


_block: ContextVar[Block | None] = ContextVar("ln_jupyter_block", default=None)


def current_block() -> Block | None:
    """Find the block that the caller stands in."""
    block = _block.get()
    return block if block is not None and block.is_current else None


def current_session() -> orm.Session | None:
    """Return SQLAlchemy's own session of the block that the caller stands in.

    Returns:
        None where the caller stands in no such block.

    Example:
        >>> import ln_jupyter as ln
        >>> ln.current_session() is None
        True
    """
    block = current_block()
    return None if block is None else block.orm
