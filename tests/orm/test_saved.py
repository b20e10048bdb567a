"""What a database holds after each form of use, beside what was said of it.

Every row of `STEPS` is run in every one of `FORMS` on every kind of database; a connection
of its own then reads what is there.
"""

from __future__ import annotations

import functools
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter as ln
from ln_jupyter.db import limits
from ln_jupyter.ipython import extension
from tests.ipython.shells import shell_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell


class Base(orm.DeclarativeBase):
    """Of models that are a user's own."""


class Hero(Base):
    """A record whose name is there once, and whose key no database has to make."""

    __tablename__ = "hero"

    id: orm.Mapped[int] = orm.mapped_column(
        sa.Integer, primary_key=True, autoincrement=False, default=itertools.count(1).__next__
    )
    name: orm.Mapped[str] = orm.mapped_column(sa.String(20), unique=True)
    n: orm.Mapped[int] = orm.mapped_column(default=0)


@dataclass(frozen=True)
class Steps:
    """What somebody types, and what comes of it where a row "old" was there before.

    Attributes:
        source: The code.
        unit: What is kept where the end commits: names that were added, ``!`` for an edited "old", ``-`` for a deleted one.
        each: What is kept where every call commits; None where the code is for sessions with an end only.
        error: What is said, by the name of the error; nothing where all was saved.
        each_error: The same where every call commits.
        other: What is kept by other sessions, whatever becomes of this one.
        doomed: The databases that undo all because of a statement that was refused and caught.
    """

    source: str
    unit: str = ""
    each: str | None = ""
    error: str = ""
    each_error: str | None = None
    doomed: tuple[str, ...] = ()
    other: str = ""

    def outcome(self, form: str, dialect: str) -> tuple[str | None, str]:
        """Give what is kept and what is said."""
        if form in COMMITS_EACH:
            return self.each, self.error if self.each_error is None else self.each_error
        if form == "readonly":
            return self.other, self.error if self.other else "ReadOnlySessionError"
        if "begin_nested" in self.source and dialect == "duckdb":
            return "", "ProgrammingError"  # it has no savepoints
        if dialect in self.doomed:
            return self.other, "TransactionUndoneError"
        if form in DRY:
            return self.other, "SessionError" if "ss.commit()" in self.source else self.error
        return self.unit, self.error


COMMITS_EACH = {"add", "bare"}
DRY = {"rollback", "cell --rollback"}
LOCKED = {"write", "cell --write"}
INSERT = """orm().execute(sa.text("INSERT INTO hero (id, name, n) VALUES (-1, 'a', 0)"))"""
REFUSED = """\
try:
    {}
except sa.exc.IntegrityError:
    pass
"""
ROWS_REFUSED = 'add(Hero, [{"name": "a"}, {"name": "old"}])'

STEPS = {
    "add": Steps('add(new("a"))\nadd([new("b"), new("c")])', "abc", "abc"),
    "read between": Steps('add(new("a"))\nassert 2 == select(Hero).count()\nadd(new("b"))', "ab", "ab"),
    "error": Steps('add(new("a"))\n1 / 0', "", "a", "ZeroDivisionError"),
    "error after a read": Steps('add(new("a"))\nselect(Hero).all()\n1 / 0', "", "a", "ZeroDivisionError"),
    "interrupt": Steps('add(new("a"))\nraise KeyboardInterrupt', "", "a", "KeyboardInterrupt"),
    "refused": Steps('add(new("a"))\nadd(new("old"))\nadd(new("b"))', "", "a", "IntegrityError"),
    "refused list": Steps('add([new("a"), new("old")])', "", "", "IntegrityError"),
    "caught": Steps(
        'add(new("a"))\n' + REFUSED.format('add(new("old")); flush()') + 'add(new("b"))',
        "",
        "ab",
        "PendingRollbackError",
        each_error="",
    ),
    "get or create": Steps('add(Hero, name="a")\nadd(Hero, name="old")', "a", "a"),
    "bulk": Steps('add(Hero, [{"name": "a"}, {"name": "b"}])', "ab", "ab"),
    "bulk, then an error": Steps('add(Hero, [{"name": "a"}])\n1 / 0', "", "a", "ZeroDivisionError"),
    "bulk refused": Steps(ROWS_REFUSED, "", "", "IntegrityError"),
    "bulk caught": Steps(REFUSED.format(ROWS_REFUSED) + 'add(new("b"))', "b", "b", doomed=("duckdb",)),
    "edit": Steps("h = select(Hero).one()\nh.n = 5\nadd(h)", "!", "!"),
    "edit, then an error": Steps("h = select(Hero).one()\nh.n = 5\nadd(h)\n1 / 0", "", "!", "ZeroDivisionError"),
    "edit without add": Steps("select(Hero).one().n = 5", "!", None),
    "delete": Steps("delete(select(Hero).one())", "-", "-"),
    "delete by name": Steps('delete(Hero, name="old")\nadd(new("a"))', "-a", "-a"),
    "delete, then an error": Steps('delete(Hero, name="old")\n1 / 0', "", "-", "ZeroDivisionError"),
    "commit between": Steps('add(new("a"))\nss.commit()\nadd(new("b"))\n1 / 0', "a", "ab", "ZeroDivisionError"),
    "rollback between": Steps('add(new("a"))\nflush()\nss.rollback()\nadd(new("b"))', "b", "ab"),
    "text": Steps(INSERT, "a", ""),
    "text, then commit": Steps(f"{INSERT}\nss.commit()", "a", "a"),
    "text, then an error": Steps(f"{INSERT}\n1 / 0", "", "", "ZeroDivisionError"),
    "text caught": Steps(
        'add(new("a"))\nflush()\ntry:\n    orm().execute(sa.text("SELECT nonsense FROM hero"))\n'
        "except sa.exc.DBAPIError:\n    orm()\n",
        "a",
        "a",
        doomed=("postgresql", "duckdb"),
    ),
    "core": Steps('orm().connection().execute(sa.insert(Hero).values(name="a"))', "a", ""),
    "savepoint kept": Steps('with orm().begin_nested():\n    add(new("a"))\nadd(new("b"))', "ab", None),
    "savepoint undone": Steps(
        'point = orm().begin_nested()\nadd(new("a"))\nflush()\npoint.rollback()\nadd(new("b"))', "b", None
    ),
    "savepoint caught": Steps(
        'add(new("a"))\n' + REFUSED.format('with orm().begin_nested(): add(new("old"))') + 'add(new("b"))', "ab", None
    ),
    "savepoint first and caught": Steps(
        REFUSED.format('with orm().begin_nested(): add([new("a"), new("old")])') + 'add(new("b"))', "b", None
    ),
    "savepoint, bulk caught": Steps(
        REFUSED.format(f"with orm().begin_nested(): {ROWS_REFUSED}") + 'add(new("b"))', "b", None
    ),
    "savepoint, then an error": Steps(
        'with orm().begin_nested():\n    add(new("a"))\n1 / 0', "", None, "ZeroDivisionError"
    ),
    "savepoints in each other": Steps(
        'with orm().begin_nested():\n    add(new("a"))\n    point = orm().begin_nested()\n'
        '    add(new("b"))\n    flush()\n    point.rollback()\nadd(new("c"))',
        "ac",
        None,
    ),
    "ended by text": Steps(
        'add(new("a"))\nflush()\norm().execute(sa.text("Rollback"))\nadd(new("b"))', "", None, "TransactionUndoneError"
    ),
    "ended by the driver": Steps(
        'add(new("a"))\nflush()\norm().connection().connection.rollback()\nadd(new("b"))',
        "",
        None,
        "TransactionUndoneError",
    ),
    "another thread": Steps('beside(lambda: ln.add(new("a")))\n1 / 0', "a", "a", "ZeroDivisionError", other="a"),
    "another session": Steps(
        'with ln.Session(e):\n    ln.add(new("a"))\n1 / 0', "a", "a", "ZeroDivisionError", other="a"
    ),
}


@dataclass
class Stage:
    """A database, and whatever the code of `Steps` names."""

    e: sa.Engine
    shell: InteractiveShell
    made: list[Hero] = field(default_factory=list)

    def names(self, **more: Any) -> dict[str, Any]:
        """Give the variables of the code, where `ln`'s own functions find their session."""
        common = {"e": self.e, "ln": ln, "sa": sa, "Hero": Hero, "new": self.new, "beside": beside}
        verbs = {"add": ln.add, "delete": ln.delete, "select": ln.select, "orm": ln.current_session}
        return common | verbs | {"flush": self.flush} | more

    def new(self, name: str) -> Hero:
        """Make a record, and remember it."""
        self.made.append(Hero(name=name))
        return self.made[-1]

    def flush(self) -> None:
        """Send what the block has, if the caller stands in one."""
        session = ln.current_session()
        if session is not None:
            session.flush()

    def run(self, source: str, **names: Any) -> None:
        """Run code that stands in no cell."""
        exec(source, self.names(**names))

    def run_cells(self, *cells: str) -> None:
        """Run cells, and raise the first error that one of them ended with."""
        self.shell.user_ns.update(self.names())
        results = [self.shell.run_cell(cell) for cell in cells]
        for result in results:
            result.raise_error()


def beside(action: Callable[[], object]) -> None:
    """Run an action in another thread, and wait for its end."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(action).result()


def block(**options: Any) -> Callable[[Stage, str], None]:
    """Make the form ``with ln.Session(...) as ss:``."""

    def run(stage: Stage, source: str) -> None:
        with ln.Session(stage.e, **options) as ss:
            stage.run(source, ss=ss)

    return run


def alone(stage: Stage, source: str) -> None:
    """Run code in no session."""
    stage.run(source)


def bare(stage: Stage, source: str) -> None:
    """Run code that uses a session without a block."""
    ss = ln.Session(stage.e)
    try:
        stage.run(source, ss=ss, add=ss.add, delete=ss.delete, select=ss.select, orm=lambda: ss.orm)
    finally:
        ss.close()


def cell(options: str = "") -> Callable[[Stage, str], None]:
    """Make the form ``%%ln_session``."""
    return lambda stage, source: stage.run_cells(f"%%ln_session --as ss {options}\n{source}")


def held(stage: Stage, source: str) -> None:
    """Run code in a cell of a session that is held across cells."""
    stage.run_cells("%ln_session open --as ss --db e", source, "%ln_session close")


FORMS: dict[str, Callable[[Stage, str], None]] = {
    "add": alone,
    "bare": bare,
    "block": block(),
    "write": block(write=True),
    "readonly": block(readonly=True),
    "rollback": block(rollback=True),
    "thread": lambda stage, source: beside(lambda: block()(stage, source)),
    "cell": cell(),
    "cell --write": cell("--write"),
    "cell --rollback": cell("--db e --rollback"),
    "open": held,
}
ON_ALL = ("add", "bare", "block", "rollback")
"""The forms in which all is tried everywhere; a cell is the block around it."""
FEW_ON_ALL = {
    *("refused list", "bulk caught", "commit between", "text, then an error"),
    *("savepoint, then an error", "ended by the driver"),
}
"""What is tried in the other forms everywhere: what ends in another way by another driver, if anything does."""
AS_BLOCKS = ("cell", "cell --write")
"""The forms that are tried where all is: they end as blocks do, by code of ours."""

WITH_LOWEST = {
    "sqlite": ("add", "bare", "block", "rollback", "cell", "open"),
    "own file": ("add", "bare", "block"),
}
"""What is tried with the lowest versions too: the others end as these do, by code of ours, or differ by the driver."""

KINDS: dict[str, tuple[pytest.MarkDecorator, ...]] = {
    "sqlite": (),
    "memory": (pytest.mark.thorough,),
    "own file": (),
    "own memory": (pytest.mark.thorough,),
    "postgresql": (pytest.mark.postgres,),
    "own postgresql": (pytest.mark.postgres,),
    "own mariadb": (pytest.mark.mariadb,),
    "own duckdb": (pytest.mark.thorough,),
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    """A shell with the extension, that shows errors in a line."""
    with shell_in(tmp_path_factory.mktemp("ipython")) as shell:
        extension.load(shell)
        shell.InteractiveTB.set_mode("Minimal")
        yield shell


@pytest.fixture(scope="module")
def engine_of(database_of: Callable[[str], sa.Engine]) -> Callable[[str], sa.Engine]:
    """Give each kind of database, with the table."""

    @functools.cache
    def make(kind: str) -> sa.Engine:
        Base.metadata.create_all(database_of(kind))
        return database_of(kind)

    return make


@pytest.fixture
def stage(
    kind: str,
    engine_of: Callable[[str], sa.Engine],
    shell: InteractiveShell,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    """A database with one row, connected to."""
    engine = engine_of(kind)
    with engine.begin() as connection:
        connection.execute(sa.delete(Hero))
        connection.execute(sa.insert(Hero).values(name="old"))
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.5)  # nobody here is worth waiting for
    ln.connect(engine)
    yield Stage(engine, shell)
    ln.connect()


def kept(database: sa.Engine) -> tuple[str, set[str]]:
    """Read what is there, as `Steps` writes it, and all names."""
    reader = sa.create_engine(database.url, poolclass=sa.NullPool) if is_shared(database) else database
    with reader.connect() as connection:
        rows = {row.name: row.n for row in connection.execute(sa.select(Hero.name, Hero.n))}
    old = rows.get("old")
    return {None: "-", 0: ""}.get(old, "!") + "".join(sorted(set(rows) - {"old"})), set(rows)


def is_shared(database: sa.Engine) -> bool:
    """Say whether a connection of another engine sees the same database."""
    return database.url.database not in (None, "", ":memory:")


def cases() -> Iterator[Any]:
    """Give each row in each form on each kind of database, but for what is the same there by its making."""
    for (kind, marks), (form, _), (name, steps) in itertools.product(KINDS.items(), FORMS.items(), STEPS.items()):
        is_for_blocks = steps.each is None or (form == "add" and any(each in steps.source for each in ("orm()", "ss.")))
        is_tried = name in FEW_ON_ALL and form not in AS_BLOCKS
        has_no_lock = kind in ("own mariadb", "own duckdb")  # and says so
        is_known = (form in COMMITS_EACH and is_for_blocks) or (form in LOCKED and (has_no_lock or steps.other))
        if not is_known and (kind in ("sqlite", "postgresql") or form in ON_ALL or is_tried):
            newest = () if form in WITH_LOWEST.get(kind, ()) else (pytest.mark.newest,)
            yield pytest.param(kind, form, steps, marks=(*marks, *newest), id=f"{kind}-{form}-{name}")


@pytest.mark.filterwarnings("ignore:Session's state has been changed on a non-active transaction")
@pytest.mark.parametrize(("kind", "form", "steps"), list(cases()))
def test_what_is_saved_is_what_was_said(kind: str, stage: Stage, form: str, steps: Steps) -> None:
    """After any use, the database and the records hold what the end of it said, and nothing else."""
    said = ""
    try:
        FORMS[form](stage, steps.source)
    except BaseException as error:  # noqa: BLE001 - whatever was said
        said = type(error).__name__

    found, names = kept(stage.e)
    looks_saved = {hero.name for hero in stage.made if sa.inspect(hero).has_identity}
    expected = steps.outcome(form, stage.e.dialect.name)
    assert (expected, looks_saved) == ((found, said), names & {hero.name for hero in stage.made} - {"old"})
