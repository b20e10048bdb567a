"""How much of a record is shown, and what is never shown."""

from __future__ import annotations

from dataclasses import dataclass

from ln_jupyter import redaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How records are shown.

    Attributes:
        rows: How many records a table of them has.
        columns: How many attributes of one record have a line of their own.
        members: How many members of a loaded collection are listed.
        length: How many characters one value takes.
        html: Whether there is HTML beside the text.
        own_repr: Whether the text is what the class's own ``__repr__`` gives.
        secret_names: What a column's name ends in if its values are not to be shown.
        variable: What the shown record can be written as; empty where nothing names it.
    """

    rows: int = 20
    columns: int = 60
    members: int = 5
    length: int = 80
    html: bool = True
    own_repr: bool = False
    secret_names: tuple[str, ...] = redaction.NAMES
    variable: str = ""


DEFAULT = Options()
