"""What each kind of object is shown as; imported when the first of them is displayed, for its cost."""

from __future__ import annotations

import functools
import sys
import weakref
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import orm
from sqlalchemy.engine import RowMapping

from ln_jupyter.db import internals
from ln_jupyter.display import card, html, line, record, records, sessions, statements, table, values
from ln_jupyter.display import text as texts
from ln_jupyter.display.card import Card
from ln_jupyter.display.options import Place
from ln_jupyter.display.registry import cards, cells, runs
from ln_jupyter.display.table import TableView
from ln_jupyter.ipython import names, places
from ln_jupyter.orm import routing
from ln_jupyter.orm.inspect.record import state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import sqlalchemy as sa

    from ln_jupyter.display.options import Options
    from ln_jupyter.records.session import Session
    from ln_jupyter.records.statement import Stmt

View: TypeAlias = TableView | Card


class Views:
    """What objects are shown as; of records, text and HTML are written of one view, made once for both."""

    def __init__(self) -> None:
        self._last: tuple[list[object], int, View | None] | None = None

    def text(self, obj: Any, kind: str, options: Callable[[], Options]) -> str | None:
        """Write an object as lines of text; nothing for a collection of records that are no table.

        Args:
            obj: The object.
            kind: Which of the kinds below it is.
            options: Gives how much to show.
        """
        how = options()
        seen = _KINDS[kind](obj, how)
        self._last = (_marks(obj, kind, how.rows), how.rows, seen) if kind in {"record", "members"} else None
        match seen:
            case TableView() as view:
                return table.text(view)
            case Card() as view:
                return texts.render(view)
            case None:
                return None if kind == "members" else repr(obj)

    def markup(self, obj: Any, kind: str, options: Callable[[], Options]) -> str | None:
        """Write an object as HTML, if there is something to show; as `text`, which comes before."""
        last, self._last = self._last, None
        is_seen = last is not None and last[0] == _marks(obj, kind, last[1])
        match last[2] if last is not None and is_seen else _KINDS[kind](obj, options()):
            case TableView() as view:
                return table.render(view)
            case Card() as view:
                return html.render(view)
            case None:
                return None


def _marks(obj: Any, kind: str, rows: int) -> list[object]:
    """Tell records from others, and from what they were before; holds and compares nothing of the user's."""
    if kind not in {"record", "members"}:
        return [object()]
    if kind == "record":
        return [_mark(obj)]
    return [len(obj), *map(_mark, islice(obj.values() if isinstance(obj, dict) else obj, rows))]


def _mark(record: object) -> object:
    state = state_of(record)
    if state is None:
        return object()  # equals no other
    held = [(name, id(value)) for name, value in state.dict.items()]
    return weakref.ref(state), state.session_id, id(state.key), state.modified, len(state.expired_attributes), held


def naming(
    obj: Any, kind: str, options: Options, namespace: Mapping[str, Any], last: Callable[[], str | None] = lambda: None
) -> Options:
    """Let what is shown of records name them, and where their rows are, as the notebook does.

    Args:
        obj: A record, or a collection of records.
        kind: Which of the two, ``record`` or ``members``.
        options: How much to show.
        namespace: The notebook's variables.
        last: Says how it can be written where no variable holds it, if it can.
    """
    package = names.variable_of(sys.modules["ln_jupyter"], namespace)
    options = replace(options, package=package or names.unused("ln", namespace), is_imported=package is not None)
    if kind == "members":
        variable = names.unused("found", namespace)  # what is selected may be more than the list holds
        members = list(islice(obj.values() if isinstance(obj, dict) else obj, options.rows))
        model = records.common_class(members)
        if model is None:
            return options
        written = names.class_in(namespace, model) or ""
        return replace(options, variable=variable, model=written, place=_place_of(members[0], namespace))
    variable = names.variable_of(obj, namespace) or last() or ""
    return replace(options, variable=variable, place=_place_of(obj, namespace))


def _place_of(obj: object, namespace: Mapping[str, Any]) -> Place:
    state = state_of(obj)
    if state is not None and state.session is None and state.key is not None:
        return places.find(obj, state.class_, functools.partial(names.variables_of_type, namespace))
    if state is None or state.session is None or (state.async_session is None and state.session.is_active):
        return Place()  # nothing has to be typed that names it
    return Place(session=_name_of(state.async_session or state.session, namespace))


def _name_of(session: object, namespace: Mapping[str, Any]) -> str:
    """Name SQLAlchemy's session, or the one of ours around it."""
    if not isinstance(session, orm.Session):
        return names.variable_of(session, namespace) or ""
    ours = sys.modules.get("ln_jupyter.records.session")
    around = [] if ours is None else names.variables_of_type(namespace, ours.Session)
    is_around = (name for name, each in around if not each.is_closed and each.orm is session)
    return names.variable_of(session, namespace) or next(is_around, "")


def in_one_line(obj: Any, options: Options) -> str:
    """Write a record or a row as it stands inside a collection."""
    if is_row(type(obj)):
        pairs = zip(row_keys(obj), row_values(obj), strict=True)
        shown = [values.key({key: value}, options=options) for key, value in pairs]
        return f"({', '.join(shown)}{',' if len(shown) == 1 else ''})"
    return repr(obj) if state_of(obj) is None else line.to_text(obj, options=options)


def _record(obj: object, options: Options) -> View | None:
    """See a record; not an instance of a mapped class whose ``__init__`` did not run."""
    if state_of(obj) is None:
        return None
    return cards.view(obj, options=options) if _is_ours(obj) else record.view(obj, options=options)


def _is_ours(obj: object) -> bool:
    return type(obj).__module__ == "ln_jupyter.schema.models"


def _members(obj: Collection[Any], options: Options) -> View | None:
    """Make a table of records, or of rows, of one kind, looking at as many as are shown."""
    members = list(islice(obj.values() if isinstance(obj, dict) else obj, options.rows))
    if not is_row(type(members[0])):
        kinds = {type(each).__name__ if _is_ours(each) else "" for each in members}
        of_records = _LISTS.get(kinds.pop(), records.of_records) if len(kinds) == 1 else records.of_records
        return of_records(members, count=len(obj), options=options)
    keys = row_keys(members[0])
    if not all(is_row(type(each)) and row_keys(each) == keys for each in members):
        return None
    return table.of_rows("row", keys, [*map(row_values, members)], count=len(obj), options=options)


_LISTS = {"Run": runs.of_records, "ExecutedCell": cells.of_records}


def _row(obj: Any, options: Options) -> View:
    return table.of_rows("row", row_keys(obj), [row_values(obj)], count=1, options=options)


def _statement(obj: Any, _options: Options) -> View:
    return statements.of_statement(obj)


def _query(obj: Any, _options: Options) -> View:
    return statements.of_query(obj)


def _stmt(obj: Stmt[Any], _options: Options) -> View:
    hint = ".all() .first() .one() .count() .df() run it"
    return statements.of_statement(obj.select, title=f"select {obj._names()}", hint=hint)  # noqa: SLF001 - users need no such method


def _session(obj: orm.Session, _options: Options) -> View:
    return sessions.to_card(obj, engine=_usual(obj))


def _usual(session: orm.Session) -> sa.Engine | None:
    """Return the engine of one of our sessions, which has no single bind."""
    route = getattr(session, "route", None)
    return route.usual if isinstance(route, routing.Route) else None


def _ln_session(obj: Session, _options: Options) -> View:
    profile = getattr(obj, "profile", None)
    facts = () if profile is None else (("profile", repr(profile).partition("\n")[0]),)
    if obj.is_closed:
        return card.of_facts("Session", "closed", facts, hint="ss = ln.Session()")
    view = sessions.to_card(obj.orm, title="Session", engine=_usual(obj.orm))
    return view._replace(rows=(*view.rows, *card.of_facts("", facts=facts).rows))


_KINDS: dict[str, Callable[[Any, Options], View | None]] = {
    "record": _record,
    "members": _members,
    "row": _row,
    "statement": _statement,
    "query": _query,
    "stmt": _stmt,
    "result": lambda obj, options: statements.of_result(obj, options=options),
    "session": _session,
    "ln_session": _ln_session,
    "async_session": lambda obj, _options: sessions.of_async(obj),
    "maker": lambda obj, _options: sessions.of_maker(obj),
    "scoped": lambda obj, _options: sessions.of_scoped(obj),
}


def is_row(kind: type) -> bool:
    """Tell whether a class is that of a statement's rows."""
    return kind.__module__ == "sqlalchemy.engine.row"


def row_keys(row: Any) -> tuple[str, ...]:
    """Return the names of a row's columns, of which several may have the same."""
    return internals.keys_of_row(row)


def row_values(row: Any) -> tuple[Any, ...]:
    """Return a row's values, which are in memory."""
    return tuple(row.values() if isinstance(row, RowMapping) else row)
