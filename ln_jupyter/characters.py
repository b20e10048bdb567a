"""Text as it may be shown: nothing in it commands a terminal, turns the reading direction, or is markup."""

from __future__ import annotations

import html
import unicodedata

# They turn the direction of what follows: a title could make another one's id seem its own.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Controls, halves of a pair (no encoder takes them), and Unicode's own line and paragraph ends.
_COMMANDS = frozenset({"Cc", "Cs", "Zl", "Zp"})


def plain(text: str) -> str:
    r"""Replace what is no text but commands a terminal, ends a line or turns the reading direction.

    Example:
        >>> plain("a\x1b[2Jb")
        'a�[2Jb'
    """
    if text.isprintable():  # the common case, at C speed; none of what is replaced is printable
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_command(character) else character for character in text)


def escaped(text: str) -> str:
    """Make text safe to stand in HTML, and between the double quotes of an attribute: the one place where it enters.

    Example:
        >>> escaped("<b>")
        '&lt;b&gt;'
    """
    return html.escape(plain(text), quote=False).replace('"', "&quot;")


def _is_command(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in _COMMANDS
