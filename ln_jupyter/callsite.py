"""Which line of the user's own code led here."""

from __future__ import annotations

import linecache
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ln_jupyter import redaction

if TYPE_CHECKING:
    from types import FrameType, TracebackType

# Frames of these packages, and of whatever is installed, are machinery, never the line a user wants to read.
_MACHINERY = {"ln_jupyter", "asyncio", "concurrent", "contextlib", "functools", "multiprocessing", "runpy", "threading"}
_INSTALLED = ("site-packages", "dist-packages")

# What IPython makes of `%name argument`.
_LINE_MAGIC = re.compile(r"get_ipython\(\)\.run_line_magic\('(\w+)', (['\"])(.*)\2\)")


class Line(NamedTuple):
    """One line of somebody's code.

    Attributes:
        file: The file, or IPython's name of the cell.
        number: Counted from 1.
    """

    file: str
    number: int

    @property
    def text(self) -> str:
        """The source, stripped, a magic as it was written, no password in it; empty where it cannot be had."""
        source = linecache.getline(self.file, self.number).strip()
        source = _LINE_MAGIC.sub(lambda match: f"%{match[1]} {match[3]}".rstrip(), source)
        return redaction.without_passwords(source)

    def __str__(self) -> str:
        where = f"line {self.number}" if is_cell(self.file) else f"{Path(self.file).name}, line {self.number}"
        return f"{where}: {self.text}" if self.text else where


def current() -> Line | None:
    """Find the line of the user's code that is calling us now."""
    frame: FrameType | None = sys._getframe(1)  # inspect.stack() reads every source file
    while frame is not None:
        if not is_machinery(frame):
            return Line(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def innermost(traceback: TracebackType | None) -> Line | None:
    """Find the last line of the user's code that an exception passed through."""
    line = None
    while traceback is not None:
        if not is_machinery(traceback.tb_frame):
            line = Line(traceback.tb_frame.f_code.co_filename, traceback.tb_lineno)
        traceback = traceback.tb_next
    return line


def outermost(traceback: TracebackType | None) -> Line | None:
    """Find the line of the user's first file, or cell, that an exception passed through: the last one there."""
    line = None
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file == line.file if line is not None else not is_machinery(traceback.tb_frame):
            line = Line(file, traceback.tb_lineno)
        traceback = traceback.tb_next
    return line


def cut_below(traceback: TracebackType | None) -> None:
    """Let a traceback that goes on into this package end at the user's innermost line."""
    last, is_ours = None, False
    while traceback is not None:
        if not is_machinery(traceback.tb_frame):
            last, is_ours = traceback, False
        elif (traceback.tb_frame.f_globals.get("__name__") or "").startswith("ln_jupyter."):
            is_ours = True
        traceback = traceback.tb_next
    if last is not None and is_ours:
        last.tb_next = None


def is_machinery(frame: FrameType) -> bool:
    """Return whether a frame is of a library, of IPython or of this package, and none of the user's."""
    name = frame.f_globals.get("__name__") or ""
    file = frame.f_code.co_filename
    return (
        name.partition(".")[0] in _MACHINERY
        or file.startswith(("<frozen", "<sqlalchemy"))
        or any(i in file for i in _INSTALLED)
    )


def is_cell_itself(frame: FrameType) -> bool:
    """Return whether a frame is of a cell's own lines, and not of a function or a file that it calls."""
    code = frame.f_code
    return code.co_name.startswith(("<module>", "<cell line")) and (
        is_cell(code.co_filename) or code.co_filename.startswith("<timed ")  # of %%time and %%timeit
    )


def is_cell(file: str) -> bool:
    """Return whether a file is IPython's name of a cell."""
    return "ipykernel_" in file or file.startswith("<ipython-input")
