"""Load what is missing of a record, in place."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import orm

from ln_jupyter import errors
from ln_jupyter.orm import origins
from ln_jupyter.orm.current import current_block
from ln_jupyter.orm.inspect import loading, naming
from ln_jupyter.orm.session import OrmSession, SideSession
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
        NotMappedError: If it is no record.
        UnknownFieldError: If there is no such attribute; it names the near miss.
        UnloadableError: If it cannot be loaded: the record was never saved, its row is gone,
            the relationship is write-only, or its session must be awaited.
        UnknownOriginError: If nobody knows which of several databases the record was read from.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> pipeline = lns.Pipeline(name="Transform C")
        >>> _ = ln.add(lns.Run(name="Solve Problem Z", pipeline=pipeline))
        >>> run = ln.select(lns.Run, name="Solve Problem Z").one()
        >>> ln.load(run, "pipeline").pipeline.name
        'Transform C'
    """
    if isinstance(record, (list, tuple, set, frozenset)):
        msg = f"load() takes one record, and this is a {type(record).__name__}"
        raise errors.NotMappedError(
            msg, fix='ln.select(Model).load("name").all() loads it with all records, or load each'
        )
    state = mapping.state_of_record(record)
    session = orm.object_session(record)
    if state.was_deleted:
        msg = f"{naming.name(record)} was deleted"
        raise errors.UnloadableError(msg, fix="load it before the record is deleted")
    if state.async_session is not None:
        msg = f"the session of {naming.name(record)} is asynchronous"
        named = ", ".join(map(repr, names))
        raise errors.UnloadableError(msg, fix=f"await it: await session.refresh(record, [{named}])")
    if session is not None:
        return loading.load(record, *names, session=session)
    block = current_block()
    engine = origins.engine_of(record)
    if block is not None and (engine is None or block.orm.leads_to(engine, record)):
        block.orm.flush_to_read()
        with SideSession(block.orm) as beside:
            beside.refuse_to_guess(record)
            return loading.load(record, *names, session=beside)
    with OrmSession(engine) as short:
        short.refuse_to_guess(record)
        return loading.load(record, *names, session=short)
