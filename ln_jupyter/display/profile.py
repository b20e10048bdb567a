"""What a session sent to its database, in a few lines, and what would send less."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ln_jupyter.db.sqlite.locks import LONG_SECONDS
from ln_jupyter.display import card, html
from ln_jupyter.display import text as texts
from ln_jupyter.orm.profile.model import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ln_jupyter.callsite import Line
    from ln_jupyter.display.card import Card
    from ln_jupyter.orm.profile.model import Flush, LazyLoads, UnreadLoad

_MOST = 10  # facts of one kind
_LONGEST = 64  # characters of a line or a statement
_SLOW_SECONDS = 0.1
_TIMES = "\N{MULTIPLICATION SIGN}"


def text(profile: Profile) -> str:
    """Write a profile as lines of text.

    Example:
        >>> print(text(Profile(7, 0.0031, 110, 10)))
        7 statements · 3.1 ms in the database · 120 rows
    """
    return texts.render(_card(profile))


def to_html(profile: Profile) -> str:
    """Write a profile as a table that reads right with every style stripped.

    Example:
        >>> "<b>7 statements · 3.1 ms in the database · 120 rows</b>" in to_html(Profile(7, 0.0031, 110, 10))
        True
    """
    return html.render(_card(profile))


def _card(profile: Profile) -> Card:
    return card.of_facts(_headline(profile), facts=tuple(_facts(profile)))


@dataclass(frozen=True, repr=False)
class ProfileView(Profile):
    """A profile that shows itself."""

    @classmethod
    def from_profile(cls, profile: Profile) -> ProfileView:
        """Return the same facts, ready to be shown."""
        return cls(**{each.name: getattr(profile, each.name) for each in fields(profile)})

    def __repr__(self) -> str:
        return text(self)

    def _repr_html_(self) -> str:
        return to_html(self)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - IPython's order
        # IPython would write a dataclass without a repr of its own field by field
        printer.text(text(self))


def _headline(profile: Profile) -> str:
    statements, rows = _count(profile.statements, "statement"), _count(profile.rows, "row")
    return f"{statements} · {_time(profile.seconds)} in the database · {rows}"


def _facts(profile: Profile) -> Iterator[tuple[str, str]]:
    yield from _some([_one_by_one(each) for each in profile.lazy_loads])
    yield from _some([_flush(each) for each in profile.flushes])
    yield from _some([_unread(each, is_final=profile.is_final) for each in profile.unread])
    if profile.lock_seconds > LONG_SECONDS:
        yield "write lock", f"SQLite's was held for {_time(profile.lock_seconds)}: nobody else could write"
    for slow in profile.slowest:
        if slow.seconds >= _SLOW_SECONDS:
            yield _time(slow.seconds), f"{slow.count:,} {_TIMES} {_short(' '.join(slow.sql.split()))}"


def _some(facts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    rest = len(facts) - _MOST
    return [*facts[:_MOST], ("…", f"{rest:,} more")] if rest > 0 else facts


def _one_by_one(loads: LazyLoads) -> tuple[str, str]:
    said = f"loaded when it was read{_at(loads.line)}"
    if loads.fix is not None:
        said += f" → {loads.fix} on the select{_at(loads.query)}"
    return f"{loads.count:,} {_TIMES} {loads.name}", said


def _flush(flush: Flush) -> tuple[str, str]:
    return (
        "flush",
        f"{_count(flush.statements, 'statement')} for what was unsaved when something was read{_at(flush.line)}",
    )


def _unread(load: UnreadLoad, *, is_final: bool) -> tuple[str, str]:
    until = "while the session was open" if is_final else "so far"
    return load.name, f"not read {until} → leave it out of the select{_at(load.query)}"


def _at(line: Line | None) -> str:
    return "" if line is None else f" at {_short(str(line))}"


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
