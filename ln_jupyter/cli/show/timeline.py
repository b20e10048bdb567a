"""The cells of a run: when each ran, as a bar along the time of the run; as plain times into a pipe."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from ln_jupyter import humanize
from ln_jupyter.cli.output import table
from ln_jupyter.cli.output.table import Cell, Column, Row
from ln_jupyter.cli.show import executed
from ln_jupyter.humanize import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ln_jupyter.cli.output.screen import Screen

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEAST, _MOST = 18, 48  # columns of the bars
_GAPS = 6  # columns between what stands in a line


def lines(shown: Screen, run: dict[str, Any], cells: Sequence[tuple[dict[str, Any], str]]) -> list[str]:
    """Return a line for each execution: which cell, how long, when, and the first line of what ran."""
    if shown.width is None:
        return _plain(shown, run, cells)
    names = [executed.name(cell) for cell, _ in cells]
    took = ["" if cell["seconds"] is None else humanize.duration(cell["seconds"]) for cell, _ in cells]
    widths = max(len("CELL"), *map(len, names)), max(len("TOOK"), *map(len, took))
    left = shown.width - sum(widths) - _GAPS
    room = min(max(left * 2 // 5, _LEAST), _MOST)
    start, end = _axis(run, [cell for cell, _ in cells])
    axis = _ends(shown, start, end, room)
    found = [shown.paint(f"{'CELL':>{widths[0]}}  {'TOOK':>{widths[1]}}  {axis}", "muted")]
    for (cell, text), name, seconds in zip(cells, names, took, strict=True):
        mark, tone = _mark(shown, cell, run["state"])
        bar = _bar(shown, cell, start, end, room)
        said = shown.cut(" ".join(filter(None, (mark, text))), left - room)
        found.append(
            f"{name:>{widths[0]}}  {seconds:>{widths[1]}}  {shown.paint(bar, tone or 'accent')}"
            f"{' ' * (room - columns(bar))}  {shown.paint(said, tone)}"
        )
        if shown.is_full and cell["ok"] is False:
            found += shown.fold(executed.error(cell, widest=None), indent=" " * (sum(widths) + 4))
    return found


def _plain(shown: Screen, run: dict[str, Any], cells: Sequence[tuple[dict[str, Any], str]]) -> list[str]:
    header = [
        Column("CELL", is_number=True),
        Column("TOOK", is_number=True),
        Column(shown.named("STARTED")),
        Column("ENDED"),
        Column("WHAT RAN"),
    ]
    rows = []
    for cell, text in cells:
        mark, tone = _mark(shown, cell, run["state"])
        said = executed.error(cell, widest=None) if cell["ok"] is False else _how(cell, run["state"])
        sign = f"{mark} " if shown.has_signs and mark else ""
        rows.append(
            Row(
                [
                    Cell(executed.name(cell)),
                    Cell("" if cell["seconds"] is None else humanize.duration(cell["seconds"])),
                    Cell(shown.time(cell["started_at"])),
                    Cell(f"{sign}{said}" if said else "", tone),
                    Cell(text),
                ]
            )
        )
    return table.lines(shown, header, rows)


def _how(cell: dict[str, Any], state: str | None) -> str:
    if cell["ok"] is not None:
        return ""
    return {"running": "running", "lost": "running when last heard"}.get(state or "", "with the process")


def _mark(shown: Screen, cell: dict[str, Any], state: str | None) -> tuple[str, str]:
    if cell["ok"]:
        return "", ""
    if cell["ok"] is False:
        return ("✗" if shown.has_signs else "failed:"), "bad"
    sign, word, tone = {"running": ("►", "running:", "accent"), "lost": ("?", "lost:", "warn")}.get(
        state or "", ("■", "not ended:", "warn")
    )
    return (sign if shown.has_signs else word), tone


def _axis(run: dict[str, Any], cells: Sequence[dict[str, Any]]) -> tuple[dt.datetime, dt.datetime]:
    """Return the time from the first cell to the end of the process, or to the last sign of life."""
    ends = [cell["started_at"] + dt.timedelta(seconds=max(cell["seconds"] or 0.0, 0.0)) for cell in cells]
    start = min(cell["started_at"] for cell in cells)
    end = max([*ends, *filter(None, (run["finished_at"] or run["heard_at"],))])
    return start, max(end, start + dt.timedelta(milliseconds=1))


def _ends(shown: Screen, start: dt.datetime, end: dt.datetime, room: int) -> str:
    zone = dt.UTC if shown.is_utc else None
    is_long = (end - start) > dt.timedelta(hours=20)
    first, last = (
        f"{time.astimezone(zone):%a %H:%M}" if is_long else f"{time.astimezone(zone):%H:%M:%S}" for time in (start, end)
    )
    return f"{first}{last:>{room - len(first)}}"


def _bar(shown: Screen, cell: dict[str, Any], start: dt.datetime, end: dt.datetime, room: int) -> str:
    whole = (end - start).total_seconds()
    seconds = cell["seconds"] if cell["seconds"] is not None else (end - cell["started_at"]).total_seconds()
    at = min(int((cell["started_at"] - start).total_seconds() / whole * room), room - 1)
    eighths: int = round(max(seconds, 0.0) / whole * room * 8)
    eighths = min(max(eighths, 1), (room - at) * 8)
    if not shown.has_signs:
        return " " * at + "#" * max(round(eighths / 8), 1)
    full, part = divmod(eighths, 8)
    return f"{' ' * at}{_EIGHTHS[8] * full}{_EIGHTHS[part] if part else ''}"
