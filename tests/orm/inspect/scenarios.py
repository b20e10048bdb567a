"""Records in every state that a user can bring about, each made in a database of its own."""

import gc
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, orm, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from tests.orm.inspect import models as m


class World:
    """One scenario's database, its sessions, and a count of all that happens to them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.engine = m.engine_of(connection)
        self.statements: list[str] = []
        self.happened: list[str] = []
        self.kept: list[object] = []
        event.listen(self.engine, "before_cursor_execute", lambda *args: self.statements.append(args[2]))
        event.listen(self.engine, "begin", lambda *_: self.happened.append("begin"))
        event.listen(self.engine, "checkout", lambda *_: self.happened.append("checkout"))

    def session(self, **options: Any) -> Session:
        """Open a session that lives as long as this world."""
        session = Session(self.engine, **options)
        for name in ("before_flush", "do_orm_execute", "after_transaction_create"):
            event.listen(session, name, lambda *_, name=name: self.happened.append(name))
        self.kept.append(session)
        return session

    def get(self, model: type, key: Any = 1, **options: Any) -> Any:
        """Read a record in an open session."""
        return self.session(**options).get(model, key)

    def detached(self, model: type, key: Any = 1, *read: str, options: Any = ()) -> Any:
        """Read a record and some of its attributes, and close the session."""
        with Session(self.engine) as session:
            record = session.get(model, key, options=options)
            for name in read:
                getattr(record, name)
        return record

    def asked(self, model: type, *options: Any, key: Any = 1) -> Any:
        """Read a record by a statement with options, in an open session."""
        return self.session().scalars(select(model).where(model.id == key).options(*options)).one()  # type: ignore[attr-defined]

    def keep(self, record: object) -> None:
        """Hold a record in memory, as a variable of the user's would."""
        self.kept.append(record)


@contextmanager
def world_of(database: sqlite3.Connection) -> Iterator[World]:
    """Make a world from a copy of *database*, and clear it away."""
    connection = m.copy_database(database)
    world = World(connection)
    try:
        yield world
    finally:
        for each in world.kept:
            if isinstance(each, Session):
                each.close()
        world.engine.dispose()
        connection.close()


Scenario = Callable[[World], Any]
SCENARIOS: dict[str, Scenario] = {}


def scenario(make: Scenario) -> Scenario:
    SCENARIOS[make.__name__] = make
    return make


def _add_short(name: str, make: Scenario) -> None:
    SCENARIOS[name] = make


# Every kind of class, in the four states that matter most.
_EXAMPLES: dict[str, tuple[type, Any]] = {
    "study": (m.Study, "full"),
    "study_without_keys": (m.Study, "empty"),
    "study_with_half_a_key": (m.Study, "partial"),
    "sample": (m.Sample, 8),
    "kit": (m.Kit, 1),
    "kit_without_box": (m.Kit, 2),
    "box": (m.Box, 1),
    "lid": (m.Lid, 1),
    "manager": (m.Manager, 1),
    "intern": (m.Intern, 2),
    "desk": (m.Desk, 1),
    "square": (m.Square, 1),
    "hen": (m.Hen, 1),
    "folder": (m.Folder, 1),
    "file": (m.File, 1),
    "trap": (m.Trap, 1),
    "spring": (m.Spring, 1),
    "plate": (m.Plate, 1),
    "well": (m.Well, 1),
    "hero": (m.Hero, 1),
    "team": (m.Team, 1),
    "book": (m.Book, 1),
    "shelf": (m.Shelf, 1),
}


def _committed(world: World, model: type, key: Any) -> Any:
    session = world.session()
    record = session.get(model, key)
    session.commit()
    return record


for _name, (_model, _key) in _EXAMPLES.items():
    _add_short(f"{_name}_open", lambda world, model=_model, key=_key: world.get(model, key))
    _add_short(f"{_name}_detached", lambda world, model=_model, key=_key: world.detached(model, key))
    _add_short(f"{_name}_committed", lambda world, model=_model, key=_key: _committed(world, model, key))


# Never saved.
_add_short("transient_study", lambda _: m.Study(title="new"))
_add_short("transient_study_with_protocol", lambda _: m.Study(title="new", protocol=m.Protocol(name="p")))
_add_short("transient_kit", lambda _: m.Kit(name="new"))
_add_short("transient_folder", lambda _: m.Folder(name="new"))
_add_short("transient_hero", lambda _: m.Hero(name="new"))
_add_short("transient_hero_with_team", lambda _: m.Hero(name="new", team=m.Team(name="new")))
_add_short("transient_plate", lambda _: m.Plate("new"))


@scenario
def pending_study(world: World) -> m.Study:
    study = m.Study(id="new", title="new")
    world.session().add(study)
    return study


@scenario
def pending_study_with_keys(world: World) -> m.Study:
    study = m.Study(id="new", protocol_id="p", protocol_v="1", lead_id=1)
    world.session().add(study)
    return study


@scenario
def pending_kit(world: World) -> m.Kit:
    kit = m.Kit(name="new", point=m.Point(1, 1))
    world.session().add(kit)
    return kit


# Saved just now.
@scenario
def flushed_study(world: World) -> m.Study:
    session, study = world.session(), m.Study(id="new", protocol=m.Protocol(id="q", name="q"))
    session.add(study)
    session.flush()
    return study


@scenario
def flushed_kit(world: World) -> m.Kit:
    session, kit = world.session(), m.Kit(name="new", point=m.Point(1, 1))
    session.add(kit)
    session.flush()
    return kit


@scenario
def updated_kit(world: World) -> m.Kit:
    session = world.session()
    kit = session.get(m.Kit, 1)
    kit.name = "other"
    session.flush()
    return kit


@scenario
def added_and_detached_study(world: World) -> m.Study:
    with Session(world.engine, expire_on_commit=False) as session:
        study = m.Study(id="new", protocol=m.Protocol(id="q", name="q"))
        session.add(study)
        session.commit()
    return study


@scenario
def added_refreshed_and_detached_study(world: World) -> m.Study:
    with Session(world.engine, expire_on_commit=False) as session:
        study = m.Study(id="new", protocol=m.Protocol(id="q", name="q"))
        session.add(study)
        session.commit()
        session.refresh(study)
    return study


@scenario
def added_and_detached_kit(world: World) -> m.Kit:
    with Session(world.engine, expire_on_commit=False) as session:
        kit = m.Kit(name="new", point=m.Point(1, 1))
        session.add(kit)
        session.commit()
    return kit


# Detached in other ways.
_add_short("detached_with_some_read", lambda world: world.detached(m.Study, "full", "protocol", "inputs"))


@scenario
def detached_and_expired(world: World) -> m.Study:
    with Session(world.engine) as session:
        study = session.get(m.Study, "full")
        session.commit()
    return study


@scenario
def detached_and_expired_kit(world: World) -> m.Kit:
    with Session(world.engine) as session:
        kit = session.get(m.Kit, 1)
        session.commit()
    return kit


@scenario
def session_collected(world: World) -> m.Study:
    session = Session(world.engine)
    study = session.get(m.Study, "full")
    del session
    gc.collect()
    return study


@scenario
def expunged(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "full")
    session.expunge(study)
    return study


@scenario
def closed_for_good(world: World) -> m.Study:
    session = Session(world.engine, close_resets_only=False)
    study = session.get(m.Study, "full")
    session.close()
    return study


@scenario
def made_transient(world: World) -> m.Study:
    study = world.get(m.Study, "full")
    orm.make_transient(study)
    return study


@scenario
def made_transient_to_detached(_: World) -> m.Study:
    study = m.Study(id="full")
    orm.make_transient_to_detached(study)
    return study


# Attached, with something in memory already.
@scenario
def target_in_session(world: World) -> m.Study:
    session = world.session()
    world.keep(session.get(m.Protocol, ("p", "1")))
    return session.get(m.Study, "full")


@scenario
def target_in_session_expired(world: World) -> m.Study:
    session = world.session()
    protocol = session.get(m.Protocol, ("p", "1"))
    world.keep(protocol)
    study = session.get(m.Study, "full")
    session.expire(protocol)
    return study


@scenario
def target_in_session_and_relationship_expired(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "full")
    world.keep(study.protocol)
    session.expire(study, ["protocol"])
    return study


@scenario
def target_marked_deleted(world: World) -> m.Study:
    session = world.session()
    person = session.get(m.Person, 1)
    study = session.get(m.Study, "full")
    session.delete(person)
    return study


@scenario
def target_of_subclass_in_session(world: World) -> m.Desk:
    session = world.session()
    world.keep(session.get(m.Manager, 1))
    return session.get(m.Desk, 1)


@scenario
def target_of_subclass_in_session_by_its_base(world: World) -> m.Desk:
    session = world.session()
    world.keep(session.scalars(select(m.Staff).where(m.Staff.id == 1)).one())
    return session.get(m.Desk, 1)


@scenario
def some_expired(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "full")
    _ = study.protocol, study.inputs
    session.expire(study, ["title", "protocol", "inputs"])
    return study


@scenario
def key_expired(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "full")
    session.expire(study, ["protocol_id"])
    return study


@scenario
def self_reference_loaded(world: World) -> m.Staff:
    boss = world.get(m.Staff, 1)
    _ = boss.reports[0].boss
    return boss


@scenario
def cycle_loaded(world: World) -> m.Hen:
    hen = world.get(m.Hen, 1)
    _ = hen.egg.hen
    return hen


@scenario
def group_loaded(world: World) -> m.Kit:
    kit = world.get(m.Kit, 1)
    _ = kit.group_1
    return kit


@scenario
def trap_loaded(world: World) -> m.Trap:
    trap = world.get(m.Trap, 1)
    _ = trap.springs
    return trap


@scenario
def everything_loaded(world: World) -> m.Kit:
    kit = world.get(m.Kit, 1)
    _ = kit.tags, kit.by_name, kit.unordered, kit.steps, kit.lid, kit.point, kit.tag_names
    return kit


# Changed and not flushed.
@scenario
def modified(world: World) -> m.Study:
    study = world.get(m.Study, "full")
    study.title = "other"
    return study


@scenario
def modified_without_autoflush(world: World) -> m.Study:
    study = world.get(m.Study, "full", autoflush=False)
    study.title = "other"
    return study


@scenario
def key_set_to_none(world: World) -> m.Study:
    study = world.get(m.Study, "full", autoflush=False)
    study.protocol_id = study.protocol_v = None
    return study


@scenario
def column_deleted(world: World) -> m.Study:
    study = world.get(m.Study, "full", autoflush=False)  # SQLAlchemy's flush of a deleted column is a KeyError
    del study.title
    return study


@scenario
def deferred_column_deleted(world: World) -> m.Kit:
    kit = world.get(m.Kit, 1, autoflush=False)
    _ = kit.late
    del kit.late
    return kit


@scenario
def relationship_deleted(world: World) -> m.Study:
    study = world.get(m.Study, "full")
    del study.protocol
    return study


@scenario
def deferred_column_set(world: World) -> m.Kit:
    kit = world.get(m.Kit, 1)
    kit.late = "later"
    return kit


@scenario
def appended_by_backref(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "full")
    session.add(m.Sample(id=77, source=study))
    return study


@scenario
def appended_by_backref_detached(world: World) -> m.Study:
    study = world.detached(m.Study, "full")
    world.keep(m.Sample(id=77, source=study))
    return study


@scenario
def added_through_handles(world: World) -> m.Kit:
    kit = world.get(m.Kit, 1)
    kit.written.add(m.Part(id=55))
    kit.asked_for.append(m.Part(id=56))
    return kit


@scenario
def marked_deleted(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "empty")
    session.delete(study)
    return study


@scenario
def deleted_and_flushed(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "empty")
    session.delete(study)
    session.flush()
    return study


@scenario
def deferred_of_deleted_and_flushed(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "empty", options=[orm.defer(m.Study.title), orm.defer(m.Study.created_at)])
    session.delete(study)
    session.flush()
    return study


@scenario
def expired_key_of_deleted_and_flushed(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "full")
    study.outputs, study.inputs = [], []
    session.flush()
    session.expire(study, ["lead_id", "protocol", "outputs"])
    session.delete(study)
    session.flush()
    return study


@scenario
def deleted_and_committed(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "empty")
    session.delete(study)
    session.commit()
    return study


# What a query asked for.
_LOAD_ONLY = orm.load_only(m.Study.title)
for _name, _options in {
    "raiseload": (orm.raiseload(m.Study.protocol), orm.raiseload(m.Study.inputs)),
    "raiseload_all": (orm.raiseload("*"),),
    "raiseload_on_sql": (orm.raiseload("*", sql_only=True),),
    "load_only": (_LOAD_ONLY,),
    "load_only_raising": (orm.load_only(m.Study.title, raiseload=True),),
    "defer": (orm.defer(m.Study.title),),
    "defer_foreign_key": (orm.defer(m.Study.protocol_id),),
    "defer_foreign_key_raising": (orm.defer(m.Study.protocol_id, raiseload=True),),
    "eager": (orm.selectinload(m.Study.inputs), orm.joinedload(m.Study.protocol)),
}.items():
    _add_short(f"asked_{_name}", lambda world, options=_options: world.asked(m.Study, *options, key="full"))
    _add_short(
        f"asked_{_name}_detached",
        lambda world, options=_options: world.detached(m.Study, "full", options=options),
    )
for _name, _options in {
    "lazyload_all": (orm.lazyload("*"),),
    "undefer": (orm.undefer(m.Kit.guarded), orm.undefer_group("g")),
    "defer_part_of_composite": (orm.defer(m.Kit.x),),
    "lazyload_noload": (orm.lazyload(m.Kit.never),),
    "lazyload_raising": (orm.lazyload(m.Kit.raising),),
    "expression": (orm.with_expression(m.Kit.asked, m.Kit.id + 1),),
}.items():
    _add_short(f"asked_{_name}", lambda world, options=_options: world.asked(m.Kit, *options))


@scenario
def asked_raiseload_on_sql_without_keys(world: World) -> m.Study:
    return world.asked(m.Study, orm.raiseload("*", sql_only=True), key="empty")


@scenario
def asked_noload(world: World) -> m.Study:
    with warnings.catch_warnings():  # deprecated in 2.1, and still there
        warnings.simplefilter("ignore", sa.exc.SADeprecationWarning)
        return world.asked(m.Study, orm.noload(m.Study.inputs), key="full")


@scenario
def asked_raiseload_then_committed(world: World) -> m.Study:
    study = world.asked(m.Study, orm.raiseload("*"), key="full")
    orm.object_session(study).commit()
    return study


@scenario
def asked_defer_raising_then_committed(world: World) -> m.Study:
    study = world.asked(m.Study, orm.defer(m.Study.title, raiseload=True), key="full")
    orm.object_session(study).commit()
    return study


@scenario
def asked_by_base_class(world: World) -> m.Staff:
    return world.asked(m.Staff)


@scenario
def asked_by_base_class_detached(world: World) -> m.Staff:
    with Session(world.engine) as session:
        return session.scalars(select(m.Staff).where(m.Staff.id == 1)).one()


@scenario
def asked_by_base_class_single_table(world: World) -> m.Staff:
    return world.asked(m.Staff, key=2)


@scenario
def asked_with_polymorphic(world: World) -> m.Staff:
    every = orm.with_polymorphic(m.Staff, "*")
    return world.session().scalars(select(every).where(every.id == 1)).one()


@scenario
def asked_selectin_polymorphic(world: World) -> m.Staff:
    return world.asked(m.Staff, orm.selectin_polymorphic(m.Staff, [m.Manager]))


@scenario
def asked_in_batches(world: World) -> m.Study:
    statement = select(m.Study).where(m.Study.id == "full").execution_options(yield_per=10)
    return world.session().scalars(statement).all()[0]


# Sessions of every kind.
@scenario
def session_failed(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "full")
    session.add(m.Person(id=2, handle="ann"))
    with suppress(sa.exc.IntegrityError):
        session.flush()
    return study


@scenario
def session_rolled_back(world: World) -> m.Study:
    session = world.session()
    study = session.get(m.Study, "full")
    _ = study.protocol
    session.rollback()
    return study


@scenario
def rolled_back_new(world: World) -> m.Study:
    session, study = world.session(), m.Study(id="new")
    session.add(study)
    session.flush()
    session.rollback()
    return study


@scenario
def session_without_engine(world: World) -> m.Study:
    study = world.detached(m.Study, "full")
    session = Session()
    session.add(study)
    world.keep(session)
    return study


@scenario
def session_async(world: World) -> m.Study:
    study = world.detached(m.Study, "full")
    session = AsyncSession()
    session.add(study)
    world.keep(session)
    return study


@scenario
def session_nested(world: World) -> m.Study:
    session = world.session()
    session.begin_nested()
    return session.get(m.Study, "full")


@scenario
def session_autocommit(world: World) -> m.Study:
    session = Session(world.engine.execution_options(isolation_level="AUTOCOMMIT"))
    world.keep(session)
    return session.get(m.Study, "full")


@scenario
def merged(world: World) -> m.Study:
    study = world.detached(m.Study, "full")
    study.title = "other"
    return world.session().merge(study)


@scenario
def attached_again(world: World) -> m.Study:
    study = world.detached(m.Study, "full")
    world.session().add(study)
    return study
