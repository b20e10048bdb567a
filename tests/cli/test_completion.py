import os
import subprocess

import pytest

from tests.cli.conftest import program


@pytest.fixture
def complete(filled, engine, tmp_path):
    """What the Tab key offers after these words, as the shell asks for it."""

    def ask(*words: str) -> list[str]:
        environment = os.environ | {
            "LN_JUPYTER_URL": engine.url.render_as_string(hide_password=False),
            "_LN_JUPYTER_COMPLETE": "zsh_complete",
            "COMP_WORDS": " ".join(["ln-jupyter", *words]),
            "COMP_CWORD": str(len(words)),
        }
        done = subprocess.run(
            program(), env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=180
        )
        assert "" == done.stderr
        return [line for line in done.stdout.splitlines() if line]

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
