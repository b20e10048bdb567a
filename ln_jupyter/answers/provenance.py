"""What is known of where a file came from, as a value that shows itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ln_jupyter.answers import uses, words
from ln_jupyter.display import html
from ln_jupyter.display import text as texts

if TYPE_CHECKING:
    import datetime as dt

    from ln_jupyter.answers.uses import Use
    from ln_jupyter.display.card import Card

State = Literal["as written", "as read", "copy", "named", "changed", "missing", "unknown"]


@dataclass(frozen=True)
class Origin:
    """What a file was made from.

    Attributes:
        file: How the run read it.
        by: How another run had written it; None for a source, which no run wrote.
        is_known: Whether its content is known, so that somebody who wrote it could be found.
    """

    file: Use
    by: Use | None
    is_known: bool


@dataclass(frozen=True)
class Place:
    """Where a run saw a content, too.

    Attributes:
        path: Absolute.
        host: The machine.
        at: When it was last seen there.
    """

    path: str
    host: str | None
    at: dt.datetime


@dataclass(frozen=True, repr=False)
class Where:
    """Which run made what is in a file, from what, and who read it.

    Attributes:
        path: The file, absolute; of a URL or a table its name.
        host: This machine.
        state: ``"as written"`` and ``"as read"``: on disk is what a run wrote there, or read; ``"copy"``: what a run
            wrote, or read, at another path; ``"named"``: it is known by its name or record, and there is nothing on disk
            to look at; ``"changed"``: no run wrote or read what is there now; ``"missing"``: it
            is not on disk; ``"unknown"``: no run wrote or read it.
        looked_at: When.
        size: In bytes; None where it is not on disk.
        hash: SHA-256 of what is on disk, hexadecimal; None where it was not hashed.
        reason: Why not.
        is_by_state: Where no content is known, runs were found by path, size and time.
        written: How a run wrote it, the newest; where it is changed or missing, how it was written last.
        also_written: Other runs that wrote the same, the newest first.
        also_written_count: How many there are.
        made_from: What the run had read by then, and those before it in its process.
        made_from_count: How much there is.
        read_by: How runs read it, the newest first.
        read_by_count: How many there are.
        same_content: Where else runs saw the same content.
        same_content_count: How many places there are.
        earlier: Other contents that runs wrote to the path, the newest first, each by its newest run.
        earlier_count: How many there are.
        folder: The folder that a run wrote or read as a whole, where the file lies in one.
    """

    path: str
    host: str
    state: State
    looked_at: dt.datetime
    size: int | None = None
    hash: str | None = None
    reason: str | None = None
    is_by_state: bool = False
    written: Use | None = None
    also_written: tuple[Use, ...] = ()
    also_written_count: int = 0
    made_from: tuple[Origin, ...] = ()
    made_from_count: int = 0
    read_by: tuple[Use, ...] = ()
    read_by_count: int = 0
    same_content: tuple[Place, ...] = ()
    same_content_count: int = 0
    earlier: tuple[Use, ...] = ()
    earlier_count: int = 0
    folder: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON has it, with times in ISO 8601."""
        found: dict[str, Any] = uses.plain(self)
        return found

    @property
    def is_known(self) -> bool:
        """Whether any run is known that wrote or read it."""
        return self.state != "unknown"

    def __repr__(self) -> str:
        return texts.render(self._card)

    def _repr_html_(self) -> str:
        return html.render(self._card)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - IPython's order
        # IPython would write a dataclass without a repr of its own field by field
        printer.text(repr(self))

    @cached_property
    def _card(self) -> Card:
        return words.card(self)
