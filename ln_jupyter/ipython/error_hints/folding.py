"""An error is shown with the user's own lines: what of a traceback is SQLAlchemy's and ours is folded."""

from __future__ import annotations

import functools
import logging
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ln_jupyter.ipython.error_hints import hints
from ln_jupyter.ipython.patching import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType, TracebackType

    from IPython.core.interactiveshell import InteractiveShell

    from ln_jupyter.ipython.patching import Earlier

_FOLDED = {"ln_jupyter", "sqlalchemy", "sqlmodel"}
_BETWEEN = {
    *("contextlib", "functools", "greenlet", "threading", "weakref"),
    *("aiosqlite", "asyncpg", "duckdb", "duckdb_engine", "psycopg", "psycopg2", "pymysql", "sqlite3"),
}
"""Modules whose frames are of no interest where those above have called them."""

_log = logging.getLogger(__name__)


class Folding:
    """Folds the tracebacks of one shell until it is ended.

    The error keeps its traceback: only the text that IPython makes of it is shorter, in its usual
    mode and while it skips hidden frames. An error of Python's own keeps its last frame. Shown again,
    as by ``%tb``, it is shown whole.

    Args:
        shell: The shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._tracebacks: Any = shell.InteractiveTB
        self._replacements = [
            replace(self._tracebacks, "get_records", self._get_records),
            replace(self._tracebacks, "format_record", self._format_record),
        ]

    def end(self) -> None:
        """Let IPython show tracebacks as it does."""
        while self._replacements:
            self._replacements.pop().give_back()

    @property
    def _is_on(self) -> bool:
        shows = self._tracebacks
        # an error that nobody handles any more is shown again
        return (
            bool(self._replacements) and shows.mode == "Context" and shows.skip_hidden and sys.exception() is not None
        )

    def _get_records(self, earlier: Earlier) -> Callable[..., Any]:
        @functools.wraps(earlier())
        def get_records(etb: Any, *args: Any, **options: Any) -> Any:
            records = earlier()(etb, *args, **options)
            try:
                if not self._is_on:
                    return records
                whole = 1 if _is_pythons_own(etb) else 0
                return [*_folded(records[: len(records) - whole]), *records[len(records) - whole :]]
            except Exception:  # noqa: BLE001 - IPython's records are not ours, and an error that is not shown hangs a client
                _log.debug("a traceback is not folded", exc_info=True)
                return records

        return get_records

    def _format_record(self, earlier: Earlier) -> Callable[..., Any]:
        @functools.wraps(earlier())
        def format_record(record: Any, *args: Any, **options: Any) -> Any:
            return str(record) if isinstance(record, _Fold) else earlier()(record, *args, **options)

        return format_record


@dataclass(eq=False)
class _Fold:
    """Neighbouring frames that are not shown, in the place of one of IPython's records.

    Attributes:
        filename: Of the last frame, as of any record.
        lineno: Its line.
        count: How many frames.
        frame: What IPython asks whether it is to be hidden.
    """

    filename: str
    lineno: int
    count: int = 0
    frame: Any = field(default_factory=lambda: SimpleNamespace(f_locals={}))
    _sd: None = None

    def __str__(self) -> str:
        frames = "1 hidden frame" if self.count == 1 else f"{self.count} hidden frames"
        return f"    [... skipping {frames} of SQLAlchemy and ln_jupyter; %tb shows all]\n"


def _folded(records: Sequence[Any]) -> Iterator[Any]:
    fold: _Fold | None = None
    for record in records:
        frame = record.frame  # None of frames that repeat
        if not (_is_between(frame) if fold is not None else frame is not None and _is_folded(frame)):
            if fold is not None:
                yield fold
            fold = None
            yield record
            continue
        fold = fold or _Fold("", 0)
        fold.count += 1
        if frame is not None:
            fold.filename, fold.lineno = frame.f_code.co_filename, frame.f_lineno
    if fold is not None:
        yield fold


def _is_pythons_own(etb: TracebackType) -> bool:
    """Return whether the error of a traceback is one of Python's, which does not say enough without its last line."""
    return any(
        type(each).__module__ == "builtins" for each in hints.all_of(sys.exception()) if each.__traceback__ is etb
    )


def _is_folded(frame: FrameType) -> bool:
    return _package(frame) in _FOLDED or frame.f_code.co_filename.startswith("<sqlalchemy")


def _is_between(frame: FrameType | None) -> bool:
    return frame is None or _is_folded(frame) or _package(frame) in _BETWEEN


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__") or "").partition(".")[0]
