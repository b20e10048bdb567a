"""What a function of PostgreSQL writes, which no statement shows, is of the session that called it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
from ln_jupyter.db import engines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine(postgres_url: sa.URL) -> Iterator[sa.Engine]:
    """Give an engine of ours, on a database with a function that writes its argument down."""
    engine = engines.resolve(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE log (word text)")
        connection.exec_driver_sql(
            "CREATE FUNCTION note(word text) RETURNS int LANGUAGE sql AS 'INSERT INTO log VALUES (word) RETURNING 1'"
        )
    yield engine
    engines.dispose(postgres_url)


def note(word: str) -> sa.Select[tuple[int]]:
    return sa.select(sa.func.note(word))


def log(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.text("SELECT word FROM log")))


READERS: dict[str, Callable[[sa.URL], sa.Engine]] = {
    "ours": engines.resolve,
    "ours serializable": lambda url: engines.resolve(url).execution_options(isolation_level="SERIALIZABLE"),
    "own": sa.create_engine,
    "own autocommit": lambda url: sa.create_engine(url, isolation_level="AUTOCOMMIT"),
}


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest, engine: sa.Engine) -> Iterator[sa.Engine]:
    """Give an engine of each kind on the database of ours."""
    reader = READERS[request.param](engine.url)
    yield reader
    reader.dispose()


def test_a_readonly_session(engine: sa.Engine, reader: sa.Engine) -> None:
    """The server refuses it, in our words and with the line; nobody has anything of it later, behind a pooler either."""
    refusal = pytest.raises(ln.errors.ReadOnlySessionError, match=r"SELECT note\(.*; it was sent at .*# the call")
    with refusal as error, ln.Session(reader, readonly=True) as ss:
        connection: Any = ss.orm.connection().connection.dbapi_connection
        ss.orm.execute(note("readonly"))  # the call

    assert error.value.fix.endswith("; nothing was saved")
    with reader.connect() as later:
        assert connection is later.connection.dbapi_connection  # the pool has lent it again
        assert "off" == later.exec_driver_sql("SHOW default_transaction_read_only").scalar()
        later.execute(note("later"))
        later.commit()
    assert ["later"] == log(engine)


def test_a_readonly_session_after_a_refusal(engine: sa.Engine) -> None:
    """One that is caught leaves nothing behind; in a savepoint, neither."""
    with ln.Session(engine, readonly=True) as ss:
        for step in (contextlib.nullcontext, ss.orm.begin_nested):
            with pytest.raises(ln.errors.ReadOnlySessionError), step():
                ss.orm.execute(note("readonly"))
            assert 0 == ss.orm.scalar(sa.text("SELECT count(*) FROM log"))

    assert [] == log(engine)


def test_a_readonly_session_holds_no_lock(engine: sa.Engine) -> None:
    """While it is open nobody waits for what it has read, not even who changes the table."""
    with ln.Session(engine, readonly=True) as ss:
        words = ss.orm.execute(sa.text("SELECT word FROM log")).all()
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            connection.exec_driver_sql("ALTER TABLE log ADD COLUMN n int")

    assert [] == words


def test_a_dry_run(engine: sa.Engine) -> None:
    """It is undone as all the rest is."""
    with ln.Session(engine, rollback=True) as ss:
        ss.orm.execute(note("dry"))

    assert [] == log(engine)


@pytest.mark.parametrize(
    "call", ["SELECT note('{}')", "SELECT note('{}') FROM a", "SELECT 1 FROM a WHERE note('{}') = 1"]
)
def test_a_block(engine: sa.Engine, call: str) -> None:
    """It is undone and committed with its block, wherever in a statement it is called."""
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a AS SELECT 1")

    with pytest.raises(ZeroDivisionError), ln.Session(engine) as ss:
        ss.orm.execute(sa.text(call.format("half")))
        _ = 1 / 0
    with ln.Session(engine) as ss:
        ss.orm.execute(sa.text(call.format("whole")))

    assert ["whole"] == log(engine)


def test_a_view(engine: sa.Engine) -> None:
    """What a function inside a view writes, which nobody sees in the statement, is of the block, too."""
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW seen AS SELECT note('seen')")
    look = sa.text("SELECT * FROM seen")

    with pytest.raises(ZeroDivisionError), ln.Session(engine) as ss:
        ss.orm.execute(look).all()
        _ = 1 / 0
    with ln.Session(engine) as ss:
        assert [(1,)] == ss.orm.execute(look).all()

    assert ["seen"] == log(engine)


def test_an_error_of_a_read_in_a_block(engine: sa.Engine) -> None:
    """A read that fails ends nothing, where the block has not written yet."""
    with ln.Session(engine) as ss:
        with pytest.raises(sa.exc.DBAPIError, match="division by zero"):
            ss.orm.execute(sa.text("SELECT 1 / :n"), {"n": 0})
        ss.orm.execute(note("later"))

    assert ["later"] == log(engine)


def test_a_read_in_a_block_holds_no_lock(engine: sa.Engine) -> None:
    """While a block is open that has only read, nobody waits for it, not even who changes the table."""
    with ln.Session(engine) as ss:
        words = ss.orm.execute(sa.text("SELECT word FROM log WHERE word = :word"), {"word": "a"}).all()
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            connection.exec_driver_sql("ALTER TABLE log ADD COLUMN n int")

    assert [] == words


def test_copy(engine: sa.Engine) -> None:
    """What is sent through the driver's own cursor is of the block, the first statement, too."""

    def copy(ss: ln.Session, word: str) -> None:
        with ss.orm.connection().connection.cursor() as cursor, cursor.copy("COPY log FROM STDIN") as rows:
            rows.write_row([word])

    with pytest.raises(ZeroDivisionError), ln.Session(engine) as ss:
        ss.orm.execute(sa.text("SELECT word FROM log"))
        copy(ss, "half")
        _ = 1 / 0
    with ln.Session(engine) as ss:
        copy(ss, "whole")

    assert ["whole"] == log(engine)


def test_rows_are_read_one_by_one(engine: sa.Engine) -> None:
    """A cursor of the server's, which needs a transaction, has one in a block."""
    with ln.Session(engine) as ss:
        numbers = sa.text("SELECT * FROM generate_series(1, 5)").execution_options(yield_per=2)
        assert [1, 2, 3, 4, 5] == list(ss.orm.execute(numbers).scalars())


def test_a_transaction_of_a_block_is_of_the_kind_that_is_set(engine: sa.Engine) -> None:
    """What PostgreSQL is told of a transaction holds until the block ends."""
    with ln.Session(engine) as ss:
        ss.orm.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        ss.orm.execute(note("a"))
        assert "repeatable read" == ss.orm.scalar(sa.text("SHOW transaction_isolation"))
    with ln.Session(engine) as ss:
        assert "repeatable read" != ss.orm.scalar(sa.text("SHOW transaction_isolation"))
