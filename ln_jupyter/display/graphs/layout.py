"""Where the boxes of a graph stand: in columns from left to right, with few crossings."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

_SWEEPS = 4
_MOST_BENDS = 5_000  # of a larger graph, long arrows go straight through


class Place(NamedTuple):
    """Where a box stands: which column, and how far down its upper edge, in rows."""

    column: int
    row: float


class Layout(NamedTuple):
    """Where everything stands.

    Attributes:
        places: Of each node.
        bends: Of each arrow over several columns, the places that it goes through.
    """

    places: dict[Hashable, Place]
    bends: dict[tuple[Hashable, Hashable], list[Place]]


def arrange(nodes: Sequence[Hashable], edges: Sequence[tuple[Hashable, Hashable]]) -> Layout:
    """Arrange nodes in columns, so that edges lead to the right, but for one in each circle.

    Example:
        >>> arrange("abc", [("a", "b"), ("b", "c"), ("c", "a")]).places["c"].column
        2
    """
    forward = _without_circles(nodes, [(a, b) for a, b in edges if a != b])
    columns = _columns(nodes, forward)
    links, bends = _bent(forward, columns)
    before: dict[Hashable, list[Hashable]] = defaultdict(list)
    after: dict[Hashable, list[Hashable]] = defaultdict(list)
    for a, b in links:
        after[a].append(b)
        before[b].append(a)
    rows: dict[int, list[Hashable]] = defaultdict(list)
    for node, column in columns.items():
        rows[column].append(node)
    _order(rows, before, after)
    at = _straighten(rows, before, after)
    places = {node: Place(columns[node], at[node]) for node in columns}
    found = {edge: [places[each] for each in through] for edge, through in bends.items()}
    return Layout({node: places[node] for node in nodes}, found)


def _without_circles(
    nodes: Sequence[Hashable], edges: Sequence[tuple[Hashable, Hashable]]
) -> list[tuple[Hashable, Hashable]]:
    """Turn round each edge that closes a circle."""
    after: dict[Hashable, list[Hashable]] = defaultdict(list)
    for a, b in edges:
        after[a].append(b)
    open_: set[Hashable] = set()
    done: set[Hashable] = set()
    found: dict[tuple[Hashable, Hashable], None] = {}
    for start in nodes:
        path = [(start, iter(after[start]))] if start not in done else []
        open_.update(node for node, _ in path)
        while path:
            node, left = path[-1]
            following = next(left, None)
            if following is None:
                path.pop()
                open_.discard(node)
                done.add(node)
                continue
            found[(following, node) if following in open_ else (node, following)] = None
            if following not in open_ and following not in done:
                open_.add(following)
                path.append((following, iter(after[following])))
    return list(found)


def _columns(nodes: Sequence[Hashable], edges: Sequence[tuple[Hashable, Hashable]]) -> dict[Hashable, int]:
    """Put each node to the right of all before it; one with nothing before it beside what it leads to."""
    after: dict[Hashable, list[Hashable]] = defaultdict(list)
    waiting = dict.fromkeys(nodes, 0)
    for a, b in edges:
        after[a].append(b)
        waiting[b] += 1
    first = [node for node in nodes if not waiting[node]]
    columns, ready = dict.fromkeys(nodes, 0), list(first)
    while ready:
        node = ready.pop()
        for each in after[node]:
            columns[each] = max(columns[each], columns[node] + 1)
            waiting[each] -= 1
            if not waiting[each]:
                ready.append(each)
    for node in first:
        columns[node] = min((columns[each] for each in after[node]), default=1) - 1
    return columns


def _bent(
    edges: Sequence[tuple[Hashable, Hashable]], columns: dict[Hashable, int]
) -> tuple[list[tuple[Hashable, Hashable]], dict[tuple[Hashable, Hashable], list[Hashable]]]:
    """Give an edge over several columns a node of its own in each between, which keeps room for it."""
    links: list[tuple[Hashable, Hashable]] = []
    bends: dict[tuple[Hashable, Hashable], list[Hashable]] = {}
    is_small = sum(columns[b] - columns[a] - 1 for a, b in edges) <= _MOST_BENDS
    for a, b in edges:
        between = range(columns[a] + 1, columns[b]) if is_small else range(0)
        through: list[Hashable] = [(a, b, column) for column in between]
        columns.update(zip(through, between, strict=True))
        links += zip([a, *through], [*through, b], strict=True)
        if through:
            bends[a, b] = through
    return links, bends


def _order(
    rows: Mapping[int, list[Hashable]],
    before: Mapping[Hashable, list[Hashable]],
    after: Mapping[Hashable, list[Hashable]],
) -> None:
    """Sort each column by the mean of what its nodes are linked to, to and fro."""
    for sweep in range(_SWEEPS):
        near, order = (before, sorted(rows)) if sweep % 2 == 0 else (after, sorted(rows, reverse=True))
        at = {node: float(place) for row in rows.values() for place, node in enumerate(row)}
        for column in order:
            means = {node: _mean([at[each] for each in near.get(node, ())], at[node]) for node in rows[column]}
            rows[column].sort(key=means.__getitem__)
            at.update((node, float(place)) for place, node in enumerate(rows[column]))


def _straighten(
    rows: Mapping[int, list[Hashable]],
    before: Mapping[Hashable, list[Hashable]],
    after: Mapping[Hashable, list[Hashable]],
) -> dict[Hashable, float]:
    """Move each node to the height of what it is linked to, as far as those beside it let it."""
    at = {node: float(place) for row in rows.values() for place, node in enumerate(row)}
    for sweep in range(_SWEEPS):
        for column in sorted(rows, reverse=sweep % 2 == 1):
            row = rows[column]
            wanted = [
                _mean([at[each] for each in (*before.get(node, ()), *after.get(node, ()))], at[node]) for node in row
            ]
            at.update(zip(row, _apart(wanted), strict=True))
    least = min(at.values(), default=0.0)
    return {node: height - least for node, height in at.items()}


def _apart(wanted: Sequence[float]) -> list[float]:
    """Return the heights nearest to those that are wanted, each at least 1 below the one before."""
    blocks: list[tuple[float, int]] = []  # of those that touch: the sum of where the first would be, how many
    for place, height in enumerate(wanted):
        block = (height - place, 1)
        while blocks and blocks[-1][0] / blocks[-1][1] > block[0] / block[1]:
            above = blocks.pop()
            block = (above[0] + block[0], above[1] + block[1])
        blocks.append(block)
    starts = [total / count for total, count in blocks for _ in range(count)]
    return [start + place for place, start in enumerate(starts)]


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default
