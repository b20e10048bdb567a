"""Whatever SQLAlchemy maps, by whatever style, can be added, selected, loaded, framed and deleted."""

# No `from __future__ import annotations`: SQLModel reads the annotations as they are.

from typing import TYPE_CHECKING, Any

import attrs
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, registry, relationship
from sqlmodel import Field, Relationship, SQLModel

import ln_jupyter as ln
from ln_jupyter.db import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.alike


class Heroes(SQLModel, registry=registry()):
    """A SQLModel base with a metadata of its own."""

    metadata = sa.MetaData()


class Team(Heroes, table=True):
    """SQLModel, the one side."""

    id: int | None = Field(default=None, primary_key=True)
    name: str
    members: list["Hero"] = Relationship(back_populates="team")


class Hero(Heroes, table=True):
    """SQLModel, the many side."""

    id: int | None = Field(default=None, primary_key=True)
    name: str
    team_id: int | None = Field(default=None, foreign_key="team.id")
    team: Team | None = Relationship(back_populates="members")


class DataBase(MappedAsDataclass, DeclarativeBase):
    """Dataclasses."""


class Folder(DataBase):
    """A dataclass, the one side."""

    __tablename__ = "folder"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str]
    key: Mapped[str | None] = mapped_column(default=None)
    members: Mapped[list["Note"]] = relationship(back_populates="team", default_factory=list)


class Note(DataBase):
    """A dataclass, the many side."""

    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str]
    team_id: Mapped[int | None] = mapped_column(sa.ForeignKey("folder.id"), init=False)
    team: Mapped[Folder | None] = relationship(back_populates="members", default=None)


_plain = registry()
_well = sa.Table("well", _plain.metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String))
_drop = sa.Table(
    "drop_",
    _plain.metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("the_name", sa.String, key="name"),
    sa.Column("team_id", sa.ForeignKey("well.id")),
)


class Well:
    """A plain class, mapped imperatively."""

    def __init__(self, name: str) -> None:
        self.name = name


@attrs.define(slots=False, eq=False)
class Drop:
    """A class of attrs, mapped imperatively, whose repr reads a relationship."""

    name: str
    team: Any = None


_plain.map_imperatively(Well, _well)
_plain.map_imperatively(Drop, _drop, properties={"team": relationship(Well, backref="members")})

STYLES = {
    "sqlmodel": (Heroes.metadata, Team, Hero),
    "dataclass": (DataBase.metadata, Folder, Note),
    "imperative": (_plain.metadata, Well, Drop),
}


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest, url: sa.URL) -> "Iterator[tuple[Any, Any]]":
    """Connect to the user's engine, and give a class and the one that refers to it."""
    metadata, team, hero = STYLES[request.param]
    engine = sa.create_engine(url)
    metadata.create_all(engine)
    ln.connect(engine)
    yield team, hero
    ln.connect()
    engine.dispose()


def test_a_mapped_class_of_any_style(style: tuple[Any, Any]) -> None:
    """The whole way: add, select, load, edit, frame, delete."""
    team, hero = style
    ln.add([hero(name="a", team=team(name="t")), hero(name="b")])

    found = ln.select(hero, name="a").one()
    ln.load(found, "team")
    found.name = "c"
    ln.add(found)
    joined = ln.select(hero).join(team, name="t").load("team.members").one()
    frame = ln.select(hero).order_by(hero.name).df()
    ln.delete(ln.select(hero, name="b").one())

    assert (found.name, found.team.name) == ("c", "t")
    assert [found.id] == [each.id for each in joined.team.members]
    assert ["b", "c"] == list(frame["name"])
    assert ["c"] == ln.select(hero.name).all()


def test_reflected_classes(url: sa.URL) -> None:
    """Classes that automap makes from a database work like written ones."""
    engine = sa.create_engine(url)
    DataBase.metadata.create_all(engine)
    reflected = automap_base()
    reflected.prepare(engine)
    folder, note = reflected.classes.folder, reflected.classes.note

    with ln.Session(engine):
        ln.add(note(name="n", folder=folder(name="f")))
    with ln.Session(engine) as ss:
        found = ss.select(note, name="n").load("folder").one()

    assert found.folder.name == "f"
    engine.dispose()


def test_bulk_rows_of_any_style(style: tuple[Any, Any]) -> None:
    """Dicts are inserted by attribute names, also where a column is called otherwise."""
    _, hero = style

    ln.add(hero, [{"name": "a"}, {"name": "b"}])

    assert ["a", "b"] == sorted(ln.select(hero.name).all())


def test_a_column_may_be_called_key(url: sa.URL) -> None:
    """A class's own names do not confuse a frame."""
    engine = sa.create_engine(url)
    DataBase.metadata.create_all(engine)
    with ln.Session(engine) as ss:
        ss.add(Folder(name="f", key="k"))
        frame = ss.select(Folder).df()

    assert ["f", "k"] == list(frame.iloc[0])
    engine.dispose()


def test_a_url_of_a_users_database(sqlite_url: sa.URL) -> None:
    """A session on a URL serves the user's own tables, and makes none of ours."""
    plain = sa.create_engine(sqlite_url)
    DataBase.metadata.create_all(plain)
    plain.dispose()

    with ln.Session(sqlite_url) as ss:
        ss.add(Folder(name="f"))

    with engines.resolve(sqlite_url).connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM folder").scalar() == "f"
        assert not sa.inspect(connection).has_table("ln_run")
