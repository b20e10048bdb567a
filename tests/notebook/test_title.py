from __future__ import annotations

from types import SimpleNamespace

import pytest

from ln_jupyter.notebook import title
from ln_jupyter.notebook.document import Cell

BADGE = "[![tests](https://x.org/badge.svg)](https://x.org)"


def cells(*sources: str) -> list[Cell]:
    """Make Markdown of them, and code of what begins with a mark: ``>>> x = 1``."""
    return [
        Cell(None, "code", source.removeprefix(">>>")) if source.startswith(">>>") else Cell(None, "markdown", source)
        for source in sources
    ]


@pytest.mark.parametrize(
    "sources",
    [
        (BADGE, "# Growth"),
        ("<img src='logo.png'>", "words", "## Growth", "# Method"),
        ("```{note}\n# Draft\n```", "### Growth", ">>> x = 1", "# Load data"),
        ("# ", BADGE, "Growth\n---"),
        (BADGE, ">>>\n ", "## Growth"),
    ],
)
def test_before_code(sources: tuple[str, ...]) -> None:
    """Before any code the first heading is the title, of whatever level, also in a later cell."""
    assert title.read_title(cells(*sources)) == "Growth"


@pytest.mark.parametrize(
    "heading", ["# Growth", "Growth\n===", "<h1>Growth</h1>", "## Part\n# Growth", "Part\n---\n# Growth"]
)
def test_below_code(heading: str) -> None:
    """Below code the first heading of the top level is the title, and not that of a part before it."""
    assert title.read_title(cells(">>> ln.header()", BADGE, "## Load data", heading, "# Later")) == "Growth"


@pytest.mark.parametrize("heading", ["## Load data", "Load data\n---", "###### Load data"])
def test_parts_are_no_title(heading: str) -> None:
    """A notebook that has only headings of parts below code has no title."""
    assert title.read_title(cells(BADGE, ">>> x = 1", heading)) is None


@pytest.mark.parametrize(
    "sources",
    [(BADGE, "# Growth", ">>> x = 1", "# Method"), (BADGE, ">>> x = 1", "## Load data", "# Growth"), (">>> x = 1",)],
)
def test_as_nbproject(sources: tuple[str, ...]) -> None:
    """Where a notebook has a top-level heading and none before it, nbproject takes the same one for its title."""
    from nbproject.dev._meta_live import get_title

    found = cells(*sources)
    theirs = SimpleNamespace(cells=[{"cell_type": cell.type, "source": [cell.source]} for cell in found])

    assert get_title(theirs) == title.read_title(found)


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
    assert expected == title.read_heading(markdown)


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
    assert title.read_heading(markdown) is None


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
    assert expected == title.read_heading(f"# {heading}")


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
    assert expected == title.read_heading(markdown)


def test_long_cell() -> None:
    """A heading that nobody reads as a title, a hundred thousand characters down, is none."""
    assert title.read_heading("words\n" * 20_000 + "# Growth") is None


def test_many_cells() -> None:
    """Behind a long cell a title is found, and behind a million characters nobody looks for one."""
    long = "word " * 40_000

    assert title.read_title(cells(long, "# Growth")) == "Growth"
    assert title.read_title(cells(*[long] * 10, "# Growth")) is None


def test_long_heading() -> None:
    """A heading without an end is cut."""
    found = title.read_heading(f"# {'word ' * 1_000_000}")

    assert found is not None
    assert len(found) <= 500
    assert found.endswith("word…")


def test_long_line() -> None:
    """Of a heading, a thousand characters are read: what ends behind them has no end."""
    assert title.read_heading(f"# [Growth](https://x.org/{'x' * 900})") == "Growth"

    assert str(title.read_heading(f"# [Growth](https://x.org/{'x' * 1_000})")).startswith("[Growth](https://x.org/x")


def test_heading_after_fence() -> None:
    """A heading below a code fence is the title, not the comment inside the fence."""
    markdown = "````\n# a comment\n```\n# another\n````\n# Growth"

    assert title.read_heading(markdown) == "Growth"
