"""The Tab key offers what is public, and the fields that a call takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.ipython import completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ipython.kernel_driver import Kernel

OF_TAG = ["run", "run_id", "tag"]


class Base(orm.DeclarativeBase):
    """The user's."""


class Hero(Base):
    """Theirs."""

    __tablename__ = "hero"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]


class Odd:
    """Its attributes are code."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError


NAMESPACE: dict[str, Any] = {
    "ln": ln,
    "lns": lns,
    "Hero": Hero,
    "select": ln.select,
    "statement": ln.select(lns.RunTag),
    "ss": ln.Session(),
    "odd": Odd(),
    "record": lns.RunTag(),
    "Tag": orm.aliased(lns.RunTag),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ln.select(lns.RunTag, ", OF_TAG),
        ("x = ln.select(lns.RunTag,\n    tag='a, (b', ", ["run", "run_id"]),
        ("ln . select( lns . RunTag , ", OF_TAG),
        ("select(lns.RunTag, t", OF_TAG),
        ("select(Tag, ", OF_TAG),
        ("ss.select(lns.RunTag, ", OF_TAG),
        ("ln.add(lns.RunTag, ", OF_TAG),
        ("ln.delete(lns.RunTag, ", OF_TAG),
        ("lns.RunTag(", OF_TAG),
        ("ln.add(lns.RunTag(run=lns.Run(name='x'), ", ["run_id", "tag"]),
        ("Hero(", ["id", "name"]),
        ("[f(x) for x in ln.select(Hero, ", ["id", "name"]),
        ("statement.where(", OF_TAG),
        ("statement.filter_by(", OF_TAG),
        ("statement.order_by(lns.RunTag.tag).where(", OF_TAG),
        ("ln.select(lns.RunTag).where(", OF_TAG),
        ("ln.select(lns.RunTag, tag=')').order_by(f(1)[0]).limit(1)\\\n  .where(", OF_TAG),
        ("ln.select(lns.Run).join(lns.RunTag, ", OF_TAG),
        ("ln.select(lns.Run).join(lns.Run.tagged, ", OF_TAG),
        ("statement.join(lns.Run.tagged, ", OF_TAG),
        ("ln.select(lns.RunT", []),
        ("ln.select(lns.RunTag).where(lns.RunTag.tag.in_([", []),
        ("ln.select(lns.RunTag).order_by(", []),
        ("ln.select(Odd, ", []),
        ("odd.select(lns.RunTag, ", []),
        ("print(lns.RunTag, ", []),
        ("lns.RunTag(tag='a',  # final, or\n    ", ["run", "run_id"]),
        ("ln.select(lns.RunTag, tag='", []),
        ("ln.select(lns.RunTag, tag='a, ", []),
        ("ln.select(lns.RunTag, tag=", []),
        ("ln.select(lns.RunTag, tag=r", []),
        ("ln.select(lns.RunTag, tag=not ", []),
        ("statement.where(lns.RunTag.tag == ", []),
        ("statement.where(~", []),
        ("lns.RunTag(**", []),
        ("lns.RunTag(tag='a',  # r", []),
        ("ln.add(record, ", []),
        ("# ln.select(lns.RunTag, ", []),
        ("ln.select(lns.RunTag) ", []),
        ("", []),
        (")", []),
    ],
)
def test_fields(text: str, expected: list[str]) -> None:
    """A call that selects, adds, deletes, joins or makes records offers the fields not given yet, where an argument begins."""
    assert expected == completion.fields_at(text, NAMESPACE)


@pytest.mark.parametrize(
    ("expression", "some"), [("ln", "select"), ("lns", "Run"), ("ln.nb", "header"), ("ln.errors", "RecordError")]
)
def test_names(expression: str, some: str) -> None:
    """What a module of ours has for others is offered, and not what it imports."""
    found = completion.names_of(expression, NAMESPACE)

    assert some in found
    assert {"sys", "annotations", "TYPE_CHECKING", "sanitize", "importing", "tables"}.isdisjoint(found)


@pytest.mark.parametrize(
    ("expression", "is_statement"),
    [
        ("ln.select(lns.Run)", True),
        ("ss.select(lns.Run, name='x)').where(f(1))", True),
        ("statement.order_by(lns.Run.id)", True),
        ("ln.select(lns.Run).first()", False),
        ("statement.one()", False),
        ("odd.select(lns.Run)", False),
        ("print(lns.Run)", False),
        ("(ln)", False),
    ],
)
def test_methods(expression: str, is_statement: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """What makes a statement has its methods, and what runs one has not."""
    found = completion.methods_of(expression, NAMESPACE)

    assert is_statement == ({"where", "first"} <= {*found})
    assert is_statement or [] == found


@pytest.mark.parametrize("expression", ["odd", "odd.select", "nothing", "Hero", "ln.select", "Odd.x"])
def test_names_of_others(expression: str) -> None:
    """Of anything else nothing is known, and no code of it runs."""
    assert [] == completion.names_of(expression, NAMESPACE)


@pytest.fixture(params=[True, False], ids=["jedi", "without jedi"])
def completing(kernel: Kernel, request: pytest.FixtureRequest) -> Iterator[Kernel]:
    """A kernel that completes in one of IPython's two ways."""
    before = kernel.read("get_ipython().Completer.use_jedi")
    kernel.run(f"get_ipython().Completer.use_jedi = {request.param}")
    yield kernel
    kernel.run(f"get_ipython().Completer.use_jedi = {before}")


def test_tab_after_a_module(completing: Kernel) -> None:
    """`ln.` and `lns.` offer public names only, also of what was imported since."""
    completing.run("from ln_jupyter.orm import session")

    offered = [completing.complete(code) for code in ("ln.", "x = [lns.", "ln.sel")]

    public = [[name for name in module.__all__ if name[0] != "_"] for module in (ln, lns)]
    assert [*map(sorted, public), ["select"]] == [*map(sorted, offered[:2]), offered[2]]


def test_tab_in_a_call(completing: Kernel) -> None:
    """Fields stand alone until something is begun, and then beside whatever begins so."""
    first, begun = completing.complete("ln.select(lns.RunTag, "), completing.complete("ln.select(lns.RunTag, t")

    assert ["run=", "run_id=", "tag="] == sorted(first)
    assert {"tag=", "threading"} <= {*begun}


@pytest.mark.parametrize(
    "code", ["statement.", "ln.select(lns.Run, name='x').", "(ln.select(lns.Run)\n  .where(name='x')\n  ."]
)
def test_tab_after_a_statement(completing: Kernel, code: str) -> None:
    """A statement offers what it has, and nothing private, in a variable or where it is written."""
    completing.run("statement = ln.select(lns.Run)")

    offered = {name.rpartition(".")[2] for name in completing.complete(code)}  # IPython 8 begins with the variable

    assert {name for name in dir(ln.Stmt) if name[0] != "_"} == offered
