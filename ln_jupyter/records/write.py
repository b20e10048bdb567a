"""Add and delete records: in the block they stand in, in their own session, or in a short one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar, overload

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm.attributes import instance_state

from ln_jupyter import callsite, errors
from ln_jupyter.db import engines
from ln_jupyter.orm import origins, refusals, restrictions, unit_of_work
from ln_jupyter.orm.current import current_block
from ln_jupyter.orm.inspect import naming
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.records import bulk, mapping
from ln_jupyter.schema import base

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


@overload
def add(record: type[T], rows: bulk.Rows, /) -> list[Any]: ...
@overload
def add(record: type[T], /, **fields: object) -> T: ...
@overload
def add(record: T, /) -> T: ...
def add(record: Any, rows: bulk.Rows | None = None, /, **fields: object) -> Any:
    """Add records: insert the new ones, update the changed ones.

    In a block (`with ln.Session():`, ``%%ln_session``) they join its transaction. Records of
    a bare `ln.Session()` are committed by it. Else a short transaction of its own commits
    them where they were read from, and they come back detached, with their columns and
    whatever relationship was set.

    Args:
        record: A record; a list of them; or a mapped class, to get the one with these
            *fields* or create it.
        rows: With a class: dicts or a data frame to insert in bulk, with named levels of its index.
        fields: With a class: its attributes.

    Returns:
        What was given; for a class the record; for *rows* their primary keys, in order.

    Raises:
        UnknownFieldError: If a field or key is none of the class's, or was set on a record of the registry and is none of it.
        NothingGivenError: If there is nothing to add.
        InvalidValueError: If *rows* and *fields* are both given.
        ForeignSessionError: If a record belongs to another open session, or was read from another database.
        UnknownOriginError: If nobody knows which of several databases a record was read from.
        DuplicateRecordError: If two objects stand for one row.
        StaleRecordError: If a row changed after it was read.
        sqlalchemy.exc.IntegrityError: With a note that names the record.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> pipeline = lns.Pipeline(name="Transform A")
        >>> run = ln.add(lns.Run(name="Solve Problem X", pipeline=pipeline))
        >>> ln.add(lns.Pipeline, name="Transform A").id == pipeline.id
        True
    """
    return add_in(None, record, rows, **fields)


@overload
def delete(record: type[T], /, **fields: object) -> list[T]: ...
@overload
def delete(record: T, /) -> T: ...
def delete(record: Any, /, **fields: object) -> Any:
    """Delete records; where and when it commits is as for `add`.

    Args:
        record: A record; a list of them; or a mapped class, to delete all with these *fields*.
        fields: With a class: its attributes, one at least.

    Returns:
        What was given; for a class the records that were deleted.

    Raises:
        NothingGivenError: If there is nothing to delete, or no field to choose by.
        ForeignSessionError: If a record belongs to another open session, or was read from another database.
        UnknownOriginError: If nobody knows which of several databases a record was read from.
        StaleRecordError: If a row changed after it was read.
        sqlalchemy.exc.IntegrityError: If other rows still refer to it.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> file = ln.add(lns.File(name="scratch"))
        >>> ln.delete(file) is file
        True
        >>> ln.delete(lns.File, name="scratch")
        []
    """
    return delete_in(None, record, **fields)


def add_in(session: OrmSession | None, record: Any, rows: bulk.Rows | None = None, /, **fields: object) -> Any:
    """Add in one session, or wherever `add` does."""
    if isinstance(record, type):
        mapper = mapping.mapper_of(record)
        if rows is None and not fields:
            msg = f"add({record.__name__}) says nothing of the {record.__name__}"
            fix = f"give its fields, ln.add({record.__name__}, name=...), or a record: ln.add({record.__name__}())"
            raise errors.NothingGivenError(msg, fix=fix)
        if rows is not None:
            if fields:
                msg = f"rows and fields of {record.__name__} were given together"
                field = next(iter(fields))
                raise errors.InvalidValueError(msg, fix=f"put the fields into each row: {{**row, {field!r}: ...}}")
            values = bulk.check(mapper, rows)
            return _act(session, (), lambda orm_session: bulk.insert(orm_session, mapper, values))
        mapping.check_names(mapper, fields)
        return _get_or_create(session, record, fields)
    records = _records(record)
    if fields or rows is not None:
        msg = "fields go with a class, and a record was given"
        raise errors.NothingGivenError(msg, fix="set them on the record: record.name = ...; ln.add(record)")
    base.check_fields(records)
    line = callsite.current()

    def attach(orm_session: OrmSession) -> None:
        _attach(orm_session, records)
        if line is not None:
            orm_session.note_line(records, line)

    _act(session, records, attach)
    return record


def delete_in(session: OrmSession | None, record: Any, /, **fields: object) -> Any:
    """Delete in one session, or wherever `delete` does."""
    if isinstance(record, type):
        mapping.mapper_of(record)
        if not fields:
            msg = f"delete({record.__name__}) would delete every {record.__name__}"
            raise errors.NothingGivenError(msg, fix=f"say which: ln.delete({record.__name__}, name=...)")
        chosen: sa.Select[Any] = sa.select(record).where(*mapping.criteria(record, fields))

        def choose_and_delete(orm_session: OrmSession) -> list[Any]:
            found = list(orm_session.scalars(chosen).unique())
            _attach(orm_session, found)
            for each in found:
                orm_session.delete(each)
            return found

        return _act(session, (), choose_and_delete)
    records = _records(record)
    for each in records:
        if mapping.state_of_record(each).key is None:
            msg = f"this {type(each).__name__} is not in the database"
            raise errors.NothingGivenError(msg, fix="there is nothing to delete; was it ever added?")

    def mark(orm_session: OrmSession) -> None:
        _attach(orm_session, records)
        for each in records:
            orm_session.delete(each)

    _act(session, records, mark)
    return record


def _records(given: Any) -> Sequence[Any]:
    records = list(given) if isinstance(given, (list, tuple, set, frozenset)) else [given]
    if not records:
        raise errors.NothingGivenError(
            "the list is empty", fix="pass one record at least, or skip the call: if records:"
        )
    for record in records:
        mapping.state_of_record(record)
    return records


def _act(
    session: OrmSession | None, records: Sequence[Any], action: Callable[[OrmSession], R], *, write: bool = False
) -> R:
    """Run *action* where the records belong, and commit unless a block will."""
    attached = (each for each in records if instance_state(each).session_id is not None)
    owners = [(record, owner) for record in attached if (owner := orm.object_session(record)) is not None]
    place = session if session is not None else _place(owners)
    for record, owner in owners:
        if owner is not place:
            raise _foreign(record)
    if place is None:
        return unit_of_work.run(action, engine=_elsewhere(records), write=write)
    result = action(place)
    if not place.in_block:
        unit_of_work.commit(place)
    return result


def _place(owners: Sequence[tuple[Any, orm.Session]]) -> OrmSession | None:
    """Find the session that saves records, some of which have one; None for a short one."""
    block = current_block()
    if block is not None:
        return block.orm
    owner = owners[0][1] if owners else None
    return owner if isinstance(owner, OrmSession) and not owner.in_block else None


def _elsewhere(records: Sequence[Any]) -> sa.Engine | None:
    """Return the one engine that all records come from; None for the usual one, which refuses those of others."""
    databases = {None if instance_state(record).key is None else origins.engine_of(record) for record in records}
    database = databases.pop() if len(databases) == 1 else None
    if database is None or database is engines.current():
        return None
    with OrmSession() as usual:
        return None if all(usual.leads_to(database, record) for record in records) else database


def _get_or_create(session: OrmSession | None, model: type[Any], fields: dict[str, object]) -> Any:
    chosen: sa.Select[Any] = sa.select(model).where(*mapping.criteria(model, fields)).limit(2)

    def get(orm_session: OrmSession) -> Any:
        return orm_session.scalars(chosen).unique().one_or_none()

    def get_or_create(orm_session: OrmSession) -> Any:
        found = get(orm_session)
        if found is None:
            found = model(**fields)
            _attach(orm_session, [found])
        return found

    place = session if session is not None else _place(())
    if place is not None and place.in_block:
        return get_or_create(place)
    with contextlib.nullcontext(place) if place is not None else OrmSession() as reading:
        found = get(reading)
    if found is not None:
        return found
    # two processes that both found nothing must not both create it
    if place is None:
        return _act(None, (), get_or_create, write=True)
    with unit_of_work.locking(place):
        return _act(place, (), get_or_create)


def _attach(session: OrmSession, records: Sequence[Any]) -> None:
    """Put the records into the session, or none of them."""
    if session.only_reads and records:  # said on the user's line, and not at the end of the block
        raise restrictions.refusal(naming.name(records[0]))
    outer, session.attached = session.attached, []  # an event of the user's may add others meanwhile
    try:
        session.add_all(records)
    except (sa.exc.InvalidRequestError, errors.LnJupyterError) as error:
        for state in session.attached:
            record: Any = state.obj()
            if record is not None and record in session:
                orm.Session.expunge(session, record)  # plain: it did not come from here
        if isinstance(error, errors.LnJupyterError):
            raise
        raise _refusal(session, records, error) from error
    finally:
        session.attached = outer


def _refusal(session: OrmSession, records: Sequence[Any], error: Exception) -> errors.RecordError:
    """Say which of the records, and of those they bring along, SQLAlchemy does not attach, and why."""
    for record in records:
        state = instance_state(record)
        for each in (state, *(related for _, _, related, _ in state.mapper.cascade_iterator("save-update", state))):
            if each.was_deleted:
                fix = "make a new one, with the same values if you want them back"
                return refusals.StaleRecordError(f"{naming.name(each.obj())} was deleted", fix=fix)
            if each.session not in (None, session):
                return _foreign(each.obj())
    msg = f"two objects in memory stand for one row: {error}"
    return errors.DuplicateRecordError(msg, fix="keep one of them, or read both again in one session")


def _foreign(record: object) -> errors.ForeignSessionError:
    msg = f"this {type(record).__name__} belongs to another open session"
    return errors.ForeignSessionError(msg, fix="use that session, or close it first")
