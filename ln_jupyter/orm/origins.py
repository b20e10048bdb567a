"""Which database a record came from, and what nobody can know of it."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.orm.attributes import instance_state, set_committed_value

from ln_jupyter import errors, schema
from ln_jupyter.db import engines, error_translation
from ln_jupyter.orm.inspect import naming
from ln_jupyter.registry import check

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import InstanceState

T = TypeVar("T")

_ORIGIN = "ln_origin"


# -- where a record came from ----------------------------------------------------------------------------------


def note(states: Iterable[InstanceState[Any]], engine: sa.Engine, *, of_registry: bool) -> None:
    """Remember which engine holds the rows of records: of those of `ln_jupyter.schema`, or of the user's."""
    is_any = False
    for state in states:
        if issubclass(state.class_, schema.Base) is of_registry:
            state.__dict__[_ORIGIN] = engine  # a weak dictionary would cost six times as much of a select
            is_any = True
    if is_any and not of_registry:
        _use(engine)


def engine_of(record: object) -> sa.Engine | None:
    """Return the engine that holds the row of a detached record, whoever chose it; None if it is new, or nobody knows.

    Raises:
        ForeignSessionError: If it was pickled, and nothing in this process leads to its database.
    """
    state = instance_state(record)
    if state.key is None:
        return None
    found: sa.Engine | None = state.__dict__.get(_ORIGIN)
    if found is None and (pickled := _pickled(state)) is not None:
        name, identity = pickled
        found = engines.find(identity)
        if found is None:
            msg = f"{naming.name(record)} was read from {name}, and nothing in this process leads there"
            fix = "name an engine that does: with ln.Session(engine): ln.add(record), or ln.load(record, ...)"
            raise errors.ForeignSessionError(msg, fix=fix)
        state.__dict__[_ORIGIN] = found
    return found


def refuse_to_guess(record: object, engine: sa.Engine, usual: sa.Engine) -> None:
    """Let a record of which nobody knows where it came from be of the *engine*, if that is the only one it can be of.

    Args:
        record: One that is in a database, and that a session of SQLAlchemy's own has read, or a pickle has brought.
        engine: Where its class leads.
        usual: Where the user's classes lead.

    Raises:
        UnknownOriginError: If this process uses other databases, or the record is of a shard.
    """
    others, token = _others(type(record), engine, usual), _token(record)
    if not others and token is None:
        return
    read = "was not read by a session of ln_jupyter"
    if token is not None:
        why = f"{read}, and is of the shard {token!r}"
    else:
        why = f"{read}, and this process uses {error_translation.describe(engine.url)} and {' and '.join(others)}"
    fix = "say where its row is: with ln.Session(engine): ln.add(record), or ln.load(record, ...)"
    raise errors.UnknownOriginError(f"{naming.name(record)} {why}", fix=fix)


def is_ambiguous(model: type, record: object | None, usual: sa.Engine | None) -> bool:
    """Return whether `refuse_to_guess` would refuse a record, as far as can be told without asking a database.

    Args:
        model: Its class.
        record: The record; None if it is gone.
        usual: Where its class leads; None if that was not decided yet.
    """
    return bool(_others(model, usual, engines.connected())) or (record is not None and _token(record) is not None)


def _token(record: object) -> Any:
    """Return what tells the record's database from others that have the same keys, such as its shard; None without it."""
    key = instance_state(record).key
    return None if key is None else key[2]


# -- pickles ---------------------------------------------------------------------------------------------------


def _pickled(state: InstanceState[Any]) -> tuple[str, str] | None:
    """Return the name and the identity of the database that a pickle says."""
    said = state.__dict__.get("info", {}).get(_ORIGIN)
    return said if isinstance(said, tuple) and [str, str] == list(map(type, said)) else None


@event.listens_for(orm.Mapper, "pickle", raw=True)
def _pickle(state: InstanceState[Any], pickled: dict[str, Any]) -> None:
    """Let a pickle say where its record came from: in words that hold no secret, and that open nothing.

    It does so in the record's `info`, which SQLAlchemy restores also where this package is not imported.
    """
    found = state.__dict__.get(_ORIGIN) if state.session is None else _of_session(state)
    if state.key is not None and found is not None:
        said = (error_translation.describe(found.url), engines.identity(found))
        pickled["info"] = {**pickled.get("info", {}), _ORIGIN: said}


def _of_session(state: InstanceState[Any]) -> sa.Engine | None:
    """Return the engine that holds the row of an attached record, if its session can say so and send nothing."""
    session: Any = state.session
    if hasattr(session, "kept_in"):
        found: sa.Engine | None = session.kept_in(state.class_)
        return found
    bind = session.bind  # and not get_bind(), which somebody may have written
    return None if bind is None or state.key is None or state.key[2] is not None else bind.engine


# -- which databases there are ---------------------------------------------------------------------------------

_used: dict[str, tuple[str, weakref.ref[sa.Pool] | None]] = {}
"""The databases that users' records are read from, by identity: the name, and the pool that one in memory ends with."""

_seen: weakref.WeakSet[sa.Engine] = weakref.WeakSet()


def _use(engine: sa.Engine) -> None:
    if engine in _seen:
        return
    _seen.add(engine)
    engines.meet(engine)
    pool = weakref.ref(engine.pool) if engines.is_private(engine) else None
    _used[engines.identity(engine)] = (error_translation.describe(engine.url), pool)


def _others(model: type, engine: sa.Engine | None, usual: sa.Engine | None) -> list[str]:
    """Name the databases beside the *engine* that a record of the class may have come from."""
    _use_what_was_there_before()
    used = dict(_used)  # other threads use more meanwhile
    if any(pool is not None and pool() is not getattr(engine, "pool", None) for _, pool in used.values()):
        gc.collect()  # an engine refers to itself, and nobody may use it any more
    names = {identity: name for identity, (name, pool) in used.items() if pool is None or pool() is not None}
    if issubclass(model, schema.Base):
        if usual is not None:
            names.pop(engines.identity(usual), None)
        names |= {engines.identity(each): error_translation.describe(each.url) for each in list(check.known())}
    if engine is not None:
        names.pop(engines.identity(engine), None)
    return sorted(set(names.values()))


_is_looked_for = False


def _use_what_was_there_before() -> None:
    """Find the engines of sessions that began before this module was imported; once, for it looks at every object."""
    global _is_looked_for  # noqa: PLW0603 - once for each process
    if not _is_looked_for:
        _is_looked_for = True
        for each in gc.get_objects():
            # the version is known once there was a connection
            was_used = type(each) is sa.Engine and getattr(each.dialect, "server_version_info", None)
            if was_used and not engines.is_ours(each):
                _use(each)


def forget() -> None:
    """Know no database any more, and look for none, as a test needs that is not the first of its process."""
    global _is_looked_for  # noqa: PLW0603 - as above
    _is_looked_for = True
    _used.clear()
    _seen.clear()


@event.listens_for(orm.Session, "after_begin")
def _note_use(session: orm.Session, _transaction: object, connection: sa.Connection) -> None:
    """Know which databases the sessions of others use: their records do not say where they came from."""
    if not hasattr(session, "kept_in"):
        _use(connection.engine)


def detached_record(model: type[T], row: Mapping[str, Any], *, origin: sa.Engine) -> T:
    """Make a record of a row that was read or written without its class, as if a session had read it and been closed.

    Args:
        model: Its class; each attribute has the name of its column.
        row: Every column.
        origin: The engine it came from.
    """
    made: T = orm.class_mapper(model).class_manager.new_instance()
    for name, value in row.items():
        set_committed_value(made, name, value)
    orm.make_transient_to_detached(made)
    note([instance_state(made)], origin, of_registry=issubclass(model, schema.Base))
    return made
