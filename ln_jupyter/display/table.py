"""Rows and columns as one table, in text and in HTML."""

from __future__ import annotations

import decimal
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from tabulate import tabulate

from ln_jupyter import humanize, redaction, sanitize
from ln_jupyter.display import html, line, values
from ln_jupyter.display import text as texts
from ln_jupyter.display.card import Part
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.display.states import Mark
from ln_jupyter.orm.inspect.record import state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ln_jupyter.display.card import Line
    from ln_jupyter.display.fixes import Fix
    from ln_jupyter.display.options import Options

WIDTH = 40
"""Characters of a cell, however long a value of a single record may be."""

_DIGITS = 10  # of a number in a column
_MOST = 12  # names in one remark
_NUMBERS = (int, float, decimal.Decimal)
_ROW = '<tr align="left">'  # where every style is stripped, `align` speaks
_RIGHT = 'class="n" style="text-align:right"'
_MARKED = re.compile(r"""\s*(?:$|b?['"]|[•∅●◐○◌⊘⊗⇉ƒ])""")  # text like what stands for None, nothing, or a secret
NONE = Mark.NULL.value
"""What stands for None in a cell."""


class Cell(NamedTuple):
    """What stands in one place of a table.

    Attributes:
        text: What it says.
        tone: A colour of the style, as a `Part` has it.
        below: A second line, which is no wider than the rest of the table.
        title: What is shown when the mouse is on it.
    """

    text: str
    tone: str = ""
    below: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class TableView:
    """Some rows of many, ready to be shown.

    Attributes:
        name: What they are: a class, or ``row``.
        count: How many there are; `rows` are the first of them.
        columns: The header of each column.
        rows: The cells.
        order: What the shown rows are of all: ``first`` or ``newest``.
        state: What all of them are to their session, in words.
        remarks: What the columns do not show, a line each.
        fix: What to type for what is missing.
        has_more: Whether there are more than `count`, which nobody counted.
        numbers: The columns of numbers, which stand to the right.
        spare: The columns that a text leaves out first, where it has no room for all.
    """

    name: str
    count: int
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    order: str = "first"
    state: str = ""
    remarks: tuple[Line, ...] = ()
    fix: Fix | None = None
    has_more: bool = False
    numbers: frozenset[str] = frozenset()
    spare: tuple[str, ...] = ()

    @property
    def title(self) -> Line:
        """Count and name, how many are shown, and their state."""
        more = "more than " if self.has_more else ""
        name = f"{self.name}s" if self.name.islower() and self.count != 1 else self.name
        is_cut = self.has_more or len(self.rows) < self.count
        shown = f"{self.order} {len(self.rows):,} shown" if is_cut else ""
        said = "".join(f" · {each}" for each in (shown, self.state) if each)
        return (Part(f"{more}{self.count:,} {name}", "b"), *([Part(said, "small")] if said else []))


def of_rows(
    name: str, columns: Iterable[str], rows: Sequence[Sequence[Any]], *, count: int, options: Options = DEFAULT
) -> TableView:
    """Make a table of the rows of a statement.

    Args:
        name: What they are.
        columns: Their keys; values under the name of a secret are not shown.
        rows: The first of them, all of which are shown.
        count: How many there are.
        options: How much to show, and what not.

    Example:
        >>> view = of_rows("row", ["id", "password"], [(1, "hunter2"), (2, None)], count=2)
        >>> [[cell.text for cell in row] for row in view.rows]
        [['1', '••• redacted'], ['2', '∅']]
    """
    options = replace(options, length=min(options.length, WIDTH))
    names = tuple(sanitize.plain(str(each)) for each in columns)
    shown = names[: options.columns]
    secret = [redaction.is_secret(each, names=options.secret_names) for each in shown]
    cells = tuple(
        tuple(Cell(cell(value, hidden=hidden, options=options)) for value, hidden in zip(row, secret, strict=False))
        for row in rows
    )
    numbers = frozenset(name for at, name in enumerate(shown) if are_numbers([row[at] for row in rows]))
    remarks = (*none_remark(cells, (), count), *more_columns(names[len(shown) :]))
    return TableView(name, count, shown, cells, remarks=remarks, numbers=numbers)


def cell(value: object, *, hidden: bool = False, options: Options = DEFAULT) -> str:
    """Write a value as it stands in a column: text without quotes, unless it looks like our own marks, and None as its mark.

    Example:
        >>> cell("Solve X"), cell(None), cell("hunter2", hidden=True), cell("∅"), cell("")
        ('Solve X', '∅', '••• redacted', "'∅'", "''")
    """
    if value is None:
        return NONE
    if hidden:
        return redaction.HIDDEN
    if state_of(value) is not None:
        return line.in_words(value, options=options)
    if type(value) is str and _MARKED.match(value) is None:
        return values.in_column(value, options=options)
    if type(value) is float and len(written := repr(value)) > _DIGITS:
        return min(written, f"{value:.6g}", key=len)  # as pandas does; a record has all digits
    return values.short(value, options=options)


def text(view: TableView) -> str:
    """Write the view as lines of text, with as many columns as there is room for.

    Example:
        >>> print(text(TableView("User", 2, ("id", "handle"), ((Cell("a"), Cell("ann")),))))
        2 User · first 1 shown
          id  handle
          a   ann
    """
    lines = [texts.of_line(view.title)]
    fitting, left_out = _fitting(view)
    if fitting:
        align = ["right" if view.columns[at] in view.numbers else "left" for at in fitting]
        written = [view.columns, *([each.text for each in row] for row in view.rows)]
        cells = [[sanitize.plain(row[at]) for at in fitting] for row in written]
        header, *rows = tabulate(cells, tablefmt="plain", disable_numparse=True, colalign=align).split("\n")
        lines.append(f"  {header}".rstrip())
        for row, aligned in zip(view.rows, rows, strict=True):
            lines.append(f"  {aligned}".rstrip())
            lines += [f"    {row[at].below}" for at in fitting if row[at].below]
    for remark in (*view.remarks, *more_columns(left_out)):
        first, *others = texts.wrapped(texts.of_line(remark), texts.WIDTH - 2)
        lines += [first, *(f"  {each}" for each in others)]
    lines += [] if view.fix is None else texts.fix_lines(view.fix)
    return "\n".join(map(sanitize.plain, lines))


def markup(view: TableView) -> str:
    """Write the view as HTML that needs a frame, so that several share one."""
    sides = [_RIGHT if name in view.numbers else html.LEFT for name in view.columns]
    head = "".join(
        f'<th scope="col" {side}>{sanitize.escaped(each)}</th>' for each, side in zip(view.columns, sides, strict=True)
    )
    rows = (f"{_ROW}{''.join(map(_td, row, sides))}</tr>{_below(row)}" for row in view.rows)
    table = (
        f'<table class="ln-rows" cellpadding="3"><thead>{_ROW}{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )
    remarks = "".join(f"<p><small>{html.of_line(each)}</small></p>" for each in view.remarks)
    return f"<p>{html.of_line(view.title)}</p>{table if view.columns else ''}{remarks}{html.of_fix(view.fix)}"


def render(view: TableView) -> str:
    """Write the view as HTML that reads right with every style stripped.

    Example:
        >>> "&lt;script&gt;" in render(TableView("row", 1, ("a",), ((Cell("<script>"),),)))
        True
    """
    return framed(view)


def framed(*views: TableView) -> str:
    """Put tables into one frame."""
    return html.framed("".join(map(markup, views)))


def none_remark(rows: Sequence[Sequence[Cell]], empty: Sequence[str], count: int) -> list[Line]:
    """Name the columns that are None in all rows, and say what the mark of the others means."""
    explained = f"{NONE} is None" if any(each.text == NONE for row in rows for each in row) else ""
    if not empty:
        return [(Part(explained),)] if explained else []
    of = "" if count == 1 else f" in all {count:,}" if len(rows) == count else f" in the {len(rows):,} shown"
    return [(Part(" · ".join(filter(None, (f"None{of}: {listed(empty)}", explained)))),)]


def more_columns(columns: Sequence[str]) -> list[Line]:
    """Name the columns that are left out."""
    return [(Part(f"… {humanize.count(len(columns), 'more column')}: {listed(columns)}"),)] if columns else []


def are_numbers(column: Sequence[object]) -> bool:
    """Tell whether a column has numbers, beside None."""
    given = [each for each in column if each is not None]
    return bool(given) and all(issubclass(type(each), _NUMBERS) and type(each) is not bool for each in given)


def listed(names: Sequence[str]) -> str:
    """Write as many names as have room in a remark."""
    shown = ", ".join(sanitize.shortened(each, WIDTH) for each in names[:_MOST])
    return shown if len(names) <= _MOST else f"{shown} … {len(names) - _MOST} more"


def _td(cell: Cell, side: str) -> str:
    return f"<td {side}>{html.of_line((Part(cell.text, cell.tone, cell.title),))}</td>"


def _below(row: Sequence[Cell]) -> str:
    """Write what stands below a row, as wide as the columns that are left."""
    said = ((at, cell.below) for at, cell in enumerate(row) if cell.below)
    return "".join(
        f"{_ROW}{'<td></td>' * at}<td {html.LEFT} colspan={len(row) - at}><small>{sanitize.escaped(below)}</small></td></tr>"
        for at, below in said
    )


def _fitting(view: TableView) -> tuple[list[int], list[str]]:
    """Choose the columns that have room in a line of text, and name the others."""
    widths = {
        name: max(map(humanize.columns, (name, *(row[at].text for row in view.rows)))) + 2
        for at, name in enumerate(view.columns)
    }
    kept = list(view.columns)
    gives_way = [*(name for name in view.columns if name not in view.spare), *view.spare]
    while len(kept) > 1 and sum(widths[name] for name in kept) > texts.WIDTH:
        kept.remove(gives_way.pop())
    return [view.columns.index(name) for name in kept], [name for name in view.columns if name not in kept]
