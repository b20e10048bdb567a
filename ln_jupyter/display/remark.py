"""A line beside the results of a cell, as text and as HTML."""

from __future__ import annotations

from ln_jupyter import sanitize


def bundle(text: str) -> dict[str, str]:
    """Write a remark in both forms, each under its MIME type.

    Example:
        >>> bundle("12 lazy loads of <Run.pipeline>")["text/html"]
        '<small class="tex2jax_ignore mathjax_ignore">12 lazy loads of &lt;Run.pipeline&gt;</small>'
    """
    html = f'<small class="tex2jax_ignore mathjax_ignore">{sanitize.escaped(text)}</small>'  # no `$` starts a formula
    return {"text/plain": sanitize.plain(text), "text/html": html}
