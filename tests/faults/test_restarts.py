"""A server that restarts over and over: kernels go on, what was acknowledged is there, and each error says the truth."""

from __future__ import annotations

import itertools
import logging
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines
from tests.faults import postgres_server, stubborn
from tests.faults.processes import Crowd, gather

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.postgres_server import Gate

pytestmark = pytest.mark.postgres

_log = logging.getLogger(__name__)


def test_a_server_that_crashes_over_and_over(times: int, tmp_path: Path) -> None:
    """Kernels with a held session and with session cells, and a writer, go on through ten crashes in a row."""
    end = tmp_path / "end"
    with postgres_server.running() as server, postgres_server.Gate(server.socket) as gate:
        server.execute("ALTER SYSTEM SET synchronous_commit = on", "SELECT pg_reload_conf()")  # else less is kept
        url = server.url.set(host="127.0.0.1", port=gate.port, query={}).render_as_string(hide_password=False)
        engine = engines.connect(server.url)
        magics = enumerate(["%%ln_session", "%ln_session open"])
        with (
            Crowd(stubborn.work, [(url, f"Kernel00000{n}", end, magic) for n, magic in magics]) as kernels,
            Crowd(stubborn.write, [(url, "writer", end)]) as writers,
            ThreadPoolExecutor(1) as reader,
        ):
            kernels.go()
            first = [kernel.next() for kernel in kernels]
            writers.go()
            reading = reader.submit(gather, [*kernels, *writers])
            for _ in range(10 * times):
                server.crash()
                server.start()
            end.touch()
            told = reading.result()

        tries = [*first, *itertools.chain(*told)]
        _log.info("%d crashes: %s", 10 * times, stubborn.summary(tries))
        failed = [each for each in tries if each.error is not None]
        assert failed
        assert Counter(each.name for each in tries if each.is_saved) == Counter(
            run.name for run in ln.select(lns.Run).all() if run.name
        )
        assert [] == [each for each in failed if was_committing(gate, each.name) and not each.may_be_saved]
        assert [] == [each for each in failed if "fix: " not in str(each.error)]
        by_notebook = ln.select(lns.Run).where(lns.Run.notebook_id.is_not(None)).order_by(lns.Run.notebook_id)
        runs = by_notebook.load("cells").all()
        cells = [[each.error is None for each in one] for one in told[: len(kernels)]]
        assert ["finished" if all(one) else "failed" for one in cells] == [run.state for run in runs]
        assert cells == [[cell.ok for cell in run.cells[3:]] for run in runs]  # after two, and the first that saved
        ln.connect("sqlite://")
        engines.dispose(engine.url)


def was_committing(gate: Gate, name: str) -> bool:
    """Say whether a COMMIT was sent after a run of this name, on its connection."""
    for conversation in gate.conversations:
        _, *after = re.split(rb"%b(?!\d)" % re.escape(name.encode()), b"".join(conversation), maxsplit=1)
        if after:
            return b"COMMIT" in after[0].partition(b"BEGIN")[0]
    return False
