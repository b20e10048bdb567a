"""Boxes and arrows as an SVG: no script, no style, no ids and nothing from elsewhere; its colour is that of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter import humanize
from ln_jupyter.display.graphs import layout
from ln_jupyter.sanitize import escaped, plain

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

_LETTERS = (7.2, 6.7)  # how wide one is on average, of 13 px and of 12
_WIDEST = 26  # letters in a box; the whole stands in its title
_INSIDE, _BETWEEN = 12, 30  # beside the text of a box, and between columns
_HEIGHT, _STEP = 44, 58  # of a box, and from one to the next
_EDGE = 2  # so that no line is cut


class Box(NamedTuple):
    """A node as it is drawn.

    Attributes:
        lines: The name, and what is said of it.
        title: The whole of it.
        is_round: Its corners are.
        is_start: It is what was asked about.
        href: Where it leads to; nowhere if empty.
    """

    lines: tuple[str, str]
    title: str = ""
    is_round: bool = False
    is_start: bool = False
    href: str = ""


class Arrow(NamedTuple):
    """An edge as it is drawn.

    Attributes:
        source: The node that it begins at.
        target: The node that it leads to.
        is_dotted: It is weaker than the others.
    """

    source: Hashable
    target: Hashable
    is_dotted: bool = False


def to_svg(
    boxes: Mapping[Hashable, Box], arrows: Sequence[Arrow], *, label: str, least_scale: float | None = None
) -> str:
    """Draw a graph from left to right.

    Args:
        boxes: The nodes.
        arrows: Between them.
        label: What it shows, for those who do not see it.
        least_scale: Where a page makes it fit, it is no smaller than that; None says nothing of it.

    Example:
        >>> svg = to_svg({"a": Box(("<b>", "a file")), "b": Box(("train", ""))}, [Arrow("a", "b")], label="b read a")
        >>> "&lt;b&gt;" in svg, svg.count("<rect"), svg.count("<path")
        (True, 2, 1)
    """
    found = layout.arrange(list(boxes), [(each.source, each.target) for each in arrows])
    widths: dict[int, float] = {}
    for node, box in boxes.items():
        column = found.places[node].column
        widths[column] = max(widths.get(column, 0.0), _width(box))
    lefts: dict[int, float] = {}
    for column in range(max(widths, default=-1) + 1):
        lefts[column] = lefts[column - 1] + widths.get(column - 1, 0.0) + _BETWEEN if column else float(_EDGE)
    right = max((lefts[column] + width for column, width in widths.items()), default=0.0) + _EDGE
    bottom = max((place.row for place in found.places.values()), default=0.0) * _STEP + _HEIGHT + 2 * _EDGE
    drawn = "".join(f'<path d="{_path(each, found, lefts, widths)}"{_dots(each)}/>' for each in arrows)
    inside = "".join(_box(box, found.places[node], lefts, widths) for node, box in boxes.items())
    least = "" if least_scale is None else f' style="min-width:{right * least_scale:.0f}px"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{least} width="{right:.0f}" height="{bottom:.0f}"'
        f' viewBox="0 0 {right:.0f} {bottom:.0f}" role="img" aria-label="{escaped(label)}"'
        ' font-family="system-ui,sans-serif" font-size="13" fill="currentColor">'
        f'<g fill="none" stroke="currentColor" stroke-opacity=".55">{drawn}</g>{inside}</svg>'
    )


def _width(box: Box) -> float:
    widths = (humanize.columns(_short(line)) * letter for line, letter in zip(box.lines, _LETTERS, strict=True))
    return max(widths) + 2 * _INSIDE


def is_cut(line: str) -> bool:
    """Return whether a line is longer than a box."""
    return humanize.columns(plain(line)) > _WIDEST


def _short(line: str) -> str:
    shown, count = plain(line), 0
    for place, letter in enumerate(shown):
        count += humanize.columns(letter)
        if count > _WIDEST:
            return f"{shown[: place - 1]}…"
    return shown


def _box(box: Box, place: layout.Place, lefts: Mapping[int, float], widths: Mapping[int, float]) -> str:
    x, y, width = lefts[place.column], _top(place), widths[place.column]
    corner = 14 if box.is_round else 4
    fill = ' fill="none"' if box.is_round else ' fill-opacity=".07"'
    stroke = ' stroke-width="2"' if box.is_start else ' stroke-opacity=".45"'
    first, second = (escaped(_short(line)) for line in box.lines)
    weight = ' font-weight="600"' if box.is_start else ""
    parts = [
        f"<title>{escaped(box.title)}</title>" if box.title else "",
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_HEIGHT}" rx="{corner}" stroke="currentColor"{fill}{stroke}/>',
        f'<text x="{x + _INSIDE:.0f}" y="{y + 19:.0f}"{weight}>{first}</text>, ',
        f'<text x="{x + _INSIDE:.0f}" y="{y + 35:.0f}" font-size="12" fill-opacity=".75">{second}</text>; ',
    ]
    # what stands between them is not drawn, and parts what is left where every element is stripped
    inside = "".join(parts)
    return f'<a href="{escaped(box.href)}">{inside}</a>' if box.href else f"<g>{inside}</g>"


def _path(arrow: Arrow, found: layout.Layout, lefts: Mapping[int, float], widths: Mapping[int, float]) -> str:
    """Draw a curve from the right side of one box to the left side of the other, and its point."""
    source, target = found.places[arrow.source], found.places[arrow.target]
    start = (lefts[source.column] + widths[source.column], _middle(source))
    end = (lefts[target.column], _middle(target))
    written = [f"M{start[0]:.0f} {start[1]:.0f}"]
    at = start
    # a circle is closed by one arrow that goes back, around the boxes
    for bend in found.bends.get((arrow.source, arrow.target), ()):
        left, y = lefts[bend.column], _middle(bend)
        written.append(_curve(at, (left, y)))
        at = (left + widths.get(bend.column, 0.0), y)
        written.append(f"H{at[0]:.0f}")
    written.append(_curve(at, end))
    return f"{''.join(written)}m-5 -4l5 4l-5 4"


def _curve(start: tuple[float, float], end: tuple[float, float]) -> str:
    reach = max((end[0] - start[0]) / 2, _BETWEEN / 2) if end[0] >= start[0] else _BETWEEN
    return f"C{start[0] + reach:.0f} {start[1]:.0f} {end[0] - reach:.0f} {end[1]:.0f} {end[0]:.0f} {end[1]:.0f}"


def _dots(arrow: Arrow) -> str:
    return ' stroke-dasharray="3 3"' if arrow.is_dotted else ""


def _top(place: layout.Place) -> float:
    return place.row * _STEP + _EDGE


def _middle(place: layout.Place) -> float:
    return _top(place) + _HEIGHT / 2
