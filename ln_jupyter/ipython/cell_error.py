"""The error that a cell ended with, as a few short facts."""

from __future__ import annotations

from typing import NamedTuple

from ln_jupyter import callsite

_LONGEST = 1_000  # characters of a message


class CellError(NamedTuple):
    """What is kept of an exception.

    Attributes:
        type: Its class.
        message: What it says, up to 1,000 characters.
        line: Of the cell, counted from 1; None where it did not go through the cell's own lines.
    """

    type: str
    message: str = ""
    line: int | None = None


def of_exception(error: BaseException) -> CellError:
    """Describe an exception.

    Example:
        >>> of_exception(KeyError("alpha"))
        CellError(type='KeyError', message="'alpha'", line=None)
    """
    return CellError(type(error).__name__, _message(error), _line(error))


def _message(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - a stranger's code
        return ""
    # SQLAlchemy shows the statement, and the values in it, which are somebody's data
    return said.partition("\n[SQL: ")[0][:_LONGEST]


def _line(error: BaseException) -> int | None:
    """Return the last line of the cell that the exception went through, whatever it went on into."""
    line = callsite.outermost(error.__traceback__)
    if line is not None:
        return line.number if callsite.is_cell(line.file) else None
    is_of_cell = isinstance(error, SyntaxError) and callsite.is_cell(error.filename or "")
    return error.lineno if is_of_cell and isinstance(error, SyntaxError) else None
