"""Statements that have not run, and results that were not read, as cards; neither is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter.db import internals
from ln_jupyter.display import card
from ln_jupyter.display.options import DEFAULT

if TYPE_CHECKING:
    from ln_jupyter.display.card import Card
    from ln_jupyter.display.options import Options

_LINES = 60
_WIDTH = 74  # characters of a line
_CHARACTERS = 6000


def of_statement(statement: Any, *, title: str = "", hint: str = "") -> Card:
    r"""Show the SQL of a statement, with placeholders for its values, which may be secrets.

    Args:
        statement: Anything of SQLAlchemy's that compiles.
        title: What it is; its class if not given.
        hint: What to type to run it.

    Example:
        >>> of_statement(sa.select(sa.column("a")).where(sa.column("b") == "secret")).code
        'SELECT a\nWHERE b = :b_1'
    """
    hint = hint or ("session.execute(statement) runs it" if isinstance(statement, sa.Executable) else "")
    return card.of_facts(title or type(statement).__name__, "not executed", code=_bounded(str(statement)), hint=hint)


def of_query(query: Any) -> Card:
    """Show the SQL of a ``session.query(...)``, which runs when it is iterated."""
    return of_statement(query.statement, title=type(query).__name__, hint=".all() .first() .one() run it")


def of_result(result: Any, *, options: Options = DEFAULT) -> Card:
    """Say what a result holds, without reading it: its rows can be read once.

    Args:
        result: A `sqlalchemy.Result`, or what filters one.
        options: How much to show.
    """
    title = type(result).__name__
    source = internals.source_of_result(result)
    if not getattr(source, "returns_rows", True):
        return card.of_facts(title, "the statement gives no rows")
    keys = internals.keys_of_result(source)
    shown = ", ".join(keys[: options.columns])
    more = f" … {len(keys) - options.columns} more" if len(keys) > options.columns else ""
    facts = (("columns" if len(keys) != 1 else "column", f"{shown}{more}"),)
    if internals.is_read(source):
        return card.of_facts(
            title, "read to its end, or closed", facts, hint="run the statement again to read it again"
        )
    return card.of_facts(title, "not read by this display", facts, hint=".all() reads its rows, once")


def _bounded(sql: str) -> str:
    lines = [each for line in sql[:_CHARACTERS].strip().splitlines() for each in _broken(line.rstrip())]
    shown = "\n".join(lines[:_LINES])
    return shown if len(lines) <= _LINES and len(sql) <= _CHARACTERS else f"{shown}\n… {len(sql):,} characters in all"


def _broken(line: str) -> list[str]:
    """Break a long line where one column ends and the next begins."""
    lines: list[str] = []
    indent = ""
    while len(line) > _WIDTH and (at := line.rfind(", ", 1, _WIDTH)) > 0:
        lines.append(f"{indent}{line[: at + 1]}")
        line, indent = line[at + 2 :], "    "
    return [*lines, f"{indent}{line}"]
