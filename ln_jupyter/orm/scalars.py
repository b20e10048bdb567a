"""Scalars of numpy and pandas become the Python values that columns take: without loss, or not at all.

SQLAlchemy hands them to the driver as they are, and sqlite3 writes what it does not know as a
BLOB. Neither library is imported for this: where nobody has imported numpy, there are none.
"""

from __future__ import annotations

import datetime as dt
import decimal
import sys
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy.orm.attributes import instance_dict, instance_state, set_attribute
from sqlalchemy.sql import visitors

from ln_jupyter import errors
from ln_jupyter.orm.inspect import naming

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import orm

_Type = sa.types.TypeEngine[Any]

_NUMBERS = (bool, int, float, decimal.Decimal)
_TIMES = (dt.datetime, dt.date, dt.time, dt.timedelta)


class _UnfitError(Exception):
    """No Python value is the same, or the column does not take it."""

    def __init__(self, why: str, *, fix: str) -> None:
        super().__init__(why)
        self.fix = fix


def in_records(records: Sequence[object]) -> None:
    """Make plain what records hold, before it is sent.

    Raises:
        InvalidValueError: If a column does not take a value; it names the record.
    """
    suspects = _suspects(map(instance_dict, records))
    for record in records if suspects else ():
        held = instance_dict(record)
        names = [name for name, value in held.items() if type(value) in suspects]
        columns = instance_state(record).manager.mapper.columns
        for name in names:
            if name in columns:
                try:
                    value = _stored(held[name], columns[name].type)
                except _UnfitError as error:
                    what = f"{type(record).__name__}.{name} of {naming.name(record)}"
                    raise _refusal(what, held[name], error) from None
                if value is not held[name]:
                    set_attribute(record, name, value)


def in_rows(mapper: orm.Mapper[Any], rows: Sequence[dict[str, Any]], *, of_frame: bool) -> None:
    """Make plain, in place, what rows hold whose keys are attributes of a class.

    Args:
        mapper: The class's.
        rows: The rows.
        of_frame: Whether they were a data frame, whose whole numbers are floats where some are missing.

    Raises:
        InvalidValueError: If a column does not take a value; it names the row.
    """
    suspects = _suspects(rows)
    if of_frame:
        suspects.add(float)
    for number, row in enumerate(rows if suspects else ()):
        for name, value in row.items():
            if type(value) in suspects and name in mapper.columns:
                try:
                    row[name] = _stored(value, mapper.columns[name].type)
                except _UnfitError as error:
                    raise _refusal(f"{mapper.class_.__name__}.{name} of rows[{number}]", value, error) from None


def compared(what: str, value: Any, kind: _Type) -> Any:
    """Make plain what a column of a type is compared with.

    Args:
        what: The column, for the error.
        value: Whatever was given.
        kind: The column's type.

    Raises:
        InvalidValueError: If no Python value is the same.
    """
    if not _suspects([{"": value}]):
        return value
    try:
        return _compared(value, kind)
    except _UnfitError as error:
        raise _refusal(what, value, error) from None


def in_criteria(criteria: Sequence[Any]) -> Sequence[Any]:
    """Make plain the values in SQLAlchemy's expressions.

    Raises:
        InvalidValueError: If no Python value is the same.
    """
    return [_in_expression(each) for each in criteria] if "numpy" in sys.modules else criteria


def _in_expression(given: Any) -> Any:
    clause: Any = given.__clause_element__() if hasattr(given, "__clause_element__") else given
    if not isinstance(clause, sa.ClauseElement):
        return given
    values = ({"": each.value} for each in visitors.iterate(clause) if isinstance(each, sa.BindParameter))
    suspects = _suspects(values)
    if not suspects:
        return given

    def replace(element: Any, **_: Any) -> Any:
        if not isinstance(element, sa.BindParameter) or type(element.value) not in suspects:
            return None
        value = compared("a condition", element.value, element.type)
        if value is None:
            error = _UnfitError("nothing equals a missing value", fix="use column.is_(None)")
            raise _refusal("a condition", element.value, error)
        first = value[0] if element.expanding and value else value
        kind: _Type = element.type.coerce_compared_value(None, first)
        key = None if element.unique else element.key
        return sa.bindparam(key, value, kind, unique=element.unique, expanding=element.expanding)

    return visitors.replacement_traverse(cast("sa.ColumnElement[Any]", clause), {}, replace)


def python_type(kind: _Type) -> type:
    """Return the Python type of a column's values; `object` where the column's type does not say."""
    try:
        return kind.python_type
    except NotImplementedError:  # types of dialects need not say
        return object


def _suspects(held: Iterable[Mapping[str, Any]]) -> set[type]:
    """Collect the types of values that are of numpy or pandas, or may hold some; almost always there are none."""
    if "numpy" not in sys.modules:  # pandas imports it
        return set()
    kinds: set[type] = set()
    for each in held:
        kinds.update(map(type, each.values()))
    return {kind for kind in kinds if issubclass(kind, (dict, list, tuple)) or _is_foreign(kind)}


def _is_foreign(kind: type) -> bool:
    if kind.__module__ == "builtins":
        return False
    return str(kind.__module__).partition(".")[0] == "pandas" or _is_of_numpy(kind, "generic", "ndarray")


def _is_of_numpy(kind: type, *names: str) -> bool:
    numpy = sys.modules["numpy"]  # whose names are not all there yet while it is being imported
    return any(issubclass(kind, getattr(numpy, name, ())) for name in names)


def _stored(value: Any, kind: _Type) -> Any:
    """Return what a column of this type is to hold."""
    kind = _undecorated(kind)
    if isinstance(kind, (sa.JSON, sa.ARRAY)):
        return _nested(value)
    takes = python_type(kind)
    if takes is object or (takes is bytes and _is_of_numpy(type(value), "ndarray")):
        return value  # the type knows what to do with what it is given
    return _fitted(_natural(value), takes)


def _compared(value: Any, kind: _Type) -> Any:
    """Return what equals a value of this column: whatever a column does not hold can still be greater or less."""
    if isinstance(value, (list, tuple)) and not isinstance(kind, (sa.JSON, sa.ARRAY)):
        return [_compared(each, kind) for each in value]
    kind = _undecorated(kind)
    if isinstance(kind, (sa.JSON, sa.ARRAY)):
        return _nested(value)
    takes = python_type(kind)
    if takes is object and not isinstance(kind, sa.types.NullType):
        return value
    natural = _natural(value)
    try:
        return _fitted(natural, takes)
    except _UnfitError:
        return natural


def _undecorated(kind: _Type) -> _Type:
    """Return what a type is made of that changes no values itself, such as SQLModel's AutoString."""
    cls = sa.types.TypeDecorator
    if not isinstance(kind, cls):
        return kind
    processes = any(
        getattr(type(kind), name) is not getattr(cls, name) for name in ("process_bind_param", "bind_processor")
    )
    return kind if processes else kind.impl_instance


def _nested(value: Any) -> Any:
    """Return JSON, or an array, without scalars of numpy and pandas; itself if there are none."""
    kind = type(value)
    if issubclass(kind, dict):
        pairs = [(_leniently(name), _nested(each)) for name, each in value.items()]
        changed = any(a is not c or b is not d for (a, b), (c, d) in zip(pairs, value.items(), strict=True))
        return dict(pairs) if changed else value
    if issubclass(kind, (list, tuple)):
        parts = [_nested(each) for each in value]
        return parts if any(a is not b for a, b in zip(parts, value, strict=True)) else value
    return _leniently(value)


def _leniently(value: Any) -> Any:
    try:
        return _natural(value)
    except _UnfitError:
        return value  # the serializer has the last word


def _natural(value: Any) -> Any:
    """Return the Python value that is the same; what is of neither library is that itself."""
    kind = type(value)
    if not _is_foreign(kind):
        return value
    if _is_of_numpy(kind, "ndarray"):
        if kind.__name__ != "ndarray" or value.ndim:  # others have a unit or a mask, which would be lost
            raise _UnfitError("it holds more than one number", fix="give one value, such as array[0].item()")
        return _of_numpy(value[()])
    return _of_numpy(value) if _is_of_numpy(kind, "generic") else _of_pandas(value)


def _of_pandas(value: Any) -> Any:
    name = type(value).__name__
    if name in ("NAType", "NaTType"):
        return None
    if name not in ("Timestamp", "Timedelta"):
        raise _UnfitError("databases have no such type", fix="give a number, a text or a time that stands for it")
    if getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0):
        raise _UnfitError("it has nanoseconds, which databases do not keep", fix='round it first: value.round("us")')
    return value.to_pydatetime() if name == "Timestamp" else value.to_pytimedelta()


def _of_numpy(value: Any) -> Any:
    kind = value.dtype.kind
    if kind in "Mm":
        return _moment(value)
    if kind == "f":
        return _float(value)
    if kind not in "biuSU":
        raise _UnfitError("databases have no such type", fix="give its parts, each in a column of its own")
    return value.item()


def _moment(value: Any) -> Any:
    """Turn numpy's datetime64 or timedelta64 into a datetime or timedelta."""
    if value != value:  # noqa: PLR0124 - NaT, as numpy tells it
        return None
    fix = "round it first: value.astype('datetime64[us]'), or 'timedelta64[us]'"
    try:
        rounded = value.astype(f"{value.dtype.kind}8[us]")
        found = rounded.item()
    except (TypeError, ValueError, OverflowError):
        rounded = found = None
    if not isinstance(found, _TIMES):
        raise _UnfitError("Python has no such time", fix=fix)
    if rounded != value:
        raise _UnfitError("it is finer than a microsecond, which databases do not keep", fix=fix)
    return found


def _float(value: Any) -> float:
    found = float(value)
    if found != value and value == value:  # noqa: PLR0124 - nan equals nothing
        raise _UnfitError("it is more precise than a float", fix="give float(value), which rounds it")
    return found


def _fitted(value: Any, takes: type) -> Any:
    """Return a Python value as a column has it that takes this type."""
    if takes is int and isinstance(value, float):
        if not value.is_integer():
            raise _UnfitError("the column takes whole numbers", fix="round it first: round(value)")
        return int(value)
    if takes is bool and value in (0, 1):
        return bool(value)
    if takes is dt.datetime and type(value) is dt.date:
        return dt.datetime.combine(value, dt.time())
    if takes is dt.date and isinstance(value, dt.datetime):
        if value.time() != dt.time() or value.tzinfo is not None:
            raise _UnfitError("the column takes days", fix="give its day: value.date()")
        return value.date()
    is_number, is_time = isinstance(value, _NUMBERS), isinstance(value, _TIMES)
    if (is_number and takes in (*_TIMES, bytes)) or (
        is_time and takes in (*_NUMBERS, *_TIMES, bytes) and not isinstance(value, takes)
    ):
        raise _UnfitError(f"the column takes {takes.__name__}", fix=f"give a {takes.__name__}")
    return value


def _refusal(what: str, value: Any, error: _UnfitError) -> errors.InvalidValueError:
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    name = kind.__name__ if library == "builtins" else f"{library}.{kind.__name__}"
    return errors.InvalidValueError(f"{what} cannot be this {name}: {error}", fix=error.fix)
