"""`select()`: where every statement begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

import sqlalchemy as sa

from ln_jupyter.records import mapping
from ln_jupyter.records.statement import Stmt

if TYPE_CHECKING:
    from ln_jupyter.records.statement import Reader

T = TypeVar("T")


@overload
def select(entity: type[T], /, **fields: object) -> Stmt[T]: ...
@overload
def select(entity: Any, /, *entities: Any, **fields: object) -> Stmt[Any]: ...
def select(entity: Any, /, *entities: Any, **fields: object) -> Stmt[Any]:
    """Select records; nothing runs until it is asked.

    Args:
        entity: A mapped class, yours or one of `ln_jupyter.schema`; or a column.
        entities: More of them; a row is then a tuple.
        fields: Attributes of the first and the values they equal.

    Raises:
        NotMappedError: If the entity is nothing SQLAlchemy can select.
        UnknownFieldError: If a field is none of the entity's; it names the near miss.
        InvalidValueError: If a value is none that its field could equal.

    Example:
        >>> import ln_jupyter as ln, ln_jupyter.schema as lns
        >>> run = ln.select(lns.Run, name="Solve Problem X").first()
    """
    return statement(None, entity, *entities, **fields)


def statement(reader: Reader | None, /, *entities: Any, **fields: object) -> Stmt[Any]:
    """Make the statement of `select`, for one reader or for whoever is there when it runs."""
    named = mapping.criteria(entities[0], fields) if fields else ()  # which looks at the first itself
    for entity in entities[1:] if fields else entities:
        mapping.check_selectable(entity, sa.inspect(entity, raiseerr=False))
    chosen = sa.select(*entities)
    if fields:
        chosen = chosen.where(*named)
    made: Stmt[Any] = Stmt(chosen, entities, reader=reader)  # not Stmt[Any](...), which takes three times as long
    return made
