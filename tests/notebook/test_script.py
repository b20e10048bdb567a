"""Cells as a script that editors run cell by cell."""

import ast

import pytest

from ln_jupyter.notebook.document import Cell
from ln_jupyter.notebook.script import percent


def script_of(source, kind="code"):
    return percent([Cell(None, kind, source)])


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_markdown_is_a_comment(end):
    """A line of Markdown is a comment whatever ends it, for Python as for those who split at every line end."""
    text = script_of(f"a{end}import os", "markdown").text

    assert "# %% [markdown]\n# a\n# import os\n\n" == text


def test_markdown_commands_no_terminal():
    """What commands a terminal is replaced in a comment; tabs stay."""
    assert "#   a\ufffd[2J\tb\n" in script_of("  a\x1b[2J\tb ", "raw").text


@pytest.mark.parametrize("mark", ["# %%", "#%% title", "  # %%", "# <codecell>", "# In[3]:"])
def test_comment_is_no_mark(mark):
    """A comment that looks like the beginning of a cell gets another sign before it."""
    script = script_of(f"x = 1\n{mark}\ny = 2")

    assert (["x = 1", mark.replace("#", "# #", 1), "y = 2"], ()) == (
        script.text.split("\n")[1:4], script.false_marks
    )  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "f", "b"])
def test_string_is_no_mark(prefix):
    """Nor does a line of a string begin a cell, and the string stays what it is."""
    source = f'x = {prefix}"""\n# %% a\n"""'
    script = script_of(source)

    assert (ast.dump(ast.parse(source)), 1, ()) == (
        ast.dump(ast.parse(script.text)),
        script.text.count("# %%"),
        script.false_marks,
    )


@pytest.mark.parametrize("source", ['x = 1\nx = r"""\n# %% a\n"""', "%%writefile a.py\n\n# %% a"])
def test_false_mark_is_told(source):
    """Where no other spelling means the same, the text stays and the line is told."""
    script = script_of(source)

    assert (f"# %%\n{source}\n\n", (4,)) == script


def test_magics_stay():
    """IPython's own lines hide no mark."""
    assert "# %%\n%time x\n# # %%\n!ls\n\n" == script_of("%time x\n# %%\n!ls").text


def test_titles():
    """A mark may say more: in one line, and nothing that tells editors a kind or metadata; of other cells it is nothing."""
    cells = [Cell(None, "code", "x = 1"), Cell(None, "markdown", "a"), Cell(None, "code", "y")]

    text = percent(cells, ["cell 1: [markdown] {a=1}\n\x1b[2J", "words"]).text

    marks = [line for line in text.splitlines() if line.startswith("# %%")]
    assert ["# %% cell 1: (markdown) (a:1)\ufffd\ufffd(2J", "# %% words [markdown]", "# %%"] == marks
