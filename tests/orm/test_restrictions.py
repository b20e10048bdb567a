"""A session that only reads, and one that undoes what it sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Statements


pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.alike]

WRITES: dict[str, Callable[[ln.Session], object]] = {
    "add": lambda ss: ss.add(lns.Pipeline(name="q")),
    "get or create": lambda ss: ss.add(lns.Pipeline, name="q"),
    "bulk": lambda ss: ss.add(lns.Pipeline, [{"name": "q"}]),
    "delete": lambda ss: ss.delete(ss.select(lns.Pipeline).first()),
    "delete by field": lambda ss: ss.delete(lns.Pipeline, name="p"),
    "ORM": lambda ss: (ss.orm.add(lns.Pipeline(name="q")), ss.orm.flush()),
    "Core": lambda ss: ss.orm.execute(sa.update(lns.Pipeline).values(name="q")),
    "SQL": lambda ss: ss.orm.connection(bind_arguments={"mapper": lns.Pipeline}).exec_driver_sql(
        "DELETE FROM ln_pipeline"
    ),
    "savepoint": lambda ss: ss.orm.begin_nested() and ss.orm.execute(sa.delete(lns.Pipeline)),
}


@pytest.mark.parametrize("way", WRITES)
def test_readonly(way: str, statements: Statements) -> None:
    """Whatever would write is refused, and nothing of it is sent."""
    ln.add(lns.Pipeline(name="p"))
    statements.clear()

    refusal = pytest.raises(ln.errors.ReadOnlySessionError, match="only reads, and was to write")
    with refusal, ln.Session(readonly=True) as ss:
        WRITES[way](ss)

    assert [] == [sql for sql in statements if sql.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert ["p"] == ln.select(lns.Pipeline.name).all()


def test_readonly_change() -> None:
    """A change that nobody sent is refused at the end, naming the record."""
    ln.add(lns.Pipeline(name="p"))

    refusal = pytest.raises(ln.errors.ReadOnlySessionError, match=r"Pipeline.*name='q'")
    with refusal as error, ln.Session(readonly=True) as ss:
        ss.select(lns.Pipeline).one().name = "q"

    assert error.value.fix.startswith("open it without readonly=True (--readonly)")
    assert re.search(r"it was changed at test_restrictions.py, line \d+: ss.select\(lns.Pipeline\)", str(error.value))


def test_readonly_reads() -> None:
    """Reading, a get that finds, relationships and savepoints are as ever."""
    ln.add(lns.Run(name="r", pipeline=lns.Pipeline(name="p")))

    with ln.Session(readonly=True) as ss, ss.orm.begin_nested():
        found = ss.add(lns.Pipeline, name="p")
        name = ss.select(lns.Run).one().pipeline.name

    assert ("p", "p") == (found.name, name)


def test_readonly_on_the_users_engine(other_url: sa.URL) -> None:
    """An engine that was made elsewhere is kept from writing too, as long as the session lasts."""
    engine = sa.create_engine(other_url)
    make = sa.text("CREATE TABLE t (n INTEGER)")
    with pytest.raises(ln.errors.ReadOnlySessionError), ln.Session(engine, readonly=True) as ss:
        ss.orm.execute(make)

    with ln.Session(engine) as ss:
        ss.orm.execute(make)

    assert sa.inspect(engine).has_table("t")
    engine.dispose()


def test_readonly_takes_no_lock(engine: sa.Engine) -> None:
    """A write that is refused does not wait for those who may write."""
    with ln.Session() as writer:
        writer.add(lns.Pipeline(name="p"))
        writer.orm.flush()

        with pytest.raises(ln.errors.ReadOnlySessionError), ln.Session(readonly=True) as reader:
            reader.orm.execute(sa.delete(lns.Pipeline), bind_arguments={"mapper": sa.inspect(lns.Pipeline)})


@pytest.mark.parametrize("other", ["write", "rollback"])
def test_readonly_contradicts(other: str) -> None:
    """A session that only reads has nothing to lock and nothing to undo."""
    with pytest.raises(ln.errors.SessionError) as error:
        ln.Session(readonly=True, **{other: True})

    assert error.value.fix == "leave out readonly=True (--readonly), or the other option"


def test_dry_run() -> None:
    """A dry run sees its own changes, keeps none, and counts them."""
    ln.add([lns.Pipeline(name="a"), lns.Pipeline(name="b")])

    with ln.Session(rollback=True) as ss:
        ss.add([lns.Pipeline(name="c"), lns.Pipeline(name="d")])
        ss.select(lns.Pipeline, name="a").one().name = "A"
        ss.delete(lns.Pipeline, name="b")
        seen = sorted(ss.select(lns.Pipeline.name).all())

    assert ["A", "c", "d"] == seen
    assert ["a", "b"] == sorted(ln.select(lns.Pipeline.name).all())
    assert "dry run: nothing was saved; it would have been 2 inserted, 1 updated, 1 deleted" == str(ss.dry_run)


def test_dry_run_counts_what_goes_past_records() -> None:
    """Bulk rows are counted, and so are statements of the user's own."""
    with ln.Session(rollback=True) as bulk:
        bulk.add(lns.Pipeline, [{"name": "p"}] * 30)
    with ln.Session(rollback=True) as ss:
        ss.add(lns.Pipeline(name="p"))
        ss.orm.execute(sa.update(lns.Pipeline).values(name="q"))
        ss.orm.execute(sa.text("DELETE FROM ln_pipeline"), bind_arguments={"mapper": sa.inspect(lns.Pipeline)})
        ss.orm.execute(sa.text("SELECT 1"))

    assert str(bulk.dry_run).endswith("it would have been 30 inserted")
    assert str(ss.dry_run).endswith("it would have been 1 inserted, 2 statements of SQL")


def test_dry_run_leaves_true_records() -> None:
    """After a dry run what was changed holds what the database holds, and what was new its own values."""
    ln.add([lns.Pipeline(name="a"), lns.Pipeline(name="b")])

    with ln.Session(rollback=True) as ss:
        changed, deleted = ss.select(lns.Pipeline).order_by(lns.Pipeline.name).all()
        changed.name = "A"
        ss.delete(deleted)
        new = ss.add(lns.Pipeline(name="c"))

    assert ("a", "b", "c") == (changed.name, deleted.name, new.name)
    assert sa.inspect(new).transient


def test_dry_run_that_the_database_refuses() -> None:
    """What a commit would refuse, the dry run refuses, with the record's name."""
    ln.add(lns.Pipeline(id="12345678", name="p"))

    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session(rollback=True) as ss:
        ss.add(lns.Pipeline(id="12345678", name="q"))

    assert "the database refused Pipeline(id='12345678', v='1', name='q')" in error.value.__notes__[0]


@pytest.mark.postgres
def test_dry_run_of_deferred_constraints(postgres_url: sa.URL) -> None:
    """On PostgreSQL what is checked at commit only is checked as well."""
    engine = ln.connect(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    with pytest.raises(sa.exc.IntegrityError), ln.Session(engine, rollback=True) as ss:
        ss.orm.execute(sa.text("INSERT INTO t VALUES (1), (1)"))


@pytest.mark.parametrize("commit", [lambda ss: ss.commit(), lambda ss: ss.orm.commit()])
def test_dry_run_does_not_commit(commit: Callable[[ln.Session], None]) -> None:
    """A commit in the middle of a dry run is refused, and saves nothing."""
    with pytest.raises(ln.errors.SessionError, match="dry run"), ln.Session(rollback=True) as ss:
        ss.add(lns.Pipeline(name="p"))
        commit(ss)

    assert 0 == ln.select(lns.Pipeline).count()


def test_dry_run_with_savepoints() -> None:
    """Savepoints inside a dry run end as they do elsewhere."""
    with ln.Session(rollback=True) as ss, ss.orm.begin_nested():
        ss.add(lns.Pipeline(name="p"))

    assert 0 == ln.select(lns.Pipeline).count()


def test_dry_run_is_a_block() -> None:
    """A bare session, which commits at every call, cannot be a dry run."""
    ss = ln.Session(rollback=True)

    with pytest.raises(ln.errors.SessionError) as error:
        ss.add(lns.Pipeline(name="p"))

    assert error.value.fix == "use it as a block, and leave out the commit: with ln.Session(rollback=True):"
    ss.close()
    assert 0 == ln.select(lns.Pipeline).count()


def test_dry_run_reads_bare() -> None:
    """What only reads asks for no commit."""
    ln.add(lns.Pipeline(name="p"))
    ss = ln.Session(rollback=True)

    pipeline = ss.select(lns.Pipeline).one()

    assert (1, "p") == (ss.select(lns.Pipeline).count(), pipeline.name)
    ss.close()
