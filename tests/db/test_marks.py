"""Whoever ends a session's transaction, the session says what is saved and what is not."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter as ln
from ln_jupyter import errors
from ln_jupyter.db import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Base(orm.DeclarativeBase):
    """Of models that are a user's own."""


class Hero(Base):
    """A record whose name is there once."""

    __tablename__ = "hero"

    id: orm.Mapped[int] = orm.mapped_column(
        sa.Integer, primary_key=True, autoincrement=False, default=itertools.count(1).__next__
    )
    name: orm.Mapped[str] = orm.mapped_column(sa.String(20), unique=True)


KINDS = [
    pytest.param("sqlite"),
    pytest.param("own file"),
    pytest.param("postgresql", marks=pytest.mark.postgres),
    pytest.param("own postgresql", marks=pytest.mark.postgres),
    pytest.param("own mariadb", marks=pytest.mark.mariadb),
    pytest.param("own duckdb"),
]
NEVER_TOLD = ("mariadb", "duckdb")
"""Where nobody can say afterwards whether it was a commit or a rollback that the driver sent."""


@pytest.fixture(scope="module")
def engine_of(database_of: Callable[[str], sa.Engine]) -> Callable[[str], sa.Engine]:
    """Give each kind of database, with the table."""

    @functools.cache
    def make(kind: str) -> sa.Engine:
        Base.metadata.create_all(database_of(kind))
        return database_of(kind)

    return make


@pytest.fixture
def e(kind: str, engine_of: Callable[[str], sa.Engine]) -> Iterator[sa.Engine]:
    """A database with a hero "old", connected to."""
    engine = engine_of(kind)
    with engine.begin() as connection:
        connection.execute(sa.delete(Hero))
        connection.execute(sa.insert(Hero).values(name="old"))
    yield ln.connect(engine)
    ln.connect()


def names(e: sa.Engine) -> set[str]:
    with e.connect() as connection:
        return set(connection.scalars(sa.select(Hero.name)))


def flush(ss: ln.Session, *names: str) -> None:
    for name in names:
        ss.add(Hero(name=name))
    ss.orm.flush()


def driver(ss: ln.Session) -> Any:
    return ss.orm.connection().connection


COMMITS: dict[str, Callable[[ln.Session], object]] = {
    "text": lambda ss: ss.orm.execute(sa.text("Commit")),
    "connection": lambda ss: ss.orm.connection().commit(),
    "driver": lambda ss: driver(ss).commit(),
    "cursor": lambda ss: driver(ss).cursor().execute("COMMIT"),
}


@pytest.mark.filterwarnings("ignore:transaction already deassociated from connection")
@pytest.mark.parametrize("how", COMMITS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_after_a_commit_past_the_session(e: sa.Engine, how: str) -> None:
    """Its note says that something is saved, and since when nothing is."""
    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session() as ss:
        flush(ss, "before")
        COMMITS[how](ss)
        flush(ss, "since")
        flush(ss, "old")

    is_told = how in ("text", "connection") or e.dialect.name not in NEVER_TOLD
    said = "what was committed past the session is saved, and nothing of this unit since"
    unsure = "what was sent before that is saved if it was a commit, and nothing of this unit since"
    assert (said if is_told else unsure) in str(error.value.__notes__)
    assert {"old", "before"} == names(e)


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_goes_on_after_a_commit(e: sa.Engine) -> None:
    """What comes after a COMMIT that was sent as a statement is committed at the end, as what came before was."""
    with ln.Session() as ss:
        flush(ss, "before")
        ss.orm.execute(sa.text("COMMIT"))
        flush(ss, "since")

    assert {"old", "before", "since"} == names(e)


@pytest.mark.parametrize("how", ["driver", "cursor"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_that_was_committed(e: sa.Engine, how: str) -> None:
    """It is red, and does not say that nothing was saved."""
    with pytest.raises((errors.SessionError, errors.TransactionUndoneError)) as error, ln.Session(rollback=True) as ss:
        flush(ss, "before")
        COMMITS[how](ss)
        flush(ss, "since")

    assert "committed" in str(error.value)
    assert "is saved" in f"{error.value} {error.value.fix}"
    assert {"old", "before"} == names(e)


@pytest.mark.parametrize("end", ["rollback and chain", "  ABORT; SELECT 1"])
@pytest.mark.parametrize("is_sent_by", ["session", "driver"])
@pytest.mark.parametrize("kind", KINDS[2:4])
def test_every_form_of_an_end(e: sa.Engine, end: str, is_sent_by: str) -> None:
    """Whatever PostgreSQL understands, and whoever sends it, the unit is red."""
    says = pytest.raises(errors.TransactionUndoneError, match=r"rolled back past the session.*nothing of this unit")
    with says, ln.Session() as ss:
        flush(ss, "lost")
        if is_sent_by == "session":
            ss.orm.execute(sa.text(end))
        else:
            driver(ss).cursor().execute(end)
            driver(ss).cursor().execute("INSERT INTO hero (id, name) VALUES (-1, 'since')")

    assert {"old"} == names(e)


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_a_savepoint_by_text_ends_nothing(e: sa.Engine) -> None:
    """What is rolled back to a savepoint is undone alone."""
    with ln.Session() as ss:
        flush(ss, "kept")
        ss.orm.execute(sa.text("SAVEPOINT a"))
        ss.orm.execute(sa.text("INSERT INTO hero (id, name) VALUES (-1, 'undone')"))
        ss.orm.execute(sa.text("ROLLBACK TO SAVEPOINT a"))

    assert {"old", "kept"} == names(e)


@pytest.mark.parametrize("kind", KINDS[4:5])
def test_a_table_that_is_made_commits_in_mariadb(e: sa.Engine) -> None:
    """That is known: the unit is green, and an error after it says what is saved."""
    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session() as ss:
        flush(ss, "before")
        ss.orm.execute(sa.text("CREATE TABLE other (x INT)"))
        flush(ss, "old")

    assert "what was committed past the session is saved" in str(error.value.__notes__)
    assert {"old", "before"} == names(e)


@pytest.mark.parametrize(
    ("statement", "dialect", "end"),
    [
        ("/* why */ END", "postgresql", "commit"),
        ("INSERT INTO a VALUES ('; ROLLBACK'); COMMIT", "postgresql", "commit"),
        ("PREPARE TRANSACTION 'a'", "postgresql", "commit"),
        ("COMMIT PREPARED 'a'", "postgresql", None),
        ("ROLLBACK WORK TO SAVEPOINT a", "postgresql", None),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END", "postgresql", None),
        ("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END", "sqlite", None),
        ("START TRANSACTION", "mariadb", "commit"),
        ("BEGIN", "postgresql", None),
        ("SELECT 'ROLLBACK'", "postgresql", None),
        ("", "sqlite", None),
    ],
)
def test_what_ends_a_transaction_is_told(statement: str, dialect: str, end: str | None) -> None:
    """By its text, of several statements by the first that does."""
    assert end == statements.ends(statement, dialect)
