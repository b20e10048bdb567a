from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults import processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def answer(tell: Callable[[object], None], folder: Path) -> None:
    """Be the program that the shell asks."""
    from ln_jupyter import cli

    os.chdir(folder)
    sys.argv = ["ln-jupyter"]
    written = [io.BytesIO(), io.BytesIO()]
    out, err = (io.TextIOWrapper(each, "utf-8", write_through=True) for each in written)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.suppress(SystemExit):
        cli.main()
    tell([each.getvalue().decode() for each in written])


@pytest.fixture
def complete(filled, engine, tmp_path):
    """What the Tab key offers after these words, as the shell asks for it."""

    def ask(*words: str) -> list[str]:
        environment = {
            "LN_JUPYTER_URL": engine.url.render_as_string(hide_password=False),
            "_LN_JUPYTER_COMPLETE": "zsh_complete",
            "COMP_WORDS": " ".join(["ln-jupyter", *words]),
            "COMP_CWORD": str(len(words)),
        }
        (((out, err),),) = processes.run(answer, [(tmp_path,)], environment=environment)
        assert "" == err
        return [line for line in out.splitlines() if line]

    return ask


def test_commands(complete):
    """Commands are offered with what they do."""
    assert ["plain", "runs", "List runs, the newest first."] == complete("run")


def test_options(complete):
    """Options are offered with what they do."""
    assert "--csv" in complete("list", "--c")


def test_notebooks(complete):
    """An id of a notebook is offered once, with the title of its newest version."""
    assert ["plain", "Growth0000aa", "Growth of E. coli"] == complete("runs", "--notebook", "Gr")


def test_runs(complete):
    """An id of a run is offered with the title of what ran."""
    assert ["plain", "failed000000000000aa", "Growth of E. coli"] == complete("delete", "fa")


def test_notebooks_and_runs(complete):
    """Where both will do, both are offered."""
    offered = complete("show", "")

    assert {"Growth0000aa", "Other00000bb", "byhand000000000000aa"} <= set(offered)


def test_a_letter_is_one_letter(complete):
    """A small letter is not a capital one, in ids."""
    assert [] == complete("show", "gr")


def test_no_registry(complete, tmp_path):
    """Where no registry answers, nothing is offered, and none is made."""
    assert [] == complete("show", "--db", f"sqlite:///{tmp_path / 'none.db'}", "x")
    assert not (tmp_path / "none.db").exists()
