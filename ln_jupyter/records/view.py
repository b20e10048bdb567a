"""The newest rows of each table that has any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from tabulate import tabulate

from ln_jupyter import schema
from ln_jupyter.db.session import OrmSession, current_block

_WIDTH, _COLUMNS = 32, 6


@dataclass(frozen=True)
class TableView:
    """The newest rows of one table.

    Attributes:
        name: The class.
        count: How many rows there are.
        columns: The first of those that any of the shown rows fills, and when each was made.
        rows: Newest first, as text.
    """

    name: str
    count: int
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def title(self) -> str:
        """Name and count."""
        shown = f", newest {len(self.rows)} shown" if len(self.rows) < self.count else ""
        return f"{self.name} · {self.count:,} row{'s' if self.count != 1 else ''}{shown}"


@dataclass(frozen=True)
class RegistryView:
    """What a registry holds, as text and as HTML."""

    tables: tuple[TableView, ...]

    def __repr__(self) -> str:
        """Show each table under its name."""
        if not self.tables:
            return "the registry is empty"
        return "\n\n".join(f"{t.title}\n{tabulate(t.rows, t.columns, disable_numparse=True)}" for t in self.tables)

    def _repr_html_(self) -> str:
        """Show each table under its name; tabulate escapes every value."""
        if not self.tables:
            return "<p>the registry is empty</p>"
        return "".join(
            f"<p><b>{t.title}</b></p>{tabulate(t.rows, t.columns, tablefmt='html', disable_numparse=True)}"
            for t in self.tables
        )


def view(n: int = 10) -> RegistryView:
    """Show the newest *n* rows of each table of the registry that has any.

    Example:
        >>> import ln_jupyter as ln
        >>> registry = ln.view(n=3)
    """
    models = (schema.Notebook, schema.Pipeline, schema.Run, schema.File, schema.User)
    block = current_block()
    if block is not None:
        return RegistryView(tuple(filter(None, (_table(block.orm, model, n) for model in models))))
    with OrmSession() as session:
        return RegistryView(tuple(filter(None, (_table(session, model, n) for model in models))))


def _table(session: OrmSession, model: Any, n: int) -> TableView | None:
    count = session.scalar(sa.select(sa.func.count()).select_from(model), bind_arguments={"mapper": sa.inspect(model)})
    if not count:
        return None
    names = [a.key for a in sa.inspect(model).column_attrs if a.key not in ("revision", "created_by_id")]
    columns = [getattr(model, name) for name in names]
    rows = session.execute(sa.select(*columns).order_by(model.created_at.desc()).limit(n)).all()
    filled = [i for i in range(len(names)) if any(row[i] is not None for row in rows)]
    filled = [*filled[:_COLUMNS], *filled[-1:]] if len(filled) > _COLUMNS + 1 else filled  # the last is the time
    return TableView(
        model.__name__,
        count,
        tuple(names[i] for i in filled),
        tuple(tuple(_cell(row[i]) for i in filled) for row in rows),
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "astimezone") else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
