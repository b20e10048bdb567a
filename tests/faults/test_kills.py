"""Processes are killed at random moments: what they acknowledged is there, and the next one goes on at once."""

from __future__ import annotations

import itertools
import random
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines
from ln_jupyter.db.sqlite import locks
from ln_jupyter.registry import backup, migrate, schema_version
from ln_jupyter.registry import check as registry
from ln_jupyter.tracking.recording import recorder
from tests import waits
from tests.faults.processes import Crowd, Process, gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Tell = Callable[[Any], None]

pytestmark = pytest.mark.newest  # what is proven is of no library's version

SEED = 6
"""Of all that is random here; a failure names what it drew."""

KILLS = 40
TOGETHER = 8
"""Processes that write beside each other, and are killed at moments of their own."""

ROWS = 20
"""Of a bulk add."""


class Worker:
    """Does units of work of every kind, and acknowledges each after its call has returned.

    Args:
        tell: Acknowledges.
        seed: Of the order of the units.
        name: Begins the name of whatever it makes.
    """

    def __init__(self, tell: Tell, seed: float, name: str) -> None:
        self.tell = tell
        self.random = random.Random(seed)
        self.name = name
        self.count = 0
        self.edited: lns.Pipeline | None = None

    def work(self) -> None:
        """Go on until it is killed."""
        while True:
            self.do_next()

    def do_next(self) -> None:
        """Do one unit, of any kind."""
        kinds = [self.register, self.add, self.edit, self.add_many, self.block, self.publish]
        self.count += 1
        self.random.choice(kinds)()

    def register(self) -> None:
        """Begin a run, with a notebook of its own."""
        ln.header(id=f"{self.random.randrange(10**12):012d}", name=self.unit, run="new")
        self.tell(("run", (ln.nb.notebook.id, ln.nb.run.id)))

    def add(self) -> None:
        """Add a record, and the record that it is about."""
        run = ln.add(lns.Run(name=self.unit, pipeline=lns.Pipeline(name=self.unit)))
        self.tell(("rows", [run.id, run.pipeline_id]))

    def edit(self) -> None:
        """Count up a number of a record."""
        if self.edited is None:
            self.edited = ln.add(lns.Pipeline(name=self.unit, reference="0"))
        self.edited.reference = str(int(self.edited.reference) + 1)
        ln.add(self.edited)
        self.tell(("edit", (self.edited.id, int(self.edited.reference))))

    def add_many(self) -> None:
        """Add rows in bulk, all or none."""
        keys = ln.add(lns.Run, [{"name": f"all of {ROWS}: {self.unit}"} for _ in range(ROWS)])
        self.tell(("rows", list(keys)))

    def block(self) -> None:
        """Add records in a block, which is sent in two parts, all or none."""
        with ln.Session() as ss:
            runs = [ss.add(lns.Run(name=f"all of {ROWS}: {self.unit}")) for _ in range(ROWS)]
            ss.select(lns.Run, name=self.unit).all()  # sends them
            runs[0].external_id = "first"
        self.tell(("rows", [run.id for run in runs]))

    def publish(self) -> None:
        """Publish the notebook of the last run."""
        if ln.nb.notebook is not None and ln.nb.notebook.published_at is None:
            ln.publish()
            self.tell(("published", ln.nb.notebook.id))

    @property
    def unit(self) -> str:
        """A name for this unit."""
        return f"{self.name}-{self.count}"


def work(tell: Tell, url: str, seed: float, name: str) -> None:
    recorder.HEARTBEAT = recorder.PAUSE = 0.001  # so that it writes all the time
    ln.connect(url)
    Worker(tell, seed, name).work()


def reopen(tell: Tell, url: str) -> None:
    locks.time = waits.Clock(lambda: tell("waits"))  # type: ignore[assignment]
    ln.connect(url)
    ln.select(lns.Run).first()
    ln.add(lns.Pipeline(name="reopened"))


def check_reopening(url: str) -> None:
    """Let the next process read and write: no lock of a killed one makes it wait."""
    with Process(reopen, url) as process:
        process.wait_until_ready().go()
        assert [] == process.rest()


@pytest.fixture
def chance() -> random.Random:
    """What happens when; the same each time, as far as the machine's own pace lets it."""
    return random.Random(SEED)


def kill_at_random(processes: list[Process], chance: random.Random, seconds: float, most: int = 0) -> list[list[Any]]:
    """Kill processes that have been let go, and give what each acknowledged.

    Args:
        processes: They are killed one after the other, while the later ones go on.
        chance: Draws the moments.
        seconds: How long to wait at most, after
        most: how many acknowledgements, at most.
    """
    acknowledged = []
    for process in processes:
        told = [process.next() for _ in range(chance.randint(0, most))]
        time.sleep(chance.uniform(0, seconds))
        process.kill()
        acknowledged.append(told + process.rest())
    return acknowledged


def check(url: sa.URL, acknowledged: list[tuple[str, Any]], drawn: str) -> None:
    """Compare a registry with what was acknowledged, and with itself."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        if url.get_backend_name() == "sqlite":
            assert [("ok",)] == connection.exec_driver_sql("PRAGMA integrity_check").all(), drawn
            assert [] == connection.exec_driver_sql("PRAGMA foreign_key_check").all(), drawn
        tables = (lns.Run, lns.Pipeline)
        there = {key for table in tables for key in connection.scalars(sa.select(table.id))}
        numbers = dict(connection.execute(sa.select(lns.Pipeline.id, lns.Pipeline.reference)).all())
        runs = set(connection.execute(sa.select(lns.Run.notebook_id, lns.Run.id)))
        notebooks = set(connection.scalars(sa.select(lns.Notebook.id)))
        published = set(connection.scalars(sa.select(lns.Notebook.id).where(lns.Notebook.published_at.is_not(None))))
        named = sa.select(lns.Run.name, sa.func.count()).where(lns.Run.name.startswith("all of")).group_by(lns.Run.name)
        sizes = {size for _, size in connection.execute(named)}
    told: dict[str, list[Any]] = {"run": [], "rows": [], "edit": [], "published": []}
    for kind, what in acknowledged:
        told[kind].append(what)
    assert set() == {key for keys in told["rows"] for key in keys} - there, drawn
    assert set() == set(told["run"]) - runs, drawn
    assert set() == set(told["published"]) - published, drawn
    assert [] == [(key, number) for key, number in told["edit"] if int(numbers.get(key) or 0) < number], drawn
    assert notebooks == {notebook for notebook, _ in runs if notebook is not None}, drawn
    assert sizes <= {ROWS}, drawn


@pytest.mark.newest
def test_kills(sqlite_url: sa.URL, chance: random.Random, times: int) -> None:
    """Whenever a process is killed, its registry is whole, holds what was acknowledged, and opens at once."""
    kill_workers(sqlite_url, chance, KILLS * times)


@pytest.mark.postgres
@pytest.mark.newest
def test_kills_on_postgresql(postgres_url: sa.URL, chance: random.Random, times: int) -> None:
    """The same holds for a client of PostgreSQL."""
    kill_workers(postgres_url, chance, KILLS // 2 * times)


def work_on(tell: Tell, url: str, seed: float, name: str) -> None:
    """Do units although some fail; those are told, too."""
    recorder.HEARTBEAT = recorder.PAUSE = 0.001
    ln.connect(url)
    worker = Worker(tell, seed, name)
    for _ in range(40):
        try:
            worker.do_next()
        except errors.LnJupyterError as error:
            tell(("error", (worker.unit, type(error).__name__)))
            worker.edited = None  # nobody knows whether it was saved


@pytest.mark.postgres
@pytest.mark.newest
def test_terminated_backends(postgres_url: sa.URL, chance: random.Random, times: int) -> None:
    """When the server ends a session, a unit is told as saved, or an error of ours; it is never there twice."""
    registry.ensure(engines.resolve(postgres_url))
    text = postgres_url.render_as_string(hide_password=False)
    server = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    ended = 0
    with Crowd(work_on, [(text, chance.random(), str(each)) for each in range(TOGETHER)]) as crowd:
        crowd.go()
        with server.connect() as connection:
            while ended < KILLS * times and None in [process.exit_code(0) for process in crowd]:
                time.sleep(chance.uniform(0, 0.03))
                ended += len(connection.execute(TERMINATE).all())
        told = gather(crowd)

    everything = [each for one in told for each in one]
    failed = {unit for kind, unit in everything if kind == "error"}
    assert 0 < len(failed) <= ended
    check(postgres_url, [each for each in everything if each[0] != "error"], f"seed {SEED}")
    with server.connect() as connection:
        for table in (lns.Run, lns.Pipeline, lns.Notebook):
            named = sa.select(table.name, sa.func.count()).where(table.name.not_like("all of%")).group_by(table.name)
            assert {1} == {count for _, count in connection.execute(named)}


TERMINATE = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'ln_jupyter' "
    "ORDER BY state = 'idle', random() LIMIT 1"  # one at work, if there is one
)


def kill_workers(url: sa.URL, chance: random.Random, kills: int) -> None:
    """Let processes write, kill them, and look at what they leave, again and again."""
    registry.ensure(engines.resolve(url))
    text = url.render_as_string(hide_password=False)
    acknowledged: list[tuple[str, Any]] = []
    for number in range(kills // TOGETHER):
        drawn = f"seed {SEED}, round {number}"
        with Crowd(work, [(text, chance.random(), f"{number}-{each}") for each in range(TOGETHER)]) as crowd:
            crowd.go()
            acknowledged += itertools.chain(*kill_at_random(crowd, chance, 0.02, most=8))
        check_reopening(text)
        check(url, acknowledged, drawn)
    assert {"run", "rows", "edit"} <= {kind for kind, _ in acknowledged}


# -- creation ------------------------------------------------------------------------------------------------------


def create(tell: Tell, url: str) -> None:
    registry.ensure(engines.resolve(url))
    tell("made")


@pytest.mark.parametrize(("kind", "kills"), [("sqlite", 12), pytest.param("postgresql", 4, marks=pytest.mark.postgres)])
def test_killed_while_creating(  # noqa: PLR0913, PLR0917 - each a fixture
    kind: str, kills: int, times: int, request: pytest.FixtureRequest, tmp_path: Path, chance: random.Random
) -> None:
    """A registry whose makers were killed is there with all its tables, or is made by the next one."""
    for number in range(kills // 2 * times):
        drawn = f"seed {SEED}, round {number}"
        with new_database(kind, request, tmp_path / f"{number}.db") as url:
            text = url.render_as_string(hide_password=False)
            with Crowd(create, [(text,), (text,)]) as crowd:
                crowd.go()
                kill_at_random(crowd, chance, 0.05)
            check_reopening(text)
            made = set(sa.inspect(engines.resolve(url)).get_table_names())
            assert {*lns.Base.metadata.tables, schema_version.TABLE.name} == made, drawn
            check(url, [], drawn)


@contextmanager
def new_database(kind: str, request: pytest.FixtureRequest, file: Path) -> Iterator[sa.URL]:
    """Give an empty database for a while."""
    if kind == "postgresql":
        from tests.conftest import new_database

        with new_database(request.getfixturevalue("postgres")) as url:
            yield url
        return
    url = sa.make_url(f"sqlite:///{file}")
    yield url
    engines.dispose(url)


# -- migration -----------------------------------------------------------------------------------------------------

STEPS = 60
"""Of the migration; it sends more statements."""

NUMBER = schema_version.NUMBER + 1

NEXT = f"""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "{NUMBER:04}", "{schema_version.NUMBER:04}"
oldest_reader = {schema_version.OLDEST_READER}
def upgrade():
    for number in range({STEPS // 2}):
        op.add_column("ln_run", sa.Column(f"added_{{number}}", sa.String))
        op.create_table(f"ln_added_{{number}}", sa.Column("id", sa.Integer, primary_key=True))
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """Give the migrations of a release whose last one takes many steps."""
    folder = tmp_path / "migrations" / "versions"
    folder.mkdir(parents=True)
    for file in (migrate.MIGRATIONS / "versions").glob("0*.py"):
        (folder / file.name).write_text(file.read_text())
    (folder.parent / "env.py").write_text((migrate.MIGRATIONS / "env.py").read_text())
    (folder / f"{NUMBER:04}_next.py").write_text(NEXT)
    return folder.parent


def upgrade(tell: Tell, url: str, migrations: Path) -> None:
    import alembic.command
    import alembic.script  # noqa: F401 - here, so that the kill comes after it

    migrate.MIGRATIONS = migrations
    engine = engines.resolve(url)
    sa.event.listen(engine, "before_cursor_execute", lambda *_: tell("goes on"))
    tell("begins")
    migrate.upgrade(engine)
    tell("upgraded")


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_killed_while_migrating(  # noqa: PLR0913, PLR0917 - each a fixture
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    migrations: Path,
    chance: random.Random,
    times: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A migration that is killed has done all or nothing, keeps every row, and can be run again at once."""
    monkeypatch.setattr(migrate, "MIGRATIONS", migrations)
    for number in range((4 if kind == "sqlite" else 2) * times):
        drawn = f"seed {SEED}, round {number}"
        with new_database(kind, request, tmp_path / f"{number}.db") as url:
            text = url.render_as_string(hide_password=False)
            ln.connect(url)
            run = ln.add(lns.Run(name="kept"))
            ln.connect()
            with Process(upgrade, text, migrations) as process:
                process.wait_until_ready().go()
                assert "begins" == process.next()
                kill_at_random([process], chance, 0, most=STEPS)
            with engines.resolve(url).connect() as connection:
                found = schema_version.read(connection)
            assert found is not None, drawn
            columns = {each["name"] for each in sa.inspect(engines.resolve(url)).get_columns("ln_run")}
            names = set(sa.inspect(engines.resolve(url)).get_table_names())
            added = len(columns) - len(lns.Run.__table__.columns), len(names) - len(lns.Base.metadata.tables) - 1
            assert added == {schema_version.NUMBER: (0, 0), NUMBER: (STEPS // 2, STEPS // 2)}[found.number], drawn

            again = migrate.upgrade(engines.resolve(url))

            assert NUMBER == again.after, drawn
            check(url, [("rows", [run.id])], drawn)


# -- backup --------------------------------------------------------------------------------------------------------


def back_up(tell: Tell, url: str, folder: Path) -> None:
    engine = engines.resolve(url)
    for number in range(1000):
        tell(("begins", folder / f"{number}.db"))
        backup.back_up(engine, folder / f"{number}.db")
        tell(("made", folder / f"{number}.db"))


def test_killed_while_backing_up(sqlite_url: sa.URL, tmp_path: Path, chance: random.Random, times: int) -> None:
    """A backup that is killed is there and whole, or is not there; what is left of it stops nobody."""
    ln.connect(sqlite_url)
    ln.add(lns.Run, [{"name": "all of 20: x"}] * ROWS)
    ln.add(lns.Pipeline, [{"name": "x" * 500} for _ in range(5000)])
    ln.connect()
    for number in range(4 * times):
        drawn = f"seed {SEED}, round {number}"
        folder = tmp_path / str(number)
        folder.mkdir()
        with Process(back_up, str(sqlite_url), folder) as process:
            process.wait_until_ready().go()
            told = kill_at_random([process], chance, 0.2)[0]

        for file in folder.glob("*.db"):
            check(sa.make_url(f"sqlite:///{file}"), [], drawn)
            assert 0o600 == file.stat().st_mode & 0o777, drawn
        assert {file for kind, file in told if kind == "made"} <= set(folder.glob("*.db")), drawn
        again = folder / "again.db"
        backup.back_up(engines.resolve(sqlite_url), again)
        with closing(sqlite3.connect(again)) as copy:
            assert (5000,) == copy.execute("SELECT count(*) FROM ln_pipeline").fetchone(), drawn
    check(sqlite_url, [], drawn)
