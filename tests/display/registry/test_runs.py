"""A list of runs is what somebody looks for in one."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import orm

from ln_jupyter import schema as lns
from ln_jupyter.display import html, table
from ln_jupyter.display import text as texts
from ln_jupyter.display.options import Options
from ln_jupyter.display.registry import runs
from tests.display.html_reader import Reader
from tests.display.registry.conftest import BEGAN, run


def some() -> list[lns.Run]:
    """One of each state that has ended, the newest first."""
    notebook = lns.Notebook(id="TfJkHoVJ9f5H", v="2", title="Train growth model")
    ann = lns.User(id="Us3rAnn0", handle="ann")
    ok = {"outcome": "ok", "reason": None}
    lost = {"outcome": None, "finished_at": None, "reason": None}
    interrupted = {"outcome": "interrupted", "reason": "cell 5: KeyboardInterrupt"}
    states: list[dict[str, Any]] = [{}, ok | {"results": {"mae": 0.21, "model": "ridge"}}, lost, interrupted]
    return [
        run(id=f"{at}" * 20, started_at=BEGAN - dt.timedelta(hours=at), notebook=notebook, created_by=ann, **state)
        for at, state in enumerate(states)
    ]


def test_text() -> None:
    """State, notebook with the reason below, results, how long, who, when and the beginning of the id.

    Where all have no room in a line, results give way.
    """
    expected = """\
4 Run · session closed
  state          run                  mae   busy  by   started       id
  ✗ failed       Train growth model        8.4 s  ann  27 Nov 14:09  000000
    cell 4: TypeError: unsupported operand
  ✓ finished     Train growth model  0.21  8.4 s  ann  27 Nov 13:09  111111
  ? lost         Train growth model        8.4 s  ann  27 Nov 12:09  222222
    last heard 27 Nov 2026 14:09
  ■ interrupted  Train growth model        8.4 s  ann  27 Nov 11:09  333333
    in cell 5
1 failed, 1 finished, 1 lost, 1 interrupted
⊘ not loaded · session closed: pipeline, inputs, outputs, environment, source,
  cells, parent, continues, repeats, tagged, texts, files
… 1 more column: model
To load some of them with the list: ln.select(lns.Run).load("cells")"""

    assert expected == table.text(runs.of_records(some(), count=4, options=Options(model="lns.Run")))


def test_text_and_html_say_the_same() -> None:
    """Stripped of its tags, the HTML has every word of the text; numbers stand to the right in both."""
    view = runs.of_records([each for each in some() if each.results is None or each.results.pop("model")], count=4)

    written, read = "".join(table.text(view).split()), "".join(Reader(table.render(view)).words)
    assert sorted(written) == sorted(read)  # a reason stands in its cell, or below its row
    assert {"mae", "busy"} == view.numbers


def test_only_what_is_wrong_is_in_colour() -> None:
    """A state that needs nobody's attention has no colour, and every one has its word."""
    markup = table.render(runs.of_records(some(), count=4))

    assert ["bad", "wait", "wait"] == [
        tone for tone in ("bad", "wait", "good") for _ in range(markup.count(f'<span class="{tone}">'))
    ][:3]
    assert ">✓ finished<" in markup


def test_what_says_nothing_is_left_out() -> None:
    """Without results, user or times there are no columns for them; a run is called by its name or its file."""
    fields = dict.fromkeys(("started_at", "heard_at", "finished_at", "busy_seconds", "alive_seconds"))

    view = runs.of_records([run(**fields, name="Nightly"), run(**fields, path=r"C:\lab\a.ipynb")], count=2)

    assert ("run", "id") == view.columns
    assert ["Nightly", "a.ipynb, version 2"] == [row[0].text for row in view.rows]


def test_many_results() -> None:
    """Of many results the first four are columns, and the others are named."""
    view = runs.of_records([run(results={f"r{at}": at for at in range(6)}, reason=None)], count=1)

    assert ("r0", "r1", "r2", "r3") == tuple(name for name in view.columns if name.startswith("r") and name != "run")
    assert "… 2 more columns: r4, r5" in [texts.of_line(each) for each in view.remarks]


def test_a_result_named_like_a_column() -> None:
    """A result that has the name of one of our columns does not take its place, and is named below."""
    view = runs.of_records([run(results={"state": "x", "id": "y"})], count=1)

    assert ("✗ failed", "Kd81mT") == (view.rows[0][0].text, view.rows[0][-1].text)
    assert "… 2 more columns: state, id" in [texts.of_line(each) for each in view.remarks]


def test_what_was_loaded_is_a_column() -> None:
    """Relationships that somebody loaded are columns, beside those that tell what a run is of and by whom."""
    made = run()
    orm.attributes.set_committed_value(made, "inputs", [lns.File(id="f"), lns.File(id="g")])

    view = runs.of_records([made], count=1)

    assert "2 File" == view.rows[0][view.columns.index("inputs")].text


def test_size() -> None:
    """Six runs with their reasons take less than 5.5 KB as HTML."""
    view = runs.of_records([*some(), *some()][:6], count=6)

    assert len(html.framed(table.markup(view)).encode()) < 5632


def test_results_with_names_that_look_like_values() -> None:
    """Whatever a result is called, its column has its value and nothing else; a name too long for a header is listed."""
    view = runs.of_records([lns.Run(id="a", results={"0.95": 3, "None": 1, "<b>": 2, "k" * 10_000: 4})], count=1)

    assert view.columns == ("0.95", "None", "<b>", "id")
    assert [each.text for each in view.rows[0]] == ["3", "1", "2", "a"]
    assert len(table.text(view)) < 200


def test_a_notebook_that_is_known_by_its_id_alone() -> None:
    """A run of a notebook without a file, which is not loaded, is called by the notebook's id, and not by its version."""
    view = runs.of_records([run(path=None, reason=None)], count=1)

    assert view.rows[0][view.columns.index("run")].text == "Notebook TfJkHo, version 2"
