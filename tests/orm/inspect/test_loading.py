import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter.errors import (
    ForeignSessionError,
    NothingGivenError,
    NotMappedError,
    UnknownFieldError,
    UnloadableError,
)
from ln_jupyter.orm.inspect.loading import load, options
from ln_jupyter.orm.inspect.record import Status, describe
from tests.orm.inspect import models as m
from tests.orm.inspect.scenarios import World, world_of


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    with closing(m.make_database()) as connection:
        yield connection


@pytest.fixture
def world(database: sqlite3.Connection) -> Iterator[World]:
    with world_of(database) as world:
        yield world


def read(world: World, record: Any, *names: str) -> Any:
    """Load names of a record through a session that is closed at once, and give the last of them."""
    world.statements.clear()
    with orm.Session(world.engine) as session:
        load(record, *names, session=session)
        assert record not in session
    return getattr(record, names[-1].partition(".")[0])


RELATIONSHIPS = [
    (m.Study, "full", "protocol", "p"),
    (m.Study, "full", "lead", 1),
    (m.Study, "full", "owner", 1),
    (m.Study, "full", "inputs", [1, 2, 3]),
    (m.Study, "full", "placed", [2, 3, 1]),
    (m.Study, "full", "outputs", [9, 8]),
    (m.Study, "empty", "protocol", None),
    (m.Study, "empty", "owner", None),
    (m.Study, "empty", "inputs", []),
    (m.Study, "partial", "protocol", None),
    (m.Sample, 8, "source", "full"),
    (m.Sample, 1, "targets", ["full"]),
    (m.Protocol, ("p", "1"), "studies", ["full"]),
    (m.Kit, 1, "box", 1),
    (m.Kit, 1, "raising", [1, 2]),
    (m.Kit, 1, "raising_on_sql", 1),
    (m.Kit, 1, "never", [1, 2]),
    (m.Kit, 1, "selected", [1, 2]),
    (m.Kit, 1, "joined", 1),
    (m.Kit, 1, "immediate", 1),
    (m.Kit, 1, "viewed", [1, 2]),
    (m.Kit, 1, "by_name", {"red 1": 1, "blue 2": 2}),
    (m.Kit, 1, "unordered", {1, 2}),
    (m.Kit, 1, "steps", [2, 1]),
    (m.Kit, 1, "lid", 1),
    (m.Kit, 2, "lid", None),
    (m.Kit, 1, "red_tags", [1]),
    (m.Box, 1, "same_name", [1]),
    (m.Lid, 1, "kit", 1),
    (m.Staff, 1, "boss", None),
    (m.Staff, 1, "reports", [2]),
    (m.Staff, 2, "boss", 1),
    (m.Manager, 1, "desks", [1]),
    (m.Manager, 1, "reports", [2]),
    (m.Desk, 1, "manager", 1),
    (m.Hen, 1, "egg", 1),
    (m.Egg, 1, "hen", 1),
    (m.Folder, 1, "files", [1, 2]),
    (m.File, 1, "folder", 1),
    (m.Trap, 1, "springs", [1]),
    (m.Spring, 1, "trap", 1),
    (m.Plate, 1, "wells", [1, 2]),
    (m.Well, 1, "plate", 1),
    (m.Team, 1, "heroes", [1]),
    (m.Hero, 1, "team", 1),
    (m.Shelf, 1, "book_collection", [1]),
    (m.Book, 1, "shelf", 1),
]


def ids(related: Any) -> Any:
    """Replace records by their ids."""
    if isinstance(related, dict):
        return {key: each.id for key, each in related.items()}
    if isinstance(related, set):
        return {each.id for each in related}
    if isinstance(related, list):
        return [each.id for each in list.__iter__(related)]
    return None if related is None else related.id


@pytest.mark.parametrize("expired", [False, True], ids=["fresh", "expired"])
@pytest.mark.parametrize("relationship", RELATIONSHIPS, ids=[f"{m.__name__}.{n}-{k}" for m, k, n, _ in RELATIONSHIPS])
def test_every_relationship_loads(world: World, relationship: tuple[type, Any, str, Any], *, expired: bool):
    """A relationship of any kind loads into a detached record, and is readable after the session is closed."""
    model, key, name, expected = relationship
    with orm.Session(world.engine) as session:
        record = session.get(model, key)
        if expired:
            session.expire(record)
    if not expired:
        orm.attributes.instance_dict(record).pop(name, None)

    related = read(world, record, name)

    assert expected == ids(related)
    assert not sa.inspect(record).modified


def test_other_attributes_stay(world: World):
    """Only what was named is loaded: all else is as it was, in memory or not."""
    kit = world.detached(m.Kit, 1)
    before = describe(kit).attributes

    read(world, kit, "tags", "late")

    after = describe(kit).attributes
    assert {"tags", "late"} == {key for key in after if after[key].status != before[key].status}
    assert all(before[key].value is after[key].value for key in after if key not in {"tags", "late"})


def test_unsaved_changes_stay(world: World):
    """Changes that were not saved survive, and are still to be saved."""
    study = world.detached(m.Study, "full")
    study.title = "other"
    del study.lead_id

    read(world, study, "title", "lead_id", "inputs", "protocol")

    assert "other" == study.title
    assert {"title", "lead_id"} == set(sa.inspect(study).committed_state)


def test_loaded_names_cost_nothing(world: World):
    """A name that is in memory already is not read again."""
    study = world.detached(m.Study, "full", "inputs")
    inputs = study.inputs

    read(world, study, "inputs", "title")

    assert study.inputs is inputs
    assert [] == world.statements


@pytest.mark.parametrize("name", ["late", "guarded", "group_1", "name_length"])
def test_columns_load(world: World, name: str):
    """Deferred and expired columns and expressions load by the primary key, also where reading them raises."""
    with orm.Session(world.engine) as session:
        kit = session.get(m.Kit, 1)
        session.expire(kit)

    value = read(world, kit, name)

    assert {"late": "late", "guarded": "guarded", "group_1": "g1", "name_length": 3}[name] == value
    assert 1 == len(world.statements)


def test_only_the_named_columns_load(world: World):
    """A deferred column does not bring its group along."""
    kit = world.detached(m.Kit, 1)

    read(world, kit, "group_1")

    assert "group_2" not in vars(kit)


def test_composite_loads_its_columns(world: World):
    """A composite can be read once its columns are loaded."""
    kit = world.detached(m.Kit, 1, options=[orm.defer(m.Kit.x)])

    with orm.Session(world.engine) as session:
        load(kit, "point", session=session)

    assert Status.COMPUTED is describe(kit).attributes["point"].status
    assert m.Point(1, 2) == kit.point


def test_synonym_loads_its_column(world: World):
    """A synonym is another name for the same column."""
    kit = world.detached(m.Kit, 1, options=[orm.defer(m.Kit.name)])

    assert "kit" == read(world, kit, "label")


def test_subclass_columns_load(world: World):
    """A record that was read by its base class can load the columns of its own."""
    with orm.Session(world.engine) as session:
        boss = session.scalars(sa.select(m.Staff).where(m.Staff.id == 1)).one()

    assert 5 == read(world, boss, "budget")


def test_query_options_do_not_keep_it_from_loading(world: World):
    """What a query forbade to load on the record can be loaded on purpose."""
    study = world.detached(m.Study, "full", options=[orm.raiseload("*"), orm.defer(m.Study.title, raiseload=True)])

    read(world, study, "protocol", "inputs", "title")

    assert ("Wash", 3, "Solve") == (study.protocol.name, len(study.inputs), study.title)


def add_studies(world: World, number: int) -> None:
    """Make *number* samples with a source, which all go into the study "empty"."""
    with orm.Session(world.engine) as session:
        study = session.get(m.Study, "empty")
        for each in range(100, 100 + number):
            study.inputs.append(m.Sample(id=each, source=m.Study(id=f"s{each}", protocol_id="p", protocol_v="1")))
        session.commit()


@pytest.mark.parametrize("path", ["inputs.source.protocol", "inputs.targets", "inputs.source.outputs"])
def test_path_is_a_constant_number_of_statements(world: World, path: str):
    """A path over a collection costs the same number of statements for 2 records as for 20."""
    costs = []
    for number in (2, 20):
        with world_of(world.engine.raw_connection().driver_connection) as another:
            add_studies(another, number)
            study = another.detached(m.Study, "empty")
            read(another, study, path)
            costs.append(len(another.statements))

    assert costs[0] == costs[1] <= 3


def test_path_goes_on_from_what_is_loaded(world: World):
    """The records of a collection in memory are kept, and only what lies behind them is read, in one statement."""
    add_studies(world, 20)
    study = world.detached(m.Study, "empty", "inputs")
    inputs = list(study.inputs)

    read(world, study, "inputs.source")

    assert inputs == study.inputs
    assert [f"s{each.id}" for each in inputs] == [each.source.id for each in inputs]
    assert 1 == len(world.statements)


def test_large_collection_is_read_in_batches(world: World):
    """More records than a statement should name are read in several."""
    add_studies(world, 600)
    study = world.detached(m.Study, "empty", "inputs")

    read(world, study, "inputs.source")

    assert all(each.source is not None for each in study.inputs)
    assert 2 == len(world.statements)


def test_path_over_composite_keys(world: World):
    """Records with composite keys in memory load what lies behind them together."""
    study = world.detached(m.Study, "full", "protocol")

    read(world, study, "protocol.studies", "protocol.text")

    assert ("with water", ["full"]) == (study.protocol.text, ids(study.protocol.studies))


def test_path_over_unsaved_records(world: World):
    """Records on the way that were never saved have nothing to load, and are passed by."""
    study = world.detached(m.Study, "full", "inputs")
    new = m.Sample(name="new")
    study.inputs.append(new)

    read(world, study, "inputs.source")

    assert new is study.inputs[-1]


def test_path_over_nothing(world: World):
    """A path ends where there is no related record."""
    study = world.detached(m.Study, "empty")

    assert read(world, study, "protocol.studies") is None


def test_attached_record_loads_in_place(world: World):
    """A record of the session itself loads, stays in it and keeps its unsaved changes."""
    session = world.session()
    kit = session.get(m.Kit, 1)
    kit.name = "other"

    load(kit, "raising", "box", "guarded", session=session)

    assert ([1, 2], 1, "guarded", "other") == (ids(kit.raising), kit.box.id, kit.guarded, kit.name)
    assert kit in session


def test_expired_attached_record_loads_in_place(world: World):
    """An expired record of the session loads what was named; the rest still loads when read."""
    session = world.session()
    study = session.get(m.Study, "full")
    session.commit()

    load(study, "inputs", "protocol", session=session)

    assert ([1, 2, 3], "p", "Solve") == (ids(study.inputs), study.protocol.id, study.title)


def test_copy_in_the_session_is_left_alone(world: World):
    """If the session has its own copy of the row, that copy keeps its changes, and the record stays outside."""
    study = world.detached(m.Study, "full")
    session = world.session(autoflush=False)
    copy = session.get(m.Study, "full")
    copy.title = "other"

    load(study, "inputs", session=session)

    assert ("other", "Solve", [1, 2, 3]) == (copy.title, study.title, ids(study.inputs))
    assert study not in session


@pytest.mark.parametrize(("key", "expected"), [(("q", "1"), "q"), ((None, None), None), (("no", "1"), None)])
def test_changed_key_is_followed(world: World, key: tuple[str | None, str | None], expected: str | None):
    """A foreign key that was changed and not saved decides, as it does for a lazy load."""
    with orm.Session(world.engine) as session:
        session.add(m.Protocol(id="q", name="other"))
        session.commit()
    study = world.detached(m.Study, "full")
    study.protocol_id, study.protocol_v = key

    assert expected == ids(read(world, study, "protocol.text"))


def test_changed_key_is_completed(world: World):
    """If only half of a changed foreign key is in memory, the row gives the other half."""
    with orm.Session(world.engine) as session:
        session.add(m.Protocol(id="q", v="1", name="other"))
        session.commit()
    study = world.detached(m.Study, "full", options=[orm.defer(m.Study.protocol_v)])
    study.protocol_id = "q"

    assert "other" == read(world, study, "protocol").name


def test_unsaved_members_stay(world: World):
    """What was added to or removed from an unloaded collection stays so, and stays to be saved."""
    with orm.Session(world.engine) as session:
        study, sample = session.get(m.Study, "full"), session.get(m.Sample, 8)
        _ = sample.source
    sample.source = None
    new = m.Sample(id=77, source=study)

    outputs = read(world, study, "outputs")

    assert [9, 77] == ids(outputs)
    history = sa.inspect(study).attrs.outputs.history
    assert ([new], [sample]) == (list(history.added), list(history.deleted))


def test_nothing_else_is_read(world: World):
    """The statement asks for the key and for what was named, not for the rest of the row."""
    kit = world.detached(m.Kit, 1)

    read(world, kit, "group_1")

    (statement,) = world.statements
    assert statement.startswith("SELECT kit.id")
    assert "kit.name" not in statement


@pytest.mark.parametrize("changed", [False, True], ids=["same key", "changed key"])
def test_target_that_loads_more_eagerly(world: World, *, changed: bool):
    """A related record may itself be mapped to join a collection."""

    class Base(orm.DeclarativeBase): ...

    class House(Base):
        __tablename__ = "house"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        windows: orm.Mapped[list["Window"]] = orm.relationship(lazy="joined")

    class Window(Base):
        __tablename__ = "window"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        house_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("house.id"))

    class Door(Base):
        __tablename__ = "door"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        house_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("house.id"))
        house: orm.Mapped[House] = orm.relationship()

    Base.metadata.create_all(world.engine)
    with orm.Session(world.engine) as session:
        session.add(Door(id=1, house=House(id=1, windows=[Window(id=1), Window(id=2)])))
        session.add(House(id=2, windows=[Window(id=3), Window(id=4)]))
        session.commit()
    door = world.detached(Door)
    if changed:
        door.house_id = 2

    assert ([3, 4] if changed else [1, 2]) == ids(read(world, door, "house").windows)


def test_not_mapped(world: World):
    """Loading of something that is no record says what to give."""
    with pytest.raises(NotMappedError, match="'dict' object is not") as caught:
        load({}, "name", session=world.session())

    assert "ln.select" in caught.value.fix


def test_nothing_named(world: World):
    """Loading nothing is a mistake."""
    with pytest.raises(NothingGivenError) as caught:
        load(world.detached(m.Kit), session=world.session())

    assert 'ln.load(record, "name")' == caught.value.fix


@pytest.mark.parametrize("attached", [False, True], ids=["transient", "pending"])
def test_never_saved(world: World, *, attached: bool):
    """A record that was never saved has nothing to load."""
    session = world.session()
    kit = m.Kit(name="new")
    if attached:
        session.add(kit)

    with pytest.raises(UnloadableError, match="was never saved") as caught:
        load(kit, "tags", session=session)

    assert "ln.add(record) first" == caught.value.fix


@pytest.mark.parametrize("name", ["tags", "late"])
def test_row_gone(world: World, name: str):
    """A record whose row was deleted meanwhile says so, and is left as it was."""
    kit = world.detached(m.Kit, 2)
    with orm.Session(world.engine) as session:
        session.execute(sa.delete(m.Kit).where(m.Kit.id == 2))
        session.commit()

    with pytest.raises(UnloadableError, match=r"the row of Kit\(id=2.*\) is gone") as caught:
        read(world, kit, name)

    assert "select it again: ln.select(Kit, ...).first()" == caught.value.fix
    assert name not in vars(kit)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("written", "in a session: session.scalars(kit.written.select()).all()"),
        ("asked_for", "in a session: kit.asked_for.all()"),
    ],
)
def test_handles_are_not_loaded(world: World, name: str, fix: str):
    """Write-only and dynamic relationships are never loaded whole; the error shows how to ask them."""
    with pytest.raises(UnloadableError, match=name) as caught:
        load(world.detached(m.Kit), name, session=world.session())

    assert fix == caught.value.fix


@pytest.mark.parametrize(
    ("path", "message", "fix"),
    [
        ("protocl", "Study has no relationship or column 'protocl'", "did you mean 'protocol'"),
        ("inputs.sourc", "Sample has no relationship or column 'sourc'", "did you mean 'source'"),
        ("title.length", "Study.title is a column", "end the path at 'title'"),
        ("inputs.name.length", "Sample.name is a column", "end the path at 'name'"),
    ],
)
def test_unknown_name(world: World, path: str, message: str, fix: str):
    """A name that a class on the way does not have is told with the nearest, also if all before it is in memory."""
    with pytest.raises(UnknownFieldError, match=message) as caught:
        load(world.detached(m.Study, "full", "inputs"), path, session=world.session())

    assert caught.value.fix.startswith(fix)


def test_record_of_another_session(world: World):
    """A record that is attached elsewhere is not given records of this session."""
    kit = world.get(m.Kit)

    with pytest.raises(ForeignSessionError) as caught:
        load(kit, "tags", session=world.session())

    assert "load it in its own session" in caught.value.fix


def test_options_load_with_the_statement(world: World):
    """Options join the relationships to one record, and take one statement more for each collection."""
    statement = sa.select(m.Study).where(m.Study.id == "full")
    with orm.Session(world.engine) as session:
        study = session.scalars(statement.options(*options(m.Study, ["protocol.text", "inputs.source"]))).one()

    assert ("with water", None) == (study.protocol.text, study.inputs[0].source)
    assert 2 == len(world.statements)


def test_options_of_an_alias(world: World):
    """A statement may select an alias of the class."""
    other = orm.aliased(m.Study)
    with orm.Session(world.engine) as session:
        study = session.scalars(sa.select(other).where(other.id == "full").options(*options(other, ["lead"]))).one()

    assert "ann" == study.lead.handle


@pytest.mark.parametrize(("path", "error"), [("protocl", UnknownFieldError), ("written", UnloadableError)])
def test_options_refuse_what_load_refuses(path: str, error: type[Exception]):
    """A wrong name is an error when the statement is written."""
    with pytest.raises(error):
        options(m.Kit, [path])
