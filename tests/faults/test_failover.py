"""Two servers, of which one dies: what was acknowledged stays, nothing is there twice, and nobody has to restart."""

from __future__ import annotations

import itertools
import logging
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engine as engines
from ln_jupyter.tracking import registration
from tests import waits
from tests.faults import cluster
from tests.faults.processes import Crowd, gather
from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.faults.cluster import Cluster

pytestmark = pytest.mark.postgres

_LONGEST = 6.0
"""Seconds in which an error is told."""

_SETUP = """\
import ln_jupyter as ln, ln_jupyter.schema as lns
%load_ext ln_jupyter
ln.connect({0!r})
ln.header(id='{1}', name='Failover')
"""


@pytest.fixture
def pair() -> Iterator[Cluster]:
    """Run a primary and its standby."""
    with cluster.running() as pair:
        yield pair
        registration.forget()
        ln.connect("sqlite://")
        for url in (pair.url, pair.standby):
            engines.dispose(url)


class Try(NamedTuple):
    """What became of one try to save something.

    Attributes:
        name: Of what was to be saved.
        seconds: How long it took.
        error: What was said with the fix; None where it was saved.
    """

    name: str
    seconds: float
    error: str | None = None

    @property
    def may_be_saved(self) -> bool:
        """Whether the error says that the answer was lost."""
        return self.error is not None and "look whether it was saved before you run this again" in self.error


def save_all(names: Iterable[str], save: Callable[[str, bool], str | None]) -> Iterator[Try]:
    """Save under each name, and do what each error advises until it is saved.

    Args:
        names: What to save.
        save: Gives what was said with the fix, if it failed; is told whether to look first.
    """
    for name in names:
        may_be_saved, is_saved = False, False
        while not is_saved:
            began = time.monotonic()
            tried = Try(name, 0.0, save(name, may_be_saved))
            may_be_saved |= tried.may_be_saved
            is_saved = tried.error is None
            yield tried._replace(seconds=time.monotonic() - began)


def numbered(who: str, end: Path) -> Iterator[str]:
    """Give one name after the other, until there is a file *end*."""
    for number in itertools.count():
        if end.exists():
            return
        yield f"{who} {number}"


def write(tell: Callable[[object], None], url: str, who: str, end: Path) -> None:
    """Add one run after the other."""

    def add(name: str, look: bool) -> str | None:  # noqa: FBT001 - as `save_all` calls it
        try:
            if not (look and ln.select(lns.Run, name=name).exists()):
                ln.add(lns.Run(name=name))
        except errors.DatabaseError as error:
            return f"{error}; {error.fix}"
        return None

    ln.connect(url)
    for tried in save_all(numbered(who, end), add):
        tell(tried)


def work(tell: Callable[[object], None], url: str, who: str, end: Path) -> None:
    """Be the front end of a kernel, that executes one cell after the other that adds a run in a session."""

    def execute(name: str, look: bool) -> str | None:  # noqa: FBT001 - as `save_all` calls it
        unless = f"if not ln.select(lns.Run, name={name!r}).exists(): " if look else ""
        done = kernel.run(f"%%ln_session\n{unless}ln.add(lns.Run(name={name!r}))")
        return None if done.status == "ok" else done.traceback

    with kernel_driver.start(end.parent, _SETUP.format(url, who)) as kernel:
        for tried in save_all(numbered(who, end), execute):
            tell(tried)
        kernel.manager.shutdown_kernel()


def test_a_primary_that_is_killed(pair: Cluster, many: int, times: int, tmp_path: Path) -> None:
    """Writers and kernels go on with the server that takes over: no acknowledged row is lost, none is there twice."""
    url, end = pair.url.render_as_string(hide_password=False), tmp_path / "end"
    engine = engines.connect(url)
    with (
        Crowd(work, [(url, f"Kernel00000{n}", end) for n in range(2)]) as kernels,
        Crowd(write, [(url, f"writer {n}", end) for n in range(many)]) as writers,
        ThreadPoolExecutor(1) as reader,
    ):
        kernels.go()
        first = [kernel.next() for kernel in kernels]
        writers.go()
        reading = reader.submit(gather, [*kernels, *writers])
        for _ in range(times):
            wait_for_more(5 * many)
            pair.kill_primary()
            pair.promote()
            wait_for_more(5 * many)
            if times > 1:
                pair.rejoin()
        end.touch()
        told = reading.result()

    tries = [*first, *(each for one in told for each in one)]
    saved = Counter(each.name for each in tries if each.error is None)
    failed = [each for each in tries if each.error is not None]
    logging.getLogger(__name__).info(  # what docs/scale.md tells
        "%d failovers, %d rows saved, %d tries failed, %d of them may have saved, the slowest in %.1f s",
        *(times, len(saved), len(failed), sum(each.may_be_saved for each in failed)),
        max((each.seconds for each in failed), default=0.0),
    )
    assert saved == Counter(run.name for run in ln.select(lns.Run).all() if run.name)
    assert [] == [each for each in failed if each.seconds > _LONGEST]
    runs = ln.select(lns.Run).where(lns.Run.notebook_id.is_not(None)).order_by(lns.Run.notebook_id).load("cells").all()
    assert ["finished", "finished"] == [run.state for run in runs]
    cells = [[each.error is None for each in one] for one in told[: len(kernels)]]
    assert cells == [[cell.ok for cell in run.cells[2:]] for run in runs]  # after the header's and the first that saved
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
