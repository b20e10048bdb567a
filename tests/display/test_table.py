"""Records of one class, and rows of a statement, as a table."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter import redaction
from ln_jupyter.display import records, table
from ln_jupyter.display import text as texts
from ln_jupyter.display.card import Part
from ln_jupyter.display.options import Options, Place
from ln_jupyter.display.table import Cell
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


def of(rows: list[Any], **options: Any) -> table.TableView:
    view = records.of_records(rows, count=len(rows), options=Options(**options))
    assert view is not None
    return view


def cells(view: table.TableView) -> list[dict[str, str]]:
    """Return what stands in each row, by its column."""
    return [dict(zip(view.columns, [each.text for each in row], strict=True)) for row in view.rows]


def remarks(view: table.TableView) -> list[str]:
    return [texts.of_line(each) for each in view.remarks]


def test_columns_are_those_that_are_filled() -> None:
    """A column that is None in all rows is named below, and None in one that is filled has a mark that is explained."""
    view = of([m.Study(id="a", title=None, lead_id=None), m.Study(id="b", title="B", lead_id=None)])

    assert [{"id": "a", "title": "∅"}, {"id": "b", "title": "B"}] == cells(view)
    assert ["None in all 2: lead_id · ∅ is None"] == remarks(view)


def test_none_in_the_rows_that_are_shown() -> None:
    """Of a longer list it is said that nobody has looked at the other rows."""
    view = records.of_records([m.Tag(id=1, name=None)], count=30)

    assert view is not None
    assert ["None in the 1 shown: name"] == remarks(view)
    assert ["None: name"] == remarks(of([m.Tag(id=1, name=None)]))


def test_loaded_relationships_are_columns(world: World) -> None:
    """A relationship that any record has loaded is a column; one that none has is named below."""
    session = world.session()
    first, second = session.get(m.Study, "full"), session.get(m.Study, "partial")
    _ = first.protocol, first.inputs, first.lead

    view = of([first, second])

    assert {"protocol", "protocol_id", "protocol_v"} <= {*view.columns}
    row = cells(view)
    assert "Protocol p, 1 · Wash" == row[0]["protocol"]
    assert ("3 Sample", "○ not loaded") == (row[0]["inputs"], row[1]["inputs"])
    assert ["∅ is None", "○ not loaded · loads when read: owner, placed, outputs"] == remarks(view)


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
    assert ["◌ expired · loads when read: id, name, kit_id, kit"] == remarks(view)


def test_detached_records(world: World) -> None:
    """Records whose session is closed say that what is not loaded cannot be read, in colour, and what to type."""
    view = of([world.detached(m.Tag)], model="m.Tag")

    assert ["⊘ not loaded · session closed: kit"] == remarks(view)
    assert Part("⊘ not loaded · session closed", "wait") == view.remarks[0][0]
    assert "session closed" == view.state
    assert view.fix is not None
    assert ("To load them with the list", 'ln.select(m.Tag).load("kit")') == (view.fix.purpose, view.fix.code)


def test_no_fix_for_a_list(world: World) -> None:
    """Where everything can be read, or the class has no name in the notebook, there is nothing to type."""
    tag = world.get(m.Tag)

    assert of([tag], model="m.Tag").fix is None
    assert of([world.detached(m.Tag)]).fix is None


def test_fix_for_a_list_names_its_engine(world: World) -> None:
    """Records of another engine than the usual one are selected through it, and kept under a name."""
    view = of([world.detached(m.Tag)], model="Tag", place=Place("engine"), variable="found")

    assert view.fix is not None
    assert 'with ln.Session(engine): found = ln.select(Tag).load("kit").all()' == view.fix.code


def test_secrets() -> None:
    """Values are hidden by the name of their column, or by what the model says of it."""
    view = of([m.Person(id=1, handle="ann", password="s3cret")], secret_names=("handle",))

    assert [{"id": "1", "handle": redaction.HIDDEN, "password": redaction.HIDDEN}] == cells(view)


def test_subclasses_share_a_table(world: World) -> None:
    """Records of several subclasses are one table of their base, with the columns of all."""
    staff = [m.Manager(id=1, name="boss", budget=5), m.Intern(id=2, name="in", school="eth")]

    view = of(staff)

    assert "Staff" == view.name
    assert {"budget", "school"} <= {*view.columns}
    assert ("", "eth") == (cells(view)[1]["budget"], cells(view)[1]["school"])


@pytest.mark.parametrize("rows", [[], [1], [m.Tag(), 1], [1, m.Tag()], [m.Tag(), m.Box()]])
def test_no_table(rows: list[Any]) -> None:
    """What has no mapped class in common has no table."""
    assert records.of_records(rows, count=len(rows)) is None


def test_many_columns() -> None:
    """Of many columns the first are shown, and the others named."""
    base = orm.declarative_base()
    columns = {f"c{i}": sa.Column(sa.Integer) for i in range(30)}
    wide = type("Wide", (base,), {"__tablename__": "wide", "id": sa.Column(sa.Integer, primary_key=True), **columns})

    view = of([wide(**dict.fromkeys(columns, 1))])

    assert 12 == len(view.columns)
    assert remarks(view)[0].startswith("… 18 more columns: c12, c13,")
    assert ("c0", "c1") == of([wide(**dict.fromkeys(columns, 1))], columns=2).columns


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("two\nlines", "two lines"),
        ("x" * 100, "x" * 39 + "…"),
        (b"\0" * 50_000_000, "b'" + r"\x00" * 12 + "'… 50,000,000 bytes"),
        ("a\x1b[2J\u202e", "a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}"),
        (None, "∅"),
        ("∅", "'∅'"),
        ("", "''"),
        ("••• redacted", "'••• redacted'"),
        ("⊘ not loaded", "'⊘ not loaded'"),
    ],
    ids=["lines", "long", "blob", "commands", "None", "like None", "empty", "like a secret", "like a mark"],
)
def test_cells(value: object, expected: str) -> None:
    """A cell is one bounded line, whatever the value."""
    assert expected == table.of_rows("row", ["a"], [[value]], count=1).rows[0][0].text


def test_numbers_stand_to_the_right() -> None:
    """A column of numbers is aligned to the right, in text and without any style; true and false are no numbers."""
    view = table.of_rows("row", ["n", "b", "s"], [[1, True, "x"], [1000, False, "y"], [None, None, "z"]], count=3)

    assert {"n"} == view.numbers
    assert "     n  b      s" == table.text(view).split("\n")[1]
    assert '<td class="n" style="text-align:right">1000</td><td style="text-align:left">False</td>' in table.markup(
        view
    )


def test_html_is_escaped() -> None:
    """Nothing of a table brings its own markup: neither names nor values nor remarks."""
    cell = Cell("<script>", below="<u>", title="<s>")
    view = table.TableView("<i>", 1, ("<b>",), ((cell,),), state="<p>", remarks=((Part("<img>"),),))

    markup = table.render(view)

    assert not any(each in markup for each in ("<i>", "<b><", "<script>", "<img>", "<u>", "<s>"))
    assert markup.count("<p>") == 2
    assert all(f"&lt;{each}&gt;" in markup for each in ("i", "b", "script", "img", "u", "s", "p"))


def test_html_reads_right_without_style() -> None:
    """Headers are headers of their columns, and cells are to the left without any style."""
    markup = table.markup(table.TableView("Tag", 1, ("id",), ((Cell("1"),),)))

    assert (
        '<thead><tr align="left"><th scope="col" style="text-align:left">id</th></tr></thead>'
        '<tbody><tr align="left"><td style="text-align:left">1</td></tr></tbody></table>'
    ) in markup


@pytest.mark.parametrize(
    ("changed", "title"),
    [
        ({}, "1 Tag"),
        ({"count": 1000}, "1,000 Tag · first 1 shown"),
        ({"count": 2, "order": "newest"}, "2 Tag · newest 1 shown"),
        ({"count": 10_000, "has_more": True}, "more than 10,000 Tag · first 1 shown"),
        ({"state": "session closed"}, "1 Tag · session closed"),
        ({"name": "row"}, "1 row"),
        ({"name": "row", "count": 2}, "2 rows · first 1 shown"),
    ],
)
def test_title(changed: dict[str, Any], title: str) -> None:
    """The title tells how many there are, how many of them are shown, and their state."""
    view = table.TableView("Tag", 1, ("id",), ((Cell("1"),),))

    assert title == texts.of_line(dataclasses.replace(view, **changed).title)


def test_text() -> None:
    """As text it has the same title, cells and remarks; what stands below a cell has a line of its own."""
    remark = (Part("○ not loaded: kit"),)
    view = table.TableView("Tag", 1, ("id", "why"), ((Cell("1", below="since then"), Cell("x")),), remarks=(remark,))

    assert ["1 Tag", "  id  why", "  1   x", "    since then", "○ not loaded: kit"] == table.text(view).split("\n")


def test_text_is_as_wide_as_a_terminal() -> None:
    """Columns that have no room in a line are named below, and long remarks are broken."""
    columns = [f"column_{number}" for number in range(30)]
    view = table.of_rows("row", columns, [[*range(30)]], count=1)

    written = table.text(view)

    assert max(map(len, written.split("\n"))) <= 80
    assert "more columns: column_8, column_9," in written
