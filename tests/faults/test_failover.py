"""Two servers, of which one dies: what was acknowledged stays, nothing is there twice, and nobody has to restart."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines
from ln_jupyter.tracking import running
from tests import waits
from tests.faults import cluster, stubborn
from tests.faults.processes import Crowd, gather

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.cluster import Cluster

pytestmark = pytest.mark.postgres

_LONGEST = 6.0
"""Seconds in which an error is told."""

_log = logging.getLogger(__name__)


@pytest.fixture
def pair() -> Iterator[Cluster]:
    """Run a primary and its standby."""
    with cluster.running() as pair:
        yield pair
        running.forget()
        ln.connect("sqlite://")
        for url in (pair.url, pair.standby):
            engines.dispose(url)


def test_a_primary_that_is_killed(pair: Cluster, many: int, times: int, tmp_path: Path) -> None:
    """Writers and kernels go on with the server that takes over: no acknowledged row is lost, none is there twice."""
    url, end = pair.url.render_as_string(hide_password=False), tmp_path / "end"
    engine = engines.connect(url)
    with (
        Crowd(stubborn.work, [(url, f"Kernel00000{n}", end, "%%ln_session") for n in range(2)]) as kernels,
        Crowd(stubborn.write, [(url, f"writer {n}", end) for n in range(many)]) as writers,
        ThreadPoolExecutor(1) as reader,
    ):
        kernels.go()
        first = [kernel.next() for kernel in kernels]
        writers.go()
        reading = reader.submit(gather, [*kernels, *writers])
        try:
            for _ in range(times):
                wait_for_more(5 * many)
                pair.kill_primary()
                pair.promote()
                wait_for_more(5 * many)
                if times > 1:
                    pair.rejoin()
        finally:  # or nobody would ever end
            end.touch()
        told = reading.result()

    tries = [*first, *itertools.chain(*told)]
    _log.info("%d failovers: %s", times, stubborn.summary(tries))
    assert Counter(each.name for each in tries if each.is_saved) == Counter(
        run.name for run in ln.select(lns.Run).all() if run.name
    )
    assert [] == [each for each in tries if each.error is not None and each.seconds > _LONGEST]
    runs = ln.select(lns.Run).where(lns.Run.notebook_id.is_not(None)).order_by(lns.Run.notebook_id).load("cells").all()
    cells = [[each.error is None for each in one] for one in told[: len(kernels)]]
    assert ["finished" if all(one) else "failed" for one in cells] == [run.state for run in runs]
    assert cells == [[cell.ok for cell in run.cells[3:]] for run in runs]  # after two, and the first that saved
    engines.dispose(engine.url)


def wait_for_more(rows: int) -> None:
    """Wait until so many runs were added."""
    before = ln.select(lns.Run).count()
    waits.until(lambda: ln.select(lns.Run).count() > before + rows)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann@one:5433,two/lab?sslmode=require",
        "postgresql://ann@/lab?host=one:5433&host=two:5432&sslmode=require",
    ],
)
def test_a_url_of_both(url: str) -> None:
    """A URL names several servers as libpq does, or as SQLAlchemy does; of them, the one that is written to is used."""
    engine = engines.resolve(url)

    asked = engine.pool._creator._arguments  # type: ignore[attr-defined]

    expected = {"host": "one,two", "port": "5433,5432", "target_session_attrs": "read-write", "sslmode": "require"}
    assert expected == {name: asked[name] for name in expected}
    engines.dispose(url)
