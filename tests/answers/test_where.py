"""Which run made a file, from what, and who read it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from tests.answers.conftest import HOST, NOON, Lab

alike = pytest.mark.alike


def lines(path: Any) -> list[str]:
    return repr(ln.where(path)).splitlines()


def rows(path: Any, name: str) -> list[str]:
    """Return the values under a name of the answer as text."""
    found: list[str] = []
    current = ""
    for line in lines(path):
        if line.startswith("  ") and not line.startswith("  →"):
            label, _, value = line[2:].partition("  ")
            current = label or current
            found += [value.strip()] if current == name else []
    return found


def test_who_made_a_file(lab: Lab, statements: list[str]) -> None:
    """The answer is one sentence, who, when and how large, how it is on disk, from what it was made, and who read it."""
    lab.fill()
    ln.where("pred.csv")
    del statements[:]

    answer = ln.where("pred.csv")

    assert len(statements) <= 6
    said = repr(answer).splitlines()
    assert "pred.csv was written by train.ipynb, run train1, in cell 6" == said[0]
    assert said[1].startswith("ann, 27 Nov 2026 ")
    assert said[1].endswith(f" · 9 B · {hashlib.sha256(b'predicted').hexdigest()[:8]}")
    assert said[2].startswith("on disk as written · looked at ")
    clean, params = (hashlib.sha256(text).hexdigest()[:8] for text in (b"cleaned", b"alpha = 1"))
    assert [f"clean.csv {clean}, by clean.ipynb, run cleanx, ann", f"params.toml {params}, a source"] == rows(
        "pred.csv", "made from"
    )
    assert ["plot.ipynb, run plotxx, ann, 27 Nov"] == [each[:-6] for each in rows("pred.csv", "read by")]
    old = hashlib.sha256(b"old").hexdigest()[:8]
    assert [f"{old} by train.ipynb, run train0, bo, 27 Nov"] == [
        each[:-6] for each in rows("pred.csv", "other contents")
    ]
    assert ("as written", 6, "train1".ljust(20, "x")) == (answer.state, answer.written.cell, answer.written.run_id)


def test_showing_asks_nothing(lab: Lab, statements: list[str]) -> None:
    """An answer is a value: showing it, as text, as HTML or as JSON, sends nothing to the database."""
    lab.fill()
    answer = ln.where("pred.csv")
    del statements[:]

    repr(answer), answer._repr_html_(), answer.to_dict()

    assert [] == statements
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.state = "changed"


@alike
@pytest.mark.parametrize("name", ["renamed.csv", "talk/pred.csv"])
def test_a_copy(lab: Lab, name: str) -> None:
    """A file that was copied or moved, to any name, is found by its content."""
    lab.fill()
    lab.write(name, "predicted")
    (lab.folder / "pred.csv").unlink()

    answer = ln.where(name)

    assert "copy" == answer.state
    place = "pred.csv" if "/" not in name else "../pred.csv"
    assert f"{Path(name).name} holds what train.ipynb, run train1, wrote to {place} in cell 6" == lines(name)[0]


@alike
def test_a_changed_file(lab: Lab) -> None:
    """A file with a content that no run wrote says so, and who wrote it last, with what."""
    lab.fill()
    lab.write("pred.csv", "edited by hand")

    answer, said = ln.where("pred.csv"), lines("pred.csv")

    assert "changed" == answer.state
    assert (
        "pred.csv: no run wrote what is in it now; it was last written by train.ipynb, run train1, in cell 6" == said[0]
    )
    assert hashlib.sha256(b"predicted").hexdigest()[:8] in said[1]
    now = hashlib.sha256(b"edited by hand").hexdigest()[:8]
    assert said[2].startswith(f"≠ changed · now {now}, 14 B · looked at ")
    assert ["clean.csv", "params.toml"] == [Path(each.file.path).name for each in answer.made_from]


@alike
def test_a_content_put_back(lab: Lab) -> None:
    """A content that an earlier run wrote, and somebody put back, leads to that run; the later content is another."""
    lab.fill()
    lab.write("pred.csv", "old")

    assert "pred.csv was written by train.ipynb, run train0, in cell 6" == lines("pred.csv")[0]
    assert [hashlib.sha256(b"predicted").hexdigest()[:8]] == [each[:8] for each in rows("pred.csv", "other contents")]


@alike
def test_a_missing_file(lab: Lab) -> None:
    """A path that is known and not on disk says so, and what is known."""
    lab.fill()
    (lab.folder / "pred.csv").unlink()

    answer = ln.where("pred.csv")

    assert ("missing", "train.ipynb") == (answer.state, answer.written.run)
    assert "pred.csv is not on disk; it was last written by train.ipynb, run train1, in cell 6" == lines("pred.csv")[0]


@alike
def test_a_source(lab: Lab) -> None:
    """A file that runs read and none wrote is a source."""
    lab.fill()

    assert ["raw.csv is a source: no run wrote it, and 1 run read it", "on disk as read"] == [
        lines("raw.csv")[0], lines("raw.csv")[2][:15]
    ]  # fmt: skip


@alike
def test_an_unknown_file(lab: Lab) -> None:
    """Of a file that no run is known to have touched it says so, and what to do; so of one that is not there."""
    lab.fill()
    lab.write("other.csv", "x")

    for name in ("other.csv", "nowhere.csv"):
        answer = ln.where(name)
        assert ("unknown", False) == (answer.state, answer.is_known)
        assert f"{name}: the registry knows no run that wrote or read it" == repr(answer).splitlines()[0]
        assert "ln.track_output(...)" in repr(answer).splitlines()[-1]
    assert "ln.lineage('clean.ipynb')" in lines("clean.ipynb")[-1]


@alike
def test_several_runs_that_wrote_the_same(lab: Lab) -> None:
    """Of runs that wrote the same, the newest leads, and the others are counted."""
    lab.write("out.csv", "same")
    for number in range(8):
        lab.run(f"train_{number}", number, lab.wrote("out.csv", "same", cell=1))

    answer = ln.where("out.csv")

    assert ("train7".ljust(20, "x"), 7, 4) == (
        answer.written.run_id,
        answer.also_written_count,
        len(answer.also_written),
    )
    assert ["train.ipynb, run train6", "… 3 more"] == [rows("out.csv", "also written by")[place] for place in (0, -1)]


@alike
def test_what_a_run_has_copied(lab: Lab) -> None:
    """Of a run that has written a content twice, what was seen leads before what a look around has found."""
    for name in ("out.csv", "copy.csv"):
        lab.write(name, "same")
    seen = (lab.wrote("out.csv", "same", cell=1), lab.wrote("copy.csv", "same", cell=2, via="snapshot"))
    lab.run("train_0", 0, *seen)

    answer = ln.where("copy.csv")

    assert (Path(answer.written.path).name, answer.also_written, answer.also_written_count) == ("out.csv", (), 0)


@alike
def test_a_file_that_was_updated(lab: Lab) -> None:
    """A run that read a path and wrote it anew made the new content from the old one, and who wrote that is named."""
    lab.write("table.csv", "new")
    lab.run("first", 0, lab.wrote("table.csv", "old", cell=3))
    lab.run("second", 9, lab.read("table.csv", "old", cell=2), lab.wrote("table.csv", "new", cell=2))

    (made,) = rows("table.csv", "made from")

    assert f"table.csv {hashlib.sha256(b'old').hexdigest()[:8]}, by first.ipynb, run firstx, ann" == made


@alike
def test_what_a_process_had_read_before(lab: Lab) -> None:
    """A run that goes on from another may have used what that one had read."""
    lab.write("out.csv", "out")
    lab.run("load", 0, lab.read("raw.csv", "raw", cell=7))
    lab.run("write", 5, lab.wrote("out.csv", "out", cell=1), continues_id="load".ljust(20, "x"))

    assert ["raw.csv"] == [Path(each.file.path).name for each in ln.where("out.csv").made_from]


@alike
@pytest.mark.parametrize(
    ("changed", "state"),
    [(False, "as written"), (True, "changed")],
)
def test_a_file_without_a_hash(lab: Lab, *, changed: bool, state: str) -> None:
    """What is never hashed, such as a file of secrets, is told by path, size and time, and it says so."""
    file = lab.write("key.pem", "secret")
    if changed:
        os.utime(file, (1, 1))
        modified = NOON
    else:
        modified = dt.datetime.fromtimestamp(Path(file).stat().st_mtime_ns / 1e9, dt.UTC)
    lab.run("w", 0, lab.wrote("key.pem", None, size=6, modified_at=modified, reason="may hold a secret"))

    answer = ln.where("key.pem")

    assert (state, not changed, None) == (answer.state, answer.is_by_state, answer.hash)
    assert "not hashed: may hold a secret" in lines("key.pem")[2]
    assert ("told by path, size and time" in lines("key.pem")[2]) is not changed


@alike
def test_content_that_was_not_recorded(lab: Lab) -> None:
    """A row without a content is found by path, size and time, though the file can be hashed now."""
    file = lab.write("big.csv", "large")
    modified = dt.datetime.fromtimestamp(Path(file).stat().st_mtime_ns / 1e9, dt.UTC)
    lab.run("w", 0, lab.wrote("big.csv", None, size=5, modified_at=modified, reason="was being written"))

    answer = ln.where("big.csv")

    assert ("as written", True) == (answer.state, answer.is_by_state)


@alike
def test_empty_files(lab: Lab) -> None:
    """All empty files are alike, so one is found at its own path only."""
    lab.write("a.csv", ""), lab.write("b.csv", "")
    lab.run("w", 0, lab.wrote("a.csv", "", cell=1))

    assert ("as written", "unknown") == (ln.where("a.csv").state, ln.where("b.csv").state)
    assert () == ln.where("a.csv").same_content


@alike
def test_how_it_was_seen(lab: Lab) -> None:
    """Evidence that is weaker than to see a file opened is said in words."""
    for name, via in (("a.csv", "snapshot"), ("b.csv", "stated"), ("c.csv", "worker"), ("d.csv", "polars")):
        lab.write(name, name)
        lab.run(f"r{name[0]}", 0, lab.wrote(name, name, via=via))

    said = [lines(name)[1].rpartition(" · ")[2] for name in ("a.csv", "b.csv", "c.csv")]

    assert ["seen in the folder after a process had run", "as somebody stated", "in a worker process"] == said
    assert "polars" not in repr(ln.where("d.csv"))


@alike
def test_other_places(lab: Lab) -> None:
    """Where else runs saw the same content is listed, with the machine if it is another."""
    lab.fill()
    lab.run("talk", 95, lab.read("talk/pred_final.csv", "predicted"))
    lab.run("far", 99, lab.read("/home/bo/pred.csv", "predicted"), host="robin")

    assert ["/home/bo/pred.csv on robin", "talk/pred_final.csv"] == rows("pred.csv", "same content")


@alike
def test_another_machine(lab: Lab) -> None:
    """A file that came from another machine says from which, and a path of another machine is another file."""
    lab.write("sent.csv", "from afar")
    lab.run("far", 0, lab.wrote("/home/bo/out.csv", "from afar"), host="robin", by="bo")
    lab.run("else", 1, lab.wrote("mine.csv", "other"), host="robin")

    assert "sent.csv holds what far.ipynb, run farxxx, wrote to /home/bo/out.csv on robin" == lines("sent.csv")[0]
    assert "unknown" == ln.where("mine.csv").state


@alike
def test_a_folder_and_what_is_in_it(lab: Lab) -> None:
    """A folder is known by its manifest, and a file in it by the run that wrote the folder as a whole."""
    from ln_jupyter.files import hashing

    lab.write("parts/a.parquet", "a"), lab.write("parts/b/b.parquet", "b")
    content = hashing.of_path(str(lab.folder / "parts"))
    row = lab.wrote("parts", None, kind="folder", size=content.size, members=2, cell=3)
    row.file = lns.File(name="parts", hash=content.hash, size=content.size)
    lab.run("w", 0, row)
    shutil.copytree(lab.folder / "parts", lab.folder / "copied")

    assert "parts was written by w.ipynb, run wxxxxx, in cell 3" == lines("parts")[0]
    assert "copied holds what w.ipynb, run wxxxxx, wrote to parts in cell 3" == lines("copied")[0]
    assert (
        "b.parquet is in parts/, which was written as a whole by w.ipynb, run wxxxxx, in cell 3"
        == (lines("parts/b/b.parquet")[0])
    )
    assert "unknown" == ln.where("copied/a.parquet").state


@alike
def test_a_table_and_a_url(lab: Lab) -> None:
    """What has a name that means the same everywhere is known by it, without credentials, and is not looked at."""
    name = "postgresql://db/lab/growth"
    lab.run("load", 0, lab.wrote(name, None, kind="table", via="stated"), host="robin")
    lab.run("use", 5, lab.read(name, None, kind="table", via="stated"), lab.wrote("o.csv", "o"))

    answer = ln.where("postgresql://ann:secret@db/lab/growth")

    assert ("named", name, "load.ipynb", 1) == (answer.state, answer.path, answer.written.run, answer.read_by_count)
    assert f"{name} was written by load.ipynb, run loadxx" == repr(answer).splitlines()[0]
    assert "secret" not in f"{answer}{answer.to_dict()}"
    lab.write("o.csv", "o")
    assert [f"{name} a table"] == rows("o.csv", "made from")


@alike
def test_a_record(lab: Lab) -> None:
    """A record of a file is known by its hash, and where it has none, by what it is linked to."""
    lab.fill()
    ln.add(lns.Run(id="by_hand", outputs=[lns.File(id="stated", name="thing.bin")]))

    recorded = ln.select(lns.File, name="pred.csv", hash=lab.content("predicted").hash).one()
    answer = ln.where(recorded)
    assert ("named", "train.ipynb", 1) == (answer.state, answer.written.run, answer.read_by_count)
    by_hand = ln.where(ln.select(lns.File, id="stated").one())
    assert "thing.bin was written by run by_han" == repr(by_hand).splitlines()[0]


@alike
@pytest.mark.parametrize(
    ("asked", "fix"),
    [
        (lambda: lns.Run.name == "x", "ln.select(lns.Run).where(...)"),
        (lambda: ln.select(lns.Run), "ln.select(lns.Run).where(...)"),
        (lambda: True, "ln.select(lns.Run).where(...)"),
        (lambda: None, "ln.select(lns.Run).where(...)"),
        (lns.Run, "ln.lineage(record)"),
        (lns.RunFile, "ln.where(record.path)"),
        (lambda: "", 'ln.where("pred.csv")'),
        (lambda: "a\0b", 'ln.where("pred.csv")'),
        (lambda: b"pred.csv", "ln.select(lns.Run).where(...)"),
    ],
    ids=["condition", "statement", "bool", "None", "run", "row", "empty", "nul", "bytes"],
)
def test_what_is_no_path(engine: Any, asked: Any, fix: str) -> None:
    """A condition, and whatever else is no path, is an error that says where it belongs."""
    with pytest.raises(errors.InvalidValueError, match=r"^where\(\) asks about a file") as caught:
        ln.where(asked())

    assert fix in caught.value.fix


@alike
def test_names_that_command(lab: Lab) -> None:
    """A file's name is text, in HTML and in a terminal: no markup, no turned direction, no line of its own."""
    name = "<script>alert(1)</script>\u202e\n.csv"
    try:
        lab.write(name.replace("/", "_"), "x")
    except OSError:
        pytest.skip("the file system refuses the name")
    name = name.replace("/", "_")
    lab.run("w", 0, lab.wrote(name, "x"), path=f"/lab/{name}", by="<b>")

    answer = ln.where(name)

    assert "as written" == answer.state
    for shown in (repr(answer), answer._repr_html_()):
        assert "\u202e" not in shown
    assert "<script>" not in answer._repr_html_()
    assert "<b>," not in answer._repr_html_()
    assert 1 == sum("was written by" in line for line in repr(answer).splitlines())


def test_json(lab: Lab) -> None:
    """As a dict it has everything, in what JSON has."""
    lab.fill()

    found = json.loads(json.dumps(ln.where("pred.csv").to_dict()))

    assert ("as written", HOST, "output") == (found["state"], found["host"], found["written"]["role"])
    assert (NOON + dt.timedelta(hours=1, seconds=6)).isoformat() == found["written"]["at"]
    assert "clean.ipynb" == found["made_from"][0]["by"]["run"]


@alike
def test_a_block_sees_its_own_rows(lab: Lab) -> None:
    """In a block, what was added there and not committed is known."""
    lab.write("o.csv", "o")
    with ln.Session():
        lab.run("w", 0, lab.wrote("o.csv", "o"))

        assert "as written" == ln.where("o.csv").state


@alike
def test_links_on_disk(lab: Lab, tmp_path: Path) -> None:
    """A path that leads through a link is known by the place where the file is, too."""
    lab.fill()
    (tmp_path / "link").symlink_to(lab.folder)
    lab.write("pred.csv", "edited")

    assert "changed" == ln.where(tmp_path / "link" / "pred.csv").state
