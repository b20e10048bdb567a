"""What a user puts on a run: results, tags and a note."""

from __future__ import annotations

import decimal
import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy import event

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors, settings
from ln_jupyter.tracking import running

if TYPE_CHECKING:
    from pathlib import Path

    from ln_jupyter.tracking.recording.recorder import Recording


@pytest.fixture
def recording(engine: sa.Engine) -> Recording:
    """Give the recording of a run of this process."""
    ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")
    found = running.recording()
    assert found is not None
    found.settle()
    return found


def run() -> lns.Run:
    return ln.select(lns.Run, notebook_id="Rx2s9cPTMQLY").load("tagged").one()


def test_what_is_put_on_a_run_is_written_with_its_next_sign_of_life(recording: Recording) -> None:
    """Numbers, short texts, tags and a note are there, and of a name the last value."""
    ln.log(auc=0.5, kernel="rbf")
    ln.log(auc=0.91, n=3, is_good=True)
    ln.tag("final", "paper")
    ln.note("a first try")
    ln.note("the one in the paper")
    recording.settle()

    found = run()
    assert {"auc": 0.91, "kernel": "rbf", "n": 3, "is_good": True} == found.results
    assert (["final", "paper"], "the one in the paper") == (found.tags, found.note)


def test_nothing_is_sent_in_the_cell(recording: Recording, engine: sa.Engine) -> None:
    """The thread of the cell sends no statement, however much it logs."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        sent.append(threading.current_thread().name)

    event.listen(engine, "before_cursor_execute", note)
    for step in range(100):
        ln.log(loss=1 / (step + 1))
    ln.tag("final")
    event.remove(engine, "before_cursor_execute", note)

    assert threading.main_thread().name not in sent
    recording.settle()
    assert {"loss": 0.01} == run().results


def test_it_is_written_at_the_end(recording: Recording) -> None:
    """What was logged last is there when the run has finished."""
    ln.log(auc=0.91)

    recording.finish()

    assert ({"auc": 0.91}, "finished") == (run().results, run().state)


def test_a_run_that_has_ended_takes_more(recording: Recording) -> None:
    """What is put on it later is written at once, beside what was there."""
    ln.log(auc=0.91)
    recording.finish()

    ln.log(n=3)
    ln.tag("late")

    assert ({"auc": 0.91, "n": 3}, ["late"]) == (run().results, run().tags)


def test_what_somebody_else_has_written_stays(recording: Recording) -> None:
    """Results that were set otherwise stay beside those that are logged; of one name the one that is logged wins."""
    found = run()
    found.results = {"mine": 1, "auc": 0.1}
    ln.add(found)

    ln.log(auc=0.91)
    recording.settle()

    assert {"mine": 1, "auc": 0.91} == run().results


def test_what_could_not_be_written_is_written_next(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """A beat that fails loses nothing, and does not undo what was logged meanwhile."""

    def fail(*_: object) -> None:
        ln.log(auc=0.91)
        raise OSError("the disk is full")

    ln.log(auc=0.5, n=3)
    with monkeypatch.context() as broken:
        broken.setattr("ln_jupyter.tracking.recording.run_rows.annotate", fail)
        recording.settle()
    recording.settle()

    assert {"auc": 0.91, "n": 3} == run().results


@pytest.mark.parametrize("by", ["record", "id"])
def test_another_run(recording: Recording, by: str) -> None:
    """A run is named by its record or its id, and written at once."""
    other = ln.add(lns.Run(name="earlier"))
    named: Any = other if by == "record" else other.id

    ln.log(run=named, auc=0.5)
    ln.tag("old", run=named)
    ln.note("as it was", run=named)

    found = ln.select(lns.Run, name="earlier").load("tagged").one()
    assert ({"auc": 0.5}, ["old"], "as it was") == (found.results, found.tags, found.note)


def test_a_run_that_is_not_there(recording: Recording) -> None:
    """An id that no run has is an error, and nothing is written."""
    with pytest.raises(errors.RunNotFoundError, match="no run nowhere"):
        ln.tag("x", run="nowhere")

    assert 0 == ln.select(lns.RunTag).count()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.True_, True),
        (np.array(2.5), 2.5),
        (decimal.Decimal("0.25"), 0.25),
        (None, None),
        (math.nan, {"$expression": "nan"}),
        (-math.inf, {"$expression": "-inf"}),
        ("a\0b", "ab"),
    ],
    ids=repr,
)
def test_what_a_result_may_be(recording: Recording, value: object, kept: object) -> None:
    """Numbers of numpy are Python's, and what JSON has no number for is marked as parameters are."""
    ln.log(x=value)
    recording.settle()

    assert {"x": kept} == run().results


@pytest.mark.parametrize(
    "value", [[1, 2], {"a": 1}, np.zeros(3), object(), "x" * 501, 2**63, 1j], ids=lambda v: type(v).__name__
)
def test_what_a_result_may_not_be(recording: Recording, value: object) -> None:
    """Anything else is refused, with where it belongs, and of the call nothing is kept."""
    with pytest.raises(errors.InvalidValueError, match="the result 'x' is neither a number nor a text") as error:
        ln.log(good=1, x=value)

    recording.settle()
    assert "external_id" in error.value.fix
    assert run().results is None


@pytest.mark.parametrize("tag", ["", "  ", "x" * 501, 3])
def test_what_a_tag_may_not_be(recording: Recording, tag: Any) -> None:
    """A tag is a short text."""
    with pytest.raises(errors.InvalidValueError, match="is no short text"):
        ln.tag("good", tag)

    recording.settle()
    assert [] == run().tags


def test_without_a_run_there_is_nothing_to_put_it_on(engine: sa.Engine) -> None:
    """Before `header()` it is an error that says so."""
    with pytest.raises(errors.NotRegisteredError, match="no run goes on here"):
        ln.log(auc=1)


def test_turned_off(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """With tracking turned off nothing is kept, and nothing is an error."""
    monkeypatch.setenv("LN_JUPYTER_MODE", "off")
    monkeypatch.setattr(settings, "_current", None)  # what is decided here is nobody else's

    ln.log(auc=1)
    ln.tag("final")
    ln.note("x")

    assert 0 == ln.select(lns.Run).count()


def test_a_mark_that_is_no_number_stays_in_a_frame(engine: sa.Engine) -> None:
    """Whatever somebody wrote as a result by hand is in the frame as it is, and hinders nothing."""
    ln.add([lns.Run(name="a", results={"x": {"$expression": "draw()"}}), lns.Run(name="b", results={"x": 1})])

    frame = ln.select(lns.Run).order_by(lns.Run.name).df()

    assert [{"$expression": "draw()"}, 1] == list(frame["results.x"])


def test_a_run_whose_folder_is_gone_is_written(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notebook without a file is recorded also where the working folder was deleted."""
    ln.select(lns.Run).count()
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")
    recording = running.recording()
    assert recording is not None

    recording.finish()

    assert "finished" == run().state


def test_results_are_columns_of_a_frame(engine: sa.Engine) -> None:
    """Each result is a column with its type, and a frame with them is added as it came."""
    ln.add([lns.Run(name="a", results={"auc": 0.9, "kernel": "rbf"}), lns.Run(name="b", results={"auc": 1})])

    frame = ln.select(lns.Run).order_by(lns.Run.name).df()
    ln.add(lns.Run, frame.reset_index(drop=True).assign(name="c"))

    assert ([0.9, 1.0], "float64") == (list(frame["results.auc"]), str(frame["results.auc"].dtype))
    assert "results" not in frame.columns
    added = sorted((run.results for run in ln.select(lns.Run, name="c").all()), key=repr)
    assert [{"auc": 0.9, "kernel": "rbf"}, {"auc": 1.0}] == added
