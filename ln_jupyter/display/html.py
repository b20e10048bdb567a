"""A `Card` as HTML that reads right with every style stripped."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from ln_jupyter.display.card import SEPARATOR
from ln_jupyter.sanitize import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ln_jupyter.display.card import Card, Fold, Line, Part, Row
    from ln_jupyter.display.fixes import Fix

LEFT = 'style="text-align:left"'
"""For each cell of a table: JupyterLab aligns them to the right, also where our style is stripped, unless one says so."""

_ELEMENTS = {"b", "small", "code"}


def render(card: Card) -> str:
    """Write a card as its lines, a table with a row for each attribute, and what to type for what is missing.

    It has no script and no ids, so that any front end shows it, and the words say all that
    the colours do.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> from ln_jupyter.display import record
        >>> "&lt;script&gt;" in render(record.view(lns.User(name="<script>")))
        True
    """
    parts = [
        *(f"<p>{of_line(each)}</p>" for each in card.lines),
        _table(card.rows),
        *(_folded(each) for each in card.folds),
        f"<pre>{'<br>'.join(map(escaped, card.code.splitlines()))}</pre>" if card.code else "",
        of_fix(card.fix),
        f"<p><small>→ {escaped(card.hint)}</small></p>" if card.hint else "",
    ]
    return framed("".join(parts))


def framed(body: str, *, is_wide: bool = False) -> str:
    """Put markup of ours into the frame that has our style, and in which no ``$`` starts a formula.

    Args:
        body: The markup.
        is_wide: It is no text, whose lines would be too long to read.
    """
    wide = ' style="max-width:none"' if is_wide else ""
    return f'<div class="ln tex2jax_ignore mathjax_ignore"{wide}><style>{_style()}</style>{body}</div>'


def of_line(line: Line) -> str:
    """Write a line as the inside of a paragraph."""
    return "".join(map(_part, line))


def of_fix(fix: Fix | None) -> str:
    """Write what to type as a paragraph, if there is anything."""
    if fix is None:
        return ""
    code = "<br>".join(f"<code>{escaped(each)}</code>" for each in fix.code.split("\n"))
    return f"<p>{escaped(fix.purpose)}: {code}</p>"


def _part(part: Part) -> str:
    text, title = escaped(part.text), f' title="{escaped(part.title)}"' if part.title else ""
    if part.tone in _ELEMENTS:
        return f"<{part.tone}{title}>{text}</{part.tone}>"
    tone = f' class="{part.tone}"' if part.tone else ""
    return f"<span{tone}{title}>{text}</span>" if tone or title else text


def _folded(fold: Fold) -> str:
    inside = f"{_list(fold.rows) if fold.name else _table(fold.rows)}{of_fix(fold.fix)}"
    return f"<details><summary>{of_line(fold.summary)}</summary>{inside}</details>"


def _table(rows: Iterable[Row]) -> str:
    # names may stand to the right, beside their values: a style for them too would cost a quarter of the size
    inside = "".join(f'<tr><th scope="row">{escaped(row.name)}</th><td {LEFT}>{_said(row)}</td></tr>' for row in rows)
    # where every style is stripped, `align` speaks
    return f'<table cellpadding="3"><tbody align="left">{inside}</tbody></table>' if inside else ""


def _list(rows: Iterable[Row]) -> str:
    """Write many rows in a third of the size of a table."""
    return f"<dl>{''.join(f'<dt>{escaped(row.name)}</dt><dd>{_said(row)}</dd>' for row in rows)}</dl>"


def _said(row: Row) -> str:
    more = f"… {row.more:,} more" if row.more else ""
    parts = []
    if row.mark is not None:
        parts.append(toned(f"{row.mark} {row.words}".rstrip(), row.tone))
    if row.names:
        parts.append(escaped(", ".join(filter(None, (*row.names, more)))))
    if row.value:
        parts.append(escaped(row.value))
    if row.modified:
        parts.append(toned("modified, not saved", "wait"))
    said = SEPARATOR.join(parts)
    if not row.members:
        return said
    members = "".join(f"<li>{escaped(member)}</li>" for member in filter(None, (*row.members, more)))
    return f"<details><summary>{said}</summary><ul>{members}</ul></details>"


def toned(words: str, tone: str | None) -> str:
    """Give words a colour of the style, if any."""
    return f'<span class="{tone}">{escaped(words)}</span>' if tone else escaped(words)


@lru_cache
def _style() -> str:
    source = resources.files("ln_jupyter.display").joinpath("style.css").read_text("utf-8")
    return "".join(source.splitlines())
