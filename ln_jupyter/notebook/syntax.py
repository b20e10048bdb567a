"""Read a cell as IPython runs it: Python with magics, shell lines and question marks."""

from __future__ import annotations

import ast
import re
import textwrap
import tokenize
import warnings
from io import StringIO
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

# Cell magics that run their body in this kernel; every other body is another language or another process.
_OF_PYTHON = {
    *("autovisualize", "capture", "ipytest", "ln_session", "memit", "mprun", "prun", "pyinstrument", "scalene"),
    *("skip", "snakeviz", "time", "timeit", "wandb"),
}
_CELL_MAGIC = re.compile(r"\s*%%(\w*)[^\n]*\n?")
# Lines no Python line can look like: %magic, !shell, ?help, help?, and name = %magic or !shell.
_NO_PYTHON = re.compile(r"(\s*+)(?:[%!?].*|[^#\n]*\?|[\w.,\s]++=\s*(?:!|%[A-Za-z]).*)")
_BEGINS = re.compile(r"(?=^(?!(?:elif|else|except|finally)\b)[^\s#)\]}])", re.MULTILINE)
_LONGEST = 100_000  # characters; a longer cell holds data, and parsing it may take seconds


def parse(source: str) -> list[ast.stmt]:
    r"""Parse a cell's source, or as much of it as is Python; never raise.

    Only for the main thread: before Python 3.11.8 and 3.12.2, two threads that parse at once get
    each other's errors (python/cpython#106905), and the filters of warnings are of the process.

    Example:
        >>> [ast.unparse(statement) for statement in parse("%%time\n%matplotlib inline\nx = 1\nls?\n")]
        ['pass', 'x = 1', 'pass']
        >>> parse("%%bash\nimport -window root shot.png")
        []
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the user's own code, who sees them where it runs
        return _read(source, _statements)


def tokens(source: str) -> list[tokenize.TokenInfo]:
    """Split a cell's source into tokens, or as much of it as is Python; never raise. For any thread."""
    return _read(source, _tokens)


def _read(source: str, whole: Callable[[str], list[_T] | None]) -> list[_T]:
    while match := _CELL_MAGIC.match(source):
        if match[1] not in _OF_PYTHON:
            return []
        source = source[match.end() :]
    if len(source) > _LONGEST:
        return []
    source = textwrap.dedent(source)  # as IPython does
    return (
        whole(source)
        or whole(_without_magics(source))
        # what begins at the left margin one by one, so that a broken line hides nothing but itself
        or [each for part in _BEGINS.split(source) for each in whole(part) or whole(_without_magics(part)) or ()]
    )


def _tokens(source: str) -> list[tokenize.TokenInfo] | None:
    try:
        return list(tokenize.generate_tokens(StringIO(source).readline))
    except (SyntaxError, tokenize.TokenError):
        return None


def _statements(source: str) -> list[ast.stmt] | None:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested too deeply
        return None


def _without_magics(source: str) -> str:
    """Put ``pass`` in the place of lines that only IPython understands, with the lines they go on in."""
    kept = []
    continued = False
    for line in source.split("\n"):
        match = None if continued else _NO_PYTHON.fullmatch(line.rstrip())
        kept.append("" if continued else f"{match[1]}pass" if match else line)
        continued = (continued or match is not None) and line.endswith("\\")
    return "\n".join(kept)
