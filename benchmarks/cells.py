"""What a cell costs: in a session against `%%time`, and with the extension loaded against without.

Run it from the repository: ``.venv/bin/python benchmarks/cells.py``.
"""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import tempfile
import time
from functools import partial

from interleaved import Measured, measure, table
from IPython.core.interactiveshell import InteractiveShell

os.environ["LN_JUPYTER_URL"] = f"sqlite:///{tempfile.mkdtemp()}/registry.db"

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.ipython import extension


def sessions(shell: InteractiveShell) -> None:
    """Compare a session cell with the same cell under `%%time`, which every notebook affords."""
    extension.load(shell)
    cells = {"x = 1": "x = 1", "%%time": "%%time\nx = 1", "%%ln_session": "%%ln_session\nx = 1"}
    rivals = {name: partial(shell.run_cell, source, store_history=False) for name, source in cells.items()}
    with contextlib.redirect_stdout(io.StringIO()):
        measured = measure(rivals, calls=30)
    print(table("One cell, in-process", measured, against="%%time"))
    extension.unload(shell)


def plain(shell: InteractiveShell, *, rounds: int = 100, calls: int = 100) -> None:
    """Compare a plain cell with the extension loaded and without; loading itself is not counted."""

    def turn() -> float:
        begun = time.process_time_ns()
        for _ in range(calls):
            shell.run_cell("x = 1", store_history=False)
        return (time.process_time_ns() - begun) / calls / 1000

    turn()
    without, loaded = [], []
    for _ in range(rounds):
        without.append(turn())
        extension.load(shell)
        loaded.append(turn())
        extension.unload(shell)
    rows = {"without": without, "with": loaded}
    measured = {
        name: Measured(*(statistics.quantiles(times, n=4)[i] for i in (1, 0, 2))) for name, times in rows.items()
    }
    print(table("A plain cell, extension loaded", measured, against="without"))
    extra = statistics.median(after - before for before, after in zip(without, loaded, strict=True))
    print(f"extra: {extra:.1f} us\n")


def profiles() -> None:
    """Compare statements with a profile, without one, and without our session."""
    import sqlalchemy as sa
    from sqlalchemy import orm

    ln.add(lns.Pipeline, [{"name": str(number)} for number in range(100)])
    statement = sa.select(lns.Pipeline).limit(1)

    def scalars(session: orm.Session) -> None:
        session.scalars(statement).first()

    with (
        orm.Session(ln.connect(), expire_on_commit=False) as theirs,
        ln.Session() as off,
        ln.Session(profile=True) as on,
    ):
        rivals = {
            "sqlalchemy.orm.Session": partial(scalars, theirs),
            "ln.Session": partial(scalars, off.orm),
            "ln.Session(profile=True)": partial(scalars, on.orm),
        }
        measured = measure(rivals)
    print(table("One statement", measured, against="sqlalchemy.orm.Session"))


if __name__ == "__main__":
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    sessions(shell)
    plain(shell)
    profiles()
