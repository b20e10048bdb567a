"""A bare session commits at every call; a block is the transaction."""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import os
import pickle
import re
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
import sqlalchemy.orm
from sqlalchemy.orm.exc import DetachedInstanceError, StaleDataError

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines, limits, transactions
from ln_jupyter.db.postgres import backend as postgres
from ln_jupyter.db.sql_text import writes
from ln_jupyter.display import html, record, records, table
from ln_jupyter.display.registry import cards, runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Statements
    from sqlalchemy import orm

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.alike]

IS_SERIALIZABLE = os.environ.get("LN_JUPYTER_TEST_ISOLATION") == "serializable"


# -- the tutorial ------------------------------------------------------------------------------------------------


def test_a_bare_session_keeps_records_connected() -> None:
    """Relationships load while the session is open, stay after it closed, and raise if they never loaded."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))
    ss = ln.Session()
    run = ss.select(lns.Run, name="x").first()
    assert run is not None

    assert run.pipeline.name == "p"
    ss.close()

    assert run.pipeline.name == "p"
    with pytest.raises(DetachedInstanceError):
        _ = run.notebook


def test_a_block_keeps_records_connected() -> None:
    """The same in a `with` block."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))

    with ln.Session() as ss:
        run = ss.select(lns.Run, name="x").one()
        assert run.pipeline.name == "p"

    assert run.pipeline.name == "p"
    with pytest.raises(DetachedInstanceError):
        _ = run.notebook


# -- bare ----------------------------------------------------------------------------------------------------------


def test_a_bare_session_commits_each_call() -> None:
    """What a bare session adds or deletes is committed at once."""
    ss = ln.Session()
    run = ss.add(lns.Run(name="x"))
    assert ln.select(lns.Run).count() == 1

    ss.delete(run)

    assert ln.select(lns.Run).count() == 0
    ss.close()


def test_a_bare_session_goes_on_after_an_error() -> None:
    """A refused record leaves neither a broken session nor a half change."""
    ss = ln.Session()
    ss.add(lns.User(handle="a"))
    with pytest.raises(sa.exc.IntegrityError):
        ss.add([lns.User(handle="b"), lns.User(handle="a")])

    ss.add(lns.User(handle="c"))

    assert {"a", "c"} == set(ss.select(lns.User.handle).where(lns.User.handle.in_(["a", "b", "c"])).all())
    ss.close()


def test_a_bare_session_is_not_found_by_others() -> None:
    """Only blocks are found by `ln.select`."""
    ss = ln.Session()

    assert ln.current_session() is None
    ss.close()


def test_selecting_in_a_bare_session_saves_and_locks_nothing(statements: Statements) -> None:
    """An edit waits for `add`; a select does not send it."""
    ln.add(lns.Run(name="x"))
    ss = ln.Session()
    run = ss.select(lns.Run).one()
    run.name = "y"
    statements.clear()

    ss.select(lns.Run).all()

    assert [s for s in statements if writes(s)] == []
    ss.close()


def test_a_frame_in_a_bare_session_saves_nothing() -> None:
    """Neither does a data frame."""
    ln.add(lns.Run(name="x"))
    ss = ln.Session()
    run = ss.select(lns.Run).one()
    run.name = "y"

    assert ["x"] == list(ss.select(lns.Run).df()["name"])
    ss.close()
    assert ln.select(lns.Run).one().name == "x"


def test_an_idle_session_holds_no_connection(engine: sa.Engine) -> None:
    """After a read, a bare session has given its connection back, and its records stay connected."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))
    ss = ln.Session()

    run = ss.select(lns.Run).one()

    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert run.pipeline.name == "p"
    ss.close()


WRITES: dict[str, Callable[[ln.Session], object]] = {
    "flush": lambda ss: (setattr(ss.select(lns.Run).one(), "name", "y"), ss.orm.flush()),
    "statement": lambda ss: ss.orm.execute(sa.update(lns.Run).values(name="y")),
    "connection": lambda ss: ss.orm.connection(bind_arguments={"mapper": lns.Run}).execute(
        sa.update(lns.Run).values(name="y")
    ),
}


@pytest.mark.parametrize("how", WRITES)
@pytest.mark.parametrize("read", [lambda st: st.count(), lambda st: list(st.stream(batch=1))], ids=["count", "stream"])
def test_a_select_commits_nothing(how: str, read: Callable[[Any], object]) -> None:
    """What was sent past `add` in a bare session is committed by nobody but the user."""
    ln.add(lns.Run(name="x"))
    ss = ln.Session()
    WRITES[how](ss)

    read(ss.select(lns.Run))
    ss.rollback()

    assert "x" == ln.select(lns.Run).one().name
    ss.close()


def test_the_end_of_a_stream_commits_nothing() -> None:
    """Neither does the end of a read commit what was sent while it went on."""
    ln.add(lns.Run(name="x"))
    ss = ln.Session()
    for _ in ss.select(lns.Run).stream():
        ss.orm.execute(sa.update(lns.Run).values(name="y"))

    ss.rollback()

    assert "x" == ln.select(lns.Run).one().name
    ss.close()


def test_a_select_commits_nothing_on_the_users_engine(library: sa.Engine, author: Any) -> None:
    """The same on an engine that begins at whatever is sent, where a lazy load begins nothing that must be kept."""
    ss = ln.Session(library)
    ann = ss.add(author(name="Ann"))
    assert [] == ann.books
    ss.select(author).count()
    assert 0 == library.pool.checkedout()  # type: ignore[attr-defined]
    ss.orm.execute(sa.text("UPDATE author SET name = 'Bob'"))

    ss.select(author).count()
    ss.rollback()

    assert "Ann" == ln.select(author).one().name
    ss.close()


@pytest.mark.parametrize("left", ["closed", "failed"])
def test_a_read_that_did_not_end_holds_no_connection(engine: sa.Engine, left: str) -> None:
    """A stream that was closed, or a statement that the database refused, leaves a bare session idle."""
    ln.add([lns.Run(name="x"), lns.Run(name="y")])
    ss = ln.Session()
    kept = ss.select(lns.Run, name="x").one()

    if left == "closed":
        rows: Any = ss.select(lns.Run).stream(batch=1)
        next(rows)
        rows.close()
    else:
        with pytest.raises(sa.exc.DBAPIError):
            ss.select(lns.Run).where(sa.text("no_such_column = 1")).all()

    assert 0 == engine.pool.checkedout()  # type: ignore[attr-defined]
    assert "x" == kept.name
    assert 2 == ss.select(lns.Run).count()
    ss.close()


@pytest.mark.parametrize("keep", [False, True], ids=["bare", "held"])
def test_load_in_an_open_session_unloads_nothing(statements: Statements, *, keep: bool) -> None:
    """`ln.load` adds to what a record of a session that rereads holds."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p"), notebook=lns.Notebook(name="n")))
    with closing(ln.Session()) as ss:
        if keep:
            ss.begin(keep=True)
        run = ss.select(lns.Run).load("notebook").one()

        ln.load(run, "pipeline")

        statements.clear()
        assert ("x", "n", "p") == (run.name, run.notebook.name, run.pipeline.name)
        assert [] == statements


def test_a_closed_session_is_refused() -> None:
    """A closed session says so, at every call, and closing again is fine."""
    ss = ln.Session()
    statement = ss.select(lns.Run)
    ss.close()
    ss.close()

    for use in (lambda: ss.select(lns.Run), lambda: ss.add(lns.Run()), lambda: ss.orm, statement.all, ss.begin):
        with pytest.raises(ln.errors.SessionClosedError) as error:
            use()
        assert error.value.fix == "open another: ss = ln.Session()"


# -- blocks --------------------------------------------------------------------------------------------------------


def test_a_block_commits_at_its_end() -> None:
    """Nothing is visible to others before the end, everything after it."""
    with ln.Session() as ss:
        ss.add(lns.Run(name="x"))
        with ThreadPoolExecutor(1) as other:
            assert other.submit(ln.select(lns.Run).count).result() == 0

    assert ln.select(lns.Run).count() == 1


def test_a_block_rolls_back_on_an_error() -> None:
    """An error undoes all of the block and goes on as itself."""
    with pytest.raises(ZeroDivisionError), ln.Session() as ss:
        ss.add(lns.Run(name="x"))
        assert ss.select(lns.Run).count() == 1
        _ = 1 / 0

    assert ln.select(lns.Run).count() == 0


def test_the_global_functions_join_the_block() -> None:
    """In a block, `ln.add`, `ln.select` and `ln.delete` use its session."""
    with ln.Session() as ss:
        run = ln.add(lns.Run(name="x"))
        assert ln.select(lns.Run, name="x").one() is run
        assert ln.current_session() is ss.orm
        ln.delete(run)
        assert not ln.select(lns.Run).exists()

    assert ln.current_session() is None


def test_an_inner_block_is_a_transaction_of_its_own() -> None:
    """The inner block commits by itself, and the outer one is current again after it."""
    with pytest.raises(ZeroDivisionError), ln.Session() as outer:
        with ln.Session():
            ln.add(lns.Run(name="inner"))
        assert ln.current_session() is outer.orm
        ln.add(lns.Run(name="outer"))
        _ = 1 / 0

    assert ["inner"] == ln.select(lns.Run.name).all()


def test_records_that_were_only_read_survive_a_rollback() -> None:
    """After a rollback, records the block did not change keep their columns and relationships."""
    ln.add([lns.Run(name="read", pipeline=lns.Pipeline(name="p")), lns.Run(name="edited")])

    with pytest.raises(ZeroDivisionError), ln.Session():
        read, edited = (ln.select(lns.Run, name=name).one() for name in ("read", "edited"))
        assert read.pipeline is not None
        edited.name = "changed"
        ln.select(lns.Run).count()
        _ = 1 / 0

    assert (read.name, read.pipeline.name) == ("read", "p")
    with pytest.raises(DetachedInstanceError):
        _ = edited.name


def test_records_that_were_only_read_survive_a_failed_commit() -> None:
    """The same where the database refuses the commit."""
    ln.add([lns.Run(name="read"), lns.User(handle="a")])

    with pytest.raises(sa.exc.IntegrityError), ln.Session():
        read = ln.select(lns.Run).one()
        ln.add(lns.User(handle="a"))

    assert read.name == "read"


def test_an_error_at_the_end_names_the_record_and_its_line() -> None:
    """A refused commit is the block's error, and says which line added the record."""
    ln.add(lns.User(handle="a"))

    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session():
        ln.add(lns.User(handle="b"))
        ln.add(lns.User(handle="a"))  # the culprit

    note = error.value.__notes__[0]
    assert "handle='a'" in note
    assert 'ln.add(lns.User(handle="a"))  # the culprit' in note
    assert not ln.select(lns.User, handle="b").exists()


def test_a_row_edited_in_two_blocks_is_refused() -> None:
    """The later commit of a stale edit raises and overwrites nothing."""
    ln.add(lns.Run(name="x"))

    with pytest.raises(ln.errors.StaleRecordError), ln.Session():
        ln.select(lns.Run).one().name = "mine"
        with ThreadPoolExecutor(1) as other:
            other.submit(_rename, "theirs").result()

    assert ln.select(lns.Run).one().name == "theirs"


def test_a_stale_edit_is_caught_as_sqlalchemys() -> None:
    """Code that catches SQLAlchemy's `StaleDataError` catches ours."""
    ln.add(lns.Run(name="x"))
    run, other = ln.select(lns.Run).one(), ln.select(lns.Run).one()
    for each in (run, other):
        each.name = "y"
    ln.add(run)

    with pytest.raises(StaleDataError) as error:
        ln.add(other)

    assert isinstance(error.value, ln.errors.StaleRecordError)
    assert "StaleRecordError" == type(error.value).__name__
    assert error.value.fix.startswith("read it again")
    assert str(error.value) == str(pickle.loads(pickle.dumps(error.value)))


def _rename(name: str) -> None:
    run = ln.select(lns.Run).one()
    run.name = name
    ln.add(run)


def test_a_stale_edit_is_named_wherever_it_is_sent() -> None:
    """A select in the middle of a block sends the edit, and says the same as the end of the block would."""
    ln.add(lns.Run(name="x"))

    with pytest.raises(ln.errors.StaleRecordError) as error, ln.Session():
        run = ln.select(lns.Run).one()
        run.name = "mine"
        with ThreadPoolExecutor(1) as other:
            other.submit(_rename, "theirs").result()
        ln.select(lns.Run).count()

    assert "read it again, ln.select(Run, ...)" in error.value.fix
    assert ln.select(lns.Run).one().name == "theirs"


def test_a_refused_record_is_named_wherever_it_is_sent() -> None:
    """So does the note on a record that the database refuses."""
    ln.add(lns.User(handle="a"))

    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session():
        ln.add([lns.User(handle="b"), lns.User(handle="a")])
        ln.select(lns.User).count()

    assert "handle='a'" in error.value.__notes__[0]
    assert 1 == len(error.value.__notes__)


def test_reading_in_a_block_locks_nothing(engine: sa.Engine) -> None:
    """With nothing unsaved, selects and lazy loads leave other writers free."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))

    with ln.Session():
        run = ln.select(lns.Run).one()
        assert run.pipeline is not None
        with ThreadPoolExecutor(1) as other:
            other.submit(ln.add, lns.Run(name="free")).result()

    assert {"x", "free"} == set(ln.select(lns.Run.name).all())


def test_reading_with_something_unsaved_locks() -> None:
    """A lazy load sends what is unsaved, which takes SQLite's lock; who then waits for it is told which line read."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))

    with ln.Session() as ss:
        run = ss.select(lns.Run).one()
        run.name = "y"
        _ = run.pipeline  # the read
        if ss.orm.get_bind().dialect.name == "sqlite":
            with pytest.raises(ln.errors.DatabaseBusyError, match="the read"), ln.Session() as other:
                other.add(lns.Run(name="z"))

    assert ["y"] == ln.select(lns.Run.name).all()


def test_an_error_of_a_lazy_load_names_its_lines() -> None:
    """What is refused when a lazy load sends it is named, with the line that added it and the one that read."""
    ln.add([lns.User(handle="a"), lns.Run(pipeline=lns.Pipeline(name="p"))])

    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session() as ss:
        run = ss.select(lns.Run).one()
        ss.add(lns.User(handle="a"))  # the addition
        _ = run.pipeline  # the read

    note = error.value.__notes__[0]
    assert note.startswith("the database refused User(")
    assert re.search("added at .*# the addition; sent for the read at .*# the read\n", note)
    assert ["p"] == ln.select(lns.Pipeline.name).all()


def test_a_bare_session_goes_on_after_an_error_of_a_lazy_load() -> None:
    """What is refused when a lazy load sends it is undone, and the session goes on."""
    ln.add([lns.User(handle="a"), lns.Run(name="x", pipeline=lns.Pipeline(name="p"))])
    ss = ln.Session(profile=True)
    run = ss.select(lns.Run).one()
    ss.orm.add(lns.User(handle="a"))
    run.name = "y"

    with pytest.raises(sa.exc.IntegrityError):
        _ = run.pipeline

    assert ("p", "x") == (run.pipeline.name, run.name)
    ss.add(run)
    ss.close()
    assert ["x"] == ln.select(lns.Run.name).all()


def test_a_stale_edit_that_a_lazy_load_sends_names_its_line() -> None:
    """So is an edit that came too late."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))

    with pytest.raises(ln.errors.StaleRecordError, match=r"sent for the read at .*# the read"), ln.Session() as ss:
        run = ss.select(lns.Run).one()
        with ThreadPoolExecutor(1) as other:
            other.submit(_rename, "theirs").result()
        run.name = "mine"
        _ = run.pipeline  # the read


def test_a_lazy_load_in_a_readonly_block_is_refused_in_the_same_words(statements: Statements) -> None:
    """Where nothing may be written, reading beside something unsaved names the record and both lines, and sends nothing."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))

    with pytest.raises(ln.errors.ReadOnlySessionError) as error, ln.Session(readonly=True) as ss:
        run = ss.select(lns.Run).one()
        run.name = "y"
        statements.clear()
        _ = run.pipeline  # the read

    assert re.search("was to write Run.*name='y'.*; sent for the read at .*# the read", str(error.value))
    assert [] == statements


def test_a_dry_run_keeps_nothing_that_a_lazy_load_sent() -> None:
    """What was sent because something was read is undone with the rest."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))

    with ln.Session(rollback=True) as ss:
        run = ss.select(lns.Run).one()
        run.name = "y"
        ss.add(lns.Run(pipeline=run.pipeline))
        assert 2 == len(run.pipeline.runs)

    assert ["x"] == ln.select(lns.Run.name).all()
    assert "x" == run.name


def test_showing_sends_nothing(statements: Statements) -> None:
    """A record that is shown flushes nothing, and loads nothing."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))

    with ln.Session() as ss:
        run = ss.select(lns.Run).one()
        run.name = "y"
        ss.commit()
        run.name = "z"
        ss.orm.add(lns.Run(pipeline=run.pipeline))
        ss.orm.flush()
        run.name = "last"
        statements.clear()
        html.render(record.view(run))
        html.render(cards.view(run))
        table.render(runs.of_records([run, lns.Run()], count=2))
        table.render(records.of_records([run, lns.Run()], count=2))

        assert [] == statements
        assert run in ss.orm.dirty


# -- the middle of a block -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("failed", [False, True])
def test_what_was_read_before_stays_readable(end: str, *, failed: bool) -> None:
    """After a commit or rollback in the middle, and however the block ends, its records hold what was read."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p"), inputs=[lns.File(name="f")]))

    with contextlib.suppress(ZeroDivisionError), ln.Session() as ss:
        run = ss.select(lns.Run).load("pipeline", "inputs").one()
        getattr(ss, end)()
        _ = 1 / (not failed)

    assert ("x", "p", ["f"]) == (run.name, run.pipeline.name, [file.name for file in run.inputs])


def test_what_was_read_before_is_not_given_back_where_it_is_wrong(library: sa.Engine, author: Any, book: Any) -> None:
    """What was read anew says that a relationship changed: what it held before is gone."""
    ln.add([author(name="Ann", books=[book(title="one")]), author(name="Bob")])

    with ln.Session() as ss:
        ann, bob = ss.select(author).order_by(author.id).all()
        (one,) = ann.books
        assert ann is one.author
        ss.commit()
        ss.orm.execute(sa.update(book).values(author_id=bob.id))
        ss.commit()
        assert bob.id == one.author_id

    for what, name in ((one, "author"), (ann, "books")):
        with pytest.raises(DetachedInstanceError):
            getattr(what, name)


EXPIRED: dict[str, Callable[[orm.Session, Any], object]] = {
    "its column": lambda session, book: session.expire(book, ["title"]),
    "the record": lambda session, book: session.expire(book),
    "all records": lambda session, _: session.expire_all(),
}


@pytest.mark.parametrize("how", EXPIRED)
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_what_was_expired_by_hand_does_not_come_back(
    library: sa.Engine, author: Any, book: Any, end: str, how: str
) -> None:
    """What the user expired after a commit or rollback does not have its older value when the block has ended."""
    ln.add(author(name="Ann", books=[book(title="old")]))

    with ln.Session() as ss:
        one = ss.select(book).one()
        getattr(ss, end)()
        assert "old" == one.title
        EXPIRED[how](ss.orm, one)
        getattr(ss, end)()

    with pytest.raises(DetachedInstanceError):
        _ = one.title


def test_what_a_cascade_expired_does_not_come_back() -> None:
    """A record that is expired takes along those that its cascade names."""
    ln.add(lns.Run(cells=[lns.ExecutedCell(position=1, started_at=dt.datetime.now(dt.UTC))]))

    with ln.Session() as ss:
        run = ss.select(lns.Run).one()
        (cell,) = run.cells
        ss.commit()
        assert [cell] == run.cells
        ss.orm.expire(run)

    with pytest.raises(DetachedInstanceError):
        _ = cell.position


def test_a_relationship_that_was_refreshed_does_not_come_back(library: sa.Engine, author: Any, book: Any) -> None:
    """After a refresh, what it reads later is not what was read before it."""
    ln.add(author(name="Ann", books=[book(title="one")]))

    with ln.Session() as ss:
        ann = ss.select(author).one()
        assert ["one"] == [each.title for each in ann.books]
        ss.commit()
        ss.orm.refresh(ann)

    assert "Ann" == ann.name
    with pytest.raises(DetachedInstanceError):
        _ = ann.books


UPDATES: dict[str, Callable[[orm.Session, Any], object]] = {
    "values": lambda session, book: session.execute(sa.update(book).values(title="new")),
    "by name": lambda session, book: session.execute(sa.update(book).values({"title": "new"})),
    "expression": lambda session, book: session.execute(sa.update(book).values(title=sa.func.upper("new"))),
    "rows": lambda session, book: session.execute(sa.update(book), [{"id": 1, "title": "new"}]),
    "its table's column": lambda session, book: session.execute(
        sa.update(book).values({book.__table__.c.title: "new"})
    ),
    "query": lambda session, book: session.query(book).update({book.title: "new"}),
}


@pytest.mark.parametrize("how", UPDATES)
def test_what_an_update_set_does_not_come_back(library: sa.Engine, author: Any, book: Any, how: str) -> None:
    """After a commit in the middle, a column that an UPDATE of the class sets does not have its older value again."""
    ln.add(author(name="Ann", books=[book(id=1, title="old")]))

    with ln.Session() as ss:
        one = ss.select(book).one()
        ss.commit()
        UPDATES[how](ss.orm, book)

    assert 1 == one.author_id
    with pytest.raises(DetachedInstanceError):
        _ = one.title


def test_records_that_a_block_drops_are_freed() -> None:
    """What was read before a commit is not held by the session."""
    ln.add(lns.Run(name="x", pipeline=lns.Pipeline(name="p")))

    with ln.Session() as ss:
        run = ss.select(lns.Run).load("pipeline.runs").one()
        ss.commit()
        freed = weakref.ref(run)
        del run
        gc.collect()

        assert freed() is None


READS: dict[str, Callable[[ln.Session, Any], Any]] = {
    "one": lambda ss, author: ss.select(author).one(),
    "first": lambda ss, author: ss.select(author).first(),
    "get": lambda ss, author: ss.orm.get(author, 1),
    "identity map": lambda ss, author: next(iter(ss.orm.identity_map.values())),
    "load": lambda ss, author: ln.load(next(iter(ss.orm.identity_map.values())), "books"),
    "with its relationship": lambda ss, author: ss.select(author).load("books").one(),
}


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("how", READS)
def test_nothing_is_taken_for_what_the_database_holds(library: sa.Engine, author: Any, end: str, how: str) -> None:
    """However it is read, a record of a transaction that has ended is read anew."""
    ln.connect(library)
    ln.add(author(id=1, name="Ann"))

    with ln.Session() as ss:
        ann = ss.select(author).one()
        getattr(ss, end)()
        _set(library, author, Ann="Anna")

        same = READS[how](ss, author)

        assert (ann, "Anna") == (same, same.name)
        same.name += "!"

    assert "Anna!" == ln.select(author).one().name


def test_write_locks_again_after_a_commit() -> None:
    """With `write=True` no update is lost either after a commit or rollback in the middle of the block."""
    ln.add([lns.Run(name="0"), lns.Run(id="other")])
    turns = threading.Barrier(3)

    def count_up(end: str) -> None:
        turns.wait()
        with ln.Session(write=True) as ss:
            for _ in range(5):
                run = ss.select(lns.Run).where(lns.Run.id != "other").one()
                run.name = str(int(run.name or 0) + 1)
                ss.commit()
                if end == "rollback":
                    ss.select(lns.Run).count()
                    ss.rollback()

    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(count_up, end) for end in ("commit", "commit", "rollback")]:
            done.result()

    assert "15" == ln.select(lns.Run).where(lns.Run.id != "other").one().name


def test_write_locks_before_a_connection_is_used(library: sa.Engine, author: Any) -> None:
    """Also what reads past the records, after a commit, holds the lock."""
    ln.add(author(name="Ann"))
    with ln.Session(library, write=True) as ss:
        ss.select(author).one()
        ss.commit()

        connection = ss.orm.connection()

        assert transactions.has_begun(connection)


# -- what others saved meanwhile -----------------------------------------------------------------------------------


def _set(library: sa.Engine, author: Any, **names: str) -> None:
    with library.begin() as connection:
        for name, other in names.items():
            connection.execute(sa.update(author.__table__).where(author.__table__.c.name == name).values(name=other))


def test_a_bare_select_beside_something_unsaved_reads_anew(library: sa.Engine, author: Any) -> None:
    """A select shows what others saved although something is unsaved, which it neither sends nor overwrites."""
    ss = ln.Session(library)
    ann, bob = ss.add([author(name="Ann"), author(name="Bob")])
    _set(library, author, Ann="Anna", Bob="Rob")
    ann.name = "mine"

    ss.select(author).all()

    assert ("mine", "Rob") == (ann.name, bob.name)
    ss.close()
    assert {"Anna", "Rob"} == set(ln.select(author.name).all())


def test_a_select_that_must_not_flush_overwrites_nothing(library: sa.Engine, author: Any) -> None:
    """Where the user says `no_autoflush`, a held session reads anew what was not changed."""
    ss = ln.Session(library)
    ann, bob = ss.add([author(name="Ann"), author(name="Bob")])
    _set(library, author, Ann="Anna", Bob="Rob")
    ss.begin(keep=True)
    ann.name = "mine"

    with ss.orm.no_autoflush:
        ss.select(author).all()

    assert ("mine", "Rob") == (ann.name, bob.name)
    ss.close()


def test_rows_that_are_locked_are_read_anew(library: sa.Engine, author: Any) -> None:
    """`with_for_update` locks rows until the block ends and gives what they hold, whatever was read before."""
    ln.add(author(name="Ann"))

    with ln.Session(library) as ss:
        ann = ss.select(author).one()
        before = ann.name
        if library.dialect.name == "sqlite" or IS_SERIALIZABLE:
            ss.commit()  # else it is the database that keeps the old moment
        _set(library, author, Ann="Anna")
        same = ss.select(author).with_for_update().one()
        seen = ann.name
        if library.dialect.name == "sqlite":
            assert transactions.has_begun(ss.orm.connection())

    assert ("Ann", "Anna", True) == (before, seen, same is ann)


@pytest.mark.parametrize("form", ["bare", "none"])
def test_rows_are_locked_in_a_block_only(form: str) -> None:
    """Where no block ends, `with_for_update` would lock nothing, and says so."""
    ss = ln.Session()
    statement = (ln if form == "none" else ss).select(lns.Run).with_for_update()

    with pytest.raises(ln.errors.SessionError, match="this statement stands in none") as error:
        statement.all()

    assert "with ln.Session(): ln.select(Run).with_for_update()" == error.value.fix
    ss.close()


def test_rows_are_locked_by_every_database() -> None:
    """No update is lost by who locks rows first, also where the database has one lock for all."""
    ln.add(lns.Run(name="0"))
    turns = threading.Barrier(3)

    def count_up() -> None:
        turns.wait()
        counted = 0
        while counted < 5:
            try:
                with ln.Session() as ss:
                    ss.select(lns.Run).one()
                    run = ss.select(lns.Run).with_for_update().one()
                    run.name = str(int(run.name or 0) + 1)
            except sa.exc.OperationalError:  # which loses nothing: it saw what was there before
                assert IS_SERIALIZABLE
            else:
                counted += 1

    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(count_up) for _ in range(3)]:
            done.result()

    assert "15" == ln.select(lns.Run).one().name


def test_an_explicit_select_flushes(statements: Statements) -> None:
    """A select sees what the block added, SQLAlchemy's own too."""
    with ln.Session() as ss:
        ln.add(lns.Run(name="x"))

        assert ss.orm.scalars(sa.select(lns.Run.name)).all() == ["x"]


def test_write_serialises_read_modify_write() -> None:
    """With `write=True` no update is lost, in any interleaving."""
    ln.add(lns.Run(name="0"))
    turns = threading.Barrier(4)

    def count_up() -> None:
        turns.wait()
        for _ in range(5):
            with ln.Session(write=True):
                run = ln.select(lns.Run).one()
                run.name = str(int(run.name or 0) + 1)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(count_up) for _ in range(4)]:
            done.result()

    assert ln.select(lns.Run).one().name == "20"


def test_write_is_for_blocks() -> None:
    """A bare session, which commits at every call, would lock nothing, and says so."""
    run = ln.add(lns.Run(name="x"))
    ss = ln.Session(write=True)

    for use in (lambda: ss.select(lns.Run), lambda: ss.add(lns.Run()), lambda: ss.delete(run)):
        with pytest.raises(ln.errors.SessionError) as error:
            use()
        assert error.value.fix == "use it as a block: with ln.Session(write=True):"

    with ss:
        assert 1 == ss.select(lns.Run).count()


def test_write_on_a_new_database(sqlite_url: sa.URL) -> None:
    """A block with `write=True` may be the first thing a new registry sees."""
    with ln.Session(sqlite_url, write=True) as ss:
        ss.add(lns.Run(name="x"))

    with ln.Session(sqlite_url) as ss:
        assert ss.select(lns.Run).one().name == "x"


def test_a_block_has_one_end() -> None:
    """A session cannot begin a block inside its own: the inner end would commit the outer block."""
    with ln.Session() as ss:
        ss.add(lns.Run(name="x"))

        with pytest.raises(ln.errors.SessionError) as error, ss:
            pass

    assert error.value.fix == "open another: with ln.Session() as inner:"
    assert ln.select(lns.Run).count() == 1


def test_a_lock_that_is_not_given_leaves_nothing_behind(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a block with `write=True` cannot begin, its connection goes back and there is no block."""
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.2)
    held = sa.create_engine(engine.url, isolation_level="AUTOCOMMIT")
    if engine.dialect.name == "postgresql":
        engine = ln.connect(engine.url.update_query_dict({"options": "-c lock_timeout=200"}))
    with held.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_lock(postgres.WRITE_KEY)))

        with pytest.raises(ln.errors.DatabaseBusyError), ln.Session(write=True):
            pass

    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert ln.current_session() is None
    held.dispose()
    engines.dispose(engine.url)


@pytest.mark.parametrize("options", [{}, {"rollback": True}], ids=["block", "dry"])
def test_an_error_where_mappers_are_gone(options: dict[str, bool]) -> None:
    """It is raised as it is, and nothing is saved, as in a session of SQLAlchemy's."""

    class Base(sqlalchemy.orm.DeclarativeBase):
        pass

    class Gone(Base):
        __tablename__ = "gone"
        id: sqlalchemy.orm.Mapped[int] = sqlalchemy.orm.mapped_column(primary_key=True)

    own = sa.create_engine("sqlite://")
    Base.metadata.create_all(own)

    with pytest.raises(ZeroDivisionError), ln.Session(own, **options) as ss:  # type: ignore[arg-type]
        ss.add(Gone(id=1))
        ss.orm.flush()
        Base.registry.dispose()
        1 / 0  # noqa: B018

    with own.connect() as connection:
        assert [] == connection.exec_driver_sql("SELECT id FROM gone").all()


@pytest.mark.parametrize(
    "bind",
    [
        lambda session, author, other: session.bind_mapper(author, other),
        lambda session, author, other: session.bind_table(author.__table__, other),
        lambda session, _author, other: setattr(session, "bind", other),
    ],
    ids=["mapper", "table", "all"],
)
def test_a_session_leads_to_one_database(author: Any, bind: Callable[..., None]) -> None:
    """To bind some of its records, or all, to another one is refused, and not left without effect."""
    other = sa.create_engine("sqlite://")

    with pytest.raises(ln.errors.SessionError, match="cannot lead") as error, ln.Session() as ss:
        bind(ss.orm, author, other)

    assert "open one for the other database: with ln.Session(engine):" == error.value.fix
    assert ss.is_closed


def test_an_engine_with_execution_options(engine: sa.Engine) -> None:
    """What `Engine.execution_options` gives is written to, read from, watched and dry-run like the engine itself."""
    held = engine.execution_options(mine=True)

    with ln.Session(held, profile=True) as ss:
        ss.add(lns.Run(name="x"))
    with ln.Session(held, rollback=True) as dry:
        dry.add(lns.Run(name="y"))
    with ln.Session(held, readonly=True) as reader:
        assert ["x"] == [run.name for run in reader.select(lns.Run).stream()]
        with pytest.raises(ln.errors.ReadOnlySessionError):
            reader.add(lns.Run(name="z"))

    assert ss.profile is not None
    assert ss.profile.statements


def test_closing_a_block_early_undoes_it() -> None:
    """`close` in a block rolls back what was not committed."""
    with ln.Session() as ss:
        ss.add(lns.Run(name="x"))
        ss.close()

    assert not ln.select(lns.Run).exists()
    assert ln.current_session() is None


# -- who sees a block ----------------------------------------------------------------------------------------------


def test_threads_do_not_see_the_block() -> None:
    """A thread has no session, even in a copy of the block's context."""
    with ln.Session(), ThreadPoolExecutor(1) as threads:
        assert threads.submit(ln.current_session).result() is None
        assert threads.submit(copy_context().run, ln.current_session).result() is None


def test_a_context_that_outlives_the_block_does_not_see_it() -> None:
    """A task started in the block has no session after it."""
    with ln.Session():
        context = copy_context()
        assert context.run(ln.current_session) is not None

    assert context.run(ln.current_session) is None


def test_a_fork_does_not_see_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child process has no session."""
    import os

    with ln.Session():
        parent = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: parent + 1)

        assert ln.current_session() is None
        monkeypatch.undo()


# -- other databases -------------------------------------------------------------------------------------------------


def test_a_session_on_an_own_engine(library: sa.Engine, author: Any) -> None:
    """`ln.Session(engine)` works beside whatever is connected."""
    ln.connect("sqlite://")

    with ln.Session(library) as ss:
        ss.add(author(name="Ann"))
        assert ln.select(author).one().name == "Ann"

    with ln.Session(library) as ss:
        assert ss.select(author).count() == 1


def test_load_finds_the_database_of_a_detached_record(library: sa.Engine, author: Any, book: Any) -> None:
    """A record of `ln.Session(engine)` is loaded from that engine, not from the connected one."""
    ln.connect("sqlite://")
    with ln.Session(library) as ss:
        ss.add(author(name="Ann", books=[book(title="one")]))
    with ln.Session(library) as ss:
        ann = ss.select(author).one()

    assert ["one"] == [b.title for b in ln.load(ann, "books").books]


def test_load_finds_the_database_of_another_connect(library: sa.Engine, author: Any, book: Any) -> None:
    """A record that was selected before another `connect` is loaded from where it came."""
    ln.connect(library)
    ln.add(author(name="Ann", books=[book(title="one")]))
    ann = ln.select(author).one()
    ln.connect("sqlite://")

    assert ["one"] == [b.title for b in ln.load(ann, "books").books]


def test_load_in_a_block_uses_its_database(library: sa.Engine, author: Any, book: Any) -> None:
    """A record of a session that is not ours is loaded from the database of the block."""
    ln.connect("sqlite://")
    with sa.orm.Session(library) as theirs:
        theirs.add(author(name="Ann", books=[book(title="one")]))
        theirs.commit()
        ann = theirs.scalars(sa.select(author)).one()

    with ln.Session(library):
        ln.load(ann, "books")

    assert ["one"] == [b.title for b in ann.books]


def test_load_in_a_block_sees_what_it_wrote(engine: sa.Engine) -> None:
    """A detached record is loaded as a select of the block would read it, and the block goes on."""
    ln.add(lns.Pipeline(name="p"))
    pipeline = ln.select(lns.Pipeline).one()

    with ln.Session() as ss:
        ss.add(lns.Run(name="mine", pipeline_id=pipeline.id, pipeline_v=pipeline.v))
        ln.load(pipeline, "runs")
        assert 1 == engine.pool.checkedout()  # type: ignore[attr-defined]

    assert ["mine"] == [run.name for run in pipeline.runs]
    assert sa.inspect(pipeline).detached
    assert 1 == ln.select(lns.Run).count()


def test_load_in_a_savepoint_undoes_nothing() -> None:
    """Neither the savepoint nor the block ends with it, also where there is nothing to load."""
    ln.add([lns.Pipeline(name="p"), lns.File(name="gone")])
    pipeline, gone = ln.select(lns.Pipeline).one(), ln.select(lns.File).one()
    ln.delete(lns.File, name="gone")

    with ln.Session() as ss:
        ss.add(lns.Run(name="outer"))
        with ss.orm.begin_nested():
            ss.add(lns.Run(name="inner", pipeline_id=pipeline.id, pipeline_v=pipeline.v))
            ln.load(pipeline, "runs")
            with pytest.raises(ln.errors.UnloadableError):
                ln.load(gone, "created_by")

    assert ["inner"] == [run.name for run in pipeline.runs]
    assert ["inner", "outer"] == sorted(ln.select(lns.Run.name).all())


def test_load_in_a_block_of_a_database_in_memory(author: Any, book: Any) -> None:
    """On an engine of the user's, whose sessions of one thread share a connection, nothing is undone."""
    engine = sa.create_engine("sqlite://")
    author.metadata.create_all(engine)
    ln.connect(engine)
    ln.add(author(name="Ann", books=[book(title="one")]))
    ann = ln.select(author).one()

    with ln.Session() as ss:
        ss.add(author(name="Bob"))
        ss.select(author).count()
        ln.load(ann, "books")

    assert 2 == ln.select(author).count()
    engine.dispose()


def test_registry_records_need_a_registry(library: sa.Engine) -> None:
    """On an engine of the user's, tables are never made behind the user's back."""
    with pytest.raises(ln.errors.NotARegistryError) as error, ln.Session(library) as ss:
        ss.add(lns.Run())

    assert "holds no registry" in str(error.value)
    assert not sa.inspect(library).has_table("ln_run")


def test_repr_says_where_and_what() -> None:
    """The repr names the database and counts, and sends nothing."""
    with ln.Session() as ss:
        ss.add(lns.Run())
        assert ", 0 loaded, 1 new, 0 changed, 0 to delete>" in repr(ss)
        ss.select(lns.Run).one()
        assert ", 1 loaded, 0 new, 0 changed, 0 to delete>" in repr(ss)

    assert repr(ss) == "<Session closed>"


def test_no_password_is_shown(postgres_url: sa.URL) -> None:
    """Neither the session nor the engine shows a password."""
    ss = ln.Session(postgres_url.set(password="hunter2"))

    assert "hunter2" not in repr(ss) + repr(ss.orm.get_bind())
    ss.close()
    engines.dispose(postgres_url.set(password="hunter2"))
