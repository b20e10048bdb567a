"""What a session sent is recorded: how much, how long, one record at a time, and for nothing."""

# No `from __future__ import annotations`: SQLModel reads the annotations as they are.

import gc
import pickle
import tracemalloc
from collections.abc import Iterator, Sequence

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship, selectinload, subqueryload
from sqlalchemy.orm.attributes import InstrumentedAttribute
from sqlmodel import Field, Relationship, SQLModel

from ln_jupyter.db import engines, transactions
from ln_jupyter.orm.profile.model import LazyLoads, Profile
from ln_jupyter.orm.profile.recorder import Recorder
from ln_jupyter.orm.session import OrmSession

pytestmark = pytest.mark.alike


class Base(DeclarativeBase):
    """Declarative."""


_reader = sa.Table(
    "p_reader",
    Base.metadata,
    sa.Column("book_id", sa.ForeignKey("p_book.id"), primary_key=True),
    sa.Column("person_id", sa.ForeignKey("p_person.id"), primary_key=True),
)


class Person(Base):
    """The base of a joined-table inheritance."""

    __tablename__ = "p_person"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012 - SQLAlchemy's way
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    boss_id: Mapped[int | None] = mapped_column(sa.ForeignKey("p_person.id"))
    boss: Mapped["Person | None"] = relationship(remote_side="Person.id")
    books: Mapped[list["Book"]] = relationship(back_populates="author", foreign_keys="Book.author_id")


class Editor(Person):
    """Has a table of its own, and a relationship of its own."""

    __tablename__ = "p_editor"
    __mapper_args__ = {"polymorphic_identity": "editor"}  # noqa: RUF012 - SQLAlchemy's way
    id: Mapped[int] = mapped_column(sa.ForeignKey("p_person.id"), primary_key=True)
    office: Mapped[str]
    edited: Mapped[list["Book"]] = relationship(back_populates="editor", foreign_keys="Book.editor_id")


class Book(Base):
    """Belongs to an author and an editor, and has readers."""

    __tablename__ = "p_book"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(deferred=True)
    author_id: Mapped[int | None] = mapped_column(sa.ForeignKey("p_person.id"))
    editor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("p_editor.id"))
    author: Mapped[Person | None] = relationship(back_populates="books", foreign_keys=[author_id])
    editor: Mapped[Editor | None] = relationship(back_populates="edited", foreign_keys=[editor_id])
    readers: Mapped[list[Person]] = relationship(secondary=_reader)


class Heroes(SQLModel, registry=orm.registry()):
    """A SQLModel base with a metadata of its own."""

    metadata = sa.MetaData()


class Team(Heroes, table=True):
    """SQLModel, the one side."""

    id: int | None = Field(default=None, primary_key=True)
    members: list["Hero"] = Relationship(back_populates="team")


class Hero(Heroes, table=True):
    """SQLModel, the many side."""

    id: int | None = Field(default=None, primary_key=True)
    team_id: int | None = Field(default=None, foreign_key="team.id")
    team: Team | None = Relationship(back_populates="members")


@pytest.fixture
def library(url: sa.URL) -> Iterator[sa.Engine]:
    """Give an engine of ours with three books, each with an author, an editor and a reader of its own."""
    engine = engines.resolve(url)
    Base.metadata.create_all(engine)
    Heroes.metadata.create_all(engine)
    with orm.Session(engine) as session:
        for n in range(3):
            editor = Editor(id=20 + n, office="7")
            author = Person(id=10 + n, boss_id=9 + n if n else None)
            session.add(Book(id=n, text="long", author=author, editor=editor, readers=[Person(id=30 + n)]))
            session.flush()
        session.commit()
    yield engine
    engines.dispose(url)


@pytest.fixture
def session(library: sa.Engine) -> Iterator[OrmSession]:
    """Give a session."""
    with OrmSession(library) as session:
        yield session


@pytest.fixture
def recorder(session: OrmSession) -> Iterator[Recorder]:
    """Record the session."""
    recorder = Recorder(session)
    yield recorder
    recorder.stop()


def _said(profile: Profile) -> list[tuple[str, int, str | None]]:
    return [(loads.name, loads.count, loads.fix) for loads in profile.lazy_loads]


def _unread(profile: Profile) -> list[str]:
    return [load.name for load in profile.unread]


# -- how much --------------------------------------------------------------------------------------------------


def test_every_statement_counts(session: OrmSession, recorder: Recorder) -> None:
    """Selects, SQL on the session's connection, lazy loads and what a flush sends are counted, with their rows."""
    book = session.scalars(sa.select(Book).where(Book.id == 0)).one()
    session.execute(sa.text("SELECT id FROM p_book")).all()
    session.connection().exec_driver_sql("SELECT id FROM p_person").fetchmany(2)
    _ = book.author
    session.add(Team())
    session.flush()

    profile = recorder.profile()

    assert (5, 1 + 3 + 2 + 1, 1) == (profile.statements, profile.rows_read, profile.rows_written)
    assert profile.rows == 8
    assert profile.seconds > 0


@pytest.mark.parametrize("how", ["bulk", "flush", "update", "delete", "returning"])
def test_written_rows_are_counted(session: OrmSession, recorder: Recorder, how: str) -> None:
    """However rows are written, each counts once."""
    if how == "bulk":
        session.execute(sa.insert(Team).returning(sa.column("id")), [{} for _ in range(7)]).all()
    elif how == "flush":
        session.add_all([Team() for _ in range(7)])
        session.flush()
    else:
        session.execute(sa.insert(Team), [{"id": n} for n in range(100, 107)])
        assert recorder.profile().rows_written == 7
        if how == "update":
            session.execute(sa.update(Team).values(id=Team.id + 100))  # type: ignore[operator]
        elif how == "delete":
            session.execute(sa.delete(Team))
        else:
            session.execute(sa.delete(Team).returning(sa.column("id"))).all()

    expected = 7 if how in ("bulk", "flush") else 14
    assert expected == recorder.profile().rows_written


def test_every_transaction_counts(session: OrmSession, recorder: Recorder) -> None:
    """Commits and rollbacks do not end the recording, and a savepoint adds its own two statements only."""
    for _ in range(3):
        session.execute(sa.select(Book.id)).all()
        with session.begin_nested():
            session.execute(sa.select(Book.id)).all()
        session.commit()
        session.execute(sa.select(Book.id)).all()
        session.rollback()

    assert (9 + 6, 27) == (recorder.profile().statements, recorder.profile().rows_read)


def test_an_engine_of_the_users(library: sa.Engine) -> None:
    """A session on somebody's own engine is recorded all the same, lock included."""
    own = sa.create_engine(library.url)
    with OrmSession(own) as session:
        recorder = Recorder(session)
        for n in (7, 8):
            session.execute(sa.select(Book.id)).all()
            session.add(Team(id=n))
            session.commit()
        recorder.stop()
    own.dispose()

    profile = recorder.profile()

    assert (4, 6, 2) == (profile.statements, profile.rows_read, profile.rows_written)
    assert (library.dialect.name == "sqlite") == (profile.lock_seconds > 0)


def test_another_session_is_not_seen(library: sa.Engine, session: OrmSession, recorder: Recorder) -> None:
    """What another session of the same engine sends is its own."""
    with OrmSession(library) as other:
        book = other.scalars(sa.select(Book).options(joinedload(Book.editor))).first()
        assert book is not None
        _ = book.author
    session.scalars(sa.select(Book).options(joinedload(Book.editor))).all()

    assert recorder.profile().statements == 1
    assert ["Book.editor"] == _unread(recorder.profile())


def test_the_slowest_come_first(session: OrmSession, recorder: Recorder) -> None:
    """Statements are added up by their text, and however many texts there are, nothing is lost."""
    for n in range(500):
        session.execute(sa.text(f"SELECT {n}")).all()
    for _ in range(3):
        session.execute(sa.text("SELECT id FROM p_book")).all()

    profile = recorder.profile()

    assert (503, 509) == (profile.statements, profile.rows_read)
    assert sorted(profile.slowest, key=lambda slow: -slow.seconds) == list(profile.slowest)


def test_the_lock_is_timed(sqlite_url: sa.URL) -> None:
    """Holding SQLite's write lock is timed from its first statement, or from when it was taken by hand."""
    engine = engines.resolve(sqlite_url)
    Heroes.metadata.create_all(engine)
    with OrmSession(engine) as session:
        recorder = Recorder(session)
        session.execute(sa.select(Team)).all()
        assert recorder.profile().lock_seconds == 0
        transactions.lock_for_writing(session.connection())
        for _ in range(100):
            session.execute(sa.select(Team)).all()
        held = recorder.profile().lock_seconds
        with session.begin_nested():
            session.add(Team())
        after_savepoint = recorder.profile().lock_seconds
        session.commit()
        whole = recorder.profile().lock_seconds
        session.execute(sa.select(Team)).all()
        recorder.stop()

    assert 0 < held < after_savepoint < whole
    assert whole == recorder.profile().lock_seconds


def test_a_flush_is_named_by_the_line_that_read(session: OrmSession, recorder: Recorder) -> None:
    """What is sent because something is read counts, with the line that read; what a commit sends is no such thing."""
    book = session.scalars(sa.select(Book).where(Book.id == 0)).one()
    book.text = "short"
    session.commit()
    for text in ("long", "longer"):
        book.text = text
        session.expire(book, ["author"])
        _ = book.author.books  # the read

    (flush,) = recorder.profile().flushes

    assert 2 == flush.statements
    assert flush.line is not None
    assert flush.line.text.endswith("# the read")


# -- one by one ------------------------------------------------------------------------------------------------


def test_lazy_loads_are_named(session: OrmSession, recorder: Recorder) -> None:
    """They are grouped by relationship, line and query, and the fix is what to add to the query."""
    books = session.scalars(sa.select(Book)).all()  # the query
    for book in books:
        _ = book.author  # the loop

    (loads,) = recorder.profile().lazy_loads

    assert ("Book.author", 3, '.load("author")') == (loads.name, loads.count, loads.fix)
    assert loads.line is not None
    assert loads.line.text.endswith("# the loop")
    assert loads.query is not None
    assert loads.query.text.endswith("# the query")


@pytest.mark.parametrize("option", [None, selectinload, subqueryload, joinedload])
def test_nested_lazy_loads_have_a_path(session: OrmSession, recorder: Recorder, option: object) -> None:
    """What is loaded for records that were loaded themselves is named from the class that was selected."""
    options = [option(Book.readers)] if callable(option) else []
    for book in session.scalars(sa.select(Book).options(*options)).unique():
        for reader in book.readers:
            _ = reader.books

    expected = ("Person.books", 3, '.load("readers.books")')
    assert expected in _said(recorder.profile())


def test_a_record_at_a_time_is_no_n_plus_one(session: OrmSession, recorder: Recorder) -> None:
    """Lazy loads of records that were selected one by one are counted, and nothing is to be fixed there."""
    for n in range(3):
        _ = session.get_one(Book, n).author

    assert [("Book.author", 3, None)] == _said(recorder.profile())


def test_what_is_in_the_session_sends_nothing(session: OrmSession, recorder: Recorder) -> None:
    """Reading a related record that is there already is no lazy load."""
    people = session.scalars(sa.select(Person)).all()
    for book in session.scalars(sa.select(Book)).all():
        assert book.author in people

    assert () == recorder.profile().lazy_loads


def test_deferred_and_expired_columns(session: OrmSession, recorder: Recorder) -> None:
    """Columns that are read later, or again, are loads too; a refresh that was asked for is not."""
    books = session.scalars(sa.select(Book)).all()
    for book in books:
        _ = book.text
    session.expire(books[0])
    _ = books[0].author_id
    session.expire(books[1], ["text"])
    _ = books[1].text
    session.refresh(books[2])

    expected = [
        ("Book.text (deferred)", 3, '.load("text")'),
        ("Book (expired)", 1, None),
        ("Book.text (expired)", 1, None),
    ]
    assert expected == _said(recorder.profile())


def test_a_subclass(session: OrmSession, recorder: Recorder) -> None:
    """What only a subclass has is loaded by SQLAlchemy's own options, as its base knows no such name."""
    for person in session.scalars(sa.select(Person).where(Person.kind == "editor")):
        assert isinstance(person, Editor)
        _ = person.office, person.edited

    said = _said(recorder.profile())

    columns = ("Editor.office (deferred)", 3, ".options(selectin_polymorphic(Person, [Editor]))")
    assert {columns, ("Editor.edited", 3, ".options(selectinload(Editor.edited))")} == set(said)


def test_a_chain_is_one_group(session: OrmSession, recorder: Recorder) -> None:
    """A chain of records that leads deep is counted, and no path is made of it."""
    session.add_all([Person(id=100 + n, boss_id=99 + n if n else None) for n in range(50)])
    session.commit()
    session.expunge_all()
    person = session.get(Person, 149)
    while person is not None:
        person = person.boss

    assert [("Person.boss", 49, None)] == _said(recorder.profile())
    assert max(len(origin.path) for _, origin in recorder._loads._asked) < 10


def test_sqlmodel(session: OrmSession, recorder: Recorder) -> None:
    """SQLModel's records are recorded as any other."""
    session.add_all([Hero(team=Team()) for _ in range(3)])
    session.commit()
    session.expunge_all()
    for hero in session.scalars(sa.select(Hero).options(selectinload(Hero.team))).all():  # type: ignore[arg-type]
        assert hero.team is not None
        _ = hero.team.members

    assert ("Team.members", 3, '.load("team.members")') in _said(recorder.profile())
    assert [] == _unread(recorder.profile())


@pytest.mark.newest  # and slow, as every allocation is followed: on SQLite alone
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_thousands_of_lazy_loads(library: sa.Engine) -> None:
    """However many lazy loads there are, a profile stays as small as after the first hundred."""
    with OrmSession(library) as session:
        session.execute(sa.insert(Book), [{"id": n, "text": "", "author_id": 10} for n in range(100, 600)])
        session.commit()
        recorder = Recorder(session)
        books = session.scalars(sa.select(Book).where(Book.id >= 100)).all()
        tracemalloc.start()
        read_and_forget(session, books[:100])
        before = _allocated()
        for _ in range(4):
            read_and_forget(session, books)
        grown = _allocated() - before
        tracemalloc.stop()
        recorder.stop()

    loads = [loads for loads in recorder.profile().lazy_loads if loads.count > 1]
    assert sum(each.count for each in loads) >= 2_100 - 1
    assert grown < 20_000


def read_and_forget(session: OrmSession, books: Sequence[Book]) -> None:
    for book in books:
        _ = book.readers
        session.expire(book, ["readers"])


def _allocated() -> int:
    """Give how many bytes our own code holds."""
    gc.collect()
    ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/ln_jupyter/db/*")])  # noqa: FBT003
    return sum(each.size for each in ours.statistics("filename"))


# -- for nothing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", [joinedload, selectinload, subqueryload])
def test_unread_eager_loads_are_named(session: OrmSession, recorder: Recorder, option: object) -> None:
    """What a query loads with its records and nobody reads is named, until somebody reads it."""
    assert callable(option)
    books = session.scalars(sa.select(Book).options(option(Book.author), option(Book.readers))).unique().all()
    before = _unread(recorder.profile())

    _ = books[0].author

    assert ["Book.author", "Book.readers"] == before
    assert ["Book.readers"] == _unread(recorder.profile())


def test_below_what_is_empty_there_is_nothing_to_read(session: OrmSession, recorder: Recorder) -> None:
    """A path is unread from its first step that was not read, and not at all where there was no record."""
    session.scalars(sa.select(Book).where(Book.id == -1).options(joinedload(Book.editor))).all()
    people = session.scalars(sa.select(Person).options(selectinload(Person.books).joinedload(Book.editor))).all()
    assert ["Person.books"] == _unread(recorder.profile())

    assert people[-1].books == []
    assert [] == _unread(recorder.profile())

    assert people[0].books != []
    assert ["Person.books.editor"] == _unread(recorder.profile())


def test_a_subclass_is_read_too(session: OrmSession, recorder: Recorder) -> None:
    """Reading what the base declares on a record of a subclass is reading it."""
    query = sa.select(Person).where(Person.kind == "editor").options(joinedload(Person.boss))
    _ = session.scalars(query).all()[0].boss

    assert [] == _unread(recorder.profile())


def test_classes_are_given_back(session: OrmSession) -> None:
    """While a profile is on, only the attributes in question are followed; afterwards none, whoever stops first."""
    first, second = Recorder(session), Recorder(session)
    session.scalars(sa.select(Person).options(selectinload(Person.books))).all()
    followed = type(Person.books), type(Editor.books), type(Person.boss)
    first.stop()
    still = type(Person.books)
    second.stop()
    second.stop()

    assert InstrumentedAttribute not in followed[:2]
    assert InstrumentedAttribute is followed[2]
    assert InstrumentedAttribute is not still
    assert {InstrumentedAttribute} == {type(Person.books), type(Editor.books), type(Person.boss)}


def test_classes_are_given_back_when_nobody_stops(library: sa.Engine) -> None:
    """A session that vanishes without an end takes its profile with it."""
    session = OrmSession(library)
    recorder = Recorder(session)
    session.scalars(sa.select(Book).options(joinedload(Book.author))).unique().all()
    session.close()
    assert InstrumentedAttribute is not type(Book.author)

    del session, recorder
    gc.collect()

    assert InstrumentedAttribute is type(Book.author)


def test_followed_attributes_work(session: OrmSession, recorder: Recorder) -> None:
    """While they are followed, attributes are set, compared, used in statements and pickled with as ever."""
    query = sa.select(Book).options(joinedload(Book.author)).order_by(Book.id)
    first, *_ = session.scalars(query).all()
    joined = session.scalars(sa.select(Book).join(Book.author).where(Book.author.has(id=11))).one()

    first.author = joined.author
    session.flush()
    copy = pickle.loads(pickle.dumps(first))

    assert copy.author.id == 11
    assert first.author_id == 11


# -- off -------------------------------------------------------------------------------------------------------


def test_nothing_is_left(session: OrmSession) -> None:
    """After the end nothing listens, nothing is counted, and what was counted stays."""
    recorder = Recorder(session)
    session.execute(sa.select(Book.id)).all()
    recorder.stop()
    before = recorder.profile()

    for _ in range(2):
        session.execute(sa.select(Book.id)).all()
        session.add(Team())
        session.commit()

    assert before == recorder.profile()
    assert (False, True) == (Recorder(session).profile().is_final, before.is_final)


def test_a_session_without_a_profile_has_no_listener_of_its_own(session: OrmSession) -> None:
    """Off adds nothing: a session has the listeners of its class, and none more."""
    of_class = len(list(session.dispatch.after_begin))
    recorder = Recorder(session)
    while_on = len(list(session.dispatch.after_begin))
    recorder.stop()

    assert (of_class + 1, of_class) == (while_on, len(list(session.dispatch.after_begin)))


def test_facts_are_values() -> None:
    """A profile compares by what it says."""
    loads = LazyLoads("Run.pipeline", 3, None, None, None)

    assert Profile(1, 0.5, 2, 3, (loads,)) == Profile(1, 0.5, 2, 3, (LazyLoads("Run.pipeline", 3, None, None, None),))
