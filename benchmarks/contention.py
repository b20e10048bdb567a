"""What many writers to one SQLite file get done, and how long each waits: against programs that do the same by hand.

Each process adds runs and, as often, reads a counter and writes it. The rivals write the same
rows to the same tables, in transactions that begin with ``BEGIN IMMEDIATE``, as durable as ours.
Rounds are interleaved, because the disk is the noisiest part of a machine: read the ratios.

Run it from the repository: ``.venv/bin/python benchmarks/contention.py [--pause 100] [--json]``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sqlite3
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import event, orm
from tabulate import tabulate

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.schema import ids

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Barrier

    Transactions = tuple[Callable[[], object], Callable[[], object]]

COUNTER = "counter"

_IMPORTED = [
    "ln_jupyter.records.session",
    "ln_jupyter.schema.models",
    "sqlalchemy.dialects.sqlite",
    "statistics",
    "tabulate",
]
"""By the server that forks the processes, which need not import it each."""


def ours(path: Path) -> Transactions:
    """Write as a notebook does."""
    ln.connect(f"sqlite:///{path}")

    def add() -> None:
        ln.add(lns.Run(name="contention"))

    def count_up() -> None:
        with ln.Session(write=True) as ss:
            counter = ss.select(lns.Pipeline, id=COUNTER).one()
            counter.name = str(int(counter.name or 0) + 1)

    return add, count_up


def by_sqlalchemy(path: Path) -> Transactions:
    """Write with SQLAlchemy's own session, which is what ours adds to."""
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def _connect(driver: sqlite3.Connection, _entry: object) -> None:
        driver.execute("PRAGMA synchronous=NORMAL")
        driver.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with orm.Session(engine) as session:
        user_id = session.scalars(sa.select(lns.User.id)).one()

    def add() -> None:
        with orm.Session(engine, expire_on_commit=False) as session:
            session.add(lns.Run(name="contention", created_by_id=user_id))
            session.commit()

    def count_up() -> None:
        with orm.Session(engine, expire_on_commit=False) as session:
            counter = session.scalars(sa.select(lns.Pipeline).where(lns.Pipeline.id == COUNTER)).one()
            counter.name = str(int(counter.name or 0) + 1)
            session.commit()

    return add, count_up


def by_sqlite3(path: Path) -> Transactions:
    """Write with the standard library alone."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    (user_id,) = connection.execute("SELECT id FROM ln_user").fetchone()
    columns = list(lns.Run.__table__.columns.keys())
    insert = f"INSERT INTO ln_run ({', '.join(columns)}) VALUES ({', '.join(f':{name}' for name in columns)})"
    empty = dict.fromkeys(columns)

    def add() -> None:
        created_at = time.strftime("%Y-%m-%d %H:%M:%S.000000", time.gmtime())
        row = {"id": ids.new(ids.RUN), "name": "contention", "created_at": created_at, "created_by_id": user_id}
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(insert, empty | row | {"revision": 1})
        connection.execute("COMMIT")

    def count_up() -> None:
        connection.execute("BEGIN IMMEDIATE")
        row = connection.execute("SELECT * FROM ln_pipeline WHERE id = ?", (COUNTER,)).fetchone()
        key, (name, revision) = row[:2], (row[2], row[-1])
        update = "UPDATE ln_pipeline SET name = ?, revision = ? WHERE id = ? AND v = ? AND revision = ?"
        connection.execute(update, (str(int(name) + 1), revision + 1, *key, revision))
        connection.execute("COMMIT")

    return add, count_up


RIVALS = {"sqlite3, by hand": by_sqlite3, "sqlalchemy, by hand": by_sqlalchemy, "ln_jupyter": ours}


@dataclass(frozen=True)
class Measured:
    """What one rival got done in all rounds.

    Attributes:
        throughput: Transactions in a second, of all processes; the median of the rounds.
        p50: Of how long a transaction took, in milliseconds, all rounds together.
        p99: The same.
        longest: The same.
        lost: Transactions that are not in the database.
    """

    throughput: float
    p50: float
    p99: float
    longest: float
    lost: int


@dataclass(frozen=True)
class Load:
    """What each round asks of a rival.

    Attributes:
        processes: How many.
        transactions: Of each of them.
        pause: Seconds between two transactions of a process, on average: 0 is a loop that
            does nothing but write, and measures how little the program does beside.
    """

    processes: int
    transactions: int
    pause: float


def work(name: str, path: Path, load: Load, start: Barrier, done: multiprocessing.SimpleQueue) -> None:
    """Be one process: begin with the others, and say how long each transaction took."""
    add, count_up = RIVALS[name](path)
    add()  # what is compiled and opened once is not measured
    count_up()
    start.wait()
    began = time.monotonic()
    times = []
    for number in range(load.transactions):
        time.sleep(random.uniform(0, 2 * load.pause))
        before = time.monotonic()
        (count_up if number % 2 else add)()
        times.append(time.monotonic() - before)
    done.put((began, time.monotonic(), times))


def one_round(name: str, load: Load) -> tuple[float, list[float], int]:
    """Let one rival have a new database for itself; give its throughput, its times, and what it lost."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "registry.db"
        ln.connect(f"sqlite:///{path}")
        ln.add(lns.Pipeline(id=COUNTER, name="0"))
        context = multiprocessing.get_context("forkserver")
        start, done = context.Barrier(load.processes), context.SimpleQueue()
        started = [context.Process(target=work, args=(name, path, load, start, done)) for _ in range(load.processes)]
        for process in started:
            process.start()
        told = [done.get() for _ in started]
        for process in started:
            process.join()
        written = ln.select(lns.Run).count() + int(ln.select(lns.Pipeline, id=COUNTER).one().name or 0)
        ln.connect().dispose()
        ln.connect()
    seconds = max(ended for _, ended, _ in told) - min(began for began, _, _ in told)
    times = [each for _, _, some in told for each in some]
    return len(times) / seconds, times, load.processes * (load.transactions + 2) - written


def measure(load: Load, *, rounds: int) -> dict[str, Measured]:
    """Let each rival have its turn, round by round."""
    turns = {name: [] for name in RIVALS}
    for _ in range(rounds):
        for name, of_rival in turns.items():
            of_rival.append(one_round(name, load))
    measured = {}
    for name, of_rival in turns.items():
        centiles = statistics.quantiles(
            times := [1000 * each for _, some, _ in of_rival for each in some], n=100, method="inclusive"
        )
        throughput = statistics.median(each for each, _, _ in of_rival)
        lost = sum(each for _, _, each in of_rival)
        measured[name] = Measured(throughput, centiles[49], centiles[98], max(times), lost)
    return measured


def main() -> None:
    """Read the arguments, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=32)
    parser.add_argument("--transactions", type=int, default=100, help="of each process, in each round")
    parser.add_argument("--pause", type=float, default=0, help="milliseconds between two transactions, on average")
    options = parser.parse_args()
    load = Load(options.processes, options.transactions, options.pause / 1000)
    multiprocessing.set_forkserver_preload(_IMPORTED)
    measured = measure(load, rounds=options.rounds)
    if options.json:
        print(json.dumps({name: asdict(each) for name, each in measured.items()}, indent=2))
        return
    base = measured["sqlite3, by hand"].throughput
    rows = [
        (
            name,
            f"{m.throughput:,.0f}",
            f"{m.throughput / base:.2f}",
            *(f"{x:,.1f}" for x in (m.p50, m.p99, m.longest)),
            m.lost,
        )
        for name, m in measured.items()
    ]
    header = ("", "transactions/s", "x sqlite3", "p50 ms", "p99 ms", "max ms", "lost")
    print(f"{load.processes} processes, {load.transactions} transactions each, {options.rounds} rounds")
    print(tabulate(rows, header, disable_numparse=True, colalign=("left", *["right"] * 6)))


if __name__ == "__main__":
    main()
