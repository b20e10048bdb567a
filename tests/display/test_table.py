"""Records of one class, and rows of a statement, as a table."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter import redaction
from ln_jupyter.display import table
from ln_jupyter.display.options import Options
from tests.orm.inspect import models as m
from tests.orm.inspect.scenarios import World, world_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    with closing(m.make_database()) as connection:
        yield connection


@pytest.fixture
def world(database: sqlite3.Connection) -> Iterator[World]:
    with world_of(database) as world:
        yield world


def of(records: list[Any], **options: Any) -> table.TableView:
    view = table.of_records(records, count=len(records), options=Options(**options))
    assert view is not None
    return view


def test_columns_are_those_that_are_filled() -> None:
    """A column that no shown record fills is left out; None in one that is filled is left blank."""
    view = of([m.Study(id="a", title=None), m.Study(id="b", title="B")])

    assert ("id", "title") == view.columns
    assert (("a", ""), ("b", "B")) == view.rows


def test_loaded_relationships_are_columns(world: World) -> None:
    """A relationship that any record has loaded is a column; one that none has is named below."""
    session = world.session()
    first, second = session.get(m.Study, "full"), session.get(m.Study, "partial")
    _ = first.protocol, first.inputs, first.lead

    view = of([first, second])

    assert {"protocol", "protocol_id", "protocol_v"} <= {*view.columns}
    row = [dict(zip(view.columns, cells, strict=True)) for cells in view.rows]
    assert "<Protocol ('p', '1') name='Wash'>" == row[0]["protocol"]
    assert ("3 Sample", "○ not loaded") == (row[0]["inputs"], row[1]["inputs"])
    assert ("○ not loaded · loads when read: owner, placed, outputs",) == view.remarks


def test_foreign_keys(world: World) -> None:
    """Where every record has a relationship loaded, the columns of its foreign key say nothing more."""
    study = world.get(m.Study, "full")
    without = of([study]).columns
    _ = study.protocol

    assert {"protocol_id", "protocol_v", "lead_id"} <= {*without}
    assert {"protocol", "lead_id"} == {*of([study]).columns} & {"protocol", "protocol_id", "protocol_v", "lead_id"}


def test_expired_records(world: World) -> None:
    """Records that a commit expired say so, and nothing is read."""
    session = world.session()
    tags = list(session.scalars(sa.select(m.Tag)))
    session.commit()
    world.statements.clear()

    view = of(tags)

    assert [] == world.statements
    assert () == view.columns
    assert ("◌ expired · loads when read: id, name, kit_id, kit",) == view.remarks


def test_detached_records(world: World) -> None:
    """Records whose session is closed say that what is not loaded cannot be read."""
    assert ("⊘ not loaded · session closed: kit",) == of([world.detached(m.Tag)]).remarks


def test_secrets() -> None:
    """Values are hidden by the name of their column, or by what the model says of it."""
    view = of([m.Person(id=1, handle="ann", password="s3cret")], secret_names=("handle",))

    assert {"id": "1", "handle": redaction.HIDDEN, "password": redaction.HIDDEN} == dict(
        zip(view.columns, view.rows[0], strict=True)
    )


def test_subclasses_share_a_table(world: World) -> None:
    """Records of several subclasses are one table of their base, with the columns of all."""
    staff = [m.Manager(id=1, name="boss", budget=5), m.Intern(id=2, name="in", school="eth")]

    view = of(staff)

    assert "Staff" == view.name
    assert {"budget", "school"} <= {*view.columns}
    assert ("", "eth") == tuple(view.rows[1][view.columns.index(name)] for name in ("budget", "school"))


@pytest.mark.parametrize("records", [[], [1], [m.Tag(), 1], [1, m.Tag()], [m.Tag(), m.Box()]])
def test_no_table(records: list[Any]) -> None:
    """What has no mapped class in common has no table."""
    assert table.of_records(records, count=len(records)) is None


def test_many_columns() -> None:
    """Of many columns the first are shown, and the others named."""
    base = orm.declarative_base()
    columns = {f"c{i}": sa.Column(sa.Integer) for i in range(30)}
    wide = type("Wide", (base,), {"__tablename__": "wide", "id": sa.Column(sa.Integer, primary_key=True), **columns})

    view = of([wide(**dict.fromkeys(columns, 1))])

    assert 12 == len(view.columns)
    assert view.remarks[0].startswith("… 18 more columns: c12, c13,")
    assert ("c0", "c1") == of([wide(**dict.fromkeys(columns, 1))], columns=2).columns


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("two\nlines", "two lines"),
        ("x" * 100, "x" * 39 + "…"),
        (b"\0" * 50_000_000, "b'" + r"\x00" * 12 + "'… 50,000,000 bytes"),
        ("a\x1b[2J\u202e", "a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}"),
        (None, ""),
    ],
    ids=["lines", "long", "blob", "commands", "None"],
)
def test_cells(value: object, expected: str) -> None:
    """A cell is one bounded line, whatever the value."""
    assert expected == table.of_rows("Row", ["a"], [[value]], count=1).rows[0][0]


def test_html_is_escaped() -> None:
    """Nothing of a table brings its own markup: neither names nor values nor remarks."""
    view = table.TableView("<i>", 1, ("<b>",), (("<script>",),), remarks=("<img>",))

    markup = table.render(view)

    assert not any(each in markup for each in ("<i>", "<b><", "<script>", "<img>"))
    assert all(f"&lt;{each}&gt;" in markup for each in ("i", "b", "script", "img"))


def test_html_reads_right_without_style() -> None:
    """Headers are headers of their columns, and cells are to the left without any style."""
    markup = table.markup(table.TableView("Tag", 1, ("id",), (("1",),)))

    assert (
        '<thead><tr align="left"><th scope="col" style="text-align:left">id</th></tr></thead>'
        '<tbody><tr align="left"><td style="text-align:left">1</td></tr></tbody></table>'
    ) in markup


def test_title() -> None:
    """The title tells how many there are, and how many of them are shown."""
    view = table.TableView("Tag", 1, ("id",), (("1",),))

    assert "Tag · 1 row" == view.title
    assert "Tag · 1,000 rows, first 1 shown" == dataclasses.replace(view, count=1000).title
    assert "Tag · 2 rows, newest 1 shown" == dataclasses.replace(view, count=2, order="newest").title


def test_text() -> None:
    """As text it has the same title, cells and remarks."""
    view = table.TableView("Tag", 1, ("id",), (("1",),), remarks=("○ not loaded: kit",))

    assert ["Tag · 1 row", "id", "----", "1", "○ not loaded: kit"] == table.text(view).split("\n")
