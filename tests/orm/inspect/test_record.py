import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from ln_jupyter.errors import NotMappedError
from ln_jupyter.orm.inspect.record import Cost, Kind, ObjectState, SessionState, Status, describe, state_of
from tests.orm.inspect import models as m
from tests.orm.inspect.scenarios import SCENARIOS, World, world_of

# Where memory cannot say what reading will do: the scenario, the attributes, and why.
EXCEPTIONS = [
    ("kit_committed", {"raising_on_sql"}, "refreshing the expired key also joins the target into the session"),
    ("kit_without_box_committed", {"raising_on_sql"}, "the expired key turns out to be NULL"),
    ("session_without_engine", {"inputs", "lead", "outputs", "owner", "placed", "protocol"}, "asking runs its code"),
]


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    with closing(m.make_database()) as connection:
        yield connection


@pytest.fixture
def world(database: sqlite3.Connection) -> Iterator[World]:
    with world_of(database) as world:
        yield world


def fingerprint(record: object, world: World) -> dict[str, Any]:
    """Take down everything that looking at a record could change."""
    state = sa.inspect(record)
    session = state.session
    return {
        "values": {key: id(value) for key, value in state.dict.items()},
        "committed": {key: id(value) for key, value in state.committed_state.items()},
        "expired": (state.expired, set(state.expired_attributes)),
        "callables": set(state.callables),
        "modified": state.modified,
        "state": {key: repr(value) for key, value in vars(state).items() if key != "obj"},
        "statements": len(world.statements),
        "happened": list(world.happened),
        "session": session
        and (
            session.in_transaction(),
            session.is_active,
            [id(each) for each in session.identity_map.values()],
            len(session.new),
            len(session.dirty),
            len(session.deleted),
        ),
    }


def cost_of_reading(record: object, key: str, world: World) -> Cost:
    """Read an attribute and say what that did."""
    world.statements.clear()
    try:
        getattr(record, key)
    except sa.exc.SQLAlchemyError:
        return Cost.RAISES
    return Cost.SQL if world.statements else Cost.FREE


@pytest.mark.parametrize("name", SCENARIOS)
def test_predicted_cost_is_real(name: str, database: sqlite3.Connection):
    """What describe() says of an attribute's cost is what reading it really does."""
    with world_of(database) as world:
        attributes = describe(SCENARIOS[name](world)).attributes
    predicted = {key: seen.cost for key, seen in attributes.items() if seen.cost is not Cost.UNKNOWN}

    actual = {}
    with world_of(database) as world:  # what is free changes nothing: one record will do
        record = SCENARIOS[name](world)
        for key, cost in predicted.items():
            if cost is Cost.FREE:
                actual[key] = cost_of_reading(record, key, world)
    for key in predicted.keys() - actual.keys():
        with world_of(database) as world:
            actual[key] = cost_of_reading(SCENARIOS[name](world), key, world)

    wrong = {key for key in predicted if predicted[key] != actual[key]}
    assert {key for scenario, keys, _ in EXCEPTIONS if scenario == name for key in keys} == wrong, [
        (attributes[key], actual[key]) for key in wrong
    ]


STATUSES = [
    ("study_open", "protocol", Status.NOT_LOADED, Cost.SQL),
    ("study_open", "title", Status.LOADED, Cost.FREE),
    ("study_committed", "protocol", Status.EXPIRED, Cost.SQL),
    ("study_committed", "title", Status.EXPIRED, Cost.SQL),
    ("study_detached", "protocol", Status.NOT_LOADED, Cost.RAISES),
    ("study_without_keys_open", "protocol", Status.NULL, Cost.FREE),
    ("study_without_keys_open", "owner", Status.NOT_LOADED, Cost.SQL),
    ("study_without_keys_detached", "protocol", Status.NOT_LOADED, Cost.RAISES),
    ("study_with_half_a_key_open", "protocol", Status.NOT_LOADED, Cost.SQL),
    ("target_in_session", "protocol", Status.CACHED, Cost.FREE),
    ("target_in_session_expired", "protocol", Status.NOT_LOADED, Cost.SQL),
    ("target_in_session_and_relationship_expired", "protocol", Status.CACHED, Cost.FREE),
    ("target_of_subclass_in_session", "manager", Status.CACHED, Cost.FREE),
    ("transient_study", "protocol", Status.UNSET, Cost.FREE),
    ("pending_study", "title", Status.LOADED, Cost.FREE),
    ("flushed_study", "lead_id", Status.UNSET, Cost.FREE),
    ("column_deleted", "title", Status.UNSET, Cost.FREE),
    ("deferred_column_deleted", "late", Status.UNSET, Cost.FREE),
    ("relationship_deleted", "protocol", Status.UNSET, Cost.FREE),
    ("kit_open", "late", Status.DEFERRED, Cost.SQL),
    ("kit_detached", "late", Status.DEFERRED, Cost.RAISES),
    ("kit_open", "guarded", Status.RAISE, Cost.RAISES),
    ("kit_open", "raising", Status.RAISE, Cost.RAISES),
    ("kit_open", "raising_on_sql", Status.CACHED, Cost.FREE),
    ("kit_open", "written", Status.WRITE_ONLY, Cost.FREE),
    ("kit_open", "asked_for", Status.DYNAMIC, Cost.FREE),
    ("flushed_kit", "never", Status.NOLOAD, Cost.FREE),
    ("kit_open", "shout", Status.COMPUTED, Cost.UNKNOWN),
    ("kit_open", "tag_names", Status.COMPUTED, Cost.UNKNOWN),
    ("kit_open", "label", Status.LOADED, Cost.FREE),
    ("kit_open", "point", Status.LOADED, Cost.FREE),
    ("asked_defer_part_of_composite", "point", Status.DEFERRED, Cost.SQL),
    ("transient_kit", "point", Status.UNSET, Cost.FREE),
    ("kit_committed", "asked", Status.UNSET, Cost.FREE),
    ("asked_by_base_class", "budget", Status.NOT_LOADED, Cost.SQL),
    ("asked_raiseload", "inputs", Status.RAISE, Cost.RAISES),
    ("asked_load_only_raising", "created_at", Status.RAISE, Cost.RAISES),
    ("session_failed", "inputs", Status.EXPIRED, Cost.RAISES),
    ("session_async", "inputs", Status.NOT_LOADED, Cost.RAISES),
]


@pytest.mark.parametrize(("name", "key", "status", "cost"), STATUSES, ids=[f"{n}-{key}" for n, key, *_ in STATUSES])
def test_status(world: World, name: str, key: str, status: Status, cost: Cost):
    """Each way not to be in memory has its own status, and its cost says whether it can be had from here."""
    seen = describe(SCENARIOS[name](world)).attributes[key]

    assert (status, cost) == (seen.status, seen.cost)


@pytest.mark.parametrize(
    ("name", "state", "session"),
    [
        ("transient_study", ObjectState.TRANSIENT, SessionState.NONE),
        ("pending_study", ObjectState.PENDING, SessionState.OPEN),
        ("study_open", ObjectState.PERSISTENT, SessionState.OPEN),
        ("study_detached", ObjectState.DETACHED, SessionState.NONE),
        ("session_collected", ObjectState.DETACHED, SessionState.NONE),
        ("deleted_and_flushed", ObjectState.DELETED, SessionState.OPEN),
        ("deleted_and_committed", ObjectState.DETACHED, SessionState.NONE),
        ("session_failed", ObjectState.PERSISTENT, SessionState.INACTIVE),
        ("session_async", ObjectState.PERSISTENT, SessionState.ASYNC),
    ],
)
def test_record_state(world: World, name: str, state: ObjectState, session: SessionState):
    """A record's own state and its session's are told apart."""
    seen = describe(SCENARIOS[name](world))

    assert (state, session) == (seen.state, seen.session)


def test_deletion(world: World):
    """A record that the next flush deletes is marked; one whose row was deleted says so."""
    marked, deleted = (describe(SCENARIOS[name](world)) for name in ("marked_deleted", "deleted_and_committed"))

    assert (True, False) == (marked.marked_deleted, marked.was_deleted)
    assert (False, True) == (deleted.marked_deleted, deleted.was_deleted)


def test_whole_record(world: World):
    """A record tells its class, its key, and whether it is expired or changed."""
    fresh, expired, changed = (describe(SCENARIOS[name](world)) for name in ("book_open", "book_committed", "modified"))

    assert ("book", (1,), False, False) == (fresh.class_name, fresh.identity, fresh.expired, fresh.modified)
    assert expired.expired
    assert changed.modified
    assert changed.attributes["title"].modified


def test_kinds(world: World):
    """Every kind of attribute is named, and what only the mapper knows is left out."""
    kinds = {key: seen.kind for key, seen in describe(world.get(m.Kit)).attributes.items()}

    assert {
        "name": Kind.COLUMN,
        "name_length": Kind.EXPRESSION,
        "point": Kind.COMPOSITE,
        "tags": Kind.RELATIONSHIP,
        "shout": Kind.HYBRID,
        "tag_names": Kind.PROXY,
        "label": Kind.SYNONYM,
    }.items() <= kinds.items()
    assert {"id", "sides"} == set(describe(world.get(m.Square)).attributes)


def test_relationship_details(world: World):
    """A relationship tells its target, its foreign key as far as it is known, and how much it holds."""
    study = world.detached(m.Study, "full", "inputs", options=[orm.defer(m.Study.protocol_v)])

    seen = describe(study).attributes

    assert ("Protocol", False, {"protocol_id": "p"}) == (
        seen["protocol"].target,
        seen["protocol"].many,
        seen["protocol"].foreign_key,
    )
    assert ("Sample", True, 3, None) == (
        seen["inputs"].target,
        seen["inputs"].many,
        seen["inputs"].count,
        seen["inputs"].foreign_key,
    )


@pytest.mark.parametrize(("key", "count"), [("tags", 2), ("by_name", 2), ("unordered", 2), ("steps", 2), ("lid", None)])
def test_count(world: World, key: str, count: int | None):
    """Loaded collections of every kind are counted; a single record is not."""
    assert count == describe(SCENARIOS["everything_loaded"](world)).attributes[key].count


def test_count_calls_no_foreign_code(world: World):
    """A collection class with its own len() is counted without it."""
    assert 1 == describe(SCENARIOS["trap_loaded"](world)).attributes["springs"].count


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("appended_by_backref", "outputs"),
        ("appended_by_backref_detached", "outputs"),
        ("added_through_handles", "written"),
        ("added_through_handles", "asked_for"),
    ],
)
def test_pending(world: World, name: str, key: str):
    """What was added to a collection that is not in memory is counted."""
    seen = describe(SCENARIOS[name](world)).attributes[key]

    assert ((1, 0), None) == (seen.pending, seen.value)


def test_column_details(world: World):
    """A column tells whether it is part of the key, its group, and what the model says of it."""
    kit, person = (describe(each).attributes for each in (world.get(m.Kit), world.get(m.Person)))

    assert (True, False) == (kit["id"].primary_key, kit["name"].primary_key)
    assert "group 'g'" == kit["group_1"].note
    assert {"sensitive": True} == person["password"].info


class Elusive:
    """Answers to every name."""

    def __getattr__(self, name: str) -> object:
        raise m.Touched


@pytest.mark.parametrize(
    "thing",
    [None, 1, {}, m.Kit, m.Point(1, 2), m.Kit.__new__(m.Kit), Elusive()],
    ids=["None", "number", "dict", "class", "dataclass", "not initialised", "elusive"],
)
def test_nothing_mapped(thing: object):
    """What is no mapped instance, or one whose __init__ did not run, has no state; asking runs none of its code."""
    assert state_of(thing) is None


def test_unmapped_subclass(world: World):
    """An instance of a subclass that nobody mapped is not taken for a record."""

    class Loose(m.Plate): ...

    assert state_of(Loose("plate")) is None


def test_not_mapped():
    """Describing something that is no record says what to give."""
    with pytest.raises(NotMappedError, match="'dict' object is not an instance of a mapped class") as caught:
        describe({})

    assert "give an instance of a class that SQLAlchemy maps" in caught.value.fix


def test_a_hybrid_in_parts_is_one_attribute() -> None:
    """What `hybrid_property.inplace` defines beside a property is not an attribute of its own."""

    class Base(orm.DeclarativeBase):
        pass

    class Sample(Base):
        __tablename__ = "sample"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)

        @hybrid_property
        def double(self) -> int:
            return 2 * self.id

        @double.inplace.expression
        @classmethod
        def _double(cls) -> sa.ColumnElement[int]:
            return 2 * cls.id

    assert ["id", "double"] == list(describe(Sample()).attributes)


def test_a_property_that_is_added_later_is_seen() -> None:
    """What the mapping says is found once for a class, and anew when it says something else."""

    class Base(orm.DeclarativeBase):
        pass

    class Sample(Base):
        __tablename__ = "sample"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)

    before = list(describe(Sample()).attributes)
    Sample.also_id = orm.column_property(Sample.__table__.c.id + 1)

    assert (["id"], ["id", "also_id"]) == (before, list(describe(Sample()).attributes))


def test_the_default_of_a_dataclass_is_its_value():
    """What a field of a dataclass is by default is seen before it is saved, as reading it gives it."""

    class DataBase(orm.MappedAsDataclass, orm.DeclarativeBase):
        """Of this model."""

    class Note(DataBase):
        __tablename__ = "note"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        is_kept: orm.Mapped[bool] = orm.mapped_column(default=False)
        size: orm.Mapped[int] = orm.mapped_column(init=False)

    attributes = describe(Note(1)).attributes

    assert (Status.LOADED, False) == (attributes["is_kept"].status, attributes["is_kept"].value)
    assert Status.UNSET is attributes["size"].status
