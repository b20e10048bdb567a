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
_SUGGESTED = 3  # classes that an error names

_Columns = Literal["all", "keys", "none", "relations"]
_SHORTER: tuple[_Columns, ...] = ("all", "keys", "none", "relations")
"""What of the tables is drawn, one after the other, until it is short enough; at last only which ones are related."""


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

    What would be too long for Mermaid to draw is drawn with its keys only, without columns, or at last as its
    relations only.

    Raises:
        NotMappedError: If it is none of these.
        DiagramTooLargeError: If it is too long for Mermaid even so.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> print(str(lns.view([lns.User]))[:46])
        erDiagram
            User {
                str id PK
    """
    entities = _names(_tables(what))
    for columns in _SHORTER:
        source = _write(entities, columns=columns)
        if len(source) <= _LONGEST:
            return Diagram(source)
    raise _too_large(entities)


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


def _too_large(entities: dict[sa.Table, _Entity]) -> errors.DiagramTooLargeError:
    """Make the error for too many tables; it names those that most others refer to."""
    referred = Counter(target for entity in entities.values() for target in {*_targets(entity)})
    by_use = sorted(entities.values(), key=lambda entity: -referred[entity.table])  # stable: else by name
    msg = f"{len(entities):,} tables are more than Mermaid draws, even without their columns"
    classes = [entity.mappers[0].class_.__name__ for entity in by_use if entity.mappers][:_SUGGESTED]
    if not classes:
        fix = "give a list of classes, lns.view([A, B]), or a MetaData that holds some of the tables"
        return errors.DiagramTooLargeError(msg, fix=fix)
    chosen = f"lns.view([{', '.join(classes)}])"
    fix = f"give a list of classes, such as {chosen}, or one, which is drawn with those it is related to: lns.view({classes[0]})"
    return errors.DiagramTooLargeError(msg, fix=fix)


def _write(entities: dict[sa.Table, _Entity], *, columns: _Columns) -> str:
    lines = ["erDiagram"]
    links = {each.table for each in entities.values() if each.is_link and all(t in entities for t in _targets(each))}
    is_named = columns != "relations"
    related = set() if is_named else _related(entities)  # whose lines name them
    for entity in entities.values():
        if entity.table not in links and entity.table not in related:
            lines += [f"    {_quoted(entity.name)} {{", *_columns(entity, which=columns), "    }"]
    edges = [
        f'{edge} : "{_comment(label) if is_named else ""}"'
        for entity in entities.values()
        for edge, label in (_link(entity, entities) if entity.table in links else _references(entity, entities))
    ]
    return "\n".join([*lines, *(f"    {edge}" for edge in sorted(edges if is_named else set(edges)))])


def _related(entities: dict[sa.Table, _Entity]) -> set[sa.Table]:
    pairs = [(table, target) for table in entities for target in _targets(entities[table]) if target in entities]
    return {table for pair in pairs for table in pair}


def _targets(entity: _Entity) -> list[sa.Table]:
    """Return the tables it points to, in the order of its columns: a link is read from the first."""
    columns = [*entity.table.columns]
    keys = sorted(entity.table.foreign_key_constraints, key=lambda key: columns.index(key.columns[0]))
    return [key.referred_table for key in keys]


def _columns(entity: _Entity, *, which: _Columns) -> Iterator[str]:
    if which not in ("all", "keys"):
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


def _references(entity: _Entity, entities: dict[sa.Table, _Entity]) -> Iterator[tuple[str, str]]:
    """Draw each foreign key as a line from the table it points to, with its label."""
    sets = [{*key.columns} for key in _unique(entity.table)] + [{*entity.table.primary_key.columns}]
    for key in entity.table.foreign_key_constraints:
        target = entities.get(key.referred_table)
        if target is None:
            continue
        one = "|o" if any(column.nullable for column in key.columns) else "||"
        many = "o|" if any(each and each <= {*key.columns} for each in sets) else "o{"
        yield f"{_quoted(target.name)} {one}--{many} {_quoted(entity.name)}", _label(entity, key)


def _label(entity: _Entity, key: sa.ForeignKeyConstraint) -> str:
    """Name a foreign key by its relationship, if there is one."""
    for mapper in entity.mappers:
        for relationship in mapper.relationships:
            if relationship.direction is orm.MANYTOONE and relationship.local_columns == {*key.columns}:
                return relationship.key
        if mapper.inherits is not None and mapper.inherits.local_table is key.referred_table:
            return "is a"
    return ", ".join(key.column_keys)


def _link(entity: _Entity, entities: dict[sa.Table, _Entity]) -> Iterator[tuple[str, str]]:
    """Draw a table that only links two others as one line between them, with its label."""
    here, there = (entities[table] for table in _targets(entity))
    for one, other in ((here, there), (there, here)):
        for mapper in one.mappers:
            for relationship in mapper.relationships:
                if relationship.secondary is entity.table and not relationship.viewonly:
                    yield f"{_quoted(one.name)} }}o--o{{ {_quoted(other.name)}", relationship.key
                    return
    yield f"{_quoted(here.name)} }}o--o{{ {_quoted(there.name)}", entity.name


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
