"""The same steps leave the same rows and the same memory, in SQLAlchemy's plain Session and in each form of ours."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.orm import Session as PlainSession

import ln_jupyter as ln
from ln_jupyter.db import engines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Base(DeclarativeBase):
    """Some user's own."""


membership = sa.Table(  # without a key: a row that is sent twice is there twice
    "membership",
    Base.metadata,
    sa.Column("hero_id", sa.ForeignKey("hero.id")),
    sa.Column("club_id", sa.ForeignKey("club.id")),
)


class Team(Base):
    """Has heroes."""

    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(default=1)
    heroes: Mapped[list[Hero]] = relationship(back_populates="team", order_by="Hero.id")


class Hero(Base):
    """May be in a team, and in clubs."""

    __tablename__ = "hero"
    id: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(default=1)
    team_id: Mapped[int | None] = mapped_column(sa.ForeignKey("team.id"))
    team: Mapped[Team | None] = relationship(back_populates="heroes")
    clubs: Mapped[list[Club]] = relationship(secondary=membership, back_populates="heroes", order_by="Club.id")


class Club(Base):
    """Has heroes, who may be in others."""

    __tablename__ = "club"
    id: Mapped[int] = mapped_column(primary_key=True)
    heroes: Mapped[list[Hero]] = relationship(secondary=membership, back_populates="clubs", order_by="Hero.id")


class Steps(Protocol):
    """What the steps of a case do, in some session."""

    def one(self, model: type[Any], key: int) -> Any:
        """Select a record."""

    def add(self, *records: object) -> None:
        """Add records."""

    def delete(self, record: object) -> None:
        """Delete one."""

    def commit(self) -> None:
        """Commit, and go on."""

    def rollback(self) -> None:
        """Roll back, and go on."""

    def others_set(self, model: type[Any], key: int, **values: object) -> None:
        """Change a row in a transaction of somebody else."""

    def close(self) -> None:
        """End it all; what is unsaved is saved."""


class _Steps:
    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def others_set(self, model: type[Any], key: int, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.update(model.__table__).where(model.__table__.c.id == key).values(**values))


class _Plain(_Steps):
    """In SQLAlchemy's own; *each*: with a commit after each call, as a bare session does by itself."""

    def __init__(self, engine: sa.Engine, *, each: bool = False) -> None:
        super().__init__(engine)
        self.session = PlainSession(engine)
        self.each = each

    def _end(self) -> None:
        if self.each:
            self.session.commit()

    def one(self, model: type[Any], key: int) -> Any:
        return self.session.scalars(sa.select(model).where(model.id == key)).one()

    def add(self, *records: object) -> None:
        self.session.add_all(records)
        self._end()

    def delete(self, record: object) -> None:
        self.session.delete(record)
        self._end()

    def commit(self) -> None:
        self.session.commit()

    def rollback(self) -> None:
        self.session.rollback()

    def close(self) -> None:
        self.session.commit()
        self.session.close()


class _Bare(_Steps):
    """In a bare session, which commits each call."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self.session = ln.Session(engine)

    def one(self, model: type[Any], key: int) -> Any:
        return self.session.select(model, id=key).one()

    def add(self, *records: object) -> None:
        self.session.add(list(records))

    def delete(self, record: object) -> None:
        self.session.delete(record)

    def commit(self) -> None:
        self.session.commit()

    def rollback(self) -> None:
        self.session.rollback()

    def close(self) -> None:
        self.session.commit()
        self.session.close()


class _Block(_Bare):
    """In a block."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self.session.begin()

    def close(self) -> None:
        self.session.end(failed=False)
        self.session.close()


class _Held(_Bare):
    """In a session across cells, each of which ends where another one commits or rolls back."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self.session.begin(keep=True)

    def commit(self) -> None:
        self.session.end(failed=False)
        self.session.begin(keep=True)

    def rollback(self) -> None:
        self.session.end(failed=True)
        self.session.begin(keep=True)

    def close(self) -> None:
        self.session.end(failed=False)
        self.session.close()


FORMS: dict[str, tuple[Callable[[sa.Engine], Steps], Callable[[sa.Engine], Steps]]] = {
    "block": (_Block, _Plain),
    "held": (_Held, _Plain),
    "bare": (_Bare, lambda engine: _Plain(engine, each=True)),
}


def ids(records: list[Any]) -> list[int]:
    """Tell records apart."""
    return [each.id for each in records]


# -- the cases: each gives what was seen on the way ----------------------------------------------------------------


def both_sides_of_many_to_many(do: Steps) -> object:
    hero = do.one(Hero, 1)
    club = Club(id=9, heroes=[hero])
    hero.clubs.append(club)
    do.add(hero)
    do.commit()
    return ids(hero.clubs), ids(club.heroes)


def both_sides_of_one_to_many(do: Steps) -> object:
    team = do.one(Team, 2)
    hero = Hero(id=9, team=team)
    team.heroes.append(hero)
    seen = ids(team.heroes)
    do.commit()
    return seen, ids(team.heroes), hero.team_id


def both_sides_and_away(do: Steps) -> object:
    team = do.one(Team, 2)
    hero = Hero(id=9, team=team)
    team.heroes.append(hero)
    do.add(hero)
    do.commit()
    team.heroes.remove(hero)
    do.add(hero)
    do.commit()
    return ids(team.heroes), hero.team, hero.team_id


def added_by_its_key(do: Steps) -> object:
    team = do.one(Team, 2)
    do.add(Hero(id=9, team_id=2))
    return ids(team.heroes)


def added_by_its_key_to_what_is_loaded(do: Steps) -> object:
    team = do.one(Team, 1)
    before = ids(team.heroes)
    do.add(Hero(id=9, team_id=1))
    do.commit()
    return before, ids(team.heroes)


def key_set_to_none(do: Steps) -> object:
    hero = do.one(Hero, 1)
    team = hero.team
    before = ids(team.heroes)
    hero.team_id = None
    do.commit()
    return before, hero.team, ids(team.heroes)


def key_set_to_another(do: Steps) -> object:
    hero, other = do.one(Hero, 1), do.one(Team, 2)
    team = hero.team
    before = ids(team.heroes), ids(other.heroes)
    hero.team_id = 2
    do.commit()
    return before, hero.team is other, ids(team.heroes), ids(other.heroes)


def deleted_from_a_collection(do: Steps) -> object:
    hero = do.one(Hero, 1)
    team, club = do.one(Team, 1), do.one(Club, 1)
    before = ids(team.heroes), ids(club.heroes)
    do.delete(hero)
    do.commit()
    return before, ids(team.heroes), ids(club.heroes), ids(do.one(Team, 1).heroes)


def deleted_parent(do: Steps) -> object:
    hero = do.one(Hero, 1)
    do.delete(hero.team)
    do.commit()
    return hero.team, hero.team_id


def added_and_undone(do: Steps) -> object:
    team = do.one(Team, 1)
    before = ids(team.heroes)
    hero = Hero(id=9, team=team)
    sa.orm.object_session(team).flush()
    do.rollback()
    return before, ids(team.heroes), hero.n


def changed_by_others_after_a_commit(do: Steps) -> object:
    hero = do.one(Hero, 1)
    before = hero.n
    do.commit()
    do.others_set(Hero, 1, n=10)
    hero = do.one(Hero, 1)
    seen = hero.n
    hero.n += 1
    do.add(hero)
    do.commit()
    return before, seen, hero.n


def changed_by_others_after_a_rollback(do: Steps) -> object:
    hero = do.one(Hero, 1)
    before = hero.n
    do.rollback()
    do.others_set(Hero, 1, n=10)
    hero = do.one(Hero, 1)
    seen = hero.n
    hero.n += 1
    do.add(hero)
    do.commit()
    return before, seen, hero.n


def changed_by_others_beside_what_is_unsaved(do: Steps) -> object:
    first, second = do.one(Hero, 1), do.one(Hero, 2)
    before = first.n, second.n
    do.commit()
    do.others_set(Hero, 2, n=10)
    first.n = 5
    second = do.one(Hero, 2)
    second.n += 1
    do.add(first, second)
    do.commit()
    return before, first.n, second.n


def related_changed_by_others(do: Steps) -> object:
    hero = do.one(Hero, 1)
    before = ids(hero.team.heroes)
    do.commit()
    do.others_set(Hero, 2, team_id=None)
    return before, ids(do.one(Team, 1).heroes)


CASES = [value for value in list(globals().values()) if getattr(value, "__annotations__", {}).get("do") == "Steps"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database that each case begins with."""
    path = tmp_path_factory.mktemp("heroes") / "heroes.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    fill(engine)
    engine.dispose()
    return path


def fill(engine: sa.Engine) -> None:
    """Make the tables anew, with the rows that each case begins with."""
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with PlainSession(engine) as session:
        first, second = Hero(id=1), Hero(id=2)
        session.add_all([Team(id=1, heroes=[first, second]), Team(id=2), Club(id=1, heroes=[first])])
        session.commit()


def outcome(engine: sa.Engine, form: Callable[[sa.Engine], Steps], case: Callable[[Steps], object]) -> Any:
    """Run a case on a database, and give what was seen and what is stored."""
    do = form(engine)
    seen = case(do)
    do.close()
    with engine.connect() as connection:
        rows = {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=str)
            for table in Base.metadata.sorted_tables
        }
    engine.dispose()
    return seen, rows


@pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")  # by both, of the other side
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_like_sqlalchemy(template: Path, tmp_path: Path, case: Callable[[Steps], object], form: str) -> None:
    """A session of ours shows and stores what SQLAlchemy's shows and stores."""
    ours, plain = FORMS[form]
    first, second = (shutil.copy(template, tmp_path / name) for name in ("plain.db", "ours.db"))

    expected = outcome(sa.create_engine(f"sqlite:///{first}"), plain, case)

    assert expected == outcome(engines.resolve(f"sqlite:///{second}"), ours, case)


@pytest.mark.postgres
@pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")
@pytest.mark.parametrize("form", FORMS)
def test_like_sqlalchemy_on_postgresql(postgres_url: sa.URL, form: str) -> None:
    """So does one on PostgreSQL, where a transaction begins and ends otherwise."""
    ours, plain = FORMS[form]
    theirs = sa.create_engine(postgres_url)

    for case in CASES:
        fill(theirs)
        expected = outcome(theirs, plain, case)
        fill(theirs)
        assert expected == outcome(engines.resolve(postgres_url), ours, case), case.__name__
    theirs.dispose()


@pytest.mark.mariadb
def test_no_update_is_lost_where_rows_are_locked(mariadb_url: sa.URL) -> None:
    """Where `write=True` is not known, its fix can be followed: what is read by `with_for_update` is what is there."""
    engine = sa.create_engine(mariadb_url)
    Base.metadata.create_all(engine)
    ln.Session(engine).add(Hero(id=1, n=0))
    turns = threading.Barrier(3)

    def count_up() -> None:
        turns.wait()
        for _ in range(5):
            with ln.Session(engine) as ss:
                ss.select(Hero).one()
                ss.select(Hero).with_for_update().one().n += 1

    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(count_up) for _ in range(3)]:
            done.result()

    with ln.Session(engine) as ss:
        assert 15 == ss.select(Hero).one().n
    with pytest.raises(ln.errors.SessionError) as error, ln.Session(engine, write=True):
        pass
    assert "select(...).with_for_update()" in error.value.fix
    engine.dispose()
