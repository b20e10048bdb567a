"""Records, collections of them and what gives them show themselves, and never ask the database."""

from __future__ import annotations

import dataclasses
import gc
import logging
import weakref
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from IPython.utils import io
from sqlalchemy import orm
from sqlalchemy.ext import asyncio

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.display import record, records
from ln_jupyter.display.html import LEFT
from ln_jupyter.ipython import extension
from tests.ipython import kernel_driver
from tests.ipython.shells import html, shell_in, shown, text
from tests.orm.inspect import models as m
from tests.orm.inspect.scenarios import SCENARIOS, World, world_of
from tests.orm.inspect.test_record import fingerprint

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell


@pytest.fixture(scope="module")
def bare_shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    """A shell without the extension."""
    with shell_in(tmp_path_factory.mktemp("ipython")) as shell:
        yield shell


@pytest.fixture
def shell(bare_shell: InteractiveShell) -> Iterator[InteractiveShell]:
    """The same shell with it."""
    extension.load(bare_shell)
    yield bare_shell
    extension.unload(bare_shell)


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    with closing(m.make_database()) as connection:
        yield connection


@pytest.fixture
def world(database: sqlite3.Connection) -> Iterator[World]:
    with world_of(database) as world:
        yield world


# -- records -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name.endswith(("_open", "_detached"))])
def test_every_mapping(shell: InteractiveShell, world: World, name: str) -> None:
    """However a class is mapped, its records show themselves as text and as HTML."""
    record = SCENARIOS[name](world)

    bundle = shown(shell, record)

    assert bundle["text/plain"].startswith(f"{type(record).__name__} ")
    assert f"<b>{type(record).__name__}</b>" in bundle["text/html"]


@dataclasses.dataclass
class Result:
    """A dataclass of the user's own, whose generated `__repr__` calls those of its members."""

    record: object
    score: float = 0.5


PLACES: dict[str, Callable[[object], object]] = {
    "alone": lambda record: record,
    "list": lambda record: [record, record],
    "tuple": lambda record: (record,),
    "dict": lambda record: {"a": record, "b": [record]},
    "dataclass": Result,
    "list in a dataclass": lambda record: Result([record]),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_displays_touch_nothing(shell: InteractiveShell, world: World, name: str) -> None:
    """In every state and every container a record is displayed without SQL, and stays as it was."""
    record = SCENARIOS[name](world)
    before = fingerprint(record, world)

    for place, put in PLACES.items():
        shown(shell, put(record))

        assert before == fingerprint(record, world), place


def test_set_touches_nothing(shell: InteractiveShell, world: World) -> None:
    """IPython would sort a set by the text of its members, and so read the database."""
    record = world.get(m.Trap)
    type(record).__hash__ = object.__hash__  # type: ignore[method-assign]
    try:
        displayed = text(shell, {record})
    finally:
        type(record).__hash__ = m._touch  # type: ignore[method-assign]

    assert "{<Trap 1 name='trap'>}" == displayed


def test_containers(shell: InteractiveShell, world: World) -> None:
    """Inside containers a record takes one line."""
    tag = world.get(m.Tag)

    assert "{'a': <Tag 1 name='red 1'>, 'b': [(<Tag 1 name='red 1'>,)]}" == text(shell, {"a": tag, "b": [(tag,)]})
    assert "frozenset({<Tag 1 name='red 1'>})" == text(shell, frozenset({tag}))
    assert "Result(record=<Tag 1 name='red 1'>, score=0.5)" == text(shell, Result(tag))


def test_ordinary_values(bare_shell: InteractiveShell) -> None:
    """What holds no record is displayed as ever."""
    nested: list[Any] = [1]
    nested.append(nested)
    values = [1, "a", None, [], (), set(), {1, 2}, [1, [2]], {"a": {1}}, Result(1), frozenset({"b"}), nested, Result]
    before = [shown(bare_shell, value) for value in values]

    extension.load(bare_shell)
    after = [shown(bare_shell, value) for value in values]
    extension.unload(bare_shell)

    assert before == after


def test_class(shell: InteractiveShell) -> None:
    """A mapped class, as the value of a cell, stays plain."""
    assert {"text/plain": "ln_jupyter.schema.models.Run"} == shown(shell, lns.Run)


def test_include(shell: InteractiveShell) -> None:
    """`display(record, include=...)` gives what was asked for only."""
    run = lns.Run(id="r")

    assert {"text/html"} == shown(shell, run, include=["text/html"]).keys()
    assert {"text/plain"} == shown(shell, run, exclude=["text/html"]).keys()


def test_pprint_off(shell: InteractiveShell) -> None:
    """After `%pprint` the text is what the class's own `__repr__` gives."""
    run = lns.Run(id="r")
    shell.run_line_magic("pprint", "0")

    displayed = text(shell, run)
    shell.run_line_magic("pprint", "1")

    assert repr(run) == displayed


def test_kernel(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A kernel sends both forms, and print() and Out keep what they had."""
    setup = "%load_ext ln_jupyter\nimport ln_jupyter.schema as lns\nrun = lns.Run(id='r', name='Solve X')"
    with kernel_driver.start(tmp_path_factory.mktemp("kernel"), setup) as kernel:
        executed = kernel.run("print(run)\ndisplay(run, [run])\nrun")

        bundles = [content["data"] for kind, content in executed.outputs if kind != "stream"]
        assert "Run(id='r', name='Solve X')" == executed.stdout.strip()
        assert [{"text/plain", "text/html"}] * 3 == [{*bundle} for bundle in bundles]
        assert executed.value is not None
        assert executed.value.startswith("Run r · Solve X · unsaved\n")
        assert kernel.read("Out[max(Out)] is run")


# -- displays of others --------------------------------------------------------------------------------------


def mapped(**attributes: Any) -> Any:
    """Map a class that has these attributes, and make a record of it."""

    class Base(orm.DeclarativeBase): ...

    columns = {"__tablename__": "own", "id": sa.Column(sa.Integer, primary_key=True)}
    return type("Own", (Base,), columns | attributes)(id=1)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"_repr_html_": lambda _: "own"}, {"text/html": "own"}),
        ({"_repr_markdown_": lambda _: "own"}, {"text/markdown": "own"}),
        ({"_repr_pretty_": lambda _, p, __: p.text("own")}, {"text/plain": "own"}),
        ({"_repr_mimebundle_": lambda _, **__: {"text/plain": "own", "a/b": "c"}}, {"text/plain": "own", "a/b": "c"}),
        ({"_ipython_display_": lambda _: None}, {}),
    ],
    ids=["html", "markdown", "pretty", "mimebundle", "display"],
)
def test_own_display(shell: InteractiveShell, attributes: dict[str, Any], expected: dict[str, str]) -> None:
    """A class that brings its own display keeps it, and nothing richer is put before it."""
    displayed = shown(shell, mapped(**attributes))

    assert expected.items() <= displayed.items()
    assert expected.keys() | {"text/plain"} >= displayed.keys()


def test_own_display_of_a_base(shell: InteractiveShell) -> None:
    """A display that a mixin brings counts as the class's own."""

    class Mixin:
        def _repr_html_(self) -> str:
            return "mixed in"

        def _repr_pretty_(self, p: Any, _cycle: object) -> None:
            p.text("mixed in")

    base = type(mapped()).__mro__[1]
    cls = type("Other", (Mixin, base), {"__tablename__": "b", "id": sa.Column(sa.Integer, primary_key=True)})

    assert {"text/plain": "mixed in", "text/html": "mixed in"} == shown(shell, cls(id=1))


def test_session_printer_of_the_user(bare_shell: InteractiveShell) -> None:
    """A printer that the user registered by name for what we show beside records stays, too."""
    formatter = bare_shell.display_formatter.formatters["text/html"]  # type: ignore[union-attr]
    formatter.for_type_by_name("sqlalchemy.orm.session", "Session", lambda _: "own")

    extension.load(bare_shell)
    displayed = html_of(bare_shell, orm.Session())
    extension.unload(bare_shell)
    formatter.pop(orm.Session)

    assert "own" == displayed


@pytest.mark.parametrize("before", [True, False], ids=["before load", "after load"])
@pytest.mark.parametrize("by_name", [True, False], ids=["by name", "by class"])
@pytest.mark.parametrize("kind", ["text/plain", "text/html", "text/markdown", "bundle"])
def test_printer_of_the_user(bare_shell: InteractiveShell, kind: str, by_name: bool, before: bool) -> None:  # noqa: FBT001
    """A printer that the user registered for a class or its base is used, whenever it was registered."""
    record = mapped()
    base = type(record).__mro__[1]
    assert bare_shell.display_formatter is not None
    formatters = {
        **bare_shell.display_formatter.formatters,
        "bundle": bare_shell.display_formatter.mimebundle_formatter,
    }
    printers = {
        "text/plain": lambda _obj, p, _cycle: p.text("own"),
        "bundle": lambda _obj: {"text/html": "own", "text/plain": "own"},
    }

    if not before:
        extension.load(bare_shell)
    printer = printers.get(kind, lambda _obj: "own")
    if by_name:
        formatters[kind].for_type_by_name(base.__module__, base.__name__, printer)
    else:
        formatters[kind].for_type(base, printer)
    extension.load(bare_shell)
    displayed = shown(bare_shell, record)
    formatters[kind].pop(base)
    extension.unload(bare_shell)

    kinds = {"text/html", "text/plain"} if kind == "bundle" else {kind}
    assert {"own"} == {displayed[each] for each in kinds}
    assert {"text/plain"} | kinds == displayed.keys()


def test_printers_of_another_kind_replaced_since(bare_shell: InteractiveShell) -> None:
    """A printer is used also where it came with a new dictionary of them, after the extension was loaded."""
    formatter = bare_shell.display_formatter.formatters["text/markdown"]  # type: ignore[union-attr]
    earlier, record = formatter.type_printers, mapped()

    extension.load(bare_shell)
    formatter.type_printers = {type(record).__mro__[1]: lambda _: "own"}
    displayed = shown(bare_shell, record)
    extension.unload(bare_shell)
    formatter.type_printers = earlier

    assert {"text/plain", "text/markdown"} == displayed.keys()


def test_list_with_its_own_display(shell: InteractiveShell) -> None:
    """A class of lists that brings its own display keeps it."""

    class Basket(list[Any]):
        def _repr_html_(self) -> str:
            return "basket"

    class Quiet(list[Any]):
        def __repr__(self) -> str:
            return "quiet"

    assert "basket" == html_of(shell, Basket([lns.Run()]))
    assert {"text/plain": "quiet"} == shown(shell, Quiet([lns.Run()]))


def html_of(shell: InteractiveShell, obj: object) -> str | None:
    return shown(shell, obj).get("text/html")


# -- load and unload -----------------------------------------------------------------------------------------


def look(shell: InteractiveShell) -> dict[str, Any]:
    """Take down the formatters and their printers, by identity."""
    assert shell.display_formatter is not None
    return {
        kind: (id(each.type_printers), dict(each.type_printers), dict(each.deferred_printers), type(each.type_printers))
        for kind, each in shell.display_formatter.formatters.items()
    } | {"configurables": list(shell.configurables)}


def test_unload(bare_shell: InteractiveShell, world: World) -> None:
    """Unloading leaves the formatters as they were, whatever was displayed meanwhile."""
    before = look(bare_shell)

    extension.load(bare_shell)
    for obj in (world.get(m.Study), world.session(), sa.select(m.Study), [world.get(m.Tag)]):
        shown(bare_shell, obj)
    extension.unload(bare_shell)

    assert before == look(bare_shell)


def test_printers_registered_meanwhile_stay(bare_shell: InteractiveShell) -> None:
    """What a user registered or took away while the extension was loaded stays so."""

    class Thing: ...

    formatter = bare_shell.display_formatter.formatters["text/html"]  # type: ignore[union-attr]
    formatter.for_type(complex, lambda _: "taken away")

    extension.load(bare_shell)
    formatter.for_type(Thing, lambda _: "thing")
    formatter.for_type(list, lambda _: "list")
    formatter.pop(complex)
    extension.unload(bare_shell)

    assert ["thing", "list", None] == [html_of(bare_shell, each) for each in (Thing(), [1], 1j)]
    formatter.pop(Thing)
    formatter.pop(list)


@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_replaced_since(bare_shell: InteractiveShell, kind: str) -> None:
    """Where somebody put a copy of our printers in their place, they end with the extension all the same."""
    formatter = bare_shell.display_formatter.formatters[kind]  # type: ignore[union-attr]
    earlier = formatter.type_printers
    values = [lns.Run(id="r"), [lns.Run(id="r")], orm.Session()]
    before = [shown(bare_shell, each) for each in values]

    extension.load(bare_shell)
    shown(bare_shell, values[-1])
    formatter.type_printers = dict(formatter.type_printers)
    extension.unload(bare_shell)
    displayed = [shown(bare_shell, each) for each in values]
    formatter.type_printers = earlier

    assert str(before) == str(displayed).replace("Session object at", "Session at")


def test_wrapped_since(bare_shell: InteractiveShell) -> None:
    """Where somebody keeps our printers in theirs, they end with the extension, and come back with it once."""
    formatter = bare_shell.display_formatter.formatters["text/html"]  # type: ignore[union-attr]
    earlier = formatter.type_printers
    run = lns.Run(id="r")

    class Wrapper(dict[Any, Any]):
        def __contains__(self, cls: object) -> bool:
            return cls in inner

        def __missing__(self, cls: object) -> Any:
            return inner[cls]

    extension.load(bare_shell)
    inner = formatter.type_printers
    formatter.type_printers = Wrapper()
    loaded = html_of(bare_shell, run)
    extension.unload(bare_shell)
    unloaded = html_of(bare_shell, run), html_of(bare_shell, [run])
    extension.load(bare_shell)
    again = html_of(bare_shell, run)
    extension.unload(bare_shell)
    formatter.type_printers = earlier

    assert loaded is not None
    assert loaded == again
    assert (None, None) == unloaded


def test_redefined_class(shell: InteractiveShell) -> None:
    """A class that was displayed and defined again can be collected."""
    record = mapped()
    for obj in (record, [record], {"a": record}, Result(record)):
        shown(shell, obj)
    alive = weakref.ref(type(record))

    del record, obj
    gc.collect()

    assert alive() is None


# -- lists ---------------------------------------------------------------------------------------------------


def test_a_record_is_called_by_its_variable(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line for what is missing names the notebook's own variable; without one it says what to call the record."""
    study = m.Study(id="r")
    orm.make_transient_to_detached(study)
    assert 'once it is called study:\n  import ln_jupyter as ln\n  ln.load(study, "' in text(shell, study)

    monkeypatch.setitem(shell.user_ns, "growth", study)
    monkeypatch.setitem(shell.user_ns, "ln", ln)

    assert 'what is missing:\n  ln.load(growth, "' in text(shell, study)
    assert "<code>ln.load(growth, &quot;" in (html(shell, study) or "")


def test_a_record_of_one_of_several_engines(
    shell: InteractiveShell, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a record may come from one of several engines, the line is for one, and the others are named."""
    tag = world.detached(m.Tag)
    for name in ("lab", "archive"):
        monkeypatch.setitem(shell.user_ns, name, sa.create_engine("sqlite://"))
    for name, value in {"ln": ln, "m": m, "tag": tag}.items():
        monkeypatch.setitem(shell.user_ns, name, value)

    assert "with archive in place of lab if it was read there:\n  with ln.Session(lab): " in text(shell, tag)
    assert "with archive in place of lab if it was read there:\n  with ln.Session(lab): " in text(shell, [tag])


def test_a_list_that_is_loaded_again_is_kept(
    shell: InteractiveShell, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a block, which gives no value, what is selected gets a name that is free: the list may be a part of it."""
    tags = [world.detached(m.Tag)]
    named = {"ln": ln, "m": m, "lab": sa.create_engine("sqlite://"), "found": 5, "tags": tags}
    for name, value in named.items():
        monkeypatch.setitem(shell.user_ns, name, value)

    assert "with ln.Session(lab): found_ = ln.select(m.Tag)" in text(shell, tags)


def test_a_name_of_the_users_is_not_taken(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the notebook calls something else `ln`, the line to type imports this package under another name."""
    study = m.Study(id="r")
    orm.make_transient_to_detached(study)
    monkeypatch.setitem(shell.user_ns, "study", study)
    monkeypatch.setitem(shell.user_ns, "ln", 5)

    assert 'what is missing:\n  import ln_jupyter as ln_\n  ln_.load(study, "' in text(shell, study)


def test_the_last_value_is_called_as_ipython_calls_it(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no variable holds is `_` where it is the last value of its cell, and its number where `_` is the user's."""
    made = lambda: (study := m.Study(id="r"), orm.make_transient_to_detached(study))[0]  # noqa: E731
    for name, value in {"ln": ln, "make": made, "held": None}.items():
        monkeypatch.setitem(shell.user_ns, name, value)
    codes = []
    for before in ("", "_ = 1"):
        shell.run_cell(before)
        with io.capture_output() as captured:
            shell.run_cell("make()", store_history=True)
        codes += [line for line in captured.stdout.splitlines() if "ln.load(" in line]
        shell.run_cell(codes[-1].strip().replace("ln.load(", "held = (").partition(",")[0] + ")")
        assert isinstance(shell.user_ns["held"], m.Study)

    assert codes[0].startswith("  ln.load(_, ")
    assert codes[1].startswith("  ln.load(_")


def test_a_broken_session_is_called_by_its_variable(
    shell: InteractiveShell, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a session needs a rollback, what to type names the notebook's own, ours or SQLAlchemy's."""
    record = SCENARIOS["session_failed"](world)
    monkeypatch.setitem(shell.user_ns, "mine", orm.object_session(record))
    monkeypatch.setitem(shell.user_ns, "record", record)

    assert "To use the session again: mine.rollback()" in text(shell, record)

    del shell.user_ns["mine"]

    assert "object_session(record).rollback()" in text(shell, record)


def test_list(shell: InteractiveShell, world: World) -> None:
    """A list of records is a table, as text and as HTML."""
    tags = list(world.session().scalars(sa.select(m.Tag).order_by(m.Tag.id)))

    assert ["2 Tag · in the session", "  id  name    kit_id"] == text(shell, tags).splitlines()[:2]
    assert "<b>2 Tag</b>" in (html(shell, tags) or "")
    assert ">name</th>" in (html(shell, tags) or "")


@pytest.mark.parametrize("name", ["tags", "by_name", "unordered", "steps"])
def test_collections_of_relationships(shell: InteractiveShell, world: World, name: str) -> None:
    """The collections that SQLAlchemy makes for relationships are shown as lists are."""
    collection = getattr(SCENARIOS["everything_loaded"](world), name)

    assert "<b>2 " in (html(shell, collection) or "")


@pytest.mark.parametrize("make", [list, tuple], ids=["list", "tuple"])
def test_long_list(shell: InteractiveShell, make: Callable[[Any], Any]) -> None:
    """Of a million records the first rows are looked at, and the others are counted."""

    class Untouched:
        @property
        def __class__(self) -> Any:
            raise AssertionError

    runs = make([*(lns.Run(id=str(i)) for i in range(20)), *[Untouched()] * 999_980])

    assert text(shell, runs).startswith("1,000,000 Run · first 20 shown")
    assert "<b>1,000,000 Run</b>" in (html(shell, runs) or "")
    assert "… 999,980 more" in text(shell, [runs])


@pytest.mark.parametrize(
    "members",
    [[], [1, 2], [lns.Run(), 1], [1, lns.Run()], [lns.Run(), lns.User()], [lns.Run], [lns.Run.__new__(lns.Run)]],
    ids=["empty", "numbers", "record first", "record last", "two classes", "classes", "not initialised"],
)
def test_no_table(shell: InteractiveShell, members: list[Any]) -> None:
    """Any other list has no HTML."""
    assert {"text/plain"} == shown(shell, members).keys()


# -- rows, results, statements, sessions ---------------------------------------------------------------------


def test_row(shell: InteractiveShell, world: World) -> None:
    """A row shows its columns, the records in it by their key, and no secrets."""
    rows = world.session().execute(sa.select(m.Tag, m.Tag.id, m.Tag.name.label("api_token"))).all()

    assert "(<Tag 1>, 1, ••• redacted)" == text(shell, rows[0])
    assert ">api_token</th>" in (html(shell, rows[0]) or "")
    cells = f'<td {LEFT}>Tag 1 · red 1</td><td class="n" style="text-align:right">1</td><td {LEFT}>••• redacted</td>'
    assert cells in (html(shell, rows) or "")
    assert "red 1" not in text(shell, rows)
    assert "<b>2 rows</b>" in (html(shell, [row._mapping for row in rows]) or "")


RESULTS: dict[str, Callable[[sa.Result[Any]], Any]] = {
    "rows": lambda result: result,
    "scalars": lambda result: result.scalars(),
    "mappings": lambda result: result.mappings(),
    "unique": lambda result: result.unique(),
    "frozen": lambda result: result.freeze()(),
}


@pytest.mark.parametrize("entity", [m.Tag, m.Tag.__table__], ids=["orm", "core"])
@pytest.mark.parametrize("kind", RESULTS)
def test_result(shell: InteractiveShell, world: World, kind: str, entity: Any) -> None:
    """A result shows its columns and is not read: all of its rows are there afterwards."""
    result = RESULTS[kind](world.session().execute(sa.select(entity)))

    displayed = shown(shell, result)

    assert "not read by this display" in displayed["text/plain"]
    assert "column" in displayed["text/html"]
    assert 2 == len(result.all())
    assert "read to its end, or closed" in text(shell, result)


def test_result_without_rows(shell: InteractiveShell, world: World) -> None:
    """The result of an UPDATE says that it has no rows."""
    result = world.session().execute(sa.update(m.Tag).values(name="x"))

    assert "CursorResult · the statement gives no rows" == text(shell, result)


STATEMENTS: dict[str, Callable[[World], Any]] = {
    "select": lambda _: sa.select(m.Tag).where(m.Tag.name == "s3cret"),
    "union": lambda _: sa.union(sa.select(m.Tag.id), sa.select(m.Tag.id).where(m.Tag.name == "s3cret")),
    "insert": lambda _: sa.insert(m.Tag).values(name="s3cret"),
    "update": lambda _: sa.update(m.Tag).values(name="s3cret"),
    "delete": lambda _: sa.delete(m.Tag).where(m.Tag.name == "s3cret"),
    "text": lambda _: sa.text("SELECT * FROM tag WHERE name = :name").bindparams(name="s3cret"),
    "query": lambda world: world.session().query(m.Tag).filter_by(name="s3cret"),
    "stmt": lambda _: ln.select(m.Tag, name="s3cret"),
    "dynamic": lambda world: world.get(m.Kit).asked_for,
}


@pytest.mark.parametrize("kind", STATEMENTS)
def test_statement(shell: InteractiveShell, world: World, kind: str) -> None:
    """A statement shows its SQL without the values, and does not run."""
    statement = STATEMENTS[kind](world)
    before = (len(world.statements), list(world.happened))

    displayed = shown(shell, statement)

    assert before == (len(world.statements), world.happened)
    for each in (displayed["text/plain"], displayed["text/html"]):
        assert " · not executed" in each
        assert any(table in each for table in ("tag", "part"))
        assert "s3cret" not in each


def test_long_statement(shell: InteractiveShell) -> None:
    """A statement of any length takes some lines."""
    statement = sa.text("SELECT 1\n" * 100_000)

    assert len(shown(shell, statement)["text/html"]) < 10_000
    assert "… 900,000 characters in all" in text(shell, statement)


SESSIONS: dict[str, Callable[[World], Any]] = {
    "session": lambda world: world.session(),
    "sessionmaker": lambda world: orm.sessionmaker(world.engine),
    "scoped": lambda world: orm.scoped_session(orm.sessionmaker(world.engine)),
    "async": lambda world: orm.object_session(SCENARIOS["session_async"](world)),
    "AsyncSession": lambda _: asyncio.AsyncSession(),
    "async_sessionmaker": lambda _: asyncio.async_sessionmaker(),
    "failed": lambda world: orm.object_session(SCENARIOS["session_failed"](world)),
    "without engine": lambda _: orm.Session(),
}


@pytest.mark.parametrize("kind", SESSIONS)
def test_session_touches_nothing(shell: InteractiveShell, world: World, kind: str) -> None:
    """A session is displayed without asking anything of it."""
    session = SESSIONS[kind](world)
    before = (len(world.statements), list(world.happened))

    displayed = shown(shell, session)

    assert before == (len(world.statements), world.happened)
    assert {"text/plain", "text/html"} == displayed.keys()
    assert displayed["text/plain"].startswith(type(session).__name__)


def test_session(shell: InteractiveShell) -> None:
    """A session says where it leads, without the password, and what it holds."""
    engine = sa.create_engine("postgresql+psycopg://ann:s3cret@db.lab/records")
    session = orm.Session(engine)
    session.add(m.Tag(name="new"))

    displayed = text(shell, session)

    assert [
        "Session · open",
        "  database     postgresql+psycopg://ann:***@db.lab/records",
        "  transaction  begun",
        "  loaded       0 records",
        "  not saved    1 new",
    ] == displayed.splitlines()


def test_closed_session(shell: InteractiveShell) -> None:
    """A session that is closed for good says so."""
    session = orm.Session(close_resets_only=False)
    session.close()

    assert text(shell, session).startswith("Session · closed")


@pytest.mark.usefixtures("engine")
def test_session_of_ours(shell: InteractiveShell, statements: list[str]) -> None:
    """An `ln.Session` shows the same, open and closed."""
    with ln.Session() as ss:
        ss.orm.add(lns.Pipeline(name="p"))
        statements.clear()
        opened = text(shell, ss)
    closed = text(shell, ss)

    assert opened.startswith("Session · open\n  database ")
    assert "1 new" in opened
    assert "Session · closed" == closed.partition("\n")[0]


def test_session_with_its_own_display(shell: InteractiveShell) -> None:
    """A subclass of a session that brings its own display keeps it."""

    class Own(orm.Session):
        def _repr_html_(self) -> str:
            return "own"

        def __repr__(self) -> str:
            return "plain"

    assert {"text/html": "own", "text/plain": "plain"} == shown(shell, Own())


def test_statement_inside_a_container(shell: InteractiveShell) -> None:
    """Inside a container what is no record stays short."""
    assert "\n" not in text(shell, [orm.Session()])


# -- what fails ----------------------------------------------------------------------------------------------


def half_configured() -> object:
    class Base(orm.DeclarativeBase): ...

    class Half(Base):
        __tablename__ = "half"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        other: orm.Mapped[Nowhere] = orm.relationship("Nowhere")  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(sa.exc.InvalidRequestError):
        Half()
    half = Half.__new__(Half)
    sa.orm.attributes.manager_of_class(Half).setup_instance(half)
    return half


def test_half_configured_mapper(
    shell: InteractiveShell, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record whose mapper cannot be configured is shown in its plainest form, and the log has one line."""
    half = half_configured()

    with caplog.at_level(logging.WARNING):
        displayed = shown(shell, half)

    assert {"text/plain": object.__repr__(half)} == displayed
    assert 1 == len(caplog.messages)
    assert caplog.messages[0].startswith("cannot display this Half as a record: InvalidRequestError: ")
    assert "" == capsys.readouterr().err


def test_failure_inside_a_list(
    shell: InteractiveShell, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """One record that cannot be shown does not hide the others."""
    half = half_configured()

    displayed = text(shell, [lns.User(id="u", handle="ann"), half])

    assert "<User 'u' handle='ann' unsaved>" in displayed
    assert "Half" in displayed
    assert "" == capsys.readouterr().err


def test_failure_of_a_statement(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """A statement that does not compile is shown in its plainest form."""
    statement = sa.select(sa.Column("a", sa.Integer)).where(sa.type_coerce(Broken(), sa.Integer) == 1)

    displayed = shown(shell, statement)

    assert {"text/plain": object.__repr__(statement)} == displayed
    assert "" == capsys.readouterr().err


class Broken(sa.ColumnElement[Any]):
    """An element that nobody can compile."""

    inherit_cache = False

    def _compiler_dispatch(self, *_args: Any, **_options: Any) -> str:
        raise LookupError


def test_one_view_for_text_and_html_of_a_list(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of records is seen once, too; another one, a longer one, and what became of its records are seen anew."""
    seen: list[int] = []
    view = records.of_records
    monkeypatch.setattr(records, "of_records", lambda some, **options: seen.append(len(some)) or view(some, **options))
    users = [lns.User(id="u", name="a"), lns.User(id="v", name="b")]
    plain, marked_up = (shell.display_formatter.formatters[kind] for kind in ("text/plain", "text/html"))

    both = shown(shell, users)
    assert [2] == seen
    plain(users)
    users[1].name = "c"
    changed = marked_up(users)
    plain(users)
    longer = marked_up([*users, lns.User(id="w", name="d")])
    plain(users)
    others = marked_up([lns.User(id="x", name="e"), lns.User(id="y", name="f")])

    plain(users[0])
    alone = marked_up(users[:1])

    assert "<b>1 User</b>" in alone
    assert ">b<" in both["text/html"]
    assert ">c<" in changed
    assert ">d<" in longer
    assert ">e<" in others


def test_one_view_for_text_and_html(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A display sees a record once; one that is of another record, or of what it became, sees it anew."""
    seen: list[object] = []
    view = record.view
    monkeypatch.setattr(record, "view", lambda obj, **options: seen.append(obj) or view(obj, **options))
    pipeline, other = lns.Pipeline(name="a"), lns.Pipeline(name="b")

    both = shown(shell, pipeline)
    assert [pipeline] == seen
    shell.display_formatter.formatters["text/plain"](pipeline)
    assert ">b<" in shell.display_formatter.formatters["text/html"](other)
    shell.display_formatter.formatters["text/plain"](pipeline)
    pipeline.name = "c"

    assert ">a<" in both["text/html"]
    assert ">c<" in shell.display_formatter.formatters["text/html"](pipeline)
