"""The registry that a question goes to, and everything that this process has seen until then."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter.orm.current import current_block
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.schema import Run
from ln_jupyter.tracking import running

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def registry() -> Iterator[sa.Connection]:
    """Connect to the registry that `ln.select` of its records reads, in a block by the block's own connection.

    What the cells of this process did is written before, unless the block has written: it may hold the lock.
    """
    block, recording = current_block(), running.recording()
    if recording is not None and (block is None or not block.orm.has_sent):
        recording.settle()
    if block is not None:
        block.orm.flush_to_read()
        yield block.orm.connection_for(mapper=sa.inspect(Run))
        return
    with OrmSession() as session:
        yield session.connection_for(mapper=sa.inspect(Run))
