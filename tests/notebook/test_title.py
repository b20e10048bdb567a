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
    assert expected == title.of(markdown)


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
    assert title.of(markdown) is None


def test_heading_after_fence() -> None:
    """A heading below a code fence is the title, not the comment inside the fence."""
    markdown = "````\n# a comment\n```\n# another\n````\n# Growth"

    assert title.of(markdown) == "Growth"
