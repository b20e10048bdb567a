"""Runners of notebooks: what was not saved is not green."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

# without our plugin, which would give the notebook a registry that ends with it
NBMAKE = ["-m", "pytest", "--nbmake", "-p", "no:ln_jupyter", "-p", "no:cacheprovider"]
RUNNERS = {
    "nbclient": ["-c", "from nbclient.cli import main; main()", "notebook.ipynb"],
    "nbmake": [*NBMAKE, "notebook.ipynb"],
    "papermill": ["-m", "papermill", "notebook.ipynb", "out.ipynb"],
}
PAGES = {"html": "notebook.html", "markdown": "notebook.md"}
SETUP = "%load_ext ln_jupyter\nimport ln_jupyter as ln, ln_jupyter.schema as lns"
UNSAVED = {
    "bad option": "%%ln_session --wriet\nx = 1",
    "swallowed": "%%capture\n%%ln_session\n1 / 0",
    "printed": "%%ln_session\n%nosuchmagic",
    "commit": "%%ln_session\n_ = ln.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))",
    "ended": "%%ln_session --as ss\n_ = ln.add(lns.Pipeline(name='a'))\nss.flush()\nss.connection().connection.rollback()",
}

pytestmark = pytest.mark.runner


def write(file: Path, *sources: str) -> Path:
    """Write a notebook of code cells."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell{n}",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for n, source in enumerate(sources)
    ]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernelspec}, "cells": cells}
    file.write_text(json.dumps(notebook), encoding="utf-8")
    return file


def run(runner: str, folder: Path, *sources: str, url: sa.URL | None = None) -> subprocess.CompletedProcess[str]:
    """Run a notebook as a person or a CI job does."""
    write(folder / "notebook.ipynb", *sources)
    return start(folder, *RUNNERS[runner], url=url)


def start(folder: Path, *arguments: str, url: sa.URL | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, as a user with a registry there, or at a URL."""
    environment = kernel_driver.environment(folder)
    if url is not None:
        environment["LN_JUPYTER_URL"] = url.render_as_string(hide_password=False)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def is_saved(folder: Path) -> bool:
    """Whether the registry of a notebook's run holds the pipeline that its cell added."""
    with contextlib.closing(sqlite3.connect(folder / "registry.db")) as connection:
        return bool(connection.execute("SELECT 1 FROM ln_pipeline WHERE name = 'a'").fetchall())


@pytest.mark.parametrize(
    "runner", ["nbclient", *(pytest.param(each, marks=pytest.mark.newest) for each in ("nbmake", "papermill"))]
)
def test_saved(tmp_path: Path, runner: str) -> None:
    """A notebook whose session cells commit passes."""
    check = "assert ln.select(lns.Pipeline, name='a').exists()"

    done = run(runner, tmp_path, SETUP, "%%ln_session\n_ = ln.add(lns.Pipeline(name='a'))", check)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert (tmp_path / "registry.db").exists()


@pytest.mark.parametrize(
    "hidden", ["commit", *(pytest.param(each, marks=pytest.mark.newest) for each in ("swallowed", "ended"))]
)
@pytest.mark.parametrize("runner", ["nbclient", pytest.param("papermill", marks=pytest.mark.newest)])
def test_unsaved(tmp_path: Path, runner: str, hidden: str) -> None:
    """A notebook with a session cell that did not save fails, however its error was hidden."""
    done = run(runner, tmp_path, SETUP, UNSAVED[hidden])

    assert 1 == done.returncode, done.stdout + done.stderr


GIVEN_UP = """\
%%ln_session
import sqlalchemy as sa
_ = ln.add(lns.Pipeline(name='a'))
try:
    ln.select(lns.Pipeline).where(sa.text('nonsense = 1')).all()
except sa.exc.DBAPIError:
    pass
"""


@pytest.mark.newest
@pytest.mark.postgres
@pytest.mark.parametrize("runner", RUNNERS)
def test_given_up_by_postgresql(tmp_path: Path, runner: str, postgres_url: sa.URL) -> None:
    """A notebook fails whose cell caught an error after which PostgreSQL saves nothing of it."""
    done = run(runner, tmp_path, SETUP, GIVEN_UP, url=postgres_url)

    assert 1 == done.returncode, done.stdout + done.stderr
    assert "has undone this unit" in done.stdout + done.stderr


@pytest.mark.newest
def test_unsaved_in_nbmake(tmp_path: Path) -> None:
    """The same in nbmake, which runs many notebooks at once."""
    for number, source in enumerate(UNSAVED.values()):
        write(tmp_path / f"{number}.ipynb", SETUP, source)

    done = start(tmp_path, *NBMAKE, ".")

    assert f"{len(UNSAVED)} failed" in done.stdout.splitlines()[-1], done.stdout + done.stderr


@pytest.mark.newest
@pytest.mark.parametrize("runner", RUNNERS)
def test_failed_display(tmp_path: Path, runner: str) -> None:
    """A value that cannot be shown is judged as in any cell, and is never green without being saved."""
    show = "class Undisplayable:\n    def __repr__(self):\n        raise LookupError\n\n"
    plain, session = tmp_path / "plain", tmp_path / "session"
    plain.mkdir()
    session.mkdir()

    setup = f"{SETUP}\n_ = ln.add(lns.Pipeline(name='first'))"  # makes the registry

    expected = run(runner, plain, setup, f"{show}Undisplayable()")
    done = run(runner, session, setup, f"{show}%ln_session cell\n_ = ln.add(lns.Pipeline(name='a'))\nUndisplayable()")

    assert expected.returncode == done.returncode, done.stdout + done.stderr
    assert done.returncode != 0 or is_saved(session)


@pytest.mark.parametrize("page", ["html", pytest.param("markdown", marks=pytest.mark.newest)])
def test_records_on_a_page(tmp_path: Path, page: str) -> None:
    """A page that nbconvert makes shows records as a notebook does."""
    write(tmp_path / "notebook.ipynb", SETUP, "ln.add(lns.Run(name='<b>X</b>'))\nln.select(lns.Run).first()")

    done = start(tmp_path, "-m", "nbconvert", "--execute", "--to", page, "notebook.ipynb")

    written = (tmp_path / PAGES[page]).read_text(encoding="utf-8")
    assert 0 == done.returncode, done.stderr
    assert '<th scope="row">not loaded</th>' in written
    assert "⊘ session closed" in written
    assert "&lt;b&gt;X&lt;/b&gt;" in written
