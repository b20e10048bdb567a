import json
import os
import pty
import re
import subprocess

import pytest
import sqlalchemy as sa

from ln_jupyter import settings
from ln_jupyter.db import engines
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.schema import ExecutedCell, Run, Text
from tests.cli.conftest import program
from tests.tracking.notebooks import write

IDENTITY = {"id": "Growth0000aa", "version": "1", "time_init": "2026-01-01T00:00:00", "time_run": "2026-01-01T00:00:00"}


@pytest.fixture
def filled(filled, engine):
    """Let a failed run have executed a text, with an error, and leave behind a text of a run that is gone."""
    with OrmSession(engine) as session:
        session.add_all([Text(id=1, content=b""), Text(id=2, content=b"")])
        session.flush()
        cell = session.get_one(ExecutedCell, ("failed000000000000aa", 1))
        cell.text_id, cell.error_type, cell.error_message = 1, "KeyError", "hunter2"
        session.get_one(Run, "failed000000000000aa").reason = "cell 1: KeyError: hunter2"
        session.commit()


@pytest.fixture
def run_ids(engine):
    """Read which runs are left."""

    def read():
        with engine.connect() as connection:
            return set(connection.scalars(sa.select(Run.id)))

    return read


def test_a_run_is_deleted(filled, engine, command, db, run_ids):
    """`delete` removes a run and what only it used, and says how much that was."""
    done = command("delete", "failed000000000000aa", "--yes", *db)

    assert (0, "deleted 1 run, 2 executed cells, 0 sources, 1 environment, 1 text\n") == (done.exit_code, done.stdout)
    assert (5, True) == (len(run_ids()), "failed000000000000aa" not in run_ids())
    with engine.connect() as connection:
        assert 0 == connection.scalar(sa.select(sa.func.count()).select_from(ExecutedCell))


def test_a_deletion_as_json(filled, data, db):
    """For programs, the ids and counts of what went are given."""
    expected = {"dry_run": False, "runs": ["failed000000000000aa"], "cells": 2, "sources": 0, "environments": 1}
    expected |= {"texts": 1, "files": 0}

    assert expected == data("delete", "failed000000000000aa", "--yes", *db)


def test_what_ran_is_deleted(filled, command, data, db, run_ids):
    """``--text`` leaves the run, and of what ran no more than hashes, and of its error no more than place and type."""
    would = command("delete", "failed000000000000aa", "--text", "--dry-run", *db)
    done = command("delete", "failed000000000000aa", "--text", "--yes", *db)

    assert "would delete what ran in 1 executed cell of 1 run, 1 text" == would.stdout.splitlines()[-1]
    assert (0, "deleted what ran in 1 executed cell of 1 run, 1 text\n", 6) == (
        done.exit_code, done.stdout, len(run_ids())
    )  # fmt: skip
    shown = command("show", "failed0", *db).stdout
    assert ("✗ failed at cell 1: KeyError", False) == (shown.splitlines()[0], "hunter2" in shown)
    again = data("delete", "failed000000000000aa", "--text", "--yes", *db)
    assert {
        "dry_run": False,
        "runs": ["failed000000000000aa"],
        "cells": 0,
        "texts": 0,
        "files": 0,
    }.items() <= again.items()


def test_what_runs_is_not_deleted(filled, command, db):
    """Of a run that goes on, nothing of what ran is deleted, and the fix says what to do."""
    done = command("delete", "running00000000000aa", "--text", "--yes", *db)

    assert (1, True) == (done.exit_code, "fix: end its kernel first" in done.stderr)


@pytest.mark.parametrize("words", [["delete", "failed000000000000aa"], ["prune", "--older-than", "35d"]], ids=str)
def test_a_dry_run_removes_nothing(filled, command, db, run_ids, words):
    """``--dry-run`` shows what would go, asks nobody, and removes nothing."""
    before = run_ids()

    done = command(*words, "--dry-run", *db)

    assert (0, before) == (done.exit_code, run_ids())
    assert "✗ failed  failed000000000000aa" in re.sub("  +", "  ", done.stdout)
    assert done.stdout.splitlines()[-1].startswith("would delete ")


def test_one_unknown_id(filled, command, db, run_ids):
    """If one of the ids has no run, nothing is deleted."""
    done = command("delete", "failed000000000000aa", "nonesuch", "--yes", *db)

    assert (1, 6) == (done.exit_code, len(run_ids()))
    assert "nonesuch" in done.stderr


def test_old_runs_are_pruned(filled, data, db, run_ids):
    """`prune` removes what ended long ago, and leaves what goes on, was published, or was made by hand."""
    done = data("prune", "--older-than", "20d", "--yes", *db)

    assert {"finished0000000000aa", "failed000000000000aa", "lost00000000000000aa"} == set(done["runs"])
    assert {"running00000000000aa", "published000000000aa", "byhand000000000000aa"} == run_ids()


def test_runs_in_a_state_are_pruned(filled, data, db):
    """``--state`` leaves the others."""
    assert ["lost00000000000000aa"] == data("prune", "--older-than", "3w", "--state", "lost", "--yes", *db)["runs"]


def test_what_is_young_stays(filled, command, db, run_ids):
    """Where nothing is old enough, that is said."""
    done = command("prune", "--older-than", "500d", "--yes", *db)

    expected = "deleted 0 runs, 0 executed cells, 0 sources, 0 environments, 1 text\n"
    assert (0, expected, 6) == (done.exit_code, done.stdout, len(run_ids()))


@pytest.mark.parametrize("age", ["30", "d", "-1d", "1.5d", "1m", "1y", "٣d", "999999d", ""])
def test_an_age_that_is_none(command, age):
    """An age without a number or a unit names those there are."""
    done = command("prune", f"--older-than={age}", "--yes")

    assert (2, True) == (done.exit_code, "write hours, days or weeks: 12h, 30d, 8w" in done.stderr)


@pytest.mark.parametrize("words", [["delete", "failed000000000000aa"], ["prune", "--older-than", "1h"]], ids=str)
def test_nobody_is_asked_who_cannot_answer(filled, command, db, run_ids, words):
    """Without a terminal, nothing is removed without ``--yes``, whatever comes in at stdin."""
    done = command(*words, *db, input="y\n")

    expected = "Error: nobody can be asked here: add --yes, or --dry-run to see what would go\n"
    assert (2, True, 6) == (done.exit_code, done.stderr.endswith(expected), len(run_ids()))


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_on_a_terminal_somebody_is_asked(filled, db, run_ids, answer):
    """On a terminal, what would go is shown and goes only on a yes."""
    master, terminal = pty.openpty()
    os.write(master, f"{answer}\n".encode())

    done = subprocess.run(
        program("delete", "failed000000000000aa", *db), stdin=terminal, capture_output=True, text=True, check=False
    )

    os.close(master)
    os.close(terminal)
    assert "✗ failed  failed000000000000aa" in re.sub("  +", "  ", done.stdout)
    assert "delete 1 run, 2 executed cells, 0 sources, 1 environment, 1 text? [y/N]:" in done.stderr
    assert {"yes": (0, 5), "no": (1, 6)}[answer] == (done.returncode, len(run_ids()))


def test_a_file_is_forgotten(command, folder, sqlite_url):
    """`forget` takes the id out of the file and says which it was."""
    file = write(folder / "growth.ipynb", nbproject=IDENTITY)

    done = command("forget", file, "--db", str(sqlite_url))

    assert (0, f"{file} is no longer Growth0000aa: taken out of the file\n") == (done.exit_code, done.output)
    assert "nbproject" not in json.loads(file.read_text())["metadata"]
    engines.connect()


def test_a_file_without_an_id(command, data, folder, sqlite_url):
    """There is nothing to forget of a file that nobody knows."""
    file = write(folder / "new.ipynb")

    done = command("forget", file, "--db", str(sqlite_url))

    assert (0, f"{file} has no id, and the registry does not know it\n") == (done.exit_code, done.output)
    expected = {"path": str(file), "notebook_id": None, "in_file": False, "in_registry": False}
    assert expected == data("forget", str(file), "--db", str(sqlite_url))
    engines.connect()


def test_a_file_is_forgotten_in_its_own_project(command, folder):
    """The registry is the one that the notebook's own header() would use."""
    command("init", "lab")
    settings.forget()
    file = write(folder / "lab" / "growth.ipynb", nbproject=IDENTITY)

    command("forget", file)

    assert f"sqlite:///{folder / 'lab' / '.ln_jupyter' / 'registry.db'}" == settings.current().url


def test_a_file_that_is_no_notebook(command, folder, sqlite_url):
    """What cannot be read is one line, and is left as it was."""
    file = folder / "text.ipynb"
    file.write_text("text")

    done = command("forget", file, "--db", str(sqlite_url))

    assert (1, "text", True) == (done.exit_code, file.read_text(), done.stderr.startswith("Error: "))
    engines.connect()
