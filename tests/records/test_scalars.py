"""Scalars of numpy and pandas: stored as what they are in every column, or refused by name."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.alike

_DAY = dt.date(2026, 3, 4)
_NOON = dt.datetime(2026, 3, 4, 12, 30, 15, 250)  # noqa: DTZ001 - the column has no zone


class Base(DeclarativeBase):
    """The user's own."""


class Sample(Base):
    """Has a column of each type."""

    __tablename__ = "sample"
    id: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int | None]
    x: Mapped[float | None] = mapped_column(sa.Double)  # what Float is in MariaDB depends on SQLAlchemy
    price: Mapped[Any] = mapped_column(sa.Numeric(10, 2), nullable=True)
    ok: Mapped[bool | None]
    name: Mapped[str | None] = mapped_column(sa.String(50))
    born: Mapped[dt.date | None]
    at: Mapped[dt.datetime | None] = mapped_column(
        sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    )
    took: Mapped[dt.timedelta | None]
    info: Mapped[Any] = mapped_column(sa.JSON, nullable=True)
    tracked: Mapped[Any] = mapped_column(MutableDict.as_mutable(sa.JSON()), nullable=True)
    raw: Mapped[bytes | None]
    anything: Mapped[Any] = mapped_column(sa.PickleType, nullable=True)


@pytest.fixture(autouse=True)
def samples(own_url: sa.URL) -> Iterator[sa.Engine]:
    """Connect to an engine of the user's own, on each kind of database."""
    engine = sa.create_engine(own_url)
    Base.metadata.create_all(engine)
    engines.connect(engine)
    yield engine
    engines.connect()
    engine.dispose()


_STORED = [
    ("n", np.int64(7), 7),
    ("n", np.uint8(7), 7),
    ("n", np.float64(7), 7),
    ("n", np.array(7), 7),
    ("n", pd.NA, None),
    ("x", np.float32(0.1), float(np.float32(0.1))),
    ("x", np.float64(0.1), 0.1),
    ("x", np.float16(0.5), 0.5),
    ("x", np.longdouble(0.5), 0.5),
    ("x", np.int32(3), 3.0),
    ("price", np.float64(2.5), 2.5),
    ("ok", np.True_, True),
    ("ok", np.int64(0), False),
    ("name", np.str_("ä"), "ä"),
    ("born", np.datetime64("2026-03-04"), _DAY),
    ("born", pd.Timestamp("2026-03-04"), _DAY),
    ("at", np.datetime64("2026-03-04T12:30:15.000250"), _NOON),
    ("at", np.datetime64("2026-03-04T12:30:15.000250000"), _NOON),
    ("at", np.datetime64("2026-03-04"), dt.datetime.combine(_DAY, dt.time())),
    ("at", pd.Timestamp(_NOON), _NOON),
    ("at", pd.NaT, None),
    ("at", np.datetime64("NaT"), None),
    ("took", np.timedelta64(90, "s"), dt.timedelta(seconds=90)),
    ("took", pd.Timedelta("90s"), dt.timedelta(seconds=90)),
    ("raw", np.bytes_(b"ab"), b"ab"),
    ("info", np.int64(7), 7),
    ("info", {"auc": np.float64(0.5), "n": [np.int64(1), (np.True_, pd.NA)]}, {"auc": 0.5, "n": [1, [True, None]]}),
    ("tracked", {"n": np.int64(1)}, {"n": 1}),
]


def test_a_scalar_is_stored_as_what_it_is() -> None:
    """In records, in dicts, and in edits; what comes back is what Python's own value gives."""
    own = ln.add([Sample(**{field: stored}) for field, _, stored in _STORED])
    made = ln.add([Sample(**{field: value}) for field, value, _ in _STORED])
    keys = [ln.add(Sample, [{field: value}])[0] for field, value, _ in _STORED]
    edited = ln.add([Sample() for _ in _STORED])
    for each, (field, value, _) in zip(edited, _STORED, strict=True):
        setattr(each, field, value)
    ln.add(edited)

    held = {each.id: each for each in ln.select(Sample).all()}

    def read(records: Any) -> list[Any]:
        found = [
            getattr(held[getattr(each, "id", each)], field)
            for each, (field, _, _) in zip(records, _STORED, strict=True)
        ]
        return [(type(each), each) for each in found]

    assert read(own) == read(made) == read(keys) == read(edited)
    assert [stored for _, _, stored in _STORED] == [
        getattr(each, field) for each, (field, _, _) in zip(made, _STORED, strict=True)
    ]


def test_a_scalar_is_compared_as_what_it_is() -> None:
    """As a field, in an expression, in a list of them, and where a record is made or found."""
    for field, value, stored in _STORED:
        record = ln.add(Sample(**{field: stored}))
        column = getattr(Sample, field)

        assert record.id in [each.id for each in ln.select(Sample, **{field: value}).all()], field
        assert ln.add(Sample, id=record.id, **{field: value}).id == record.id, field
        if stored is not None and field not in ("info", "tracked"):
            assert record.id in ln.select(Sample.id).where(column == value).all(), field
            assert record.id in ln.select(Sample.id).where(sa.or_(column.in_([value, value]), sa.false())).all(), field
    assert ln.select(Sample).count() == len(_STORED)


_REFUSED = [
    ("n", np.float64(7.5), "whole numbers"),
    ("n", np.float64("nan"), "whole numbers"),
    ("n", np.datetime64("2026-03-04"), "takes int"),
    ("n", np.array([1, 2]), "more than one"),
    ("n", pd.Series([1]), "no such type"),
    ("x", np.complex128(1), "no such type"),
    ("x", np.nextafter(np.longdouble(1), np.longdouble(2)), "more precise"),
    ("x", pd.Timedelta("1s"), "takes float"),
    ("name", pd.Period("2026"), "no such type"),
    ("born", pd.Timestamp(_NOON), "takes days"),
    ("at", pd.Timestamp("2026-03-04T00:00:00.000000001"), "nanoseconds"),
    ("at", np.datetime64("2026-03-04T00:00:00.000000001"), "finer"),
    ("at", np.datetime64(400_000, "Y"), "no such time"),
    ("at", np.int64(7), "takes datetime"),
    ("took", pd.Timedelta("1ns"), "nanoseconds"),
    ("raw", np.int64(7), "takes bytes"),
]


def test_what_a_column_does_not_take_is_refused() -> None:
    """The error names the field, its record or row, and the type, and nothing is saved."""
    for field, value, why in _REFUSED:
        with pytest.raises(
            ln.errors.InvalidValueError, match=rf"Sample\.{field} of Sample\(id=3.*\) cannot be .*{why}"
        ):
            ln.add(Sample(**{"id": 3, field: value}))
        with pytest.raises(ln.errors.InvalidValueError, match=rf"Sample\.{field} of rows\[1\] cannot be .*{why}"):
            ln.add(Sample, [{"id": 3}, {field: value}])

    assert ln.select(Sample).count() == 0


def test_a_comparison_takes_what_the_column_does_not_hold() -> None:
    """A whole number can be less than a fraction, on every database."""
    ln.add([Sample(n=7), Sample(n=8)])

    assert [8] == ln.select(Sample.n).where(Sample.n > np.float64(7.5)).all()
    assert ln.select(Sample, n=np.float64(7.5)).all() == []


def test_a_missing_value_equals_nothing_in_an_expression() -> None:
    """SQL would answer with no row at all, so it is refused; as a field it means NULL."""
    ln.add(Sample())

    with pytest.raises(ln.errors.InvalidValueError, match="NAType") as info:
        ln.select(Sample).where(Sample.n == pd.NA)

    assert info.value.fix == "use column.is_(None)"
    assert ln.select(Sample, n=pd.NA).count() == 1


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_frame_changes_no_number(library: Any) -> None:
    """A fraction in a column of whole numbers is refused, also where the database would round it."""
    ln.add(Sample, library.DataFrame({"n": [1.0, None], "x": [0.5, 1.5]}))

    with pytest.raises(ln.errors.InvalidValueError, match=r"rows\[1\]"):
        ln.add(Sample, library.DataFrame({"n": [1.0, 1.5]}))

    assert [(1, 0.5), (None, 1.5)] == [tuple(row) for row in ln.select(Sample.n, Sample.x).order_by(Sample.x).all()]


def test_a_frame_of_polars_loses_no_nanoseconds() -> None:
    """Python has none, so they would be cut off on the way."""
    whole = pl.Series([_NOON, None], dtype=pl.Datetime("ns"))
    ln.add(Sample, pl.DataFrame({"at": whole}))

    with pytest.raises(ln.errors.InvalidValueError, match="'at'"):
        ln.add(Sample, pl.DataFrame({"at": whole + pl.Series([1], dtype=pl.Duration("ns"))}))

    assert {_NOON, None} == set(ln.select(Sample.at).all())


def test_a_type_of_its_own_gets_what_it_is_given() -> None:
    """What a column pickles comes back as it was."""
    ln.add(Sample(anything=np.float32(0.1)))

    assert isinstance(ln.select(Sample.anything).one(), np.float32)


def test_what_json_does_not_know_is_left_to_the_serializer(samples: sa.Engine) -> None:
    """An engine may have one that knows arrays."""
    engine = sa.create_engine(samples.url, json_serializer=lambda value: str(value["a"].tolist()))

    with ln.Session(engine):
        ln.add(Sample(info={"a": np.array([1, 2])}))

    assert [1, 2] == ln.select(Sample.info).one()
    engine.dispose()


def test_a_value_of_the_users_is_not_changed() -> None:
    """A dict that holds scalars of numpy is copied, and the record has the copy."""
    metrics = {"auc": np.float64(0.5)}

    sample = ln.add(Sample(info=metrics))

    assert type(metrics["auc"]) is np.float64
    assert type(sample.info["auc"]) is float


def test_sessions_of_a_block_and_joins() -> None:
    """A block's flush, its selects and a join's condition make them plain, too."""
    other = orm.aliased(Sample)

    with ln.Session() as ss:
        sample = ss.add(Sample(n=np.int64(1)))
        assert ss.select(Sample, n=np.int64(1)).one() is sample
        assert ss.select(Sample).join(other, other.n == np.int64(1)).count() == 1
        sample.x = np.float32(0.5)

    assert ln.select(Sample.x).one() == 0.5


def test_records_of_the_registry(tmp_path: Any) -> None:
    """Its times are refused without a zone by its own type, and kept with one."""
    with ln.Session(f"sqlite:///{tmp_path / 'registry.db'}") as ss:
        file = ss.add(lns.File(name="f", size=np.int64(7), created_at=pd.Timestamp("2026-03-04", tz="UTC")))
        run = ss.add(lns.Run(name="r", parameters={"n": np.int64(1)}))
        assert ss.select(lns.File, size=np.int64(7)).one() is file
        assert ss.select(lns.Run, parameters={"n": np.int64(1)}).one() is run

    assert (type(file.size), type(file.created_at)) == (int, dt.datetime)


def test_neither_library_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody has imported numpy, adding and selecting does not either."""
    for name in ("numpy", "pandas"):
        monkeypatch.delitem(sys.modules, name)

    ln.add([Sample(info={"a": 1}), Sample(n=1)])
    ln.add(Sample, [{"n": 2}])
    assert ln.select(Sample, n=1).where(Sample.n < 2).count() == 1

    assert not {"numpy", "pandas"} & set(sys.modules)
