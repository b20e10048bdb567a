"""Whoever ends a session's transaction, the session says what is saved and what is not."""

from __future__ import annotations

import contextlib
import functools
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter as ln
from ln_jupyter import errors
from ln_jupyter.db import sql_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


driver_ids = itertools.count(-1, -1)


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
UNSURE = "if its transaction was committed past it, what was sent until then is saved; nothing of this unit is since"
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
    return ss.orm.connection().connection.driver_connection


def insert(ss: ln.Session, name: str) -> None:
    """Insert past SQLAlchemy."""
    driver(ss).cursor().execute(f"INSERT INTO hero (id, name) VALUES ({next(driver_ids)}, '{name}')")


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
    assert (said if is_told else UNSURE) in str(error.value.__notes__)
    assert {"old", "before"} == names(e)


@pytest.mark.filterwarnings("ignore:transaction already deassociated from connection")
@pytest.mark.parametrize("kind", KINDS)
def test_what_an_error_has_undone_after_a_commit_past_the_session(e: sa.Engine) -> None:
    """It is asked of the connection that wrote, and of no other one that the pool gives afterwards."""
    with e.connect(), e.connect():
        pass  # now the pool has two, and gives them in turn

    with pytest.raises(ZeroDivisionError), ln.Session() as ss:
        flush(ss, "before")
        ss.orm.connection().commit()
        _ = 1 / 0

    assert "what was committed past the session is saved, and nothing of this unit since" == ss.undone
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


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_in_which_the_driver_wrote_first(e: sa.Engine) -> None:
    """It is red where the driver has committed, though the session sent nothing before."""
    with pytest.raises(errors.SessionError) as error, ln.Session(rollback=True) as ss:
        insert(ss, "before")
        driver(ss).commit()

    assert "committed" in str(error.value)
    assert "is saved" in error.value.fix
    assert {"old", "before"} == names(e)


def by_result(ss: ln.Session) -> Any:
    """Get to the driver by the result of a statement, and by no method of the session that gives its connection."""
    result: Any = ss.orm.execute(sa.text("SELECT 1"))
    return result.connection.connection.dbapi_connection


@pytest.mark.parametrize("form", ["block", "bare"])
@pytest.mark.parametrize("door", [driver, by_result])
@pytest.mark.parametrize("kind", [*KINDS, "own memory"])
def test_a_dry_run_that_the_driver_commits(e: sa.Engine, form: str, door: Callable[[ln.Session], Any]) -> None:
    """Whatever door leads to the driver, and where no block ends, too, it is not said that nothing was saved."""
    with pytest.raises(errors.SessionError, match="committed") as error:
        if form == "bare":
            ss = ln.Session(rollback=True)
            door(ss).cursor().execute(f"INSERT INTO hero (id, name) VALUES ({next(driver_ids)}, 'saved')")
            door(ss).commit()
            ss.close()
        else:
            with ln.Session(rollback=True) as ss:
                door(ss).cursor().execute(f"INSERT INTO hero (id, name) VALUES ({next(driver_ids)}, 'saved')")
                door(ss).commit()

    assert "is saved" in error.value.fix
    assert {"old", "saved"} == names(e)


@pytest.mark.parametrize("door", [driver, by_result])
@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_without_a_block_that_the_driver_wrote_in(e: sa.Engine, door: Callable[[ln.Session], Any]) -> None:
    """It closes as ever, and nothing is saved."""
    ss = ln.Session(rollback=True)
    door(ss).cursor().execute(f"INSERT INTO hero (id, name) VALUES ({next(driver_ids)}, 'undone')")
    ss.close()

    assert {"old"} == names(e)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_in_a_dry_run_that_was_committed(e: sa.Engine) -> None:
    """The error stays the user's own, and its note says what is saved."""
    with pytest.raises(ZeroDivisionError), ln.Session(rollback=True) as ss:
        flush(ss, "before")
        by_result(ss).commit()
        _ = 1 / 0

    assert "is saved" in ss.undone
    assert {"old", "before"} == names(e)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_in_which_the_driver_wrote_alone(e: sa.Engine) -> None:
    """What is not committed past it is undone, though the driver would begin nothing by itself."""
    with ln.Session(rollback=True) as ss:
        insert(ss, "undone")
        driver(ss).cursor().execute("CREATE TABLE undone (x INT)") if e.dialect.name == "sqlite" else None

    assert {"old"} == names(e)
    assert not sa.inspect(e).has_table("undone")


@pytest.mark.parametrize("end", ["error", "rollback", "close"])
@pytest.mark.parametrize("kind", [*KINDS, "memory"])
def test_what_the_driver_wrote_is_of_the_session(e: sa.Engine, kind: str, end: str) -> None:
    """It is undone with the block, and with what a session in none did since its last commit, as in SQLAlchemy's."""
    if end == "error":
        with contextlib.suppress(ZeroDivisionError), ln.Session() as ss:
            insert(ss, "undone")
            1 / 0  # noqa: B018
    else:
        ss = ln.Session()
        insert(ss, "undone")
        getattr(ss, end)()
        ss.close()

    is_told = kind == "memory" and end != "error"  # where threads share a connection, it begins nothing by itself
    assert {"old", *(["undone"] if is_told else [])} == names(e)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_after_the_driver_has_committed_its_own(e: sa.Engine) -> None:
    """Its note says that something may be saved, though the session sent nothing before."""
    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session() as ss:
        insert(ss, "before")
        driver(ss).commit()
        insert(ss, "since")
        flush(ss, "old")

    assert UNSURE in str(error.value.__notes__)
    begins_nothing = e.dialect.name == "duckdb"  # after a commit, each statement is one of its own
    assert {"old", "before", *(["since"] if begins_nothing else [])} == names(e)


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_in_which_the_driver_commits_its_own(e: sa.Engine) -> None:
    """It is green, and all is saved: nothing that the session sent was taken away."""
    with ln.Session() as ss:
        insert(ss, "first")
        driver(ss).commit()
        flush(ss, "second")
        insert(ss, "third")

    assert {"old", "first", "second", "third"} == names(e)


@pytest.mark.parametrize("form", ["block", "dry"])
@pytest.mark.parametrize("kind", KINDS[2:4])
def test_a_transaction_of_psycopg_is_a_savepoint(e: sa.Engine, form: str) -> None:
    """It commits nothing by itself, where it comes first, too."""
    with contextlib.suppress(ZeroDivisionError), ln.Session(rollback=form == "dry") as ss:
        ss.select(Hero).all()
        with driver(ss).transaction():
            insert(ss, "undone")
        1 / 0  # noqa: B018

    assert {"old"} == names(e)


@pytest.mark.parametrize("kind", KINDS[2:4])
def test_the_kind_of_a_transaction_is_chosen(e: sa.Engine) -> None:
    """To ask for the connection comes before that, and leaves it free, as SQLAlchemy does."""
    with ln.Session() as ss:
        ss.orm.connection().execute(sa.text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        assert "serializable" == ss.orm.scalar(sa.text("SHOW transaction_isolation"))


@pytest.mark.parametrize("kind", KINDS[:2])
def test_to_ask_for_the_connection_keeps_nobody_from_writing(e: sa.Engine) -> None:
    """In a block that only reads by it, SQLite's lock is free, and what others have written since can be built on."""
    with ln.Session() as ss:
        assert {"old"} == set(ss.orm.connection().scalars(sa.select(Hero.name)))
        with ln.Session() as other:
            other.add(Hero(name="other"))
        ss.add(Hero(name="mine"))

    assert {"old", "other", "mine"} == names(e)


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


@pytest.mark.parametrize("end", ["block", "error", "commit", "rollback"])
@pytest.mark.parametrize("kind", KINDS[:-1])
def test_a_savepoint_that_is_not_ended(e: sa.Engine, end: str) -> None:
    """It ends with the block, as it does with SQLAlchemy's session: to look for the mark around it ends no savepoint."""
    with contextlib.suppress(ZeroDivisionError), ln.Session() as ss:
        flush(ss, "before")
        ss.orm.begin_nested()
        flush(ss, "inside")
        if end == "error":
            1 / 0  # noqa: B018
        elif end != "block":
            getattr(ss, end)()

    assert {"old", *([] if end in ("error", "rollback") else ["before", "inside"])} == names(e)


@pytest.mark.filterwarnings("ignore:Identity map already had an identity")
@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("kind", KINDS[:-1])
def test_a_transaction_that_ended_around_a_savepoint(e: sa.Engine, end: str) -> None:
    """The error says what is saved of the whole unit, for the savepoint is there no more."""
    with pytest.raises((sa.exc.DBAPIError, errors.TransactionUndoneError)) as error, ln.Session() as ss:
        flush(ss, "before")
        ss.orm.begin_nested()
        flush(ss, "inside")
        getattr(driver(ss), end)()

    said = f"{error.value} {getattr(error.value, '__notes__', '')}"
    if e.dialect.name in NEVER_TOLD:
        assert UNSURE in said
    else:
        assert ("what was committed past" if end == "commit" else "nothing of this unit was saved") in said
    assert {"old", *(["before", "inside"] if end == "commit" else [])} == names(e)


@pytest.mark.parametrize("kind", ["memory", "own memory"])
def test_a_mark_is_that_of_one_session(e: sa.Engine) -> None:
    """Where sessions share the driver's connection, nobody takes the transaction of another one for that of its own."""
    other = ln.Session()
    with pytest.raises(errors.TransactionUndoneError, match="past the session"), ln.Session() as ss:
        flush(ss, "lost")
        driver(ss).rollback()
        other.orm.add(Hero(name="other"))
        other.orm.flush()
    other.close()

    assert "lost" not in names(e)


@pytest.mark.parametrize("kind", KINDS[4:5])
def test_a_table_that_is_made_commits_in_mariadb(e: sa.Engine) -> None:
    """That is known: the unit is green, and an error after it says what is saved."""
    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session() as ss:
        flush(ss, "before")
        ss.orm.execute(sa.text("CREATE OR REPLACE TABLE other (x INT)"))
        flush(ss, "old")

    assert "what was committed past the session is saved" in str(error.value.__notes__)
    assert {"old", "before"} == names(e)


@pytest.mark.parametrize("kind", KINDS[4:5])
def test_a_table_that_is_made_first_in_mariadb(e: sa.Engine) -> None:
    """The block is green: nothing of it was taken away."""
    with ln.Session() as ss:
        ss.orm.execute(sa.text("CREATE OR REPLACE TABLE other (x INT)"))
        ss.add(Hero(name="since"))

    assert {"old", "since"} == names(e)


@pytest.mark.parametrize("kind", KINDS[4:5])
def test_the_kind_of_a_dry_run_is_chosen_in_mariadb(e: sa.Engine) -> None:
    """As the first statement it means what it means without us, and nothing is saved."""
    with ln.Session(rollback=True) as ss:
        ss.orm.execute(sa.text("SET TRANSACTION READ ONLY"))
        with pytest.raises(sa.exc.OperationalError, match="READ ONLY"):
            ss.orm.execute(sa.text("INSERT INTO hero (id, name) VALUES (-1, 'undone')"))

    assert {"old"} == names(e)


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
    assert end == sql_text.ends(statement, dialect)
