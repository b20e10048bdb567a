"""Text as it may be shown: nothing in it commands a terminal, turns the reading direction, hides, or is markup."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

# Controls, halves of a pair (no encoder takes them), and Unicode's own line and paragraph ends.
_COMMANDS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
# They turn the direction of what follows: a title could make another one's id seem its own.
_BIDI = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# Soft hyphens, spaces without width, fillers, tags: two names that differ by one look the same.
_UNSEEN = (
    r"\xad\u034f\u115f\u1160\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_JOINERS = r"\u200c\u200d"  # Persian, the scripts of India and emoji need them, between two of their own
_VARIANTS = r"\ufe00-\ufe0f\U000e0100-\U000e01ef"  # emoji and Chinese characters need them, after one of their own
_SUSPECT = re.compile(f"[^ -~](?<=[{_COMMANDS}{_BIDI}{_UNSEEN}{_JOINERS}{_VARIANTS}])")  # few characters get past ASCII
_REPLACED = re.compile(
    f"[{_COMMANDS}{_BIDI}{_UNSEEN}]"
    rf"|(?<![^\x00-\xff{_JOINERS}])[{_JOINERS}]|[{_JOINERS}](?![^\x00-\xff{_JOINERS}])"
    rf"|(?<![^\x00-\x7f{_VARIANTS}])[{_VARIANTS}](?!\u20e3)"  # U+20E3 makes a digit a key
)

_log = logging.getLogger(__name__)


def plain(text: str) -> str:
    r"""Replace what is no text but commands a terminal, ends a line, turns the reading direction or is not seen.

    Example:
        >>> plain("a\x1b[2Jb")
        'a�[2Jb'
    """
    if (text.isascii() and text.isprintable()) or _SUSPECT.search(text) is None:  # the common cases, at C speed
        return text
    return _REPLACED.sub("\N{REPLACEMENT CHARACTER}", text)


def escaped(text: str) -> str:
    """Make text safe to stand in HTML, and between the double quotes of an attribute: the one place where it enters.

    Example:
        >>> escaped("<b>")
        '&lt;b&gt;'
    """
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def shortened(text: str, longest: int) -> str:
    """Leave out the middle of a text that nobody can read.

    Args:
        text: What to show.
        longest: How many characters there is room for.

    Example:
        >>> shortened("abcdefghijklmnopqrstuvwxyz", 13)
        'abcdefghi…xyz'
    """
    if len(text) <= longest:
        return text
    end = longest // 4
    return f"{text[: longest - end - 1]}…{text[len(text) - end :]}"


def write_line(text: str, stream: TextIO | None = None) -> None:
    r"""Write a line for people; what the stream's encoding lacks as ``\N{...}``. Never raises: the work is done.

    Args:
        text: What to say.
        stream: `sys.stdout`, if not given. It may be closed, or None as where there is no console.
    """
    stream = sys.stdout if stream is None else stream
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        stream.write(f"{text}\n".encode(encoding, "namereplace").decode(encoding))
    except (AttributeError, LookupError, OSError, ValueError):  # no stream, closed, its reader gone, or no codec
        _log.debug("could not write a line", exc_info=True)
