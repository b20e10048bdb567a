"""After a DetachedInstanceError stands the line that works."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import uuid
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.orm.exc import DetachedInstanceError

import ln_jupyter
from ln_jupyter import errors, schema
from ln_jupyter.db import engines
from ln_jupyter.ipython.error_hints import hints
from tests.ipython import kernel_driver
from tests.orm.inspect import models as m

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ipython.kernel_driver import Kernel


KEY = uuid.UUID(int=7)


class Base(orm.DeclarativeBase):
    """Of models that only this module needs."""


class Keyed(Base):
    """Its key cannot be pasted."""

    __tablename__ = "keyed"
    id: orm.Mapped[uuid.UUID] = orm.mapped_column(primary_key=True)
    text: orm.Mapped[str] = orm.mapped_column(deferred=True)


class Notebook:
    """Cells and their variables, without a kernel."""

    def __init__(self, **variables: Any) -> None:
        self.variables: dict[str, Any] = variables
        self.ran = 0

    def run(self, source: str) -> None:
        """Run a cell."""
        self.ran += 1
        exec(compile(source, f"<ipython-input-{self.ran}>", "exec"), self.variables)

    def fail(self, source: str) -> DetachedInstanceError:
        """Run a cell that reads what is not there, and give the annotated error."""
        with pytest.raises(DetachedInstanceError) as raised:
            self.run(source)
        hints.annotate(raised.value, self.variables)
        return raised.value

    def note(self, source: str) -> str:
        """Run a cell that reads what is not there, and give the only note."""
        (note,) = self.fail(source).__notes__
        return str(note)

    def paste(self, note: str) -> str:
        """Run the line that a note says, and give it."""
        line = fix_of(note)
        self.run(line)
        return line


def fix_of(note: str) -> str:
    """Give the first thing that a note says to type."""
    match = re.search(r"\nfix(?:, in \w+\(\))?: (.*?)(?:, or .*)?$", note, re.DOTALL)
    assert match is not None, note
    return match[1]


@pytest.fixture(scope="module")
def records() -> Iterator[sqlite3.Connection]:
    """A database with records of every kind, to copy."""
    with closing(m.make_database()) as connection:
        engine = m.engine_of(connection)
        Base.metadata.create_all(engine)
        with orm.Session(engine) as session:
            session.add(Keyed(id=KEY, text="long"))
            session.commit()
        yield connection


@pytest.fixture
def database(records: sqlite3.Connection) -> Iterator[sa.Engine]:
    """An engine of the user's own, with records of every kind."""
    connection = m.copy_database(records)
    engine = m.engine_of(connection)
    yield engine
    engine.dispose()
    connection.close()


def read(engine: sa.Engine, cls: type, key: object, *options: Any) -> Any:
    """Read a record through a session of SQLAlchemy's own, which is closed at once."""
    with orm.Session(engine) as session:
        return session.get(cls, key, options=options)


def expired(engine: sa.Engine, cls: type, key: object) -> Any:
    """Read a record, and commit: it is empty."""
    with orm.Session(engine) as session:
        record = session.get(cls, key)
        session.commit()
    return record


def emptied(engine: sa.Engine, cls: type, key: object, *names: str) -> Any:
    """Read a record, and expire some of it."""
    with orm.Session(engine) as session:
        record = session.get(cls, key)
        session.expire(record, names)
    return record


def of_base(engine: sa.Engine, key: int) -> Any:
    """Read a record through its base class."""
    with orm.Session(engine) as session:
        return session.scalars(sa.select(m.Staff).where(m.Staff.id == key)).one()


def abandoned(engine: sa.Engine) -> Any:
    """Read a record, and forget the session without closing it."""
    record = orm.Session(engine).get(m.Kit, 1)
    gc.collect()
    return record


@pytest.fixture
def notebook(database: sa.Engine) -> Iterator[Notebook]:
    """A notebook that is connected to the user's database."""
    engines.connect(database)
    yield Notebook(ln=ln_jupyter, m=m)
    engines.connect()


@pytest.fixture
def stranger(database: sa.Engine) -> Notebook:
    """A notebook whose user has an engine, and did not tell us."""
    return Notebook(ln=ln_jupyter, m=m, engine=database)


CASES = {
    "collection": (lambda e: read(e, m.Kit, 1), "it.tags", 'ln.load(it, "tags")'),
    "many to one": (lambda e: read(e, m.Study, "full"), "it.protocol", 'ln.load(it, "protocol")'),
    "NULL foreign key": (lambda e: read(e, m.Study, "empty"), "it.lead", 'ln.load(it, "lead")'),
    "change of a collection": (lambda e: read(e, m.Kit, 1), "it.tags.append(m.Tag())", 'ln.load(it, "tags")'),
    "session forgotten": (abandoned, "it.tags", 'ln.load(it, "tags")'),
    "expired relationship": (lambda e: expired(e, m.Kit, 1), "it.tags", 'ln.load(it, "tags")'),
    "deferred": (lambda e: read(e, m.Kit, 1), "it.late", 'ln.load(it, "late")'),
    "deferred group": (lambda e: read(e, m.Kit, 1), "it.group_1", 'ln.load(it, "group_1")'),
    "deferred by the query": (lambda e: read(e, m.Kit, 1, orm.defer(m.Kit.name)), "it.name", 'ln.load(it, "name")'),
    "composite": (
        lambda e: read(e, m.Kit, 1, orm.defer(m.Kit.x), orm.defer(m.Kit.y)),
        "it.point",
        'ln.load(it, "point")',
    ),
    "association proxy": (lambda e: read(e, m.Kit, 1), "list(it.tag_names)", 'ln.load(it, "tags")'),
    "hybrid": (lambda e: read(e, m.Kit, 1), "it.shout", 'ln.load(it, "late")'),
    "column of a joined subclass": (lambda e: of_base(e, 1), "it.budget", 'ln.load(it, "budget")'),
    "column of a subclass": (lambda e: of_base(e, 2), "it.school", 'ln.load(it, "school")'),
    "relationship of a subclass": (lambda e: of_base(e, 1), "it.desks", 'ln.load(it, "desks")'),
    "imperatively mapped": (lambda e: read(e, m.Plate, 1), "it.wells", 'ln.load(it, "wells")'),
    "SQLModel": (lambda e: read(e, m.Hero, 1), "it.team", 'ln.load(it, "team")'),
    "one column expired": (lambda e: emptied(e, m.Kit, 1, "name"), "it.name", 'ln.load(it, "name")'),
    "synonym": (lambda e: emptied(e, m.Kit, 1, "name"), "it.label", 'ln.load(it, "label")'),
    "expired": (lambda e: expired(e, m.Person, 1), "it.handle", "it = ln.select(m.Person, id=1).one()"),
    "expired composite": (lambda e: expired(e, m.Kit, 1), "it.point", "it = ln.select(m.Kit, id=1).one()"),
    "expired expression": (lambda e: expired(e, m.Kit, 1), "it.name_length", "it = ln.select(m.Kit, id=1).one()"),
    "expired, of a subclass": (
        lambda e: expired(e, m.Manager, 1),
        "it.budget",
        "it = ln.select(m.Manager, id=1).one()",
    ),
    "expired, of two keys": (
        lambda e: expired(e, m.Protocol, ("p", "1")),
        "it.name",
        "it = ln.select(m.Protocol, id='p', v='1').one()",
    ),
    "expired, key not to be written": (
        lambda e: emptied(e, Keyed, KEY, "id", "text"),
        "it.text",
        'ln.load(it, "text")',
    ),
    "class without a name": (lambda e: expired(e, Keyed, KEY), "it.id", 'ln.load(it, "id")'),
}


@pytest.mark.parametrize(("make", "reading", "fix"), CASES.values(), ids=CASES)
def test_the_fix_works(notebook: Notebook, database: sa.Engine, make: Any, reading: str, fix: str) -> None:
    """What the note says can be pasted, and then what was read can be read."""
    notebook.variables["it"] = make(database)

    pasted = notebook.paste(notebook.note(reading))

    assert fix == pasted
    notebook.run(reading)


FOREIGN = {
    "relationship": (lambda e: read(e, m.Kit, 1), "it.tags", 'ln.select(m.Kit, id=1).load("tags").one()'),
    "session forgotten": (abandoned, "it.tags", 'ln.select(m.Kit, id=1).load("tags").one()'),
    "deferred": (lambda e: read(e, m.Kit, 1), "it.late", 'ln.select(m.Kit, id=1).load("late").one()'),
    "expired": (lambda e: expired(e, m.Kit, 1), "it.name", "ln.select(m.Kit, id=1).one()"),
    "of a subclass": (lambda e: of_base(e, 1), "it.budget", 'ln.select(m.Manager, id=1).load("budget").one()'),
    "key not to be written": (
        lambda e: read(e, Keyed, KEY),
        "it.text",
        'ln.select(type(it), id=it.id).load("text").one()',
    ),
}


@pytest.mark.parametrize(("make", "reading", "select"), FOREIGN.values(), ids=FOREIGN)
def test_an_engine_we_do_not_know(
    stranger: Notebook, database: sa.Engine, make: Any, reading: str, select: str
) -> None:
    """A record of the user's own engine is read again through it, and nothing else is connected to it."""
    stranger.variables["it"] = make(database)

    pasted = stranger.paste(stranger.note(reading))

    assert f"with ln.Session(engine): it = {select}" == pasted
    assert engines._connected is None
    stranger.run(reading)


def test_plain_sqlalchemy(stranger: Notebook, database: sa.Engine) -> None:
    """Who uses SQLAlchemy's own session is told SQLAlchemy's own option too."""
    stranger.variables["it"] = read(database, m.Kit, 1)

    of_relationship, of_column = stranger.note("it.tags"), stranger.note("it.late")

    assert of_relationship.endswith(", or select it with .options(selectinload(m.Kit.tags))")
    assert of_column.endswith(", or select it with .options(undefer(m.Kit.late))")


def test_an_engine_that_our_session_used(stranger: Notebook) -> None:
    """A record that our session read from another engine is loaded from there."""
    stranger.run("with ln.Session(engine) as ss: it = ss.select(m.Kit, id=1).one()")

    pasted = stranger.paste(stranger.note("it.tags"))

    assert 'ln.load(it, "tags")' == pasted
    stranger.run("it.tags")


def test_an_engine_that_we_know(notebook: Notebook, database: sa.Engine) -> None:
    """The engine that the user connected is the one, whatever other there is."""
    notebook.variables |= {"it": read(database, m.Kit, 1), "other": sa.create_engine("sqlite://"), "engine": database}

    assert 'ln.load(it, "tags")' == notebook.paste(notebook.note("it.tags"))


def test_several_engines(stranger: Notebook, database: sa.Engine) -> None:
    """Where the record may come from one of several engines, the note names the others."""
    stranger.variables |= {"it": read(database, m.Kit, 1), "other": sa.create_engine("sqlite://")}

    note = stranger.note("it.tags")

    assert note.endswith(", or with other in place of engine, if it was read from there")
    assert fix_of(note).startswith("with ln.Session(engine): it = ")


def test_a_nameless_record_of_another_engine(stranger: Notebook) -> None:
    """Without a name, a record is read again through the engine it came from."""
    stranger.run("def kit():\n    with ln.Session(engine) as ss:\n        return ss.select(m.Kit, id=1).one()")
    stranger.variables["kit_of_mine"] = 1

    pasted = stranger.paste(stranger.note("kit().tags"))

    assert 'with ln.Session(engine): kit_ = ln.select(m.Kit, id=1).load("tags").one()' == pasted
    stranger.run("kit_.tags")


def test_a_dynamic_relationship(notebook: Notebook, database: sa.Engine) -> None:
    """A dynamic relationship can only be asked in a session; the line opens one."""
    notebook.variables |= {"it": read(database, m.Kit, 1), "found": "mine"}

    note = notebook.note("it.asked_for.filter_by(id=2)")

    assert note.startswith("asked_for of this Kit 1 is asked of the database when it is read")
    assert "with ln.Session(): found_ = ln.select(m.Kit, id=1).one().asked_for.all()" == notebook.paste(note)
    assert [2] == [part.id for part in notebook.variables["found_"]]
    assert "mine" == notebook.variables["found"]


def test_a_dynamic_relationship_of_an_unsaved_record(notebook: Notebook) -> None:
    """A record that was never saved has to be saved first."""
    notebook.variables["it"] = m.Kit(x=1, y=1)

    pasted = notebook.paste(notebook.note("it.asked_for.filter_by(id=2)"))

    assert "with ln.Session() as ss: ss.add(it); found = it.asked_for.all()" == pasted
    assert [] == notebook.variables["found"]


def test_a_write_only_relationship(notebook: Notebook, database: sa.Engine) -> None:
    """A write-only relationship of a detached record is no such error: it gives its statement."""
    notebook.variables["it"] = read(database, m.Kit, 1)

    notebook.run("statement = it.written.select()")
    notebook.run("with ln.Session() as ss: found = ss.orm.scalars(statement).all()")

    assert [1] == [part.id for part in notebook.variables["found"]]


def test_a_deleted_record(notebook: Notebook, database: sa.Engine) -> None:
    """What a deleted record did not hold cannot be had any more, and the note does not promise it."""
    with orm.Session(database) as session:
        notebook.variables["it"] = session.get(Keyed, KEY)
        session.delete(notebook.variables["it"])
        session.commit()

    note = notebook.note("it.text")

    gone = f"text of this Keyed {KEY!r} cannot be loaded any more: its row was deleted"
    assert f"{gone}\nfix: read it before the record is deleted" == note


def test_a_row_that_somebody_else_deleted(notebook: Notebook, database: sa.Engine) -> None:
    """Without asking the database nobody can know; the line then says that the row is gone."""
    notebook.variables["it"] = read(database, Keyed, KEY)
    with database.begin() as connection:
        connection.execute(sa.delete(Keyed))

    note = notebook.note("it.text")

    with pytest.raises(errors.UnloadableError, match=r"row of Keyed\(.* is gone"):
        notebook.paste(note)


NAMED = {
    "of the failing line": ("alias = it; kit = it; del it", "kit.tags", "kit"),
    "only other": ("alias = it; del it", "alias.tags", "alias"),
    "element": ("all = [0, [it]]; del it", "all[1][0].tags", "all[1][0]"),
    "by key": ("by_name = {'a': it}; del it", "by_name['a'].tags", "by_name['a']"),
    "of a tuple": ("pair = (0, it); del it", "pair[1].tags", "pair[1]"),
    "comprehension": ("kits = [it]; del it", "[each.tags for each in kits]", "kits[0]"),
    "generator": ("kits = [it]; del it", "list(each.tags for each in kits)", "kits[0]"),
    "output": ("Out = {3: it}; del it", "Out[3].tags", "Out[3]"),
    "output too": ("Out = {3: it}; kits = [it]; del it", "globals()['kits'][0].tags", "kits[0]"),
    "argument": ("def read(kit): kit.tags", "read(it)", "it"),
    "hidden by a local": ("def read(it): it.tags\nreal = it; it = 5", "read(real)", "real"),
    "lambda": ("", "(lambda kit: kit.tags)(it)", "it"),
}


@pytest.mark.parametrize(("setup", "reading", "name"), NAMED.values(), ids=NAMED)
def test_its_name(notebook: Notebook, database: sa.Engine, setup: str, reading: str, name: str) -> None:
    """The record is called what the user can type."""
    notebook.variables["it"] = read(database, m.Kit, 1)
    notebook.run(setup)

    pasted = notebook.paste(notebook.note(reading))

    assert f'ln.load({name}, "tags")' == pasted
    notebook.run(reading)


@pytest.mark.parametrize(
    ("path", "reading", "name"),
    [
        ("protocol", "it.protocol.text", 'ln.load(it.protocol, "text")'),
        ("inputs", "it.inputs[1].targets", 'ln.load(it.inputs[1], "targets")'),
    ],
)
def test_a_related_record(notebook: Notebook, path: str, reading: str, name: str) -> None:
    """A record that has no variable of its own is named through one that it belongs to."""
    notebook.run(f"it = ln.select(m.Study, id='full').load({path!r}).one()")

    pasted = notebook.paste(notebook.note(reading))

    assert name == pasted
    notebook.run(reading)


def test_an_expired_related_record(notebook: Notebook, database: sa.Engine) -> None:
    """What cannot be put into the place of a related record is loaded into it."""
    with orm.Session(database) as session:
        notebook.variables["it"] = study = session.get_one(m.Study, "full")
        session.expire(study.protocol)

    assert 'ln.load(it.protocol, "name")' == notebook.paste(notebook.note("it.protocol.name"))


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    kit = ln.select(m.Kit, id=1).one()\n    {line}return kit.tags",
        "def f():\n    kit = ln.select(m.Kit, id=1).one()\n    {line}return [kit.tags for _ in 'a']",
        "def g():\n    kit = ln.select(m.Kit, id=1).one()\n    {line}yield kit.tags\ndef f():\n    return list(g())",
    ],
    ids=["function", "comprehension", "generator"],
)
def test_the_name_in_a_function(notebook: Notebook, source: str) -> None:
    """A record that only a function can name is named there; a session around the cell works too."""
    notebook.run(source.format(line=""))
    note = notebook.note("f()")

    notebook.run(source.format(line=f"{fix_of(note)}; "))
    notebook.run("f()")

    assert re.search(r'\nfix, in [fg]\(\): ln\.load\(kit, "tags"\), or ', note)
    assert note.endswith(", or start the cell that selects it with %%ln_session")
    notebook.run(source.format(line=""))
    notebook.run("with ln.Session():\n    f()")


def test_in_a_session_cell(notebook: Notebook, database: sa.Engine) -> None:
    """Who is in a session cell already is not told to start one."""
    notebook.variables["stored"] = iter([read(database, m.Kit, 1)])
    notebook.run("def f():\n    kit = next(stored)\n    kit.tags")

    with ln_jupyter.Session():
        note = notebook.note("f()")

    assert note.endswith('\nfix, in f(): ln.load(kit, "tags"), or select it with .load("tags")')


def test_what_only_a_subclass_has(notebook: Notebook, database: sa.Engine) -> None:
    """What the base class does not have is loaded by a statement of the subclass."""
    notebook.variables["it"] = of_base(database, 1)

    note = notebook.note("it.desks")

    assert note.endswith(', or select it as a Manager with .load("desks")')
    notebook.run("ln.select(m.Manager, id=1).load('desks').one().desks")


def test_no_name(notebook: Notebook) -> None:
    """A record that nothing names is selected with what was read of it."""
    note = notebook.note("ln.select(m.Kit, id=1).one().tags")

    notebook.run(f"({fix_of(note)}).tags")

    assert 'ln.select(m.Kit, id=1).load("tags").one()' == fix_of(note)


def test_in_a_display_method(notebook: Notebook) -> None:
    """What a class shows of itself is loaded before it is shown, and not while it is."""
    notebook.run("def __repr__(self): return str(self.tags)\nshow = __repr__")

    note = notebook.note("show(ln.select(m.Kit, id=1).one())")

    assert 'ln.select(m.Kit, id=1).load("tags").one()' == fix_of(note)


@pytest.mark.parametrize(
    ("imported", "fix"),
    [
        ("import ln_jupyter", 'ln_jupyter.load(it, "tags")'),
        ("", 'import ln_jupyter as ln\nln.load(it, "tags")'),
        ("ln = 5", 'import ln_jupyter as ln_\nln_.load(it, "tags")'),
    ],
)
def test_our_own_name(notebook: Notebook, database: sa.Engine, imported: str, fix: str) -> None:
    """The package is called what the user called it, or imported by the line."""
    notebook.variables["it"] = read(database, m.Kit, 1)
    notebook.run(f"del ln\n{imported}")

    assert fix == notebook.paste(notebook.note("it.tags"))


def test_a_record_of_the_registry(sqlite_url: sa.URL) -> None:
    """The name of a class of ours is found where the notebook imported it, or through the package."""
    engines.connect(sqlite_url)
    ln_jupyter.add(schema.Run(id="r"))
    notebook = Notebook(ln=ln_jupyter)

    through_package = notebook.note("ln.select(ln.schema.Run, id='r').one().notebook")
    notebook.variables["lns"] = schema
    through_module = notebook.note("ln.select(lns.Run, id='r').one().notebook")

    assert "ln.select(ln.schema.Run, id='r').load(\"notebook\").one()" == fix_of(through_package)
    assert "ln.select(lns.Run, id='r').load(\"notebook\").one()" == fix_of(through_module)
    notebook.paste(through_package)
    engines.connect()


def test_nothing_is_touched(database: sa.Engine) -> None:
    """To find a name no SQL is sent and no code of the user's objects runs."""
    engines.connect(database)
    statements: list[str] = []
    sa.event.listen(database, "before_cursor_execute", lambda _c, _cur, sql, *_: statements.append(sql))

    class Touchy:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

        __eq__ = __bool__ = __iter__ = __len__ = __repr__ = __hash__ = __getattribute__  # type: ignore[assignment]

    class List(list[Any]):
        __iter__ = __len__ = __getitem__ = Touchy.__getattribute__  # type: ignore[assignment]

    it = read(database, m.Trap, 1)
    notebook = Notebook(ln=ln_jupyter, touchy=Touchy(), of_touchy=[Touchy()], all=List([it]), its=[it])
    statements.clear()

    note = notebook.note("globals()['its'][0].springs")

    assert 'ln.load(its[0], "springs")' == fix_of(note)
    assert [] == statements
    engines.connect()


def test_a_long_search_ends(notebook: Notebook, database: sa.Engine) -> None:
    """Where the record lies too deep or too far it is selected by its key."""
    notebook.variables["far"] = [*range(100_000), read(database, m.Kit, 1)]
    notebook.run("ring = []\nring.append(ring)")

    note = notebook.note("far[-1].tags")

    assert 'ln.select(m.Kit, id=1).load("tags").one()' == fix_of(note)


def test_once(notebook: Notebook, database: sa.Engine) -> None:
    """An error that is shown again, by another name of the record, keeps its one note; a note of the user's stays."""
    notebook.variables["it"] = read(database, m.Kit, 1)
    error = notebook.fail("it.tags")
    ours = list(error.__notes__)

    notebook.run("alias = it; del it")
    error.add_note("mine")
    hints.annotate(error, notebook.variables)

    assert [*ours, "mine"] == error.__notes__


def test_beside_a_note_of_the_users(notebook: Notebook, database: sa.Engine) -> None:
    """A note that the user's code added does not stand in the way of ours."""
    notebook.variables["it"] = read(database, m.Kit, 1)

    error = notebook.fail("try:\n    it.tags\nexcept Exception as e:\n    e.add_note('mine')\n    raise")

    assert ["mine"] == error.__notes__[:-1]
    assert 'ln.load(it, "tags")' == fix_of(error.__notes__[-1])


def test_a_long_chain(notebook: Notebook, database: sa.Engine) -> None:
    """Every error of a chain is looked at once, however long it is, and wherever it branches."""
    notebook.variables["it"] = read(database, m.Kit, 1)
    with pytest.raises(DetachedInstanceError) as raised:
        notebook.run("it.tags")
    last: Exception = raised.value
    for _ in range(5_000):
        error = ExceptionGroup("g", [last, ValueError()])
        error.__cause__ = error.__context__ = last
        last = error
    raised.value.__context__ = last  # a circle

    hints.annotate(last, notebook.variables)

    assert 1 == len(raised.value.__notes__)


def test_type_and_text_stay(notebook: Notebook, database: sa.Engine) -> None:
    """The error is what it was: who catches or compares it sees no difference."""
    notebook.variables["it"] = read(database, m.Kit, 1)

    error = notebook.fail("it.tags")

    assert type(error) is DetachedInstanceError
    assert [str(argument) for argument in error.args] == [str(error).partition(" (Background")[0]]
    assert "ln.load" not in str(error)


def test_what_cannot_be_explained_is_left_alone() -> None:
    """An error from elsewhere with that name, or none at all, gets no note and does no harm."""
    error = type("DetachedInstanceError", (Exception,), {})()

    hints.annotate(error, {})
    hints.annotate(None, {})

    assert not hasattr(error, "__notes__")


def test_a_strange_error_does_no_harm() -> None:
    """Even where SQLAlchemy's frames are not as expected, showing the error goes on."""

    def _generate(self: object) -> None:
        raise type("DetachedInstanceError", (Exception,), {})

    with pytest.raises(Exception) as raised:  # noqa: PT011 - its class is made above
        _generate(SimpleNamespace(instance=7))

    hints.annotate(raised.value, {})

    assert not hasattr(raised.value, "__notes__")


SETUP = """\
import sqlalchemy as sa
from sqlalchemy.orm import Session
ln.add(lns.Run(name={name!r}))
solved = ln.select(lns.Run, name={name!r}).one()
async def read_later():
    await asyncio.sleep(0)
    return solved.notebook
class Shown:
    def __repr__(self):
        return solved.notebook.name
class ShownAsHtml:
    def _repr_html_(self):
        return solved.notebook.name
"""

SHOWN = {
    "cell": "solved.notebook",
    "cause": "try:\n    solved.notebook\nexcept Exception as error:\n    raise ValueError from error",
    "context": "try:\n    solved.notebook\nexcept Exception:\n    raise ValueError",
    "group": "a = []\ntry:\n    solved.notebook\nexcept Exception as e:\n    a.append(e)\n"
    "raise ExceptionGroup('g', [ExceptionGroup('h', a)])",
    "task group": "async with asyncio.TaskGroup() as group:\n    group.create_task(read_later())",
    "display": "Shown()",
    "HTML": "ShownAsHtml()",
    "display()": "display(Shown())",
    "session cell": "%%ln_session\nsolved.notebook",
    "await": "await read_later()",
    "task": "await asyncio.create_task(read_later())",
    "%time": "%time solved.notebook",
    "%%time": "%%time\nsolved.notebook",
    "%run": "%run -i failing.py",
}


@pytest.fixture
def run_id(kernel: Kernel, name: str) -> str:
    """Make a detached record, `solved`, and give its id."""
    assert "ok" == kernel.run(SETUP.format(name=name)).status
    return str(kernel.read("solved.id"))


@pytest.mark.parametrize("reading", SHOWN.values(), ids=SHOWN)
def test_wherever_it_is_shown(kernel: Kernel, run_id: str, reading: str) -> None:
    """The record, the relationship and the user's own name of the record are in the one note."""
    kernel.run("with open('failing.py', 'w') as file:\n    _ = file.write('solved.notebook')")

    executed = kernel.run(reading)

    shown = executed.traceback + executed.stdout + executed.stderr
    assert f"notebook of this Run '{run_id}' is not loaded, and its session is closed" in shown
    assert 'fix: ln.load(solved, "notebook"), or select it with .load("notebook")' in shown
    assert 1 == shown.count("fix: ")


def test_shown_again(kernel: Kernel, run_id: str) -> None:
    """`%tb` shows the note too, and no second one; then it can be pasted."""
    kernel.run("solved.notebook")

    again = kernel.run("%tb")

    assert 1 == again.traceback.count('fix: ln.load(solved, "notebook")')
    assert "ok" == kernel.run('ln.load(solved, "notebook")\nsolved.notebook').status


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal"])
def test_every_mode_of_tracebacks(kernel: Kernel, run_id: str, mode: str) -> None:
    """Every IPython shows the note, whatever else of a traceback it shows."""
    kernel.run(f"%xmode {mode}")

    executed = kernel.run("solved.notebook")

    kernel.run("%xmode Context")
    assert 1 == executed.traceback.count('fix: ln.load(solved, "notebook")')


@pytest.mark.newest
def test_in_a_terminal(tmp_path: Path) -> None:
    """IPython without a kernel shows the note as well."""
    cells = [
        "%load_ext ln_jupyter",
        "import ln_jupyter as ln, ln_jupyter.schema as lns",
        "ln.add(lns.Run(id='r')); run = ln.select(lns.Run, id='r').one()",
        "run.notebook",
    ]
    command = [sys.executable, "-m", "IPython", "--colors=NoColor", "--simple-prompt", "--no-banner"]
    done = subprocess.run(
        command,
        input="\n".join(cells) + "\n",
        cwd=tmp_path,
        env=kernel_driver.environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )

    assert 1 == (done.stdout + done.stderr).count('fix: ln.load(run, "notebook"), or select it with .load("notebook")')


@pytest.mark.parametrize(
    ("source", "meant"),
    [("m.Kit.tagz", "tags"), ("m.Kit().nmae", "name"), ("schema.Run.outcom", "outcome")],
)
def test_a_misspelt_attribute_names_the_near_one(source: str, meant: str) -> None:
    """A record and its class say which of their attributes was meant, once, however often the error is shown."""
    with pytest.raises(AttributeError) as raised:
        eval(source)

    for _ in range(2):
        hints.annotate(raised.value, {})

    assert [f"fix: did you mean '{meant}'?"] == raised.value.__notes__


@pytest.mark.parametrize("source", ["m.Kit.zzz", "'text'.uper()", "m.nothing"])
def test_other_attributes_are_pythons(source: str) -> None:
    """Where nothing is near, or nothing is mapped, the error stays as it is."""
    with pytest.raises(AttributeError) as raised:
        eval(source)

    hints.annotate(raised.value, {})

    assert not hasattr(raised.value, "__notes__")
