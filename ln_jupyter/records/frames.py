"""Data frames out of and into the database, their column types kept."""

from __future__ import annotations

import datetime as dt
import decimal
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm.util import AliasedInsp

from ln_jupyter import errors
from ln_jupyter.notebook.parameters import EXPRESSION
from ln_jupyter.orm.scalars import python_type
from ln_jupyter.schema import tables

if TYPE_CHECKING:
    from ln_jupyter.orm.routing import RoutingSession

_RESULTS = "results."
_PANDAS = {int: "int64", bool: "bool", float: "float64"}
_PANDAS_NULLABLE = {int: "Int64", bool: "boolean", float: "float64"}


def read(
    session: RoutingSession,
    select: sa.Select[Any],
    entities: tuple[Any, ...],
    bind_arguments: dict[str, Any],
    *,
    backend: Literal["pandas", "polars"],
) -> Any:
    """Run *select* and give its columns as a frame.

    The rows never become records: five times as fast, and nothing stays in the session.

    Raises:
        InvalidValueError: If a column holds what its type does not, as SQLite lets it.
    """
    library = _library(backend)
    columns, key = _columns(entities)
    plain = select.with_only_columns(*columns.values(), maintain_column_froms=True)
    session.flush_to_read()
    rows = session.connection_for(**bind_arguments).execute(plain).all()
    values = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)) if rows else {c: [] for c in columns}
    columns, values = _spread(columns, values)
    make = _polars_column if backend == "polars" else _pandas_column
    made = {}
    for name, column in columns.items():
        try:
            made[name] = make(library, values[name], column.type)
        except (TypeError, ValueError, OverflowError) as error:
            msg = f"the column {name!r} holds what is no {python_type(column.type).__name__}"
            fix = f"correct the rows, or select the column as text: sa.cast({column}, sa.String)"
            raise errors.InvalidValueError(msg, fix=fix) from error
    if backend == "polars":
        return library.DataFrame(made)
    frame = library.DataFrame(made, columns=list(made))
    return frame.set_index(key) if key else frame


def to_rows(frame: Any) -> list[dict[str, Any]] | None:
    """Return the rows of a pandas or polars frame, named levels of its index too, missing values as None.

    Returns:
        None if it is no frame.

    Raises:
        InvalidValueError: If a time has nanoseconds, which polars would cut off.
    """
    library = type(frame).__module__.partition(".")[0]
    if library == "polars" and hasattr(frame, "to_dicts"):
        _check_nanoseconds(frame)
        return list(frame.to_dicts())
    if library == "pandas" and hasattr(frame, "to_dict") and hasattr(frame, "columns"):
        frame = frame.reset_index(level=[name for name in index_names(frame) if name not in frame.columns])
        objects = frame.astype(object)
        return [{str(k): v for k, v in row.items()} for row in objects.where(frame.notna(), None).to_dict("records")]
    return None


def _check_nanoseconds(frame: Any) -> None:
    for name, kind in frame.schema.items():
        if getattr(kind, "time_unit", None) == "ns":
            rounded = frame[name].dt.cast_time_unit("us").dt.cast_time_unit("ns")
            if not frame[name].equals(rounded):
                msg = f"the column {name!r} has nanoseconds, which databases do not keep"
                fix = f'round it first: frame.with_columns(frame["{name}"].dt.cast_time_unit("us"))'
                raise errors.InvalidValueError(msg, fix=fix)


def index_names(frame: Any) -> list[Any]:
    """Name the levels of a pandas frame's index, as far as they have names; the others are mere numbers."""
    return [name for name in getattr(getattr(frame, "index", None), "names", ()) if name is not None]


def gathered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the results of runs back into one column, as `_spread` had them there."""
    found = []
    for row in rows:
        results = {name[len(_RESULTS) :]: value for name, value in row.items() if name.startswith(_RESULTS)}
        kept = {name: value for name, value in row.items() if not name.startswith(_RESULTS)}
        present = {name: value for name, value in results.items() if value is not None}
        found.append(kept | {"results": present or None} if results else kept)
    return found


def _spread(columns: dict[str, Any], values: dict[str, list[Any]]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Give each result of runs a column of its own, as ``results.auc``; what is no dict stays as it is."""
    results = tables.run.c.results
    label = next((name for name, each in columns.items() if results in getattr(each, "base_columns", ())), None)
    if label is None or not all(isinstance(each, dict | None) for each in values[label]):
        return columns, values
    names = sorted({name for each in values[label] for name in each or ()})
    spread = {f"{label}.{name}": [_number((each or {}).get(name)) for each in values[label]] for name in names}
    columns = {name: each for name, each in columns.items() if name != label}
    return columns | {name: sa.literal(None, _kind(each)) for name, each in spread.items()}, values | spread


def _number(value: Any) -> Any:
    """Return a result as it was: JSON has no nan."""
    marked = value.get(EXPRESSION) if isinstance(value, dict) else None
    return float(marked) if marked in ("nan", "inf", "-inf") else value


def _kind(values: list[Any]) -> sa.types.TypeEngine[Any]:
    kinds = {type(value) for value in values if value is not None}
    for kind, python in (
        (sa.Boolean(), {bool}),
        (sa.Integer(), {int}),
        (sa.Double(), {int, float}),
        (sa.String(), {str}),
    ):
        if kinds <= python:
            return kind
    return sa.types.NULLTYPE


def _library(backend: str) -> Any:
    if backend not in ("pandas", "polars"):
        msg = f"backend={backend!r} is no library that data frames are made with"
        raise errors.InvalidValueError(msg, fix=errors.near_miss(str(backend).lower(), ["pandas", "polars"]))
    try:
        if backend == "polars":
            import polars  # noqa: ICN001 - cost, and optional

            return polars
        import pandas  # noqa: ICN001 - cost, and optional
    except ImportError as error:
        msg = f"a data frame of {backend} needs {backend}, which is not installed"
        raise errors.MissingExtraError(msg, fix=f"pip install 'ln-jupyter[{backend}]'") from error
    return pandas


def _columns(entities: tuple[Any, ...]) -> tuple[dict[str, Any], list[str]]:
    """Name the columns of the entities, and those of the key if there is one entity.

    Where two would have one name, each is led by its class: ``"Run.name"``.
    """
    found: list[tuple[str, str, Any]] = []
    key: list[str] = []
    for entity in entities:
        inspected = sa.inspect(entity, raiseerr=False)
        if isinstance(inspected, (orm.Mapper, AliasedInsp)):
            mapper = inspected.mapper
            owner = mapper.class_.__name__ if isinstance(inspected, orm.Mapper) else str(inspected.name)
            for each in mapper.column_attrs:  # the class may lack a discriminator that its mapper has
                column = getattr(entity, each.key, inspected.selectable.columns.get(each.columns[0].key))
                found += [] if column is None else [(owner, each.key, column)]
            key = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
        else:
            owner = getattr(getattr(entity, "class_", None), "__name__", "")
            found.append((owner, getattr(entity, "key", None) or str(entity), entity))
    seen = Counter(name for _, name, _ in found)
    columns: dict[str, Any] = {}
    for owner, name, column in found:
        label = f"{owner}.{name}" if seen[name] > 1 and owner else name
        while label in columns:
            label += "_"
        columns[label] = column
    return columns, key if len(entities) == 1 else []


def _pandas_column(pandas: Any, values: list[Any], kind: sa.types.TypeEngine[Any]) -> Any:
    python = python_type(kind)
    if python is dt.datetime:
        times = pandas.Series(pandas.to_datetime(values, utc=_aware(values, kind)))
        return times.dt.as_unit("us")  # what databases keep, also for a column without a value
    if python in _PANDAS:
        return pandas.Series(values, dtype=(_PANDAS_NULLABLE if None in values or not values else _PANDAS)[python])
    if python is str:
        return pandas.Series(values, dtype="str" if int(pandas.__version__.partition(".")[0]) >= 3 else object)  # noqa: PLR2004
    return pandas.Series(values, dtype=object)


def _aware(values: list[Any], kind: sa.types.TypeEngine[Any]) -> bool:
    first = next((value for value in values if value is not None), None)
    return first.tzinfo is not None if first is not None else bool(getattr(kind, "timezone", False))


def _polars_column(polars: Any, values: list[Any], kind: sa.types.TypeEngine[Any]) -> Any:
    """Make a series that holds what was read: strictly, because polars would else make values fit."""
    python: type[Any] = python_type(kind)
    if isinstance(kind, sa.Enum) and kind.enum_class is not None:  # as the database has it, and takes it back
        named = list(kind.enum_class.__members__.values())  # aliases too
        members = named if len(named) == len(kind.enums) else list(kind.enum_class)
        texts = dict(zip(members, kind.enums, strict=True))
        values, python = [None if value is None else texts[value] for value in values], str
    elif python is object:  # the type does not say
        found = {type(value) for value in values if value is not None}
        python = found.pop() if len(found) == 1 and list not in found else object
    return polars.Series(values, dtype=_polars_type(polars, python, kind), strict=True)


def _polars_type(polars: Any, python: type, kind: sa.types.TypeEngine[Any]) -> Any:
    """Choose the type of a column; None lets polars find how precise a decimal is, or what is in an array."""
    if python in (decimal.Decimal, list):
        return None
    known = {
        int: polars.Int64,
        bool: polars.Boolean,
        float: polars.Float64,
        str: polars.String,
        bytes: polars.Binary,
        dt.date: polars.Date,
        dt.time: polars.Time,
        dt.timedelta: polars.Duration("us"),
        dt.datetime: polars.Datetime("us", "UTC" if getattr(kind, "timezone", False) else None),
    }
    return known.get(python, polars.Object)
