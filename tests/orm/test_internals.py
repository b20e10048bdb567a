"""Each private name of SQLAlchemy's ORM does what is needed of it; where one of these fails, SQLAlchemy has changed it."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event, orm

from ln_jupyter.orm import internals


class Base(orm.DeclarativeBase):
    """Of these models."""


class Team(Base):
    """Has heroes."""

    __tablename__ = "team"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    heroes: orm.Mapped[list["Hero"]] = orm.relationship(back_populates="team", passive_deletes=True)


class Hero(Base):
    """Is in a team."""

    __tablename__ = "hero"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    bio: orm.Mapped[str] = orm.mapped_column(deferred=True, default="")
    team_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("team.id"))
    team: orm.Mapped[Team | None] = orm.relationship(back_populates="heroes")
    namesake: orm.Mapped[Team | None] = orm.relationship(
        primaryjoin=lambda: orm.foreign(Hero.bio) == Team.name, viewonly=True
    )


@pytest.fixture
def session() -> Iterator[orm.Session]:
    """A session on a database with a hero in a team."""
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add(Hero(id=1, team=Team(id=1, name="a")))
        session.commit()
        yield session


@pytest.fixture
def selects(session: orm.Session) -> list[orm.ORMExecuteState]:
    """What the session selects."""
    found: list[orm.ORMExecuteState] = []
    event.listen(session, "do_orm_execute", found.append)
    return found


def test_what_is_loaded_by_key() -> None:
    """A plain many-to-one is looked for by its key, and nothing else is."""
    relationships = sa.inspect(Hero).relationships

    assert internals.loads_by_key(relationships["team"])
    assert not internals.loads_by_key(relationships["namesake"])
    assert not internals.loads_by_key(sa.inspect(Team).relationships["heroes"])


def test_what_waits_for_a_collection(session: orm.Session, selects: list[Any]) -> None:
    """What the other side adds to a collection, and removes from it, is known without loading it."""
    hero, team = session.get_one(Hero, 1), session.get_one(Team, 1)
    new = Hero(id=2, team=team)
    hero.team = None
    asked = len(selects)

    assert ([new], [hero]) == internals.pending_changes(sa.inspect(team), "heroes")
    assert asked == len(selects)


def test_nothing_waits_for_a_collection(session: orm.Session) -> None:
    """A collection that nobody changed has nothing added and nothing removed."""
    assert ([], []) == internals.pending_changes(sa.inspect(session.get_one(Team, 1)), "heroes")


def test_a_change_without_events(session: orm.Session) -> None:
    """An attribute counts as changed from the value that is given, and the other side of a relationship is left alone."""
    team = session.get_one(Team, 1)
    orm.attributes.set_committed_value(team, "name", "b")

    internals.set_modified(sa.inspect(team), "name", "a")

    assert (["b"], (), ["a"]) == tuple(sa.inspect(team).attrs.name.history)
    assert team in session.dirty


def test_what_joins() -> None:
    """A statement that joins is told from one that does not."""
    assert internals.joins(sa.select(Hero).join(Hero.team))
    assert not internals.joins(sa.select(Hero, Team).where(Hero.team_id == Team.id))


def test_the_first_change_of_a_record_is_told(session: orm.Session) -> None:
    """It is told once, until the record is sent, and the session still knows what was changed."""
    team = session.get_one(Team, 1)
    told: list[object] = []
    internals.note_first_changes(session, told.append)

    team.name = "b"
    team.name = "c"

    assert [sa.inspect(team)] == told
    assert [team] == list(session.dirty)


def test_a_deferred_column_is_loaded(session: orm.Session, selects: list[Any]) -> None:
    """The record and the column of a load that reading has caused are known."""
    hero = session.scalars(sa.select(Hero)).one()
    hero.bio  # noqa: B018 - reading loads

    assert sa.inspect(hero) is internals.refreshed_state(selects[-1])
    assert {"bio"} == set(internals.refreshed_columns(selects[-1]))
    assert not internals.is_asked_refresh(selects[-1])


def test_a_refresh_is_asked_for(session: orm.Session, selects: list[Any]) -> None:
    """A load that `Session.refresh` has asked for is told from one that reading has caused."""
    session.refresh(session.get_one(Hero, 1))

    assert internals.is_asked_refresh(selects[-1])


def test_what_flushes(session: orm.Session, selects: list[Any]) -> None:
    """A select flushes, unless its own options say that it does not."""
    session.execute(sa.select(Hero))
    assert internals.flushes(selects[-1])

    session.execute(sa.select(Hero).execution_options(autoflush=False))
    assert not internals.flushes(selects[-1])


def test_what_locks_rows() -> None:
    """A SELECT ... FOR UPDATE is told from one without, and from text."""
    assert internals.locks_rows(sa.select(Hero).with_for_update())
    assert not internals.locks_rows(sa.select(Hero))
    assert not internals.locks_rows(sa.text("SELECT 1"))


def test_the_options_of_a_statement() -> None:
    """The options of a statement are those that it was given, and text has none."""
    option = orm.selectinload(Team.heroes)

    assert [option] == list(internals.options_of(sa.select(Team).options(option)))
    assert [] == list(internals.options_of(sa.text("SELECT 1")))


def test_the_columns_that_an_update_sets() -> None:
    """The columns of an UPDATE are those of its values."""
    assert {Hero.__table__.c.bio} == internals.columns_set_by(sa.update(Hero).values(bio="a"))
    assert set() == internals.columns_set_by(sa.text("UPDATE hero SET bio = 'a'"))


def test_what_repeats_records(session: orm.Session) -> None:
    """A result of a joined collection is told from one whose records come once."""
    joined = session.execute(sa.select(Team).options(orm.joinedload(Team.heroes)))
    assert internals.repeats_records(joined)
    joined.unique().all()

    plain = session.execute(sa.select(Team))
    assert not internals.repeats_records(plain)
    plain.all()


def test_what_is_closed_for_good() -> None:
    """A session that is not to be used again once it is closed says so then, and others never."""
    final, usual = orm.Session(close_resets_only=False), orm.Session()
    assert not internals.is_closed_for_good(final)

    final.close()
    usual.close()

    assert internals.is_closed_for_good(final)
    assert not internals.is_closed_for_good(usual)


def test_the_default_of_a_dataclass() -> None:
    """The default of a field is in the record or, since SQLAlchemy 2.1, with its column; other columns have none."""

    class DataBase(orm.MappedAsDataclass, orm.DeclarativeBase):
        """Of this model."""

    class Note(DataBase):
        __tablename__ = "note"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        is_kept: orm.Mapped[bool] = orm.mapped_column(default=True)

    columns = sa.inspect(Note).column_attrs

    assert vars(Note(1)).get("is_kept", internals.default_of(columns["is_kept"])) is True
    assert internals.default_of(columns["id"]) is None
    assert internals.default_of(sa.inspect(Hero).column_attrs["bio"]) is None
