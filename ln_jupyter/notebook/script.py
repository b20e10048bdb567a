"""Cells as a Python script in the percent format of jupytext, which editors run cell by cell.

Source of the format: https://jupytext.readthedocs.io/en/latest/formats-scripts.html
"""

from __future__ import annotations

import ast
import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter import sanitize
from ln_jupyter.notebook import syntax

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ln_jupyter.notebook.document import Cell

# What jupytext, VS Code and Spyder take for the beginning of a cell.
_MARK = re.compile(r"^([ \t]*)#(?=[ \t]*(?:%%|<codecell>|In\[[0-9 ]*\]))", re.MULTILINE)


class Script(NamedTuple):
    r"""A script, and what is wrong with it.

    Attributes:
        text: With ``\n`` at the end of each line.
        false_marks: The lines of *text*, from 1, that an editor takes for the beginning of a cell, and that are none.
    """

    text: str
    false_marks: tuple[int, ...]


# What follows in the line of a mark is a title, but for what these begin: the kind of the cell, and its metadata.
_NO_TITLE = str.maketrans("[]{}=", "()():")


def percent(cells: Iterable[Cell], titles: Iterable[str] = ()) -> Script:
    r"""Write cells as a script, each after a line ``# %%``.

    Every line of a cell that is no code is a comment, whatever ends the line: Python, terminals
    and editors do not agree on what does. A comment in code that looks like the beginning of a
    cell gets a second ``#``; in a string, where nothing may change, its ``#`` becomes ``\x23``.

    Args:
        cells: What to write.
        titles: What the mark of each says beside it; nothing of the others.

    Example:
        >>> from ln_jupyter.notebook.document import Cell
        >>> percent([Cell(None, "markdown", "a\rb"), Cell(None, "code", "x = 1")]).text
        '# %% [markdown]\n# a\n# b\n\n# %%\nx = 1\n\n'
    """
    text, false_marks = "", list[int]()
    for cell, title in zip(cells, itertools.chain(titles, itertools.repeat("")), strict=False):
        begins = f"# %% {sanitize.plain(title).translate(_NO_TITLE)}".rstrip()
        if cell.type == "code":
            text += f"{begins}\n"
            body = _without_marks(re.sub(r"\r\n?", "\n", cell.source))  # as Python reads it
            first = text.count("\n") + 1
            false_marks += [first + body.count("\n", 0, mark.start()) for mark in _MARK.finditer(body)]
        else:
            text += f"{begins} [{cell.type}]\n"
            body = "\n".join(map(_comment, cell.source.splitlines() or [""]))
        text += f"{body}\n\n"
    return Script(text, tuple(false_marks))


def _comment(line: str) -> str:
    return "# " + "\t".join(map(sanitize.plain, line.rstrip().split("\t"))) if line.strip() else "#"


def _without_marks(source: str) -> str:
    """Change what looks like a mark where the code stays the same."""
    tree = _dumped(source)
    if not tree and source.lstrip().startswith("%%"):
        return source  # of another language
    for mark in reversed(list(_MARK.finditer(source))):  # from the end, so that the places before stay
        for instead in (r"# #", r"\x23"):
            changed = f"{source[: mark.end(1)]}{instead}{source[mark.end() :]}"
            if _dumped(changed) == tree:
                source = changed
                break
    return source


def _dumped(source: str) -> list[str]:
    return [ast.dump(statement) for statement in syntax.parse(source)]
