"""Which engine a URL becomes, and what a bad URL or database says."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors, settings
from ln_jupyter.approval import urls
from ln_jupyter.db import engines, error_translation
from ln_jupyter.db.sqlite import engine as sqlite
from ln_jupyter.registry import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    engines.connect()
    settings.forget()


def test_one_engine_for_each_url(sqlite_url: sa.URL) -> None:
    """The same URL gives the same engine, in text or parsed."""
    assert engines.resolve(sqlite_url) is engines.resolve(str(sqlite_url))


def test_connect_decides_for_everything(sqlite_url: sa.URL) -> None:
    """After `connect`, records go there; `connect()` goes back to the settings."""
    before = engines.current()

    assert ln.connect(sqlite_url) is engines.current()
    ln.add(lns.Run(name="x"))

    assert ln.connect() is before
    with ln.Session(sqlite_url) as ss:
        assert ss.select(lns.Run, name="x").exists()


def test_connecting_sends_nothing(sqlite_url: sa.URL) -> None:
    """A database is not made before it is used."""
    ln.connect(sqlite_url)

    assert sqlite_url.database is not None
    assert not os.path.exists(sqlite_url.database)  # noqa: PTH110


def test_an_own_engine_is_left_as_it_is() -> None:
    """`connect(engine)` uses the engine itself, whatever its database."""
    engine = sa.create_engine("sqlite://")

    assert ln.connect(engine) is engine


def test_an_own_engine_with_a_registry_holds_our_records(sqlite_url: sa.URL) -> None:
    """Where the user's engine leads to a registry, records of the schema go there."""
    check.ensure(engines.resolve(sqlite_url))
    engine = sa.create_engine(sqlite_url)
    ln.connect(engine)

    ln.add(lns.Run(name="x"))

    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT name FROM ln_run")) == "x"
    ln.connect()
    engine.dispose()


def test_a_registry_in_memory() -> None:
    """`sqlite://` is one database for the whole process."""
    ln.connect("sqlite://")

    run = ln.add(lns.Run(name="x"))

    assert ln.select(lns.Run, id=run.id).exists()
    engines.dispose("sqlite://")


@pytest.mark.parametrize("url", ["", "foo", "sqlite:/x:hunter2@", "://hunter2@", "postgresql://u:hunter2@h:port/x"])
def test_a_malformed_url_is_not_repeated(url: str) -> None:
    """A URL that cannot be read may hold a password, so the error does not show it."""
    with pytest.raises(errors.InvalidUrlError) as error:
        ln.connect(url)

    assert "hunter2" not in str(error.value) + error.value.fix
    assert "sqlite:////absolute/path.db" in error.value.fix
    assert error.value.__cause__ is None


def test_a_password_in_the_query_is_refused() -> None:
    """It would show in every log."""
    with pytest.raises(errors.InvalidUrlError) as error:
        ln.connect("postgresql://u@h/x?password=hunter2")

    assert "hunter2" not in str(error.value) + error.value.fix


def test_another_kind_of_database_names_the_way_on() -> None:
    """A registry is kept in SQLite or PostgreSQL; own models go through an engine."""
    with pytest.raises(errors.InvalidUrlError) as error:
        ln.connect("mysql://u:hunter2@h/x")

    assert str(error.value) == "a registry cannot be kept in mysql"
    assert "ln.connect(engine)" in error.value.fix


def test_a_password_never_shows() -> None:
    """Neither the engine's repr nor a failing connection shows it."""
    engine = ln.connect("postgresql://ann:hunter2@127.0.0.1:1/x")

    with pytest.raises(errors.DatabaseUnavailableError) as error:
        ln.select(lns.Run).all()

    shown = repr(engine) + str(error.value) + "".join(error.value.__notes__) + repr(error.value.__cause__)
    assert "hunter2" not in shown
    assert "127.0.0.1:1" in str(error.value)


# -- SQLite files --------------------------------------------------------------------------------------------------


def test_a_new_file_is_private(sqlite_url: sa.URL) -> None:
    """The file, its WAL and its shared memory are for their owner only."""
    ln.connect(sqlite_url)
    ln.add(lns.Run())

    assert sqlite_url.database is not None
    for suffix in ("", "-wal", "-shm"):
        assert stat.S_IMODE(os.stat(sqlite_url.database + suffix).st_mode) == 0o600  # noqa: PTH116


def test_a_new_registry_uses_a_wal(sqlite_url: sa.URL) -> None:
    """Readers and a writer work side by side, and foreign keys hold."""
    engine = engines.resolve(sqlite_url)
    check.ensure(engine)

    with engine.connect() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert ["wal", 1, 1] == pragmas


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A missing folder is not made: it may be misspelt."""
    ln.connect(f"sqlite:///{tmp_path / 'no' / 'registry.db'}")

    with pytest.raises(errors.DatabaseUnavailableError) as error:
        ln.select(lns.Run).all()

    assert "cannot be opened" in str(error.value)
    assert "folder" in error.value.fix
    assert not (tmp_path / "no").exists()


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    """A folder is no database."""
    ln.connect(f"sqlite:///{tmp_path}")

    with pytest.raises(errors.DatabaseUnavailableError):
        ln.select(lns.Run).all()


def test_a_text_file_is_left_as_it_is(tmp_path: Path) -> None:
    """A file that is no database is named, and not a byte of it changes."""
    file = tmp_path / "notes.db"
    file.write_text("not a database\n" * 100)
    ln.connect(f"sqlite:///{file}")

    with pytest.raises(errors.NotARegistryError) as error:
        ln.add(lns.Run())

    assert str(file) in str(error.value)
    assert file.read_text() == "not a database\n" * 100


def test_somebody_elses_database_is_left_as_it_is(tmp_path: Path) -> None:
    """A SQLite file with other tables keeps every byte, its journal mode included."""
    file = tmp_path / "theirs.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE measurements (x)")
    connection.close()
    before = file.read_bytes()
    ln.connect(f"sqlite:///{file}")

    with pytest.raises(errors.NotARegistryError) as error:
        ln.add(lns.Run())
    engines.dispose(f"sqlite:///{file}")

    assert "it holds 'measurements'" in str(error.value)
    assert "ln.Session(engine)" in error.value.fix
    assert before == file.read_bytes()
    assert ["theirs.db"] == [each.name for each in tmp_path.iterdir()]


def test_a_deleted_file_is_noticed(sqlite_url: sa.URL) -> None:
    """Writing into a file that was deleted would lose the rows: it is an error."""
    ln.connect(sqlite_url)
    ln.add(lns.Run())
    assert sqlite_url.database is not None
    os.remove(sqlite_url.database)  # noqa: PTH107

    with pytest.raises(errors.DatabaseReplacedError) as error:
        ln.add(lns.Run())

    assert "was deleted while it was in use" in str(error.value)
    assert not os.path.exists(sqlite_url.database)  # noqa: PTH110


def test_a_replaced_file_is_used(sqlite_url: sa.URL, tmp_path: Path) -> None:
    """A backup that was put in its place is what is read from then on."""
    ln.connect(sqlite_url)
    ln.add(lns.Run(name="before"))
    backup = tmp_path / "backup.db"
    with ln.Session(f"sqlite:///{backup}") as ss:
        ss.add(lns.Run(name="backup"))
    engines.dispose(f"sqlite:///{backup}")
    assert sqlite_url.database is not None
    for suffix in ("-wal", "-shm"):
        os.remove(sqlite_url.database + suffix)  # noqa: PTH107
    backup.replace(sqlite_url.database)

    assert ["backup"] == ln.select(lns.Run.name).all()


def test_a_read_only_file_can_be_read(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading goes on where writing is an error with its reason."""
    ln.connect(sqlite_url)
    ln.add(lns.Run(name="x"))
    engine = engines.resolve(sqlite_url)

    @sa.event.listens_for(engine, "connect")
    def _read_only(driver: sqlite3.Connection, _entry: object) -> None:
        driver.execute("PRAGMA query_only=ON")  # root may write to any file: this is how SQLite refuses then

    engine.dispose()

    assert ["x"] == ln.select(lns.Run.name).all()
    with pytest.raises(errors.DatabaseUnavailableError) as error:
        ln.add(lns.Run())
    assert "may only be read" in str(error.value)


def test_a_full_disk_is_said(sqlite_url: sa.URL) -> None:
    """A database that cannot grow says so; reading goes on, and so does writing once there is space."""
    ln.connect(sqlite_url)
    ln.add(lns.Run(name="x"))
    engine = engines.resolve(sqlite_url)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        with pytest.raises(errors.DatabaseUnavailableError) as error:
            connection.execute(sa.insert(lns.Source.__table__).values(hash="h", content=b"x" * 100_000))

        connection.rollback()
        connection.exec_driver_sql("PRAGMA max_page_count=1073741823")
    assert "the disk is full" in str(error.value)
    ln.add(lns.Run(name="y"))
    assert ln.select(lns.Run).count() == 2


# -- processes -------------------------------------------------------------------------------------------------------


@pytest.mark.newest
def test_a_fork_opens_its_own_connections(engine: sa.Engine) -> None:
    """A child process works beside its parent, with connections of its own."""
    ln.add(lns.Run(name="parent"))
    child = os.fork()
    if child == 0:
        try:
            ln.add(lns.Run(name="child"))
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child must not return into pytest
            os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert {"parent", "child"} == set(ln.select(lns.Run.name).all())


# -- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_an_idle_session_blocks_no_schema_change(postgres_url: sa.URL) -> None:
    """After reading, a block holds no lock that an ALTER TABLE would wait for."""
    ln.connect(postgres_url)
    ln.add(lns.Run(name="x"))
    other = sa.create_engine(postgres_url, connect_args={"options": "-c lock_timeout=2000"})

    with ln.Session():
        assert ln.select(lns.Run).one().pipeline is None
        with other.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE ln_run ADD COLUMN extra TEXT")
    other.dispose()


@pytest.mark.postgres
def test_a_killed_backend_is_replaced(postgres_url: sa.URL) -> None:
    """A server that ended our connection between two cells is not noticed."""
    ln.connect(postgres_url)
    ln.add(lns.Run(name="x"))
    other = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        killed = (
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = 'ln_jupyter'"
        )
        assert connection.exec_driver_sql(killed + " AND datname = current_database()").scalar()
    other.dispose()

    assert ["x"] == ln.select(lns.Run.name).all()


@pytest.mark.postgres
def test_a_lock_timeout_is_said(postgres_url: sa.URL) -> None:
    """A row lock that is not given in time is an error of ours."""
    ln.connect(postgres_url.update_query_dict({"options": "-c lock_timeout=200"}))
    run = ln.add(lns.Run(name="x"))
    other = sa.create_engine(postgres_url)
    with other.connect() as connection:
        connection.exec_driver_sql("UPDATE ln_run SET name = 'y'")
        run.name = "z"

        with pytest.raises(errors.DatabaseBusyError) as error:
            ln.add(run)

    other.dispose()
    assert "did not give a lock in time" in str(error.value)
    assert run.name == "z"
    engines.dispose(postgres_url.update_query_dict({"options": "-c lock_timeout=200"}))


@pytest.mark.postgres
@pytest.mark.parametrize("name", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_any_postgresql_url_becomes_the_registry(postgres_url: sa.URL, name: str) -> None:
    """However the URL names the driver, an empty database it leads to becomes the registry."""
    url = postgres_url.set(drivername=name)
    ln.connect(url)

    ln.add(lns.Run(name="x"))

    with engines.resolve(url).connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM ln_run").scalar() == "x"


@pytest.mark.postgres
def test_any_postgresql_url_gets_the_driver(postgres_url: sa.URL) -> None:
    """`postgresql://` and `postgres://` mean psycopg."""
    for name in ("postgresql", "postgres", "postgresql+psycopg2"):
        engine = engines.resolve(postgres_url.set(drivername=name))
        assert engine.dialect.driver == "psycopg"
        engines.dispose(postgres_url.set(drivername=name))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://ann:@/lab?host=/tmp/sock", "postgresql+psycopg://ann@/lab?host=%2Ftmp%2Fsock"),
        ("postgresql://ann:hunter2@db/lab?connect_timeout=3", "postgresql+psycopg://ann:***@db/lab"),
    ],
)
def test_a_database_is_named_by_its_place(url: str, said: str) -> None:
    """A server behind a socket is named with it, no option is, and stars stand for a password that was given."""
    assert said == error_translation.describe(urls.parse(url))


# -- threads that come at once ---------------------------------------------------------------------------------------


def _at_once(work: Callable[[int], object]) -> list[object]:
    """Let four threads do it, and give what they gave."""
    turns = threading.Barrier(4)

    def wait_and_work(number: int) -> object:
        turns.wait()
        return work(number)

    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(wait_and_work, range(4)))


def test_threads_get_one_engine(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """If several ask for a URL that nobody has asked for, each gets the same engine."""
    create, made = sqlite.create, threading.Barrier(4)

    def create_at_once(url: sa.URL, **options: Any) -> sa.Engine:
        made.wait()
        return create(url, **options)

    monkeypatch.setattr(sqlite, "create", create_at_once)

    assert 1 == len(set(_at_once(lambda _: engines.resolve(sqlite_url))))


@pytest.mark.parametrize("place", ["memory", "file"])
def test_threads_make_one_registry(place: str, sqlite_url: sa.URL) -> None:
    """If several need a registry that is not there yet, one makes it, and all add to it."""
    url = "sqlite://" if place == "memory" else sqlite_url

    def add(number: int) -> None:
        with ln.Session(url) as ss:
            ss.add(lns.File(name=str(number)))

    for _ in range(3 if place == "memory" else 1):
        _at_once(add)
        assert {"0", "1", "2", "3"} == set(ln.Session(url).select(lns.File.name).all())
        engines.dispose(url)


@pytest.mark.parametrize("named_by", ["connect", "environment"])
def test_a_relative_path_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_by: str) -> None:
    """A relative path leads to one file, wherever the process goes later, and is shown whole."""
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    if named_by == "environment":
        monkeypatch.setenv("LN_JUPYTER_URL", "sqlite:///reg.db")
        ln.settings.forget()
        ln.settings.current()
    else:
        ln.connect("sqlite:///reg.db")
    monkeypatch.chdir(tmp_path / "sub")

    ln.add(lns.Pipeline(name="a", v="1"))

    assert [tmp_path / "reg.db"] == list(tmp_path.glob("**/*.db"))
    assert f"<Session {tmp_path / 'reg.db'}," in repr(ln.Session())


def test_a_path_commands_no_terminal(tmp_path: Path) -> None:
    """The name of a database is one line, whatever its path holds."""
    assert "<Session a\ufffdb.db," in repr(ln.Session("sqlite:////a\rb.db")).replace("/", "")
