"""Every private name of SQLAlchemy's ORM that is needed, with its reason; `tests/orm/test_internals.py` holds them to it.

All are there in SQLAlchemy 2.0 and 2.1. Those of its core are in `db/internals.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import sqlalchemy as sa
    from sqlalchemy import orm
    from sqlalchemy.orm import ColumnProperty, InstanceState, RelationshipProperty


def loads_by_key(relationship: RelationshipProperty[Any]) -> bool:
    """Return whether a lazy load asks the session by primary key before it sends anything.

    `_use_get`: true for a plain many-to-one to the target's primary key. The lazy loader compares the compiled
    join conditions, and only it knows.
    """
    return bool(relationship._use_get)


def pending_changes(state: InstanceState[Any], key: str) -> tuple[list[Any], list[Any]]:
    """Return what was added to, and removed from, a collection that is not in memory.

    `_pending_mutations`: the public history of the attribute would load the collection.
    """
    queue = vars(state).get("_pending_mutations", {}).get(key)
    return ([], []) if queue is None else (list(queue.added_items), list(queue.deleted_items))


def default_of(column: ColumnProperty[Any]) -> Any:
    """Return what reading a column gives where a record of a dataclass holds nothing; None if it gives nothing.

    `_default_scalar_value`: since SQLAlchemy 2.1 the default of such a field is neither in the record nor in the
    dataclass, and a column's own default is not given before it is saved.
    """
    return getattr(column, "_default_scalar_value", None)


def set_modified(state: InstanceState[Any], key: str, previous: Any) -> None:
    """Let an attribute count as changed from its *previous* value, without any event.

    `_modified_event`: to set it would add the record to the other side of a relationship, and `flag_modified`
    forgets the value before.
    """
    state._modified_event(state.dict, state.manager[key].impl, previous)


def note_first_changes(session: orm.Session, note: Callable[[InstanceState[Any]], object]) -> None:
    """Have a function told of each record of a session when it is changed first.

    `_modified`: where a record's state puts itself then; events of attributes are of a class, in all sessions.
    """

    class _Noting(set["InstanceState[Any]"]):
        def add(self, state: InstanceState[Any]) -> None:
            if state not in self:
                note(state)
            super().add(state)

    session.identity_map._modified = _Noting(session.identity_map._modified)


def refreshed_state(execution: orm.ORMExecuteState) -> InstanceState[Any]:
    """Return the state of the record whose columns a select loads; `_refresh_state` is the only place that says it."""
    options: Any = execution.load_options
    found: InstanceState[Any] = options._refresh_state
    return found


def is_asked_refresh(execution: orm.ORMExecuteState) -> bool:
    """Return whether that select was asked for, by `Session.refresh`; `_is_user_refresh` is what it sets."""
    options: Any = execution.load_options
    return bool(options._is_user_refresh)


def refreshed_columns(execution: orm.ORMExecuteState) -> Collection[str]:
    """Return the names of the attributes that it loads; `_only_load_props` of its compile options alone has them."""
    options: Any = execution._orm_compile_options()
    return options._only_load_props or ()


def flushes(execution: orm.ORMExecuteState) -> bool:
    """Return whether a select flushes before it is sent, where its session does; `_autoflush` of its load options."""
    options: Any = execution.load_options
    return bool(options._autoflush)


def locks_rows(statement: Any) -> bool:
    """Return whether it is a SELECT ... FOR UPDATE; `_for_update_arg` is all that ``with_for_update()`` leaves."""
    try:
        return statement._for_update_arg is not None
    except AttributeError:  # of text
        return False


def joins(statement: sa.Select[Any]) -> bool:
    """Return whether something was joined; `_setup_joins` is where ``join()`` puts it."""
    return bool(statement._setup_joins)


def options_of(statement: Any) -> Sequence[Any]:
    """Return the options of a statement, such as ``selectinload()``; `_with_options` is where ``options()`` puts them."""
    try:
        options: Sequence[Any] = statement._with_options
    except AttributeError:  # of text
        return ()
    return options


def spreads_records(statement: Any) -> bool:
    """Return whether a record takes several rows, as with ``contains_eager(Run.inputs)``: a limit would cut it.

    `context` of an option, and what it holds. Of ``joinedload`` a limit would not: SQLAlchemy limits the rows before
    it joins them.
    """
    options = options_of(statement)
    return bool(options) and any(
        "eager_from_alias" in element.local_opts and any(getattr(each, "uselist", False) for each in element.path.path)
        for option in options
        for element in getattr(option, "context", ())
    )


def columns_set_by(statement: Any) -> set[Any]:
    """Return the columns that an UPDATE sets; `_values` is where ``values()`` puts them."""
    return set(getattr(statement, "_values", None) or ())


def repeats_records(result: sa.Result[Any]) -> bool:
    """Return whether a result gives a record once for each row of a joined collection, until it is told not to.

    `_unique_filter_state`: the ORM sets it to something that raises on reading.
    """
    return result._unique_filter_state is not None


def is_closed_for_good(session: Any) -> bool:
    """Return whether a session was closed that is not to be used again; `_close_state` is all that says so."""
    return getattr(getattr(session, "_close_state", None), "name", "") == "CLOSED"
