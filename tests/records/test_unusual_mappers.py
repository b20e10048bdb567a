"""Mappers that are more than one table with a column for each attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.declarative import ConcreteBase
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, foreign, mapped_column, relationship

import ln_jupyter as ln
from ln_jupyter.db import engines
from ln_jupyter.display import record, text

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.alike


class Base(DeclarativeBase):
    """The user's own."""


class Employee(ConcreteBase, Base):
    """The first of a union of tables, each with keys of its own."""

    __tablename__ = "employee"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    __mapper_args__ = {"polymorphic_identity": "employee", "concrete": True}  # noqa: RUF012 - as SQLAlchemy has it


class Manager(Employee):
    """The second of them."""

    __tablename__ = "manager"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    size: Mapped[int | None]
    edits: Mapped[int] = mapped_column()
    __mapper_args__ = {"polymorphic_identity": "manager", "concrete": True, "version_id_col": edits}  # noqa: RUF012


class Part(Base):
    """Counts its edits, for its subclasses too."""

    __tablename__ = "part"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    edits: Mapped[int] = mapped_column()
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "part", "version_id_col": edits}  # noqa: RUF012


class Screw(Part):
    """Calls its key otherwise."""

    __tablename__ = "screw"
    screw_id: Mapped[int] = mapped_column(sa.ForeignKey("part.id"), primary_key=True)
    size: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": "screw"}  # noqa: RUF012


class Nut(Part):
    """Calls it the same."""

    __tablename__ = "nut"
    id: Mapped[int] = mapped_column(sa.ForeignKey("part.id"), primary_key=True)
    size: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": "nut"}  # noqa: RUF012


_person = sa.Table(
    "person", Base.metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50))
)
_address = sa.Table(
    "address",
    Base.metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id")),
    sa.Column("mail", sa.String(50)),
)


class Contact(Base):
    """Is mapped to a join."""

    __table__ = sa.join(_person, _address)
    id = column_property(_person.c.id, _address.c.person_id)
    address_id = _address.c.id


class City(Base):
    """Is found over a street."""

    __tablename__ = "city"
    id: Mapped[int] = mapped_column(primary_key=True)


class Street(Base):
    """Is in a city."""

    __tablename__ = "street"
    id: Mapped[int] = mapped_column(primary_key=True)
    city_id: Mapped[int] = mapped_column(sa.ForeignKey("city.id"))


class House(Base):
    """Has relationships that name a third table."""

    __tablename__ = "house"
    id: Mapped[int] = mapped_column(primary_key=True)
    street_id: Mapped[int] = mapped_column(sa.ForeignKey("street.id"))
    city_id: Mapped[int]
    city: Mapped[City | None] = relationship(
        primaryjoin=lambda: sa.and_(
            foreign(House.city_id) == City.id, House.street_id == Street.id, Street.city_id == City.id
        ),
        viewonly=True,
    )
    cities: Mapped[list[City]] = relationship(
        primaryjoin=lambda: sa.and_(
            House.city_id == foreign(City.id), House.street_id == Street.id, Street.city_id == City.id
        ),
        viewonly=True,
    )


@pytest.fixture(autouse=True)
def engine(url: sa.URL) -> Iterator[sa.Engine]:
    """Connect to an engine of the user's own, on each kind of database."""
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    engines.connect(engine)
    yield engine
    engines.connect()
    engine.dispose()


_ROWS = [
    (Employee, [{"name": "a"}, {"name": "b"}]),
    (Manager, [{"name": "a", "size": 1}, {"name": "b"}]),
    (Part, [{}, {}]),
    (Screw, [{"size": 1}, {"size": 2}]),
    (Nut, [{"size": 1}, {"size": 2}]),
    (Contact, [{"name": "a", "mail": "a@x"}, {"name": "b", "mail": "b@x"}]),
]


def test_rows_are_added_as_records_are() -> None:
    """Whatever single records can be added to takes rows, and gives their keys in order."""
    for model, rows in _ROWS:
        single = ln.add([model(**row) for row in rows])
        names = list(rows[0])
        held = [[getattr(each, name) for name in names] for each in single]

        keys = ln.add(model, rows)

        found = {sa.inspect(each).identity: each for each in ln.select(model).all() if type(each) is model}
        added = [found[key if isinstance(key, tuple) else (key,)] for key in keys]
        assert held == [[getattr(each, name) for name in names] for each in added], model
        assert len(found) == 2 * len(rows)


def test_rows_of_any_mapper_join_the_block() -> None:
    """They are of its transaction, and undone with it."""
    with pytest.raises(ZeroDivisionError), ln.Session() as ss:
        ln.add(Manager, [{"name": "a"}])
        assert ss.select(Manager).count() == 1
        _ = 1 / 0

    assert ln.select(Manager).count() == 0


def test_a_union_of_tables_is_framed() -> None:
    """With the column that tells them apart, which the class itself lacks; ids repeat."""
    ln.add([Employee(id=1, name="e"), Manager(id=1, name="m")])

    frame = ln.select(Employee).df()

    assert {("e", "employee"), ("m", "manager")} == set(zip(frame["name"], frame["type"], strict=True))
    assert [1, 1] == list(frame.index)
    assert list(ln.select(Manager).df()["name"]) == ["m"]


def test_a_record_of_a_union_shows_what_it_has() -> None:
    """Not the column of the union, which its class does not have; loading that says so."""
    manager = ln.add(Manager(id=1, name="m"))
    ln.add(Employee(id=1, name="e"))

    assert "type" not in [each for row in record.view(manager).rows for each in (row.name, *row.names)]
    for each in ln.select(Employee).all():
        with pytest.raises(ln.errors.UnknownFieldError, match="no relationship or column 'type'"):
            ln.load(each, "type")


def test_the_advised_line_reads_the_very_record() -> None:
    """A key alone may be that of another table's row."""
    ln.add([Employee(id=1, name="e"), Manager(id=1, name="m")])
    with ln.Session() as ss:
        employee, manager = sorted(ss.select(Employee).all(), key=lambda each: type(each).__name__)
        ss.orm.expire_all()

    for each, name in ((employee, "e"), (manager, "m")):
        view = record.view(each)
        assert view.fix is not None, text.render(view)
        variables = {"ln": ln, type(each).__name__.lower(): each}
        exec(view.fix.code, variables)
        assert variables[type(each).__name__.lower()].name == name


def test_what_a_relationship_names_beside_its_two_tables_is_loaded() -> None:
    """As reading it does, of a detached record and with a statement."""
    with ln.Session() as ss:
        ss.add([City(id=1), City(id=2)])
        ss.orm.flush()
        ss.add(Street(id=2, city_id=1))
        ss.orm.flush()
        ss.add([House(id=3, street_id=2, city_id=1), House(id=4, street_id=2, city_id=7)])
        ss.orm.flush()
        assert [(1, [1]), (None, [])] == [_cities(each) for each in ss.select(House).order_by(House.id).all()]

    lone = ln.select(House, id=3).one()
    together = ln.select(House).order_by(House.id).load("city", "cities").all()

    assert _cities(ln.load(lone, "city", "cities")) == (1, [1])
    assert [(1, [1]), (None, [])] == [_cities(each) for each in together]


def _cities(house: House) -> tuple[Any, list[int]]:
    return (house.city and house.city.id, [each.id for each in house.cities])


@pytest.mark.parametrize("model", [Screw, Nut, Manager])
def test_the_record_that_changed_meanwhile_is_named(model: Any) -> None:
    """Also where its version is counted in the table of the class it inherits from."""
    ln.add([model(size=number) for number in range(3)])
    ln.add([Employee(name="e") for _ in range(3)])
    records = ln.select(model).order_by(model.id).all()
    other = ln.select(model, id=records[2].id).one()
    other.size = 7
    ln.add(other)

    for each in records:
        each.size = 8
    with pytest.raises(ln.errors.StaleRecordError, match=rf"\(id={records[2].id}\)"):
        ln.add(records)


def test_a_refused_row_of_any_mapper_undoes_its_call_only() -> None:
    """The error names the row, and what the block did besides stays in it."""
    with ln.Session() as ss:
        ln.add(Manager(id=1, name="m"))
        with pytest.raises(sa.exc.IntegrityError) as error:
            ln.add(Manager, [{"id": 2}, {"id": 1}])
        assert ss.select(Manager.id).all() == [1]

    notes = "\n".join(error.value.__notes__)
    assert "refused rows[1], Manager(id=1)" in notes
    assert 1 == notes.count("refused")
    assert ln.select(Manager.id).all() == [1]


@pytest.mark.parametrize("way", ["bare", "none"])
def test_a_refused_row_of_any_mapper_outside_of_a_block(way: str) -> None:
    """The error is that of the database, with no warning beside it, and nothing of the call is saved."""
    ln.add(Manager(id=1, name="m"))
    session = ln.Session()
    add = session.add if way == "bare" else ln.add

    with pytest.raises(sa.exc.IntegrityError) as error:
        add(Manager, [{"id": 2}, {"id": 1}])

    session.close()
    assert "refused rows[1], Manager(id=1)" in "\n".join(error.value.__notes__)
    assert ln.select(Manager.id).all() == [1]
