"""Which modules a notebook's cells import, read from their source."""

from __future__ import annotations

import re
import sys
import tokenize
from typing import TYPE_CHECKING

from ln_jupyter.notebook import syntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ln_jupyter.notebook.document import Cell

_MOST = 1_000_000  # characters of code that are parsed, of all cells

_OF_PYTHON = sys.stdlib_module_names | {"__main__"}


def imported_modules(cells: Iterable[Cell]) -> frozenset[str]:
    """Read what the code cells of a notebook import, up to a million characters."""
    found: set[str] = set()
    left = _MOST
    for cell in cells:
        if cell.type == "code" and len(cell.source) <= left:
            left -= len(cell.source)
            found |= modules(cell.source)
    return frozenset(found)


def modules(source: str) -> frozenset[str]:
    r"""Read what one cell imports, also inside functions; magics and broken lines are passed over.

    Relative imports are of the user's own code, and the standard library is of Python: both are left out.

    Returns:
        Dotted names. The last part may be something that a module defines: ``from a import b``
        gives ``a.b``, because a part of a namespace package is found by its whole name only.

    Example:
        >>> sorted(modules("%matplotlib inline\nimport os, numpy as np\nfrom google.cloud import storage"))
        ['google.cloud.storage', 'numpy']
    """
    if "import" not in source:
        return frozenset()
    return frozenset(name for name in _names(source) if name.partition(".")[0] not in _OF_PYTHON)


# Statements as their tokens, each after a space; before the colon is what the statement stands behind on its line.
_NAME = r" \w+(?: as \w+)?"
_MODULE = r" \w+(?: \. \w+)*"
_ALIASED = rf"{_MODULE}(?: as \w+)?"
_IMPORT = re.compile(rf"(?:.* :)? import((?:{_ALIASED} ,)*{_ALIASED})")
_FROM = re.compile(rf"(?:.* :)? from({_MODULE}) import(?: \()?((?:{_NAME} ,)*(?: \*|{_NAME}))(?: ,)?(?: \))?")


def _names(source: str) -> Iterator[str]:
    statement = ""
    for token in syntax.tokens(source):
        if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER) or token.string == ";":
            if " import " in statement:
                yield from _imported(statement)
            statement = ""
        elif token.type in (tokenize.NAME, tokenize.OP):
            statement += f" {token.string}"
        elif token.type in (tokenize.NUMBER, tokenize.STRING):
            statement += " 0"  # not what it says, which may be the word import


def _imported(statement: str) -> Iterator[str]:
    if match := _IMPORT.fullmatch(statement):
        yield from (_first(each).replace(" ", "") for each in match[1].split(" ,"))
    elif match := _FROM.fullmatch(statement):
        module = match[1].replace(" ", "")
        for each in match[2].split(" ,"):
            name = _first(each).strip()
            yield module if name == "*" else f"{module}.{name}"


def _first(aliased: str) -> str:
    return aliased.partition(" as ")[0]
