"""The parameters of a notebook: what its cells tagged by papermill's convention assign."""

from __future__ import annotations

import ast
import json
import math
from typing import TYPE_CHECKING, Any

from ln_jupyter import redaction
from ln_jupyter.notebook import syntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ln_jupyter.notebook.document import Cell

_TAGS = ("parameters", "injected-parameters")  # the second is written by papermill, and overrides
_MOST = 1000
_LONGEST = 10_000  # characters of a value's JSON


def read(cells: Iterable[Cell]) -> dict[str, Any]:
    r"""Read the literals that the tagged cells assign; nothing is executed.

    What is computed, too long, or cannot be stored as JSON is left out; what is named like a secret
    is redacted, and so are the passwords of URLs.

    Example:
        >>> from ln_jupyter.notebook.document import Cell
        >>> read([Cell(None, "code", "alpha: float = 0.1\nseed = draw()", tags=("parameters",))])
        {'alpha': 0.1}
    """
    tagged = [cell for cell in cells if cell.type == "code"]
    found: dict[str, Any] = {}
    for tag in _TAGS:
        for cell in tagged:
            if tag in cell.tags:
                found.update(_assigned(cell.source))
    return dict(list(found.items())[:_MOST])


def _assigned(source: str) -> Iterator[tuple[str, Any]]:
    for statement in syntax.parse(source):
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if names and statement.value is not None:
            try:
                value = _stored(ast.literal_eval(statement.value))
                if len(json.dumps(value)) > _LONGEST:
                    continue
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # what literal_eval raises
                continue
            yield from ((name, _redacted(name, value)) for name in names)


def _stored(value: object) -> Any:
    """Return the value as JSON gives it back.

    Raises:
        ValueError: It cannot be stored.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and _is_storable(value):
        return redaction.without_passwords(value)
    if isinstance(value, list | tuple):
        return [_stored(each) for each in value]
    if isinstance(value, dict) and all(isinstance(key, str) and _is_storable(key) for key in value):
        return {key: _redacted(key, _stored(each)) for key, each in value.items()}
    raise ValueError


def _redacted(name: str, value: object) -> object:
    return redaction.HIDDEN if value is not None and redaction.is_secret(name) else value


def _is_storable(text: str) -> bool:
    """Tell whether every database takes the text: it has no NUL, and no half of a character."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)
