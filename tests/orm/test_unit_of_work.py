"""A short transaction of our own: tried again where the database asks, and kept where it fails."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines, limits, transactions
from ln_jupyter.orm import state_backup, unit_of_work
from tests.orm import conflicting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ln_jupyter.orm.session import OrmSession


@pytest.fixture
def serializable(postgres_url: sa.URL) -> Iterator[sa.Engine]:
    """Connect to a PostgreSQL whose transactions are serializable, as distributed engines' are."""
    url = postgres_url.update_query_dict({"options": "-c default_transaction_isolation=serializable"})
    yield engines.connect(url)
    engines.connect()
    engines.dispose(url)


@pytest.mark.postgres
def test_conflicting_units_are_tried_again(serializable: sa.Engine) -> None:
    """Units that collide at SERIALIZABLE all succeed, and none is lost."""
    ln.add(lns.Pipeline(id="p", name="0"))
    turns = threading.Barrier(4)

    def count_up(session: OrmSession) -> None:
        pipeline = session.get_one(lns.Pipeline, ("p", "1"), with_for_update=True)
        pipeline.name = str(int(pipeline.name or 0) + 1)

    def work() -> None:
        turns.wait()
        for _ in range(5):
            unit_of_work.run(count_up)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work) for _ in range(4)]:
            done.result()

    assert ln.select(lns.Pipeline, id="p").one().name == "20"


class Clock:
    """Stands for the module `time`: sleeping takes no time, and a second passes."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Read it."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let a second pass, whatever was asked for."""
        self.now += 1


@pytest.mark.postgres
def test_a_unit_is_given_up_in_the_end(serializable: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conflict that does not go away for as long as a lock is waited for is the database's own error."""
    clock = Clock()
    monkeypatch.setattr(transactions, "time", clock)

    def conflict(session: OrmSession) -> None:
        session.execute(sa.text("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$"))

    with pytest.raises(sa.exc.OperationalError):
        unit_of_work.run(conflict)

    assert limits.LOCK_SECONDS + 1 == clock.now


# -- what is done again is all of it -------------------------------------------------------------------------------


@pytest.fixture
def conflicts(postgres_url: sa.URL) -> Iterator[Callable[[], int]]:
    """Connect to a PostgreSQL that refuses the first COMMIT of runs as a conflict, and count what it was asked for."""
    engine = engines.connect(postgres_url)
    ln.add([lns.File(name="old"), lns.Pipeline(name="p1"), lns.Pipeline(name="p2")])
    yield conflicting.refuse_every_other_commit(engine)
    engines.connect()


def _stored() -> tuple[str, list[str]]:
    """Read the pipeline and the inputs of the only run."""
    run = ln.select(lns.Run).load("pipeline", "inputs").one()
    return "" if run.pipeline is None else run.pipeline.name, sorted(file.name for file in run.inputs)


@pytest.mark.postgres
def test_a_new_record_is_added_again_with_all_it_refers_to(conflicts: Callable[[], int]) -> None:
    """Rows that join it to records, new ones and old ones, are written by the attempt that counts."""
    run = ln.add(
        lns.Run(pipeline=lns.Pipeline(name="p"), inputs=[lns.File(name="new"), ln.select(lns.File, name="old").one()])
    )

    assert (2, ("p", ["new", "old"])) == (conflicts(), _stored())
    assert ["new", "old"] == [file.name for file in run.inputs]


@pytest.mark.postgres
def test_an_edit_is_made_again(conflicts: Callable[[], int]) -> None:
    """What was set without being read before, and what was added to a collection, is there in the end."""
    ln.add(lns.Run(pipeline=ln.select(lns.Pipeline, name="p1").one()))
    run = ln.select(lns.Run).load("inputs").one()
    run.pipeline = ln.select(lns.Pipeline, name="p2").one()
    run.inputs.append(lns.File(name="new"))

    ln.add(run)

    assert (4, ("p2", ["new"])) == (conflicts(), _stored())
    assert ("p2", [run]) == (run.pipeline.name, run.inputs[0].targets)


@pytest.mark.postgres
def test_a_record_is_deleted_again(conflicts: Callable[[], int]) -> None:
    """Its rows that join it to others go with it."""
    run = ln.add(lns.Run(inputs=[lns.File(name="new")]))

    ln.delete(run)

    assert (4, False) == (conflicts(), ln.select(lns.Run).exists())


@pytest.mark.usefixtures("engine")
def test_an_undone_record_is_added_with_all_it_refers_to() -> None:
    """A record that was sent in a block, and undone with it, is saved later as if it had never been tried."""
    run = lns.Run(inputs=[lns.File(name="f")], pipeline=lns.Pipeline(name="p"))
    with pytest.raises(ZeroDivisionError), ln.Session() as ss:
        ss.add(run)
        ss.orm.flush()
        _ = 1 / 0

    ln.add(run)

    assert ("p", ["f"]) == _stored()


@pytest.mark.usefixtures("engine")
def test_an_error_of_the_action_undoes_it() -> None:
    """Whatever the action raises goes on as itself, after a rollback."""

    def fail(session: OrmSession) -> None:
        session.add(lns.Run())
        session.flush()
        _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        unit_of_work.run(fail)

    assert not ln.select(lns.Run).exists()


@pytest.mark.usefixtures("engine")
def test_what_was_kept_is_given_back() -> None:
    """Values, unsaved changes and relationships are as before a rollback."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p"), inputs=[lns.File(name="f")]))
    with ln.Session() as ss:
        run = ss.select(lns.Run).load("pipeline", "inputs").one()
        new = lns.Run(name="new")
        ss.orm.add(new)
        run.name = "edited"
        kept = state_backup.keep([run, new])

        ss.orm.rollback()
        state_backup.give_back(kept)

        assert ss.orm.is_modified(run)
        assert (run.name, run.pipeline.name, [f.name for f in run.inputs]) == ("edited", "p", ["f"])
        assert new.name == "new"
        assert new not in ss.orm


@pytest.mark.usefixtures("engine")
def test_load_in_place() -> None:
    """`ln.load` fills a detached record and leaves its unsaved changes alone."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))
    run = ln.select(lns.Run).one()
    run.name = "edited"

    assert ln.load(run, "pipeline") is run

    assert (run.name, run.pipeline.name) == ("edited", "p")  # type: ignore[union-attr]
    assert sa.inspect(run).detached


@pytest.mark.parametrize("options", [{}, {"profile": True}, {"rollback": True}], ids=str)
def test_a_listener_that_fails_hides_no_error(sqlite_url: sa.URL, options: dict[str, bool]) -> None:
    """Where the mappers are gone, nothing can give back what records held; the user's own error is what is seen."""
    mapped = orm.registry()

    @mapped.mapped
    class Hero:
        __tablename__ = "hero"
        id = sa.Column(sa.Integer, primary_key=True)

    engine = sa.create_engine(sqlite_url)
    mapped.metadata.create_all(engine)
    with pytest.raises(ZeroDivisionError), ln.Session(engine, **options) as ss:
        ss.add(Hero())
        ss.orm.flush()
        mapped.dispose()
        _ = 1 / 0
    engine.dispose()
