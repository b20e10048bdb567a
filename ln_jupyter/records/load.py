"""Load what is missing of a record, in place."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import orm

from ln_jupyter.db import loading
from ln_jupyter.db.block import current_block
from ln_jupyter.db.origins import origin
from ln_jupyter.db.session import OrmSession, SideSession
from ln_jupyter.records import mapping

T = TypeVar("T")


def load(record: T, *names: str) -> T:
    """Load relationships or columns of a record in place, whether its session is open or closed.

    Unsaved changes, other attributes and the record's session stay as they are.

    Args:
        record: Any mapped record that is in the database.
        names: Relationships, with dots to go on (``"inputs.sources"``), and columns.

    Returns:
        The record.

    Raises:
        UnknownFieldError: If there is no such attribute; it names the near miss.
        UnloadableError: If it cannot be loaded: the record was never saved, its row is gone,
            or the relationship is write-only.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> pipeline = lns.Pipeline(name="Transform C")
        >>> _ = ln.add(lns.Run(name="Solve Problem Z", pipeline=pipeline))
        >>> run = ln.select(lns.Run, name="Solve Problem Z").one()
        >>> ln.load(run, "pipeline").pipeline.name
        'Transform C'
    """
    mapper = mapping.state_of(record).mapper
    session = orm.object_session(record)
    if session is not None:
        return loading.load(record, *names, session=session)
    block = current_block()
    engine = origin(record)
    if block is not None and engine in (None, block.orm.get_bind(mapper)):
        block.orm.flush()  # as a select of the block's would
        with SideSession(block.orm) as beside:
            return loading.load(record, *names, session=beside)
    with OrmSession(engine) as short:
        return loading.load(record, *names, session=short)
