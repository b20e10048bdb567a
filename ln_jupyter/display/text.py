"""A `RecordView` as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ln_jupyter.sanitize import plain

if TYPE_CHECKING:
    from ln_jupyter.display.record import RecordView, Row

_WIDTH = 96
_WIDEST = 30  # of the names; a longer one pushes its value to the right


def render(view: RecordView) -> str:
    """Write a record as text: what it is, a line for each attribute, and what to type for what is missing.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> from ln_jupyter.display import record
        >>> print(render(record.view(lns.User(id="Kq2xP0aZ", handle="ann"))))
        User 'Kq2xP0aZ' · unsaved
          id       'Kq2xP0aZ'
          handle   'ann'
          not set  name, created_at, revision
    """
    title = " ".join(filter(None, (view.class_name, view.identity)))
    width = min(max((len(row.name) for row in view.rows), default=0), _WIDEST)
    lines = [f"{title} · {view.state}"]
    for row in view.rows:
        first, *others = _lines(row, room=_WIDTH - width)
        lines += [f"  {row.name:<{width}}  {first}", *(f"  {'':<{width}}  {other}" for other in others)]
    if view.fix is not None:
        lines.append(f"  {view.fix.purpose}: {view.fix.code}")
    return "\n".join(map(plain, lines))


def _lines(row: Row, *, room: int) -> list[str]:
    state = f"{row.mark} {row.words}" if row.mark is not None else ""
    more = f"… {row.more:,} more" if row.more else ""
    if row.names:
        names = ", ".join(filter(None, (*row.names, more)))
        return _wrapped(" · ".join(filter(None, (state, names))), room)
    said = " · ".join(filter(None, (state, row.value, "modified, not saved" if row.modified else "")))
    return [said, *(f"  {member}" for member in filter(None, (*row.members, more)))]


def _wrapped(text: str, room: int) -> list[str]:
    """Break a text at spaces, as `textwrap` does for ten times the cost; a longer word keeps its line to itself."""
    lines = []
    while len(text) > room:
        at = text.rfind(" ", 0, room + 1)
        if at < 0:
            at = text.find(" ", room)
        if at < 0:
            break
        lines.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*lines, text]
