"""A record made of its row is like one that a session has read."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.orm import origins


@pytest.fixture
def row(engine: sa.Engine) -> dict[str, object]:
    """Give the row of a run that is registered."""
    run = ln.add(lns.Run(name="x", imports={"numpy": "2.0"}))
    with engine.connect() as connection:
        return dict(connection.execute(sa.select(lns.Run.__table__).where(lns.Run.id == run.id)).mappings().one())


def test_it_is_detached(row: dict[str, object], engine: sa.Engine) -> None:
    """It has every column and no change, and its relationships are not loaded."""
    made, read = origins.detached_record(lns.Run, row, origin=engine), ln.select(lns.Run).one()

    ours, theirs = sa.inspect(made), sa.inspect(read)
    assert (True, theirs.key, theirs.unloaded) == (ours.detached, ours.key, ours.unloaded)
    assert {name: ours.dict[name] for name in row} == {name: theirs.dict[name] for name in row}
    assert not ours.modified


def test_an_edit_is_saved(row: dict[str, object], engine: sa.Engine) -> None:
    """It is edited and added like any other, and its counter of edits goes on."""
    made = origins.detached_record(lns.Run, row, origin=engine)
    made.name = "edited"

    ln.add(made)

    assert ("edited", 2) == (ln.select(lns.Run).one().name, made.revision)


def test_a_relationship_says_that_it_is_not_loaded(row: dict[str, object], engine: sa.Engine) -> None:
    """Reading what is not loaded is the usual error, and `load` helps as usual."""
    made = origins.detached_record(lns.Run, row, origin=engine)

    with pytest.raises(orm.exc.DetachedInstanceError):
        _ = made.inputs
    assert [] == ln.load(made, "inputs").inputs


def test_it_remembers_its_database(row: dict[str, object], engine: sa.Engine) -> None:
    """Where another database may be connected to by then, it knows the one it came from."""
    assert engine is origins.engine_of(origins.detached_record(lns.Run, row, origin=engine))
