"""The schema as a Mermaid entity diagram."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter.schema as lns
from ln_jupyter import errors
from tests.orm.inspect import models as m


def edges(diagram: object) -> list[str]:
    return [line.strip() for line in repr(diagram).splitlines() if "--" in line]


def entities(diagram: object) -> list[str]:
    return re.findall(r"^    (\S.*) \{$", repr(diagram), re.MULTILINE)


def test_own_schema() -> None:
    """Without an argument it is the registry's own schema, by its classes, in an order that stays."""
    assert entities(lns.view()) == sorted(name for name in lns.__all__ if name not in {"Base", "CreatedBy", "view"})
    assert lns.view() == lns.view()


def test_bundle() -> None:
    """JupyterLab gets what it draws, everybody else its source as text."""
    diagram = lns.view()

    bundle = diagram._repr_mimebundle_(include=None, exclude=None)

    assert {"text/vnd.mermaid": diagram.source, "text/plain": diagram.source} == bundle
    assert diagram.source.startswith("erDiagram\n")


@pytest.mark.parametrize(
    "edge",
    [
        'Pipeline |o--o{ Run : "pipeline"',
        'Notebook ||--o{ NotebookPath : "notebook"',
        'Notebook |o--o{ Notebook : "parent"',
        'Run }o--o{ File : "inputs"',
        'Run }o--o{ File : "outputs"',
    ],
    ids=["optional", "required", "itself", "many to many", "a second one"],
)
def test_relationships(edge: str) -> None:
    """A line for each foreign key says how many there are on each side; a table that only links is a line too."""
    assert edge in edges(lns.view())


def test_keys() -> None:
    """Columns have their Python type and their keys."""
    source = lns.view().source

    assert "        str run_id PK, FK\n        int position PK\n" in source
    assert "        str handle UK\n" in source


def test_inheritance() -> None:
    """A joined subclass is an entity of its own, a single-table one is part of its base."""
    diagram = lns.view(m.Base)

    assert 'Staff ||--o| Manager : "is a"' in edges(diagram)
    assert "Intern" not in entities(diagram)
    assert "        str school\n" in diagram.source


def test_link_with_a_column() -> None:
    """A linking table that holds something itself stays an entity."""
    diagram = lns.view(m.Base)

    assert '"study_input"' in entities(diagram)
    assert 'Study ||--o{ "study_input" : "study_id"' in edges(diagram)


def test_one_to_one() -> None:
    """Where the foreign key is unique, there is at most one on its side."""
    metadata = sa.MetaData()
    sa.Table("hand", metadata, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table("glove", metadata, sa.Column("hand_id", sa.ForeignKey("hand.id"), nullable=False, unique=True))

    assert ['"hand" ||--o| "glove" : "hand_id"'] == edges(lns.view(metadata))


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (m.imperative, ["Plate", "Spring", "Trap", "Well"]),
        (m.SQLModel, ["Hero", "Team"]),
        ([m.Hero], ["Hero"]),
        (m.Hero, ["Hero", "Team"]),
        (m._foreign, ['"book"', '"shelf"']),
    ],
    ids=["registry", "SQLModel", "list", "class", "metadata"],
)
def test_of_the_users(what: object, expected: list[str]) -> None:
    """A user's own models are drawn from whatever holds them."""
    assert expected == entities(lns.view(what))


def test_odd_names() -> None:
    """Names that Mermaid cannot take are replaced, and stand beside in full as far as it can."""
    metadata = sa.MetaData()
    sa.Table(
        'größe "x"\n',
        metadata,
        sa.Column("a b", sa.Integer, primary_key=True),
        sa.Column("PK", sa.String),
        sa.Column("1st", sa.String),
        schema="lab",
    )

    assert lns.view(metadata).source.splitlines() == [
        "erDiagram",
        "    \"lab.größe 'x' \" {",
        '        int a_b PK "a b"',
        '        str PK_ "PK"',
        '        str _1st "1st"',
        "    }",
    ]


def test_same_name() -> None:
    """Two classes of one name are told apart by their tables."""

    def make(table: str) -> type:
        class Base(orm.DeclarativeBase): ...

        class Sample(Base):
            __tablename__ = table
            id: orm.Mapped[int] = orm.mapped_column(primary_key=True)

        return Sample

    assert ['"Sample (a)"', '"Sample (b)"'] == entities(lns.view([make("b"), make("a")]))


def test_large_schema() -> None:
    """What would be too long for Mermaid to draw is drawn with its keys only."""
    metadata = sa.MetaData()
    for i in range(100):
        columns = [sa.Column(f"column_{j}", sa.String) for j in range(50)]
        sa.Table(f"t{i}", metadata, sa.Column("id", sa.Integer, primary_key=True), *columns)

    source = lns.view(metadata).source

    assert len(source) < 50_000
    assert (100, 0) == (source.count("int id PK"), source.count("column_1"))


def huge(number: int) -> sa.MetaData:
    """Make tables that refer to the one in the middle, and to their neighbour."""
    metadata = sa.MetaData()
    for i in range(number):
        keys = (sa.Column(f"{to}_of_a_long_name_{j}_id", sa.ForeignKey(f"table_number_{to}.id"), primary_key=True)
                for j, to in enumerate({number // 2, max(i - 1, 0)}))  # fmt: skip
        sa.Table(f"table_number_{i}", metadata, sa.Column("id", sa.Integer, primary_key=True), *keys)
    return metadata


def test_larger_schema() -> None:
    """What is too long with its keys is drawn without columns, and has all of its tables and references."""
    source = lns.view(huge(150)).source

    assert len(source) < 50_000
    assert (150, 0) == (source.count(" {\n"), source.count("PK"))


def test_what_is_related_only() -> None:
    """What is too long without columns is drawn as its relations: each pair of tables once, and tables of none."""
    metadata = huge(350)
    sa.Table("alone", metadata, sa.Column("id", sa.Integer, primary_key=True))
    again = sa.Column("again", sa.ForeignKey("table_number_6.id"), primary_key=True)
    metadata.tables["table_number_7"].append_column(again)

    source = lns.view(metadata).source

    related = {line.split(" : ")[0] for line in source.splitlines() if "--" in line}
    assert len(source) < 50_000
    assert ['"alone" {'] == re.findall(r'".*" {', source)
    assert (
        source.count(' : ""') == len(related) == sum(len(table.foreign_keys) for table in metadata.tables.values()) - 1
    )
    assert set(metadata.tables) == {*re.findall(r'"([a-z_0-9]+)"', source)}


def test_a_schema_of_183_tables() -> None:
    """As many tables as Galaxy has, with as many columns and keys, are drawn with their keys or relations."""
    metadata = huge(183)
    for table in metadata.tables.values():
        for number in range(12):
            table.append_column(sa.Column(f"column_{number}", sa.String))

    source = lns.view(metadata).source

    assert len(source) < 50_000
    assert set(metadata.tables) <= {*re.findall(r'"([a-z_0-9]+)"', source)}


def test_too_large_a_schema() -> None:
    """Where even that is too long, an error names the classes that most others refer to, or what to give."""
    with pytest.raises(errors.DiagramTooLargeError, match="2,000 tables are more than Mermaid draws") as raised:
        lns.view(huge(2_000))

    assert "give a list of classes, lns.view([A, B]), or a MetaData that holds some of the tables" == raised.value.fix


def test_too_many_classes() -> None:
    """The line that the error suggests draws what it names."""

    class Base(orm.DeclarativeBase): ...

    def make(name: str, *to: str) -> type:
        keys = {f"{each.lower()}_id": sa.Column(sa.ForeignKey(f"{each}.id"), primary_key=True) for each in to}
        return type(name, (Base,), {"__tablename__": name, "id": sa.Column(sa.Integer, primary_key=True), **keys})

    classes = {name: make(name) for name in ("Middle", "Side", "Rim")}
    for number in range(1_000):
        others = ["Middle", "Side", "Rim"][: 1 + number % 3]
        classes[f"Other{number}"] = make(f"AClassOfALongNameIndeed{number}", *others)

    with pytest.raises(errors.DiagramTooLargeError) as raised:
        lns.view(Base)

    assert raised.value.fix.startswith("give a list of classes, such as lns.view([Middle, Side, Rim]), or one")
    assert ["Middle", "Rim", "Side"] == entities(lns.view([classes[name] for name in ("Middle", "Side", "Rim")]))


@pytest.mark.parametrize("what", [None, "Run", [int], int, 3])
def test_nothing_mapped(what: object) -> None:
    """What has no schema is refused, with what to give."""
    with pytest.raises(errors.NotMappedError, match="has no schema") as raised:
        lns.view(what)

    assert "give a declarative base, or a list of mapped classes" == raised.value.fix
