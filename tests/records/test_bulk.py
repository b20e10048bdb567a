"""Many rows at once, without making records of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Statements

pytestmark = pytest.mark.usefixtures("engine")


def test_dicts_are_inserted_and_their_keys_returned_in_order() -> None:
    """Each row's primary key comes back at its place."""
    keys = ln.add(lns.Run, [{"name": f"{i:04}"} for i in range(1500)])

    by_key = {run.id: run.name for run in ln.select(lns.Run).all()}
    assert [f"{i:04}" for i in range(1500)] == [by_key[key] for key in keys]


def test_a_key_of_two_columns_is_a_tuple() -> None:
    """The key of a pipeline is its id and version."""
    assert [("a", "1"), ("a", "2")] == ln.add(lns.Pipeline, [{"id": "a"}, {"id": "a", "v": "2"}])


def test_keys_made_by_the_database_come_back(library: sa.Engine, author: Any) -> None:
    """Also where the client does not make them."""
    keys = ln.add(author, [{"name": "Ann"}, {"name": "Bea"}])

    assert ["Ann", "Bea"] == [ln.select(author, id=key).one().name for key in keys]


@pytest.mark.parametrize("library_name", ["pandas", "polars"])
def test_a_frame_is_inserted(library_name: str) -> None:
    """Missing values of a frame become NULL, and its types are the columns'."""
    frames = pytest.importorskip(library_name)

    ln.add(lns.Run, frames.DataFrame({"name": ["a", None], "pid": [1, 2]}))

    assert [("a", 1), (None, 2)] == sorted(map(tuple, ln.select(lns.Run.name, lns.Run.pid).all()), key=lambda r: r[1])


def test_a_frame_keeps_its_keys(library: sa.Engine, author: Any, book: Any) -> None:
    """What `df()` puts into the index is added as what it is: the key."""
    ln.add(author, [{"id": 17, "name": "Ann"}, {"id": 40, "name": "Bea"}])
    frame = ln.select(author).order_by(author.id).df()
    ln.delete(ln.select(author).all())

    keys = ln.add(author, frame)

    assert [17, 40] == keys
    assert frame.equals(ln.select(author).order_by(author.id).df())


def test_a_frame_keeps_keys_of_two_columns() -> None:
    """So is a multi-index, and one that is a column too."""
    ln.add(lns.Pipeline, [{"id": "a"}, {"id": "a", "v": "2"}])
    frame = ln.select(lns.Pipeline).order_by(lns.Pipeline.v).df()
    ln.delete(ln.select(lns.Pipeline).all())

    keys = ln.add(lns.Pipeline, frame.iloc[:1])
    keys += ln.add(lns.Pipeline, frame.iloc[1:].reset_index().set_index("v", drop=False))

    assert [("a", "1"), ("a", "2")] == keys


def test_a_named_index_that_is_no_column_is_refused() -> None:
    """It is neither dropped nor guessed; one without a name is only numbers."""
    import pandas as pd

    frame = pd.DataFrame({"name": ["a"]}, index=pd.Index([3], name="sample"))

    with pytest.raises(ln.errors.UnknownFieldError) as error:
        ln.add(lns.Run, frame)
    ln.add(lns.Run, frame.rename_axis(None))

    assert "Run has no column 'sample', which is the frame's index" == str(error.value)
    assert error.value.fix.endswith("frame.reset_index(drop=True) leaves it out")
    assert ["a"] == ln.select(lns.Run.name).all()


def test_rows_carry_who_made_them() -> None:
    """Bulk rows have what records get from a session."""
    ln.add(lns.Run, [{"name": "a"}])

    run = ln.select(lns.Run).load("created_by").one()
    assert run.created_by is not None
    assert run.revision == 1


def test_bulk_joins_a_block() -> None:
    """In a block it is part of the transaction."""
    with pytest.raises(ZeroDivisionError), ln.Session() as ss:
        ss.add(lns.Run, [{"name": "a"}])
        assert ss.select(lns.Run).count() == 1
        _ = 1 / 0

    assert not ln.select(lns.Run).exists()


def test_bulk_is_all_or_nothing() -> None:
    """A refused row keeps all others out."""
    with pytest.raises(sa.exc.IntegrityError):
        ln.add(lns.User, [{"handle": f"u{i}"} for i in range(10)] + [{"handle": "u3"}])

    assert not ln.select(lns.User, handle="u1").exists()


def test_many_rows_show_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for rows sees a bar on a terminal, and a log file gets none."""
    monkeypatch.setattr(advice, "PATIENCE", 0.0)
    ln.add(lns.Pipeline, [{"name": "a"}] * 10_001)
    assert capsys.readouterr().err == ""

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    ln.add(lns.Pipeline, [{"name": "a"}] * 10_001)

    assert "10.0k/10.0k" in capsys.readouterr().err


def test_a_bulk_insert_is_one_statement_for_a_thousand_rows(statements: Statements) -> None:
    """A thousand dicts are one statement where the driver can take them so."""
    ln.add(lns.Run())
    statements.clear()

    ln.add(lns.Pipeline, [{"name": "a"}] * 1000)

    assert len(statements) <= 2


@pytest.mark.parametrize("rows", [[], 3, "abc", {"name": "a"}, [3], [{"name": "a"}, 3]])
def test_what_are_no_rows_is_refused(rows: Any) -> None:
    """Rows are dicts or a frame, and there is one at least."""
    with pytest.raises(ln.errors.NothingGivenError) as error:
        ln.add(lns.Run, rows)

    assert "list of dicts or a data frame" in error.value.fix


def test_fields_beside_rows_are_refused() -> None:
    """Fields would say something of every row, or of none; nothing is added."""
    with pytest.raises(ln.errors.InvalidValueError) as error:
        ln.add(lns.Run, [{"name": "a"}], name="b")  # type: ignore[call-overload]

    assert error.value.fix == "put the fields into each row: {**row, 'name': ...}"
    assert not ln.select(lns.Run).exists()


def test_an_unknown_key_names_the_near_miss() -> None:
    """A misspelt key in any row is an error before anything is sent."""
    with pytest.raises(ln.errors.UnknownFieldError) as error:
        ln.add(lns.Run, [{"name": "a"}, {"nmae": "b"}])

    assert error.value.fix == "did you mean 'name'?"


class _Base(orm.DeclarativeBase):
    """The user's own."""


class Made(_Base):
    """Has a version that the database makes, and a text that it computes."""

    __tablename__ = "made"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    etag: orm.Mapped[str] = orm.mapped_column(server_default=sa.text("('v0')"))
    label: orm.Mapped[str] = orm.column_property(sa.literal_column("'made ' || name"))
    __mapper_args__ = {"version_id_col": etag, "version_id_generator": False}  # noqa: RUF012 - SQLAlchemy's way


class Stamped(_Base):
    """Has a version that the user's own function makes."""

    __tablename__ = "stamped"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    stamp: orm.Mapped[str] = orm.mapped_column()
    __mapper_args__ = {"version_id_col": stamp, "version_id_generator": lambda last: f"{last}+"}  # noqa: RUF012


@pytest.fixture
def versioned(other_url: sa.URL) -> Iterator[None]:
    """Connect to a database of the user's own classes."""
    engine = sa.create_engine(other_url)
    _Base.metadata.create_all(engine)
    ln.connect(engine)
    yield
    ln.connect()
    engine.dispose()


def test_a_first_version_is_made_as_for_records(versioned: None) -> None:
    """By the database where it makes them, else by what the class says."""
    ln.add(Made, [{"name": "a"}])
    ln.add(Stamped, [{"id": 1}, {"id": 2}])

    assert ["v0"] == ln.select(Made.etag).all()
    assert ["None+", "None+"] == ln.select(Stamped.stamp).order_by(Stamped.id).all()


def test_what_the_database_computes_cannot_be_given(versioned: None) -> None:
    """A key that is an expression is refused, not ignored."""
    with pytest.raises(ln.errors.UnknownFieldError) as error:
        ln.add(Made, [{"name": "a", "label": "mine"}])

    assert ("Made.label is computed by the database", "leave it out") == (str(error.value), error.value.fix)
