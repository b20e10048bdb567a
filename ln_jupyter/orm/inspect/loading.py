"""Relationships and columns of a record, loaded in place without attaching it to a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Load, RelationshipDirection, RelationshipProperty, object_session, with_parent
from sqlalchemy.orm.attributes import instance_state, set_committed_value
from sqlalchemy.orm.collections import collection_adapter

from ln_jupyter.errors import ForeignSessionError, NothingGivenError, NotMappedError, UnloadableError
from ln_jupyter.orm.inspect.columns import is_settled
from ln_jupyter.orm.inspect.naming import name as name_of
from ln_jupyter.orm.inspect.paths import head_of, keys_of, options, property_of
from ln_jupyter.orm.inspect.record import state_of
from ln_jupyter.orm.inspect.relationships import local_keys, pending_changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import InstanceState, Mapper, MapperProperty, Session

__all__ = ["load", "options"]

T = TypeVar("T")

_BATCH = 500  # rows asked for in one statement, as SQLAlchemy's selectinload does


def load(record: T, *names: str, session: Session) -> T:
    """Load relationships and columns of a record in place.

    The record is not attached to the session. What it holds in memory already, saved or not,
    stays as it is and costs no SQL. A path costs one statement, and one more for every
    collection on it, however many records these hold.

    Args:
        record: A saved record, detached or attached to *session*.
        names: Relationships, columns, or paths such as ``"inputs.source"``.
        session: What to load through; the related records belong to it.

    Returns:
        The record.

    Raises:
        NotMappedError: *record* is not an instance of a mapped class.
        NothingGivenError: No names were given.
        UnknownFieldError: A class on the way has no such relationship or column.
        UnloadableError: The record was never saved, its row is gone, or a relationship is
            write-only or dynamic.
        ForeignSessionError: The record is attached to another session.

    Example:
        >>> from sqlalchemy import create_engine
        >>> from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
        >>> class Base(DeclarativeBase): ...
        >>> class Sample(Base):
        ...     __tablename__ = "sample"
        ...     id: Mapped[int] = mapped_column(primary_key=True)
        ...     text: Mapped[str] = mapped_column(deferred=True)
        >>> engine = create_engine("sqlite://")
        >>> Base.metadata.create_all(engine)
        >>> with Session(engine) as session:
        ...     session.add(Sample(id=1, text="long"))
        ...     session.commit()
        ...     sample = session.get(Sample, 1)
        >>> with Session(engine) as session:
        ...     load(sample, "text", session=session).text
        'long'
        >>> engine.dispose()
    """
    state = state_of(record)
    if state is None:
        message = f"{type(record).__name__!r} object is not an instance of a mapped class"
        raise NotMappedError(message, fix="give a record, such as ln.select(lns.Run).first()")
    what = type(record).__name__
    if not names:
        raise NothingGivenError(f"nothing was named to load of this {what}", fix='ln.load(record, "name")')
    options(type(record), names)  # a wrong name is an error also where the record holds all that goes before it
    if state.key is None:
        raise UnloadableError(f"this {what} was never saved, so there is nothing to load", fix="ln.add(record) first")
    if object_session(record) not in {None, session}:
        message = f"this {what} is attached to another open session"
        raise ForeignSessionError(message, fix="load it in its own session, or close that session first")
    _fetch([state], state.manager.mapper, names, session)
    return record


def _fetch(states: Sequence[InstanceState[Any]], mapper: Mapper[Any], paths: Sequence[str], session: Session) -> None:
    """Load *paths* of many records of one class in as many statements as for one record."""
    tails: dict[str, list[str]] = {}
    for path in paths:
        head, _, tail = path.partition(".")
        tails.setdefault(head, []).extend([tail] if tail else [])
    props = {head: property_of(mapper, head) for head in tails}
    for state in states:
        for prop in props.values():
            if isinstance(prop, RelationshipProperty) and _has_new_key(state, prop):
                _follow_new_key(state, prop, session)
    asked = [path for path in paths if not all(_holds(state, props[head_of(path)]) for state in states)]
    lacking = [state for state in states if not all(_holds(state, props[head_of(path)]) for path in asked)]
    _query(lacking, mapper, asked, session)
    for head, prop in props.items():
        if tails[head] and isinstance(prop, RelationshipProperty):
            related = [instance_state(each) for state in states for each in _related(state, prop)]
            saved = [each for each in dict.fromkeys(related) if each.key is not None]
            _fetch(saved, prop.mapper, tails[head], session)


def _query(states: Sequence[InstanceState[Any]], mapper: Mapper[Any], paths: Sequence[str], session: Session) -> None:
    """Read a twin of each record through the session, and give the record what it lacks of it.

    So SQLAlchemy's own loaders do the work for every kind of mapping, and a detached record
    never meets the session.
    """
    entity = mapper.class_
    keys = [getattr(entity, mapper.get_property_by_column(column).key) for column in mapper.primary_key]
    only = [Load(entity).lazyload("*"), Load(entity).load_only(*keys), *options(entity, paths)]
    props = [property_of(mapper, name) for name in dict.fromkeys(map(head_of, paths))]
    for start in range(0, len(states), _BATCH):
        batch = states[start : start + _BATCH]
        identities = [state.identity for state in batch if state.identity is not None]
        among = tuple_(*keys).in_(identities) if len(keys) > 1 else keys[0].in_([value for (value,) in identities])
        asked = select(entity).where(among).options(*only)
        # as a lazy load flushes, and unloads nothing else, also in a session whose selects do otherwise
        asked = asked.execution_options(autoflush=True, populate_existing=False)
        found = session.scalars(asked).unique().all()
        twins = {state.key: state for state in map(instance_state, found)}
        for state in batch:
            if state.key not in twins:
                message = f"the row of {name_of(state.obj())} is gone"
                raise UnloadableError(message, fix=f"select it again: ln.select({entity.__name__}, ...).first()")
            _copy(twins[state.key], state, props)


def _copy(twin: InstanceState[Any], state: InstanceState[Any], props: Sequence[MapperProperty[Any]]) -> None:
    """Return a record what it lacks; an attached record is its own twin, and has it."""
    for prop in props:
        for key in keys_of(prop):
            if is_settled(state, key) or key not in twin.dict:
                continue
            value = twin.dict[key]
            if isinstance(prop, RelationshipProperty) and prop.uselist:
                value = _without_removed(state, prop, _related(twin, prop))
            set_committed_value(state.obj(), key, value)


def _without_removed(state: InstanceState[Any], prop: RelationshipProperty[Any], members: Sequence[Any]) -> list[Any]:
    """Put the very objects that were removed from the unloaded collection in the place of their twins.

    SQLAlchemy takes them out again by identity, and remembers them as removed.
    """
    _, removed = pending_changes(state, prop)
    keys = {instance_state(each).key for each in removed}
    return [*(each for each in members if instance_state(each).key not in keys), *removed]


def _has_new_key(state: InstanceState[Any], prop: RelationshipProperty[Any]) -> bool:
    """Tell whether the foreign key was changed in memory, so that the row's own does not say what is related."""
    changed = any(key in state.committed_state for key in local_keys(state.manager.mapper, prop).values())
    return changed and prop.direction is RelationshipDirection.MANYTOONE and not is_settled(state, prop.key)


def _follow_new_key(state: InstanceState[Any], prop: RelationshipProperty[Any], session: Session) -> None:
    record, mapper = state.obj(), state.manager.mapper
    keys = list(local_keys(mapper, prop).values())
    if not all(is_settled(state, key) for key in keys):
        _query([state], mapper, keys, session)
    related = None
    if None not in map(state.dict.get, keys):  # SQLAlchemy warns of with_parent() with a None in the key
        entity = prop.entity.entity
        matching = with_parent(record, getattr(type(record), prop.key))
        related = session.scalars(select(entity).where(matching)).first()
    set_committed_value(record, prop.key, related)


def _holds(state: InstanceState[Any], prop: MapperProperty[Any]) -> bool:
    return all(is_settled(state, key) for key in keys_of(prop))


def _related(state: InstanceState[Any], prop: RelationshipProperty[Any]) -> list[Any]:
    value = state.dict.get(prop.key)
    if value is None:
        return []
    return list(collection_adapter(value)) if prop.uselist else [value]
