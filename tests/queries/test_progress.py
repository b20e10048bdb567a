"""How far a run came, in words and numbers, wherever it is asked for."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, get_args

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.queries import notebooks, progress, runs
from ln_jupyter.schema.models import State
from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    import sqlalchemy as sa

LONG_AGO = utcnow() - dt.timedelta(hours=3)


def seconds(number: float) -> dt.datetime:
    return LONG_AGO + dt.timedelta(seconds=number)


@pytest.mark.parametrize(
    ("state", "facts", "expected"),
    [
        ("failed", {"reason": "cell 4: TypeError: no: never"}, "failed at cell 4: TypeError: no: never"),
        ("failed", {"reason": "line 12: ValueError"}, "failed at line 12: ValueError"),
        ("failed", {"reason": "TypeError: cell 4: no"}, "failed: TypeError: cell 4: no"),
        ("failed", {"reason": "exit status 3"}, "failed: exit status 3"),
        ("failed", {"reason": "cell 4 of the tower"}, "failed: cell 4 of the tower"),
        ("failed", {}, "failed"),
        ("interrupted", {"reason": "cell 5"}, "interrupted in cell 5"),
        ("interrupted", {"reason": "cell 5: ended by SIGTERM"}, "interrupted in cell 5: ended by SIGTERM"),
        ("interrupted", {"reason": "ended by SIGTERM"}, "interrupted: ended by SIGTERM"),
        ("lost", {"heard": "18:05", "cell": 5, "text": "fit()"}, "lost, last heard 18:05, in cell 5"),
        ("lost", {"heard": "18:05"}, "lost, last heard 18:05"),
        ("running", {"heard": "18:05", "cell": 5}, "running, in cell 5"),
        ("running", {"text": "fit()"}, "running, in fit()"),
        ("finished", {}, "finished"),
        (None, {}, None),
    ],
)
def test_states_in_words(state: str | None, facts: dict[str, Any], expected: str | None) -> None:
    """A state is said with its reason, joined as the reason begins, or with the cell that has not ended."""
    assert expected == progress.in_words(state, **facts)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("cell 4: TypeError: hunter2", "cell 4: TypeError"),
        ("cell 4: TypeError: hunter2 (errors were allowed)", "cell 4: TypeError"),
        ("cell 4: TypeError", "cell 4: TypeError"),
        ("cell 4: TypeErrors: hunter2", "cell 4"),
        ("TypeError: hunter2", "TypeError"),
        ("line 12: ValueError: hunter2", "line 12: ValueError"),
        ("line 12: hunter 2", "line 12"),
        ("cell 5", "cell 5"),
        ("cell 5: ended by SIGTERM", "cell 5: ended by SIGTERM"),
        ("ended by SIGTERM", "ended by SIGTERM"),
        ("exit status 3", "exit status 3"),
        ("exit status 3: hunter2", None),
        ("hunter2", None),
        ("hunter2: TypeError", None),
        ("", None),
    ],
)
def test_reasons_without_messages(reason: str, expected: str | None) -> None:
    """Where it was stays, and the type of a known error, and what we have said ourselves; nothing else does."""
    assert expected == progress.without_message(reason, ["TypeError"])


@pytest.mark.parametrize(
    ("state", "facts", "expected"),
    [
        ("finished", {"finished_at": seconds(31), "busy_seconds": 8.4, "alive_seconds": 30.5}, (8.4, 30.5)),
        ("finished", {"finished_at": seconds(31), "alive_seconds": 30.5}, (None, 30.5)),
        ("finished", {"finished_at": seconds(31)}, (None, 31.0)),
        ("finished", {"finished_at": seconds(-31)}, (None, None)),
        ("finished", {"finished_at": seconds(31), "busy_seconds": -1.0, "alive_seconds": -2.0}, (None, 31.0)),
        ("lost", {"heard_at": seconds(20), "in_cell_since": seconds(5), "alive_seconds": 20.0}, (15.0, 20.0)),
        (
            "running",
            {"heard_at": seconds(20), "in_cell_since": seconds(5), "busy_seconds": 2.0, "alive_seconds": 20.0},
            (17.0, 20.0),
        ),
        ("running", {"heard_at": seconds(20), "in_cell_since": seconds(-50), "alive_seconds": 20.0}, (20.0, 20.0)),
        ("running", {"heard_at": seconds(20), "in_cell_since": seconds(25), "alive_seconds": 20.0}, (0.0, 20.0)),
        ("lost", {"heard_at": seconds(600)}, (None, 600.0)),
    ],
)
def test_durations(state: str, facts: dict[str, Any], expected: tuple[float | None, float | None]) -> None:
    """Busy counts the cell that has not ended, and is never longer than alive; the clock is asked where nothing was measured."""
    columns = ("finished_at", "heard_at", "busy_seconds", "alive_seconds", "in_cell_since")
    run = dict.fromkeys(columns) | {"state": state, "started_at": LONG_AGO} | facts

    assert expected == progress.durations(run)


def test_a_state_has_one_name(engine: sa.Engine) -> None:
    """Records, SQL, lists and words say the same state of a run."""
    notebook = lns.Notebook(name="growth")
    of_state: dict[str | None, dict[str, Any]] = {
        "running": {"heard_at": utcnow() + dt.timedelta(minutes=10)},
        "lost": {"heard_at": LONG_AGO},
        "finished": {"finished_at": LONG_AGO, "outcome": "ok"},
        "failed": {"finished_at": LONG_AGO, "outcome": "failed", "reason": "cell 1: TypeError"},
        "interrupted": {"finished_at": LONG_AGO, "outcome": "interrupted", "reason": "cell 1"},
    }
    assert set(get_args(State)) == set(of_state)
    with ln.Session() as ss:
        for name, facts in of_state.items():
            ss.add(lns.Run(name=name, started_at=LONG_AGO, notebook=notebook, **facts))

    with ln.Session() as ss, engine.connect() as connection:
        listed = {run["name"]: run for run in runs.newest(connection, limit=10)}
        for name in of_state:
            (found,) = ss.select(lns.Run, state=name).all()
            words = progress.in_words(listed[name]["state"], reason=listed[name]["reason"])
            assert words is not None
            assert (name, name, name, name, name) == (
                found.name,
                found.state,
                listed[name]["state"],
                runs.read(connection, found.id)["state"],
                words.partition(" ")[0],
            )
        (newest,) = notebooks.newest(connection, host="here", limit=1)
        assert newest["state"] in of_state
