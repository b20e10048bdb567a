"""Which record is meant: by its key and what people call it, without what is secret."""

from __future__ import annotations

import reprlib
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import redaction
from ln_jupyter.orm.inspect.model import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import orm

_MOST_LABELS = 3  # an error names several: the one that is not to be there twice may not be the first


def name(record: Any) -> str:
    """Name a record by its key or label only: its own repr may query, raise, or show a secret."""
    state = sa.inspect(record)
    known = dict(zip(_keys(state.mapper), state.identity or (), strict=False))
    return name_values(state.mapper, known | state.dict)


def name_values(mapper: orm.Mapper[Any], held: Mapping[str, Any]) -> str:
    """Name a record that is to be, by what it holds."""
    label = (name for name in LABELS if held.get(name) is not None)
    known = {name: held[name] for name in (*_keys(mapper), *islice(label, _MOST_LABELS)) if held.get(name) is not None}
    shown = (f"{name}={_value(mapper, name, value)}" for name, value in known.items())
    return f"{mapper.class_.__name__}({', '.join(shown)})"


def _keys(mapper: orm.Mapper[Any]) -> list[str]:
    return [mapper.get_property_by_column(column).key for column in mapper.primary_key]


def _value(mapper: orm.Mapper[Any], name: str, value: object) -> str:
    info = getattr(mapper.columns.get(name), "info", {})
    return redaction.HIDDEN if redaction.is_secret(name, info=info) else reprlib.repr(value)
