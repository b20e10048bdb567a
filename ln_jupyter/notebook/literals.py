"""Read a literal from its tokens: what `ast.literal_eval` does, for any thread.

Before Python 3.11.8 and 3.12.2, two threads that parse at once get each other's errors
(python/cpython#106905): a thread of ours must not parse while the user's cells are compiled.
"""

from __future__ import annotations

import re
import sys
import tokenize
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEEPEST = 50  # levels of brackets
_CONSTANTS = {"True": True, "False": False, "None": None}
_STRING = re.compile(r"""([rRuU]?)('{3}|"{3}|'|")(.*)\2""", re.DOTALL)
_ESCAPE = re.compile(
    r"""\\(?:(?P<same>[\\'"])|(?P<letter>[abfnrtv])|(?P<octal>[0-7]{1,3})|(?P<nothing>\n)"""
    r"""|(?:x(?=[0-9a-fA-F]{2})|u(?=[0-9a-fA-F]{4})|U(?=[0-9a-fA-F]{8}))"""
    r"""(?P<hex>(?<=x)..|(?<=u).{4}|(?<=U).{8})|(?P<name>N\{))"""
)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class NoLiteralError(ValueError):
    """An expression is something else, or of a value that Python does not read."""


def evaluate(tokens: Sequence[tokenize.TokenInfo]) -> Any:
    """Return the value of an expression of numbers, texts, constants, lists, tuples and dicts; nothing is executed.

    Raises:
        NoLiteralError: If it is anything else.

    Example:
        >>> from ln_jupyter.notebook import syntax
        >>> evaluate([each for each in syntax.tokens("{'a': [1, -.5, None]}") if each.string.strip()])
        {'a': [1, -0.5, None]}
    """
    reader = _Reader(tokens)
    value = reader.values(end="", depth=0)
    if reader.has_more:
        raise NoLiteralError
    return value


class _Reader:
    def __init__(self, tokens: Sequence[tokenize.TokenInfo]) -> None:
        self._tokens = tokens
        self._position = 0

    @property
    def has_more(self) -> bool:
        return self._position < len(self._tokens)

    def values(self, *, end: str, depth: int) -> Any:
        """Read one value, or the tuple that commas make of it, up to *end*."""
        found = [] if end and self._next == end else [self._value(depth)]
        is_tuple = not found
        while self._takes(","):
            is_tuple = True
            if self._next == end:
                break
            found.append(self._value(depth))
        if end:
            self._need(end)
        return tuple(found) if is_tuple else found[0]

    @property
    def _next(self) -> str:
        return self._tokens[self._position].string if self.has_more else ""

    @property
    def _next_type(self) -> int | None:
        return self._tokens[self._position].type if self.has_more else None

    def _take(self) -> tokenize.TokenInfo:
        if not self.has_more:
            raise NoLiteralError
        self._position += 1
        return self._tokens[self._position - 1]

    def _takes(self, text: str) -> bool:
        if self._next != text:
            return False
        self._position += 1
        return True

    def _need(self, text: str) -> None:
        if not self._takes(text):
            raise NoLiteralError

    def _value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise NoLiteralError
        token = self._take()
        if token.string == "(":
            return self.values(end=")", depth=depth + 1)
        if token.string == "[":
            return self._list(depth + 1)
        if token.string == "{":
            return self._dict(depth + 1)
        return self._scalar(token, depth)

    def _scalar(self, token: tokenize.TokenInfo, depth: int) -> Any:
        if token.type == tokenize.NUMBER:
            return _number(token.string)
        if token.type == tokenize.STRING:
            text = _text(token.string)
            while self._next_type == tokenize.STRING:
                text += _text(self._take().string)
            return text
        if token.string in ("-", "+"):
            value = self._value(depth + 1)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise NoLiteralError
            return -value if token.string == "-" else value
        if token.string not in _CONSTANTS:
            raise NoLiteralError
        return _CONSTANTS[token.string]

    def _list(self, depth: int) -> list[Any]:
        found: list[Any] = []
        while not self._takes("]"):
            found.append(self._value(depth))
            if not self._takes(",") and self._next != "]":
                raise NoLiteralError
        return found

    def _dict(self, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        while not self._takes("}"):
            key = self._value(depth)
            if not isinstance(key, str | int | float | None):
                raise NoLiteralError
            self._need(":")
            found[key] = self._value(depth)
            if not self._takes(",") and self._next != "}":
                raise NoLiteralError
        return found


def _number(text: str) -> int | float:
    if text[-1] in "jJ":
        raise NoLiteralError
    try:
        return int(text, 0)
    except ValueError:
        if text[:2].lower() in ("0x", "0b", "0o") or text.isdecimal():  # with more digits than Python reads
            raise NoLiteralError from None
    return float(text)


def _text(source: str) -> str:
    match = _STRING.fullmatch(source)
    if match is None:
        raise NoLiteralError  # bytes, or a text that is computed
    return match[3] if match[1] in ("r", "R") else _ESCAPE.sub(_unescaped, match[3])


def _unescaped(match: re.Match[str]) -> str:
    if match["name"]:
        raise NoLiteralError  # its table would have to be loaded
    if match["letter"]:
        return _LETTERS[match["letter"]]
    if match["octal"]:
        return chr(int(match["octal"], 8))
    if match["hex"]:
        code = int(match["hex"], 16)
        if code > sys.maxunicode:
            raise NoLiteralError
        return chr(code)
    return match["same"] or ""
