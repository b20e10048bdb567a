"""What add and delete cost, against SQLAlchemy by hand and, as the floor, sqlite3."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any

import registries
import sqlalchemy as sa
from interleaved import Contestant, Effort, measure
from report import Budget, Row, Section
from sqlalchemy import event, orm

import ln_jupyter as ln
import ln_jupyter.schema as lns

if TYPE_CHECKING:
    from pathlib import Path

_BY_HAND = "SQLAlchemy by hand"
_RAW = "sqlite3"
_REMARK = "the rivals are as durable: WAL, synchronous=NORMAL, foreign keys on"


def run(folder: Path, effort: Effort) -> list[Section]:
    """Measure with a registry for each contestant, all of which begin empty."""
    ours, by_hand, raw = Ours(folder / "ours.db"), ByHand(folder / "hand.db"), Raw(folder / "raw.db")
    contestants = {"ours": ours, "rival": by_hand, "floor": raw}

    def row(name: str, what: str, n: int, rounds: int, budget: Budget | None = None) -> Row:
        turns = {
            side: Contestant(getattr(each, what), partial(getattr(each, f"for_{what}"), n))
            for side, each in contestants.items()
        }
        costs = measure(turns, rounds=rounds)
        return Row(name, costs["ours"], costs["rival"], _BY_HAND, costs["floor"], _RAW, budget)

    rows = [
        row("add of 1", "add", 1, effort.rounds(300)),
        row("add of 1,000", "add", 1_000, effort.rounds(30)),
        row("add of 10,000", "add", 10_000, effort.rounds(15), Budget("ratio", 1.12)),
        row("add of 100,000 dicts", "add_dicts", 100_000, 3),
        row("delete of 1,000", "delete", 1_000, effort.rounds(15)),
    ]
    ln.connect()
    return [Section("Writing records", rows, [_REMARK])]


class Ours:
    """Writes by `ln.add` and `ln.delete`."""

    def __init__(self, path: Path) -> None:
        registries.with_user(path)
        ln.connect(registries.url(path))

    def for_add(self, n: int) -> list[lns.Pipeline]:
        """Make records."""
        return [lns.Pipeline(name=str(number)) for number in range(n)]

    def add(self, records: list[lns.Pipeline]) -> None:
        """Add them."""
        ln.add(records)

    def for_add_dicts(self, n: int) -> list[dict[str, Any]]:
        """Make rows."""
        return [{"name": str(number)} for number in range(n)]

    def add_dicts(self, rows: list[dict[str, Any]]) -> None:
        """Add them."""
        ln.add(lns.Pipeline, rows)

    def for_delete(self, n: int) -> list[lns.Pipeline]:
        """Make records and add them."""
        records = self.for_add(n)
        self.add(records)
        return records

    def delete(self, records: list[lns.Pipeline]) -> None:
        """Delete them."""
        ln.delete(records)


class ByHand:
    """Writes by a session of SQLAlchemy."""

    def __init__(self, path: Path) -> None:
        self._user_id = registries.with_user(path)
        self._engine = sa.create_engine(registries.url(path))
        event.listen(self._engine, "connect", _make_durable)

    def for_add(self, n: int) -> list[lns.Pipeline]:
        """Make records, complete: nobody fills in who made them."""
        return [lns.Pipeline(name=str(number), created_by_id=self._user_id) for number in range(n)]

    def add(self, records: list[lns.Pipeline]) -> None:
        """Add them."""
        with orm.Session(self._engine, expire_on_commit=False) as session:
            session.add_all(records)
            session.commit()

    def for_add_dicts(self, n: int) -> list[dict[str, Any]]:
        """Make rows, complete."""
        return [{"name": str(number), "created_by_id": self._user_id, "revision": 1} for number in range(n)]

    def add_dicts(self, rows: list[dict[str, Any]]) -> None:
        """Add them, and get their keys."""
        key = (lns.Pipeline.id, lns.Pipeline.v)
        with orm.Session(self._engine) as session:
            session.execute(sa.insert(lns.Pipeline).returning(*key, sort_by_parameter_order=True), rows).all()
            session.commit()

    def for_delete(self, n: int) -> list[lns.Pipeline]:
        """Make records and add them."""
        records = self.for_add(n)
        self.add(records)
        return records

    def delete(self, records: list[lns.Pipeline]) -> None:
        """Delete them."""
        with orm.Session(self._engine, expire_on_commit=False) as session:
            session.add_all(records)
            for each in records:
                session.delete(each)
            session.commit()


class Raw:
    """Writes by the driver."""

    def __init__(self, path: Path) -> None:
        self._user_id = registries.with_user(path)
        self._driver = sqlite3.connect(path, isolation_level=None)
        _make_durable(self._driver)

    def for_add(self, n: int) -> list[tuple[object, ...]]:
        """Make rows, ids too."""
        return registries.pipelines(n, self._user_id)

    def add(self, rows: list[tuple[object, ...]]) -> None:
        """Add them."""
        self._many(registries.INSERT, rows)

    for_add_dicts = for_add
    add_dicts = add

    def for_delete(self, n: int) -> list[tuple[object, ...]]:
        """Make rows and add them; give their keys."""
        rows = self.for_add(n)
        self.add(rows)
        return [row[:2] for row in rows]

    def delete(self, keys: list[tuple[object, ...]]) -> None:
        """Delete them."""
        self._many("DELETE FROM ln_pipeline WHERE id = ? AND v = ?", keys)

    def _many(self, sql: str, rows: list[tuple[object, ...]]) -> None:
        self._driver.execute("BEGIN IMMEDIATE")
        self._driver.executemany(sql, rows)
        self._driver.execute("COMMIT")


def _make_durable(driver: Any, _entry: object = None) -> None:
    driver.execute("PRAGMA synchronous=NORMAL")
    driver.execute("PRAGMA foreign_keys=ON")
