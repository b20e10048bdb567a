"""What `header()` shows, as text and as HTML."""

from __future__ import annotations

from typing import NamedTuple

from ln_jupyter.sanitize import escaped, plain


class HeaderView(NamedTuple):
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
    return "\n".join([plain(view.title), *(f"  {plain(label):<{width}}  {plain(value)}" for label, value in view.rows)])


def to_html(view: HeaderView) -> str:
    """Write the view as a table that reads right with every style stripped.

    Example:
        >>> "&lt;script&gt;" in to_html(HeaderView("<script>", ()))
        True
    """
    # JupyterLab's own style aligns cells to the right; where styles are stripped, `align` speaks
    left = 'align="left" style="text-align:left"'
    rows = "".join(
        f'<tr><th scope="row" {left}>{escaped(label)}</th><td {left}>{escaped(value)}</td></tr>'
        for label, value in view.rows
    )
    # with these classes no `$` of a title starts a formula, which may hold a link that runs a script
    return (
        f'<div class="ln-header tex2jax_ignore mathjax_ignore"><b>{escaped(view.title)}</b><table>{rows}</table></div>'
    )


def bundle(view: HeaderView) -> dict[str, str]:
    """Write the view in both forms, each under its MIME type."""
    return {"text/plain": text(view), "text/html": to_html(view)}
