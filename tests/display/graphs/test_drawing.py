"""A graph as a drawing."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from ln_jupyter.display.graphs.drawing import Arrow, Box, to_svg

_SVG = "{http://www.w3.org/2000/svg}"


def drawn(*lines: tuple[str, str], **fields: object) -> ET.Element:
    boxes = {number: Box(each, **fields) for number, each in enumerate(lines)}
    return ET.fromstring(to_svg(boxes, [Arrow(0, 1)] if len(lines) > 1 else [], label="a graph"))


def test_boxes_and_arrows() -> None:
    """Each box has its two lines and its title, each arrow a path, and the whole a label for those who do not see it."""
    svg = drawn(("train.ipynb", "ann"), ("pred.csv", "51ac9f08"), title="/lab/x")

    assert ["train.ipynb", "ann", "pred.csv", "51ac9f08"] == [
        (each.text or "").strip() for each in svg.iter(f"{_SVG}text")
    ]
    assert ["/lab/x"] * 2 == [each.text for each in svg.iter(f"{_SVG}title")]
    assert 1 == len(list(svg.iter(f"{_SVG}path")))
    assert ("img", "a graph") == (svg.get("role"), svg.get("aria-label"))


def test_what_is_drawn_is_inside() -> None:
    """Everything stands inside of the drawing, which is as large as it says."""
    svg = drawn(("a" * 99, ""), ("b", "c" * 99))

    width, height = (float(svg.get(name) or 0) for name in ("width", "height"))
    for rect in svg.iter(f"{_SVG}rect"):
        x, y, w, h = (float(rect.get(name) or 0) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
    assert f"0 0 {width:.0f} {height:.0f}" == svg.get("viewBox")


def test_nothing_but_text_and_shapes() -> None:
    """Names are text: no markup, no turned direction; and there is no script, style, id or reference to elsewhere."""
    name = '<script>alert("1")</script>\u202e\n'
    written = to_svg(
        {1: Box((name, name), title=name, href='"><script>'), 2: Box((name, ""))}, [Arrow(1, 2)], label=name
    )

    svg = ET.fromstring(written)
    assert {"svg", "g", "a", "path", "rect", "title", "text"} == {each.tag.removeprefix(_SVG) for each in svg.iter()}
    assert "\u202e" not in written
    assert not re.search(r"<script|<style|url\(|\bid=|\bstyle=|\bon\w+=", written)
    assert ["http://www.w3.org/2000/svg"] == re.findall(r"https?://[^\"]+", written)


def test_colours_are_those_of_the_text() -> None:
    """It has no colour of its own, so that it is right in the dark."""
    written = to_svg({1: Box(("a", "b"), is_start=True)}, [], label="")

    assert {"currentColor", "none"} >= set(re.findall(r'(?:fill|stroke)="([^"]+)"', written))


def test_what_is_left_without_elements() -> None:
    """Where every element is stripped, as in a notebook that is not trusted, the words are still parted."""
    svg = drawn(("train.ipynb", "ann"), ("pred.csv", "51ac9f08"))

    assert "train.ipynb, ann; pred.csv, 51ac9f08; " == "".join(svg.itertext())


def test_an_empty_graph() -> None:
    """A graph without nodes is a drawing without boxes."""
    assert [] == list(drawn().iter(f"{_SVG}rect"))


def test_a_circle_is_drawn() -> None:
    """Of a circle each arrow is there, and of a node that leads to itself, too."""
    written = to_svg({1: Box(("a", "")), 2: Box(("b", ""))}, [Arrow(1, 2), Arrow(2, 1), Arrow(1, 1)], label="")

    assert 3 == written.count("<path")
