"""The title of a notebook: its first heading, as text; below code, only one of the top level."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ln_jupyter.notebook.document import Cell

_TOP, _DEEPEST = 1, 6
_LONGEST_CELL = 100_000  # characters that are read of it
_MOST_READ = 1_000_000  # of all cells, where a notebook has no title
_LONGEST = 500
_MOST_LINES = 10

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?:(?:[\w-]+:|[ \t#]|- ).*\n)++---[ \t]*(?:\n|$)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_CLOSING = re.compile(r"(?:^|(?<=[ \t]))#+[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(?:(=+)|-+)[ \t]*$")
_H1_LINE = re.compile(r" {0,3}(?:<[^<>]*+>[ \t]*+)*?<h1\b[^<>]*>", re.IGNORECASE)
_H1_END = re.compile(r"</h1\s*>", re.IGNORECASE)
# Lines that begin something else than a paragraph, so no underline makes them a heading.
_NO_PARAGRAPH = re.compile(r" {4,}|\t| {0,3}(?:[-*+>][ \t]|\d+[.)][ \t]|\||(?:[-*_][ \t]*+){3,}+$)")

# What stands for itself in a heading: code, a formula, an escaped character.
_LITERAL = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)|(\$[^$]+\$)|\\([!-/:-@\[-`{-~])", re.DOTALL)
_TAG = re.compile(
    r"</?(?:a|b|big|br|center|code|div|em|font|h1|i|img|p|s|small|span|strong|sub|sup|u)\b[^<>]*>", re.IGNORECASE
)
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_ADDRESS = re.compile(r"<([a-z][a-z+.-]*:[^<>\s]*)>", re.IGNORECASE)
_EMPHASIS = re.compile(r"(\*{1,3}|~~)(?=[^\s*~])([^*~]+?)(?<=\S)\1|(?<!\w)(_{1,3})(?=[^\s_])(.+?)(?<=[^\s_])\3(?!\w)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_HELD = 0xE000  # the first character for private use: it keeps the place of a literal


def read_title(cells: Iterable[Cell]) -> str | None:
    """Find the first heading of the Markdown cells; below a cell with code, one of the top level.

    Badges, images and directives may stand before it, in cells of their own. Below code most headings
    name a part: "## Load data" is not what the notebook is about. One of the top level may be a part's,
    too, but where code such as `header()` comes first it is the title, and nbproject takes it for that.

    Example:
        >>> from ln_jupyter.notebook.document import Cell
        >>> badge, title = Cell(None, "markdown", "![tests](badge.svg)"), Cell(None, "markdown", "## Growth")
        >>> read_title([badge, title]), read_title([Cell(None, "code", "1 + 1"), title])
        ('Growth', None)
    """
    deepest, left = _DEEPEST, _MOST_READ
    for cell in cells:
        if cell.type == "code" and cell.source.strip():
            deepest = _TOP
        elif cell.type == "markdown" and left > 0:
            if words := read_heading(cell.source, deepest=deepest):
                return words
            left -= len(cell.source[:_LONGEST_CELL])
    return None


def read_heading(markdown: str, *, deepest: int = _DEEPEST) -> str | None:
    r"""Find the first heading: ``# ATX``, underlined (setext) or ``<h1>``, without its markup.

    A comment inside a code fence, and a heading without words, are none.

    Args:
        markdown: Of one cell.
        deepest: The level down to which a heading is looked for: 1 is the top.

    Example:
        >>> read_heading("```\n# a comment\n```\n# Growth of *E. coli* #")
        'Growth of E. coli'
        >>> read_heading("Growth\n======")
        'Growth'
    """
    text = markdown[:_LONGEST_CELL].removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if matter := _FRONT_MATTER.match(text):
        text = text[matter.end() :]
    lines = _outside_fences(_without_comments(text))
    paragraph: list[str] = []
    for position, line in enumerate(lines):
        level = _TOP
        if match := _H1_LINE.match(line):
            heading = _until_end([line[match.end() :], *lines[position + 1 : position + _MOST_LINES]])
        elif match := _ATX.match(line):
            level, heading = len(match[1]), _CLOSING.sub("", match[2] or "")
        elif paragraph and (match := _UNDERLINE.match(line)):
            level, heading = _TOP if match[1] else _TOP + 1, " ".join(paragraph)
        else:
            starts_paragraph = line.strip() and not _NO_PARAGRAPH.match(line)
            paragraph = [*paragraph[-_MOST_LINES:], line.strip()] if starts_paragraph else []
            continue
        paragraph = []
        if level <= deepest and (words := _text(heading)):
            return words
    return None


def _text(heading: str) -> str:
    """Take the markup from a heading, as a reader sees it: of a link its words, of an image its description."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(next(each for each in (match[2], match[3], match[4]) if each is not None))
        return chr(_HELD + len(held) - 1)

    def restore(match: re.Match[str]) -> str:
        index = ord(match[0]) - _HELD
        return held[index] if index < len(held) else match[0]

    text = _TAG.sub("", _LITERAL.sub(hold, heading[: 2 * _LONGEST]))
    for _ in range(2):  # an image in a link, strong emphasis in another
        text = _EMPHASIS.sub(lambda match: match[2] or match[4], _LINK.sub(r"\1", text))
    text = html.unescape(_ADDRESS.sub(r"\1", text))
    words = " ".join(_CONTROL.sub(" ", re.sub(r"[\ue000-\uf8ff]", restore, text)).split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1].rstrip()}…"


def _until_end(lines: list[str]) -> str:
    text = "\n".join(lines)
    end = _H1_END.search(text)
    return text[: end.start()] if end else ""


def _without_comments(markdown: str) -> str:
    kept = []
    position = 0
    while (start := markdown.find("<!--", position)) >= 0 and (end := markdown.find("-->", start)) >= 0:
        kept.append(markdown[position:start])
        position = end + len("-->")
    return "".join([*kept, markdown[position:]])


def _outside_fences(markdown: str) -> list[str]:
    """Keep the lines that are not in a code fence; a fence leaves one empty line."""
    kept = []
    fence = ""
    for line in markdown.split("\n"):
        match = _FENCE.match(line)
        if fence:
            if match and match[1].startswith(fence) and not line.strip(" \t`~"):
                fence = ""
        elif match:
            fence = match[1]
            kept.append("")
        else:
            kept.append(line)
    return kept
