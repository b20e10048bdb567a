"""What fits a terminal, by the columns that letters take, and what a moment is on the command line."""

from __future__ import annotations

import datetime as dt

import click
import pytest

from ln_jupyter.cli import files, options
from ln_jupyter.cli.output import table
from ln_jupyter.cli.output.screen import Screen
from ln_jupyter.cli.output.table import Cell, Column, Row
from ln_jupyter.humanize import columns

TEXTS = [
    "the quick brown fox jumps over the lazy dog",
    "実験データの解析と成長曲線のモデル化 その二",
    "e\u0301" * 60,
    "a" * 70,
    "👩‍🔬 makes experiments, and 実 is wide",
    " leading and  two  spaces ",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("width", [2, 7, 20, 41])
def test_folded_lines_fit(text: str, width: int) -> None:
    """Lines are no wider than there is room, and together they are the text."""
    lines = Screen(width=width, is_terminal=True).fold(text)

    assert all(columns(line) <= width for line in lines)
    assert "".join(text.split()) == "".join("".join(lines).split())


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("has_signs", [True, False])
def test_cut_text_fits(text: str, *, has_signs: bool) -> None:
    """What is cut says so, and fits; what fits is not cut."""
    screen = Screen(has_signs=has_signs)
    whole = columns(screen.cut(text, None))

    for width in range(4, 60):
        cut = screen.cut(text, width)
        assert columns(cut) <= width
        assert (cut == screen.cut(text, None)) == (whole <= width)
        assert whole <= width or cut.endswith("…" if has_signs else "...")


def test_a_path_is_broken_at_a_folder() -> None:
    """A path that is longer than a line is broken where a folder ends, so that names can be copied."""
    screen = Screen(width=20, is_terminal=True)

    assert ["on in", "/lab/growth/plates/", "of_2026/clean.csv"] == screen.fold(
        "on in /lab/growth/plates/of_2026/clean.csv"
    )


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_table_fits(width: int) -> None:
    """Columns that may be cut give way, the one with the most to spare first; numbers stand to the right."""
    screen = Screen(width=width, is_terminal=True, is_full=False)
    header = [Column("A", least=5), Column("B", is_number=True), Column("C", least=5)]
    rows = [
        Row([Cell("a" * n), Cell(str(n)), Cell("実" * n)], Cell("r" * n), must_be_read=n % 2 == 0) for n in range(90)
    ]

    lines = table.lines(screen, header, rows, remarks="WHY")

    assert all(columns(line) <= width for line in lines)
    assert lines[0].split()[:3] == ["A", "B", "C"]


def test_a_wide_cell_of_a_pipe_moves_its_own_row() -> None:
    """Into a pipe a cell is whole, and a long one widens no other row."""
    rows = [Row([Cell("a"), Cell("b")]), Row([Cell("a" * 400), Cell("b")])]

    header, short, long = table.lines(Screen(), [Column("A"), Column("B")], rows)

    assert len(header) == len(short) < 50
    assert f"{'a' * 400}  b" == long


@pytest.mark.parametrize("value", ["", "7", "7x", "yesterday", "2026-13-01", "99999999d"])
def test_a_moment_that_is_none(value: str) -> None:
    """What is no moment names those there are."""
    with pytest.raises(click.BadParameter, match="write how long ago, or a date: 2h, 7d, 8w, 2026-11-27"):
        options.since(value)


def test_moments() -> None:
    """A moment is so long ago, or a date or time, of this machine's zone where it names none."""
    now = dt.datetime.now(dt.UTC)

    assert dt.timedelta(0) <= now - dt.timedelta(hours=2) - options.since("2h") + dt.timedelta(seconds=9)
    assert dt.datetime(2026, 11, 27).astimezone() == options.since("2026-11-27")
    assert dt.datetime(2026, 11, 27, 14, 35, tzinfo=dt.UTC) == options.since("2026-11-27T14:35Z")


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["/lab/a/x.ipynb"], ["x.ipynb"]),
        (["/lab/a/x.ipynb", "/lab/b/x.ipynb"], ["a/x.ipynb", "b/x.ipynb"]),
        (["/a/s/x.ipynb", "/b/s/x.ipynb"], ["a/s/x.ipynb", "b/s/x.ipynb"]),
        (["x.ipynb", "/b/x.ipynb"], ["x.ipynb", "b/x.ipynb"]),
        ([r"C:\\lab\\x.ipynb"], ["x.ipynb"]),
        (["/", ""], ["/"]),
    ],
)
def test_short_names(paths: list[str], expected: list[str]) -> None:
    """A file is named by its name, and by as many folders as tell it from others of its name."""
    assert expected == list(files.short_names(paths).values())
