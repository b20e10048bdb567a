"""What users of SQLModel and of SQLAlchemy's sessions write, in ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
import sqlmodel
from sqlalchemy import orm

import ln_jupyter as ln

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.alike


class Base(sqlmodel.SQLModel, registry=orm.registry()):
    """Of this module: other tests have classes of the same name in SQLModel's own registry."""


class Hero(Base, table=True):
    """As in SQLModel's tutorial."""

    id: int | None = sqlmodel.Field(default=None, primary_key=True)
    name: str


@pytest.fixture(autouse=True)
def heroes(tmp_path: Any) -> Iterator[None]:
    """Two heroes, in a database of the user's."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'heroes.db'}")
    Hero.__table__.create(engine)  # type: ignore[attr-defined]
    ln.connect(engine)
    ln.add([Hero(name="Deadpond"), Hero(name="Rusty-Man")])
    yield
    ln.connect()
    engine.dispose()


def test_exec_gives_what_sqlmodels_gives() -> None:
    """SQLModel's select of one class gives records, of more than that rows, and an update its result."""
    with ln.Session():
        session: Any = ln.current_session()
        names = [hero.name for hero in session.exec(sqlmodel.select(Hero).order_by(Hero.name))]
        rows = session.exec(sqlmodel.select(Hero.id, Hero.name).where(Hero.name == "Deadpond")).all()
        parameters = session.exec(sa.select(Hero.name).where(Hero.name == sa.bindparam("n")), params={"n": "Rusty-Man"})
        updated = session.exec(sa.update(Hero).values(name="x"))

        assert ["Deadpond", "Rusty-Man"] == names
        assert [(1, "Deadpond")] == rows
        assert [("Rusty-Man",)] == parameters.all()
        assert 2 == updated.rowcount


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("exec", "SQLAlchemy's own session has it: ss.orm.exec"),
        ("get", "SQLAlchemy's own session has it: ss.orm.get"),
        ("refresh", "SQLAlchemy's own session has it: ss.orm.refresh"),
        ("comit", "did you mean 'commit'?"),
    ],
)
def test_a_name_of_sqlalchemys_session(name: str, fix: str) -> None:
    """A name that our session does not have is told where it is."""
    with ln.Session() as ss, pytest.raises(ln.errors.UnknownNameError) as error:
        getattr(ss, name)

    assert fix == error.value.fix
    assert not hasattr(ss, "_repr_html_")


def test_the_way_that_is_told() -> None:
    """What the error says works."""
    with ln.Session() as ss:
        session: Any = ss.orm

        assert "Deadpond" == session.exec(sqlmodel.select(Hero).where(Hero.id == 1)).one().name
        assert "Deadpond" == session.get(Hero, 1).name
