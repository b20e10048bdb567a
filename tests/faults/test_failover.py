"""Two servers, of which one dies: what was acknowledged stays, nothing is there twice, and nobody has to restart."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engine as engines
from ln_jupyter.tracking import registration
from tests import waits
from tests.faults import cluster
from tests.faults.processes import Crowd, gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.cluster import Cluster

pytestmark = pytest.mark.postgres

_LONGEST = 6.0
"""Seconds in which an error is told."""


@pytest.fixture
def pair() -> Iterator[Cluster]:
    """Run a primary and its standby."""
    with cluster.running() as pair:
        yield pair
        registration.forget()
        ln.connect("sqlite://")
        for url in (pair.url, pair.standby):
            engines.dispose(url)


def write(tell: Callable[[object], None], url: str, number: int) -> None:
    """Add runs until twenty are saved after the first error, and tell of each what became of it."""
    ln.connect(url)
    left, turn = 20, 0
    has_failed = False
    while left:
        name, began = f"{number} {turn}", time.monotonic()
        turn += 1
        try:
            ln.add(lns.Run(name=name))
        except errors.DatabaseError:
            has_failed = True
            tell(("failed", time.monotonic() - began))
        else:
            left -= has_failed
            tell(("saved", name))


def test_a_primary_that_is_killed(pair: Cluster, many: int) -> None:
    """Writers go on with the server that takes over: no acknowledged row is lost, and none is there twice."""
    url = pair.url.render_as_string(hide_password=False)
    ln.connect(url)
    ln.header(id="Failed000000", name="Failover")
    recording = registration.recording()
    assert recording is not None
    with Crowd(write, [(url, number) for number in range(many // 2)]) as writers:
        writers.go()
        waits.until(lambda: ln.select(lns.Run).count() > 10 * len(writers))
        pair.kill_primary()
        pair.promote()
        told = [each for one in gather(writers) for each in one]

    saved = [what for how, what in told if how == "saved"]
    names = Counter(run.name for run in ln.select(lns.Run).all())
    assert (set(), []) == (set(saved) - set(names), [name for name in names if name and names[name] > 1])
    assert [] == [seconds for how, seconds in told if how == "failed" and seconds > _LONGEST]
    recording.finish()
    assert "finished" == ln.select(lns.Run, id=recording.run_id).one().state


def test_a_standby_to_look_at(pair: Cluster) -> None:
    """A standby is a registry that can be read, and says so where it is written to."""
    ln.connect(pair.url)
    ln.add(lns.Run(name="seen"))
    standby = engines.connect(pair.standby)
    waits.until(lambda: sa.inspect(standby).has_table("ln_schema"))

    waits.until(lambda: ln.select(lns.Run, name="seen").exists())
    refused: list[Any] = []
    for act in (lambda: ln.add(lns.Run(name="no")), lambda: ln.header(id="Standby00000", name="Standby")):
        with pytest.raises(errors.DatabaseUnavailableError, match="may only be read: it is a standby") as error:
            act()
        refused.append(error.value.fix)

    assert ["name the server that is written to, or use another registry: LN_JUPYTER_URL"] * 2 == refused


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
