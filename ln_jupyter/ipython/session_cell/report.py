"""What a session and the database have to say at the end of a cell, below its results."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from IPython.display import display

from ln_jupyter import advice, sanitize

if TYPE_CHECKING:
    from ln_jupyter.records.session import Session

_log = logging.getLogger(__name__)


def show_end(session: Session, *, is_saved: bool) -> None:
    """Show what a dry run would have saved, and the profile.

    Args:
        session: One whose block has just ended; what goes on across cells shows its profile when it closes.
        is_saved: Whether the block ended well.
    """
    if session.dry_run is not None and is_saved:
        _show(bundle(str(session.dry_run)), raw=True)
    if session.is_closed and session.profile is not None:
        _show(session.profile)


def show_advice() -> None:
    """Show what was noticed while the cell ran, such as lazy loads in a loop."""
    for line in advice.take():
        _show(bundle(line), raw=True)


def bundle(text: str) -> dict[str, str]:
    """Write a remark in both forms, each under its MIME type.

    Example:
        >>> bundle("12 lazy loads of <Run.pipeline>")["text/html"]
        '<small class="tex2jax_ignore mathjax_ignore">12 lazy loads of &lt;Run.pipeline&gt;</small>'
    """
    html = f'<small class="tex2jax_ignore mathjax_ignore">{sanitize.escaped(text)}</small>'  # no `$` starts a formula
    return {"text/plain": sanitize.plain(text), "text/html": html}


def _show(what: object, **options: Any) -> None:
    try:
        display(what, **options)  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - others hook into publishing, and the cell's own outcome is settled
        _log.warning("could not show %r", what, exc_info=True)
