"""A `Card` as lines of text, as wide as a terminal usually is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ln_jupyter.display.card import SEPARATOR, Row
from ln_jupyter.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ln_jupyter.display.card import Card, Fold, Line
    from ln_jupyter.display.fixes import Fix

WIDTH = 80
_FEW = 6  # names of what is folded and empty
_WIDEST = 30  # of the names; a longer one pushes its value to the right


def render(card: Card) -> str:
    """Write a card as text: what it is, a line for each attribute, and what to type for what is missing.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> from ln_jupyter.display import record
        >>> print(render(record.view(lns.User(id="Kq2xP0aZ", handle="ann"))))
        User Kq2xP0aZ · unsaved
          handle   ann
          not set  name, created_at, revision
    """
    rows = [*card.rows, *(row for fold in card.folds for row in _unfolded(fold))]
    width = min(max((len(row.name) for row in rows), default=0), _WIDEST)
    lines = [of_line(each) for each in card.lines]
    for row in rows:
        first, *others = _lines(row, room=WIDTH - width - 4)
        lines += [f"  {row.name:<{width}}  {first}", *(f"  {'':<{width}}  {other}" for other in others)]
    lines += [f"  {each}" for each in card.code.splitlines()]
    for fix in (card.fix, *(fold.fix for fold in card.folds)):
        lines += [] if fix is None else fix_lines(fix)
    lines += [f"  → {card.hint}"] if card.hint else []
    return "\n".join(map(plain, lines))


def of_line(line: Line) -> str:
    """Write a line without its looks."""
    return "".join(part.text for part in line)


def fix_lines(fix: Fix) -> list[str]:
    """Write what to type, on a line of its own where it has no room beside its purpose."""
    line = f"{fix.purpose}: {fix.code}"
    if len(line) <= WIDTH and "\n" not in line:
        return [line]
    return [*wrapped(f"{fix.purpose}:"), *(f"  {each}" for each in fix.code.split("\n"))]


def _unfolded(fold: Fold) -> Iterable[Row]:
    """Return the rows that a text has, where nothing folds: of many the first whole, and the names of the others."""
    if not fold.name:
        return fold.rows
    own = [row for row in fold.rows if not row.names]
    first = [f"{row.name} {_said(row)}" for row in own[:1]]
    told = Row(fold.name, names=(SEPARATOR.join([*first, *filter(None, [", ".join(row.name for row in own[1:])])]),))
    return [told, *(_short(row) for row in fold.rows if row.names)]


def _short(row: Row) -> Row:
    more = max(len(row.names) - _FEW, 0)
    return row._replace(names=row.names[:_FEW], more=row.more + more) if more else row


def _lines(row: Row, *, room: int) -> list[str]:
    if row.names:
        return wrapped(_said(row), room)
    return [_said(row), *(f"  {member}" for member in filter(None, (*row.members, _more(row))))]


def _said(row: Row) -> str:
    state = f"{row.mark} {row.words}".rstrip() if row.mark is not None else ""
    names = ", ".join(filter(None, (*row.names, _more(row)))) if row.names else ""
    return SEPARATOR.join(filter(None, (state, names, row.value, "modified, not saved" if row.modified else "")))


def _more(row: Row) -> str:
    return f"… {row.more:,} more" if row.more else ""


def wrapped(text: str, room: int = WIDTH) -> list[str]:
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
