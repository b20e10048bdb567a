"""What led to what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from tests.answers.conftest import HOST, NOON, Lab

if TYPE_CHECKING:
    from ln_jupyter.answers.lineage_value import Lineage

alike = pytest.mark.alike


def names(found: Lineage) -> set[str]:
    return {node.name for node in found.nodes}


def edges(found: Lineage) -> set[str]:
    """Write each edge with the names of its ends."""
    known = {node.id: node.name for node in found.nodes}
    signs = {"used": "->", "generated": "=>", "continued": "..>"}
    return {f"{known[each.source]} {signs[each.kind]} {known[each.target]}" for each in found.edges}


KNOWN = {
    "raw.csv -> clean.ipynb",
    "clean.ipynb => clean.csv",
    "clean.csv -> train.ipynb",
    "params.toml -> train.ipynb",
    "train.ipynb => pred.csv",
    "pred.csv -> plot.ipynb",
    "plot.ipynb => growth.png",
}


def test_every_edge_and_no_other(lab: Lab, statements: list[str]) -> None:
    """Of a file, all that led to it and all that came of it is there, and nothing else: not another run that read the same."""
    lab.fill()
    ln.lineage("pred.csv")
    del statements[:]

    found = ln.lineage("pred.csv")

    assert edges(found) == KNOWN
    assert len(statements) <= 13
    assert ["pred.csv"] == [node.name for node in found.nodes if node.is_start]
    assert "late.csv" not in names(found)  # read after pred.csv was written


def test_statements_do_not_grow_with_the_graph(lab: Lab, statements: list[str]) -> None:
    """A step takes as many statements for forty files and runs as for one."""
    lab.fill()
    for number in range(20):
        lab.run(
            f"more_{number}", number, lab.read("pred.csv", "predicted"), lab.wrote(f"o{number}.csv", f"out {number}")
        )
    del statements[:]

    found = ln.lineage("pred.csv", depth=2)

    assert len(found.nodes) > 20
    assert len(statements) <= 13


@alike
@pytest.mark.parametrize(
    "asked", ["train1", "train1".ljust(20, "x"), "record", "train.ipynb", "notebook", "Train0000000"]
)
def test_of_a_run_and_a_notebook(lab: Lab, asked: str) -> None:
    """A run is known by its record, its id or the beginning; a notebook, by file, id or record, by its newest run with files."""
    lab.fill()
    notebook = lns.Notebook(id="Train0000000", title="Train")
    path = str(lab.folder / "train.ipynb")
    ln.add(lns.NotebookPath(host=HOST, path=path, notebook=notebook, seen_at=NOON))
    with ln.Session():
        for run in ln.select(lns.Run).where(lns.Run.path == path).all():
            run.notebook = ln.select(lns.Notebook).one()
    lab.run("train_9", 99, notebook_id="Train0000000", notebook_v="1")  # which read and wrote nothing
    records = {
        "record": lambda: ln.select(lns.Run, id="train1".ljust(20, "x")).one(),
        "notebook": lambda: ln.select(lns.Notebook).one(),
    }

    found = ln.lineage(records.get(asked, lambda: asked)())

    assert {*KNOWN, "late.csv -> train.ipynb"} == edges(found)
    assert ["train1".ljust(20, "x")] == [node.run_id for node in found.nodes if node.is_start]


@alike
def test_how_far(lab: Lab) -> None:
    """Depth counts runs: none is what the run itself read and wrote, one a run further both ways."""
    lab.fill()

    assert {"train.ipynb", "clean.csv", "params.toml", "late.csv", "pred.csv"} == names(ln.lineage("train1", depth=0))
    assert {"pred.csv", "train.ipynb", "clean.csv", "params.toml", "plot.ipynb", "growth.png"} == names(
        ln.lineage("pred.csv", depth=1)
    )
    assert {"pred.csv"} == names(ln.lineage("pred.csv", depth=0))
    assert names(ln.lineage("raw.csv", depth=20)) >= {"plot.ipynb", "growth.png"}


@alike
def test_what_comes_next(lab: Lab) -> None:
    """A file that no run wrote is a source; one at the end of what was asked says that there is more beside it."""
    lab.fill()

    found = {depth: ln.lineage("pred.csv", depth).nodes for depth in (0, 1, 2)}

    sources = {depth: {node.name for node in nodes if node.is_source} for depth, nodes in found.items()}
    more = {depth: {node.name: node.more for node in nodes if node.more} for depth, nodes in found.items()}
    assert {0: set(), 1: {"params.toml"}, 2: {"params.toml", "raw.csv"}} == sources
    assert {0: {"pred.csv": 2}, 1: {"clean.csv": 1}, 2: {}} == more


@alike
def test_a_run_that_goes_on(lab: Lab) -> None:
    """What a run before in the same process had read counts, and that run is there; so it is from the other side."""
    lab.run("load", 0, lab.read("raw.csv", "raw", cell=7), lab.wrote("log.txt", "log"))
    lab.run("write", 5, lab.wrote("out.csv", "out", cell=1), continues_id="load".ljust(20, "x"))
    expected = {"raw.csv -> load.ipynb", "load.ipynb ..> write.ipynb", "write.ipynb => out.csv"}
    lab.write("out.csv", "out"), lab.write("raw.csv", "raw")

    assert expected == edges(ln.lineage("out.csv"))
    assert {*expected, "load.ipynb => log.txt"} == edges(ln.lineage("raw.csv"))


@alike
def test_circles_end(lab: Lab) -> None:
    """A run that read and wrote one content, and runs that go on from each other in a circle, are drawn and end."""
    lab.run("a", 0, lab.read("x.csv", "same"), lab.wrote("x.csv", "same"), lab.wrote("y.csv", "y"))
    lab.run("b", 1, lab.read("y.csv", "y"), lab.wrote("x.csv", "same"), continues_id="a".ljust(20, "x"))
    with ln.Session():
        ln.select(lns.Run, id="a".ljust(20, "x")).one().continues_id = "b".ljust(20, "x")
    lab.write("x.csv", "same")

    found = ln.lineage("x.csv", depth=9)

    assert {
        "x.csv -> a.ipynb",
        "a.ipynb => x.csv",
        "b.ipynb => x.csv",
        "y.csv -> b.ipynb",
        "a.ipynb => y.csv",
    } <= edges(found)
    assert "see above" in repr(found)
    assert "<svg" in found._repr_html_()


@alike
def test_no_more_than_sixty(lab: Lab) -> None:
    """There are sixty nodes at most, from both sides, and each says how many are next to it that are left out."""
    many = [lab.read(f"in{n}.csv", f"in {n}") for n in range(100)] + [
        lab.wrote(f"out{n}.csv", f"out {n}") for n in range(90)
    ]
    lab.run("wide", 0, *many)

    found = ln.lineage("widexx")

    assert 60 == len(found.nodes)
    assert [100 + 90 - 59] == [node.more for node in found.nodes if node.is_start]
    assert {30, 29} == {sum(node.name.startswith(name) for node in found.nodes) for name in ("in", "out")}
    assert "+131 more" in repr(found)
    assert "+131 more" in found._repr_html_()


@alike
def test_a_file_that_many_read(lab: Lab) -> None:
    """Of many readers the newest of each notebook come first, and the rest are counted."""
    lab.write("raw.csv", "raw")
    for number in range(15):
        lab.run(f"often_{number:02}", number, lab.read("raw.csv", "raw"))
    lab.run("once", -5, lab.read("raw.csv", "raw"))

    found = ln.lineage("raw.csv")

    runs = [node for node in found.nodes if node.kind == "run"]
    assert {"once.ipynb", "often.ipynb"} == {node.name for node in runs}
    assert "often14".ljust(20, "x") == runs[0].run_id
    assert ([12], 4) == ([len(runs)], found.nodes[0].more)


@alike
def test_what_has_no_content(lab: Lab) -> None:
    """A table, and a file that was not hashed, join the runs that name the same one: with another time it is another."""
    table = {"kind": "table", "via": "stated"}
    lab.run("load", 0, lab.wrote("pg://db/t", None, **table), lab.wrote("big", None, size=9, modified_at=NOON))
    lab.run("other", 1, lab.wrote("big", None, size=9, modified_at=NOON.replace(hour=1)))
    lab.run("use", 2, lab.read("pg://db/t", None, **table), lab.read("big", None, size=9, modified_at=NOON), host=None)
    lab.run("here", 3, lab.read("big", None, size=9, modified_at=NOON), lab.wrote("end", "end"))
    lab.write("end", "end")

    assert {"load.ipynb => pg://db/t", "pg://db/t -> use.ipynb"} <= edges(ln.lineage("pg://ann:pw@db/t"))
    assert {"load.ipynb => big", "big -> here.ipynb", "here.ipynb => end"} == edges(ln.lineage("end"))


@alike
def test_empty_files_join_nothing(lab: Lab) -> None:
    """All empty files are alike, so that one of them says nothing of another, whatever else their runs have in common."""
    lab.run("a", 0, lab.wrote("done", ""), lab.wrote("a.csv", "a"))
    lab.run("b", 1, lab.read("a.csv", "a"), lab.read("flag", ""), lab.wrote("b.csv", "b"))
    lab.run("c", 2, lab.wrote("flag", ""))

    assert {"a.ipynb => a.csv", "a.csv -> b.ipynb", "flag -> b.ipynb", "b.ipynb => b.csv"} == edges(
        ln.lineage("bxxxxx")
    )


@alike
def test_a_changed_file(lab: Lab) -> None:
    """Of a file that was changed since it is the lineage of what a run wrote last, and it says so; so of one that is gone."""
    lab.fill()
    lab.write("pred.csv", "edited")

    found = ln.lineage("pred.csv")

    assert edges(found) == KNOWN
    assert "as train.ipynb, run train1, wrote it last; it is not so on disk" == found.note
    (lab.folder / "pred.csv").unlink()
    assert found.note == ln.lineage("pred.csv").note


@alike
def test_links_by_hand(lab: Lab) -> None:
    """Files that somebody linked to a run by hand, without a hash, are in the graph."""
    thing = lns.File(id="thing000000000000000", name="thing.bin")
    ln.add([lns.Run(id="maker", name="Make", outputs=[thing]), lns.Run(id="taker", name="Take", inputs=[thing])])

    found = ln.lineage(ln.select(lns.File).one())

    assert {"Make => thing.bin", "thing.bin -> Take"} == edges(found)


@alike
def test_as_text(lab: Lab) -> None:
    """As text what led to it stands above, and what came of it below, each step further in, in eighty columns."""
    lab.fill()

    lines = repr(ln.lineage("pred.csv")).splitlines()

    assert ["pred.csv", "3 runs · 5 files", "before:", "after:"] == [line for line in lines if not line.startswith(" ")]
    assert [2, 4, 6, 8, 4, 2, 4] == [len(line) - len(line.lstrip()) for line in lines if line.startswith(" ")]
    assert lines[3].startswith("  train.ipynb, run train1  ann 27 Nov ")
    assert all(len(line) <= 80 for line in lines)


@alike
def test_as_mermaid(lab: Lab) -> None:
    """As Mermaid it has a line for each node and edge, and names are text."""
    lab.write("o", "o")
    lab.run("w", 0, lab.wrote("o", "o"), path='/lab/"><script>#1`.ipynb')
    lab.run("w_2", 1, continues_id="w".ljust(20, "x"))

    lines = ln.lineage("wxxxxx").to_mermaid().splitlines()

    assert "flowchart LR" == lines[0]
    assert lines[1].startswith('    n0["#quot;#gt;#lt;script#gt;#35;1#96;.ipynb<br/>ann ')
    assert {"    n0 --> n1", "    n0 -.-> n2"} == {line for line in lines if ">" in line and '"' not in line}


def test_showing_asks_nothing(lab: Lab, statements: list[str]) -> None:
    """A graph is a value: showing it in any way sends nothing."""
    lab.fill()
    found = ln.lineage("pred.csv")
    del statements[:]

    repr(found), found._repr_html_(), found.to_mermaid(), found.to_svg()
    known = json.loads(json.dumps(found.to_dict()))

    assert [] == statements
    assert (8, 7) == (len(known["nodes"]), len(known["edges"]))


@alike
def test_names_that_command(lab: Lab) -> None:
    """A name is text, in HTML and in a terminal."""
    name = "<script>\u202e\n.csv"
    lab.run("w", 0, lab.wrote(name, "x"), path=f"/lab/{name}", by="<b>x")

    found = ln.lineage("wxxxxx")

    html = found._repr_html_()
    assert "<script" not in html
    assert "<b>x" not in html
    assert "\u202e" not in f"{html}{found!r}{found.to_mermaid()}"
    assert 4 == len(repr(found).splitlines())


@alike
@pytest.mark.parametrize(
    ("asked", "error", "fix"),
    [
        (lambda: lns.Run.name == "x", errors.InvalidValueError, "ln.lineage(run)"),
        (lambda: None, errors.InvalidValueError, "ln.lineage(run)"),
        (lambda: lns.Run, errors.InvalidValueError, "ln.lineage(run)"),
        (lambda: "", errors.InvalidValueError, "ln.lineage(run)"),
        (lambda: "NoSuch", errors.RunNotFoundError, "ln-jupyter runs"),
        (lambda: lns.Run(id="unsaved"), errors.RunNotFoundError, "saved"),
        (lambda: lns.Notebook(id="unsaved"), errors.RunNotFoundError, "ln.header()"),
    ],
    ids=["condition", "None", "class", "empty", "id", "unsaved run", "unsaved notebook"],
)
def test_what_has_no_lineage(engine: Any, asked: Any, error: Any, fix: str) -> None:
    """What is neither run, notebook nor file is an error that says what is; an id that nobody has, too."""
    with pytest.raises(error) as caught:
        ln.lineage(asked())

    assert fix in caught.value.fix


@alike
@pytest.mark.parametrize("depth", [-1, 21, 1.0, True, "2"])
def test_how_far_is_a_number(engine: Any, depth: Any) -> None:
    """A depth is a whole number of runs."""
    with pytest.raises(errors.InvalidValueError, match=r"^depth is how many runs"):
        ln.lineage("x.csv", depth)
