"""`where`, `files` and `lineage`, and what `show` says of files."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.answers.conftest import NOON, Lab
from tests.cli.conftest import table
from tests.cli.test_terminal import exit_code_and_text, plain, show
from tests.faults import releases

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa
    from click.testing import Result

TRAIN = "train1".ljust(20, "x")
PREDICTED, CLEANED, OLD = (hashlib.sha256(text).hexdigest() for text in (b"predicted", b"cleaned", b"old"))


@pytest.fixture
def lab(engine: sa.Engine, folder: Path) -> Lab:
    """Fill a registry, in a folder with the files."""
    made = Lab(folder)
    made.fill()
    big = made.wrote("big.bin", None, size=2 * 10**9, reason="larger than 1 GiB", via="snapshot")
    many = [made.read(f"in{number:02}.csv", f"in {number}") for number in range(20)]
    made.run("large", 120, big, *many, unlisted_files=7)
    return made


def test_where(lab: Lab, command: Callable[..., Result], db: list[str]) -> None:
    """`where` says which run made a file, from what, and who read it; whole ids and times into a pipe."""
    done = command("where", "pred.csv", *db)

    assert 0 == done.exit_code, done.output
    lead, who, _, *rows = done.stdout.splitlines()
    assert f"pred.csv was written by train.ipynb, run {TRAIN}, in cell 6" == lead
    at = NOON.replace(hour=13, second=6).astimezone().isoformat(timespec="seconds")
    assert f"ann, {at} · 9 B · {PREDICTED} · on disk as written" == who
    assert f"MADE FROM  clean.csv    {CLEANED}  by clean.ipynb, run {'clean'.ljust(20, 'x')}, ann" == rows[0]
    assert rows[1].endswith("  a source")
    assert rows[2].startswith("READ BY    plot.ipynb, run plot")
    assert rows[3].startswith(f"EARLIER    {OLD}  by train.ipynb, run train0")


@pytest.mark.alike
def test_what_nobody_knows(lab: Lab, command: Callable[..., Result], db: list[str]) -> None:
    """Where nothing is known, `where` and `lineage` say so and exit with 1, as `dpkg -S` does."""
    lab.write("other.csv", "other")

    for words in (("where", "other.csv"), ("where", "nowhere.csv"), ("lineage", "other.csv")):
        done = command(*words, *db)
        assert 1 == done.exit_code
        assert "the registry knows no run that wrote or read it" in done.stdout
        assert "" == done.stderr
    assert "unknown" == json.loads(command("where", "nowhere.csv", "--json", *db).stdout)["state"]


@pytest.mark.alike
def test_a_changed_file(lab: Lab, command: Callable[..., Result], db: list[str]) -> None:
    """A file that was changed since says so, with what is in it now, and exits with 0: who wrote it is known."""
    lab.write("pred.csv", "edited")

    done = command("where", "pred.csv", *db)

    assert 0 == done.exit_code
    assert f"≠ changed · now {hashlib.sha256(b'edited').hexdigest()}, 6 B" == done.stdout.splitlines()[2]


def test_where_as_json(lab: Lab, data: Callable[..., Any], db: list[str]) -> None:
    """For programs, everything is there."""
    found = data("where", "pred.csv", *db)

    assert ("as written", PREDICTED, TRAIN, 6) == (
        found["state"], found["hash"], found["written"]["run_id"], found["written"]["cell"]
    )  # fmt: skip
    assert ["clean.ipynb", None] == [each["by"] and each["by"]["run"] for each in found["made_from"]]


def test_files_of_a_run(lab: Lab, command: Callable[..., Result], data: Callable[..., Any], db: list[str]) -> None:
    """`files` lists what a run read and wrote, with size, hash and cell; why a content is not known, and what is not listed."""
    rows = table(command("files", "train1", *db).stdout)
    large = command("files", "large", *db)

    assert [
        ["read", f"{lab.folder}/clean.csv", "7 B", CLEANED, "2"],
        ["wrote", f"{lab.folder}/pred.csv", "9 B", PREDICTED, "6"],
    ] == [rows[0], rows[2]]
    assert [each for each in large.stdout.splitlines() if "via snapshot, larger than 1 GiB" in each]
    assert "7 files more are not listed" in large.stderr
    listed = data("files", "train1", *db)
    assert [("input", 2), ("input", 2), ("output", 6), ("input", 7)] == [(row["role"], row["number"]) for row in listed]
    as_csv = list(csv.DictReader(io.StringIO(command("files", "train1", "--csv", *db).stdout)))
    assert [each["path"] for each in listed] == [each["path"] for each in as_csv]


@pytest.mark.alike
def test_no_files(lab: Lab, engine: sa.Engine, command: Callable[..., Result], db: list[str]) -> None:
    """Of a run without files that is said, and of a run that is not there, too."""
    from ln_jupyter.orm.session import OrmSession
    from ln_jupyter.schema import Run

    with OrmSession(engine) as session:
        session.add(Run(id="empty".ljust(20, "x")))
        session.commit()

    assert (0, "the run read and wrote nothing that is known\n") == (
        (done := command("files", "empty", *db)).exit_code, done.stderr
    )  # fmt: skip
    assert (1, True) == ((done := command("files", "nosuch", *db)).exit_code, "no run 'nosuch'" in done.stderr)


def test_lineage(lab: Lab, command: Callable[..., Result], data: Callable[..., Any], db: list[str]) -> None:
    """`lineage` shows what led to a file and what came of it, as text, as Mermaid and as JSON."""
    text = command("lineage", "pred.csv", *db).stdout.splitlines()
    mermaid = command("lineage", "train.ipynb", "--mermaid", *db)
    found = data("lineage", "train1", "--depth", "0", *db)

    assert ["pred.csv", "3 runs · 5 files", "before:", "after:"] == [line for line in text if not line.startswith(" ")]
    assert text[3].startswith(f"  train.ipynb, run {TRAIN}  ann ")
    assert text[4] == f"    clean.csv  {CLEANED}"
    assert 1 == mermaid.exit_code  # no notebook is registered there, and no file
    assert command("lineage", "pred.csv", "--mermaid", *db).stdout.startswith("flowchart LR\n")
    assert (0, ["train.ipynb", "clean.csv", "pred.csv", "params.toml", "late.csv"]) == (
        found["depth"], [node["name"] for node in found["nodes"]]
    )  # fmt: skip


def test_show_a_run(lab: Lab, command: Callable[..., Result], data: Callable[..., Any], db: list[str]) -> None:
    """`show` of a run names what it read and wrote: some of many, from the notebook's folder; for programs all."""
    done = command("show", "train1", *db).stdout
    found = data("show", "large", *db)

    assert f"WROTE  {lab.folder}/pred.csv" in done
    assert (21, 7) == (len(found["files"]), found["unlisted_files"])


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize(
    "words",
    [("where", "pred.csv"), ("files", "large"), ("lineage", "pred.csv"), ("show", "large")],
    ids=lambda each: each[0],
)
def test_a_terminal(lab: Lab, db: list[str], columns: int, words: tuple[str, ...]) -> None:
    """In a terminal nothing is wider than it, ids are short, paths are seen from the notebook's folder, much is cut."""
    shown = plain(show([*words, *db], width=columns))

    assert all(len(line) <= columns for line in shown), shown
    assert not any(str(lab.folder) in line for line in shown)
    assert not any(TRAIN in line for line in shown)
    if words[0] == "show":
        whole = " ".join(" ".join(shown).split())
        assert "and 12 more: ln-jupyter files largex" in whole
        assert "NOT LISTED 7 more files" in whole


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("other.csv", "ln.track_output(...)"),
        ("my notebook.ipynb", "of its own runs: ln-jupyter lineage 'my notebook.ipynb'"),
    ],
)
def test_what_to_do(lab: Lab, db: list[str], name: str, expected: str) -> None:
    """A terminal says what to do about a file that nobody knows, in words that can be pasted."""
    lab.write(name, "x")

    code, text = exit_code_and_text(["where", name, *db])

    assert 1 == code
    assert expected in " ".join(plain(text))


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_nothing_is_written(lab: Lab, engine: sa.Engine, command: Callable[..., Result], db: list[str]) -> None:
    """Asking writes nothing into a registry."""
    file = Path(engine.url.database or "")
    engine.dispose()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = file.read_bytes()

    done = [command(*words, "--db", f"sqlite:///{file}") for words in (("where", "pred.csv"), ("lineage", "pred.csv"))]

    assert [0, 0] == [each.exit_code for each in done]
    assert before == file.read_bytes()


@pytest.mark.alike
def test_names_that_command(lab: Lab, engine: sa.Engine, command: Callable[..., Result], db: list[str]) -> None:
    """A file's name cannot command a terminal, nor make a line of its own."""
    from ln_jupyter.orm.session import OrmSession
    from ln_jupyter.schema import Run, RunFile

    name = "a\x1b[2J\u202e\nb.csv"
    with OrmSession(engine) as session:
        files = [
            RunFile(position=1, role="output", kind="file", path=f"{lab.folder}/{name}", via="open", reason="\x1b[2J")
        ]
        session.add(Run(id="w".ljust(20, "x"), path=f"/lab/{name}", files=files))
        session.commit()

    for words in (("files", "wxx"), ("lineage", "wxx"), ("show", "wxx"), ("lineage", "wxx", "--mermaid")):
        done = command(*words, *db)
        assert "\x1b[2J" not in done.stdout
        assert "\u202e" not in done.stdout
        assert not any(line.startswith("b.csv") for line in done.stdout.splitlines())


@pytest.mark.alike
def test_files_are_named_from_here(lab: Lab, command: Callable[..., Result], db: list[str], monkeypatch: Any) -> None:
    """A path is seen from the working folder, whatever form it is written in."""
    (lab.folder / "sub").mkdir()
    monkeypatch.chdir(lab.folder / "sub")

    for path in ("../pred.csv", f"{lab.folder}/sub/../pred.csv"):
        assert command("where", path, *db).stdout.startswith("pred.csv was written by train.ipynb")


@pytest.mark.parametrize("schema", ["schema_1", "schema_3"])
def test_an_older_registry(sqlite_url: sa.URL, folder: Path, command: Callable[..., Result], schema: str) -> None:
    """A registry of an earlier release answers with what somebody has linked to its runs."""
    releases.restore(releases.RELEASED / f"{schema}.sqlite.sql", sqlite_url)
    db = ["--db", sqlite_url.render_as_string()]
    found = json.loads(command("runs", "--all", "--json", *db).stdout)
    run = next(each["id"] for each in found if each["title"] == "Solve Problem X" or each["name"] == "Solve Problem X")

    done = command("lineage", run, *db)

    assert 0 == done.exit_code, done.output
    assert ["before:", "after:"] == [line for line in done.stdout.splitlines() if line.endswith(":")]
    assert {"in.csv", "out.csv"} <= set(done.stdout.split())
    assert 0 == command("files", run, *db).exit_code
    assert 1 == command("where", "nowhere.csv", *db).exit_code
