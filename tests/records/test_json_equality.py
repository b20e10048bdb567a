"""A JSON column equals a dict, a list, or whatever else JSON holds, on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


class Base(DeclarativeBase):
    """The user's own."""


class Wrapped(sa.types.TypeDecorator[Any]):
    """Stores what it is given in a list."""

    impl = sa.JSON
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: sa.Dialect) -> Any:
        """Wrap."""
        return [value]


class Sample(Base):
    """Has JSON in several ways."""

    __tablename__ = "sample"
    id: Mapped[int] = mapped_column(primary_key=True)
    info: Mapped[Any] = mapped_column(sa.JSON, nullable=True)
    sql_null: Mapped[Any] = mapped_column(sa.JSON(none_as_null=True), nullable=True)
    tracked: Mapped[Any] = mapped_column(MutableDict.as_mutable(sa.JSON()), nullable=True)
    wrapped: Mapped[Any] = mapped_column(Wrapped, nullable=True)


@pytest.fixture
def samples(own_url: sa.URL) -> Iterator[sa.Engine]:
    """Connect to an engine of the user's own, on each kind of database."""
    engine = sa.create_engine(own_url)
    Base.metadata.create_all(engine)
    engines.connect(engine)
    yield engine
    engines.connect()
    engine.dispose()


_DIFFERENT = [
    *(
        {"a": 1, "b": [1, 2]},
        {"a": 1, "b": [2, 1]},
        {"a": 1},
        {"a": None},
        {"a": {"b": 1}},
        {"a.b": 1},
        {'a"b': "ü"},
        {},
    ),
    *([], [1], [1, 1], [{}], [[]], 7, 7.5, "7", "", True, False),
]


@pytest.mark.usefixtures("samples")
def test_each_value_equals_itself_only() -> None:
    """Whatever JSON holds; a number is no text, true is no 1, and a list has an order."""
    ln.add([Sample(id=number, info=value) for number, value in enumerate(_DIFFERENT, start=1)])

    found = [ln.select(Sample, info=value).all() for value in _DIFFERENT]

    assert [[number] for number in range(1, len(_DIFFERENT) + 1)] == [[each.id for each in rows] for rows in found]


@pytest.mark.usefixtures("samples")
def test_keys_have_no_order_and_numbers_no_form() -> None:
    """As dicts of Python are equal, and numbers."""
    ln.add(Sample(info={"b": [1, {"d": 2, "c": 3}], "a": 1.5}))

    assert ln.select(Sample, info={"a": 1.5, "b": [1.0, {"c": 3, "d": 2}]}).count() == 1


@pytest.mark.usefixtures("samples")
def test_none_equals_what_reads_as_none() -> None:
    """A column without a value, and JSON's null, which SQLAlchemy stores where none_as_null is not set."""
    ln.add([Sample(), Sample(info=None, sql_null=None), Sample(info={}, sql_null={})])

    assert ln.select(Sample, info=None).count() == 2
    assert ln.select(Sample, sql_null=None).count() == 2
    assert ln.select(Sample, info=sa.null()).count() == 1


@pytest.mark.usefixtures("samples")
def test_a_row_without_a_value_equals_no_value() -> None:
    """Whatever row comes before it, and so it is not deleted with those that have the value."""
    ln.add([Sample(id=1, info={"a": 1}), Sample(id=2), Sample(id=3, info=None)])

    assert [each.id for each in ln.delete(Sample, info={"a": 1})] == [1]
    assert ln.select(Sample).count() == 2


@pytest.mark.usefixtures("samples")
def test_types_that_are_made_of_json() -> None:
    """A tracked dict, and a type of the user's, which stores what it makes of it."""
    ln.add(Sample(tracked={"a": 1, "b": 2}, wrapped={"a": 1}))

    assert ln.select(Sample, tracked={"b": 2, "a": 1}, wrapped={"a": 1}).count() == 1
    assert ln.select(Sample, wrapped=[{"a": 1}]).count() == 0


@pytest.mark.usefixtures("samples")
def test_an_alias_a_join_and_what_is_got_or_made() -> None:
    """Wherever fields are given."""
    other = orm.aliased(Sample)
    made = ln.add(Sample, info={"a": 1})

    assert ln.add(Sample, info={"a": 1}).id == made.id
    assert ln.select(Sample).join(other, other.id == Sample.id, info={"a": 1}).count() == 1
    assert ln.select(other, info={"a": 2}).count() == 0
    assert [made.id] == [each.id for each in ln.delete(Sample, info={"a": 1})]


@pytest.mark.parametrize("own_url", ["sqlite_url"], indirect=True)
@pytest.mark.usefixtures("samples")
def test_what_is_no_json_hides_no_other_row() -> None:
    """SQLite keeps the NaN that Python writes, and what somebody else wrote."""
    ln.add([Sample(info={"a": float("nan")}), Sample(info={"a": 1})])

    assert ln.select(Sample, info={"a": 1}).count() == 1
    assert ln.select(Sample, info={"a": float("nan")}).count() == 1


@pytest.mark.usefixtures("engine")
def test_the_registry_compares_in_any_order() -> None:
    """So are its own columns."""
    ln.add(lns.Run(name="a", parameters={"alpha": 1, "beta": 2}))

    assert ln.select(lns.Run, parameters={"beta": 2, "alpha": 1}).one().name == "a"


def test_mysql_and_mariadb_have_their_own_words() -> None:
    """MySQL compares JSON with JSON; MariaDB has texts, and a function from 10.7 on."""
    statement = ln.select(Sample, info={"a": 1}).select
    mysql_, mariadb = mysql.dialect(), mysql.dialect(is_mariadb=True)

    assert "sample.info = CAST(%s AS JSON)" in str(statement.compile(dialect=mysql_))
    assert "JSON_EQUALS(sample.info, %s)" in str(statement.compile(dialect=mariadb))
    mariadb.server_version_info = (10, 6)
    assert "sample.info = %s" in str(statement.compile(dialect=mariadb))
