"""Records of one class, or rows of one statement, as one table; without SQL."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from ln_jupyter import redaction, sanitize
from ln_jupyter.display import html, line, values
from ln_jupyter.display import states as attribute_states
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.orm.inspect.record import Kind, Status, describe, state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ln_jupyter.display.options import Options
    from ln_jupyter.orm.inspect.record import Attribute, Record

_WIDTH = 40  # characters of a cell, however long a value of a single record may be
_COLUMNS = 12
_COLUMN_KINDS = {Kind.COLUMN, Kind.EXPRESSION, Kind.COMPOSITE}
# Front ends would break the keys of many columns into pieces; the table scrolls instead.
_STYLE = "<style>.ln-record .ln-rows td{white-space:nowrap}</style>"
_ROW = '<tr align="left">'  # where every style is stripped, `align` speaks


@dataclass(frozen=True, slots=True)
class TableView:
    """Some rows of many, ready to be shown.

    Attributes:
        name: What they are: a class, or ``Row``.
        count: How many there are; `rows` are the first of them.
        columns: The header of each column.
        rows: The cells, as text.
        order: What the shown rows are of all: ``first`` or ``newest``.
        remarks: What the columns do not show, a line each.
        has_more: Whether there are more than `count`, which nobody counted.
    """

    name: str
    count: int
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    order: str = "first"
    remarks: tuple[str, ...] = ()
    has_more: bool = False

    @property
    def title(self) -> str:
        """Name and count."""
        if self.has_more:
            return f"{self.name} · more than {self.count:,} rows, {self.order} {len(self.rows)} shown"
        shown = f", {self.order} {len(self.rows)} shown" if len(self.rows) < self.count else ""
        return f"{self.name} · {self.count:,} row{'s' if self.count != 1 else ''}{shown}"


def of_records(records: Sequence[object], *, count: int, options: Options = DEFAULT) -> TableView | None:
    """Make a table of records whose mapped classes have a base in common.

    Columns that no shown record fills are left out, and so are relationships that none has loaded;
    a remark names them.

    Args:
        records: The first of them, all of which are shown.
        count: How many there are.
        options: How much to show, and what not.

    Returns:
        None if there are none, or if they are no records, or of classes that have nothing in common.

    Example:
        >>> import ln_jupyter.schema as lns
        >>> view = of_records([lns.User(id="aB3", handle="ann"), lns.User(id="cD4", handle="bob")], count=9)
        >>> view.title, view.columns, view.rows
        ('User · 9 rows, first 2 shown', ('id', 'handle'), (('aB3', 'ann'), ('cD4', 'bob')))
    """
    name = _common_name(records)
    if name is None:
        return None
    options = replace(options, length=min(options.length, _WIDTH))
    described = [describe(each) for each in records]
    seen = [each.attributes for each in described]
    keys = list(dict.fromkeys(key for attributes in seen for key in attributes))
    filled = [key for key in keys if any(_fills(attributes.get(key)) for attributes in seen)]
    unloaded = [key for key in keys if key not in filled and _is_unloaded(seen, key)]
    covered = {key for name in filled for key in _foreign_keys(seen, name)}
    filled = [key for key in filled if key not in covered]
    shown = filled[: min(options.columns, _COLUMNS)]
    rows = tuple(tuple(_attribute(each, key, options) for key in shown) for each in described)
    remarks = _remarks(described, unloaded)
    if len(shown) < len(filled):
        remarks.append(f"… {len(filled) - len(shown)} more columns: {_listed(filled[len(shown) :])}")
    return TableView(name, count, tuple(shown), rows, remarks=tuple(remarks))


def of_rows(
    name: str, columns: Iterable[str], rows: Iterable[Sequence[Any]], *, count: int, options: Options = DEFAULT
) -> TableView:
    """Make a table of the rows of a statement.

    Args:
        name: What they are.
        columns: Their keys; values under the name of a secret are not shown.
        rows: The first of them, all of which are shown.
        count: How many there are.
        options: How much to show, and what not.

    Example:
        >>> of_rows("Row", ["id", "password"], [(1, "hunter2"), (2, None)], count=2).rows
        (('1', '••• redacted'), ('2', ''))
    """
    options = replace(options, length=min(options.length, _WIDTH))
    names = tuple(sanitize.plain(str(each)) for each in columns)
    shown = names[: options.columns]
    secret = [redaction.is_secret(each, names=options.secret_names) for each in shown]
    cells = tuple(
        tuple(cell(value, hidden=hidden, options=options) for value, hidden in zip(row, secret, strict=False))
        for row in rows
    )
    remarks = (f"… {len(names) - len(shown)} more columns",) if len(shown) < len(names) else ()
    return TableView(name, count, shown, cells, remarks=remarks)


def cell(value: object, *, hidden: bool = False, options: Options = DEFAULT) -> str:
    """Write a value as it stands in a column: text without quotes, and None as nothing.

    Example:
        >>> cell("Solve X"), cell(None), cell("hunter2", hidden=True)
        ('Solve X', '', '••• redacted')
    """
    if value is None:
        return ""
    if hidden:
        return redaction.HIDDEN
    if state_of(value) is not None:
        return line.to_text(value, options=options)
    if type(value) is str:
        text = " ".join(value[: options.length + 1].split())
        return sanitize.plain(text if len(value) <= options.length else f"{text[: options.length - 1]}…")
    return values.short(value, options=options)


def text(view: TableView) -> str:
    """Write the view as lines of text.

    Example:
        >>> print(text(TableView("User", 2, ("id", "handle"), (("a", "ann"),))))
        User · 2 rows, first 1 shown
        id    handle
        ----  --------
        a     ann
    """
    body = tabulate(view.rows, view.columns, disable_numparse=True)
    return "\n".join([view.title, body, *view.remarks])


def markup(view: TableView) -> str:
    """Write the view as HTML that needs a frame, so that several share one."""
    head = "".join(f'<th scope="col" {html.LEFT}>{sanitize.escaped(each)}</th>' for each in view.columns)
    rows = (f"{_ROW}{''.join(map(_td, row))}</tr>" for row in view.rows)
    remarks = "".join(f"<div><small>{sanitize.escaped(each)}</small></div>" for each in view.remarks)
    name, rest = view.title[: len(view.name)], view.title[len(view.name) :]
    return (
        f"<div><b>{sanitize.escaped(name)}</b>{sanitize.escaped(rest)}</div>"
        f'<table class="ln-rows"><thead>{_ROW}{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>{remarks}'
    )


def render(view: TableView) -> str:
    """Write the view as HTML that reads right with every style stripped.

    Example:
        >>> "&lt;script&gt;" in render(TableView("Row", 1, ("a",), (("<script>",),)))
        True
    """
    return framed(view)


def framed(*views: TableView) -> str:
    """Put tables into one frame."""
    return html.framed(_STYLE + "".join(map(markup, views)))


def _td(text: str) -> str:
    return f"<td {html.LEFT}>{sanitize.escaped(text)}</td>"


def _common_name(records: Sequence[object]) -> str | None:
    """Name the class they are all of; of several, the nearest mapped base that they share."""
    states = [state_of(each) for each in records]
    mappers = [None if state is None else state.manager.mapper for state in states]
    first = mappers[0] if mappers else None
    while first is not None and any(each is None or not each.isa(first) for each in mappers):
        first = first.inherits
    return None if first is None else first.class_.__name__


def _fills(attribute: Attribute | None) -> bool:
    if attribute is None or attribute.status is not Status.LOADED:
        return False
    return attribute.kind is Kind.RELATIONSHIP or (attribute.kind in _COLUMN_KINDS and attribute.value is not None)


def _foreign_keys(seen: Sequence[Mapping[str, Attribute]], name: str) -> set[str]:
    """Name the columns of which a relationship, loaded in every row, says the same and more."""
    found = [attributes[name] for attributes in seen if name in attributes]
    if any(each.status not in {Status.LOADED, Status.NULL} for each in found):
        return set()
    return {key for each in found for key in each.foreign_key or () if not seen[0].get(key, each).primary_key}


def _is_unloaded(seen: Sequence[Mapping[str, Attribute]], key: str) -> bool:
    """Tell whether a column or relationship would have something to show if it were loaded."""
    found = [attributes[key] for attributes in seen if key in attributes]
    silent = {Status.LOADED, Status.UNSET, Status.NULL, Status.NOLOAD, Status.COMPUTED}
    return any(each.kind in {*_COLUMN_KINDS, Kind.RELATIONSHIP} and each.status not in silent for each in found)


def _attribute(seen: Record, key: str, options: Options) -> str:
    attribute = seen.attributes.get(key)
    if attribute is None or attribute.status in {Status.UNSET, Status.NULL}:  # None: of another subclass
        return ""
    if attribute.status is not Status.LOADED:
        return _state(seen, attribute).partition(" · ")[0]
    if attribute.kind is Kind.RELATIONSHIP:
        if attribute.many:
            return "?" if attribute.count is None else f"{attribute.count:,} {attribute.target}"
        return cell(attribute.value, options=options)
    hidden = redaction.is_secret(attribute.key, info=attribute.info, names=options.secret_names)
    return cell(attribute.value, hidden=hidden, options=options)


def _remarks(records: Sequence[Record], unloaded: Sequence[str]) -> list[str]:
    """Say what no record has loaded, together what is in the same state."""
    states: dict[str, list[str]] = {}
    for key in unloaded:
        seen = next(each for each in records if key in each.attributes)
        states.setdefault(_state(seen, seen.attributes[key]), []).append(key)
    return [f"{state}: {_listed(keys)}" for state, keys in states.items()]


def _state(seen: Record, attribute: Attribute) -> str:
    mark, words = attribute_states.of_attribute(seen, attribute)
    return f"{mark} {words}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_COLUMNS])
    return shown if len(names) <= _COLUMNS else f"{shown} … {len(names) - _COLUMNS} more"
