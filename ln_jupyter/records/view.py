"""The newest rows of each table of the registry that has any."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter import errors, sanitize, schema
from ln_jupyter.display import html, table
from ln_jupyter.display.registry import facts, runs
from ln_jupyter.orm.current import current_block
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.schema.types import Json

if TYPE_CHECKING:
    from ln_jupyter.display.table import TableView

_OWNERS = {
    schema.ExecutedCell: schema.ExecutedCell.run,
    schema.NotebookPath: schema.NotebookPath.notebook,
    schema.RunFile: schema.RunFile.run,
    schema.RunTag: schema.RunTag.run,
    schema.RunText: schema.RunText.run,
}
_LOOKED_AT = 100  # of these, for the newest of what has no index by time
_FIRST = (schema.Notebook, schema.Pipeline, schema.Run, schema.File)
_TIMES = ("created_at", "seen_at", "started_at")
_LARGE = (sa.LargeBinary, Json)  # and of no use in a cell
_MOST = 7  # columns
_COUNTED = 10_000  # rows
_LONGEST = 60  # characters of what is no number
_OF_A_RUN = (
    *("id", "name", "path", "notebook_v", "results", "reason", "outcome"),
    *("started_at", "heard_at", "finished_at", "busy_seconds", "alive_seconds"),
)
_BOOKKEEPING = ("revision", "created_by_id", "published_by_id")


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
    It takes the same time however many rows there are: up to 10,000 are counted.

    Args:
        n: How many rows of each.

    Raises:
        InvalidValueError: If *n* is no whole number from 1 on.

    Example:
        >>> import ln_jupyter as ln
        >>> registry = ln.view(n=3)
    """
    given: object = n
    if not isinstance(given, int) or given < 1:
        what = f"the class {given.__name__}" if isinstance(given, type) else sanitize.shortened(repr(given), _LONGEST)
        msg = f"view() shows the newest n rows of each table, and n is {what}"
        raise errors.InvalidValueError(msg, fix="ln.view(n=10); of one class: ln.select(Model).df()")
    block = current_block()
    if block is not None:
        return _view(block.orm, n)
    with OrmSession() as session:
        return _view(session, n)


def _view(session: OrmSession, n: int) -> RegistryView:
    others: list[Any] = sorted((each.class_ for each in schema.Base.registry.mappers), key=lambda model: model.__name__)
    others.remove(schema.Text)  # which no cell can hold
    models: list[Any] = list(dict.fromkeys([*_FIRST, *others]))
    # one statement, and so one moment; no more are counted, as that reads them all
    some = [sa.select(sa.literal_column("1")).select_from(each).limit(_COUNTED + 1).subquery() for each in models]
    counts = sa.select(*(sa.select(sa.func.count()).select_from(each).scalar_subquery() for each in some))
    counted = session.execute(counts, bind_arguments={"mapper": sa.inspect(schema.Run)}).one()
    return RegistryView(
        tuple(_table(session, model, n, count) for model, count in zip(models, counted, strict=True) if count)
    )


def _table(session: OrmSession, model: Any, n: int, count: int) -> TableView:
    """Read the newest rows, of the columns that fit a cell, and keep those that any row fills."""
    if model is schema.Run:
        return _runs(session, n, count)
    attributes = sa.inspect(model).column_attrs
    names = [a.key for a in attributes if not isinstance(a.columns[0].type, _LARGE) and a.key not in _BOOKKEEPING]
    time = next((name for name in _TIMES if name in names), None)
    if time is not None:
        names = [*(name for name in names if name != time), time]
    chosen = sa.select(*(getattr(model, name) for name in names)).limit(n)
    rows = session.execute(_newest(chosen, model, time)).all()
    order = "newest"
    if not rows:  # the newest owners have none
        rows, order = session.execute(chosen).all(), "first"
    filled = [i for i in range(len(names)) if any(row[i] is not None for row in rows)]
    shown = filled if len(filled) <= _MOST else [*filled[: _MOST - 1], filled[-1]]  # the last is the time
    seen = table.of_rows(
        model.__name__, [names[i] for i in shown], [[row[i] for i in shown] for row in rows], count=min(count, _COUNTED)
    )
    return replace(seen, order=order, has_more=count > _COUNTED)


def _runs(session: OrmSession, n: int, count: int) -> TableView:
    """Read of the newest runs what a list of runs shows."""
    columns = [getattr(schema.Run, name) for name in _OF_A_RUN]
    chosen = sa.select(*columns, schema.Notebook.title, schema.User.handle).select_from(schema.Run).limit(n)
    chosen = chosen.outerjoin(schema.Run.notebook).outerjoin(schema.Run.created_by)
    rows = session.execute(_newest(chosen, schema.Run, "created_at")).mappings().all()
    seen = runs.of_facts([facts.with_state(dict(each)) for each in rows], count=min(count, _COUNTED))
    return replace(seen, order="newest", has_more=count > _COUNTED)


def _newest(chosen: sa.Select[Any], model: Any, time: str | None) -> sa.Select[Any]:
    """Order by time, by an index: what has none of its own, by that of the newest it belongs to."""
    if model in _OWNERS:
        owner = _OWNERS[model].property.mapper.class_
        newest = sa.select(owner).order_by(owner.created_at.desc()).limit(_LOOKED_AT)
        its_owner = orm.aliased(owner, newest.subquery())
        chosen = chosen.join(_OWNERS[model].of_type(its_owner))
        if time is None:
            return chosen.order_by(its_owner.created_at.desc())
    assert time is not None  # noqa: S101 - what has no time has an owner
    return chosen.order_by(getattr(model, time).desc())
