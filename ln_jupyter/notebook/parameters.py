"""The parameters of a notebook: what its cells tagged by papermill's convention assign."""

from __future__ import annotations

import json
import keyword
import math
import tokenize
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ln_jupyter import redaction
from ln_jupyter.notebook import literals, syntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from tokenize import TokenInfo

    from ln_jupyter.notebook.document import Cell

EXPRESSION = "$expression"
"""The one key of what stands for a value that is computed, or that JSON cannot hold: its source."""

_TAGS = ("parameters", "injected-parameters")  # the second is written by papermill, and overrides
_MOST = 1000
_LONGEST = 10_000  # characters of a value's JSON
_LONGEST_SOURCE = 200

_IGNORED = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING}
_OPENING, _CLOSING = "([{", ")]}"
_NO_TARGETS = {"==", "!=", "<=", ">=", ":="}
_BINDS = {"for", "as", "import", "def", "class", "del"}
"""Words before a name that give it another value, or none."""


def read(cells: Iterable[Cell]) -> dict[str, Any]:
    r"""Read what the tagged cells assign, the last one of each name; nothing is executed. For any thread.

    What is no literal, too long, or cannot be stored as JSON is marked, and its source is kept; what
    is named like a secret is redacted, and so are the passwords of URLs.

    Example:
        >>> from ln_jupyter.notebook.document import Cell
        >>> read([Cell(None, "code", "alpha: float = 0.1\nseed = draw()", tags=("parameters",))])
        {'alpha': 0.1, 'seed': {'$expression': 'draw()'}}
    """
    tagged = [cell for cell in cells if cell.type == "code"]
    found: dict[str, Any] = {}
    for tag in _TAGS:
        for cell in tagged:
            if tag in cell.tags:
                for statement, block in _statements(syntax.tokens(cell.source)):
                    for name, value in _assigned(statement, block, found):
                        found[name] = _redacted(name, value)
    return dict(list(found.items())[:_MOST])


def to_text(value: object) -> str:
    """Write a parameter as code would: what was computed by its source.

    Example:
        >>> to_text(0.5), to_text("a"), to_text({EXPRESSION: "draw()"})
        ('0.5', "'a'", 'draw()')
    """
    if isinstance(value, dict) and value.keys() == {EXPRESSION}:
        return str(value[EXPRESSION])
    return repr(value)


def _statements(tokens: Iterable[TokenInfo]) -> Iterator[tuple[list[TokenInfo], list[TokenInfo]]]:
    """Part what runs at the level of the module, in blocks too, but for the bodies of functions and classes.

    Returns:
        Each statement, and how the outermost block begins that it stands in; empty in none.
    """
    statement: list[TokenInfo] = []
    block: list[TokenInfo] = []
    depth = indent = 0
    hidden: int | None = None  # the level of the function or class whose body is passed
    for token in tokens:
        if token.type == tokenize.INDENT:
            indent += 1
        elif token.type == tokenize.DEDENT:
            indent -= 1
            hidden = None if hidden is not None and indent <= hidden else hidden
        elif token.type in (tokenize.NEWLINE, tokenize.ENDMARKER) or (token.string == ";" and not depth):
            if statement and hidden is None:
                block = block if indent else []
                yield statement, block
                block = block or statement
                if {"def", "class"} & {each.string for each in statement[:2]} and statement[-1].string == ":":
                    hidden = indent
            statement, depth = [], 0
        elif token.type not in _IGNORED:
            depth += _opens(token)
            statement.append(token)


def _opens(token: TokenInfo) -> int:
    return (token.string in _OPENING) - (token.string in _CLOSING) if token.type == tokenize.OP else 0


def _assigned(
    statement: Sequence[TokenInfo], block: Sequence[TokenInfo], known: Mapping[str, object]
) -> Iterator[tuple[str, Any]]:
    """Find the names that a statement gives a value, each with it, or with what stands for it."""
    names, value = _simple(statement)
    if names and not block:
        found = _value(value)
        yield from ((name, found) for name in names)
        return
    texts = [token.string for token in statement]
    depths = list(accumulate(map(_opens, statement)))
    ends = [
        position
        for position, token in enumerate(statement)
        if token.type == tokenize.OP and token.string[-1] == "=" and token.string not in _NO_TARGETS
        if not depths[position]
    ]
    for position, text in enumerate(texts):
        before, after = texts[position - 1] if position else "", texts[position + 1 : position + 2]
        if not _is_name(statement[position]) or before == ".":
            continue
        end = next((each for each in ends if each > position), None)
        is_target = end is not None and all(
            each in ",()[]*" or _is_name(token)
            for each, token in zip(texts[position + 1 : end], statement[position + 1 : end], strict=True)
        )
        is_changed = before in _BINDS or (position == 0 and end is not None)  # such as a[0] = 1
        if after == [":="] or is_target or (is_changed and text in known):
            yield text, _mark([*block, *statement])


def _simple(statement: Sequence[TokenInfo]) -> tuple[list[str], Sequence[TokenInfo]]:
    """Take ``a = b = value`` and ``a: kind = value`` apart; no names where it is anything else."""
    names: list[str] = []
    rest = statement
    while len(rest) > 1 and _is_name(rest[0]) and rest[1].string == "=":
        names.append(rest[0].string)
        rest = rest[2:]
    if not names and len(rest) > 1 and _is_name(rest[0]) and rest[1].string == ":":
        depths = list(accumulate(map(_opens, rest)))
        equals = [position for position, token in enumerate(rest) if token.string == "=" and not depths[position]]
        if equals:
            return [rest[0].string], rest[equals[0] + 1 :]
    return names, rest


def _is_name(token: TokenInfo) -> bool:
    return token.type == tokenize.NAME and not keyword.iskeyword(token.string)


def _value(tokens: Sequence[TokenInfo]) -> Any:
    try:
        value = _stored(literals.evaluate(tokens))
        if len(json.dumps(value)) <= _LONGEST:
            return value
    except (ValueError, RecursionError):
        pass
    return _mark(tokens)


def _mark(tokens: Sequence[TokenInfo]) -> dict[str, str]:
    """Stand for what is not known by its source."""
    source, end = "", tokens[0].start if tokens else (0, 0)
    for token in tokens:
        source += f"{' ' if source and token.start != end else ''}{token.string}"
        end = token.end
        if len(source) > _LONGEST:
            break
    source = source.strip()
    source = redaction.without_passwords("".join(each if _is_storable(each) else "\ufffd" for each in source))
    return {EXPRESSION: source if len(source) <= _LONGEST_SOURCE else f"{source[: _LONGEST_SOURCE - 1]}…"}


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
