"""A `RecordView` as HTML that reads right with every style stripped."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from ln_jupyter.sanitize import escaped

if TYPE_CHECKING:
    from ln_jupyter.display.record import RecordView, Row

LEFT = 'style="text-align:left"'
"""For each cell of a table: JupyterLab aligns them to the right, also where our style is stripped, unless one says so."""


def render(view: RecordView) -> str:
    """Write a record as a table with a row for each attribute, and what to type for what is missing.

    It has no script and no ids, so that any front end shows it, and the words say all that
    the colours do.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> from ln_jupyter.display import record
        >>> "&lt;script&gt;" in render(record.view(lns.User(name="<script>")))
        True
    """
    title = f"<div><b>{escaped(view.class_name)}</b> {escaped(view.identity)} · {escaped(view.state)}</div>"
    # names may stand to the right, beside their values: a style for them too would cost a quarter of the size
    rows = "".join(
        f'<tr><th scope="row">{escaped(row.name)}</th><td {LEFT}>{_said(row)}</td></tr>' for row in view.rows
    )
    closing = ""
    if view.fix is not None:
        closing = f"<div>{escaped(view.fix.purpose)}: <code>{escaped(view.fix.code)}</code></div>"
    # where every style is stripped, `align` speaks
    return framed(f'{title}<table><tbody align="left">{rows}</tbody></table>{closing}')


def framed(body: str) -> str:
    """Put markup of ours into the frame that has our style, and in which no ``$`` starts a formula."""
    return f'<div class="ln-record tex2jax_ignore mathjax_ignore"><style>{_style()}</style>{body}</div>'


def _said(row: Row) -> str:
    more = f"… {row.more:,} more" if row.more else ""
    parts = []
    if row.mark is not None:
        parts.append(_toned(f"{row.mark} {row.words}", row.mark.tone))
    if row.names:
        parts.append(escaped(", ".join(filter(None, (*row.names, more)))))
    if row.value:
        parts.append(escaped(row.value))
    if row.modified:
        parts.append(_toned("modified, not saved", "wait"))
    said = " · ".join(parts)
    if not row.members:
        return said
    members = "".join(f"<li>{escaped(member)}</li>" for member in filter(None, (*row.members, more)))
    return f"<details><summary>{said}</summary><ul>{members}</ul></details>"


def _toned(words: str, tone: str | None) -> str:
    return f'<span class="ln-{tone}">{escaped(words)}</span>' if tone is not None else escaped(words)


@lru_cache
def _style() -> str:
    source = resources.files("ln_jupyter.display").joinpath("style.css").read_text("utf-8")
    return "".join(source.splitlines())
