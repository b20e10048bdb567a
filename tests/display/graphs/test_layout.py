"""Where the boxes of a graph stand."""

from __future__ import annotations

import itertools
import random

from ln_jupyter.display.graphs import layout


def columns(nodes: str, edges: str) -> dict[str, int]:
    found = layout.arrange(list(nodes), [(a, b) for a, b in edges.split()])
    return {str(node): place.column for node, place in found.places.items()}


def test_edges_lead_to_the_right() -> None:
    """What came of something stands to the right of all that led to it."""
    assert {"a": 0, "b": 1, "c": 2, "d": 3} == columns("dcba", "ab bc cd ad")


def test_what_nothing_led_to_stands_beside_its_use() -> None:
    """A source stands in the column before what used it, and not far to the left."""
    assert {"a": 0, "b": 1, "c": 2, "s": 1} == columns("abcs", "ab bc sc")
    assert {"a": 0} == columns("a", "")


def test_circles_end() -> None:
    """A circle, a node that leads to itself and an edge that is there twice are laid out, too."""
    assert {0, 1, 2} == set(columns("abc", "ab bc ca aa ab").values())
    assert {0, 1} == set(columns("ab", "ab ba").values())


def test_nothing_overlaps() -> None:
    """In a column, each box and each arrow that goes through has a row of its own."""
    at_random = random.Random(7)
    nodes = [f"n{number}" for number in range(60)]
    edges = [tuple(at_random.sample(nodes, 2)) for _ in range(90)]

    found = layout.arrange(nodes, edges)

    every = [*found.places.values(), *itertools.chain.from_iterable(found.bends.values())]
    for column in {place.column for place in every}:
        rows = sorted(place.row for place in every if place.column == column)
        assert all(b - a >= 0.999 for a, b in itertools.pairwise(rows))
    assert 0 == min(place.row for place in every)


def test_a_chain_is_straight() -> None:
    """A chain is one straight line, and two beside each other do not cross."""
    found = layout.arrange("abcxyz", [("a", "b"), ("b", "c"), ("x", "y"), ("y", "z")])

    assert [1, 1] == [len({found.places[node].row for node in chain}) for chain in ("abc", "xyz")]


def test_a_large_graph() -> None:
    """A thousand nodes with three thousand edges in circles are laid out."""
    at_random = random.Random(1)
    nodes = list(range(1000))
    edges = [(at_random.choice(nodes), at_random.choice(nodes)) for _ in range(3000)]

    assert 1000 == len(layout.arrange(nodes, edges).places)
