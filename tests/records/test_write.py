"""Add and delete: what is committed when, and what comes back."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.orm.exc import DetachedInstanceError

import ln_jupyter as ln
import ln_jupyter.schema as lns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Statements

pytestmark = pytest.mark.usefixtures("engine")


def test_add_commits_and_returns_what_it_was_given() -> None:
    """Outside of a session, `add` commits the record and everything it refers to."""
    run = lns.Run(name="x", pipeline=lns.Pipeline(name="p"))

    assert ln.add(run) is run
    assert (1, 1) == (ln.select(lns.Run).count(), ln.select(lns.Pipeline).count())


def test_an_added_record_is_detached_and_readable() -> None:
    """Columns and relationships that were set can be read after `add`; others raise."""
    pipeline = lns.Pipeline(name="p")
    run = ln.add(lns.Run(name="x", pipeline=pipeline))

    assert sa.inspect(run).detached
    assert run.pipeline is pipeline
    assert run.pipeline_id == pipeline.id
    assert run.created_at.tzinfo is not None
    with pytest.raises(DetachedInstanceError):
        _ = run.notebook


def test_add_makes_the_current_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows carry who made them, and the user's row is made once."""
    monkeypatch.setenv("LN_JUPYTER_USER", "ann")
    ln.settings.forget()

    runs = ln.add([lns.Run(), lns.Run()])
    ln.add(lns.Run())
    ln.settings.forget()

    ann = ln.select(lns.User, handle="ann").one()
    assert [ann.id] * 2 == [run.created_by_id for run in runs]


def test_a_rolled_back_user_is_made_again() -> None:
    """A user's row that a rollback undid is not remembered."""
    with pytest.raises(ZeroDivisionError), ln.Session():
        ln.add(lns.Run())
        ln.current_session().flush()  # type: ignore[union-attr]
        _ = 1 / 0

    run = ln.add(lns.Run())

    assert ln.select(lns.User).one().id == run.created_by_id


def test_a_thousand_records_are_two_statements(statements: Statements) -> None:
    """Records of two tables are one INSERT each, however many they are."""
    ln.add(lns.Run())
    pipeline = lns.Pipeline()
    runs = [lns.Run(name=str(i), pipeline=pipeline) for i in range(1000)]
    statements.clear()

    ln.add(runs)

    assert len(statements) == 2
    assert ln.select(lns.Run).count() == 1001


def test_an_edit_is_saved_by_add() -> None:
    """`add` of a detached record that was changed updates its row, and counts the edit."""
    run = ln.add(lns.Run(name="x"))
    run.name = "y"

    ln.add(run)

    assert (1, 2) == (ln.select(lns.Run, name="y").count(), run.revision)


def test_a_stale_edit_is_refused_and_kept() -> None:
    """An edit of a row that somebody else changed raises, overwrites nothing, and stays in memory."""
    first = ln.add(lns.Run(name="x"))
    second = ln.select(lns.Run).one()
    second.name = "theirs"
    ln.add(second)
    first.name = "mine"

    with pytest.raises(ln.errors.StaleRecordError) as error:
        ln.add(first)

    assert first.id in str(error.value)
    assert "read it again" in error.value.fix
    assert ln.select(lns.Run).one().name == "theirs"
    assert (first.name, first.created_at) == ("mine", second.created_at)


def test_get_or_create() -> None:
    """`add(Model, **fields)` gives the one with these fields, or makes it."""
    made = ln.add(lns.Pipeline, name="p", reference="r")

    again = ln.add(lns.Pipeline, name="p")

    assert made.id == again.id
    assert ln.select(lns.Pipeline).count() == 1


def test_get_or_create_in_a_block_joins_it() -> None:
    """In a block it is part of the transaction."""
    with pytest.raises(ZeroDivisionError), ln.Session():
        made = ln.add(lns.Pipeline, name="p")
        assert ln.add(lns.Pipeline, name="p") is made
        _ = 1 / 0

    assert not ln.select(lns.Pipeline).exists()


def test_delete_removes_the_row() -> None:
    """`delete` of a detached record removes its row and gives the record back."""
    run = ln.add(lns.Run(name="x"))

    assert ln.delete(run) is run
    assert not ln.select(lns.Run).exists()
    assert run.name == "x"


def test_delete_by_fields() -> None:
    """`delete(Model, **fields)` removes all with these fields and gives them back."""
    ln.add([lns.Run(name="x"), lns.Run(name="x"), lns.Run(name="y")])

    gone = ln.delete(lns.Run, name="x")

    assert ["x", "x"] == [run.name for run in gone]
    assert ln.select(lns.Run).one().name == "y"


def test_what_others_refer_to_is_not_deleted() -> None:
    """The database refuses to leave a run without its pipeline; everything stays."""
    run = ln.add(lns.Run(pipeline=lns.Pipeline(name="p")))

    with pytest.raises(sa.exc.IntegrityError) as error:
        ln.delete(ln.select(lns.Pipeline).one())

    assert "the database refused Pipeline(" in error.value.__notes__[0]
    assert ln.select(lns.Run).load("pipeline").one().pipeline.name == "p"  # type: ignore[union-attr]
    assert run.pipeline is not None


def test_a_refused_record_is_named_among_many() -> None:
    """Of records that are sent together, the note names the one and its line."""
    with pytest.raises(sa.exc.IntegrityError) as error:
        ln.add([lns.User(handle="a"), lns.User(handle="b"), lns.User(handle="a", name="second")])

    note = "\n".join(error.value.__notes__)
    assert "handle='a', name='second'" in note or "name='second', handle='a'" in note
    assert "ln.add([lns.User(handle=" in note
    assert not ln.select(lns.User).where(lns.User.handle.in_(["a", "b"])).exists()


def test_the_first_unit_of_a_registry_may_fail() -> None:
    """Where the user's own row is undone with them, the right record is named and all can be added again."""
    pipeline, run = lns.Pipeline(name="innocent"), lns.Run(name="culprit", pipeline_id="none", pipeline_v="1")
    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session():
        ln.add(pipeline)
        ln.add(run)

    run.pipeline = pipeline
    ln.add(run)

    assert "name='culprit'" in error.value.__notes__[0]
    assert ln.select(lns.Run).load("pipeline").one().pipeline.name == "innocent"  # type: ignore[union-attr]


def test_a_refused_record_is_named_beside_an_edited_one() -> None:
    """One new record among edits is told as well, and an edited one beside a new one; and that nothing was saved."""
    ln.add([lns.User(id="a", handle="a"), lns.User(id="b", handle="b")])
    with pytest.raises(sa.exc.IntegrityError) as new, ln.Session() as ss:
        ss.select(lns.User, id="a").one().name = "edited"
        ss.add(lns.User(id="c", handle="b"))
    with pytest.raises(sa.exc.IntegrityError) as edited, ln.Session() as ss:
        ss.select(lns.User, id="a").one().handle = "b"
        ss.add(lns.User(id="c", handle="c"))

    assert "the database refused User(id='c', handle='b'); it was added at" in new.value.__notes__[0]
    assert ["the database refused User(id='a', handle='b')\nnothing of this unit was saved"] == edited.value.__notes__
    assert ["a", "b"] == ln.select(lns.User.id).where(lns.User.id.in_(["a", "b", "c"])).all()


def test_a_refused_record_can_be_corrected() -> None:
    """After an error the record is new again and can be added."""
    ln.add(lns.User(handle="a"))
    user = lns.User(handle="a", name="Ann")
    with pytest.raises(sa.exc.IntegrityError):
        ln.add(user)

    user.handle = "b"
    ln.add(user)

    assert ln.select(lns.User, handle="b").one().name == "Ann"


def test_a_foreign_key_set_by_hand_forgets_the_old_record() -> None:
    """A relationship that disagrees with its foreign key is not shown stale."""
    run = ln.add(lns.Run(pipeline=lns.Pipeline(name="p")))
    other = ln.add(lns.Pipeline(name="q"))
    run.pipeline_id = other.id

    ln.add(run)

    assert ln.load(run, "pipeline").pipeline.name == "q"  # type: ignore[union-attr]


def test_a_foreign_key_that_a_select_sent_forgets_the_old_record() -> None:
    """So it is where a select in the block has sent the change before its end."""
    ln.add([lns.Run(pipeline=lns.Pipeline(name="p")), lns.Pipeline(id="q", name="q")])

    with ln.Session() as ss:
        run = ss.select(lns.Run).load("pipeline").one()
        run.pipeline_id = "q"
        ss.select(lns.Run).count()

    assert ln.load(run, "pipeline").pipeline.name == "q"


def test_a_record_of_a_bare_session_is_committed_by_it() -> None:
    """`ln.add` of a record that belongs to an open bare session saves it there."""
    ln.add(lns.Run(name="x"))
    ss = ln.Session()
    run = ss.select(lns.Run).one()
    run.name = "y"

    ln.add(run)

    assert orm.object_session(run) is ss.orm
    assert ln.select(lns.Run).one().name == "y"
    ss.close()


@pytest.mark.parametrize("records", [[], (), set()])
def test_an_empty_list_is_refused(records: Any) -> None:
    """An empty list is named as such, not passed over."""
    with pytest.raises(ln.errors.NothingGivenError) as error:
        ln.add(records)

    assert str(error.value) == "the list is empty"


@pytest.mark.parametrize("thing", [3, "run", None, object(), [3], dict])
def test_what_is_no_record_is_refused(thing: Any) -> None:
    """Only records and mapped classes can be added or deleted."""
    with pytest.raises(ln.errors.NotMappedError):
        ln.add(thing)
    with pytest.raises(ln.errors.NotMappedError):
        ln.delete(thing)


def test_one_bad_record_keeps_all_out() -> None:
    """A list with something else in it adds nothing."""
    with pytest.raises(ln.errors.NotMappedError):
        ln.add([lns.Run(), 3])

    assert not ln.select(lns.Run).exists()


def test_fields_go_with_a_class() -> None:
    """Fields beside a record are refused, not ignored."""
    with pytest.raises(ln.errors.NothingGivenError) as error:
        ln.add(lns.Run(), name="x")  # type: ignore[call-overload]

    assert "set them on the record" in error.value.fix


def test_adding_a_class_without_fields_is_refused() -> None:
    """What a parser that found nothing returns makes no empty record."""
    for nothing in ((), (None,)):
        with pytest.raises(ln.errors.NothingGivenError) as error:
            ln.add(lns.File, *nothing)

    assert error.value.fix == "give its fields, ln.add(File, name=...), or a record: ln.add(File())"
    assert not ln.select(lns.File).exists()


def test_deleting_a_class_without_fields_is_refused() -> None:
    """`delete(Model)` does not delete every row."""
    ln.add(lns.Run())

    with pytest.raises(ln.errors.NothingGivenError):
        ln.delete(lns.Run)

    assert ln.select(lns.Run).count() == 1


def test_deleting_what_was_never_added_is_refused() -> None:
    """A new record cannot be deleted."""
    with pytest.raises(ln.errors.NothingGivenError) as error:
        ln.delete(lns.Run())

    assert str(error.value) == "this Run is not in the database"


def test_records_of_two_sessions_are_refused() -> None:
    """Neither session is touched, and both can go on."""
    ln.add([lns.Run(name="a"), lns.Run(name="b")])
    one, two = ln.Session(), ln.Session()
    a, b = one.select(lns.Run, name="a").one(), two.select(lns.Run, name="b").one()

    with pytest.raises(ln.errors.ForeignSessionError):
        ln.add([a, b])
    with pytest.raises(ln.errors.ForeignSessionError):
        one.add(b)

    a.name = "c"
    one.add(a)
    assert {"b", "c"} == set(ln.select(lns.Run.name).all())
    one.close()
    two.close()


def test_a_record_of_the_users_own_session_is_left_to_it(engine: sa.Engine) -> None:
    """`ln.add` does not commit a session that SQLAlchemy opened for the user."""
    ln.add(lns.Run(name="x"))
    with orm.Session(engine) as session:
        run = session.scalars(sa.select(lns.Run)).one()
        run.name = "y"

        with pytest.raises(ln.errors.ForeignSessionError):
            ln.add(run)

    assert ln.select(lns.Run).one().name == "x"


@pytest.mark.parametrize("where", ["alone", "bare", "block"])
def test_two_objects_for_one_row_are_refused(where: str) -> None:
    """Two detached copies of a row are named; nothing is saved and the session goes on."""
    ln.add(lns.Run(name="x"))
    one, two = ln.select(lns.Run).one(), ln.select(lns.Run).one()
    one.name, two.name = "one", "two"

    if where == "alone":
        with pytest.raises(ln.errors.DuplicateRecordError):
            ln.add([one, two])
    elif where == "bare":
        ss = ln.Session()
        with pytest.raises(ln.errors.DuplicateRecordError):
            ss.add([one, two])
        ss.add(lns.Run(name="z"))
        ss.close()
    else:
        with ln.Session() as ss:
            with pytest.raises(ln.errors.DuplicateRecordError):
                ss.add([one, two])
            ss.add(lns.Run(name="z"))

    assert ({"x"} if where == "alone" else {"x", "z"}) == set(ln.select(lns.Run.name).all())
    assert (one.name, two.name) == ("one", "two")


@pytest.mark.parametrize("act", [ln.add, ln.delete])
def test_a_deleted_record_is_said_to_be_deleted(act: Any) -> None:
    """It is not taken for one of two objects of one row, also where another record brings it along."""
    file = ln.add(lns.File(name="x"))
    ln.delete(file)
    run = lns.Run(inputs=[file])

    with pytest.raises(ln.errors.StaleRecordError) as error:
        act(file)
    with pytest.raises(ln.errors.StaleRecordError):
        ln.add(run)

    assert f"File(id={file.id!r}, name='x') was deleted" == str(error.value)
    assert "make a new one" in error.value.fix
    assert not ln.select(lns.Run).exists()


def test_a_record_of_another_session_is_named_where_it_is_brought_along() -> None:
    """A new record that refers to one of an open session is refused as that one would be."""
    ss = ln.Session()
    pipeline = ss.add(lns.Pipeline(name="p"))
    run = lns.Run(name="x")
    orm.attributes.set_committed_value(run, "pipeline", pipeline)  # setting it would put the run into the session

    with pytest.raises(ln.errors.ForeignSessionError) as error:
        ln.add(run)

    assert "this Pipeline belongs to another open session" == str(error.value)
    ss.close()


def test_an_unknown_field_names_the_near_miss() -> None:
    """A misspelt field of get-or-create is an error before anything runs."""
    with pytest.raises(ln.errors.UnknownFieldError) as error:
        ln.add(lns.Run, nmae="x")

    assert error.value.fix == "did you mean 'name'?"


# -- models of the user ----------------------------------------------------------------------------------------


def test_own_models_on_an_own_engine(library: sa.Engine, author: Any, book: Any) -> None:
    """Everything works with any mapped class, on an engine the user made."""
    ann = ln.add(author(name="Ann", books=[book(title="one"), book(title="two")]))

    found = ln.select(author, name="Ann").load("books").one()

    assert ann.id == found.id
    assert ["one", "two"] == [b.title for b in found.books]
    assert not sa.inspect(library).has_table("ln_run")


class OtherDialect(SQLiteDialect_pysqlite):
    """A database of a kind that we know nothing of."""

    name = "other"
    supports_statement_cache = True


def test_get_or_create_where_no_write_lock_is_known(author: Any, tmp_path: Path) -> None:
    """Who did not ask for a lock can do without, and who did is told."""
    sa.dialects.registry.register("other", __name__, "OtherDialect")
    engine = sa.create_engine(f"other:///{tmp_path / 'other.db'}")
    author.metadata.create_all(engine)
    ln.connect(engine)

    made, again = ln.add(author, name="Ann"), ln.add(author, name="Ann")

    assert (made.id, 1) == (again.id, ln.select(author).count())
    with pytest.raises(ln.errors.SessionError, match="write=True is not known for other"), ln.Session(write=True):
        pass
    ln.connect()
    engine.dispose()


def test_a_computed_column_is_read_before_detaching(library: sa.Engine, author: Any) -> None:
    """What the database computes at an update can be read from the detached record."""
    ann = ln.add(author(name="Ann"))
    ann.name = "Bea"

    ln.add(ann)

    assert ann.changed == 0


def test_a_computed_column_that_a_select_sent_is_read_before_detaching(library: sa.Engine, author: Any) -> None:
    """So it is where a select in the block has sent the change before its end."""
    ln.add(author(name="Ann"))

    with ln.Session() as ss:
        ann = ss.select(author).one()
        ann.name = "Bea"
        ss.select(author).count()

    assert ann.changed == 0


def test_a_refused_key_of_the_database_is_not_kept(library: sa.Engine, author: Any) -> None:
    """A record that was refused has no key that the database took back."""
    ln.add(author(name="Ann"))
    bea, ann = author(name="Bea"), author(name="Ann", password="hunter2")

    with pytest.raises(sa.exc.IntegrityError) as error:
        ln.add([bea, ann])

    assert bea.id is None
    assert "Author(name='Ann')" in error.value.__notes__[0]
    assert "hunter2" not in "".join(error.value.__notes__)


def test_no_error_shows_a_secret(library: sa.Engine, key: Any) -> None:
    """A record whose keys and labels are secrets is named without them."""
    record = ln.add(key(token="s3cret", label="hunter2", owner="ann"))
    with pytest.raises(sa.exc.IntegrityError) as refused:
        ln.add(key(token="s3cret-2", label="hunter2-2", owner="ann"))
    with pytest.raises(ln.errors.ReadOnlySessionError) as forbidden, ln.Session(readonly=True) as ss:
        ss.select(key).one().owner = "bob"
    ln.delete(key, owner="ann")
    sa.inspect(record)._expire(sa.inspect(record).dict, set())

    with pytest.raises(ln.errors.UnloadableError) as gone:
        ln.load(record, "owner")

    told = [refused.value.__notes__[0].split(";")[0], str(forbidden.value), str(gone.value)]
    assert "the database refused Key(token=••• redacted, label=••• redacted)" == told[0]
    assert [] == [text for text in told if "s3cret" in text or "hunter2" in text]


def test_a_refused_record_is_told_from_those_whose_parents_are_undone(
    library: sa.Engine, author: Any, book: Any
) -> None:
    """The record that is named is the one of which the database says again what it said."""
    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session() as ss:
        bea = ss.add(author(name="Bea"))
        ss.orm.flush()
        ss.add([book(id=1, title="fine", author_id=bea.id), book(id=2, title=None, author_id=bea.id)])

    assert "the database refused Book(id=2)" in error.value.__notes__[0]


@pytest.mark.parametrize("sent_before", [False, True])
def test_a_refused_foreign_key_is_not_guessed(library: sa.Engine, author: Any, book: Any, *, sent_before: bool) -> None:
    """SQLite does not say which: where a parent was undone, its children would be refused too."""
    is_vague = library.dialect.name == "sqlite"
    if is_vague:
        library.dispose()
        sa.event.listen(library, "connect", lambda driver, _entry: driver.execute("PRAGMA foreign_keys=ON"))
    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session() as ss:
        bea = ss.add(author(id=3, name="Bea"))
        if sent_before:
            ss.orm.flush()
        ss.add([book(id=1, title="fine", author_id=bea.id), book(id=2, title="bad", author_id=77)])

    named = [note for note in getattr(error.value, "__notes__", ()) if "the database refused" in note]
    assert [] == [note for note in named if "Book(id=1" in note]
    assert bool(named) == (not is_vague or not sent_before)


def test_registry_records_beside_an_own_engine(
    library: sa.Engine, author: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """On an engine without a registry, records of the schema go to the registry of the settings."""
    monkeypatch.setenv("LN_JUPYTER_URL", f"sqlite:///{tmp_path / 'registry.db'}")
    ln.settings.forget()

    with ln.Session():
        ln.add(author(name="Ann"))
        ln.add(lns.Run(name="x"))

    assert (1, 1) == (ln.select(author).count(), ln.select(lns.Run).count())
    assert not sa.inspect(library).has_table("ln_run")
    ln.settings.forget()


# -- two databases ---------------------------------------------------------------------------------------------


@pytest.fixture
def archive(library: sa.Engine, author: Any, tmp_path: Path) -> Iterator[sa.Engine]:
    """Give a second engine of the user's own, with an author whose key another one has in the first."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'archive.db'}")
    author.metadata.create_all(engine)
    with ln.Session(engine) as ss:
        ss.add(author(id=1, name="archived"))
    ln.add(author(id=1, name="current"))
    yield engine
    engine.dispose()


def _archived(archive: sa.Engine, author: Any, how: str) -> Any:
    """Read a detached record from the archive."""
    if how == "a block":
        with ln.Session(archive) as ss:
            return ss.select(author).one()
    if how == "a session that nobody closes":
        return ln.Session(archive).select(author).one()
    was = ln.connect()
    ln.connect(archive)
    found = ln.select(author).one()
    ln.connect(was)
    return found


@pytest.mark.parametrize("how", ["a block", "a session that nobody closes", "another connect"])
def test_a_record_is_saved_where_it_came_from(library: sa.Engine, archive: sa.Engine, author: Any, how: str) -> None:
    """Outside of a block, a detached record is edited and deleted in its own database."""
    old = _archived(archive, author, how)
    ln.connect(library)
    old.name = "corrected"

    ln.add(old)
    with ln.Session(archive) as ss:
        names = ss.select(author.name).all()
    ln.delete(old)

    assert ["corrected"] == names
    assert ["current"] == ln.select(author.name).all()
    assert 0 == ln.Session(archive).select(author).count()


@pytest.mark.parametrize("use", ["ss.add", "ln.add", "ln.delete", "ss.orm.add", "cascade"])
def test_a_session_refuses_records_of_another_database(
    library: sa.Engine, archive: sa.Engine, author: Any, book: Any, use: str
) -> None:
    """Where its key may be another row's, a record is refused on the line that brings it."""
    old = _archived(archive, author, "a block")
    old.name = "corrected"

    with ln.Session() as ss:
        uses: dict[str, Callable[[], object]] = {
            "ss.add": lambda: ss.add([author(name="new"), old]),
            "ln.add": lambda: ln.add([author(name="new"), old]),
            "ln.delete": lambda: ln.delete(old),
            "ss.orm.add": lambda: ss.orm.add(old),
            "cascade": lambda: ss.add(book(title="new", author=old)),
        }
        with pytest.raises(ln.errors.ForeignSessionError) as error:
            uses[use]()

    assert f"Author(id=1, name='corrected') was read from {archive.url.database}" in str(error.value)
    assert "make a new record" in error.value.fix
    assert ["current"] == ln.select(author.name).all()


def test_records_of_two_databases_are_refused(library: sa.Engine, archive: sa.Engine, author: Any, book: Any) -> None:
    """Nothing is saved of a list, or of a new record and its relations, that no one database can hold."""
    old = _archived(archive, author, "a block")

    for records in ([old, ln.select(author).one()], [old, author(name="new")], [book(title="new", author=old)]):
        with pytest.raises(ln.errors.ForeignSessionError):
            ln.add(records)

    assert (1, 0) == (ln.select(author).count(), ln.select(book).count())


def test_a_record_of_the_usual_database_is_refused_elsewhere(engine: sa.Engine, tmp_path: Path) -> None:
    """A session on another registry refuses what was read where the settings lead."""
    ln.connect()
    run = ln.add(lns.Run(name="x"))

    with ln.Session(f"sqlite:///{tmp_path / 'other.db'}") as ss, pytest.raises(ln.errors.ForeignSessionError):
        ss.add(run)

    ln.add(run)
    assert ln.load(run, "created_by").created_by is not None


def test_an_engine_made_again_leads_to_the_same_database(library: sa.Engine, author: Any) -> None:
    """A cell that makes the engine and connects may run again."""
    ann = ln.add(author(name="Ann"))
    again = sa.create_engine(library.url)
    ln.connect(again)
    ann.name = "Bea"

    with ln.Session():
        ln.add(ann)

    assert ["Bea"] == ln.select(author.name).all()
    again.dispose()


def test_a_copy_goes_wherever_it_is_added(library: sa.Engine, archive: sa.Engine, author: Any) -> None:
    """A record that SQLAlchemy made new again has come from nowhere."""
    old = _archived(archive, author, "a block")
    orm.make_transient(old)
    old.id = 2

    ln.add(old)

    assert ["current", "archived"] == ln.select(author.name).order_by(author.id).all()


def test_registry_records_beside_an_own_engine_are_edited_there(
    library: sa.Engine, author: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A block on an engine without a registry takes records of the registry, which lead to the settings'."""
    monkeypatch.setenv("LN_JUPYTER_URL", f"sqlite:///{tmp_path / 'registry.db'}")
    ln.settings.forget()
    run = ln.add(lns.Run(name="x"))
    run.name = "y"

    with ln.Session():
        ln.add([author(name="Ann"), run])
    run.name = "z"
    ln.add(run)

    assert ["z"] == ln.select(lns.Run.name).all()
    ln.settings.forget()


def test_what_was_set_and_is_no_field_is_refused() -> None:
    """Of the registry's records, new or edited: nothing would save it."""
    added = ln.add(lns.Run(name="a"))
    for run in (lns.Run(), added):
        run.paramters = {"a": 1}
        with pytest.raises(ln.errors.UnknownFieldError, match="no field 'paramters'") as error:
            ln.add(run)
        assert "parameters" in error.value.fix

    assert ln.select(lns.Run).count() == 1


def test_what_is_brought_along_or_edited_in_a_block_has_no_other_field() -> None:
    """Whatever a flush saves is looked at; a name with an underscore, and what is not saved, is the user's own."""
    ln.add(lns.Run(name="a"))
    pipeline = lns.Pipeline(name="p")
    pipeline.nmae = "q"
    with pytest.raises(ln.errors.UnknownFieldError, match="Pipeline has no field 'nmae'"):
        ln.add(lns.Run(pipeline=pipeline))
    with pytest.raises(ln.errors.UnknownFieldError, match="Run has no field 'outcom'"), ln.Session() as ss:
        run = ss.select(lns.Run).one()
        run.name, run.outcom = "b", "aborted"
    with ln.Session() as ss:
        run = ss.select(lns.Run).one()
        run.colour = run._colour = "red"

    run.name, run._own = "c", 1
    del run.colour
    assert ln.add(run)._own == 1


@pytest.mark.parametrize(
    "use", [ln.add, ln.delete, lambda record: ln.load(record, "runs")], ids=["add", "delete", "load"]
)
@pytest.mark.usefixtures("engine")
def test_a_shallow_copy_is_refused(use: Any) -> None:
    """SQLAlchemy takes it for its original, so that what was set on it would not be saved."""
    pipeline = ln.add(lns.Pipeline(name="original"))
    copied = copy.copy(pipeline)
    copied.name = "copied"

    with pytest.raises(ln.errors.DuplicateRecordError, match="shallow copy"):
        use(copied)

    assert ln.select(lns.Pipeline).one().name == "original"


@pytest.mark.parametrize(
    ("make", "fix"),
    [
        (lambda: ln.select(lns.Run), "give its records: statement.all()"),
        (lambda: sa.select(lns.Run), "give its records: statement.all()"),
        (lambda: pd.DataFrame({"name": ["x"]}), "give the class of its rows first: ln.add(Model, frame)"),
        (lambda: "x", "pass a record, a list of records, or a mapped class with fields: ln.add(Model, name=...)"),
    ],
    ids=["statement", "SQLAlchemy's", "frame", "text"],
)
def test_what_is_no_record_is_told_what_to_give(make: Callable[[], Any], fix: str) -> None:
    """A statement or a frame that is added or deleted is not run or read, and the error says what to give."""
    for act in (ln.add, ln.delete):
        with pytest.raises(ln.errors.NotMappedError) as error:
            act(make())

        assert fix == error.value.fix
