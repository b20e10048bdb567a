"""Insert many rows at once, from dicts or a data frame, without making records of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import errors, schema
from ln_jupyter.db import refusals, restriction, scalars, unit, users
from ln_jupyter.records import frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import orm

    from ln_jupyter.db.session import OrmSession

Rows = Any
"""Dicts with the class's attributes as keys, or a pandas or polars data frame."""

_CHUNK = 10_000


def check(mapper: orm.Mapper[Any], rows: Rows) -> list[dict[str, Any]]:
    """Give the rows as dicts whose keys are all attributes of the class.

    Raises:
        NothingGivenError: If there are none, or they are neither dicts nor a frame.
        UnknownFieldError: If a key is no attribute; it names the near miss.
        InvalidValueError: If a column does not take a value; it names the row.
    """
    values = frames.to_rows(rows)
    of_frame = values is not None
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
        raise restriction.refusal(f"rows of {mapper.class_.__name__}")
    key = [mapper.get_property_by_column(column).class_attribute for column in mapper.primary_key]
    statement = sa.insert(mapper.class_).returning(*key, sort_by_parameter_order=True)
    keys: list[Any] = []
    start = 0
    session.newest_failure = None
    try:
        with unit.whole_call(session, mapper), _progress(len(rows)) as advance:
            if issubclass(mapper.class_, schema.CreatedBy):
                user_id = users.current_id(session)
                rows = [{"created_by_id": user_id, **row} for row in rows]
            for start in range(0, len(rows), _CHUNK):
                chunk = rows[start : start + _CHUNK]
                found = session.execute(statement, chunk).all()
                keys += [row[0] if len(key) == 1 else tuple(row) for row in found]
                advance(len(chunk))
    except errors.LnJupyterError:
        raise  # it says what there is to say
    except Exception as error:
        refusals.annotate_rows(session, error, mapper, rows[: start + _CHUNK], start)
        raise
    finally:
        session.newest_failure = None
    return keys


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[int], object]]:
    """Show a bar where somebody waits."""
    if total <= _CHUNK:
        yield lambda _n: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc="adding", unit=" rows", unit_scale=True) as bar:
        yield bar.update
