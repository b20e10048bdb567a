"""A schema as an entity diagram, in Mermaid's language, which JupyterLab and GitHub draw."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm.exc import UnmappedColumnError

from ln_jupyter import errors
from ln_jupyter.schema.base import Base

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 45_000  # characters; Mermaid refuses to draw 50,000
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_KEYS = ("PK", "FK", "UK")


@dataclass(frozen=True)
class Diagram:
    """An entity diagram: drawn where a notebook can draw it, and else its source.

    Attributes:
        source: What to paste between ```` ```mermaid ```` and ```` ``` ```` in a README.
    """

    source: str

    def __repr__(self) -> str:
        """Return the source."""
        return self.source

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/vnd.mermaid": self.source, "text/plain": self.source}


def view(what: Any = Base, /) -> Diagram:
    """Draw a schema: its entities, their columns and keys, and how they are related.

    Args:
        what: A declarative base, a `registry`, a `MetaData`, a list of mapped classes, or one mapped
            class, which is drawn with those it is related to; the registry's own schema if not given.

    Raises:
        NotMappedError: If it is none of these.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> print(str(lns.view([lns.User]))[:46])
        erDiagram
            User {
                str id PK
    """
    entities = _names(_tables(what))
    for columns in ("all", "keys", "none"):
        source = _write(entities, columns=columns)
        if len(source) <= _LONGEST:
            return Diagram(source)
    return Diagram(_write_as_many_as_fit(entities))


def _tables(what: Any) -> dict[sa.Table, list[orm.Mapper[Any]]]:
    """Find what is to be drawn: each table, and the classes mapped to it, bases first."""
    mappers = [] if isinstance(what, sa.MetaData) else list(_mappers(what))
    tables: dict[sa.Table, list[orm.Mapper[Any]]] = {}
    for mapper in sorted(mappers, key=lambda each: len(list(each.iterate_to_root()))):
        if isinstance(mapper.local_table, sa.Table):  # and no join or subquery
            tables.setdefault(mapper.local_table, []).append(mapper)
    for mapper in mappers:
        for relationship in mapper.relationships:
            if isinstance(relationship.secondary, sa.Table) and relationship.target in tables:
                tables.setdefault(relationship.secondary, [])
    if isinstance(what, sa.MetaData):
        tables = {table: [] for table in what.tables.values()}
    return tables


def _mappers(what: Any) -> Iterable[orm.Mapper[Any]]:
    if isinstance(what, orm.registry):
        return what.mappers
    if isinstance(what, type):
        mapper: Any = sa.inspect(what, raiseerr=False)
        if isinstance(mapper, orm.Mapper):
            return {mapper, *(each.mapper for each in mapper.relationships), *mapper.iterate_to_root()}
        registry = getattr(what, "registry", None) or getattr(what, "_sa_registry", None)  # SQLModel's
        if isinstance(registry, orm.registry):
            return registry.mappers
    elif isinstance(what, Iterable) and not isinstance(what, str):
        mappers = [sa.inspect(each, raiseerr=False) for each in what]
        if all(isinstance(each, orm.Mapper) for each in mappers):
            return mappers
    raise errors.NotMappedError(f"{what!r} has no schema", fix="give a declarative base, or a list of mapped classes")


@dataclass(frozen=True)
class _Entity:
    name: str
    table: sa.Table
    mappers: list[orm.Mapper[Any]]

    def attribute(self, column: sa.Column[Any]) -> str:
        for mapper in self.mappers:
            try:
                return mapper.get_property_by_column(column).key
            except UnmappedColumnError:
                continue
        return column.name

    @property
    def is_link(self) -> bool:
        """Whether it only links two tables, as the `secondary` of a relationship does."""
        keys = {column for key in self.table.foreign_key_constraints for column in key.columns}
        return not self.mappers and len(self.table.foreign_key_constraints) == 2 and keys == {*self.table.columns}  # noqa: PLR2004


def _names(tables: dict[sa.Table, list[orm.Mapper[Any]]]) -> dict[sa.Table, _Entity]:
    """Call each table by its class, or by its own name where it has none or shares the class's name."""
    wanted = {table: mappers[0].class_.__name__ if mappers else table.fullname for table, mappers in tables.items()}
    taken = [*wanted.values()]
    named = {
        table: _Entity(name if taken.count(name) == 1 else f"{name} ({table.fullname})", table, tables[table])
        for table, name in wanted.items()
    }
    return dict(sorted(named.items(), key=lambda item: item[1].name))


def _write_as_many_as_fit(entities: dict[sa.Table, _Entity]) -> str:
    """Draw the entities that most others refer to, and say in the title that they are not all."""
    referred = Counter(target for entity in entities.values() for target in _targets(entity))
    by_use = sorted(entities, key=lambda table: -referred[table])  # stable: else by name
    number = len(entities)
    while True:
        number = number * 3 // 4
        drawn = {table: entities[table] for table in entities if table in by_use[:number]}
        title = f"{len(drawn):,} of {len(entities):,} tables; a list of classes draws what you choose"
        source = f"---\ntitle: {title}\n---\n{_write(drawn, columns='none')}"
        if len(source) <= _LONGEST or number == 1:
            return source


def _write(entities: dict[sa.Table, _Entity], *, columns: Literal["all", "keys", "none"]) -> str:
    lines = ["erDiagram"]
    links = {each.table for each in entities.values() if each.is_link and all(t in entities for t in _targets(each))}
    for entity in entities.values():
        if entity.table not in links:
            lines += [f"    {_quoted(entity.name)} {{", *_columns(entity, which=columns), "    }"]
    edges = [
        edge
        for entity in entities.values()
        for edge in (_link(entity, entities) if entity.table in links else _references(entity, entities))
    ]
    return "\n".join([*lines, *(f"    {edge}" for edge in sorted(edges))])


def _targets(entity: _Entity) -> list[sa.Table]:
    """Return the tables it points to, in the order of its columns: a link is read from the first."""
    columns = [*entity.table.columns]
    keys = sorted(entity.table.foreign_key_constraints, key=lambda key: columns.index(key.columns[0]))
    return [key.referred_table for key in keys]


def _columns(entity: _Entity, *, which: Literal["all", "keys", "none"]) -> Iterator[str]:
    if which == "none":
        return
    unique = {key.columns[0] for key in _unique(entity.table) if len(key.columns) == 1}
    for column in entity.table.columns:
        name = entity.attribute(column)
        belongs = (column.primary_key, bool(column.foreign_keys), column in unique and not column.primary_key)
        keys = ", ".join(key for key, is_one in zip(_KEYS, belongs, strict=True) if is_one)
        if which == "all" or keys:
            word = _word(name)
            comment = f'"{_comment(name)}"' if word != name else ""
            yield " ".join(filter(None, (f"        {_word(_type(column))}", word, keys, comment)))


def _unique(table: sa.Table) -> list[sa.UniqueConstraint | sa.Index]:
    constraints = [each for each in table.constraints if isinstance(each, sa.UniqueConstraint)]
    return [*constraints, *(each for each in table.indexes if each.unique and len(each.columns))]


def _type(column: sa.Column[Any]) -> str:
    try:
        kind = column.type.python_type
    except NotImplementedError:
        kind = object
    return (type(column.type) if kind is object else kind).__name__  # of a type that has no one class in Python


def _references(entity: _Entity, entities: dict[sa.Table, _Entity]) -> Iterator[str]:
    """Draw each foreign key as a line from the table it points to."""
    sets = [{*key.columns} for key in _unique(entity.table)] + [{*entity.table.primary_key.columns}]
    for key in entity.table.foreign_key_constraints:
        target = entities.get(key.referred_table)
        if target is None:
            continue
        one = "|o" if any(column.nullable for column in key.columns) else "||"
        many = "o|" if any(each and each <= {*key.columns} for each in sets) else "o{"
        yield f'{_quoted(target.name)} {one}--{many} {_quoted(entity.name)} : "{_comment(_label(entity, key))}"'


def _label(entity: _Entity, key: sa.ForeignKeyConstraint) -> str:
    """Name a foreign key by its relationship, if there is one."""
    for mapper in entity.mappers:
        for relationship in mapper.relationships:
            if relationship.direction is orm.MANYTOONE and relationship.local_columns == {*key.columns}:
                return relationship.key
        if mapper.inherits is not None and mapper.inherits.local_table is key.referred_table:
            return "is a"
    return ", ".join(key.column_keys)


def _link(entity: _Entity, entities: dict[sa.Table, _Entity]) -> Iterator[str]:
    """Draw a table that only links two others as one line between them."""
    here, there = (entities[table] for table in _targets(entity))
    for one, other in ((here, there), (there, here)):
        for mapper in one.mappers:
            for relationship in mapper.relationships:
                if relationship.secondary is entity.table and not relationship.viewonly:
                    yield f'{_quoted(one.name)} }}o--o{{ {_quoted(other.name)} : "{_comment(relationship.key)}"'
                    return
    yield f'{_quoted(here.name)} }}o--o{{ {_quoted(there.name)} : "{_comment(entity.name)}"'


def _word(name: str) -> str:
    """Write a name as Mermaid's grammar wants a column's or a type's."""
    word = re.sub(r"[^A-Za-z0-9_]", "_", name)
    word = word if _WORD.fullmatch(word) else f"_{word}"
    return f"{word}_" if word in _KEYS else word


def _comment(text: str) -> str:
    """Write text as it may stand between quotes; whoever draws it may take it for HTML."""
    return "".join(c if c.isprintable() and c not in "\\%<>&#" else " " for c in text.replace('"', "'")) or " "


def _quoted(name: str) -> str:
    """Write an entity's name; a lower-case word might be one of Mermaid's own."""
    return name if _WORD.fullmatch(name) and name[0].isupper() else f'"{_comment(name)}"'
