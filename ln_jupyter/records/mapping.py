"""What may be asked of, and said to, a mapped class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def mapper_of(entity: object) -> orm.Mapper[Any]:
    """Give the mapper of a class.

    Raises:
        NotMappedError: If *entity* is no mapped class.
    """
    mapper: Any = sa.inspect(entity, raiseerr=False) if isinstance(entity, type) else None
    if not isinstance(mapper, orm.Mapper):
        raise errors.NotMappedError(f"{_describe(entity)} is not a mapped class", fix=_fix(entity))
    return mapper


def state_of(record: object) -> orm.InstanceState[Any]:
    """Give the state of a record.

    Raises:
        NotMappedError: If *record* is no instance of a mapped class.
    """
    state: Any = None if isinstance(record, type) else getattr(record, "_sa_instance_state", None)
    if not isinstance(state, orm.InstanceState):
        raise errors.NotMappedError(f"{_describe(record)} is not a record", fix=_fix(record))
    return state


def criteria(entity: Any, fields: Mapping[str, object]) -> Iterable[sa.ColumnElement[bool]]:
    """Turn ``name=value`` into conditions on *entity*, which may be an alias.

    Raises:
        UnknownFieldError: If a name is no attribute of the class; it names the near miss.
    """
    if isinstance(entity, orm.QueryableAttribute):
        entity = entity.parent.entity
    mapper = getattr(sa.inspect(entity, raiseerr=False), "mapper", None)
    if mapper is None:
        raise errors.NotMappedError(f"{_describe(entity)} has no fields to compare", fix="use .where(column == value)")
    check_names(mapper, fields)
    return [getattr(entity, name) == value for name, value in fields.items()]


def check_names(mapper: orm.Mapper[Any], names: Iterable[str]) -> None:
    """Refuse the first name that the class does not have.

    Raises:
        UnknownFieldError: With the near miss.
    """
    known = mapper.all_orm_descriptors
    for name in names:
        if name not in known:
            msg = f"{mapper.class_.__name__} has no field {name!r}"
            raise errors.UnknownFieldError(msg, fix=errors.near_miss(name, known.keys()))


def _describe(thing: object) -> str:
    return f"the class {thing.__name__}" if isinstance(thing, type) else f"the {type(thing).__name__} object"


def _fix(thing: object) -> str:
    if isinstance(thing, type):
        return "map it with SQLAlchemy (class MyModel(DeclarativeBase): ...), or use a class of ln_jupyter.schema"
    return "pass a record, a list of records, or a mapped class with fields: ln.add(Model, name=...)"
