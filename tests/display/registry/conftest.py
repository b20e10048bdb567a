"""Runs as people have them, without a database."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import orm

from ln_jupyter import schema as lns

BEGAN = dt.datetime(2026, 11, 27, 14, 9, 2, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show times as they are."""
    local = dt.timezone(dt.timedelta(0))
    monkeypatch.setattr("ln_jupyter.humanize._local", lambda time: time.astimezone(local))


def run(**changed: Any) -> lns.Run:
    """Make a run that failed, as it is in memory after its session closed."""
    fields: dict[str, Any] = dict.fromkeys(lns.Run.__table__.c.keys())
    fields |= {
        "id": "Kd81mTqZ2xVYc0RuW5bN",
        "notebook_id": "TfJkHoVJ9f5H",
        "notebook_v": "2",
        "started_at": BEGAN,
        "heard_at": BEGAN + dt.timedelta(seconds=30),
        "finished_at": BEGAN + dt.timedelta(seconds=31),
        "outcome": "failed",
        "reason": "cell 4: TypeError: unsupported operand",
        "busy_seconds": 8.4,
        "alive_seconds": 31.0,
        "host": "wren",
        "path": "/home/ann/growth/train.ipynb",
        "parameters": {"alpha": 0.2, "folds": 5},
        "created_at": BEGAN,
        "revision": 3,
    }
    related = {name: changed.pop(name) for name in ("notebook", "created_by", "tagged") if name in changed}
    made = lns.Run(**(fields | changed))
    orm.make_transient_to_detached(made)
    for name, value in related.items():
        orm.attributes.set_committed_value(made, name, value)
    return made
