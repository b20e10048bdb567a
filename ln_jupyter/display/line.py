"""A record in one line, as it stands inside a list or beside a relationship."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import InvalidRequestError

from ln_jupyter import redaction, sanitize
from ln_jupyter.display import values
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.errors import NotMappedError
from ln_jupyter.orm.inspect.model import LABELS
from ln_jupyter.orm.inspect.record import state_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.orm import ColumnProperty, InstanceState

    from ln_jupyter.display.options import Options

_WITHOUT_LABEL = 2  # columns that stand in for one
_SHORT = (str, bool, int, float, decimal.Decimal, dt.date, dt.time, dt.timedelta, uuid.UUID, enum.Enum)


def to_text(record: object, *, options: Options = DEFAULT) -> str:
    """Write a record as one line: its class, its key, what people call it, and whether it is saved.

    Reads what is in memory, costs a few microseconds and runs no code of the record's class.

    Args:
        record: An instance of any mapped class.
        options: How much to show, and what not.

    Raises:
        NotMappedError: *record* is not an instance of a mapped class.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> to_text(lns.Pipeline(id="Kq2xP0aZ", name="Transform A"))
        "<Pipeline ('Kq2xP0aZ', '1') name='Transform A' unsaved>"
    """
    state = state_of(record)
    if state is None:
        message = f"{type(record).__name__!r} object is not an instance of a mapped class"
        raise NotMappedError(message, fix="give an instance of a class that SQLAlchemy maps, such as lns.Run(...)")
    labels = (
        f"{prop.key}={values.short(state.dict[prop.key], options=options)}" for prop in _labels(state, options=options)
    )
    parts = (type(record).__name__, values.key(values.primary_key(state), options=options), *labels, _saved(state))
    return sanitize.plain(f"<{' '.join(filter(None, parts))}>")


def in_words(record: object, *, options: Options = DEFAULT) -> str:
    """Write a record as it stands beside the name of a relationship; otherwise as `to_text`.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> in_words(lns.Pipeline(id="Kq2xP0aZ", name="Transform A"))
        'Pipeline Kq2xP0aZ, 1 · Transform A · unsaved'
    """
    state = state_of(record)
    if state is None:
        return to_text(record, options=options)
    name = f"{type(record).__name__} {values.bare_key(values.primary_key(state), options=options)}".rstrip()
    labels = (_labelled(state, prop, options) for prop in _labels(state, options=options))
    return sanitize.plain(" · ".join(filter(None, (name, *labels, _saved(state)))))


def _labelled(state: InstanceState[Any], prop: ColumnProperty[Any], options: Options) -> str:
    value = values.bare(state.dict[prop.key], options=options)
    return value if prop.key in LABELS else f"{prop.key} {value}"


def _saved(state: InstanceState[Any]) -> str:
    if state.deleted or state.was_deleted:
        return "deleted"
    if state.key is None:
        return "unsaved"
    if state.expired:
        return "expired"
    return "modified" if state.modified else ""


def _labels(state: InstanceState[Any], *, options: Options) -> Iterator[ColumnProperty[Any]]:
    try:
        columns = state.manager.mapper.column_attrs
    except InvalidRequestError:  # another class of the same registry is not complete
        return iter(())
    for name in LABELS:
        if name in columns and _tells(state, columns[name], options):
            return iter((columns[name],))
    own = (prop for prop in columns if _tells(state, prop, options) and not _points(state, prop))
    return islice(own, _WITHOUT_LABEL)


def _tells(state: InstanceState[Any], prop: ColumnProperty[Any], options: Options) -> bool:
    if not issubclass(type(state.dict.get(prop.key)), _SHORT):  # isinstance() would ask the value
        return False
    info: Mapping[Any, Any] = getattr(prop.columns[0], "info", MappingProxyType({}))
    return not redaction.is_secret(prop.key, info=info, names=options.secret_names)


def _points(state: InstanceState[Any], prop: ColumnProperty[Any]) -> bool:
    """Tell whether a column is a key of this record or of another one, or counts versions."""
    mapper = state.manager.mapper
    # `in` would compare columns by `==`, which makes SQL expressions
    own = {id(column) for column in (*mapper.primary_key, mapper.version_id_col)}
    return any(id(column) in own or column.foreign_keys for column in prop.columns)
