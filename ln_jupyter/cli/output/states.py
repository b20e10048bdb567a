"""How a run is, as a sign, a word and a tone, and why: in this order of trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter import humanize
from ln_jupyter.cli.output.table import Cell
from ln_jupyter.humanize import STATE_SIGNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ln_jupyter.cli.output.screen import Screen


class _Look(NamedTuple):
    tone: str
    of_sign: str
    sign: str = "-"


_LOOKS: dict[str | None, _Look] = {
    "running": _Look("accent", "accent", STATE_SIGNS["running"]),
    "finished": _Look("muted", "good", STATE_SIGNS["finished"]),
    "failed": _Look("bad", "bad", STATE_SIGNS["failed"]),
    "interrupted": _Look("warn", "warn", STATE_SIGNS["interrupted"]),
    "lost": _Look("warn", "warn", STATE_SIGNS["lost"]),
    None: _Look("muted", "muted"),
}
BY_HAND = "by hand"
"""The word for what nothing ran: somebody has added it."""


def cell(screen: Screen, state: str | None, *, more: str = "") -> Cell:
    """Return the cell of a state.

    Args:
        screen: Where it is shown.
        state: As `Run.state` has it; None for what somebody has added by hand.
        more: What follows the word.
    """
    look = _LOOKS.get(state, _LOOKS[None])
    word = f"{state or BY_HAND}{more}"
    return Cell(f"{look.sign} {word}", look.tone, look.of_sign) if screen.has_signs else Cell(word, look.tone)


def reason(screen: Screen, run: Mapping[str, Any]) -> str:
    """Say in a list why a run is as it is, or in which cell it is."""
    from ln_jupyter.queries import progress  # here for cost: --help needs no database

    place = "" if run["in_cell"] is None else f"in cell {run['in_cell']}"
    if run["state"] == "lost":
        heard = screen.time(run["heard_at"] or run["started_at"])
        return " ".join(filter(None, (f"last heard {heard}" if heard else "", place)))
    if run["state"] == "running":
        return place
    said = _one_line(run["reason"]) if run["state"] in ("failed", "interrupted") else ""
    said = said.removesuffix(progress.INTERRUPT)
    return f"in {said}" if run["state"] == "interrupted" and said.startswith("cell ") and ":" not in said else said


def heading(screen: Screen, run: Mapping[str, Any], text: str = "") -> list[str]:
    """Return the lines that say a run's state and all of why.

    Args:
        screen: Where they are to fit.
        run: Its state, reason, times and `in_cell`.
        text: The first line of the cell that has not ended.
    """
    from ln_jupyter.queries import progress  # here for cost: --help needs no database

    heard = screen.time(run["heard_at"] or run.get("started_at"))
    why = _one_line(run["reason"])
    words = progress.in_words(run["state"], reason=why, heard=heard, cell=run["in_cell"], text=text)
    look = _LOOKS.get(run["state"], _LOOKS[None])
    said = " ".join(filter(None, (look.sign if screen.has_signs else "", words or BY_HAND)))
    folded = screen.fold(said)
    if len(folded) > 1 and ": " in said:
        first, _, rest = said.partition(": ")
        folded = [*screen.fold(f"{first}:"), *screen.fold(rest, indent="  ")]
    return [screen.paint(line, look.tone) for line in folded]


def results(screen: Screen, run: Mapping[str, Any]) -> str:
    """Say in a list what came out, and the words that somebody put on it."""
    found = run["results"] if isinstance(run["results"], dict) else {}  # any JSON may be there
    shown = [f"{name} {_number(value) if not screen.is_full else value}" for name, value in found.items()]
    return "  ".join([*shown, *run["tags"]])


def busy(run: Mapping[str, Any]) -> str:
    """Say in a list how long a run's cells ran; of one without cells, how long it took."""
    from ln_jupyter.queries import progress  # here for cost: --help needs no database

    took = progress.durations(run)
    seconds = took.alive if took.busy is None else took.busy
    return "" if seconds is None else humanize.duration(seconds)


def busy_in_words(run: Mapping[str, Any]) -> str | None:
    """Say in a sentence how long a run's cells ran, and of how long.

    Example:
        >>> known = dict(busy_seconds=8.4, alive_seconds=31.0, in_cell_since=None)
        >>> busy_in_words(known), busy_in_words(known | {"busy_seconds": None})
        ('busy 8.4 s of 31 s', 'took 31 s')
    """
    from ln_jupyter.queries import progress  # here for cost: --help needs no database

    took = progress.durations(run)
    if took.busy is None:
        return None if took.alive is None else f"took {humanize.duration_in_words(took.alive)}"
    of = "" if took.alive is None else f" of {humanize.duration_in_words(took.alive)}"
    return f"busy {humanize.duration_in_words(took.busy)}{of}"


def _one_line(reason: str | None) -> str:
    """Join the lines of an error, which are many where a library lists what there is."""
    return " ".join((reason or "").splitlines())


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
