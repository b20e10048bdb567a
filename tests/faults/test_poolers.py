"""A pooler in front of PostgreSQL gives each transaction another connection: all works, and nothing is left behind."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines
from ln_jupyter.registry import check, migrate, transfer
from ln_jupyter.tracking import running
from tests import servers
from tests.conftest import new_database
from tests.faults import pooler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.pooler import Pooler

pytestmark = pytest.mark.postgres

_SIZES = {"session": 8, "transaction": 2, "statement": 2}
"""How many connections each mode has: of a session, a client keeps one."""

_OF_POOLER = {
    "transaction_isolation",
    "application_name",
    "client_encoding",
    "DateStyle",
    "standard_conforming_strings",
    "TimeZone",
}
"""Settings that pgbouncer itself sets for each client."""


@pytest.fixture(scope="module")
def postgres_behind(postgres: sa.URL) -> sa.URL:
    """Give the server behind the poolers; a test that asks for it is left out where there is no pgbouncer."""
    servers.find("PgBouncer", "pgbouncer", "pgbouncer")
    return postgres


@pytest.fixture(scope="module", params=["session", "transaction"])
def bouncer(request: pytest.FixtureRequest, postgres_behind: sa.URL) -> Iterator[Pooler]:
    """Run a pooler in each mode that can be used."""
    with pooler.running(postgres_behind, request.param, _SIZES[request.param]) as bouncer:
        yield bouncer


@pytest.fixture(scope="module")
def hopping(postgres_behind: sa.URL) -> Iterator[Pooler]:
    """Run a pooler whose transactions go from one connection to the other."""
    with pooler.running(postgres_behind, "transaction", _SIZES["transaction"]) as bouncer:
        yield bouncer


@contextlib.contextmanager
def connected(bouncer: Pooler, postgres: sa.URL) -> Iterator[sa.Engine]:
    """Use a new database by way of a pooler."""
    with new_database(postgres) as url:
        before = set(engines._engines)
        engine = engines.connect(bouncer.through(url))
        check.ensure(engine)
        yield engine
        ln.connect("sqlite://")
        for other in set(engines._engines) - before:
            engines.dispose(other)


@pytest.fixture(scope="module")
def engine(bouncer: Pooler, postgres: sa.URL) -> Iterator[sa.Engine]:
    """Share a database, that all tests of a mode add to."""
    with connected(bouncer, postgres) as engine:
        yield engine


@pytest.fixture
def behind(hopping: Pooler, postgres: sa.URL) -> Iterator[sa.Engine]:
    """Use a database of a test's own, whose transactions go from one connection to the other."""
    with connected(hopping, postgres) as engine:
        yield engine


def left_behind(bouncer: Pooler, database: str | None) -> set[str]:
    """Name what each of the server's connections remembers of whoever used it."""
    found: set[str] = set()
    with bouncer.all_taken(str(database)) as held:
        for each in held:
            found |= {row[0] for row in each.execute("SELECT name FROM pg_settings WHERE source = 'session'")}
            found |= {row[0] for row in each.execute("SELECT name FROM pg_prepared_statements")}
            locks = each.execute(
                "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            found |= {f"advisory lock {row[0]}" for row in locks}
    return found - _OF_POOLER


# -- what is done through one --------------------------------------------------------------------------------------


def use_header(_folder: Path) -> None:
    ln.header(id="Pooled000000", name="Pooled")
    recording = running.recording()
    assert recording is not None
    recording.settle()
    recording.finish()
    heard = ln.select(lns.Run, id=recording.run_id).one()
    assert ("finished", "Pooled") == (heard.state, ln.select(lns.Notebook, id="Pooled000000").one().name)
    running.forget()


def use_add_and_delete(_folder: Path) -> None:
    runs = ln.add([lns.Run(name=f"many {n}") for n in range(20)])
    assert runs[3].id == ln.select(lns.Run, name="many 3").one().id
    ln.delete(runs)
    assert not ln.select(lns.Run).where(lns.Run.name.like("many%")).exists()


def use_blocks(_folder: Path) -> None:
    with ln.Session() as ss:
        ss.add(lns.Run(name="block"))
        assert ss.select(lns.Run, name="block").exists()
    with pytest.raises(ZeroDivisionError), ln.Session() as ss:
        ss.add(lns.Run(name="undone"))
        ss.orm.flush()
        1 / 0  # noqa: B018
    assert ["block"] == [run.name for run in ln.select(lns.Run).where(lns.Run.name.in_(["block", "undone"])).all()]


def use_a_bare_session(_folder: Path) -> None:
    ss = ln.Session()
    run = ss.add(lns.Run(name="bare"))
    run.name = "bare, edited"
    ss.add(run)
    ss.close()
    assert ln.select(lns.Run, name="bare, edited").exists()


def use_write(_folder: Path) -> None:
    with ln.Session(write=True) as ss:
        ss.add(lns.Run(name="locked"))
    assert ln.select(lns.Run, name="locked").exists()


def use_readonly(_folder: Path) -> None:
    with ln.Session(readonly=True) as ss:
        ss.select(lns.Run).all()
        with pytest.raises(errors.ReadOnlySessionError):
            ss.orm.execute(sa.text("DELETE FROM ln_run"))
    ln.add(lns.Run(name="after it"))


def use_a_dry_run(_folder: Path) -> None:
    with ln.Session(rollback=True) as ss:
        ss.add(lns.Run(name="dry"))
    assert not ln.select(lns.Run, name="dry").exists()


def use_streams(_folder: Path) -> None:
    ln.add([lns.Run(name=f"row {n}") for n in range(5)])
    rows = ln.select(lns.Run).where(lns.Run.name.like("row%")).order_by(lns.Run.name).stream(batch=2)
    assert ["row 0", "row 1", "row 2", "row 3", "row 4"] == [run.name for run in rows]


def use_migrate(_folder: Path) -> None:
    assert not migrate.upgrade(engines.current()).is_needed


def use_copy(folder: Path) -> None:
    ln.add(lns.Run(name="copied"))
    file = engines.resolve(f"sqlite:///{folder / 'copy.db'}")
    count = ln.select(lns.Run).count()
    assert count == transfer.copy(engines.current(), file).rows["ln_run"]
    engines.dispose(file.url)


def use_isolation(_folder: Path) -> None:
    engine = engines.current().execution_options(isolation_level="SERIALIZABLE")
    with engine.connect() as connection:
        assert "serializable" == connection.scalar(sa.text("SHOW transaction_isolation"))
        connection.commit()


USES = [use for name, use in list(globals().items()) if name.startswith("use_")]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__.removeprefix("use_"))
def test_works_behind_a_pooler(use: Callable[[Path], None], engine: sa.Engine, tmp_path: Path) -> None:
    """Whatever is done without a pooler is done through one as well, in its session and in its transaction mode."""
    ln.connect(engine)

    use(tmp_path)


def test_copying_into_a_pooled_database(behind: sa.Engine, tmp_path: Path) -> None:
    """A registry is copied into a database that is reached by way of a pooler."""
    with contextlib.closing(ln.Session(f"sqlite:///{tmp_path / 'source.db'}")) as ss:
        ss.add(lns.Run(name="moved"))
        source = engines.resolve(f"sqlite:///{tmp_path / 'source.db'}")
        transfer.copy(source, behind)

    assert ["moved"] == [run.name for run in ln.select(lns.Run).all()]
    engines.dispose(source.url)


@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
def test_many_clients_share_few_connections(hopping: Pooler, postgres: sa.URL, isolation: str, tmp_path: Path) -> None:
    """Clients that hop between two connections lose nothing, and leave nothing behind on either."""
    with new_database(postgres) as url:
        with servers.admin(postgres) as connection:
            connection.exec_driver_sql(
                f"ALTER DATABASE {url.database} SET default_transaction_isolation = '{isolation}'"
            )
        ln.connect(hopping.through(url))
        pipeline = ln.add(lns.Pipeline(name="count", v="1", reference="0"))

        def count() -> None:
            try:
                with ln.Session(write=True) as ss:
                    found = ss.select(lns.Pipeline, name="count").one()
                    found.reference = str(int(found.reference or 0) + 1)
            except sa.exc.OperationalError as error:  # as a serializable database may ask for
                if getattr(error.orig, "sqlstate", None) != "40001":
                    raise
                count()

        def work(number: int) -> None:
            for turn in range(4):
                ln.add(lns.Run(name=f"{number} {turn}"))
                count()
                with ln.Session(readonly=True) as ss:
                    ss.select(lns.Run).limit(3).all()
                with ln.Session(rollback=True) as ss:
                    ss.add(lns.Run(name="dry"))
                assert ln.select(lns.Run, name=f"{number} {turn}").exists()

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(work, range(4)))
        found = ln.select(lns.Pipeline, name="count").one().reference, ln.select(lns.Run).count()
        left = left_behind(hopping, url.database)
        ln.connect("sqlite://")
        engines.dispose(hopping.through(url))

    assert pipeline is not None
    assert (("16", 16), set()) == (found, left)


# -- what it refuses, and when it goes away ------------------------------------------------------------------------


def test_statement_mode_is_refused(postgres_behind: sa.URL, postgres: sa.URL) -> None:
    """A pooler in statement mode, where there are no transactions, is refused in one sentence."""
    with new_database(postgres) as url:
        check.ensure(engines.resolve(url))
        engines.dispose(url)
        with pooler.running(postgres_behind, "statement", 2) as bouncer:
            ln.connect(bouncer.through(url))

            with pytest.raises(errors.DatabaseUnavailableError) as error:
                ln.add(lns.Run(name="no"))

            ln.connect("sqlite://")
            engines.dispose(bouncer.through(url))
    assert str(error.value).endswith("is behind a pooler in statement mode, in which there are no transactions")
    assert "ask its administrator for pool_mode = transaction, or session, for this database" == error.value.fix


def test_no_connection_is_free(hopping: Pooler, behind: sa.Engine) -> None:
    """A pooler that has no connection free is an error of ours that says so, and the next try works."""
    with (
        hopping.setting("query_wait_timeout", "0.2"),
        hopping.all_taken(str(behind.url.database)),
        pytest.raises(errors.DatabaseBusyError, match="no connection free") as error,
    ):
        ln.add(lns.Run(name="waits"))

    assert "default_pool_size" in error.value.fix
    ln.add(lns.Run(name="goes on"))
    assert ["goes on"] == [run.name for run in ln.select(lns.Run).all()]


def test_restarted_between_units(hopping: Pooler, behind: sa.Engine) -> None:
    """A pooler that was restarted while nobody used it is nothing that anybody hears of."""
    ln.add(lns.Run(name="before"))
    hopping.stop()
    hopping.start()

    ln.add(lns.Run(name="after"))

    assert 2 == ln.select(lns.Run).count()


def test_restarted_inside_a_block(hopping: Pooler, behind: sa.Engine) -> None:
    """A block whose pooler goes away is one error and is undone; the next one works."""
    with pytest.raises(errors.DatabaseUnavailableError) as error, ln.Session() as ss:
        ss.add(lns.Run(name="lost"))
        ss.orm.flush()
        hopping.stop()
        hopping.start()
        ss.select(lns.Run).all()

    assert "run this again; what was not committed is undone" == error.value.fix
    assert 0 == ln.select(lns.Run).count()


def test_a_pooler_that_is_gone(hopping: Pooler, behind: sa.Engine) -> None:
    """While it is gone, an error says that the registry cannot be reached."""
    hopping.stop()
    try:
        with pytest.raises(errors.DatabaseUnavailableError, match="cannot be reached"):
            ln.select(lns.Run).all()
    finally:
        hopping.start()

    assert 0 == ln.select(lns.Run).count()


def test_options_at_login(hopping: Pooler, behind: sa.Engine) -> None:
    """What the URL asks for at login, and the pooler refuses, is said with the way on."""
    ln.connect(behind.url.update_query_dict({"options": "-c lock_timeout=1000"}))

    with pytest.raises(errors.DatabaseUnavailableError, match="lets nobody ask for settings at login") as error:
        ln.select(lns.Run).all()

    assert "leave options= out of the URL" in error.value.fix


# -- prepared statements -------------------------------------------------------------------------------------------


def prepared(url: sa.URL) -> list[Any]:
    """Say what a connection has prepared after a statement was sent often."""
    with engines.resolve(url).connect() as connection:
        for _ in range(8):
            connection.execute(sa.text("SELECT :x + 1"), {"x": 1})
        return list(connection.execute(sa.text("SELECT name FROM pg_prepared_statements WHERE statement LIKE '%+ 1%'")))


def test_nothing_is_prepared(postgres_url: sa.URL) -> None:
    """Statements are not prepared, which poolers do not keep, unless the URL asks for it."""
    asked = postgres_url.update_query_dict({"prepare_threshold": "3"})

    found = prepared(postgres_url), len(prepared(asked))

    engines.dispose(asked)
    assert ([], 1) == found


def test_what_was_prepared_elsewhere(hopping: Pooler, behind: sa.Engine) -> None:
    """Who prepares statements behind a pooler that does not keep them is told to leave it."""
    url = behind.url.update_query_dict({"prepare_threshold": "0"})
    one, other = (engines.resolve(url).connect() for _ in range(2))

    with pytest.raises(errors.DatabaseUnavailableError, match="has not prepared") as error:
        for _ in range(3):  # at the latest when each has been on both of the server's connections
            for each in (one, other):
                each.execute(sa.text("SELECT :x + 1"), {"x": 1})

    assert "leave prepare_threshold= out of the URL" in error.value.fix
    one.close()
    other.close()


def test_a_threshold_that_is_no_number() -> None:
    """A threshold that is no number is refused when the URL is read."""
    with pytest.raises(errors.InvalidUrlError, match="prepare_threshold=often"):
        ln.connect("postgresql://ann@127.0.0.1:1/x?prepare_threshold=often")
