"""Which modules a notebook's cells import, read from their source."""

from __future__ import annotations

import ast
import sys
from itertools import chain
from typing import TYPE_CHECKING

from ln_jupyter.notebook import syntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ln_jupyter.notebook.document import Cell

_MOST = 1_000_000  # characters of code that are parsed, of all cells

_OF_PYTHON = sys.stdlib_module_names | {"__main__"}


def of(cells: Iterable[Cell]) -> frozenset[str]:
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
    nodes = chain.from_iterable(map(ast.walk, syntax.parse(source)))
    names = chain.from_iterable(map(_imported, nodes))
    return frozenset(name for name in names if name.partition(".")[0] not in _OF_PYTHON)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from (node.module if alias.name == "*" else f"{node.module}.{alias.name}" for alias in node.names)
