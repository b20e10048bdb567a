"""Many processes write to one registry: what was acknowledged is there, and nothing was overwritten."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines
from ln_jupyter.locate.location import Location
from ln_jupyter.orm import unit_of_work
from ln_jupyter.tracking import register as rows
from ln_jupyter.tracking import request as requests
from ln_jupyter.tracking import running
from tests import waits
from tests.faults import processes
from tests.faults.processes import Repeated
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ln_jupyter.orm.session import OrmSession

    Tell = Callable[[object], None]

TRANSACTIONS = 20
"""Of each process."""

NAMES = 40
"""Of pipelines that all processes get or create."""

EDITED, LOCKED = ["e0", "e1"], ["l0", "l1"]
"""Ids of pipelines whose names count: edited in plain blocks, and under ``write=True``."""

KINDS = {"register": 3, "add": 4, "get or create": 3, "edit": 4, "locked edit": 3, "bulk add": 1, "delete": 2}
"""How often a transaction is of which kind."""


class Worker:
    """Does transactions of every kind, and tells of each that was committed."""

    def __init__(self, tell: Tell, number: int, paths: list[Path], locked: list[str]) -> None:
        self.tell = tell
        self.random = random.Random(number)
        self.paths = paths
        self.locked = locked
        self.mine: list[lns.Run] = []

    def work(self, transactions: int) -> None:
        """Begin as a script does, then do one transaction after the other."""
        ln.header(filepath=self.random.choice(self.paths))
        self.tell(("runs", [ln.nb.run.id]))
        for kind in self.random.choices(list(KINDS), list(KINDS.values()), k=transactions - 2):
            getattr(self, kind.replace(" ", "_"))()
        recording = running.recording()
        assert recording is not None
        recording.finish()

    def register(self) -> None:
        """Register a notebook and a run, as another process does that runs it."""
        request = requests.look_at(Location(self.random.choice(self.paths), "test"))
        self.tell(("runs", [rows.register(request, before=None, run=None).run.id]))

    def add(self) -> None:
        """Add a run with a file: two rows, and one that joins them."""
        run = ln.add(lns.Run(name="mine", inputs=[lns.File(name="in")]))
        self.mine.append(run)
        self.tell(("runs", [run.id]))
        self.tell(("files", [run.inputs[0].id]))

    def get_or_create(self) -> None:
        """Get a pipeline, or make it."""
        pipeline = ln.add(lns.Pipeline, name=f"shared {self.random.randrange(NAMES)}")
        self.tell(("shared", (pipeline.name, pipeline.id)))

    def edit(self) -> None:
        """Read a counter and write it, with no lock between."""
        chosen = self.random.choice(EDITED)
        try:
            _count_up(chosen)
        except errors.StaleRecordError:
            self.tell(("stale", chosen))
        else:
            self.tell(("counted", chosen))

    def locked_edit(self) -> None:
        """Do the same under the write lock, where nothing is stale."""
        chosen = self.random.choice(self.locked)
        _count_up(chosen, write=True)
        self.tell(("counted", chosen))
        self.tell(("locked", chosen))

    def bulk_add(self) -> None:
        """Add many rows."""
        self.tell(("files", ln.add(lns.File, [{"name": "bulk"}] * 50)))

    def delete(self) -> None:
        """Delete a run that was added before."""
        if self.mine:
            run = self.mine.pop()
            ln.delete(run)
            self.tell(("deleted", run.id))


def _count_up(pipeline: str, *, write: bool = False) -> None:
    """Do it, and again where the database asks for it, as whoever chose SERIALIZABLE has to do with a block."""
    while True:
        try:
            with ln.Session(write=write) as ss:
                found = ss.select(lns.Pipeline, id=pipeline).one()
                found.name = str(int(found.name or 0) + 1)
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != "40001":
                raise
        else:
            return


def mixed(tell: Tell, url: str, transactions: int, number: int, *material: Any) -> None:
    """Do the transactions of one process."""
    ln.connect(url)
    Worker(tell, number, *material).work(transactions)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Give some notebooks."""
    return [notebooks.write(tmp_path / f"{name}.ipynb", title=name) for name in ("one", "two", "three", "four")]


@pytest.fixture
def told(engine: sa.Engine, paths: list[Path], many: int, times: int) -> dict[str, list[Any]]:
    """Let all processes work, and give what they told, by its kind."""
    ln.add([lns.Pipeline(id=each, name="0") for each in EDITED + LOCKED])
    # SQLite's lock keeps plain blocks out too; PostgreSQL's only those that ask for it
    locked = LOCKED + EDITED if engine.dialect.name == "sqlite" else LOCKED
    url = engine.url.render_as_string(hide_password=False)
    said = processes.run(mixed, [(url, TRANSACTIONS * times, number, paths, locked) for number in range(many)])
    by_kind: dict[str, list[Any]] = {}
    for kind, what in (each for process in said for each in process):
        by_kind.setdefault(kind, []).append(what)
    return by_kind


def test_nothing_is_lost(told: dict[str, list[Any]]) -> None:
    """What was acknowledged is found, and nothing else; each counter has exactly its increments; no other error."""
    deleted = set(told.get("deleted", ()))  # with few transactions, not everything comes about
    runs = {run for some in told["runs"] for run in some} - deleted
    files = {file for some in told["files"] for file in some}
    shared = set(told["shared"])

    pipelines = ln.select(lns.Pipeline).all()

    assert runs == {run.id for run in ln.select(lns.Run).all()}
    assert files == {file.id for file in ln.select(lns.File).all()}
    assert shared == {(each.name, each.id) for each in pipelines if each.id not in EDITED + LOCKED}
    assert len(shared) == len({name for name, _ in shared})
    assert Counter(told["counted"]) == {
        each.id: int(each.name or 0) for each in pipelines if each.id in EDITED + LOCKED
    }
    assert set(told.get("stale", ())) <= set(EDITED)
    assert (1, 4, 4) == tuple(ln.select(model).count() for model in (lns.User, lns.Notebook, lns.NotebookPath))


# -- somebody's own models, which have no counter of versions ------------------------------------------------------


class Theirs(orm.DeclarativeBase):
    """Somebody's models."""


class Tally(Theirs):
    """A number that many count up."""

    __tablename__ = "tally"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    n: orm.Mapped[int]


def under_the_write_lock(tell: Tell, url: str, increments: int) -> None:
    """Count up in blocks that write."""
    for _ in range(increments):
        with ln.Session(url, write=True) as ss:
            ss.select(Tally, id=1).one().n += 1
        tell("counted")


@pytest.fixture
def tally(url: sa.URL) -> Iterator[sa.Engine]:
    """Give a database with somebody's tally at 0."""
    engine = sa.create_engine(url)
    Theirs.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add(Tally(id=1, n=0))
        session.commit()
    yield engine
    engine.dispose()


INCREMENTS = 10


def test_the_write_lock_protects_models_without_a_counter(tally: sa.Engine, many: int, times: int) -> None:
    """Under ``write=True`` every increment of somebody's own table is acknowledged, and arrives."""
    url = tally.url.render_as_string(hide_password=False)

    told = processes.run(under_the_write_lock, [(url, INCREMENTS * times)] * many)

    with orm.Session(tally) as session:
        arrived = session.get_one(Tally, 1).n
    assert many * INCREMENTS * times == sum(len(each) for each in told) == arrived


def test_the_defaults_lose_updates(tally: sa.Engine) -> None:
    """The control: of two increments on SQLAlchemy's defaults, both acknowledged, one is lost."""
    options = {"isolation_level": "READ COMMITTED"} if tally.dialect.name == "postgresql" else {}
    plain = sa.create_engine(tally.url, **options)
    with orm.Session(plain) as one, orm.Session(plain) as other:
        tallies = [session.get_one(Tally, 1) for session in (one, other)]
        for session, counter in zip((one, other), tallies, strict=True):
            counter.n += 1
            session.commit()

        assert 1 == one.get_one(Tally, 1).n
    plain.dispose()


# -- databases that let transactions collide -----------------------------------------------------------------------


def collide(tell: Tell, url: str, units: int) -> None:
    """Count up in units of our own, each of which reads the row under its lock and writes it."""
    ln.connect(url)
    repeated = Repeated()

    def count_up(session: OrmSession) -> None:
        counter = session.get_one(lns.Pipeline, (EDITED[0], "1"), with_for_update=True)
        counter.name = str(int(counter.name or 0) + 1)

    for _ in range(units):
        before = repeated.count
        unit_of_work.run(count_up)
        tell(repeated.count - before)


def get_or_create(tell: Tell, url: str, names: int) -> None:
    """Get or create the same records as everybody else, in the same order."""
    ln.connect(url)
    for number in range(names):
        ln.add(lns.Pipeline, name=f"shared {number}")
        _count_up(LOCKED[0], write=True)
        tell("done")


@pytest.fixture
def shared(shared_url: sa.URL) -> Iterator[str]:
    """Give a registry with counters, from which this process reads too."""
    ln.connect(shared_url)
    ln.add([lns.Pipeline(id=each, name="0") for each in EDITED + LOCKED])
    yield shared_url.render_as_string(hide_password=False)
    ln.connect()


@pytest.mark.postgres
@pytest.mark.parametrize("shared_url", ["serializable", "repeatable read"], indirect=True)
def test_units_that_collide_are_done_again(shared: str, many: int, times: int) -> None:
    """Where transactions collide, as on distributed engines, each unit succeeds in the end, and none is lost."""
    engine, table = engines.current(), lns.Pipeline.__table__
    with processes.Crowd(collide, [(shared, 5 * times)] * many) as crowd:
        with engine.begin() as connection:
            connection.execute(sa.update(table).where(table.c.id == EDITED[0]).values(name="0"))
            crowd.go()
            waits.for_waiter(engine)  # who waits for this row collides with its change
        repeated = [each for told in processes.gather(crowd) for each in told]

    assert many * 5 * times == len(repeated) == int(ln.select(lns.Pipeline, id=EDITED[0]).one().name or 0)
    assert sum(repeated) > 0


def test_the_write_lock_comes_before_what_is_read(shared: str, many: int, times: int) -> None:
    """Whoever waited for the write lock sees what was written meanwhile: at every level of isolation none fails."""
    told = processes.run(get_or_create, [(shared, 3 * times)] * many)

    assert many * 3 * times == sum(map(len, told)) == int(ln.select(lns.Pipeline, id=LOCKED[0]).one().name or 0)
    assert 3 * times == ln.select(lns.Pipeline).where(lns.Pipeline.name.startswith("shared")).count()
