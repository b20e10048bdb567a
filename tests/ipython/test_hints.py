"""After a DetachedInstanceError stands the line that works."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from ln_jupyter.ipython import hints

if TYPE_CHECKING:
    from tests.ipython.kernel_driver import Kernel

SETUP = """\
import sqlalchemy as sa
from sqlalchemy.orm import Session, defer
solved = ln.add(lns.Run(name={name!r}))
solved = ln.select(lns.Run, name={name!r}).one()
"""


@pytest.fixture
def run_id(kernel: Kernel, name: str) -> str:
    """Make a detached record, `solved`, and give its id."""
    kernel.run(SETUP.format(name=name))
    return str(kernel.read("solved.id"))


@pytest.mark.parametrize(
    "reading",
    [
        "solved.notebook",
        "try:\n    solved.notebook\nexcept Exception as error:\n    raise ValueError from error",
        "all = []\ntry:\n    solved.notebook\nexcept Exception as e:\n    all.append(e)\nraise ExceptionGroup('g', all)",
        "class Shown:\n    def __repr__(self):\n        return solved.notebook.name\nShown()",
        "%%ln_session\nsolved.notebook",
    ],
    ids=["plain", "cause", "group", "display", "session cell"],
)
def test_a_relationship(kernel: Kernel, run_id: str, reading: str) -> None:
    """The record, the relationship and the user's own name of the record are in the note, wherever it is shown."""
    executed = kernel.run(reading)

    shown = executed.traceback + executed.stdout + executed.stderr
    assert f"notebook of this Run '{run_id}' is not loaded, and its session is closed" in shown
    assert 'fix: ln.load(solved, "notebook"), or select it with .load("notebook")' in shown
    assert 1 == shown.count("fix: ")


def test_the_fix_works(kernel: Kernel, run_id: str) -> None:
    """What the note says can be pasted, and then the attribute can be read."""
    assert "ok" == kernel.run('ln.load(solved, "notebook")\nsolved.notebook').status


def test_a_deferred_column(kernel: Kernel, run_id: str) -> None:
    """A column that was left out is loaded the same way."""
    executed = kernel.run(f"part = ln.select(lns.Run, id={run_id!r}).options(defer(lns.Run.name)).one()\npart.name")

    assert 'fix: ln.load(part, "name"), or select it with .load("name")' in executed.traceback


def test_an_expired_record(kernel: Kernel, run_id: str) -> None:
    """A record that a commit of SQLAlchemy's own session emptied is selected again, by its key."""
    source = f"with Session(ln.connect()) as s:\n    old = s.get(lns.Run, {run_id!r})\n    s.commit()\nold.name"

    executed = kernel.run(source)

    assert f"fix: old = ln.select(Run, id='{run_id}').one()" in executed.traceback


def test_type_and_text_stay(kernel: Kernel, run_id: str) -> None:
    """The error is what it was: who catches or compares it sees no difference."""
    executed = kernel.run("solved.notebook")

    assert "DetachedInstanceError" == executed.reply["ename"]
    assert executed.reply["evalue"].startswith("Parent instance <Run at 0x")
    assert "ln.load" not in executed.reply["evalue"]


def test_what_cannot_be_explained_is_left_alone() -> None:
    """An error from elsewhere with that name, or none at all, gets no note and does no harm."""
    error = type("DetachedInstanceError", (Exception,), {})()

    hints.annotate(error, {})
    hints.annotate(None, {})

    assert not hasattr(error, "__notes__")


def test_a_strange_error_does_no_harm() -> None:
    """Even where SQLAlchemy's frames are not as expected, showing the error goes on."""

    def _load_for_state(state: object) -> None:
        raise type("DetachedInstanceError", (Exception,), {})

    with pytest.raises(Exception) as raised:  # noqa: PT011 - its class is made above
        _load_for_state(SimpleNamespace(identity=7))

    hints.annotate(raised.value, {})
