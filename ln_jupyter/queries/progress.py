"""How far a run came, and why no farther: in the same words and numbers wherever it is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_PLACED = re.compile(r"(?:cell|line) [0-9]+(?=: |$)")
_OURS = re.compile(r"ended by [A-Z0-9]+|exit status -?[0-9]+")  # what a program gives to `sys.exit` stands there, too
INTERRUPT = ": KeyboardInterrupt"
"""The end of a reason that says nothing more than the state does."""
_TYPE = re.compile(r"[\w.]+(?=: |$)")


class Durations(NamedTuple):
    """How long a run took, in seconds; None where nobody knows.

    Attributes:
        busy: So long its cells ran; None without cells.
        alive: From its start to its end or last sign of life.
    """

    busy: float | None
    alive: float | None


def in_words(
    state: str | None, *, reason: str | None = None, heard: str | None = None, cell: int | None = None, text: str = ""
) -> str | None:
    """Say a run's state and why: of one that failed the error and where, of one that goes on or is lost the cell.

    Args:
        state: As `Run.state` has it.
        reason: As it is stored: ``"cell 4: TypeError: ..."``, ``"line 12: ValueError: ..."``, ``"exit status 3"``.
        heard: When it was last heard, as a text; for a lost one.
        cell: The number of the cell that runs, or ran when it was lost.
        text: The first line of that cell, where its number is not known.

    Example:
        >>> in_words("failed", reason="cell 4: TypeError: no"), in_words("failed", reason="exit status 3")
        ('failed at cell 4: TypeError: no', 'failed: exit status 3')
        >>> in_words("lost", heard="18:05", cell=5), in_words("running", text="fit()")
        ('lost, last heard 18:05, in cell 5', 'running, in fit()')
        >>> in_words("interrupted", reason="cell 5: KeyboardInterrupt"), in_words("interrupted", reason="ended by SIGTERM")
        ('interrupted in cell 5', 'interrupted: ended by SIGTERM')
    """
    if state in ("running", "lost"):
        place = f"in cell {cell}" if cell is not None else f"in {text}" if text else ""
        return ", ".join(filter(None, (state, f"last heard {heard}" if state == "lost" and heard else "", place)))
    if state is None or not reason:
        return state
    if _PLACED.match(reason) is None:
        return f"{state}: {reason}"
    # of what was interrupted the type of the error says nothing more
    return f"{state} in {reason.removesuffix(INTERRUPT)}" if state == "interrupted" else f"{state} at {reason}"


def without_message(reason: str, types: Collection[str]) -> str | None:
    """Leave of a reason where it was, and the type of the error.

    Args:
        reason: As it is stored.
        types: Of the errors of the run's cells; of a script's error the line is known, and not the type.

    Example:
        >>> without_message("cell 4: TypeError: 'hunter2'", ["TypeError"]), without_message("hunter2", [])
        ('cell 4: TypeError', None)
    """
    placed = _PLACED.match(reason)
    place = "" if placed is None else placed[0]
    why = reason.removeprefix(place).removeprefix(": ")
    if _OURS.fullmatch(why):
        return reason
    of_script = _TYPE.match(why) if place.startswith("line") else None
    known = [each for each in types if f"{why}: ".startswith((f"{each}: ", f"{each} ("))]
    said = of_script[0] if of_script is not None else max(known, key=len, default=None)
    return ": ".join(filter(None, (place, said))) or None


def durations(run: Mapping[str, Any]) -> Durations:
    """Say how long a run took, or has taken.

    Of one that goes on it is what was known when it was last heard, half a minute ago at most: so both
    numbers are of one moment, and of a run that turns out to be lost they stay what they were. The cell that
    runs, or in which the process died, counts as busy until then, so that a cell of hours is not left out.

    What releases before have recorded has no such numbers: there the clock is asked, of one that goes on
    until now, and nothing is said where it was set back meanwhile.

    Args:
        run: Its state and columns, and `in_cell_since`: when the cell began that has not ended.
    """
    alive = _not_negative(run["alive_seconds"])
    if alive is None:
        alive = _by_the_clock(run)
    busy = _not_negative(run["busy_seconds"])
    if (since := run["in_cell_since"]) is not None:
        until = run["finished_at"] or run["heard_at"] or since
        busy = (busy or 0.0) + max((until - since).total_seconds(), 0.0)
    return Durations(busy if busy is None or alive is None else min(busy, alive), alive)


def _by_the_clock(run: Mapping[str, Any]) -> float | None:
    if run["started_at"] is None:
        return None
    ends = {"running": utcnow(), "lost": run["heard_at"] or run["started_at"]}
    return _not_negative((ends.get(run["state"], run["finished_at"]) - run["started_at"]).total_seconds())


def _not_negative(seconds: float | None) -> float | None:
    return None if seconds is None or seconds < 0 else float(seconds)
