"""What a database refuses is named with its line, nothing that is said to be undone is saved, and nothing hides the error."""

from __future__ import annotations

import contextlib
import datetime as dt  # noqa: TC003 - SQLAlchemy reads it
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines
from ln_jupyter.records import bulk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.alike


class Base(DeclarativeBase):
    """A user's own."""


class Hero(Base):
    """Has something of each kind that can be refused."""

    __tablename__ = "hero"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(12), unique=True)
    n: Mapped[int | None]
    born: Mapped[dt.date | None]
    mentor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("hero.id"))
    __table_args__ = (sa.CheckConstraint("n > -5", name="positive"),)


def _own(url: sa.URL, **options: Any) -> sa.Engine:
    engine = sa.create_engine(url, **options)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys=ON"))
    return engine


@pytest.fixture(
    params=[
        "sqlite_url",
        pytest.param("postgres_url", marks=pytest.mark.postgres),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ]
)
def heroes(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """Give an engine of the user's own, with one connection, to a database with one hero."""
    options: dict[str, Any] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.01}
    engine = _own(request.getfixturevalue(request.param), **options)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(Hero).values(name="a", n=1))
    yield engine
    engine.dispose()


def _names(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.scalars(sa.select(Hero.name)))


def _note(raised: pytest.ExceptionInfo[BaseException]) -> str:
    return "\n".join(getattr(raised.value, "__notes__", ()))


# -- nothing is saved ------------------------------------------------------------------------------------------------


def _in_a_block(engine: sa.Engine, records: list[Hero]) -> None:
    with ln.Session(engine):
        ln.add(records)


def _in_a_block_that_locks(engine: sa.Engine, records: list[Hero]) -> None:
    with ln.Session(engine, write=engine.dialect.name != "mariadb"):  # of which no lock is known
        ln.add(records)


def _in_a_dry_run(engine: sa.Engine, records: list[Hero]) -> None:
    with ln.Session(engine, rollback=True):
        ln.add(records)


def _in_a_bare_session(engine: sa.Engine, records: list[Hero]) -> None:
    session = ln.Session(engine)
    try:
        session.add(records)
    finally:
        session.close()


def _connected(engine: sa.Engine, records: list[Hero]) -> None:
    ln.connect(engine)
    try:
        ln.add(records)
    finally:
        ln.connect()


@pytest.mark.parametrize(
    "add",
    [_in_a_block, _in_a_block_that_locks, _in_a_dry_run, _in_a_bare_session, _connected],
    ids=lambda f: f.__name__,
)
def test_naming_a_refused_record_saves_nothing(heroes: sa.Engine, add: Callable[[sa.Engine, list[Hero]], None]) -> None:
    """On an engine of the user's, too, the record is named among those sent together, and the others are not saved."""
    with pytest.raises(sa.exc.IntegrityError) as error:
        add(heroes, [Hero(name="c"), Hero(name="a"), Hero(name="d")])

    assert "the database refused Hero(name='a'); it was added at test_refusals.py, line" in _note(error)
    assert _note(error).endswith("nothing of this unit was saved")
    assert ["a"] == _names(heroes)


def test_the_line_that_added_it_to_another_session_is_not_told(heroes: sa.Engine) -> None:
    """Where a record was added before is no place to look for what is refused now."""
    with ln.Session(heroes):
        record = ln.add(Hero(name="c"))

    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session(heroes) as ss:
        ss.orm.add(record)
        record.name = "a"

    assert "name='a'" in _note(error)
    assert "added at" not in _note(error)


def test_nothing_but_reading_finds_a_refused_record(heroes: sa.Engine) -> None:
    """After the error no statement is sent that could save anything."""
    sent: list[str] = []
    refused: list[str] = []
    sa.event.listen(heroes, "before_cursor_execute", lambda _c, _cur, sql, *_: sent.append(sql))
    sa.event.listen(heroes, "handle_error", lambda context: refused.append(context.statement) or sent.clear())

    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session(heroes):
        ln.add([Hero(id=5, name="c"), Hero(id=6, name="a"), Hero(id=7, name="d")])

    assert "Hero(id=6, name='a')" in _note(error)
    assert 1 == len(refused)
    assert {"SELECT"} == {sql.split()[0] for sql in sent}


def test_a_savepoint_of_a_dry_run_saves_nothing(heroes: sa.Engine) -> None:
    """What a savepoint released is undone with the dry run that is around it."""
    with ln.Session(heroes, rollback=True) as ss, ss.orm.begin_nested():
        ln.add(Hero(name="dry"))

    assert ["a"] == _names(heroes)


@pytest.mark.parametrize("how", ["session", "connection", "text"])
def test_what_a_savepoint_released_is_undone_with_its_block(heroes: sa.Engine, how: str) -> None:
    """However a savepoint is made, it is inside the transaction of the block."""
    with pytest.raises(ZeroDivisionError), ln.Session(heroes) as ss:
        if how == "session":
            with ss.orm.begin_nested():
                ln.add(Hero(name="undone"))
        elif how == "connection":
            with ss.orm.connection().begin_nested():
                ss.orm.execute(sa.insert(Hero).values(name="undone"))
        else:
            ss.orm.execute(sa.text("SAVEPOINT one"))
            ss.orm.execute(sa.insert(Hero).values(name="undone"))
            ss.orm.execute(sa.text("RELEASE SAVEPOINT one"))
        _ = 1 / 0

    assert ["a"] == _names(heroes)


def test_a_dry_run_keeps_no_table(heroes: sa.Engine) -> None:
    """A table that is made in it is undone, where sqlite3 would begin no transaction, and refused where it would commit."""
    is_undone = heroes.dialect.name != "mariadb"
    refusal = contextlib.nullcontext() if is_undone else pytest.raises(errors.SessionError, match="does not commit")
    with refusal, ln.Session(heroes, rollback=True) as ss:
        ss.orm.execute(sa.text("CREATE TABLE other (x INTEGER)"))

    assert ["hero"] == sa.inspect(heroes).get_table_names()


@pytest.mark.parametrize("how", ["session", "connection", "text"])
def test_a_dry_run_refuses_to_commit(heroes: sa.Engine, how: str) -> None:
    """However it is asked to, it saves nothing."""
    with pytest.raises(errors.SessionError, match="is a dry run"), ln.Session(heroes, rollback=True) as ss:
        ln.add(Hero(name="dry"))
        ss.orm.flush()
        if how == "session":
            ss.commit()
        elif how == "connection":
            ss.orm.connection().commit()
        else:
            ss.orm.execute(sa.text("COMMIT"))

    assert ["a"] == _names(heroes)


def test_a_dry_run_needs_transactions(heroes: sa.Engine) -> None:
    """Where each statement is committed by itself, it is refused before anything is sent."""
    engine = heroes.execution_options(isolation_level="AUTOCOMMIT")
    with pytest.raises(errors.SessionError) as error, ln.Session(engine, rollback=True):
        ln.add(Hero(name="dry"))

    assert "AUTOCOMMIT" in error.value.fix
    assert ["a"] == _names(heroes)


# -- what is named ---------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unique": ({"name": "a"}, "name='a'"),
    "unique among them": ({"name": "b"}, "name='b'"),
    "primary key": ({"id": 1, "name": "x"}, "id=1, name='x'"),
    "null": ({}, "Hero()"),
    "check": ({"name": "x", "n": -9}, "name='x'"),
    "foreign key": ({"name": "x", "mentor_id": 77}, "name='x'"),
    "type": ({"name": "x", "born": ["2020"]}, "name='x'"),
    "class": ({"name": "x", "n": object()}, "name='x'"),
    "size": ({"name": "x", "n": 2**70}, "name='x'"),
    "text": ({"name": "x\ud800"}, "name='x"),
}


@pytest.mark.parametrize("keys", ["of the database", "of the user"])
@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_record_is_named(heroes: sa.Engine, kind: str, keys: str) -> None:
    """Whatever SQLAlchemy, the driver or the database raises on the way, the record and its line are named."""
    given, named = REFUSED[kind]
    records = [Hero(**({"name": name} if given is None else {"n": None, **given})) for name, given in
               (("b", None), ("c", None), ("", given), ("d", None))]  # fmt: skip
    if keys == "of the user":
        for number, record in enumerate(records):
            record.id = record.id or 10 + number

    with pytest.raises(Exception) as error, ln.Session(heroes):  # noqa: PT011 - each kind has its own
        ln.add(records)

    note = _note(error)
    assert named.removeprefix("Hero()") in note
    assert "; it was added at test_refusals.py, line" in note
    assert note.endswith("nothing of this unit was saved")
    assert ["a"] == _names(heroes)


def test_a_refused_edit_is_named(heroes: sa.Engine) -> None:
    """Of records that are changed together, the one whose new value another row has."""
    with ln.Session(heroes):
        ln.add([Hero(name="b"), Hero(name="c")])

    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session(heroes) as ss:
        b, c = ss.select(Hero).where(Hero.name != "a").order_by(Hero.name).all()
        number = c.id
        b.name, c.name = "B", "a"

    assert f"refused Hero(id={number}, name='a')" in _note(error)
    assert ["a", "b", "c"] == _names(heroes)


@pytest.mark.postgres
def test_a_stale_record_is_named_by_one_connection(postgres_url: sa.URL) -> None:
    """Of two that were changed, the one is named that another session changed, with no other connection."""
    registry = ln.connect(postgres_url)
    ln.add([lns.Pipeline(id="p", name="p"), lns.Pipeline(id="q", name="q")])
    own = sa.create_engine(registry.url, pool_size=1, max_overflow=0, pool_timeout=0.01)

    with pytest.raises(errors.StaleRecordError) as error, ln.Session(own) as ss:
        p, q = ss.select(lns.Pipeline).order_by(lns.Pipeline.id).all()
        with registry.begin() as connection:
            connection.execute(sa.update(lns.Pipeline).where(lns.Pipeline.id == "q").values(name="Q", revision=2))
        p.name, q.name = "mine", "mine"

    engines.connect()
    own.dispose()
    assert "Pipeline(id='q', v='1'" in str(error.value)


def test_a_refused_record_of_a_savepoint(heroes: sa.Engine) -> None:
    """The note says that the savepoint is undone, and the rest of the unit is saved."""
    with ln.Session(heroes) as ss:
        ln.add(Hero(name="kept"))
        with pytest.raises(sa.exc.IntegrityError) as error, ss.orm.begin_nested():
            ln.add([Hero(name="b"), Hero(name="a")])

    assert "the database refused Hero(name='a')" in _note(error)
    assert _note(error).endswith("its savepoint is undone, and nothing else of this unit")
    assert ["a", "kept"] == _names(heroes)


def test_what_was_committed_before_is_not_said_to_be_undone(heroes: sa.Engine) -> None:
    """After a commit in the middle of a block, the note says since when nothing was saved."""
    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session(heroes) as ss:
        ln.add(Hero(name="kept"))
        ss.commit()
        ln.add(Hero(name="a"))

    assert _note(error).endswith("nothing of this unit was saved since its last commit")
    assert ["a", "kept"] == _names(heroes)


# -- rows in bulk ----------------------------------------------------------------------------------------------------

ROWS = [{"name": name} for name in ("x1", "x2", "a", "x3")]
KEYED = [{"id": 10 + number, **row} for number, row in enumerate(ROWS)]


@pytest.mark.parametrize("rows", [ROWS, KEYED], ids=["of the database", "of the user"])
@pytest.mark.parametrize("ours", [False, True], ids=["own", "ours"])
def test_a_refused_bulk_add_that_is_caught_leaves_nothing(heroes: sa.Engine, rows: Any, *, ours: bool) -> None:
    """It is all or nothing of one call: what else its block does is saved, and of its rows there is none."""
    if ours and heroes.dialect.name == "mariadb":
        pytest.skip("no engine of ours leads to MariaDB")
    target = heroes.url if ours else heroes
    with ln.Session(target) as ss:
        ss.add(Hero(name="before"))
        with pytest.raises(sa.exc.IntegrityError) as error:
            ln.add(Hero, rows)
        ss.add(Hero, [{"name": "after"}])

    assert "the database refused rows[2], Hero(" in _note(error)
    assert "; it was added at test_refusals.py, line" in _note(error)
    assert _note(error).endswith("nothing of this call was saved; what else the unit did stays in it")
    assert ["a", "after", "before"] == _names(heroes)
    if ours:
        engines.dispose(heroes.url)


@pytest.mark.parametrize("way", ["bare", "none"])
def test_a_refused_bulk_add_is_undone_at_once(heroes: sa.Engine, way: str) -> None:
    """In a bare session, or in none, the call is a unit by itself, and the next one saves nothing of it."""
    session = ln.Session(heroes)
    ln.connect(heroes)
    add = session.add if way == "bare" else ln.add
    with pytest.raises(sa.exc.IntegrityError) as error:
        add(Hero, KEYED)
    add(Hero, [{"name": "after"}])

    session.close()
    ln.connect()
    assert "the database refused rows[2], Hero(id=12, name='a')" in _note(error)
    assert _note(error).endswith("nothing of this unit was saved")
    assert ["a", "after"] == _names(heroes)


def test_a_refused_row_is_named_among_many(heroes: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it has the same value as a row that was sent in an earlier part, and is undone with it."""
    monkeypatch.setattr(bulk, "_CHUNK", 300)
    rows = [{"id": 10 + number, "name": f"h{number % 777}"} for number in range(1_000)]

    with pytest.raises(sa.exc.IntegrityError) as error, ln.Session(heroes):
        ln.add(Hero, rows)

    assert "the database refused rows[777], Hero(id=787, name='h0')" in _note(error)
    assert ["a"] == _names(heroes)


def test_a_refused_value_of_a_row_is_named(heroes: sa.Engine) -> None:
    """What SQLAlchemy refuses before anything is sent is named, too."""
    with pytest.raises(sa.exc.StatementError) as error, ln.Session(heroes):
        ln.add(Hero, [{"name": "x"}, {"name": "y", "born": "today"}] if heroes.name == "sqlite" else [{"n": 2**40}])

    assert "refused rows[" in _note(error)
    assert ["a"] == _names(heroes)


def test_a_bulk_add_without_savepoints(tmp_path: Any) -> None:
    """Where the database has none, an error that is caught undoes the unit, and its end says so."""
    pytest.importorskip("duckdb_engine")
    own = sa.create_engine(f"duckdb:///{tmp_path}/own.duckdb")
    with own.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE key (token VARCHAR PRIMARY KEY, label VARCHAR)")

    class Token(DeclarativeBase):
        pass

    class Key(Token):
        __tablename__ = "key"
        token: Mapped[str] = mapped_column(primary_key=True)
        label: Mapped[str | None]

    with pytest.raises(errors.TransactionUndoneError), ln.Session(own) as ss:
        ss.add(Key(token="before"))
        with pytest.raises(sa.exc.IntegrityError) as error:
            ss.add(Key, [{"token": "x1"}, {"token": "x1"}])

    with own.connect() as connection:
        left = connection.exec_driver_sql("SELECT token FROM key").all()
    assert _note(error).endswith("nothing of this unit was saved")
    assert [] == left
    own.dispose()
