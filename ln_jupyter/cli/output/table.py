"""Columns for people: as wide as the terminal has room for, and nothing wraps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter.humanize import columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ln_jupyter.cli.output.screen import Screen

_GAP = "  "
_WIDEST_IN_A_PIPE = 40  # beyond it, a cell moves the rest of its own row, and not of all
_LEAST_ROOM = 8
_NARROWEST = 6  # columns of what may be cut, before a table is wider than its terminal
_ROOM_TO_CUT = 40  # a remark that is cut to less says too little, and stands below its row


class Cell(NamedTuple):
    """What stands in a cell, in one tone; its first word, such as a state's sign, may have another."""

    text: str = ""
    tone: str = ""
    first: str | None = None


class Column(NamedTuple):
    """A column.

    Attributes:
        header: What it is.
        is_number: Numbers stand to the right.
        least: To so many columns it may be cut where there is no room; 0 if never.
    """

    header: str
    is_number: bool = False
    least: int = 0


class Row(NamedTuple):
    """A row, and what is said at its end.

    Attributes:
        cells: One for each column.
        remark: What may be left out or stand below: a reason, or results.
        must_be_read: It stands on a line of its own where it does not fit behind the row.
    """

    cells: Sequence[Cell]
    remark: Cell = Cell()
    must_be_read: bool = False


def lines(screen: Screen, header: Sequence[Column], rows: Sequence[Row], *, remarks: str = "") -> list[str]:
    """Return the lines of a table; where everything is to be whole, nothing is cut.

    Args:
        screen: Where they are to fit.
        header: The columns.
        rows: What stands in them.
        remarks: What the remarks are.
    """
    screen = replace(screen, width=None) if screen.is_full else screen
    shown = [[screen.cut(cell.text, None) for cell in row.cells] for row in rows]
    optional = [columns(screen.cut(row.remark.text, None)) for row in rows if not row.must_be_read]
    widths = _widths(screen, header, shown, for_remarks=max(optional, default=0))
    taken = sum(width + len(_GAP) for width in widths)
    room = None if screen.width is None else screen.width - taken
    written = [_join([Cell(column.header, "muted") for column in header], header, widths, screen)]
    below = _GAP.join(" " * width for width in widths[:1]) + _GAP
    found = []
    has_behind = False
    for row in rows:
        line = _join(row.cells, header, widths, screen)
        remark = screen.cut(row.remark.text, None)
        is_behind = room is None or columns(remark) <= room or room >= _ROOM_TO_CUT
        if not remark or (not is_behind and not row.must_be_read and room is not None and room < _LEAST_ROOM):
            found.append(line)
        elif is_behind or not row.must_be_read:
            has_behind = True
            found.append(f"{line}{_GAP}{screen.paint(screen.cut(remark, room), row.remark.tone)}")
        else:
            width = None if screen.width is None else screen.width - len(below)
            found += [line, f"{below}{screen.paint(screen.cut(remark, width), row.remark.tone)}"]
    if has_behind and remarks and (room is None or columns(remarks) <= room):
        written[0] += f"{_GAP}{screen.paint(remarks, 'muted')}"
    return [*written, *found]


def facts(screen: Screen, found: Mapping[str, Any], *, tone: str = "muted") -> list[str]:
    """Return the lines of facts that are known, each folded behind its name, which has this tone."""
    known = {name: str(value) for name, value in found.items() if value is not None and value != ""}
    width = max(map(columns, known), default=0) + len(_GAP)
    written = []
    for name, value in known.items():
        lines = value.splitlines() or [""]
        first, *more = (part for line in lines for part in screen.fold(line, indent=" " * width))
        written += [f"{screen.paint(name, tone)}{' ' * (width - columns(name))}{first.lstrip(' ')}", *more]
    return written


def _join(cells: Sequence[Cell], header: Sequence[Column], widths: Sequence[int], screen: Screen) -> str:
    return _GAP.join(
        _cell(cell, column, width, screen) for cell, column, width in zip(cells, header, widths, strict=True)
    )


def _cell(cell: Cell, column: Column, width: int, screen: Screen) -> str:
    text = screen.cut(cell.text, None if screen.width is None else width)
    space = " " * (width - columns(text))
    if cell.first is not None and " " in text:
        sign, _, rest = text.partition(" ")
        painted = f"{screen.paint(sign, cell.first)} {screen.paint(rest, cell.tone)}"
    else:
        painted = screen.paint(text, cell.tone)
    return f"{space}{painted}" if column.is_number else f"{painted}{space}"


def _widths(screen: Screen, header: Sequence[Column], shown: Sequence[Sequence[str]], *, for_remarks: int) -> list[int]:
    widths = [columns(column.header) for column in header]
    for row in shown:
        for place, text in enumerate(row):
            width = columns(text)
            if screen.width is None:
                width = min(width, _WIDEST_IN_A_PIPE)
            widths[place] = max(widths[place], width)
    if screen.width is None:
        return widths
    kept = min(for_remarks, screen.width * 2 // 5)
    least = [column.least for column in header]
    _shrink(widths, least, screen.width - len(_GAP) * (len(widths) - (kept == 0)) - kept)
    _shrink(widths, [min(each, _NARROWEST) for each in least], screen.width - len(_GAP) * (len(widths) - 1))
    return widths


def _shrink(widths: list[int], least: Sequence[int], spare: int) -> None:
    """Take columns away from what may be cut, from the one with the most to spare first."""
    while sum(widths) > spare:
        cuttable = [place for place, each in enumerate(least) if each and widths[place] > each]
        if not cuttable:
            break
        widths[max(cuttable, key=lambda place: widths[place] - least[place])] -= 1
