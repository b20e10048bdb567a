"""What select costs in its forms, against SQLAlchemy by hand and, as the floor, sqlite3."""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING

import registries
import sqlalchemy as sa
from interleaved import Contestant, Cost, Effort, call, measure, measure_processes
from report import Budget, Row, Section
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns

if TYPE_CHECKING:
    from pathlib import Path

_MANY = 100_000
_SOME = 10_000
_BY_HAND = "SQLAlchemy by hand"
_RAW = "sqlite3"
_SQL = f"SELECT {registries.COLUMNS} FROM ln_pipeline"
_EVERYTHING = sa.select(lns.Pipeline)

_BEFORE = """
import resource, sqlite3, sys, sqlalchemy as sa, ln_jupyter as ln, ln_jupyter.schema as lns
from sqlalchemy import orm
url = sys.argv[1]
ln.connect(url)
ln.select(lns.Pipeline).first()
"""
# What a process inherits at its start counts in its rusage, and not in the system's own figure.
_AFTER = """
try:
    with open("/proc/self/status") as status:
        print(next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")))
except OSError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
_PEAKS = {
    "nothing": "",
    "stream": "for each in ln.select(lns.Pipeline).stream(): pass",
    "all": "for each in ln.select(lns.Pipeline).all(): pass",
    "by hand": """
with orm.Session(sa.create_engine(url)) as session:
    for each in session.scalars(sa.select(lns.Pipeline).execution_options(yield_per=1000)): pass
""",
    "raw": "for each in sqlite3.connect(url.removeprefix('sqlite:///')).execute('SELECT * FROM ln_pipeline'): pass",
}


def run(folder: Path, effort: Effort) -> list[Section]:
    """Measure single records, many, frames and streams."""
    some = registries.of_pipelines(folder / "some.db", _SOME)
    many = registries.of_pipelines(folder / "many.db", _MANY)
    rows = [*_few(some, effort), *_all_of(many, effort), *_peaks(many, effort)]
    ln.connect()
    return [Section("Reading records", rows)]


def _few(path: Path, effort: Effort) -> list[Row]:
    engine, raw = sa.create_engine(registries.url(path)), sqlite3.connect(path)
    ln.connect(registries.url(path))

    def first() -> object:
        with orm.Session(engine) as session:
            return session.scalars(sa.select(lns.Pipeline).where(lns.Pipeline.name == "5000").limit(1)).first()

    def everything() -> object:
        with orm.Session(engine) as session:
            return session.scalars(_EVERYTHING).all()

    firsts = {
        "ours": call(lambda: ln.select(lns.Pipeline, name="5000").first()),
        "rival": call(first),
        "floor": call(lambda: raw.execute(f"{_SQL} WHERE name = '5000' LIMIT 1").fetchone()),
    }
    alls = {
        "ours": call(lambda: ln.select(lns.Pipeline).all()),
        "rival": call(everything),
        "floor": call(lambda: raw.execute(_SQL).fetchall()),
    }
    return [
        _row("select().first()", firsts, rounds=effort.rounds(150), calls=50, budget=Budget("ratio", 1.25)),
        _row(f"select().all() of {_SOME:,}", alls, rounds=effort.rounds(20)),
    ]


def _all_of(path: Path, effort: Effort) -> list[Row]:
    import pandas as pd

    engine, raw = sa.create_engine(registries.url(path)), sqlite3.connect(path)
    ln.connect(registries.url(path))

    def frame() -> object:
        with engine.connect() as connection:
            result = connection.execute(sa.select(lns.Pipeline.__table__))
            return pd.DataFrame(result.all(), columns=list(result.keys())).set_index(["id", "v"])

    def stream_by_hand() -> None:
        with orm.Session(engine) as session:
            for _ in session.scalars(_EVERYTHING.execution_options(yield_per=1000)):
                pass

    def stream() -> None:
        for _ in ln.select(lns.Pipeline).stream():
            pass

    floor = call(lambda: raw.execute(_SQL).fetchall())
    frames = {"ours": call(lambda: ln.select(lns.Pipeline).df()), "rival": call(frame), "floor": floor}
    streams = {"ours": call(stream), "rival": call(stream_by_hand), "floor": floor}
    return [
        _row(f"select().df() of {_MANY:,}", frames, rounds=effort.rounds(5)),
        _row(f"select().stream() of {_MANY:,}", streams, rounds=effort.rounds(5)),
    ]


def _peaks(path: Path, effort: Effort) -> list[Row]:
    """Measure the memory of processes that read everything, beside that of one that reads a single record."""
    command = [sys.executable, "-c"]
    commands = {name: [*command, _BEFORE + source + _AFTER, registries.url(path)] for name, source in _PEAKS.items()}
    costs = measure_processes(commands, rounds=effort.rounds(3), says_peak=True)
    beside = {
        name: [
            Cost(one.cpu, one.wall, max(one.peak - none.peak, 1))
            for one, none in zip(each, costs["nothing"], strict=True)
        ]
        for name, each in costs.items()
    }
    note = "beside a process that read one record"
    return [
        Row(
            "memory of stream()",
            beside["stream"],
            beside["by hand"],
            _BY_HAND,
            beside["raw"],
            _RAW,
            by="peak",
            note=note,
        ),
        Row("memory of all()", beside["all"], beside["stream"], "stream()", by="peak", note=note),
    ]


def _row(
    name: str, contestants: dict[str, Contestant], *, rounds: int, calls: int = 1, budget: Budget | None = None
) -> Row:
    costs = measure(contestants, rounds=rounds, calls=calls)
    return Row(name, costs["ours"], costs["rival"], _BY_HAND, costs["floor"], _RAW, budget)
