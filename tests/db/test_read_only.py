"""A session that only reads is refused by the database, too, where no statement shows that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
from ln_jupyter.db import engines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTE = sa.text("SELECT note('x')")


@pytest.mark.mariadb
@pytest.mark.parametrize("level", ["REPEATABLE READ", "AUTOCOMMIT"])
def test_in_mariadb(mariadb_url: sa.URL, level: str) -> None:
    """What a function would write is refused, and the next one to get the connection writes."""
    engine = sa.create_engine(mariadb_url, isolation_level=level)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE log (word TEXT)")
        connection.exec_driver_sql(
            "CREATE FUNCTION note(word TEXT) RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO log VALUES (word); RETURN 1; END"
        )

    with (
        pytest.raises(ln.errors.ReadOnlySessionError, match=r"note.*sent at.*# the call"),
        ln.Session(engine, readonly=True) as ss,
    ):
        assert [] == ss.orm.execute(sa.text("SELECT * FROM log")).all()
        ss.orm.execute(NOTE)  # the call

    with engine.begin() as connection:
        connection.execute(NOTE)
        assert 1 == connection.exec_driver_sql("SELECT count(*) FROM log").scalar()
    engine.dispose()


def test_in_duckdb(tmp_path: Path) -> None:
    """What a sequence would count is refused, and counted later."""
    pytest.importorskip("duckdb_engine")
    engine = sa.create_engine(f"duckdb:///{tmp_path}/own.duckdb")
    count = sa.text("SELECT nextval('numbers')")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SEQUENCE numbers")

    with pytest.raises(ln.errors.ReadOnlySessionError, match="nextval"), ln.Session(engine, readonly=True) as ss:
        ss.orm.execute(count)

    with ln.Session(engine) as ss:
        assert 1 == ss.orm.scalar(count)
    engine.dispose()


@pytest.fixture(params=["ours", "own"])
def noting(request: pytest.FixtureRequest, sqlite_url: sa.URL) -> Iterator[sa.Engine]:
    """Give an engine of a SQLite file whose connections have a function that writes."""
    engine = engines.resolve(sqlite_url) if request.param == "ours" else sa.create_engine(sqlite_url)

    @sa.event.listens_for(engine, "connect")
    def make(driver: Any, _entry: object) -> None:
        driver.create_function("note", 1, lambda word: driver.execute("INSERT INTO log VALUES (?)", (word,)).rowcount)

    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE log (word TEXT)")
    yield engine
    engine.dispose()


def test_in_sqlite(noting: sa.Engine) -> None:
    """What a function would write is refused, and written by the next one to get the connection."""
    with pytest.raises(sa.exc.OperationalError), ln.Session(noting, readonly=True) as ss:
        ss.orm.execute(NOTE)  # SQLite says no more than that the function raised

    with ln.Session(noting) as ss:
        ss.orm.execute(NOTE)
    with noting.connect() as connection:
        assert 1 == connection.exec_driver_sql("SELECT count(*) FROM log").scalar()


def test_in_sqlite_after_a_session_that_nobody_closed(noting: sa.Engine) -> None:
    """The connection of a session that was dropped writes again, too."""
    ss = ln.Session(noting, readonly=True)
    ss.orm.execute(sa.text("SELECT 1"))
    del ss

    with noting.begin() as connection:
        connection.exec_driver_sql("INSERT INTO log VALUES ('later')")


@pytest.mark.parametrize("own", [True, False], ids=["own", "ours"])
def test_in_memory(own: bool) -> None:  # noqa: FBT001 - of pytest
    """Those who share a connection go on writing beside a session that only reads."""
    engine = sa.create_engine("sqlite://") if own else ln.connect("sqlite://")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE log (word TEXT)")

    with ln.Session(engine, readonly=True) as ss, engine.connect() as beside:
        ss.orm.execute(sa.text("SELECT 1"))
        beside.exec_driver_sql("INSERT INTO log VALUES ('x')")

        assert 1 == beside.exec_driver_sql("SELECT count(*) FROM log").scalar()
    ln.connect()
    engines.dispose("sqlite://")
    engine.dispose()
