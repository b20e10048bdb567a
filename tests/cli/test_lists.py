import csv
import datetime as dt
import io
import re
from typing import get_args

import pytest

import ln_jupyter.schema as lns
from ln_jupyter.cli import lists, remove
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.schema import Notebook
from ln_jupyter.schema.models import State
from tests.cli.conftest import ago, execution, notebook, table


def test_every_state_can_be_asked_for():
    """The commands, which do not import the models for it, know the states that a run can have."""
    assert set(lists._STATES.choices) == set(get_args(State)) == {*remove._ENDED, "running"}


def test_notebooks_are_listed(filled, command, db):
    """`list` has a line for each notebook: first its last run, then where it is, and the runs of all its versions."""
    done = command("list", *db)

    assert 0 == done.exit_code
    assert ["LAST RUN", "ID", "NOTEBOOK", "TITLE", "VERSION", "RUNS", "WHEN", "REASON"] == re.split(
        "  +", done.stdout.splitlines()[0]
    )
    other, growth = table(done.stdout)
    assert ["none", "Other00000bb", "untitled", "1 draft", "0", local(20)] == other
    assert ["? lost", "Growth0000aa", "/data/growth.ipynb", "Growth of E. coli", "2 draft", "4", local(30)] == growth[
        :7
    ]
    assert [f"last heard {local(30, 600)}"] == growth[7:]


def test_notebooks_as_json(filled, data, db):
    """For programs, the keys are stable and times are in ISO 8601."""
    _, second, _ = data("list", *db)

    assert {
        "id": "Growth0000aa",
        "v": "2",
        "status": "draft",
        "title": "Growth of E. coli",
        "name": None,
        "published_at": None,
        "parent_id": "Growth0000aa",
        "parent_v": "1",
        "user": "ann",
        "path": "/data/growth.ipynb",
        "runs": 3,
        "last_run_id": "lost00000000000000aa",
        "last_run_state": "lost",
    }.items() <= second.items()
    times = ("created_at", "last_run_at", "last_run_heard_at")
    assert {dt.timedelta(0)} == {dt.datetime.fromisoformat(second[name]).utcoffset() for name in times}


def test_many_runs_are_counted_for_programs(filled, command, data, db, monkeypatch):
    """A table says where there are more runs than it counts; JSON and CSV have the number."""
    monkeypatch.setattr(lists, "_COUNTED", 2)

    _, line = table(command("list", *db).stdout)

    assert "2+" in line
    assert 3 == data("list", *db)[1]["runs"]
    assert "3" == list(csv.DictReader(io.StringIO(command("list", "--csv", *db).stdout)))[1]["runs"]


@pytest.mark.parametrize("words", [["list"], ["runs"]], ids=str)
def test_lists_as_csv(filled, command, data, db, words):
    """Comma-separated values are those of JSON, under the same names."""
    done = command(*words, "--csv", *db)

    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    expected = data(*words, *db)
    for row in (*rows, *expected):  # of a run that goes on, each call says how long by then
        row.pop("seconds", None)
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in expected] == rows


def test_csv_commands_no_terminal(engine, command, db):
    """An escape sequence in a title is shown as what it is not; commas, quotes and lines stay in their cell."""
    with OrmSession(engine) as session:
        session.add(notebook("Odd000000000", "1", title='a\x1b[2J, "b"\n=c', days=1))
        session.commit()

    (row,) = csv.DictReader(io.StringIO(command("list", "--csv", *db).stdout))

    assert "\x1b" not in row["title"]
    assert ("a", ', "b"', "=c") == (row["title"][0], row["title"][5:10], row["title"][-2:])


@pytest.mark.parametrize("title", ["=cmd|' /C calc'!A0", "+1", "@SUM(A1)", "-2", " =1", "\uff1d1"])
def test_csv_holds_no_formula(engine, command, db, title):
    """Text that a spreadsheet would take for a formula has a sign before it; nothing else has."""
    with OrmSession(engine) as session:
        session.add(notebook("Odd000000000", "1", title=title, days=1))
        session.commit()

    (row,) = csv.DictReader(io.StringIO(command("list", "--csv", *db).stdout))

    assert f"'{title}" == row["title"]
    assert "Odd000000000" == row["id"]


def test_long_names(engine, command, db):
    """A title of a megabyte takes no more room than there is, in a table and in an error."""
    with OrmSession(engine) as session:
        session.add(notebook("Odd000000000", "1", title="n" * 1_000_000, days=1))
        session.commit()

    shown, *refused = (command("show", name, *db) for name in ("Odd0", "x" * 60_000, f"{'x' * 60_000}.ipynb"))

    assert [0, 1, 1] == [shown.exit_code, *(each.exit_code for each in refused)]
    assert max(len(each.output) for each in (shown, *refused)) < 10_000
    assert "the registry knows no notebook xx" in refused[1].output


def test_the_last_form_counts(filled, command, db):
    """Of several forms the last one counts, so that an alias can be overridden."""
    assert command("list", *db).output == command("list", "--json", "--csv", "--table", *db).output


@pytest.mark.parametrize("words", [["list"], ["runs"]], ids=str)
def test_a_list_is_two_statements(filled, command, db, statements, words):
    """However many there are, the rows of a list are one statement; another counts them, or reads their tags."""
    command(*words, *db)

    assert 2 == sum("FROM ln_run" in sql or "FROM ln_notebook" in sql for sql in statements)


@pytest.mark.parametrize("words", [["list"], ["runs"]], ids=str)
def test_a_list_has_a_limit(filled, data, db, words):
    """``--limit`` leaves the newest."""
    everything = data(*words, *db)

    (found,) = data(*words, "--limit", "1", *db)

    assert everything[0]["id"] == found["id"]


def test_runs_are_listed(filled, command, db):
    """`runs` shows runs, the newest first, with what ran, the state, and who."""
    done = command("runs", *db)

    assert ["STATE", "RUN", "NOTEBOOK", "STARTED", "BUSY", "BY", "RESULT OR REASON"] == re.split(
        "  +", done.stdout.splitlines()[0]
    )
    running, *others = table(done.stdout)
    assert ["► running", "running00000000000aa", "Transform A", local(0.01)] == running[:4]
    assert [
        ["? lost", "lost00000000000000aa", "Growth of E. coli", local(30), "10 min", "ann"],
        ["✗ failed", "failed000000000000aa", "/data/growth.ipynb", local(38), "5.0 s", "ann"],
        ["✓ finished", "finished0000000000aa", "Growth of E. coli", local(39), "1.5 min", "ann"],
        ["✓ finished", "published000000000aa", "Growth of E. coli", local(55), "30 s", "ann"],
        ["- by hand", "byhand000000000000aa", "by hand", local(100), "ann"],
    ] == [line[:6] for line in others]
    assert [f"last heard {local(30, 600)}"] == others[0][6:]


def test_runs_of_a_notebook(filled, data, db):
    """``--notebook`` takes the beginning of an id, a path, or the name of a file."""
    found, by_path, by_name = (
        data("runs", "--notebook", name, *db) for name in ("Grow", "/data/growth.ipynb", "growth.ipynb")
    )

    assert [each["id"] for each in found] == [each["id"] for each in by_path] == [each["id"] for each in by_name]

    assert ["lost", "failed", "finished", "finished"] == [run["state"] for run in found]
    assert [600.0, 5.0, 90.0, 30.0] == [run["seconds"] for run in found]


def test_runs_in_a_state(filled, data, db):
    """``--state`` takes the derived state, and may be repeated."""
    found = data("runs", "--state", "lost", "--state", "running", *db)

    assert ["running", "lost"] == [run["state"] for run in found]


def test_a_state_that_is_none(command, db):
    """A misspelt state is a mistake of usage."""
    done = command("runs", "--state", "lots", *db)

    assert (2, True) == (done.exit_code, "'lots' is not one of" in done.stderr)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list"], "no notebook is registered\n"),
        (["runs"], "no run is registered\n"),
        (["runs", "--state", "lost"], "there is no such run\n"),
    ],
    ids=str,
)
def test_nothing_to_list(command, data, db, words, message):
    """An empty registry is said on stderr, and an empty list for programs."""
    done = command(*words, *db)

    assert (0, "", message) == (done.exit_code, done.stdout, done.stderr)
    assert [] == data(*words, *db)
    assert "" == command(*words, "--csv", *db).output


@pytest.mark.parametrize("words", [["list"], ["runs"], ["show", "x"], ["delete", "x", "--yes"]], ids=str)
def test_no_registry_is_made_by_looking(command, folder, words):
    """Where there is no registry yet, a command says so and makes none."""
    done = command(*words, "--db", f"sqlite:///{folder / 'none.db'}")

    assert (1, []) == (done.exit_code, list(folder.iterdir()))
    assert f"Error: there is no registry yet at {folder / 'none.db'}\nfix: run ln.header()" in done.stderr


def test_titles_of_others(engine, command, db):
    """A title commands no terminal, keeps its line, and a wide one keeps the columns."""
    with OrmSession(engine) as session:
        session.add_all(
            [
                notebook("hostile00000", "1", title="a\x1b[2Jb\nc", days=1),
                notebook("wide00000000", "1", title="実験" * 100, days=2),
            ]
        )
        session.commit()

    done = command("list", *db)

    hostile, wide = table(done.stdout)
    assert "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}c" in hostile
    assert "実験" * 100 in wide
    assert ["1 draft", "0"] == hostile[-3:-1] == wide[-3:-1]


def test_ids_stay_as_they_are(engine, data, command, db):
    """An id that reads as a number is no number."""
    with OrmSession(engine) as session:
        session.add(notebook("1e5", "1.10", days=1))
        session.commit()

    assert [["none", "1e5", "1e5", "1.10 draft"]] == [row[:4] for row in table(command("list", *db).stdout)]


def test_last_run_of_each_version(filled, engine, data, db):
    """A run counts for the version it ran, and the last one is the newest."""
    with OrmSession(engine) as session:
        first = session.get(Notebook, ("Growth0000aa", "1"))
        session.add(execution("again00000000000000aa"[:20], days=10, notebook=first))
        session.commit()

    *_, found = data("list", *db)

    assert (2, "again00000000000000a") == (found["runs"], found["last_run_id"])


def test_a_path_is_no_url(folder, command):
    """Who gives the path of a file reads the URL to write; what is no file is not repeated, as it may be a secret."""
    (folder / "moved.db").touch()

    path, secret = command("runs", "--db", "moved.db"), command("runs", "--db", "hunter2")

    assert (2, True) == (path.exit_code, "write sqlite:///moved.db" in path.output)
    assert (1, False) == (secret.exit_code, "hunter2" in secret.output)


def test_a_run_made_by_hand_has_its_own_name(engine, data, db):
    """A run of a pipeline is listed by its name, and one without a name by its pipeline's."""
    pipeline = lns.Pipeline(name="Transform A")
    with OrmSession(engine) as session:
        session.add_all([lns.Run(name="Solve Problem X", pipeline=pipeline), lns.Run(pipeline=pipeline)])
        session.commit()

    assert {"Solve Problem X", "Transform A"} == {run["title"] for run in data("runs", *db)}


def local(days, seconds=0):
    """Write a time as it goes into a pipe."""
    return ago(days, seconds).astimezone().isoformat(timespec="seconds")


def test_times_in_utc(filled, command, db):
    """Into a pipe go whole times, of this machine's zone, or with ``--utc`` of that one."""
    done = command("runs", "--state", "failed", "--utc", *db)

    assert ago(38).isoformat(timespec="seconds") in done.stdout
