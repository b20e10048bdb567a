"""Data frames keep the types of the columns."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("engine")

NOON = dt.datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=dt.UTC)


def test_pandas_keeps_nullable_integers_booleans_and_times() -> None:
    """Missing values make neither floats of integers nor objects of booleans."""
    ln.add([lns.Run(name="a", pid=2**30, git_dirty=True, started_at=NOON), lns.Run(name="b")])

    frame = ln.select(lns.Run).order_by(lns.Run.name).df()

    assert ["Int64", "boolean", "datetime64[us, UTC]"] == [
        str(frame[c].dtype) for c in ("pid", "git_dirty", "started_at")
    ]
    assert [2**30, True, NOON] == [frame[c].iloc[0] for c in ("pid", "git_dirty", "started_at")]


def test_an_empty_column_keeps_its_type() -> None:
    """A column without any value is not an object."""
    ln.add(lns.Run(name="a"))

    frame = ln.select(lns.Run).df()

    assert ["Int64", "datetime64[us, UTC]"] == [str(frame[c].dtype) for c in ("pid", "heard_at")]


def test_no_rows_keep_the_columns() -> None:
    """A frame without rows has its columns."""
    frame = ln.select(lns.Pipeline).df()

    assert ["name", "reference", "created_at", "created_by_id", "revision"] == list(frame.columns)
    assert ["id", "v"] == list(frame.index.names)


def test_pandas_is_indexed_by_the_key() -> None:
    """One column of the key makes an index, two a multi-index."""
    run = ln.add(lns.Run(name="a", pipeline=lns.Pipeline(name="p")))

    assert run.id == ln.select(lns.Run).df().index[0]
    assert (run.pipeline_id, "1") == ln.select(lns.Pipeline).df().index[0]


def test_polars_has_the_same_types() -> None:
    """Polars gets the types from the columns, not from the values."""
    import polars as pl

    ln.add([lns.Run(name="a", pid=1, git_dirty=True, started_at=NOON), lns.Run(name="b")])

    frame = ln.select(lns.Run).order_by(lns.Run.name).df(backend="polars")

    wanted = [pl.Int64, pl.Boolean, pl.Datetime("us", "UTC"), pl.Datetime("us", "UTC")]
    assert wanted == [frame.schema[c] for c in ("pid", "git_dirty", "started_at", "heard_at")]


@pytest.mark.parametrize("backend", ["pandas", "polars"])
def test_json_columns_stay_python(backend: Any) -> None:
    """A dict comes back as the dict it was, whatever the others hold."""
    parameters: list[Any] = [{"alpha": [1, "a"]}, {"alpha": 1}, {"beta": {"k": 0.5}}, None]
    ln.add([lns.Run(name=str(i), parameters=each) for i, each in enumerate(parameters)])

    frame = ln.select(lns.Run).order_by(lns.Run.name).df(backend=backend)

    assert parameters == list(frame["parameters"])


class _Base(orm.DeclarativeBase):
    """The user's own."""


class Colour(enum.Enum):
    """What a reading may have."""

    RED = 1
    BLUE = 2


class Word(sa.types.TypeDecorator[str]):
    """A type that does not say what it is in Python."""

    impl = sa.String
    cache_ok = True


class Reading(_Base):
    """A column of many a type."""

    __tablename__ = "reading"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    n: orm.Mapped[int | None]
    x: orm.Mapped[float | None]
    colour: orm.Mapped[Colour | None]
    level: orm.Mapped[Colour | None] = orm.mapped_column(
        sa.Enum(Colour, name="level", values_callable=lambda kind: [str(each.value) for each in kind])
    )
    price: orm.Mapped[decimal.Decimal | None]
    word: orm.Mapped[str | None] = orm.mapped_column(Word)
    anything: orm.Mapped[Any] = orm.mapped_column(sa.PickleType, nullable=True)


@pytest.fixture
def readings(other_url: sa.URL) -> Iterator[sa.Engine]:
    """Connect to a database of readings."""
    engine = sa.create_engine(other_url)
    _Base.metadata.create_all(engine)
    ln.connect(engine)
    yield engine
    ln.connect()
    engine.dispose()


def test_polars_changes_no_value(readings: sa.Engine) -> None:
    """An enum is what the database has, a number stays exact, and an object that polars does not know itself."""
    price = decimal.Decimal("1.25")
    ln.add(Reading(id=1, colour=Colour.BLUE, level=Colour.BLUE, price=price, word="a", anything=[1, "a"]))
    ln.add(Reading(id=2, anything=[2]))

    frame = ln.select(Reading).order_by(Reading.id).df(backend="polars")
    ln.delete(Reading, word=None)
    ln.delete(Reading, word="a")
    ln.add(Reading, frame)

    first, second = frame.to_dicts()
    assert ("BLUE", "2", price, "a", [1, "a"]) == tuple(
        first[c] for c in ("colour", "level", "price", "word", "anything")
    )
    assert (None, None, None, None, [2]) == tuple(second[c] for c in ("colour", "level", "price", "word", "anything"))
    assert [(Colour.BLUE, Colour.BLUE)] == [(r.colour, r.level) for r in ln.select(Reading, word="a").all()]


@pytest.mark.parametrize("backend", ["pandas", "polars"])
@pytest.mark.parametrize(
    ("column", "value", "what"), [("n", "1.5", "int"), ("n", "'a'", "int"), ("x", "'n/a'", "float")]
)
def test_what_is_not_of_its_columns_type_is_named(
    sqlite_url: sa.URL, backend: Any, column: str, value: str, what: str
) -> None:
    """SQLite keeps anything in any column: neither library changes it, and the error names the column."""
    engine = sa.create_engine(sqlite_url)
    _Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO reading (id, {column}) VALUES (1, {value}), (2, 1)")

    with ln.Session(engine) as ss:
        with pytest.raises(ln.errors.InvalidValueError) as error:
            ss.select(Reading).df(backend=backend)
        text = sa.cast(getattr(Reading, column), sa.String)
        kept = ss.select(text.label("text")).order_by(Reading.id).df(backend=backend)

    assert f"the column {column!r} holds what is no {what}" == str(error.value)
    assert f"sa.cast(Reading.{column}, sa.String)" in error.value.fix
    assert value.strip("'") == kept["text"][0]
    engine.dispose()


def test_another_backend_is_refused() -> None:
    """A misspelt library is not taken for pandas."""
    with pytest.raises(ln.errors.InvalidValueError) as error:
        ln.select(lns.Run).df(backend="Polars")  # type: ignore[arg-type]

    assert "did you mean 'polars'?" == error.value.fix


def test_columns_and_pairs_of_entities() -> None:
    """Columns keep their names; two entities prefix theirs."""
    ln.add(lns.Run(name="a", pipeline=lns.Pipeline(name="p")))

    columns = ln.select(lns.Run.name, lns.Run.pid).df()
    pairs = ln.select(lns.Run, lns.Pipeline).join(lns.Run.pipeline).df()

    assert ["name", "pid"] == list(columns.columns)
    assert ["a", "p"] == [pairs["Run.name"][0], pairs["Pipeline.name"][0]]
    assert "pid" in pairs.columns


def test_columns_of_one_name_are_all_kept() -> None:
    """Two columns of one name are told apart by their classes, never dropped."""
    ln.add(lns.Run(name="a", pipeline=lns.Pipeline(name="p")))

    frame = ln.select(lns.Run.name, lns.Pipeline.name).join(lns.Pipeline).df()

    assert {"Run.name": ["a"], "Pipeline.name": ["p"]} == frame.to_dict("list")


def test_a_frame_sees_what_the_block_added() -> None:
    """In a block, what was added and not committed is in the frame."""
    with ln.Session():
        ln.add(lns.Run(name="a"))

        assert len(ln.select(lns.Run).df()) == 1


def test_a_limit_and_an_order_hold() -> None:
    """The statement of the frame is the statement."""
    ln.add([lns.Run(name=name) for name in "cab"])

    assert ["a", "b"] == list(ln.select(lns.Run).order_by(lns.Run.name).limit(2).df()["name"])
