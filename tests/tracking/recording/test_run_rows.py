"""Whoever wrote a column of a run owns it: what is recorded is put beside it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.tracking.recording import run_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

pytestmark = pytest.mark.alike


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.connect() as connection:
        yield connection


def heard(connection: sa.Connection, run: lns.Run, name: str, known: Any, new: Any) -> Any:
    """Write a column as the thread does; give what it holds then."""
    found = run_rows.hear(connection, run.id, {name: new}, {name: known})
    connection.commit()
    held = getattr(ln.select(lns.Run, id=run.id).one(), name)
    assert found == {name: held}
    return held


@pytest.mark.parametrize(
    ("expected", "known", "held", "new"),
    [
        ({"a": 1}, None, None, {"a": 1}),
        ({"a": 2}, {"a": 1}, {"a": 1}, {"a": 2}),
        ({"a": 1, "lr": 0.1}, None, {"lr": 0.1}, {"a": 1}),
        ({"a": 1, "lr": 0.1, "b": 2}, {"a": 1}, {"a": 1, "lr": 0.1}, {"a": 1, "b": 2}),
        ({"a": "mine"}, {"a": 1}, {"a": "mine"}, {"a": 2}),
        ({"b": 2}, {"a": 1}, {}, {"a": 1, "b": 2}),
        ({}, {"a": 1}, {}, {"a": 2}),
        (None, {"a": 1}, None, {"a": 2}),
        ({"b": 2}, {"a": 1, "b": 2}, {"a": 1, "b": 2}, {"b": 2}),
        (None, {"a": 1}, {"a": 1}, None),
        ({"lr": 0.1}, {"a": 1}, {"a": 1, "lr": 0.1}, None),
        ([1], {"a": 1}, [1], {"a": 2}),
    ],
)
def test_what_is_named_is_merged(connection: sa.Connection, expected: Any, known: Any, held: Any, new: Any) -> None:
    """Of parameters and imports each name belongs to whoever changed it last; what the user took away stays away."""
    run = ln.add(lns.Run(parameters=held))

    assert expected == heard(connection, run, "parameters", known, new)


_NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
_EARLIER = _NOW - dt.timedelta(days=1)


@pytest.mark.parametrize("mine", ["aborted", None])
def test_what_somebody_wrote_stays(connection: sa.Connection, mine: str | None) -> None:
    """A column that somebody has changed since it was known is not written again, and one that nobody has is."""
    run = ln.add(lns.Run(outcome=mine, finished_at=_EARLIER))

    assert mine == heard(connection, run, "outcome", "failed", "ok")
    assert heard(connection, run, "finished_at", _EARLIER, _NOW) == _NOW


def test_a_deleted_run_is_not_heard(connection: sa.Connection) -> None:
    """Of a run that was deleted nothing is written."""
    assert run_rows.hear(connection, "none", {"outcome": "ok"}, {}) is None
