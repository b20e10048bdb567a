"""Remarks for whoever ran the cell: rare, short, and for the thread that caused them."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import advice, settings
from ln_jupyter.db import engines
from ln_jupyter.db.sqlite import lock_owner, locks
from ln_jupyter.orm.profile import lazy_loads
from ln_jupyter.orm.session import OrmSession
from tests import waits
from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin and end with nothing said, and with settings that nobody decided."""
    monkeypatch.delenv("LN_JUPYTER_ADVICE", raising=False)
    settings.forget()
    advice.take()
    yield
    advice.take()
    settings.forget()


class Base(DeclarativeBase):
    """The user's own."""


class Node(Base):
    """A tree."""

    __tablename__ = "node"
    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("node.id"))
    parent: Mapped[Node | None] = relationship(remote_side="Node.id", back_populates="children")
    children: Mapped[list[Node]] = relationship(back_populates="parent")


@pytest.fixture
def tree(sqlite_url: sa.URL) -> Iterator[sa.Engine]:
    """Give an engine of the user's own with twelve pairs of nodes."""
    engine = sa.create_engine(sqlite_url)
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add_all([Node(id=n, children=[Node(id=100 + n)]) for n in range(12)])
        session.commit()
    yield engine
    engine.dispose()


def _children() -> Any:
    return sa.select(Node).where(Node.id >= 100).order_by(Node.id)


# -- lazy loads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["bare", "block", "plain"])
def test_many_lazy_loads_are_one_remark(tree: sa.Engine, how: str) -> None:
    """Ten lazy loads of one relationship from one query are said once, with the line, the final count and the fix."""
    ss = ln.Session(tree)
    if how == "block":
        ss.begin()
    nodes = list(ss.orm.scalars(_children())) if how == "plain" else ss.select(Node).where(Node.id >= 100).all()

    for node in nodes:
        _ = node.parent  # in a loop

    (said,) = advice.take()
    assert said.startswith("12 lazy loads of Node.parent at ")
    assert '_ = node.parent  # in a loop · .load("parent") on the select makes it one query' in said
    assert "\n" not in said
    if how == "block":
        ss.end(failed=False)
    ss.close()


def test_nine_are_not_many(tree: sa.Engine) -> None:
    """Fewer are not worth a remark, whatever other relationships of the same records are loaded."""
    with OrmSession(tree) as session:
        for node in session.scalars(_children().limit(9)):
            _ = node.parent, node.children

    assert () == advice.take()


def test_one_by_one_is_not_one_query(tree: sa.Engine) -> None:
    """Records that were selected one by one have nothing to load together."""
    with OrmSession(tree) as session:
        for n in range(100, 112):
            _ = session.scalars(sa.select(Node).where(Node.id == n)).one().parent

    assert () == advice.take()


def test_what_is_in_memory_does_not_count(tree: sa.Engine) -> None:
    """Lazy loads that send nothing are none."""
    with OrmSession(tree) as session:
        parents = session.scalars(sa.select(Node).where(Node.id < 100)).all()
        for node in session.scalars(_children()):
            assert node.parent in parents

    assert () == advice.take()


@pytest.mark.usefixtures("engine")
def test_the_path_is_whole_where_it_can_be_told() -> None:
    """Below what the select loads already, the fix goes on from there."""
    ln.add([lns.Run(name="a", inputs=[lns.File(sources=[lns.Run(name="b")])]) for _ in range(12)])
    with ln.Session() as ss:
        for run in ss.select(lns.Run, name="a").load("inputs").all():
            _ = run.inputs[0].sources

    (said,) = advice.take()
    assert said.startswith("12 lazy loads of File.sources at ")
    assert '.load("inputs.sources")' in said


def test_inner_loops_hide_no_outer_one(tree: sa.Engine) -> None:
    """However many queries lie between two lazy loads of one query, they are counted together."""
    with OrmSession(tree) as session:
        for node in session.scalars(_children()).all():
            _ = node.parent
            for n in range(lazy_loads._MOST_TALLIES - 2):
                session.expire(node, ["children"])
                _ = session.scalars(sa.select(Node).where(Node.id == n % 12)).one().children

    assert any("12 lazy loads of Node.parent" in said for said in advice.take())


def test_the_count_keeps_no_record(tree: sa.Engine) -> None:
    """A session that reads for long keeps neither records nor numbers of them."""
    with OrmSession(tree) as session:
        for n in [*range(12)] * 10:
            _ = session.scalars(sa.select(Node).where(Node.id == n)).one().children
            session.expunge_all()
        kept = len(session.identity_map), len(session.lazy_loads or ())

    assert (0, lazy_loads._MOST_TALLIES) >= kept


# -- SQLite's write lock ---------------------------------------------------------------------------------------


@pytest.fixture
def written(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    """Give an engine of ours whose every transaction is long."""
    engine = engines.resolve(sqlite_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE a (x)")
    monkeypatch.setattr(locks, "LONG_SECONDS", 0)
    return engine


@pytest.mark.parametrize("end", ["commit", "rollback", "close", "lost", "by hand", "detached"])
def test_a_long_transaction_is_said(written: sa.Engine, end: str) -> None:
    """However it ends, it is said once, with the line that wrote first."""
    connection = written.connect()
    connection.exec_driver_sql("INSERT INTO a VALUES (1)")  # the first
    connection.exec_driver_sql("INSERT INTO a VALUES (1)")

    if end in ("commit", "rollback"):  # said while the connection is still in use
        getattr(connection, end)()
        said = advice.take()
        connection.close()
    else:
        if end == "detached":
            connection.detach()
        if end == "by hand":
            connection.exec_driver_sql("COMMIT")
        if end != "lost":
            connection.close()
        del connection
        gc.collect()
        said = advice.take()

    assert (1, ()) == (len(said), advice.take())
    assert said[0].startswith("SQLite's write lock was held for ")
    assert "# the first" in said[0]


def test_a_short_transaction_is_not(written: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends soon, or only reads, is not worth a remark."""
    with written.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM a")
        connection.commit()
        monkeypatch.setattr(locks, "LONG_SECONDS", 60)
        connection.exec_driver_sql("INSERT INTO a VALUES (1)")
        connection.commit()

    assert () == advice.take()


class Clock(waits.Clock):
    """Stands for the module `time`: it passes when a test says so."""

    now = 0.0

    def __init__(self, on_wait: Callable[[], object]) -> None:
        super().__init__(on_wait)
        self.monotonic = lambda: self.now


def test_waiting_is_not_holding(written: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes before the lock is there does not count, and each thread hears of its own."""
    is_waiting = threading.Event()
    clock = Clock(is_waiting.set)
    for module in (lock_owner, locks):
        monkeypatch.setattr(module, "time", clock)

    def write() -> tuple[str, ...]:
        with written.connect() as second:
            second.exec_driver_sql("INSERT INTO a VALUES (1)")
            clock.now += 3
            held = locks.held_seconds(second.info)
            second.commit()
        assert 3 == held
        return advice.take()

    with ThreadPoolExecutor(1) as threads, written.connect() as first:
        first.exec_driver_sql("INSERT INTO a VALUES (1)")
        other = threads.submit(write)
        assert is_waiting.wait(kernel_driver.TIMEOUT)
        clock.now += 7
        first.commit()
        (theirs,), (ours,) = other.result(), advice.take()

    assert "was held for 3.0 s" in theirs
    assert "was held for 7.0 s" in ours


def test_memory_is_nobody_elses() -> None:
    """A database in memory has nobody who could wait for it."""
    engine = engines.resolve("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE a (x)")
        assert locks.held_seconds(connection.info) == 0
        connection.rollback()
    engines.dispose("sqlite://")


@pytest.mark.newest
def test_the_end_of_the_process_is_quiet(sqlite_url: sa.URL) -> None:
    """A connection that is only given back while the interpreter ends is no error, and no remark."""
    code = f"""
from ln_jupyter.db import engines, transactions
from ln_jupyter.db.sqlite import locks
locks.LONG_SECONDS = 0
connection = engines.resolve({str(sqlite_url)!r}).connect()
connection.exec_driver_sql("CREATE TABLE a (x)")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


# -- giving and taking -----------------------------------------------------------------------------------------


def test_taking_forgets() -> None:
    """Remarks are given in order and once, as they read when they are taken."""
    later: list[int] = []
    advice.give("first")
    advice.give(later)
    later.append(7)

    assert ("first", "[7]") == advice.take()
    assert () == advice.take()


def test_few_remarks_wait() -> None:
    """Where nobody asks for them, remarks do not pile up."""
    for n in range(100):
        advice.give(n)

    assert advice.MOST == len(advice.take())


def test_each_thread_has_its_own() -> None:
    """A remark is for the thread that it was left in."""
    advice.give("here")
    with ThreadPoolExecutor(1) as threads:
        there = threads.submit(advice.take).result()

    assert ((), ("here",)) == (there, advice.take())


def test_it_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting is asked when there is something to say."""
    monkeypatch.setenv("LN_JUPYTER_ADVICE", "off")
    advice.give("unheard")
    monkeypatch.delenv("LN_JUPYTER_ADVICE")
    advice.give("heard")

    assert ("heard",) == advice.take()


# -- a bar -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_terminal", "patience", "is_shown"), [(True, 0.0, True), (False, 0.0, False), (True, 9.0, False)]
)
def test_a_bar_is_for_who_waits(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_terminal: bool,
    patience: float,
    is_shown: bool,
) -> None:
    """What takes long shows a bar on a terminal, and takes it away; short work shows none, and a file gets none."""
    monkeypatch.setattr(advice, "PATIENCE", patience)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)

    with advice.progress("copying", 3_000) as advance:
        for _ in range(3):
            advance(1_000)

    assert is_shown == ("copying: " in (said := capsys.readouterr().err))
    assert said.rpartition("\r")[2].strip() == ""


def test_a_bar_without_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be said, the work goes on."""
    monkeypatch.setattr(advice, "PATIENCE", 0.0)
    monkeypatch.setattr(sys, "stderr", None)

    with advice.progress("copying", 2) as advance:
        advance(1)
