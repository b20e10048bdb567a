"""Where a record and its values are, and what reading them would do, as a mark and in words."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Self

from ln_jupyter.orm.inspect.record import Cost, Kind, ObjectState, SessionState, Status

if TYPE_CHECKING:
    from ln_jupyter.orm.inspect.record import Attribute, Record


class Mark(StrEnum):
    """Where a value is, as one character; the words beside it say the same.

    Attributes:
        tone: Which colour of the style it has; None for that of the text.
    """

    __hash__ = str.__hash__  # in C; an enum's own asks for its name

    tone: str | None

    def __new__(cls, character: str, tone: str | None = None) -> Self:
        """Make one."""
        mark = str.__new__(cls, character)
        mark._value_, mark.tone = character, tone
        return mark

    LOADED = "●", "good"
    AT_HAND = "◐", "good"
    LOADS = "○", "ask"
    EXPIRED = "◌", "wait"
    CLOSED = "⊘", "wait"
    RAISES = "⊗", "bad"
    HANDLE = "⇉", "ask"
    NULL = "∅"
    NOTHING = "-"
    COMPUTED = "ƒ"
    SAME = "="

    @property
    def raises(self) -> bool:
        """Whether reading the value raises."""
        return self in (Mark.CLOSED, Mark.RAISES)


_SHOWN = {
    Status.LOADED: (Mark.LOADED, "loaded"),
    Status.UNSET: (Mark.NOTHING, "not set"),
    Status.NULL: (Mark.NULL, "None · foreign key is NULL"),
    Status.CACHED: (Mark.AT_HAND, "in the session · reading costs no query"),
    Status.NOT_LOADED: (Mark.LOADS, "not loaded"),
    Status.EXPIRED: (Mark.EXPIRED, "expired"),
    Status.DEFERRED: (Mark.LOADS, "deferred"),
    Status.RAISE: (Mark.RAISES, "raise-on-load"),
    Status.WRITE_ONLY: (Mark.HANDLE, "write-only · ask its .select()"),
    Status.DYNAMIC: (Mark.HANDLE, "dynamic · a query, never loaded"),
    Status.NOLOAD: (Mark.NOTHING, "noload · never loaded"),
    Status.COMPUTED: (Mark.COMPUTED, "made when read"),
}
_CANNOT_LOAD = {
    SessionState.NONE: "session closed",
    SessionState.INACTIVE: "session needs rollback",
    SessionState.ASYNC: "async session, await it",
}
_IN_SESSION = {
    SessionState.OPEN: "in the session",
    SessionState.INACTIVE: "in a session that needs rollback",
    SessionState.ASYNC: "in an async session",
}


def of_record(record: Record) -> str:
    """Say what a record is to its session and its database."""
    words = [_place(record)]
    if record.marked_deleted:
        words.append("deleted at the next flush")
    if record.identity is not None:
        words += ["expired"] * record.expired + ["modified, not saved"] * record.modified
    return " · ".join(words)


def of_attribute(record: Record, attribute: Attribute) -> tuple[Mark, str]:
    """Say where the value of an attribute is, and what reading it would do."""
    mark, said = _SHOWN[attribute.status]
    words = [said]
    note = "" if attribute.kind is Kind.COMPOSITE else attribute.note
    if attribute.kind is Kind.RELATIONSHIP and record.session is not SessionState.OPEN:
        note = ""  # of a foreign key that cannot be read either
    if attribute.status in {Status.NOT_LOADED, Status.EXPIRED, Status.DEFERRED}:
        if attribute.cost is Cost.SQL:
            words.append("loads when read")
        elif record.state is ObjectState.DELETED:
            mark, words, note = Mark.RAISES, [*words, "row deleted"], ""
        elif record.session is SessionState.OPEN:
            mark, words, note = Mark.RAISES, [*words, note or "reading raises"], ""
        else:
            mark = Mark.CLOSED
            words.append("row deleted" if record.was_deleted else _CANNOT_LOAD[record.session])
    elif attribute.status is Status.RAISE:
        words.append("reading raises")
    if note:
        words.append(note)
    if attribute.pending:
        added, removed = attribute.pending
        words.append(f"{added} added, {removed} removed, not saved")
    return mark, " · ".join(words)


def _place(record: Record) -> str:
    match record.state:
        case ObjectState.TRANSIENT:
            return "unsaved"
        case ObjectState.PENDING:
            return "unsaved · in the session, saved at the next flush"
        case ObjectState.DELETED:
            return "deleted · not committed"
        case ObjectState.PERSISTENT:
            return _IN_SESSION[record.session]
        case ObjectState.DETACHED:
            return "deleted" if record.was_deleted else "session closed"
