"""Names of what to load, such as ``"inputs.source"``, and what they stand for on a mapped class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, inspect
from sqlalchemy.orm import CompositeProperty, Load, RelationshipProperty
from sqlalchemy.sql import visitors

from ln_jupyter.errors import UnknownFieldError, UnloadableError, near_miss
from ln_jupyter.orm.inspect.model import HANDLES, is_of_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Mapper, MapperProperty
    from sqlalchemy.orm.strategy_options import _AbstractLoad
    from sqlalchemy.sql.base import ExecutableOption

_HOW_TO_ASK = {
    "write_only": "in a session: session.scalars({record}.{name}.select()).all()",
    "dynamic": "in a session: {record}.{name}.all()",
}


def options(entity: Any, paths: Sequence[str]) -> list[ExecutableOption]:
    """Turn names into the loader options of a statement.

    A relationship to one record is joined, a collection is loaded by one more statement, what
    can be neither is loaded for each record as reading it would, and the last name of a path
    may be a deferred column.

    Args:
        entity: The mapped class, or an alias of one, that the statement selects.
        paths: Names such as ``"pipeline"`` or ``"inputs.source"``.

    Returns:
        The options, for ``Select.options()``.

    Raises:
        UnknownFieldError: A class on the way has no such relationship or column.
        UnloadableError: A relationship on the way is write-only or dynamic.
    """
    given: Sequence[object] = paths
    for each in given:
        if not isinstance(each, str):
            message = f"the name of a relationship or column is text, and this is a {type(each).__name__}"
            raise UnknownFieldError(message, fix='write the names one by one: "pipeline", "inputs.sources"')
    return [option for path in paths for option in _options(Load(entity), entity, path)]


def property_of(mapper: Mapper[Any], name: str) -> MapperProperty[Any]:
    """Find the relationship, column or composite of a class that has this *name*, or that it is a synonym of.

    Raises:
        UnknownFieldError: The class has none.
    """
    loadable: dict[str, MapperProperty[Any]] = {
        **{each.key: each for each in mapper.column_attrs if is_of_class(mapper, each)},
        **mapper.composites,
        **mapper.relationships,
        **{each.key: mapper.attrs[each.name] for each in mapper.synonyms if each.name in mapper.attrs},
    }
    prop = loadable.get(name)
    if prop is None:
        message = f"{mapper.class_.__name__} has no relationship or column {name!r}"
        raise UnknownFieldError(message, fix=near_miss(name, loadable))
    return prop


def keys_of(prop: MapperProperty[Any]) -> list[str]:
    """Name what is kept in memory for a property; a composite is made of its columns when read."""
    return [part.key for part in prop.props] if isinstance(prop, CompositeProperty) else [prop.key]


def head_of(path: str) -> str:
    """Return the first name of a path."""
    return path.partition(".")[0]


def _options(before: _AbstractLoad, entity: Any, path: str) -> list[ExecutableOption]:
    name, _, tail = path.partition(".")
    mapper = inspect(entity).mapper
    prop = property_of(mapper, name)
    if isinstance(prop, RelationshipProperty):
        if prop.lazy in HANDLES:
            raise UnloadableError(
                f"{mapper.class_.__name__}.{name} is mapped as {prop.lazy}: it is asked, never loaded as a whole",
                fix=_HOW_TO_ASK[prop.lazy].format(record=mapper.class_.__name__.lower(), name=name),
            )
        attribute = getattr(entity, prop.key)
        if not _can_be_joined(prop):
            after = before.immediateload(attribute)
        else:
            after = before.selectinload(attribute) if prop.uselist else before.joinedload(attribute)
        return _options(after, prop.entity.entity, tail) if tail else [after]
    if tail:
        message = f"{mapper.class_.__name__}.{name} is a column, so there is no {tail!r} below it"
        raise UnknownFieldError(message, fix=f"end the path at {name!r}")
    return [before.undefer(getattr(entity, key)) for key in keys_of(prop)]


def _can_be_joined(prop: RelationshipProperty[Any]) -> bool:
    """Tell whether what relates two classes is of their tables alone; else only a lazy load finds the other ones."""
    known = {*prop.parent.tables, *prop.mapper.tables, prop.parent.selectable, prop.entity.selectable, prop.secondary}
    conditions = [each for each in (prop.primaryjoin, prop.secondaryjoin) if each is not None]
    columns = (each for condition in conditions for each in visitors.iterate(condition) if isinstance(each, Column))
    return all(column.table in known for column in columns)
