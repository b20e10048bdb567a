"""What `header()` shows, as text and as HTML."""

from __future__ import annotations

import html
import unicodedata
from dataclasses import dataclass

# They turn the direction of what follows: a title could make another one's id seem its own.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class HeaderView:
    """A notebook and its run, ready to be shown.

    Attributes:
        title: The notebook's title, or its file's name.
        rows: Label and value of each fact, in order.
    """

    title: str
    rows: tuple[tuple[str, str], ...]


def text(view: HeaderView) -> str:
    """Write the view as lines of text.

    Example:
        >>> print(text(HeaderView("Solve X", (("id", "Rx2s9cPTMQLY"), ("run", "new")))))
        Solve X
          id   Rx2s9cPTMQLY
          run  new
    """
    width = max((len(label) for label, _ in view.rows), default=0)
    return "\n".join([_plain(view.title), *(f"  {label:<{width}}  {_plain(value)}" for label, value in view.rows)])


def to_html(view: HeaderView) -> str:
    """Write the view as a table that reads right with every style stripped.

    Example:
        >>> "&lt;script&gt;" in to_html(HeaderView("<script>", ()))
        True
    """
    # JupyterLab's own style aligns cells to the right; where styles are stripped, `align` speaks
    left = 'align="left" style="text-align:left"'
    rows = "".join(
        f'<tr><th scope="row" {left}>{_escaped(label)}</th><td {left}>{_escaped(value)}</td></tr>'
        for label, value in view.rows
    )
    return f'<div class="ln-header"><b>{_escaped(view.title)}</b><table>{rows}</table></div>'


def bundle(view: HeaderView) -> dict[str, str]:
    """Write the view in both forms, each under its MIME type."""
    return {"text/plain": text(view), "text/html": to_html(view)}


def _escaped(value: str) -> str:
    return html.escape(_plain(value))


def _plain(value: str) -> str:
    """Replace what is no text but commands a terminal or turns the reading direction."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_command(character) else character for character in value)


def _is_command(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in ("Cc", "Cs")
