"""Insert many rows at once, from dicts or a data frame, without making records of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm.attributes import instance_state, set_attribute

from ln_jupyter import advice, errors, schema
from ln_jupyter.db import transactions
from ln_jupyter.orm import refusals, restrictions, scalars, unit_of_work, users
from ln_jupyter.orm.inspect.model import is_of_class
from ln_jupyter.records import frames

if TYPE_CHECKING:
    from ln_jupyter.orm.session import OrmSession

Rows = Any
"""Dicts with the class's attributes as keys, or a pandas or polars data frame."""

_CHUNK = 10_000


def check(mapper: orm.Mapper[Any], rows: Rows) -> list[dict[str, Any]]:
    """Return the rows as dicts whose keys are all attributes of the class.

    Raises:
        NothingGivenError: If there are none, or they are neither dicts nor a frame.
        UnknownFieldError: If a key is no attribute; it names the near miss.
        InvalidValueError: If a column does not take a value; it names the row.
    """
    values = frames.to_rows(rows)
    of_frame = values is not None
    if values is not None and issubclass(mapper.class_, schema.Run):
        values = frames.gathered(values)
    if values is None:
        given = list(rows) if isinstance(rows, Iterable) and not isinstance(rows, (str, bytes, Mapping)) else []
        if not given or not all(isinstance(row, Mapping) for row in given):
            msg = f"there are no rows to add to {mapper.class_.__name__}"
            raise errors.NothingGivenError(msg, fix="pass a list of dicts or a data frame with one row at least")
        values = [dict(row) for row in given]
    if not values:
        msg = f"there are no rows to add to {mapper.class_.__name__}"
        raise errors.NothingGivenError(msg, fix="pass one row at least, or skip the call")
    names = {name for row in values for name in row}
    columns = [each.key for each in mapper.column_attrs if isinstance(each.columns[0], sa.Column)]  # and no expressions
    for name in names:
        if name not in columns:
            msg, fix = f"{mapper.class_.__name__} has no column {name!r}", errors.near_miss(str(name), columns)
            if name in mapper.column_attrs:
                msg, fix = f"{mapper.class_.__name__}.{name} is computed by the database", "leave it out"
            elif name in map(str, frames.index_names(rows)):
                msg, fix = f"{msg}, which is the frame's index", f"{fix}; frame.reset_index(drop=True) leaves it out"
            raise errors.UnknownFieldError(msg, fix=fix)
    scalars.in_rows(mapper, values, of_frame=of_frame)
    return values


def insert(session: OrmSession, mapper: orm.Mapper[Any], rows: list[dict[str, Any]]) -> list[Any]:
    """Insert the rows, all or none, with a progress bar if there are many, and give their primary keys in order.

    Returns:
        A key for each row; a tuple where the key has several columns.

    Raises:
        sqlalchemy.exc.IntegrityError: Or whatever else refuses a row, with a note that names it.
    """
    if session.only_reads:  # before a savepoint that is in vain
        raise restrictions.refusal(f"rows of {mapper.class_.__name__}")
    insert_some = _insert_rows if _takes_rows(mapper) else _insert_records
    keys: list[tuple[Any, ...]] = []
    start = 0
    session.newest_failure = None
    try:
        with unit_of_work.whole_call(session, mapper), advice.progress("adding", len(rows)) as advance:
            if issubclass(mapper.class_, schema.CreatedBy):
                user_id = users.current_id(session)
                rows = [{"created_by_id": user_id, **row} for row in rows]
            for start in range(0, len(rows), _CHUNK):
                chunk = rows[start : start + _CHUNK]
                keys += insert_some(session, mapper, chunk)
                advance(len(chunk))
    except errors.LnJupyterError:
        raise  # it says what there is to say
    except Exception as error:
        refusals.annotate_rows(session, error, mapper, rows[: start + _CHUNK], start)
        raise
    finally:
        session.newest_failure = None
    return [key[0] if len(key) == 1 else key for key in keys]


def _takes_rows(mapper: orm.Mapper[Any]) -> bool:
    """Return whether SQLAlchemy inserts rows of a class: not into a union or a join, and only if its own table has the key."""
    if not isinstance(mapper.local_table, sa.Table) or not isinstance(mapper.selectable, (sa.Table, sa.Join)):
        return False
    key = (mapper.get_property_by_column(column).columns for column in mapper.primary_key)
    return all(any(column.table is mapper.local_table for column in columns) for columns in key)


def _insert_rows(session: OrmSession, mapper: orm.Mapper[Any], rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    key = [getattr(mapper.class_, mapper.get_property_by_column(column).key) for column in mapper.primary_key]
    statement = sa.insert(mapper.class_).returning(*key, sort_by_parameter_order=True)
    return [tuple(row) for row in session.execute(statement, rows)]


def _insert_records(session: OrmSession, mapper: orm.Mapper[Any], rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Insert by a unit of work, which knows every mapping: of a session beside, where no other records are."""
    kind = mapper.polymorphic_on
    of_class = {}
    if kind is not None and is_of_class(mapper, mapper.get_property_by_column(kind)):
        of_class = {mapper.get_property_by_column(kind).key: mapper.polymorphic_identity}
    records = [mapper.class_manager.new_instance() for _ in rows]
    for record, row in zip(records, rows, strict=True):
        for name, value in (of_class | row).items():
            set_attribute(record, name, value)
    session.flush()
    session.has_sent = True
    connection = session.connection_for(mapper=mapper)
    # it undoes its own only, where that can be: the transaction is another session's
    mode: Any = "create_savepoint" if transactions.has_savepoints(connection) else "rollback_only"
    with orm.Session(connection, expire_on_commit=False, join_transaction_mode=mode) as beside:
        beside.add_all(records)
        beside.commit()
    return [instance_state(record).identity or () for record in records]
