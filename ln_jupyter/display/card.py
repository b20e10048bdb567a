"""What there is to show of anything, in words: lines, rows, what is folded away; `text` and `html` write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ln_jupyter.display.fixes import Fix
    from ln_jupyter.display.states import Mark

SEPARATOR = " · "


class Part(NamedTuple):
    """A piece of a line.

    Attributes:
        text: What it says.
        tone: How it looks: ``b``, ``small``, or a colour of the style; the words say the same without it.
        title: What is shown when the mouse is on it, such as the whole of a short id.
    """

    text: str
    tone: str = ""
    title: str = ""


Line: TypeAlias = tuple[Part, ...]
"""Pieces that follow each other."""


class Row(NamedTuple):
    """One attribute, or what several have in common.

    Attributes:
        name: The attribute's.
        mark: Where its value is; None for a column that is loaded, whose value says so.
        words: The same in words.
        value: The value in one line, or what is known of one that is not loaded.
        modified: Whether it has changes that are not saved.
        members: The first members of a loaded collection, a line each.
        more: How many members or names there are besides.
        names: The attributes of which the row says what they have in common.
    """

    name: str
    mark: Mark | None = None
    words: str = ""
    value: str = ""
    modified: bool = False
    members: tuple[str, ...] = ()
    more: int = 0
    names: tuple[str, ...] = ()

    @property
    def tone(self) -> str:
        """In which colour it says where its value is; of many only in one where reading them raises."""
        if self.mark is None or (self.names and not self.mark.raises):
            return ""
        return self.mark.tone or ""


class Fold(NamedTuple):
    """What few want to see at once.

    Attributes:
        summary: How much is inside; what is seen of it where it is folded.
        rows: What is inside.
        fix: What to type for what is missing of it.
        name: Of the one row that the rows share in a text, where nothing folds; empty if they stay rows.
    """

    summary: Line
    rows: tuple[Row, ...]
    fix: Fix | None = None
    name: str = ""


class Card(NamedTuple):
    """What there is to show; nothing of the thing itself is kept.

    Attributes:
        lines: What it is, the most important first.
        rows: What is known of it.
        folds: What else is known of it.
        fix: What to type for what is missing.
        code: SQL, in lines.
        hint: What to type to go on.
    """

    lines: tuple[Line, ...]
    rows: tuple[Row, ...] = ()
    folds: tuple[Fold, ...] = ()
    fix: Fix | None = None
    code: str = ""
    hint: str = ""


def of_facts(
    title: str, state: str = "", facts: Iterable[tuple[str, str]] = (), *, code: str = "", hint: str = ""
) -> Card:
    """Make the card of a thing that has a name, a state, and facts, each a label and a value.

    Example:
        >>> of_facts("Session", "open", [("new", "2")]).rows[0].value
        '2'
    """
    rows = tuple(Row(label, value=value) for label, value in facts)
    return Card((joined(Part(title, "b"), Part(state)),), rows, code=code, hint=hint)


def joined(*parts: Part) -> Line:
    """Put a separator between the parts that say something.

    Example:
        >>> "".join(part.text for part in joined(Part("Sample 17"), Part(""), Part("session closed")))
        'Sample 17 · session closed'
    """
    said = [part for part in parts if part.text]
    return tuple(each for part in said for each in (Part(SEPARATOR), part))[1:]
