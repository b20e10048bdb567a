"""What may be asked of, and said to, a mapped class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.associationproxy import AssociationProxy

from ln_jupyter import errors, sanitize, schema
from ln_jupyter.orm import scalars
from ln_jupyter.orm.inspect.record import state_of
from ln_jupyter.records import json_equality

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_LONGEST = 60  # characters that are shown of a text


def mapper_of(entity: object) -> orm.Mapper[Any]:
    """Return the mapper of a class.

    Raises:
        NotMappedError: If *entity* is no mapped class.
    """
    mapper: Any = sa.inspect(entity, raiseerr=False) if isinstance(entity, type) else None
    if not isinstance(mapper, orm.Mapper):
        raise errors.NotMappedError(f"{_describe(entity)} is not a mapped class", fix=_fix(entity))
    return mapper


def check_selectable(entity: object, inspected: object) -> None:
    """Refuse what SQLAlchemy cannot select, given what it says of it.

    Raises:
        NotMappedError: If *entity* is neither mapped nor an expression.
    """
    if isinstance(inspected, orm.InstanceState):
        msg, name = (
            f"this {inspected.class_.__name__} is a record, and select() takes a class",
            inspected.class_.__name__,
        )
        raise errors.NotMappedError(msg, fix=f"give its class: ln.select({name}, ...)")
    if inspected is not None or hasattr(entity, "__clause_element__"):
        return
    if isinstance(entity, str):
        named = f"lns.{entity}" if entity in schema.__all__ else entity if entity.isidentifier() else "Sample"
        msg = f"{sanitize.shortened(repr(entity), _LONGEST)} is a text, and select() takes a class"
        raise errors.NotMappedError(msg, fix=f"give the class itself: ln.select({named})")
    if isinstance(entity, type):
        mapper_of(entity)
    raise errors.NotMappedError(
        f"{_describe(entity)} is no class that can be selected", fix="ln.select(Model, name=...), or columns of one"
    )


def state_of_record(record: object) -> orm.InstanceState[Any]:
    """Return the state of what has to be a record.

    Raises:
        NotMappedError: If *record* is no instance of a mapped class.
        DuplicateRecordError: If it is a copy of `copy.copy`, of which SQLAlchemy would save what the original holds.
    """
    state = state_of(record)
    if state is None:
        raise errors.NotMappedError(f"{_describe(record)} is not a record", fix=_fix(record))
    if state.obj() is not record:
        msg = f"{_describe(record)} is a shallow copy (copy.copy), of which nothing can be saved or loaded"
        raise errors.DuplicateRecordError(msg, fix="use the original; for another row, make a new record")
    return state


def criteria(entity: Any, fields: Mapping[str, object]) -> Iterable[sa.ColumnElement[bool]]:
    """Turn ``name=value`` into conditions on *entity*, which may be an alias.

    Raises:
        UnknownFieldError: If a name is no attribute of the class, with the near miss, or one that no database knows.
        InvalidValueError: If a value is none that the attribute could equal.
    """
    if isinstance(entity, orm.QueryableAttribute):
        entity = entity.parent.entity
    inspected: Any = sa.inspect(entity, raiseerr=False)
    mapper = getattr(inspected, "mapper", None)
    if mapper is None:
        check_selectable(entity, inspected)
        raise errors.NotMappedError(f"{_describe(entity)} has no fields to compare", fix="use .where(column == value)")
    check_names(mapper, fields)
    return [_equal(entity, mapper, name, value) for name, value in fields.items()]


def _equal(entity: Any, mapper: orm.Mapper[Any], name: str, value: object) -> sa.ColumnElement[bool]:
    what = f"{mapper.class_.__name__}.{name}"
    relationship = mapper.relationships.get(name)
    if relationship is not None:
        _check_related(what, relationship, value)
    elif isinstance(value, _MANY) and isinstance(mapper.all_orm_descriptors[name], AssociationProxy):
        msg = f"{what} is compared with one value, and this is a {type(value).__name__}"
        raise errors.InvalidValueError(msg, fix=f"use .where({what} == value) for each of them")
    elif isinstance(value, _MANY) and _is_single(mapper, name):
        msg = f"{what} holds one value, and this is a {type(value).__name__}"
        raise errors.InvalidValueError(msg, fix=f"use .where({what}.in_([...]))")
    column = mapper.columns.get(name)
    kind = sa.types.NULLTYPE if column is None else column.type
    value = scalars.compared(what, value, kind)
    if json_equality.holds(kind):
        return json_equality.equal(getattr(entity, name), value, kind)
    equal = getattr(entity, name) == value
    if not isinstance(equal, sa.ColumnElement):  # SQLAlchemy would take it for true or false of every row
        msg = f"{what} is computed in Python, so the database cannot compare it"
        raise errors.UnknownFieldError(
            msg, fix=f"give {name} an SQL expression (hybrid_property has .expression), or use .where(...)"
        )
    return equal


def _check_related(what: str, relationship: orm.RelationshipProperty[Any], value: object) -> None:
    if value is None:
        return
    if relationship.uselist:
        msg = f"{what} is a collection, which equals no single value"
        raise errors.InvalidValueError(msg, fix=f"use .where({what}.contains(record)), or .join({what}, name=...)")
    target = relationship.mapper.class_
    if not isinstance(value, target):
        msg = f"{what} is a {target.__name__}, and this is a {type(value).__name__}"
        raise errors.InvalidValueError(msg, fix=f"give a {target.__name__}, or use .join({what}, name=...)")


def _is_single(mapper: orm.Mapper[Any], name: str) -> bool:
    """Return whether a column can only hold what is no list, as far as its type tells."""
    column = mapper.columns.get(name)
    return column is not None and isinstance(column.type, _SINGLE)


_MANY = (list, tuple, set, frozenset)
_SINGLE = (sa.String, sa.Integer, sa.Numeric, sa.Boolean, sa.Date, sa.DateTime, sa.Time, sa.Uuid, sa.Enum)


def target_of(attribute: orm.QueryableAttribute[Any]) -> Any:
    """Return what a relationship such as ``Run.pipeline`` joins: the class, or the alias of its ``of_type``.

    Raises:
        NotMappedError: If it is a column.
    """
    target = getattr(attribute, "entity", None)
    if target is None:
        raise errors.NotMappedError(f"{attribute} is a column, and joins nothing", fix="join a class or a relationship")
    return target.entity


def check_names(mapper: orm.Mapper[Any], names: Iterable[str]) -> None:
    """Refuse the first name that the class does not have.

    Raises:
        UnknownFieldError: With the near miss.
    """
    known = mapper.all_orm_descriptors
    for name in names:
        if name not in known:
            msg = f"{mapper.class_.__name__} has no field {name!r}"
            raise errors.UnknownFieldError(msg, fix=_lookup(mapper, name) or errors.near_miss(name, known.keys()))


def _lookup(mapper: orm.Mapper[Any], name: str) -> str:
    """Say what to write for a condition as Django names it, such as ``name__contains``."""
    head, _, rest = name.partition("__")
    if not rest or head not in mapper.all_orm_descriptors:
        return ""
    field = f"{mapper.class_.__name__}.{head}"
    if head in mapper.relationships:
        return f"join it: .join({field}, {rest}=...)"
    return f"write it as an expression: .where({field} > value), .where({field}.contains(value))"


def _describe(thing: object) -> str:
    return f"the class {thing.__name__}" if isinstance(thing, type) else f"the {type(thing).__name__} object"


def _fix(thing: object) -> str:
    if isinstance(thing, type):
        return "map it with SQLAlchemy (class MyModel(DeclarativeBase): ...), or use a class of ln_jupyter.schema"
    if isinstance(thing, sa.SelectBase) or hasattr(type(thing), "__clause_element__"):
        return "give its records: statement.all()"
    if type(thing).__name__ == "DataFrame":
        return "give the class of its rows first: ln.add(Model, frame)"
    return "pass a record, a list of records, or a mapped class with fields: ln.add(Model, name=...)"
