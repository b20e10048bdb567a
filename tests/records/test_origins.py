"""Which database: the one that a record came from, else the one that its class leads to, and never a guess."""

from __future__ import annotations

import datetime as dt
import os
import pickle
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.horizontal_shard import ShardedSession

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import advice
from ln_jupyter.db import engines, limits, transactions
from ln_jupyter.display import record
from ln_jupyter.display.options import DEFAULT
from ln_jupyter.ipython.display_hook import views
from ln_jupyter.orm import origins, unit_of_work
from ln_jupyter.registry import choose
from ln_jupyter.tracking import prune
from tests.records.conftest import Author, Base, Book

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ln_jupyter.orm.session import OrmSession


@pytest.fixture(autouse=True)
def _registry_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the settings lead to a registry of the test's own, and let nothing be connected."""
    monkeypatch.setenv("LN_JUPYTER_URL", f"sqlite:///{tmp_path / 'registry.db'}")
    ln.settings.forget()
    yield
    ln.connect()
    engines.dispose(f"sqlite:///{tmp_path / 'registry.db'}")
    ln.settings.forget()


def _make(url: str) -> sa.Engine:
    """Make an engine of the user's own, with an author and a book."""
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add(Author(id=1, name="Ann", books=[Book(id=1, title="of Ann")]))
        session.commit()
    return engine


@pytest.fixture
def first(tmp_path: Path) -> Iterator[sa.Engine]:
    """Give a database of the user's own."""
    engine = _make(f"sqlite:///{tmp_path / 'first.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def second(tmp_path: Path) -> Iterator[sa.Engine]:
    """Give another one, whose rows have the same keys."""
    engine = _make(f"sqlite:///{tmp_path / 'second.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE author SET name = 'Bob'")
        connection.exec_driver_sql("UPDATE book SET title = 'of Bob'")
    yield engine
    engine.dispose()


def _names(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(Author.name).order_by(Author.id)))


def _read(engine: sa.Engine) -> Any:
    """Read an author through a session of SQLAlchemy's own, and close it."""
    with orm.Session(engine) as session:
        return session.scalars(sa.select(Author)).one()


# -- where a class leads -------------------------------------------------------------------------------------------


class _Locks(list[tuple[str, bool]]):
    """The statements that reach a database, and whether its write lock was held."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        sa.event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, connection: sa.Connection, _cursor: object, sql: str, *_: object) -> None:
        self.append((sql, transactions.has_begun(connection)))

    def of(self, start: str) -> list[bool]:
        """Say of each statement that begins like this whether the lock was held."""
        return [is_locked for sql, is_locked in self if sql.startswith(start)]


@pytest.fixture
def registry(first: sa.Engine) -> sa.Engine:
    """Give the registry of the settings, while an engine of the user's own is connected."""
    ln.connect(first)
    ln.add(lns.Pipeline(name="there"))
    return choose.of_registry()


@pytest.mark.parametrize("use", ["ln.add", "ss.add"])
def test_get_or_create_locks_the_database_of_the_class(registry: sa.Engine, first: sa.Engine, use: str) -> None:
    """Before it creates, it looks once more with the registry locked, so that two processes never make one name twice."""
    ss = ln.Session()
    locks, others = _Locks(registry), _Locks(first)

    made = {"ln.add": ln.add, "ss.add": ss.add}[use](lns.Pipeline, name="new")

    assert [False, True] == locks.of("SELECT ln_pipeline")
    assert True not in [is_locked for _, is_locked in others]
    assert "new" == made.name
    ss.close()
    assert ["new", "there"] == sorted(ln.select(lns.Pipeline.name).all())


@pytest.mark.parametrize("use", ["ln.add", "ss.add"])
def test_get_or_create_locks_nothing_to_find(registry: sa.Engine, use: str) -> None:
    """What is there already is found without the lock."""
    ss = ln.Session()
    locks = _Locks(registry)

    {"ln.add": ln.add, "ss.add": ss.add}[use](lns.Pipeline, name="there")

    assert [False] == locks.of("SELECT ln_pipeline")
    ss.close()


def test_pruning_locks_the_registry(registry: sa.Engine) -> None:
    """Runs are chosen and removed while nobody else can write to the registry."""
    locks = _Locks(registry)

    prune.prune(older_than=dt.timedelta(0))

    assert [True] == locks.of("SELECT ln_run.id")


def test_a_block_that_writes_locks_each_database(registry: sa.Engine, first: sa.Engine) -> None:
    """The usual one when it begins, the registry before anything of it is read, and both again after a commit."""
    locks = _Locks(registry)

    with ln.Session(write=True) as ss:
        assert _is_locked(first)
        assert not _is_locked(registry)
        ss.select(lns.Pipeline).all()
        assert _is_locked(registry)
        ss.commit()
        assert not _is_locked(first)
        ss.select(lns.Pipeline).all()
        ss.select(Author).all()
        assert _is_locked(first)

    assert [True, True] == locks.of("SELECT ln_pipeline")


def _is_locked(engine: sa.Engine) -> bool:
    with closing(sqlite3.connect(engine.url.database or "", timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


def test_a_lock_that_is_not_given_is_asked_for_again(registry: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that goes on after the registry was busy does not read it unlocked."""
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.0)
    held = sa.create_engine(registry.url, isolation_level="AUTOCOMMIT")
    locks = _Locks(registry)

    with ln.Session(write=True) as ss:
        with held.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for _ in range(2):
                with pytest.raises(ln.errors.DatabaseBusyError):
                    ss.select(lns.Pipeline).all()
            connection.exec_driver_sql("ROLLBACK")
        ss.select(lns.Pipeline).all()

    assert [True] == locks.of("SELECT ln_pipeline")
    held.dispose()


@pytest.fixture
def down(tmp_path: Path) -> Iterator[sa.Engine]:
    """Connect to an engine of the user's own that cannot be reached."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'nowhere' / 'lab.db'}")
    ln.connect(engine)
    yield engine
    engine.dispose()


def test_a_registry_does_without_the_connected_database(down: sa.Engine) -> None:
    """Where an engine of the user's own cannot be reached, records of the registry are kept in that of the settings."""
    advice.take()

    ln.add(lns.Pipeline, name="p0")
    with ln.Session() as ss:
        ss.add(lns.Pipeline(name="p1"))

    assert f"{down.url.database} cannot be reached" in advice.take()[0]
    ln.connect()
    assert ["p0", "p1"] == ln.select(lns.Pipeline.name).order_by(lns.Pipeline.name).all()


def test_a_connected_registry_that_is_down_is_not_replaced(tmp_path: Path) -> None:
    """What is connected by its URL is the registry: nothing goes elsewhere because it cannot be reached."""
    ln.connect(f"sqlite:///{tmp_path / 'nowhere' / 'team.db'}")

    with pytest.raises(ln.errors.DatabaseUnavailableError):
        ln.add(lns.Pipeline, name="p0")

    ln.connect()
    assert [] == ln.select(lns.Pipeline).all()


@pytest.mark.parametrize("use", ["block", "bare"])
def test_connecting_elsewhere_moves_nothing_that_is_pending(first: sa.Engine, second: sa.Engine, use: str) -> None:
    """A session goes on where it began, whatever is connected meanwhile."""
    ln.connect(first)
    ss = ln.Session()
    if use == "block":
        ss.begin()
        ln.connect(second)
    ss.orm.add(Author(name="new"))
    ln.connect(second)

    ss.commit()
    names = ss.select(Author.name).order_by(Author.id).all()
    ss.close()

    assert ["Ann", "new"] == names == _names(first)
    assert ["Bob"] == _names(second) == ln.select(Author.name).all()


# -- where a record came from --------------------------------------------------------------------------------------


def test_a_record_of_the_settings_is_loaded_from_there(first: sa.Engine, tmp_path: Path) -> None:
    """Also when another registry is connected, in which its key is that of another row."""
    ln.add(lns.Pipeline(id="p", name="mine", runs=[lns.Run(name="mine")]))
    mine, again = ln.select(lns.Pipeline).one(), ln.select(lns.Pipeline).one()
    ln.connect(f"sqlite:///{tmp_path / 'other.db'}")
    ln.add(lns.Pipeline(id="p", name="other", runs=[lns.Run(name="other")]))

    assert ["mine"] == [run.name for run in ln.load(mine, "runs").runs]
    with ln.Session():
        assert ["mine"] == [run.name for run in ln.load(again, "runs").runs]
    again.name = "edited"
    ln.add(again)
    assert ["other"] == ln.select(lns.Pipeline.name).all()
    ln.connect()
    assert ["edited"] == ln.select(lns.Pipeline.name).all()
    engines.dispose(f"sqlite:///{tmp_path / 'other.db'}")


def test_an_expunged_record_knows_its_database(first: sa.Engine, second: sa.Engine) -> None:
    """A record that left its session came from there, although the session goes on."""
    with ln.Session(first) as ss:
        ann = ss.select(Author).one()
        ss.orm.expunge(ann)
        ln.connect(second)
        ann.name = "edited"

    ln.add(ann)

    assert (["edited"], ["Bob"]) == (_names(first), _names(second))


def test_the_same_route_for_every_attempt(first: sa.Engine, second: sa.Engine) -> None:
    """A unit that the database asks to do again does not go elsewhere the second time."""
    ln.connect(first)
    engines_used = []

    def act(session: OrmSession) -> None:
        engines_used.append(session.get_bind())
        ln.connect(second)
        if len(engines_used) == 1:
            error = sa.exc.OperationalError("", {}, Exception())
            error.orig.sqlstate = "40001"  # type: ignore[union-attr]
            raise error

    unit_of_work.run(act)

    assert [first, first] == engines_used


# -- pickles -------------------------------------------------------------------------------------------------------


def _in_block(engine: sa.Engine) -> bytes:
    with ln.Session(engine) as ss:
        return pickle.dumps(ss.select(Author).one())


def _detached(engine: sa.Engine) -> bytes:
    with ln.Session(engine) as ss:
        ann = ss.select(Author).one()
    return pickle.dumps(ann)


def _in_session_of_sqlalchemy(engine: sa.Engine) -> bytes:
    with orm.Session(engine) as session:
        return pickle.dumps(session.scalars(sa.select(Author)).one())


@pytest.mark.parametrize("dump", [_detached, _in_block, _in_session_of_sqlalchemy])
def test_an_unpickled_record_goes_back(first: sa.Engine, second: sa.Engine, dump: Callable[[sa.Engine], bytes]) -> None:
    """It is loaded from, saved in and deleted from the database it was pickled in."""
    dumped = dump(first)
    ln.connect(first)
    ln.connect(second)

    ann = pickle.loads(pickle.dumps(pickle.loads(dumped)))
    ann.name = "edited"
    ln.add(ann)

    assert "of Ann" == ln.load(ann, "books").books[0].title
    assert (["edited"], ["Bob"]) == (_names(first), _names(second))
    with ln.Session() as ss, pytest.raises(ln.errors.ForeignSessionError, match=r"first\.db, and this session leads"):
        ss.add(pickle.loads(dumped))


def test_a_pickle_of_a_database_in_memory(second: sa.Engine) -> None:
    """In the same process it goes back; it is never taken for one of another database in memory."""
    engine, other = _make("sqlite://"), _make("sqlite://")
    dumped = _detached(engine)
    ln.connect(other)

    ann = pickle.loads(dumped)
    ann.name = "edited"
    ln.add(ann)

    assert (["edited"], ["Ann"]) == (_names(engine), _names(other))
    engine.dispose()
    other.dispose()


def test_a_pickle_of_the_registry() -> None:
    """A record of the settings' registry goes back to it, whatever is connected."""
    run = pickle.loads(pickle.dumps(ln.add(lns.Run(name="mine"))))
    ln.connect("sqlite://")
    run.name = "edited"

    ln.add(run)

    ln.connect()
    assert ["edited"] == ln.select(lns.Run.name).all()


def test_a_pickle_holds_no_password() -> None:
    """It says where a record came from without a password, wherever in the URL that is; unpickling opens nothing."""
    url = "postgresql+psycopg://me:first%40secret@host/lab?sslpassword=second&options=-c%20x%3D1"
    ann = Author(id=1, name="Ann")
    orm.make_transient_to_detached(ann)
    origins.note([sa.inspect(ann)], sa.create_engine(url), of_registry=False)
    before = set(engines._engines)

    dumped = pickle.dumps(ann)

    assert b"secret" not in dumped
    assert b"second" not in dumped
    assert b"host/lab" in dumped
    assert 1 == pickle.loads(dumped).id
    assert before == set(engines._engines)


def _run(code: str, folder: Path) -> str:
    """Run code in a new process."""
    env = os.environ | {"LN_JUPYTER_URL": f"sqlite:///{folder / 'registry.db'}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert "" == done.stderr
    return done.stdout


def test_a_pickle_of_another_process(first: sa.Engine, second: sa.Engine, tmp_path: Path) -> None:
    """Where nothing leads to its database, nothing is saved elsewhere, until an engine is named that leads there."""
    file = tmp_path / "ann.pickle"
    file.write_bytes(_detached(first))
    code = f"""
import pickle, pathlib, sqlalchemy as sa
import tests.records.conftest
ann = pickle.loads(pathlib.Path({str(file)!r}).read_bytes())
import ln_jupyter as ln
ln.connect(sa.create_engine({str(second.url)!r}))
ann.name = "edited"
for act in (ln.add, ln.delete, lambda ann: ln.load(ann, "books")):
    try:
        act(ann)
    except ln.errors.ForeignSessionError as error:
        print(error)
with ln.Session(sa.create_engine({str(first.url)!r})):
    ln.add(ann)
"""

    said = _run(code, tmp_path)

    wrong = f"Author(id=1, name='edited') was read from {first.url.database}, and nothing in this process leads there\n"
    assert 3 * wrong == said
    assert (["edited"], ["Bob"]) == (_names(first), _names(second))


# -- what nobody can know ------------------------------------------------------------------------------------------

ACTIONS: dict[str, Callable[[Any], object]] = {
    "ln.add": ln.add,
    "ln.delete": ln.delete,
    "ln.load": lambda ann: ln.load(ann, "books"),
    "ss.add": lambda ann: ln.Session().add(ann),
    "ss.orm.add": lambda ann: ln.Session().orm.add_all([ann]),
    "cascade": lambda ann: ln.add(Book(title="new", author=ann)),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_record_of_somebody_elses_session_is_refused(first: sa.Engine, second: sa.Engine, action: str) -> None:
    """Where several databases are used, a record that says nothing of its own is neither saved nor loaded by a guess."""
    ann = _read(first)
    ln.connect(second)
    ann.name = "edited"

    with pytest.raises(ln.errors.UnknownOriginError) as error:
        ACTIONS[action](ann)

    assert f"{second.url.database} and {first.url.database}" in str(error.value)
    assert error.value.fix.startswith("say where its row is: with ln.Session(engine): ln.add(record)")
    assert (["Ann"], ["Bob"]) == (_names(first), _names(second))


def test_the_fix_for_a_record_of_somebody_elses_session(first: sa.Engine, second: sa.Engine) -> None:
    """In a session that names its engine it is saved and loaded, and from then on it knows."""
    ann = _read(first)
    ln.connect(second)
    ann.name = "edited"

    with ln.Session(first):
        ln.load(ann, "books")
        ln.add(ann)
    ann.name = "again"
    ln.add(ann)

    assert "of Ann" == ann.books[0].title
    assert (["again"], ["Bob"]) == (_names(first), _names(second))


def test_the_only_database(first: sa.Engine) -> None:
    """Where one database is used, also by several engines, it is the one; the registry beside it counts for nothing."""
    ln.connect(first)
    ln.add(lns.Run(name="x"))
    again = sa.create_engine(first.url)
    ann = _read(again)
    ann.name = "edited"

    ln.add(ann)

    assert "of Ann" == ln.load(ann, "books").books[0].title
    assert ["edited"] == _names(first)
    again.dispose()


def test_a_database_in_memory_that_is_gone_counts_for_nothing(first: sa.Engine) -> None:
    """A cell that makes an engine in memory anew does not make the records of the next one ambiguous."""
    ln.connect(first)
    _make("sqlite://").dispose()
    ann = _read(first)

    assert "of Ann" == ln.load(ann, "books").books[0].title


def test_a_session_from_before(first: sa.Engine, second: sa.Engine, tmp_path: Path) -> None:
    """A database that was used before this package is counted, too."""
    code = f"""
import sqlalchemy as sa
from tests.records.conftest import Author
engine = sa.create_engine({str(first.url)!r})
with sa.orm.Session(engine) as session:
    ann = session.scalars(sa.select(Author)).one()
unused = sa.create_engine("sqlite:///unused.db")
import ln_jupyter as ln
ln.connect(sa.create_engine({str(second.url)!r}))
ann.name = "edited"
try:
    ln.add(ann)
except ln.errors.UnknownOriginError as error:
    print(error)
"""

    said = _run(code, tmp_path)

    assert f"this process uses {second.url.database} and {first.url.database}\n" in said
    assert ["Bob"] == _names(second)


def test_a_record_of_a_shard_is_refused(first: sa.Engine, second: sa.Engine) -> None:
    """A key that is of one shard among several is not looked for in whatever is connected."""
    with ShardedSession(
        shards={"first": first, "second": second},
        shard_chooser=lambda *_: "first",
        identity_chooser=lambda *_, **__: ["first"],
        execute_chooser=lambda _: ["first"],
    ) as session:
        ann = session.scalars(sa.select(Author)).one()
    origins.forget()  # as in a process that knows of one shard only
    ln.connect(second)
    ann.name = "edited"

    for action in (ln.add, ln.delete, lambda ann: ln.load(ann, "books")):
        with pytest.raises(ln.errors.UnknownOriginError, match="is of the shard 'first'"):
            action(ann)
    with ln.Session(first):
        ln.add(ann)

    assert (["edited"], ["Bob"]) == (_names(first), _names(second))


def test_a_deleted_record_is_not_looked_for_elsewhere(first: sa.Engine, second: sa.Engine) -> None:
    """What was deleted in one database is not loaded from another, in which there is a row of its key."""
    with ln.Session(first) as ss:
        book = ss.delete(ss.select(Book).one())
    ln.connect(second)

    with pytest.raises(ln.errors.UnloadableError, match="was deleted"):
        ln.load(book, "author")


# -- what is shown ---------------------------------------------------------------------------------------------------


def _card(shown: object, **namespace: object) -> str:
    """Give the line of a record's card."""
    fix = record.view(shown, options=views.naming(shown, "record", DEFAULT, {"it": shown, "ln": ln, **namespace})).fix
    assert fix is not None
    return fix.code


def test_the_card_where_there_is_one_database(first: sa.Engine) -> None:
    """Nothing needs to be named."""
    ln.connect(first)

    assert 'ln.load(it, "books")' == _card(_read(first), mine=first)


def test_the_card_of_a_record_that_knows_its_database(first: sa.Engine, second: sa.Engine) -> None:
    """Nothing needs to be named, although another one is connected."""
    ln.connect(first)
    with ln.Session(second) as ss:
        bob = ss.select(Author).one()

    assert 'ln.load(it, "books")' == _card(bob, mine=first)


def test_the_card_of_a_record_of_which_nobody_knows(first: sa.Engine, second: sa.Engine) -> None:
    """Where it may be of several databases, the line names one of them, and can be pasted."""
    ann = _read(first)
    ln.connect(second)

    line = _card(ann, mine=first)
    exec(line, {"it": ann, "mine": first, "ln": ln})

    assert 'with ln.Session(mine): ln.load(it, "books")' == line
    assert "of Ann" == ann.books[0].title


def test_the_card_of_an_expired_record(first: sa.Engine, second: sa.Engine) -> None:
    """What is to be read again is read from where it came from."""
    with ln.Session(first) as ss:
        ann = ss.select(Author).one()
        ss.orm.expire(ann)
    ln.connect(second)

    line = _card(ann, mine=first)
    variables: dict[str, Any] = {"it": ann, "mine": first, "ln": ln}
    exec(line, variables)

    assert "with ln.Session(mine): it = ln.select(type(it), id=1).one()" == line
    assert "Ann" == variables["it"].name


def test_the_sql_of_a_statement_is_of_its_database() -> None:
    """It is written as the database speaks that the class leads to."""
    ln.connect(sa.create_engine("postgresql+psycopg://host/lab"))
    ln.settings.current()
    named = ln.Session(sa.create_engine("sqlite://"))

    assert "LIMIT %(param_1)s" in ln.select(Author).limit(1).sql
    assert "LIMIT ?" in ln.select(lns.Run).limit(1).sql
    assert "LIMIT ?" in named.select(Author).limit(1).sql
