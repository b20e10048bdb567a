"""The newest rows of each table of the registry that has any."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter import schema
from ln_jupyter.db.session import OrmSession, current_block
from ln_jupyter.display import html, table

if TYPE_CHECKING:
    from ln_jupyter.display.table import TableView

_FIRST = (schema.Notebook, schema.Pipeline, schema.Run, schema.File)
_TIMES = ("created_at", "seen_at", "started_at")
_LARGE = (sa.LargeBinary, sa.JSON)  # and of no use in a cell
_MOST = 7  # columns
_BOOKKEEPING = ("revision", "created_by_id")


@dataclass(frozen=True)
class RegistryView:
    """What a registry holds, as text and as HTML."""

    tables: tuple[TableView, ...]

    def __repr__(self) -> str:
        """Show each table under its name."""
        return "\n\n".join(map(table.text, self.tables)) or "the registry is empty"

    def _repr_html_(self) -> str:
        """Show each table under its name."""
        return table.framed(*self.tables) if self.tables else html.framed("the registry is empty")


def view(n: int = 10) -> RegistryView:
    """Show the newest *n* rows of each table of the registry that has any.

    In a block (`with ln.Session():`, ``%%ln_session``) it shows what was added there, too.

    Args:
        n: How many rows of each.

    Example:
        >>> import ln_jupyter as ln
        >>> registry = ln.view(n=3)
    """
    block = current_block()
    if block is not None:
        return _view(block.orm, n)
    with OrmSession() as session:
        return _view(session, n)


def _view(session: OrmSession, n: int) -> RegistryView:
    others: list[Any] = sorted((each.class_ for each in schema.Base.registry.mappers), key=lambda model: model.__name__)
    models: list[Any] = list(dict.fromkeys([*_FIRST, *others]))
    # one statement, and so one moment
    counts = sa.select(*(sa.select(sa.func.count()).select_from(each).scalar_subquery() for each in models))
    counted = session.execute(counts, bind_arguments={"mapper": sa.inspect(schema.Run)}).one()
    return RegistryView(
        tuple(_table(session, model, n, count) for model, count in zip(models, counted, strict=True) if count)
    )


def _table(session: OrmSession, model: Any, n: int, count: int) -> TableView:
    """Read the newest rows, of the columns that fit a cell, and keep those that any row fills."""
    attributes = sa.inspect(model).column_attrs
    names = [a.key for a in attributes if not isinstance(a.columns[0].type, _LARGE) and a.key not in _BOOKKEEPING]
    time = next(name for name in _TIMES if name in names)
    names = [*(name for name in names if name != time), time]
    newest = sa.select(*(getattr(model, name) for name in names)).order_by(getattr(model, time).desc()).limit(n)
    rows = session.execute(newest).all()
    filled = [i for i in range(len(names)) if any(row[i] is not None for row in rows)]
    shown = filled if len(filled) <= _MOST else [*filled[: _MOST - 1], filled[-1]]  # the last is the time
    seen = table.of_rows(
        model.__name__, [names[i] for i in shown], [[row[i] for i in shown] for row in rows], count=count
    )
    return replace(seen, order="newest")
