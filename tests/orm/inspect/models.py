"""Mapped classes of every kind a user may have, and one database that holds some of each."""

import dataclasses
import datetime as dt
import enum
import sqlite3
import warnings
from contextlib import closing
from typing import Optional

import attrs
import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Integer, String, Table, func
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.ext.orderinglist import ordering_list
from sqlalchemy.orm import (
    DeclarativeBase,
    DynamicMapped,
    Mapped,
    MappedAsDataclass,
    WriteOnlyMapped,
    attribute_keyed_dict,
    column_property,
    composite,
    foreign,
    mapped_column,
    query_expression,
    registry,
    relationship,
    synonym,
)
from sqlalchemy.pool import StaticPool
from sqlmodel import Field, Relationship, SQLModel


class Base(DeclarativeBase):
    """Declarative, as SQLAlchemy's tutorial has it."""


study_input = Table(
    "study_input",
    Base.metadata,
    Column("study_id", ForeignKey("study.id"), primary_key=True),
    Column("sample_id", ForeignKey("sample.id"), primary_key=True),
    Column("position", Integer),
)


class Protocol(Base):
    """Has a composite key."""

    __tablename__ = "protocol"
    id: Mapped[str] = mapped_column(primary_key=True)
    v: Mapped[str] = mapped_column(primary_key=True, default="1")
    name: Mapped[str]
    text: Mapped[str | None] = mapped_column(deferred=True)
    studies: Mapped[list["Study"]] = relationship(back_populates="protocol", order_by="Study.id")


class Person(Base):
    """Is pointed to by its key and by another unique column."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    handle: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str | None] = mapped_column(info={"sensitive": True})
    desks: Mapped[list["Desk"]] = relationship(back_populates="person")


class Study(Base):
    """Has the relationships that most models have."""

    __tablename__ = "study"
    __table_args__ = (ForeignKeyConstraint(["protocol_id", "protocol_v"], ["protocol.id", "protocol.v"]),)
    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str | None]
    protocol_id: Mapped[str | None]
    protocol_v: Mapped[str | None]
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    owner_handle: Mapped[str | None] = mapped_column(ForeignKey("person.handle"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    protocol: Mapped[Protocol | None] = relationship(back_populates="studies")
    lead: Mapped[Person | None] = relationship(foreign_keys=[lead_id])
    owner: Mapped[Person | None] = relationship(foreign_keys=[owner_handle])
    inputs: Mapped[list["Sample"]] = relationship(secondary=study_input, back_populates="targets")
    placed: Mapped[list["Sample"]] = relationship(
        secondary=study_input, order_by=study_input.c.position.desc(), viewonly=True
    )
    outputs: Mapped[list["Sample"]] = relationship(back_populates="source", order_by="Sample.name.desc()")


class Sample(Base):
    """Comes from one study and goes into many."""

    __tablename__ = "sample"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    source_id: Mapped[str | None] = mapped_column(ForeignKey("study.id"))
    source: Mapped[Study | None] = relationship(back_populates="outputs")
    targets: Mapped[list[Study]] = relationship(secondary=study_input, back_populates="inputs")


class Colour(enum.Enum):
    """The value of an enumerated column."""

    RED = 1


@dataclasses.dataclass
class Point:
    """The value of a composite."""

    x: int
    y: int


class Kit(Base):
    """Has one of everything."""

    __tablename__ = "kit"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column()
    colour: Mapped[Colour | None]
    data: Mapped[dict[str, int] | None] = mapped_column(sa.JSON)
    late: Mapped[str | None] = mapped_column(deferred=True)
    group_1: Mapped[str | None] = mapped_column(deferred=True, deferred_group="g")
    group_2: Mapped[str | None] = mapped_column(deferred=True, deferred_group="g")
    guarded: Mapped[str | None] = mapped_column(deferred=True, deferred_raiseload=True)
    x: Mapped[int] = mapped_column(default=0)
    y: Mapped[int] = mapped_column(default=0)
    point: Mapped[Point] = composite("x", "y")
    name_length: Mapped[int | None] = column_property(func.length(name))
    asked: Mapped[int | None] = query_expression()
    label = synonym("name")
    server: Mapped[int | None] = mapped_column(server_default="7", onupdate=sa.text("8"))
    box_id: Mapped[int | None] = mapped_column(ForeignKey("box.id"))
    box: Mapped[Optional["Box"]] = relationship()
    tags: Mapped[list["Tag"]] = relationship(back_populates="kit")
    tag_names: AssociationProxy[list[str]] = association_proxy("tags", "name")
    raising: Mapped[list["Tag"]] = relationship(lazy="raise", viewonly=True)
    raising_on_sql: Mapped[Optional["Box"]] = relationship(lazy="raise_on_sql", viewonly=True)
    written: WriteOnlyMapped["Part"] = relationship(foreign_keys="Part.kit_id")
    asked_for: DynamicMapped["Part"] = relationship(foreign_keys="Part.spare_kit_id")
    selected: Mapped[list["Tag"]] = relationship(lazy="selectin", viewonly=True)
    joined: Mapped[Optional["Box"]] = relationship(lazy="joined", viewonly=True)
    immediate: Mapped[Optional["Box"]] = relationship(lazy="immediate", viewonly=True)
    viewed: Mapped[list["Tag"]] = relationship(viewonly=True)
    by_name: Mapped[dict[str, "Tag"]] = relationship(collection_class=attribute_keyed_dict("name"), viewonly=True)
    unordered: Mapped[set["Tag"]] = relationship(viewonly=True)
    steps: Mapped[list["Step"]] = relationship(
        order_by="Step.position", collection_class=ordering_list("position"), cascade="all, delete-orphan"
    )
    lid: Mapped[Optional["Lid"]] = relationship(back_populates="kit")
    red_tags: Mapped[list["Tag"]] = relationship(
        primaryjoin="and_(Kit.id == foreign(Tag.kit_id), Tag.name.like('red%'))", viewonly=True
    )
    never: Mapped[list["Tag"]] = relationship(lazy="noload", viewonly=True)

    @hybrid_property
    def shout(self) -> str:
        """Read another attribute."""
        return (self.late or "").upper()


class Tag(Base):
    """One of many of a kit, told apart by its name."""

    __tablename__ = "tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    kit_id: Mapped[int | None] = mapped_column(ForeignKey("kit.id"))
    kit: Mapped[Kit | None] = relationship(back_populates="tags")


class Box(Base):
    """Is related to tags by a condition that is no foreign key."""

    __tablename__ = "box"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    same_name: Mapped[list[Tag]] = relationship(
        primaryjoin=lambda: sa.or_(Box.name == foreign(Tag.name), Tag.name == "every"), viewonly=True
    )


class Part(Base):
    """Is asked through handles only."""

    __tablename__ = "part"
    id: Mapped[int] = mapped_column(primary_key=True)
    kit_id: Mapped[int | None] = mapped_column(ForeignKey("kit.id"))
    spare_kit_id: Mapped[int | None] = mapped_column(ForeignKey("kit.id"))


class Step(Base):
    """Keeps its place in a list."""

    __tablename__ = "step"
    id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int | None]
    kit_id: Mapped[int | None] = mapped_column(ForeignKey("kit.id"))


class Lid(Base):
    """There is at most one for a kit."""

    __tablename__ = "lid"
    id: Mapped[int] = mapped_column(primary_key=True)
    kit_id: Mapped[int | None] = mapped_column(ForeignKey("kit.id"))
    kit: Mapped[Kit | None] = relationship(back_populates="lid")


class Staff(Base):
    """Base of joined and single-table inheritance; points to itself."""

    __tablename__ = "staff"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    type: Mapped[str]
    boss_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    boss: Mapped[Optional["Staff"]] = relationship(remote_side="Staff.id", back_populates="reports")
    reports: Mapped[list["Staff"]] = relationship(back_populates="boss")
    __mapper_args__ = {"polymorphic_on": "type", "polymorphic_identity": "staff"}  # noqa: RUF012 - SQLAlchemy's own


class Manager(Staff):
    """Has a table of its own beside its base's."""

    __tablename__ = "manager"
    id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    budget: Mapped[int | None]
    desks: Mapped[list["Desk"]] = relationship(back_populates="manager")
    __mapper_args__ = {"polymorphic_identity": "manager"}  # noqa: RUF012


class Intern(Staff):
    """Shares the table of its base."""

    school: Mapped[str | None] = mapped_column(use_existing_column=True)
    __mapper_args__ = {"polymorphic_identity": "intern"}  # noqa: RUF012


class Desk(Base):
    """Points to a subclass."""

    __tablename__ = "desk"
    id: Mapped[int] = mapped_column(primary_key=True)
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("manager.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    manager: Mapped[Manager | None] = relationship(back_populates="desks")
    person: Mapped[Person | None] = relationship(back_populates="desks")


class Shape(Base):
    """Its discriminator is an expression, so its mapper has a property that the class has not."""

    __tablename__ = "shape"
    id: Mapped[int] = mapped_column(primary_key=True)
    sides: Mapped[int] = mapped_column()
    __mapper_args__ = {  # noqa: RUF012
        "polymorphic_on": sa.case((sides == 4, "square"), else_="shape"),
        "polymorphic_identity": "shape",
    }


class Square(Shape):
    """Is told by its number of sides."""

    __mapper_args__ = {"polymorphic_identity": "square"}  # noqa: RUF012


class Hen(Base):
    """One half of a cycle that takes a second UPDATE to write."""

    __tablename__ = "hen"
    id: Mapped[int] = mapped_column(primary_key=True)
    egg_id: Mapped[int | None] = mapped_column(ForeignKey("egg.id", use_alter=True, name="hen_egg"))
    egg: Mapped[Optional["Egg"]] = relationship(foreign_keys=[egg_id], post_update=True)


class Egg(Base):
    """The other half of the cycle."""

    __tablename__ = "egg"
    id: Mapped[int] = mapped_column(primary_key=True)
    hen_id: Mapped[int | None] = mapped_column(ForeignKey("hen.id"))
    hen: Mapped[Hen | None] = relationship(foreign_keys=[hen_id])


class DataBase(MappedAsDataclass, DeclarativeBase):
    """Declarative dataclasses, whose generated ``__repr__`` reads everything."""


class Folder(DataBase):
    """Has many files."""

    __tablename__ = "folder"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str]
    files: Mapped[list["File"]] = relationship(back_populates="folder", default_factory=list)


class File(DataBase):
    """One of many in a folder."""

    __tablename__ = "file"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str]
    folder_id: Mapped[int | None] = mapped_column(ForeignKey("folder.id"), init=False)
    folder: Mapped[Folder | None] = relationship(back_populates="files", default=None)


class Touched(Exception):  # noqa: N818 - says what happened
    """Code of a record's class ran."""


def _touch(*_args: object) -> None:
    raise Touched


class Trap:
    """A plain class whose every protocol raises."""

    __repr__ = __str__ = __eq__ = __hash__ = __bool__ = __len__ = __iter__ = _touch  # type: ignore[assignment]


class TrapList(list):  # type: ignore[type-arg]
    """A collection whose length cannot be asked for."""

    __len__ = __bool__ = __repr__ = _touch  # type: ignore[assignment]


class Spring:
    """What a trap has many of."""


@attrs.define(slots=False, eq=False)
class Plate:
    """An attrs class."""

    name: str
    id: int | None = None
    wells: list["Well"] = attrs.field(factory=list)


@attrs.define(slots=False, eq=False)
class Well:
    """One of many on a plate."""

    id: int | None = None


imperative = registry()
_trap = Table("trap", imperative.metadata, Column("id", Integer, primary_key=True), Column("name", String))
_spring = Table(
    "spring", imperative.metadata, Column("id", Integer, primary_key=True), Column("trap_id", ForeignKey("trap.id"))
)
_plate = Table("plate", imperative.metadata, Column("id", Integer, primary_key=True), Column("name", String))
_well = Table(
    "well", imperative.metadata, Column("id", Integer, primary_key=True), Column("plate_id", ForeignKey("plate.id"))
)
imperative.map_imperatively(
    Trap, _trap, properties={"springs": relationship(Spring, backref="trap", collection_class=TrapList)}
)
imperative.map_imperatively(Spring, _spring)
imperative.map_imperatively(Plate, _plate, properties={"wells": relationship(Well, backref="plate")})
imperative.map_imperatively(Well, _well)


class Team(SQLModel, table=True):
    """Has many heroes, as in SQLModel's tutorial."""

    id: int | None = Field(default=None, primary_key=True)
    name: str
    heroes: list["Hero"] = Relationship(back_populates="team")


class Hero(SQLModel, table=True):
    """Has one team."""

    id: int | None = Field(default=None, primary_key=True)
    name: str
    team_id: int | None = Field(default=None, foreign_key="team.id")
    team: Team | None = Relationship(back_populates="heroes")


# The tables of a database that somebody else made; automap makes the classes.
_foreign = sa.MetaData()
Table("shelf", _foreign, Column("id", Integer, primary_key=True), Column("name", String))
Table("book", _foreign, Column("id", Integer, primary_key=True), Column("shelf_id", ForeignKey("shelf.id")))
Automap = automap_base()


def _connect() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", check_same_thread=False)


def engine_of(connection: sqlite3.Connection) -> sa.Engine:
    """Make an engine that has this one connection."""
    return sa.create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)


def make_database() -> sqlite3.Connection:
    """Make the database of which every scenario gets its own copy."""
    connection = _connect()
    engine = engine_of(connection)
    _foreign.create_all(engine)
    for metadata in (Base.metadata, DataBase.metadata, imperative.metadata, SQLModel.metadata):
        metadata.create_all(engine)
    with sa.orm.Session(engine) as session:
        session.add_all(_records())
        session.flush()
        for sample, position in {1: 1, 2: 3, 3: 2}.items():
            row = sa.update(study_input).where(study_input.c.sample_id == sample)
            session.execute(row.values(position=position))
        session.commit()
    return connection


def copy_database(source: sqlite3.Connection) -> sqlite3.Connection:
    """Copy a database in memory."""
    connection = _connect()
    source.backup(connection)
    return connection


def _records() -> list[object]:
    ann = Person(id=1, handle="ann", password="hunter2")
    full = Study(id="full", title="Solve", lead=ann, owner=ann)
    full.protocol = Protocol(id="p", v="1", name="Wash", text="with water")
    full.inputs = [Sample(id=number, name=f"in {number}") for number in (1, 2, 3)]
    full.outputs = [Sample(id=8, name="a"), Sample(id=9, name="b")]
    empty = Study(id="empty", title="Nothing set")
    partial = Study(id="partial", title="Half a key", protocol_id="p")
    kit = Kit(id=1, name="kit", colour=Colour.RED, data={"a": 1}, late="late", group_1="g1", group_2="g2")
    kit.guarded, kit.point, kit.box = "guarded", Point(1, 2), Box(id=1, name="red 1")
    kit.tags = [Tag(id=1, name="red 1"), Tag(id=2, name="blue 2")]
    kit.steps = [Step(id=2), Step(id=1)]
    kit.lid = Lid(id=1)
    kit.written.add(Part(id=1))
    kit.asked_for.append(Part(id=2))
    bare = Kit(id=2, name="bare", point=Point(0, 0))
    boss = Manager(id=1, name="boss", budget=5, desks=[Desk(id=1, person=ann)])
    intern = Intern(id=2, name="intern", school="eth", boss=boss)
    hen, folder, trap = Hen(id=1), Folder(name="folder"), Trap()
    hen.egg = Egg(id=1, hen=hen)
    folder.files = [File(name="one"), File(name="two")]
    trap.name = "trap"
    spring = Spring()
    spring.trap_id = 1
    plate = Plate("plate", wells=[Well(), Well()])
    hero = Hero(name="hero", team=Team(name="team"))
    book = Book(id=1, shelf=Shelf(id=1, name="shelf"))
    square = Square(id=1, sides=4)
    return [full, empty, partial, kit, bare, boss, intern, hen, folder, trap, spring, plate, hero, book, square]


with closing(_connect()) as _made_elsewhere, warnings.catch_warnings():
    _engine = engine_of(_made_elsewhere)
    _foreign.create_all(_engine)
    Automap.prepare(autoload_with=_engine)
    # lazy="noload" still works in 2.1, with a warning that belongs to these models.
    warnings.simplefilter("ignore", sa.exc.SADeprecationWarning)
    sa.orm.configure_mappers()
Shelf, Book = Automap.classes.shelf, Automap.classes.book
