"""Which runs are found by what they are, the same in every kind of database."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter.schema as lns
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.queries import filters, ids, notebooks, runs
from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

NOW = utcnow()


def ago(hours: float) -> dt.datetime:
    return NOW - dt.timedelta(hours=hours)


@pytest.fixture
def found(engine: sa.Engine) -> Callable[..., list[str]]:
    """Fill a registry, and ask which of its runs are wanted."""
    ann, bo = lns.User(id="ann00000", handle="ann"), lns.User(id="bo000000", handle="bo")
    growth = lns.Notebook(id="Growth000000", v="1", name="growth", title="Growth of Ökotypes", created_at=ago(99))
    plot = lns.Notebook(id="Plot00000000", v="1", name="plot", title="100% plots", created_at=ago(98))
    for book, path in ((growth, "/lab/a/train.ipynb"), (plot, "/lab/b/train.ipynb")):
        book.paths.append(lns.NotebookPath(host="wren", path=path, seen_at=NOW))
    made = [
        run(
            "a",
            40,
            notebook=growth,
            created_by=ann,
            tags=["final", "Рост"],
            busy_seconds=5.0,
            path="/lab/a/train.ipynb",
        ),
        run("b", 30, notebook=plot, created_by=bo, note="the_first attempt", busy_seconds=50.0),
        run(
            "c", 20, notebook=growth, created_by=bo, reason="cell 4: KeyError: 'od'", outcome="failed", tags=["final2"]
        ),
        run("d", 10, name="Solve Problem X", created_by=ann, busy_seconds=None, alive_seconds=20.0),
    ]
    with OrmSession(engine) as session:
        session.add_all([growth, plot, *made])
        session.commit()

    def ask(*, sort: str = "started", **wanted: Any) -> list[str]:
        wants = filters.Wanted(**wanted)
        with engine.connect() as connection:
            listed = [each["id"][0] for each in runs.newest(connection, wants, limit=10, sort=sort)]
            assert len(listed) == runs.count(connection, wants, up_to=10)
        return listed

    return ask


def run(letter: str, hours: float, **fields: Any) -> lns.Run:
    facts = {"id": letter * 20, "created_at": ago(hours), "started_at": ago(hours), "finished_at": NOW, "outcome": "ok"}
    return lns.Run(**(facts | fields))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "dcba"),
        ({"notebook_ids": ("Growth000000",)}, "ca"),
        ({"notebook_ids": ("Growth000000", "Plot00000000")}, "cba"),
        ({"states": ("failed",)}, "c"),
        ({"by": "ann"}, "da"),
        ({"by": "an"}, ""),
        ({"since": ago(25)}, "dc"),
        ({"tag": "final"}, "a"),
        ({"by": "bo", "since": ago(35), "states": ("finished",)}, "b"),
        ({"text": "growth"}, "ca"),
        ({"text": "GROWTH OF"}, "ca"),
        ({"text": "ökotypes"}, "ca"),
        ({"text": "рост"}, "a"),
        ({"text": "keyerror: 'OD'"}, "c"),
        ({"text": "the_first"}, "b"),
        ({"text": "the first"}, ""),
        ({"text": "100%"}, "b"),
        ({"text": "%"}, "b"),
        ({"text": "_"}, "b"),
        ({"text": "/a/TRAIN.ipynb"}, "a"),
        ({"text": "problem x"}, "d"),
        ({"text": "\\"}, ""),
        ({"text": "growth", "by": "bo"}, "c"),
    ],
    ids=lambda given: str(sorted(given)) if isinstance(given, dict) else None,
)
def test_runs_are_found(found: Callable[..., list[str]], wanted: dict[str, Any], expected: str) -> None:
    """Each condition leaves those that meet it, in letters of either case, and signs of a pattern are no pattern."""
    assert list(expected) == found(**wanted)


@pytest.mark.parametrize(("sort", "expected"), [("started", "dcba"), ("busy", "bdac"), ("notebook", "cabd")])
def test_runs_are_sorted(found: Callable[..., list[str]], sort: str, expected: str) -> None:
    """They are sorted by time, by how long they were busy, or by notebook; among equals the newest come first."""
    assert list(expected) == found(sort=sort)


@pytest.mark.parametrize(
    ("file", "path", "expected"),
    [
        ("train.ipynb", "/elsewhere/train.ipynb", {"Growth000000", "Plot00000000"}),
        ("b/train.ipynb", "/elsewhere/b/train.ipynb", {"Plot00000000"}),
        ("train.ipynb", "/lab/a/train.ipynb", {"Growth000000"}),
        ("rain.ipynb", "/elsewhere/rain.ipynb", set()),
        ("Train.ipynb", "/elsewhere/Train.ipynb", set()),
        pytest.param("x" * 60_000, "/elsewhere/x", set(), id="long"),
        ("%.ipynb", "/elsewhere/%.ipynb", set()),
    ],
)
def test_notebooks_of_a_file(
    found: Callable[..., list[str]], engine: sa.Engine, file: str, path: str, expected: set[str]
) -> None:
    """A file is the notebook that was seen there; else those with a file of that name."""
    with engine.connect() as connection:
        assert expected == set(notebooks.at(connection, file, host="wren", path=path))


def test_notebooks_that_ran_last(found: Callable[..., list[str]], engine: sa.Engine) -> None:
    """Notebooks are listed by when any of their versions ran; one that never ran, by when it was made."""
    with OrmSession(engine) as session:
        session.add(lns.Notebook(id="Growth000000", v="2", name="growth", title="Growth 2", created_at=ago(5)))
        session.add(lns.Notebook(id="New000000000", v="1", name="new", created_at=ago(25)))
        session.commit()
    with engine.connect() as connection:
        listed = notebooks.used_last(connection, host="wren", limit=None)
        (first,) = notebooks.used_last(connection, host="wren", limit=1)
        assert 3 == notebooks.count(connection)

    assert [("Growth000000", "2", 2), ("New000000000", "1", 0), ("Plot00000000", "1", 1)] == [
        (each["id"], each["v"], each["runs"]) for each in listed
    ]
    assert first == listed[0]
    assert ("Growth 2", "/lab/a/train.ipynb", "failed", "cell 4: KeyError: 'od'") == tuple(
        first[name] for name in ("title", "path", "state", "reason")
    )


def test_a_beginning_is_found_by_index(found: Callable[..., list[str]], engine: sa.Engine, statements: Any) -> None:
    """Every beginning of an id finds it, and in a file no other row is read for it."""
    statements.clear()
    with engine.connect() as connection:
        assert [(lns.Run, "a" * 20)] * 19 == [ids.find(connection, "a" * n, lns.Run) for n in range(1, 20)]
        if engine.dialect.name == "sqlite":
            sent = next(sql for sql in reversed(statements) if "substr" in sql)
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sent}", (1, 1, "a", "a", "b", 5, 0))
            assert all("SEARCH" in step.detail for step in plan)
