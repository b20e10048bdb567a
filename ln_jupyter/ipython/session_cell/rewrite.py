"""The first line of a session cell becomes a statement; its body stays the user's own Python."""

from __future__ import annotations

import re

from IPython.core.inputtransformer2 import cell_magic, leading_indent

_FIRST_LINE = re.compile(r"%%ln_session(?![\w?])(.*)", re.DOTALL)


def rewrite(lines: list[str]) -> list[str]:
    r"""Turn ``%%ln_session`` on a cell's first line of code into ``%ln_session cell``.

    Only that line changes, and stays one line: line numbers, ``await``, tracebacks,
    breakpoints and the history are those of a cell without it.

    Args:
        lines: The cell, each line with its end, as IPython hands it to an input transformer.

    Example:
        >>> rewrite(["%%ln_session --write\n", "x = 1\n"])
        ["get_ipython().run_line_magic('ln_session', 'cell --write')\n", 'x = 1\n']
        >>> rewrite(["x = 1\n", "%%ln_session\n"])
        ['x = 1\n', '%%ln_session\n']
    """
    # The first question is for speed: nearly every cell is none of ours.
    if "%%ln_session" not in "".join(lines):
        return lines
    first = _first_of_code(lines)
    if first is None or (match := _FIRST_LINE.match(lines[first])) is None:
        return lines
    argument = f"cell {match[1].strip()}".strip()
    statement = f"get_ipython().run_line_magic('ln_session', {argument!r})\n"
    return [*lines[:first], statement, *_as_cell(lines[first + 1 :])]


# check_complete() skips it: a terminal goes on asking for lines, as for every `%%` cell, until a blank one.
rewrite.has_side_effects = True  # type: ignore[attr-defined]


def _as_cell(body: list[str]) -> list[str]:
    """Return a body what IPython gives a cell: its indentation taken off, its own ``%%magic``."""
    first = _first_of_code(body)
    if first is None:
        return body
    code = body[first:]
    if code[0][0] in " \t":
        code = leading_indent(code)  # type: ignore[no-untyped-call]
    return [*body[:first], *cell_magic(code)]  # type: ignore[no-untyped-call]


def _first_of_code(lines: list[str]) -> int | None:
    return next((n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), None)
