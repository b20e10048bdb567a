"""The title of a notebook: the first heading of its first Markdown cell."""

from __future__ import annotations

import html
import re

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
_H1 = re.compile(r"<h1\b[^>]*>(.*?)</h1\s*>", re.IGNORECASE | re.DOTALL)
# Lines that begin something else than a paragraph, so no underline makes them a heading.
_NO_PARAGRAPH = re.compile(r" {4,}|\t| {0,3}(?:[-*+>][ \t]|\d+[.)][ \t]|\||(?:[-*_][ \t]*){3,}$)")
_INLINE_TAG = re.compile(
    r"</?(?:a|b|big|br|center|code|em|font|i|img|small|span|strong|sub|sup|u)\b[^>]*>", re.IGNORECASE
)


def of(markdown: str) -> str | None:
    r"""Find the first heading: ``# ATX``, underlined (setext) or ``<h1>``.

    A comment inside a code fence, and a heading without words, are no title.

    Example:
        >>> of("```\n# a comment\n```\n# Growth of *E. coli* #")
        'Growth of *E. coli*'
        >>> of("Growth\n======")
        'Growth'
    """
    lines = _outside_fences(_COMMENT.sub("", markdown))
    paragraph: list[str] = []
    for position, line in enumerate(lines):
        if re.match(r" {0,3}<h1\b", line, re.IGNORECASE):
            match = _H1.search("\n".join(lines[position:]))
            heading = match[1] if match else ""
        elif match := _ATX.match(line):
            heading = match[1] or ""
        elif paragraph and _UNDERLINE.match(line):
            heading = " ".join(paragraph)
        else:
            starts_paragraph = line.strip() and not _NO_PARAGRAPH.match(line)
            paragraph = [*paragraph, line.strip()] if starts_paragraph else []
            continue
        paragraph = []
        words = " ".join(html.unescape(_INLINE_TAG.sub("", heading)).split())
        if words:
            return words
    return None


def _outside_fences(markdown: str) -> list[str]:
    """Keep the lines that are not in a code fence; a fence leaves one empty line."""
    kept = []
    fence = ""
    for line in markdown.splitlines():
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
