"""Runs that are removed take along what only they used, on both databases."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.schema import ids
from ln_jupyter.schema.types import utcnow
from ln_jupyter.tracking import prune, running
from tests.tracking import notebooks

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("engine")

NOW = utcnow()
LONG_AGO = NOW - dt.timedelta(days=100)
MONTH = dt.timedelta(days=30)


def add_run(name: str, *, source: str, cells: int = 2, **values: Any) -> str:
    """Add a run with cells, a source of its own or another one's, and the environment of all."""
    with ln.Session() as ss:
        for record in (
            lns.Source(hash=source, content=b""),
            lns.Environment(hash="all", python="3.11", packages={}),
        ):
            if ss.orm.get(type(record), record.hash) is None:
                ss.add(record)
        log = [lns.ExecutedCell(position=n, started_at=NOW) for n in range(1, cells + 1)]
        run = lns.Run(
            **{"name": name, "started_at": NOW, "source_hash": source, "environment_hash": "all", "cells": log} | values
        )
        ss.add(run)
    return run.id


def left() -> dict[str, list[str]]:
    return {
        "runs": [run.name for run in ln.select(lns.Run).order_by(lns.Run.name).all()],
        "sources": sorted(source.hash for source in ln.select(lns.Source).all()),
    }


def test_a_run_takes_along_what_only_it_used() -> None:
    """Its cells go, and a source that nothing else names; what another run or a notebook names stays."""
    one, _ = add_run("one", source="own"), add_run("two", source="shared")
    three = add_run("three", source="shared")
    four = add_run("four", source="published")
    ln.add(lns.Notebook(source_hash="published", environment_hash="all"))

    removed = prune.delete_runs([one, three, four])

    assert prune.Removed((one, three, four), cells=6, sources=1, environments=0, texts=0) == removed
    assert {"runs": ["two"], "sources": ["published", "shared"]} == left()
    assert 2 == ln.select(lns.ExecutedCell).count()


def test_the_last_run_takes_the_environment() -> None:
    """An environment goes with the last run in it."""
    assert 1 == prune.delete_runs([add_run("one", source="own")]).environments

    assert 0 == ln.select(lns.Environment).count()


def test_files_and_notebooks_stay() -> None:
    """What a run read or made is no part of it."""
    file, notebook = ln.add(lns.File(name="a.csv")), ln.add(lns.Notebook())
    run = add_run("one", source="own", notebook_id=notebook.id, notebook_v="1")
    with ln.Session() as ss:
        used = ss.select(lns.Run).one()
        used.outputs.append(ss.select(lns.File).one())

    prune.delete_runs([run])

    assert [file.id] == [each.id for each in ln.select(lns.File).all()]
    assert 1 == ln.select(lns.Notebook).count()


def test_a_run_that_is_not_there() -> None:
    """An id that no run has is named, and nothing is deleted."""
    run = add_run("one", source="own")

    with pytest.raises(errors.RunNotFoundError, match="no run nobody; nothing was deleted") as raised:
        prune.delete_runs([run, "nobody"])

    assert "ln-jupyter runs" in raised.value.fix
    assert ["one"] == left()["runs"]


def test_a_dry_run_only_counts() -> None:
    """What would go is told as it would be, and stays."""
    run = add_run("one", source="own")

    would = prune.delete_runs([run], dry_run=True)

    assert ["one"] == left()["runs"]
    assert would == prune.delete_runs([run])


def test_many_runs_at_once() -> None:
    """More runs than a statement takes are deleted together."""
    ids = [run.id for run in ln.add([lns.Run(name=str(n)) for n in range(1200)])]

    assert 1200 == len(prune.delete_runs(ids).runs)

    assert [] == left()["runs"]


OLD = {"created_at": LONG_AGO, "started_at": LONG_AGO}


def test_pruning_takes_what_ended_long_ago() -> None:
    """Finished, failed and lost runs go; newer ones, those that go on, and those added by hand stay."""
    add_run("finished", source="a", finished_at=LONG_AGO, outcome="ok", **OLD)
    add_run("failed", source="a", finished_at=LONG_AGO, outcome="failed", **OLD)
    add_run("lost", source="a", heard_at=LONG_AGO, **OLD)
    add_run("running", source="b", heard_at=utcnow(), **OLD)
    add_run("new", source="b", finished_at=NOW)
    add_run("by hand", source="b", created_at=LONG_AGO, started_at=None)

    removed = prune.prune(older_than=MONTH)

    assert (3, 6, 1) == (len(removed.runs), removed.cells, removed.sources)
    assert {"runs": ["by hand", "new", "running"], "sources": ["b"]} == left()


def test_pruning_by_state() -> None:
    """Only the states that were named go."""
    add_run("finished", source="a", finished_at=LONG_AGO, outcome="ok", **OLD)
    add_run("failed", source="a", finished_at=LONG_AGO, outcome="failed", **OLD)

    prune.prune(older_than=MONTH, states=["failed"])

    assert ["finished"] == left()["runs"]


def test_pruning_leaves_what_was_published() -> None:
    """The runs of a published version stay with it."""
    notebook = ln.add(lns.Notebook(published_at=LONG_AGO))
    add_run("published", source="a", finished_at=LONG_AGO, notebook_id=notebook.id, notebook_v="1", **OLD)

    assert () == prune.prune(older_than=MONTH).runs


@pytest.mark.parametrize(
    ("state", "fix"), [("runing", "it has: failed, finished, interrupted, lost"), ("los", "'lost'")]
)
def test_a_state_that_is_none(state: str, fix: str) -> None:
    """A state that cannot be pruned by is refused with those that can."""
    with pytest.raises(errors.InvalidRunError) as raised:
        prune.prune(older_than=MONTH, states=[state])

    assert fix in raised.value.fix


def test_a_run_that_goes_on_can_be_deleted(tmp_path: Path) -> None:
    """Nothing more is written of it, and the next header begins another one."""
    path = notebooks.write(tmp_path / "a.ipynb")
    ln.header(filepath=path)
    first, recording = ln.nb.run.id, running.recording()
    assert recording is not None

    prune.delete_runs([first])
    recording.settle()
    ln.header(filepath=path)

    assert [ln.nb.run.id] == [run.id for run in ln.select(lns.Run).all()]
    assert first != ln.nb.run.id


def test_a_failure_deletes_nothing(engine: sa.Engine) -> None:
    """All goes, or nothing does."""
    run = add_run("one", source="own")
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            no = "CREATE TRIGGER no BEFORE DELETE ON ln_source BEGIN SELECT RAISE(ABORT, 'not today'); END"
            connection.exec_driver_sql(no)
        else:
            connection.exec_driver_sql("CREATE TABLE keeps (hash varchar REFERENCES ln_source)")
            connection.exec_driver_sql("INSERT INTO keeps VALUES ('own')")

    with pytest.raises(sa.exc.IntegrityError):
        prune.delete_runs([run])

    assert (["one"], 2) == (left()["runs"], ln.select(lns.ExecutedCell).count())


def add_text(number: int) -> lns.Text:
    """Make a text that many may refer to."""
    return lns.Text(id=number, content=b"")


def add_executed(texts: list[lns.Text], *, module: lns.Text | None = None, **values: Any) -> str:
    """Add a run of one failed cell for each of these texts, and a module."""
    with ln.Session() as ss:
        facts = {"started_at": NOW, "source_hash": "a" * 64, "ok": False, "error_type": "KeyError", "error_line": 2}
        log = [
            lns.ExecutedCell(position=n, text_id=text.id, error_message="hunter2", **facts)
            for n, text in enumerate(texts, 1)
        ]
        log.append(lns.ExecutedCell(position=len(texts) + 1, **facts))
        kept = [lns.RunText(kind="cells", name="", hash="c" * 64, text_id=1)]
        kept += [lns.RunText(kind="module", name="m", hash="m" * 64, text_id=module.id)] if module is not None else []
        ended = {"started_at": NOW, "finished_at": NOW, "outcome": "failed", "reason": "cell 4: KeyError: hunter2"}
        run = lns.Run(**(ended | {"cells": log, "texts": kept} | values))
        ss.add(run)
    return run.id


def texts_left() -> list[int]:
    return sorted(text.id for text in ln.select(lns.Text).all())


def test_a_run_takes_along_its_texts() -> None:
    """What only it ran goes with it; what another run has executed, or keeps beside it, stays."""
    texts = ln.add([add_text(n) for n in range(1, 7)])
    one = add_executed([texts[1], texts[2], texts[3]], module=texts[4])
    add_executed([texts[2]], module=texts[3])

    would = prune.delete_runs([one], dry_run=True)
    assert [1, 2, 3, 4, 5, 6] == texts_left()
    removed = prune.delete_runs([one])

    assert (2, would) == (removed.texts, removed)
    assert [1, 3, 4, 6] == texts_left()


def test_pruning_takes_every_text_that_nothing_refers_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text stays behind where a release that knows none has deleted its run: pruning takes it, however many there are."""
    monkeypatch.setattr(prune, "_SOME", 2)
    texts = ln.add([add_text(n) for n in range(8)])
    add_executed([texts[3]], module=texts[6])

    assert 5 == prune.prune(older_than=MONTH, dry_run=True).texts
    assert 8 == len(texts_left())
    assert 5 == prune.prune(older_than=MONTH).texts

    assert [1, 3, 6] == texts_left()


def test_what_ran_is_deleted() -> None:
    """Texts of cells and modules go, and messages; hashes, places and types stay, and what others have executed."""
    texts = ln.add([add_text(n) for n in range(1, 6)])
    one = add_executed([texts[1], texts[2]], module=texts[3])
    other = add_executed([texts[2]])

    would = prune.delete_texts([one], dry_run=True)
    assert [1, 2, 3, 4, 5] == texts_left()
    removed = prune.delete_texts([one])

    assert (prune.Removed((one,), cells=2, sources=0, environments=0, texts=2), would) == (removed, removed)
    assert [1, 3, 5] == texts_left()
    with ln.Session() as ss:
        run = ss.select(lns.Run, id=one).one()
        assert "cell 4: KeyError" == run.reason
        assert {(None, None, "KeyError", 2, "a" * 64)} == {
            (cell.text_id, cell.error_message, cell.error_type, cell.error_line, cell.source_hash) for cell in run.cells
        }
        assert {("cells", "c" * 64, 1), ("module", "m" * 64, None)} == {(t.kind, t.hash, t.text_id) for t in run.texts}
        kept = ss.select(lns.Run, id=other).one()
        assert ("cell 4: KeyError: hunter2", 3) == (kept.reason, kept.cells[0].text_id)


def test_what_ran_is_deleted_past_edits() -> None:
    """Whoever edits the run meanwhile is not refused for it."""
    ln.add(add_text(1))
    run = ln.select(lns.Run, id=add_executed([])).one()

    prune.delete_texts([run.id])
    run.note = "mine"
    ln.add(run)

    found = ln.select(lns.Run).one()
    assert ("mine", "cell 4: KeyError") == (found.note, found.reason)


def test_a_run_that_goes_on_keeps_its_texts() -> None:
    """What ran in a run that goes on is not deleted, as more would be written; nor is anything for an id of none."""
    texts = ln.add([add_text(1), add_text(2)])
    ended = add_executed([texts[1]])
    going_on = add_executed([], finished_at=None, outcome=None, heard_at=utcnow() + dt.timedelta(minutes=5))

    with pytest.raises(errors.InvalidRunError, match=f"run {going_on} goes on") as raised:
        prune.delete_texts([ended, going_on])
    with pytest.raises(errors.RunNotFoundError, match="no run nobody; nothing was deleted"):
        prune.delete_texts([ended, "nobody"])

    assert "end its kernel first" in raised.value.fix
    assert [1, 2] == texts_left()


def test_cells_are_not_read_to_find_texts(engine: sa.Engine) -> None:
    """However many cells there are, what refers to a text is found by index."""
    texts = ln.add([add_text(n) for n in range(1, 5)])
    one, other = add_executed([texts[1]], module=texts[2]), add_executed([texts[3]])
    asked: list[tuple[str, Any]] = []
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _cur, sql, values, *_: asked.append((sql, values)))

    prune.delete_texts([one])
    prune.prune(older_than=MONTH)
    prune.delete_runs([other])

    by_index = {"sqlite": ("", "EXPLAIN QUERY PLAN"), "postgresql": ("SET enable_seqscan = off", "EXPLAIN")}
    prefer, explain = by_index[engine.dialect.name]
    with engine.connect() as connection:
        if prefer:  # of few rows it would rather read all
            connection.exec_driver_sql(prefer)
        plans = [
            "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {sql}", values))
            for sql, values in list(asked)
            if "ln_text" in sql or "ln_executed_cell" in sql or "ln_run_text" in sql
        ]
    assert len(plans) > 12
    assert [] == [plan for plan in plans if re.search(r"(SCAN|Seq Scan on) ln_(executed_cell|run_text)\b", plan)]


def test_what_is_known_of_files_goes_with_the_last_run() -> None:
    """A content that only removed runs have read or written goes; one that somebody added, edited or still uses stays."""
    hashes = {"own": "a" * 64, "shared": "b" * 64, "edited": "c" * 64, "added": "d" * 64}
    files = {
        name: lns.File(name=name, hash=value, size=1, **({} if name == "added" else {"id": ids.of_content(value, 1)}))
        for name, value in hashes.items()
    }
    one, two = lns.Run(name="one"), lns.Run(name="two")
    for position, file in enumerate(files.values(), 1):
        one.files.append(
            lns.RunFile(position=position, role="output", kind="file", path=f"/{file.name}", via="open", file=file)
        )
    one.outputs = list(files.values())
    two.inputs = [files["shared"]]
    with ln.Session() as ss:
        ss.add([one, two])
    with ln.Session() as ss:
        ss.select(lns.File, name="edited").one().uri = "s3://lab/edited"

    would = prune.delete_runs([one.id], dry_run=True)
    removed = prune.delete_runs([one.id])

    assert would.files == removed.files == 1
    assert sorted(file.name or "" for file in ln.select(lns.File).all()) == ["added", "edited", "shared"]
    assert ln.select(lns.RunFile).count() == 0
