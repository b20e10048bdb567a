"""What a cell costs: in a session against `%%time`, and with the extension loaded against without."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import registries
from interleaved import Contestant, Effort, call, measure
from IPython.core.interactiveshell import InteractiveShell
from report import Budget, Row, Section

import ln_jupyter as ln
from ln_jupyter.ipython import extension

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def run(folder: Path, effort: Effort) -> list[Section]:
    """Measure cells in a shell of this process."""
    ln.connect(registries.url(folder / "cells.db"))
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    rows = [session(shell, effort), plain(shell, effort)]
    ln.connect()
    return [Section("Cells", rows)]


def session(shell: InteractiveShell, effort: Effort) -> Row:
    """Compare a session cell with the same cell under `%%time`, which every notebook affords."""
    extension.load(shell)
    cells = {"%%time": "%%time\nx = 1", "%%ln_session": "%%ln_session\nx = 1", "floor": "x = 1"}
    contestants = {name: call(lambda source=source: _run(shell, source)) for name, source in cells.items()}
    with contextlib.redirect_stdout(io.StringIO()):
        costs = measure(contestants, rounds=effort.rounds(100), calls=30)
    extension.unload(shell)
    budget = Budget("ratio", 0.95)
    return Row("%%ln_session", costs["%%ln_session"], costs["%%time"], "%%time", costs["floor"], "plain cell", budget)


def plain(shell: InteractiveShell, effort: Effort) -> Row:
    """Compare a plain cell with the extension loaded and without; loading, and the next cell, are not counted."""

    def run() -> None:
        _run(shell, "x = 1")

    def after(change: Callable[[InteractiveShell], None]) -> Contestant:
        return Contestant(lambda _: run(), lambda: (change(shell), run()))

    contestants = {"without": after(extension.unload), "with": after(extension.load)}
    costs = measure(contestants, rounds=effort.rounds(200), calls=100)
    extension.unload(shell)
    return Row("a plain cell, extension on", costs["with"], costs["without"], "off", budget=Budget("extra", 5e-6))


def _run(shell: InteractiveShell, source: str) -> None:
    shell.run_cell(source, store_history=False)
