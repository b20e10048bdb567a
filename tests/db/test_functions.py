"""What a function of PostgreSQL writes, which no statement shows, is of the session that called it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
from ln_jupyter.db import engine as engines

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_a_readonly_session(engine: sa.Engine) -> None:
    """PostgreSQL itself refuses it; the connection writes again for whoever has it next."""
    refusal = pytest.raises(ln.errors.DatabaseUnavailableError, match="the session is readonly")
    with refusal, ln.Session(engine, readonly=True) as ss:
        ss.orm.execute(note("readonly"))

    with ln.Session(engine) as ss:
        ss.orm.execute(note("later"))

    assert ["later"] == log(engine)


def test_a_readonly_session_after_a_refusal_in_a_savepoint(engine: sa.Engine) -> None:
    """A transaction that the refusal has ended does not keep the connection from writing later."""
    refusal = pytest.raises(ln.errors.DatabaseUnavailableError)
    with refusal, ln.Session(engine, readonly=True) as ss, ss.orm.begin_nested():
        ss.orm.execute(note("readonly"))

    with ln.Session(engine) as ss:
        ss.orm.execute(note("later"))

    assert ["later"] == log(engine)


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
