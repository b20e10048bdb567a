"""What a session costs, a statement in one, and a profile of one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import registries
import sqlalchemy as sa
from interleaved import Effort, call, measure
from report import Row, Section
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns

if TYPE_CHECKING:
    from pathlib import Path

_BY_HAND = "SQLAlchemy by hand"


def run(folder: Path, effort: Effort) -> list[Section]:
    """Measure sessions of our own beside SQLAlchemy's, on one database."""
    path = registries.of_pipelines(folder / "sessions.db", 100)
    ln.connect(registries.url(path))
    engine = sa.create_engine(registries.url(path))
    rows = [_block(engine, effort), *_statements(engine, effort)]
    ln.connect()
    return [Section("Sessions", rows)]


def _block(engine: sa.Engine, effort: Effort) -> Row:
    def ours() -> None:
        with ln.Session() as ss:
            ss.orm.connection()

    def by_hand() -> None:
        with orm.Session(engine) as session:
            session.connection()
            session.commit()

    costs = measure({"ours": call(ours), "rival": call(by_hand)}, rounds=effort.rounds(60), calls=50)
    return Row("with ln.Session(), a connection", costs["ours"], costs["rival"], _BY_HAND)


def _statements(engine: sa.Engine, effort: Effort) -> list[Row]:
    statement = sa.select(lns.Pipeline).limit(1)

    def first(session: orm.Session) -> object:
        return session.scalars(statement).first()

    with (
        orm.Session(engine, expire_on_commit=False) as theirs,
        ln.Session() as off,
        ln.Session(profile=True) as on,
    ):
        contestants = {"theirs": theirs, "off": off.orm, "on": on.orm}
        turns = {name: call(partial(first, session)) for name, session in contestants.items()}
        costs = measure(turns, rounds=effort.rounds(100), calls=100)
    return [
        Row("a statement in an open session", costs["off"], costs["theirs"], _BY_HAND),
        Row("a statement with profile=True", costs["on"], costs["off"], "without"),
    ]
