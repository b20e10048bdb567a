from __future__ import annotations

import pytest

from ln_jupyter.notebook import title


@pytest.mark.parametrize(
    ("expected", "markdown"),
    [
        ("Growth", "# Growth"),
        ("Growth", "some words first\n\n## Growth ##\n\n# Later"),
        ("Growth", "   #\tGrowth"),
        ("Issue #7 in C#", "# Issue #7 in C#"),
        ("Growth", "Growth\n======"),
        ("Growth of E. coli", "Growth\nof E. coli\n---"),
        ("Growth & decay", "<h1 align='center'>Growth <br/>&amp;\n decay</h1>"),
        ("Growth", "# <a class='anchor' id='top'></a>Growth"),
        ("a < b > c", "# a < b > c"),
        ("Growth", "# \n\n# Growth"),
        ("Growth", "\r\n# Growth\r\n"),
    ],
)
def test_heading(expected: str, markdown: str) -> None:
    """The first heading with words is the title, in each of Markdown's spellings."""
    assert expected == title.read_title(markdown)


@pytest.mark.parametrize(
    "markdown",
    [
        "",
        "only words",
        "#hashtag",
        "####### seven",
        "```python\n# a comment\n```",
        "~~~\n# a comment\n```\n# still one\n~~~",
        "```\n# an open fence",
        "    # indented code",
        "<!-- # a remark\n# and its second line -->",
        "- a list\n---",
        "> a quote\n---",
        "words\n\n---",
        "| a | b |\n--- ",
        "***\n---",
        "<h1>",
    ],
)
def test_no_heading(markdown: str) -> None:
    """What only looks like a heading is no title."""
    assert title.read_title(markdown) is None


@pytest.mark.parametrize(
    ("expected", "heading"),
    [
        ("Growth of E. coli", "Growth of *E. coli*"),
        ("Growth of E. coli", "**Growth** of __*E. coli*__ ###"),
        ("Growth of E. coli, old", "Growth of _E. coli_, ~~old~~"),
        ("Growth in snake_case_names", "Growth in snake_case_names"),
        ("2 * 3 * 4 = 24", "2 * 3 * 4 = 24"),
        ("The rate x_1 and <b>", "The rate `x_1` and `` <b> ``"),
        ("The rate $x_1 * y_1 * z$", "The rate $x_1 * y_1 * z$"),
        ("Growth, as before", "[Growth](https://x.org 'a title'), [as before][1]"),
        ("Open in Colab Growth", "[![Open in Colab](https://x.org/badge.svg)](https://x.org) Growth"),
        ("See https://x.org", "See <https://x.org>"),
        ("#1 and *", "\\#1 and \\*"),
        ("Growth & decay", "Growth &amp;&nbsp;decay"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("Growth", "Growth <!-- not\tyet -->"),
        ("Gro wth", "Gro\x00\x1bwth"),
        ("x Growth x \ue005", "\ue000 Growth `x` \ue005"),
        ("Größe \U0001f9ec 成長 نمو", "Größe \U0001f9ec 成長 نمو"),
    ],
)
def test_text(expected: str, heading: str) -> None:
    """A title is what a reader sees of the heading, without its markup."""
    assert expected == title.read_title(f"# {heading}")


@pytest.mark.parametrize(
    ("expected", "markdown"),
    [
        ("Growth", "\ufeff# Growth"),
        ("Growth", "---\ntitle: no\ntags:\n- a\n---\n# Growth"),
        ("Growth", "---\n\nGrowth\n---"),
        ("Growth", "words\r# Growth\rwords"),
        ("Growth", "<div align='center'>\n<h1>Growth</h1>\n</div>"),
        ("Growth", "<center><h1><b>Growth</b></h1></center>"),
        ("Growth", "<h1></h1>\n<h1>Growth</h1>"),
        ("Growth", "<!-- one --><!-- # two -->\n# Growth"),
        (None, "> # a quote"),
        (None, "- # an item"),
        (None, "---\ntitle: no\n---"),
    ],
)
def test_place(expected: str | None, markdown: str) -> None:
    """A heading is found behind what may stand before it, and not inside of something else."""
    assert expected == title.read_title(markdown)


def test_long_cell() -> None:
    """A heading that nobody reads as a title, a hundred thousand characters down, is none."""
    assert title.read_title("words\n" * 20_000 + "# Growth") is None


def test_long_heading() -> None:
    """A heading without an end is cut."""
    found = title.read_title(f"# {'word ' * 1_000_000}")

    assert found is not None
    assert len(found) <= 500
    assert found.endswith("word…")


def test_long_line() -> None:
    """Of a heading, a thousand characters are read: what ends behind them has no end."""
    assert title.read_title(f"# [Growth](https://x.org/{'x' * 900})") == "Growth"

    assert str(title.read_title(f"# [Growth](https://x.org/{'x' * 1_000})")).startswith("[Growth](https://x.org/x")


def test_heading_after_fence() -> None:
    """A heading below a code fence is the title, not the comment inside the fence."""
    markdown = "````\n# a comment\n```\n# another\n````\n# Growth"

    assert title.read_title(markdown) == "Growth"
