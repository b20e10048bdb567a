"""Each private name of SQLAlchemy's core does what is needed of it; where one of these fails, SQLAlchemy has changed it."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from ln_jupyter.db import internals


@pytest.fixture
def engine() -> sa.Engine:
    return sa.create_engine("sqlite://")


def test_a_connection_of_an_engine_with_options_is_listened_to(engine: sa.Engine) -> None:
    """A listener of one connection is called, also where the engine has options of its own, until it is removed."""
    heard = []

    def listen(*_: Any) -> None:
        heard.append("commit")

    with engine.execution_options(logging_token="a").connect() as connection:
        internals.listen(connection, "commit", listen)
        connection.exec_driver_sql("SELECT 1")
        connection.commit()
        internals.remove(connection, "commit", listen)
        connection.exec_driver_sql("SELECT 1")
        connection.commit()

    assert ["commit"] == heard


def test_the_first_to_hear_of_an_error(engine: sa.Engine) -> None:
    """Who listens first to errors is called before those who listened earlier."""
    heard = []
    event.listen(engine, "handle_error", lambda _: heard.append("earlier"))

    internals.listen_first_to_errors(engine, lambda _: heard.append("first"))

    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError):
        connection.exec_driver_sql("nonsense")
    assert ["first", "earlier"] == heard


def test_a_watched_connection(engine: sa.Engine) -> None:
    """It says when the driver's is asked for, by a result, too, and when it commits or rolls back, but not more."""
    heard = []

    class Watched(internals.WatchedConnection):
        def before_lending(self) -> None:
            heard.append("lends")

        def before_commit(self) -> None:
            heard.append("commits")

        def before_rollback(self) -> None:
            heard.append("rolls back")

    with engine.connect() as connection:
        Watched.watch(connection)
        result = connection.exec_driver_sql("SELECT 1")
        assert {} == connection.info
        connection.commit()
        result.connection.connection.cursor()
        with connection.begin() as transaction:
            transaction.rollback()
        connection.exec_driver_sql("SELECT 1")

    assert ["commits", "lends", "rolls back", "rolls back"] == heard


def test_a_connection_with_the_listeners_of_another(engine: sa.Engine) -> None:
    """The listeners of one connection are called for another one, without being added to it."""
    heard = []
    with engine.connect() as connection:
        internals.listen(connection, "before_cursor_execute", lambda *given: heard.append(given[2]))
        dispatch = connection.dispatch

    with engine.connect() as connection:
        internals.listen_alike(connection, dispatch)
        connection.exec_driver_sql("SELECT 1")

    assert ["SELECT 1"] == heard


@pytest.mark.parametrize("level", ["AUTOCOMMIT", "SERIALIZABLE"])
@pytest.mark.parametrize("of", ["engine", "connection"])
def test_who_commits_each_statement(engine: sa.Engine, of: str, level: Any) -> None:
    """The isolation level AUTOCOMMIT is told from others, whoever has asked for it."""
    if of == "engine":
        engine = sa.create_engine("sqlite://", isolation_level=level)
    with engine.connect() as connection:
        if of == "connection":
            connection.execution_options(isolation_level=level)

        assert (level == "AUTOCOMMIT") is internals.commits_each_statement(connection)


@pytest.mark.postgres
@pytest.mark.parametrize("streams", [False, True])
def test_rows_that_stay_with_the_server(postgres_url: sa.URL, *, streams: bool) -> None:
    """A statement whose rows stay with the server is known by its context."""
    engine, found = sa.create_engine(postgres_url), []
    event.listen(engine, "before_cursor_execute", lambda *given: found.append(internals.is_server_side(given[4])))

    with engine.connect() as connection:
        connection.execution_options(stream_results=streams).execute(sa.text("SELECT 1")).all()

    engine.dispose()
    assert streams is found[-1]


@pytest.mark.postgres
def test_what_is_known_at_connect(postgres_url: sa.URL) -> None:
    """The first connection asks for neither the server's version nor its backslashes, where both are told."""
    engine, sent = sa.create_engine(postgres_url), []
    event.listen(engine, "before_cursor_execute", lambda *given: sent.append(given[2]))

    internals.know_at_connect(engine.dialect, lambda _: (15, 0), lambda _: True)
    with engine.connect() as connection:
        assert (15, 0) == connection.dialect.server_version_info
        assert "'a\\\\b'" in str(sa.literal("a\\b").compile(engine, compile_kwargs={"literal_binds": True}))

    engine.dispose()
    assert not [each for each in sent if "version" in each or "standard_conforming_strings" in each]


def test_the_columns_of_a_result(engine: sa.Engine) -> None:
    """The names of a result's columns are known before and after it was read, and of what filters it."""
    with engine.connect() as connection:
        result = connection.execute(sa.text("SELECT 1 AS a, 2 AS b"))
        scalars = result.scalars()

        assert result is internals.source_of_result(scalars)
        assert ["a", "b"] == internals.keys_of_result(result)
        assert not internals.is_read(result)
        scalars.all()
        assert internals.is_read(result)
        result.close()
        assert ["a", "b"] == internals.keys_of_result(result)


def test_the_columns_of_a_row(engine: sa.Engine) -> None:
    """The names of a row's columns are known, of which two may be the same."""
    with engine.connect() as connection:
        row = connection.execute(sa.text("SELECT 1 AS a, 2 AS a")).one()

        assert ("a", "a") == internals.keys_of_row(row)
        assert ("a", "a") == internals.keys_of_row(row._mapping)
