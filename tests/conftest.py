"""Databases for every test: a SQLite file, and servers that all tests of a run share."""

from __future__ import annotations

import gc
import os
import shutil
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from ln_jupyter import settings
from ln_jupyter.approval import lists
from ln_jupyter.db import engines
from ln_jupyter.orm import origins
from ln_jupyter.registry import check
from tests import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the faults go on for longer."""
    parser.addoption(
        "--faults-full", action="store_true", help="tests/faults: storms of 32 processes, 20 times as long"
    )


_LONGEST = ("browser", "faults")
"""Folders of tests, in the order in which they begin."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: else one process is left with it at the end, and the others have nothing to do."""
    ranks = {name: rank for rank, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the tests of one file to one process, for they share kernels, and those of the browser, for they share it."""
    from xdist.scheduler import LoadFileScheduling

    class ByWhatTheyShare(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "browser" if file.startswith("tests/browser/") else file

    return ByWhatTheyShare(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Let all processes of this run share their servers."""
    if not hasattr(config, "workerinput"):
        servers.begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers."""
    if not hasattr(config, "workerinput"):
        servers.end_run()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> Iterator[None]:
    """Say just before the last line which servers were not found, and how to get them."""
    yield
    if left_out := servers.left_out(terminalreporter):
        terminalreporter.write_line(f"left out: {', '.join(left_out)}", yellow=True)


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of each later collection of garbage: it stays, and is most of what there is."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _nothing_stays_to_be_collected() -> Iterator[None]:
    """Leave out what a file of tests has added, too: some collect garbage for each test, and would look through it."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _no_database_is_chosen() -> Iterator[None]:
    """Let a file of tests leave no `connect` behind, nor what is in memory: others would read and write there."""
    yield
    engines.connect()
    engines.dispose("sqlite://")
    settings.forget()


@pytest.fixture(scope="session")
def postgres() -> sa.URL:
    """Give the run's PostgreSQL, or the one of ``LN_JUPYTER_TEST_PG``."""
    if given := os.environ.get("LN_JUPYTER_TEST_PG"):
        return sa.make_url(given).set(drivername="postgresql+psycopg")
    return servers.postgres()


@contextmanager
def new_database(postgres: sa.URL, template: str = "template1") -> Iterator[sa.URL]:
    """Make a PostgreSQL database for a while, an empty one or a copy of another.

    ``LN_JUPYTER_TEST_ISOLATION`` is how it isolates transactions.
    """
    name = f"t_{uuid.uuid4().hex[:12]}"
    with servers.admin(postgres) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        if isolation := os.environ.get("LN_JUPYTER_TEST_ISOLATION"):  # such as serializable
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'")
    yield postgres.set(database=name)
    engines.dispose(postgres.set(database=name))
    with servers.admin(postgres) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def has_registry() -> None:
    """Have the database made as a copy of a registry, which takes a tenth of the time of making one."""


@pytest.fixture(scope="session")
def registry_in_postgres(postgres: sa.URL) -> Iterator[str]:
    """Give the name of a PostgreSQL database to copy, which nobody is connected to."""
    with new_database(postgres) as url:
        _make_registry(url)
        assert url.database is not None
        yield url.database


@pytest.fixture(scope="session")
def registry_in_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the SQLite file to copy."""
    file = tmp_path_factory.mktemp("registry") / "registry.db"
    _make_registry(sa.make_url(f"sqlite:///{file}"))
    return file


def _make_registry(url: sa.URL) -> None:
    check.ensure(engines.resolve(url))
    engines.dispose(url)


@pytest.fixture
def postgres_url(postgres: sa.URL, request: pytest.FixtureRequest) -> Iterator[sa.URL]:
    """Give an empty PostgreSQL database, or a registry where that is asked for."""
    copied = "has_registry" in request.fixturenames
    template = (request.getfixturevalue("registry_in_postgres"),) if copied else ()
    with new_database(postgres, *template) as url:
        yield url


@pytest.fixture
def mariadb_url() -> Iterator[sa.URL]:
    """Give an empty MariaDB database; a test that asks for it is marked ``mariadb``."""
    with servers.mariadb_database() as url:
        yield url


@pytest.fixture
def other_url(url: sa.URL, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.URL]:
    """Give a second empty database of the same kind."""
    if url.get_backend_name() == "sqlite":
        other = sa.make_url(f"sqlite:///{tmp_path / 'other.db'}")
        yield other
        engines.dispose(other)
        return
    with new_database(request.getfixturevalue("postgres")) as other:
        yield other


@pytest.fixture
def sqlite_url(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[sa.URL]:
    """Give the URL of a SQLite file that is not there yet, or is a registry where that is asked for."""
    url = sa.make_url(f"sqlite:///{tmp_path / 'test.db'}")
    if "has_registry" in request.fixturenames:
        shutil.copy(request.getfixturevalue("registry_in_sqlite"), tmp_path / "test.db")
    yield url
    engines.dispose(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> sa.URL:
    """Give an empty database of each kind."""
    found: sa.URL = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return found


@pytest.fixture
def engine(has_registry: None, url: sa.URL) -> Iterator[sa.Engine]:
    """Connect `ln_jupyter` to a new registry of each kind."""
    connected = engines.connect(url)
    check.ensure(connected)
    yield connected
    engines.connect()


@pytest.fixture(autouse=True)
def _no_other_databases() -> None:
    """Let a test know only its own databases, and not what other tests have used."""
    origins.forget()


@pytest.fixture
def approvals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Name the user's list of approved registries, which is not there, in a process where no variable decides."""
    for name in settings.NAMES:
        monkeypatch.delenv(f"LN_JUPYTER_{name.upper()}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))  # for what is started
    monkeypatch.setattr(lists, "user_file", lambda: tmp_path / "config" / "ln_jupyter" / lists.FILE)
    monkeypatch.setattr(lists, "_MACHINE", tmp_path / "no such folder")
    settings.forget()
    yield lists.user_file()
    settings.forget()


class Statements(list[str]):
    """The statements that reached a database."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        sa.event.listen(engine, "before_cursor_execute", lambda _c, _cur, sql, *_: self.append(sql))


@pytest.fixture
def statements(engine: sa.Engine) -> Statements:
    """Record what is sent to the registry."""
    return Statements(engine)
