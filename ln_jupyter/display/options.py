"""How much of a record is shown, and what is never shown."""

from __future__ import annotations

from dataclasses import dataclass

from ln_jupyter import redaction


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record's row is, as the user can write it.

    Attributes:
        engine: The name of the engine; None for the one that is used where none is named.
        is_known: Whether `ln.load` finds it by itself.
        others: Engines that it may be instead.
        opened: What opens a session there that must be awaited; empty where none must.
        session: The record's own session, where it must be awaited or rolled back; empty if it has no name.
    """

    engine: str | None = None
    is_known: bool = True
    others: tuple[str, ...] = ()
    opened: str = ""
    session: str = ""

    def opening(self, *, is_modified: bool) -> str:
        """Write what opens a session in which what is unsaved of the record stays so."""
        start = self.opened.removesuffix(")")
        return f"{start}{'' if start.endswith('(') else ', '}autoflush=False)" if is_modified else self.opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How records are shown.

    Attributes:
        rows: How many records a table of them has.
        columns: How many attributes of one record have a line of their own.
        members: How many members of a loaded collection are listed.
        length: How many characters one value takes.
        html: Whether there is HTML beside the text.
        secret_names: What a column's name ends in if its values are not to be shown.
        variable: What the shown record can be written as; empty where nothing names it. Of a list, a name that is free.
        package: What this package is called, or is to be called once it is imported.
        is_imported: Whether it is called so already.
        model: What the class of the shown records can be written as; empty where nothing names it.
        place: Where its row is.
    """

    rows: int = 20
    columns: int = 60
    members: int = 5
    length: int = 80
    html: bool = True
    secret_names: tuple[str, ...] = redaction.NAMES
    variable: str = ""
    package: str = "ln"
    is_imported: bool = True
    model: str = ""
    place: Place = Place()


DEFAULT = Options()
