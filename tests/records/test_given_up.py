"""No unit ends well that the database has given up, and nothing is remembered as committed before it is."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Base(DeclarativeBase):
    """A user's own."""


class Sample(Base):
    """Has a key that its user makes, as DuckDB makes none."""

    __tablename__ = "sample"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(sa.String(20), unique=True)


def _of_sqlite(request: pytest.FixtureRequest) -> sa.Engine:
    return sa.create_engine(request.getfixturevalue("sqlite_url"))


def _of_postgres(request: pytest.FixtureRequest) -> sa.Engine:
    return sa.create_engine(request.getfixturevalue("postgres_url"))


def _of_postgres_as_ours(request: pytest.FixtureRequest) -> sa.Engine:
    return ln.connect(request.getfixturevalue("postgres_url"))


def _of_mariadb(request: pytest.FixtureRequest) -> sa.Engine:
    return sa.create_engine(request.getfixturevalue("mariadb_url"))


def _of_duckdb(request: pytest.FixtureRequest) -> sa.Engine:
    pytest.importorskip("duckdb_engine")
    return sa.create_engine(f"duckdb:///{request.getfixturevalue('tmp_path')}/own.duckdb")


MAKERS: dict[str, Callable[[pytest.FixtureRequest], sa.Engine]] = {
    "sqlite": _of_sqlite,
    "postgresql": _of_postgres,
    "ours on postgresql": _of_postgres_as_ours,
    "mariadb": _of_mariadb,
    "duckdb": _of_duckdb,
}

GIVES_UP = {"postgresql", "ours on postgresql", "duckdb"}
"""Where a failed statement takes its transaction with it, and COMMIT is answered with a rollback, and no error."""


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgres),
        pytest.param("ours on postgresql", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
        "duckdb",
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    """Name a kind of database."""
    return str(request.param)


@pytest.fixture
def own(kind: str, request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """Give an engine to a database of that kind, with one sample."""
    engine = MAKERS[kind](request)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(Sample).values(id=1, name="a"))
    yield engine
    ln.connect()
    engine.dispose()


def _names(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.scalars(sa.select(Sample.name)))


def _select(ss: ln.Session) -> None:
    ss.select(Sample).where(sa.text("nonsense = 1")).all()


def _text(ss: ln.Session) -> None:
    ss.orm.execute(sa.text("INSERT INTO nonsense VALUES (1)"))


def _core(ss: ln.Session) -> None:
    ss.orm.connection().exec_driver_sql("SELECT nonsense")


FAILING: dict[str, Callable[[ln.Session], None]] = {"select": _select, "text": _text, "core": _core}


@pytest.mark.parametrize("way", FAILING)
def test_a_unit_that_the_database_gave_up_ends_in_an_error(own: sa.Engine, kind: str, way: str) -> None:
    """Where an error that the cell caught has undone the unit, its end says so; elsewhere it is saved."""
    told: BaseException | None = None
    try:
        with ln.Session(own) as ss:
            kept = ss.add(Sample(id=2, name="kept?"))
            ss.orm.flush()
            with contextlib.suppress(sa.exc.DBAPIError):
                FAILING[way](ss)  # fails
    except errors.TransactionUndoneError as error:
        told = error

    assert (kind in GIVES_UP) == (told is not None)
    assert (["a"] if told else ["a", "kept?"]) == _names(own)
    assert bool(told) == sa.inspect(kept).transient
    if told is not None:
        assert "because a statement failed at " in str(told)
        assert "nothing of this unit was saved" in str(told)


@pytest.mark.parametrize("commit", ["session", "orm"])
def test_a_commit_in_the_middle_tells_the_truth(own: sa.Engine, kind: str, commit: str) -> None:
    """So does a commit by whatever name; after a rollback the block goes on."""
    with ln.Session(own) as ss:
        ss.add(Sample(id=2, name="kept?"))
        ss.orm.flush()
        with contextlib.suppress(sa.exc.DBAPIError):
            _select(ss)
        refusal = pytest.raises(errors.TransactionUndoneError) if kind in GIVES_UP else contextlib.nullcontext()
        with refusal:
            ss.commit() if commit == "session" else ss.orm.commit()
        ss.rollback()
        ss.add(Sample(id=3, name="later"))

    assert (["a", "later"] if kind in GIVES_UP else ["a", "kept?", "later"]) == _names(own)


@pytest.mark.parametrize("savepoints", ["one", "two"])
def test_what_a_savepoint_undid_ends_no_unit(own: sa.Engine, kind: str, savepoints: str) -> None:
    """A statement that failed in a savepoint is undone with it, and the unit is saved."""
    if kind == "duckdb":
        pytest.skip("DuckDB has no savepoints")
    with ln.Session(own) as ss:
        ss.add(Sample(id=2, name="kept"))
        for _ in range(1 if savepoints == "one" else 2):
            with contextlib.suppress(sa.exc.DBAPIError), ss.orm.begin_nested():
                _select(ss)

    assert ["a", "kept"] == _names(own)


def test_a_savepoint_that_is_no_help(tmp_path: Any) -> None:
    """Where a savepoint itself is what fails, the unit ends in an error all the same."""
    pytest.importorskip("duckdb_engine")
    own = sa.create_engine(f"duckdb:///{tmp_path}/own.duckdb")
    Base.metadata.create_all(own)

    with pytest.raises(errors.TransactionUndoneError), ln.Session(own) as ss:
        ss.add(Sample(id=2, name="kept?"))
        ss.orm.flush()
        with contextlib.suppress(sa.exc.DBAPIError), ss.orm.begin_nested():
            _select(ss)

    assert [] == _names(own)
    own.dispose()


def test_a_dry_run_that_was_given_up_counts_nothing(own: sa.Engine, kind: str) -> None:
    """A dry run cannot say what a unit would have saved that the database has given up."""
    refusal = pytest.raises(errors.TransactionUndoneError) if kind in GIVES_UP else contextlib.nullcontext()
    with refusal, ln.Session(own, rollback=True) as ss:
        ss.add(Sample(id=2, name="dry"))
        ss.orm.flush()
        with contextlib.suppress(sa.exc.DBAPIError):
            _select(ss)

    assert ["a"] == _names(own)


@pytest.mark.parametrize("ours", [False, True], ids=["own", "ours"])
def test_sqlite_may_end_a_transaction(sqlite_url: sa.URL, *, ours: bool) -> None:
    """A conflict that undoes all of a transaction is told at its end, although what came after it could be committed."""
    own = ln.connect(sqlite_url) if ours else sa.create_engine(sqlite_url)
    with own.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE once (x UNIQUE ON CONFLICT ROLLBACK)")
        Base.metadata.create_all(connection)

    with pytest.raises(errors.TransactionUndoneError), ln.Session(own) as ss:
        ss.add(Sample(id=1, name="before"))
        ss.orm.flush()
        with contextlib.suppress(sa.exc.IntegrityError):
            ss.orm.execute(sa.text("INSERT INTO once VALUES (1), (1)"))
        ss.add(Sample(id=2, name="after"))

    ln.connect()
    assert [] == _names(own)
    own.dispose()


@pytest.mark.mariadb
def test_a_deadlock_ends_a_transaction(mariadb_url: sa.URL) -> None:
    """MariaDB undoes all of it, and begins another one unasked: what came after is not saved alone."""
    own = sa.create_engine(mariadb_url)
    Base.metadata.create_all(own)
    with own.begin() as connection:
        connection.execute(sa.insert(Sample), [{"id": number, "name": str(number)} for number in range(50)])
    rename = sa.text("UPDATE sample SET name = concat(name, :by) WHERE id = :id")

    with own.connect() as other, pytest.raises(errors.TransactionUndoneError) as error, ln.Session(own) as ss:
        other.exec_driver_sql("UPDATE sample SET name = concat(name, 'x') WHERE id > 0")  # more work: it survives
        ss.orm.execute(rename, {"by": "y", "id": 0})
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(other.execute, rename, {"by": "x", "id": 0})
            with contextlib.suppress(sa.exc.OperationalError):
                ss.orm.execute(rename, {"by": "y", "id": 1})
            waiting.result()
        other.rollback()
        ss.add(Sample(id=100, name="after"))

    assert "Deadlock" in str(error.value)
    assert "after" not in _names(own)
    own.dispose()


# -- the user's row --------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_a_user_who_was_undone_is_made_again(postgres_url: sa.URL) -> None:
    """If the first unit of a process is given up, the next one adds the row of its user anew."""
    ln.connect(postgres_url)
    with pytest.raises(errors.TransactionUndoneError), ln.Session() as ss:
        ss.add(lns.Pipeline(name="undone"))
        ss.orm.flush()
        with contextlib.suppress(sa.exc.DBAPIError):
            ss.orm.execute(sa.text("SELECT nonsense"))

    ln.add(lns.Pipeline(name="p"))

    assert ["p"] == ln.select(lns.Pipeline.name).all()
    ln.connect()


@pytest.mark.usefixtures("engine")
def test_a_user_who_was_undone_with_a_savepoint_is_made_again() -> None:
    """What a savepoint undid is neither used in its unit nor remembered after it."""
    with ln.Session() as ss:
        with pytest.raises(ZeroDivisionError), ss.orm.begin_nested():
            ss.add(lns.Pipeline(name="undone"))
            ss.orm.flush()
            _ = 1 / 0
        ss.add(lns.Pipeline(name="p"))
    ln.add(lns.Pipeline(name="q"))

    assert {"p", "q"} == set(ln.select(lns.Pipeline.name).all())


@pytest.mark.usefixtures("engine")
def test_a_user_who_was_only_read_in_an_undone_unit_is_not_remembered() -> None:
    """Nothing is remembered as committed because the transaction that made it sees it."""
    with pytest.raises(ZeroDivisionError), ln.Session() as ss:
        ss.add(lns.Pipeline(name="undone"))
        ss.orm.flush()
        with contextlib.suppress(ZeroDivisionError), ss.orm.begin_nested():
            _ = 1 / 0
        ss.add(lns.Pipeline(name="undone, too"))
        ss.orm.flush()
        _ = 1 / 0

    ln.add(lns.Pipeline(name="p"))

    assert settings.current().user in ln.select(lns.User.handle).all()
