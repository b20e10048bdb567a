"""Records of a session that must be awaited: what the error says to type, and what the card says, is right as it stands."""

from __future__ import annotations

import ast
import asyncio
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext import asyncio as sa_asyncio

import ln_jupyter
from ln_jupyter import errors
from ln_jupyter.display import record
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.ipython.display_hook import views
from ln_jupyter.ipython.error_hints import hints

if TYPE_CHECKING:
    from collections.abc import Iterator


class Base(orm.DeclarativeBase):
    """Of models that only this module needs."""


class Team(Base):
    """Has heroes."""

    __tablename__ = "team"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]


class Hero(Base):
    """Belongs to a team."""

    __tablename__ = "hero"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    story: orm.Mapped[str] = orm.mapped_column(deferred=True)
    team_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("team.id"))
    team: orm.Mapped[Team] = orm.relationship()


class Notebook:
    """Cells with `await`, and their variables, without a kernel."""

    def __init__(self, **variables: Any) -> None:
        self.variables: dict[str, Any] = variables
        self._loop = asyncio.new_event_loop()

    def run(self, source: str) -> None:
        """Run a cell."""
        code = compile(source, "<ipython-input-1>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        coroutine = eval(code, self.variables)
        if coroutine is not None:
            self._loop.run_until_complete(coroutine)

    def fix(self, source: str) -> str:
        """Run a cell that reads what is not there, and give the first thing that the note says to type."""
        with pytest.raises(sa.exc.SQLAlchemyError) as raised:
            self.run(source)
        hints.annotate(raised.value, self.variables)
        (note,) = raised.value.__notes__
        assert ".load(" not in note
        assert "%%ln_session" not in note
        match = re.search(r"\nfix(?:, in \w+\(\))?: (.*?)(?:, or .*)?$", note, re.DOTALL)
        assert match is not None, note
        return match[1]

    def card(self, name: str) -> str:
        """Give the line of a record's card."""
        shown = self.variables[name]
        fix = record.view(shown, options=views.naming(shown, "record", DEFAULT, self.variables)).fix
        assert fix is not None
        return fix.code

    def close(self) -> None:
        """End what was opened."""
        self.run("await s.close(); await engine.dispose()")
        self._loop.close()


@pytest.fixture
def notebook(postgres_url: sa.URL) -> Iterator[Notebook]:
    """A notebook with an asynchronous engine, and a hero that its session has read."""
    made = sa.create_engine(postgres_url)
    Base.metadata.create_all(made)
    with orm.Session(made) as session:
        session.add(Hero(id=1, name="h", story="long", team=Team(id=1, name="t")))
        session.commit()
    made.dispose()
    engine = sa_asyncio.create_async_engine(postgres_url)
    notebook = Notebook(sa=sa, ln=ln_jupyter, Hero=Hero, engine=engine, AsyncSession=sa_asyncio.AsyncSession)
    notebook.run("s = AsyncSession(engine); it = await s.get(Hero, 1)")
    yield notebook
    notebook.close()


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("reading", "refreshed"),
    [("it.team", '"team"'), ("it.story", '"story"'), ("s.expire(it); it.name", "")],
    ids=["relationship", "deferred", "expired"],
)
def test_a_lazy_load_in_an_async_session(notebook: Notebook, reading: str, refreshed: str) -> None:
    """After a MissingGreenlet stands the line that awaits the record's own session, by its name."""
    pasted = notebook.fix(reading)

    notebook.run(pasted)

    assert f"await s.refresh(it{refreshed and f', [{refreshed}]'})" == pasted
    notebook.run(reading.rpartition("; ")[2])


@pytest.mark.postgres
def test_an_async_session_without_a_name(notebook: Notebook) -> None:
    """Where nothing names the session, it is asked for by its record."""
    notebook.run("sessions = {1: s}; keep = (lambda: s); other = it\ndel it, sessions")
    session = notebook.variables.pop("s")

    pasted = notebook.fix("other.team")
    card = notebook.card("other")
    notebook.run(pasted)
    notebook.run("other.team")

    imported = "from sqlalchemy.ext.asyncio import async_object_session"
    assert f'{imported}\nawait async_object_session(other).refresh(other, ["team"])' == pasted
    assert f'{imported}; await async_object_session(other).refresh(other, ["team", "story"])' == card
    notebook.variables["s"] = session


@pytest.mark.postgres
def test_the_card_of_an_async_session(notebook: Notebook) -> None:
    """The card names the session as the notebook does."""
    pasted = notebook.card("it")

    notebook.run(pasted)

    assert 'await s.refresh(it, ["team", "story"])' == pasted
    notebook.run("it.team, it.story")


CLOSED = {
    "engine": ("", "AsyncSession(engine)"),
    "maker": ("maker = sa.ext.asyncio.async_sessionmaker(engine)", "maker()"),
    "unsaved": ("it.name = 'unsaved'", "AsyncSession(engine, autoflush=False)"),
}


@pytest.mark.postgres
@pytest.mark.parametrize(("setup", "opened"), CLOSED.values(), ids=CLOSED)
def test_a_closed_async_session(notebook: Notebook, setup: str, opened: str) -> None:
    """What its record lacks is awaited in a new session; what is unsaved stays so."""
    notebook.run("await s.close()")
    notebook.run(setup)
    name, is_modified = notebook.variables["it"].name, sa.inspect(notebook.variables["it"]).modified

    card, pasted = notebook.card("it"), notebook.fix("it.team")
    notebook.run(pasted)
    notebook.run("it.team")
    notebook.run(card.replace('"team", ', ""))
    notebook.run("it.story")

    it = notebook.variables["it"]
    line = f"async with {opened} as session: session.add(it); await session.refresh(it, [{{}}])"
    assert (line.format('"team"'), line.format('"team", "story"')) == (pasted, card)
    assert (name, is_modified) == (it.name, sa.inspect(it).modified)


@pytest.mark.postgres
def test_load_in_an_async_session(notebook: Notebook) -> None:
    """`ln.load` cannot wait for it, and says what can."""
    with pytest.raises(errors.UnloadableError) as error:
        ln_jupyter.load(notebook.variables["it"], "team")

    assert "await it: await session.refresh(record, ['team'])" == error.value.fix


def test_a_greenlet_that_is_missing_elsewhere() -> None:
    """An error that is about no record gets no note."""
    error = sa.exc.MissingGreenlet("greenlet_spawn has not been called")

    hints.annotate(error, {})

    assert not getattr(error, "__notes__", ())


@pytest.mark.parametrize("of", [lambda engine: engine, lambda engine: engine.sync_engine], ids=["async", "sync"])
def test_an_async_engine_is_not_connected(of: Any) -> None:
    """It is refused where it is given, with an engine that serves, and without the password."""
    engine = sa_asyncio.create_async_engine("postgresql+psycopg://me:secret@host/lab")
    before = ln_jupyter.connect()

    for use in (ln_jupyter.connect, ln_jupyter.Session):
        with pytest.raises(errors.InvalidUrlError) as error:
            use(of(engine))

        assert "the engine of postgresql+psycopg://me:***@host/lab is asynchronous" in str(error.value)
        assert 'ln.connect(sqlalchemy.create_engine("postgresql+psycopg://me:***@host/lab"))' in error.value.fix
    assert before is ln_jupyter.connect()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (
            "postgresql+psycopg://me@/lab?host=/run/sql&password=secret",
            "postgresql+psycopg://me@/lab?host=%2Frun%2Fsql",
        ),
        ("postgresql+psycopg:///?service=lab&options=-csearch_path%3Da", "?options=-csearch_path%3Da&service=lab"),
        ("postgresql+asyncpg://me@/lab?host=a:1&host=b:2&ssl=x", "postgresql+psycopg://me@/lab?host=a%3A1&host=b%3A2"),
        ("sqlite+aiosqlite:///file:a?mode=memory&cache=shared&uri=true", "cache=shared&mode=memory&uri=true"),
        ("mysql+asyncmy://me@/lab?unix_socket=/run/sql&charset=utf8mb4", "mysql://me@/lab?unix_socket=%2Frun%2Fsql"),
    ],
)
def test_where_the_engine_leads_that_serves(given: str, named: str) -> None:
    """The pasted line leads to the same database: whatever decides that is in it, and no password."""
    dialect: Any = SimpleNamespace(is_async=True)  # whose driver may not be installed
    pool: Any = None

    with pytest.raises(errors.InvalidUrlError) as error:
        ln_jupyter.connect(sa.Engine(pool, dialect, sa.make_url(given)))

    assert f'{named}"))' in error.value.fix
    assert "secret" not in error.value.fix
