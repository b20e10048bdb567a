import ast
import gc
import inspect
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter.display import html, line, record, text
from ln_jupyter.display.options import Options
from ln_jupyter.display.record import RecordView, Row
from ln_jupyter.display.states import Mark
from ln_jupyter.errors import NotMappedError
from ln_jupyter.orm.inspect import loading
from ln_jupyter.orm.inspect.record import Attribute, Cost, Kind, Record, SessionState, Status, describe
from tests.orm.inspect import models as m
from tests.orm.inspect.scenarios import SCENARIOS, World, world_of

COLUMNS = {Kind.COLUMN, Kind.EXPRESSION, Kind.COMPOSITE}
COMPUTED = {Kind.HYBRID, Kind.PROXY}

# What a row says of each status.
SAID = {
    Status.LOADED: (Mark.LOADED, "loaded"),
    Status.UNSET: (Mark.NOTHING, "not set"),
    Status.NULL: (Mark.NULL, "None · foreign key is NULL"),
    Status.CACHED: (Mark.AT_HAND, "in the session · reading costs no query"),
    Status.NOT_LOADED: (Mark.LOADS, "not loaded"),
    Status.EXPIRED: (Mark.EXPIRED, "expired"),
    Status.DEFERRED: (Mark.LOADS, "deferred"),
    Status.RAISE: (Mark.RAISES, "raise-on-load · reading raises"),
    Status.WRITE_ONLY: (Mark.HANDLE, "write-only · ask its .select()"),
    Status.DYNAMIC: (Mark.HANDLE, "dynamic · a query, never loaded"),
    Status.NOLOAD: (Mark.NOTHING, "noload · never loaded"),
    Status.COMPUTED: (Mark.COMPUTED, "made when read"),
}
# What it adds where a session that cannot load is asked.
CANNOT = {
    SessionState.NONE: (Mark.CLOSED, "session closed"),
    SessionState.INACTIVE: (Mark.CLOSED, "session needs rollback"),
    SessionState.ASYNC: (Mark.CLOSED, "async session, await it"),
    SessionState.OPEN: (Mark.RAISES, "its foreign key raises when read"),
}


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    with closing(m.make_database()) as connection:
        yield connection


@pytest.fixture
def world(database: sqlite3.Connection) -> Iterator[World]:
    with world_of(database) as world:
        yield world


def rows_of(view: RecordView) -> dict[str, Row]:
    """Find the row of every attribute, its own or a shared one."""
    return {name: row for row in view.rows for name in row.names or (row.name,)}


def expected(seen: Attribute, whole: Record) -> tuple[Mark | None, str]:
    """Say how the row of an attribute has to begin."""
    if seen.kind is Kind.SYNONYM:
        return Mark.SAME, f"another name of {seen.note}"
    if seen.kind in COLUMNS and seen.status is Status.LOADED:
        return None, ""
    mark, words = SAID[seen.status]
    if seen.status in {Status.NOT_LOADED, Status.EXPIRED, Status.DEFERRED}:
        mark, why = (mark, "loads when read") if seen.cost is Cost.SQL else CANNOT[whole.session]
        if seen.cost is Cost.RAISES and whole.was_deleted and whole.session in {SessionState.NONE, SessionState.OPEN}:
            why = "row deleted"
        words += f" · {why}"
    return mark, words


@pytest.mark.newest
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_attribute_says_where_it_is(name: str, world: World):
    """Each attribute has a mark and words for where its value is, and what reading it would do."""
    shown = SCENARIOS[name](world)
    whole = describe(shown)

    rows = rows_of(record.view(shown))

    assert set(whole.attributes) == set(rows)
    for key, seen in whole.attributes.items():
        mark, words = expected(seen, whole)
        if rows[key].names and mark in {None, Mark.NOTHING}:
            assert (words or "None") == rows[key].name.partition(" · ")[0], key
        else:
            assert mark == rows[key].mark, key
            assert rows[key].words.startswith(words), key


@pytest.mark.parametrize("name", SCENARIOS)
def test_fix_works(name: str, world: World):
    """The line that is shown for what is missing, typed where the record has the name it gives, loads it."""
    shown = SCENARIOS[name](world)
    fix = record.view(shown).fix
    if fix is None or fix.code == "session.rollback()" or "await " in fix.code:
        return
    variable = fix.purpose.removesuffix(" again").rpartition(" ")[2]
    with orm.Session(world.engine) as session:
        names = {
            "ln": SimpleNamespace(
                load=lambda each, *keys: loading.load(each, *keys, session=orm.object_session(each) or session),
                select=lambda model, **fields: session.scalars(sa.select(model).filter_by(**fields)),
            ),
            variable: shown,
        }

        exec(fix.code, names)

        again = describe(names[variable]).attributes
    promised = {key for key in again if f'"{key}"' in fix.code}
    if not promised:  # the record was read again
        promised = {key for key, seen in again.items() if seen.kind is Kind.COLUMN and seen.status is not Status.RAISE}
    assert set() == {key for key in promised if again[key].cost is Cost.RAISES}


@pytest.mark.newest
@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_missing_is_left_out(name: str, world: World):
    """Whatever raises when read is followed by what to type, unless its row is not there any more."""
    shown = SCENARIOS[name](world)
    whole = describe(shown)
    raising = any(seen.cost is Cost.RAISES for seen in whole.attributes.values())

    fix = record.view(shown).fix

    assert ((raising and not whole.was_deleted) or whole.session is SessionState.INACTIVE) == (fix is not None)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("study_detached", 'ln.load(study, "protocol", "lead", "owner", "inputs", "placed", "outputs")'),
        ("detached_and_expired", "study = ln.select(type(study), id='full').one()"),
        (
            "asked_load_only_raising",
            'ln.load(study, "protocol", "lead", "owner", "protocol_id", "protocol_v", "lead_id")',
        ),
        ("kit_open", 'ln.load(kit, "raising", "guarded")'),
        ("session_failed", "session.rollback()"),
        (
            "session_async",
            (
                "from sqlalchemy.ext.asyncio import async_object_session; await async_object_session(study)"
                '.refresh(study, ["protocol", "lead", "owner", "inputs", "placed", "outputs"])'
            ),
        ),
    ],
)
def test_fix(world: World, name: str, code: str):
    """What to type depends on the session, and is code."""
    fix = record.view(SCENARIOS[name](world)).fix

    assert code == fix.code
    compile(fix.code, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("name", ["study_open", "transient_study", "deleted_and_committed"])
def test_no_fix(world: World, name: str):
    """Where everything can be read, or nothing can be had any more, there is nothing to type."""
    assert record.view(SCENARIOS[name](world)).fix is None


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("transient_study", "unsaved"),
        ("pending_study", "unsaved · in the session, saved at the next flush"),
        ("study_open", "in the session"),
        ("study_committed", "in the session · expired"),
        ("modified", "in the session · modified, not saved"),
        ("marked_deleted", "in the session · deleted at the next flush"),
        ("deleted_and_flushed", "deleted · not committed"),
        ("deleted_and_committed", "deleted"),
        ("study_detached", "session closed"),
        ("session_collected", "session closed"),
        ("detached_and_expired", "session closed · expired"),
        ("session_failed", "in a session that needs rollback · expired"),
        ("session_async", "in an async session"),
        ("rolled_back_new", "unsaved"),
    ],
)
def test_state(world: World, name: str, state: str):
    """The first line says in words what a record is to its session and its database."""
    assert state == record.view(SCENARIOS[name](world)).state


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("study_open", "protocol", (Mark.LOADS, "not loaded · loads when read", "Protocol ('p', '1')")),
        ("study_open", "inputs", (Mark.LOADS, "not loaded · loads when read", "many Sample")),
        ("study_detached", "lead", (Mark.CLOSED, "not loaded · session closed", "Person 1")),
        ("study_without_keys_detached", "lead", (Mark.CLOSED, "not loaded · session closed", "Person")),
        ("target_in_session", "protocol", (Mark.AT_HAND, SAID[Status.CACHED][1], "Protocol ('p', '1')")),
        ("study_without_keys_open", "protocol", (Mark.NULL, SAID[Status.NULL][1], "Protocol")),
        ("detached_with_some_read", "protocol", (Mark.LOADED, "loaded", "<Protocol ('p', '1') name='Wash'>")),
        ("detached_with_some_read", "inputs", (Mark.LOADED, "loaded", "3 Sample")),
        ("kit_open", "group_1", (Mark.LOADS, "deferred · loads when read · group 'g'", "")),
        ("kit_open", "guarded", (Mark.RAISES, "raise-on-load · reading raises · deferred", "")),
        ("kit_open", "label", (Mark.SAME, "another name of name", "")),
        ("kit_open", "point", (None, "", "Point(x=1, y=2)")),
        ("kit_open", "colour", (None, "", "Colour.RED")),
        (
            "added_through_handles",
            "written",
            (Mark.HANDLE, f"{SAID[Status.WRITE_ONLY][1]} · 1 added, 0 removed, not saved", "many Part"),
        ),
        (
            "appended_by_backref",
            "outputs",
            (Mark.LOADS, "not loaded · loads when read · 1 added, 0 removed, not saved", "many Sample"),
        ),
        ("trap_loaded", "springs", (Mark.LOADED, "loaded", "1 Spring")),
        ("cycle_loaded", "egg", (Mark.LOADED, "loaded", "<Egg 1>")),
    ],
)
def test_row(world: World, name: str, key: str, expected: tuple[Mark | None, str, str]):
    """A row says where a value is, and the value, or what is known of it."""
    row = rows_of(record.view(SCENARIOS[name](world)))[key]

    assert expected == (row.mark, row.words, row.value)


@pytest.mark.parametrize(
    ("key", "members"),
    [
        ("tags", ("<Tag 1 name='red 1'>", "<Tag 2 name='blue 2'>")),
        ("by_name", ("'red 1': <Tag 1 name='red 1'>", "'blue 2': <Tag 2 name='blue 2'>")),
        ("steps", ("<Step 2 position=0>", "<Step 1 position=1>")),
    ],
)
def test_members(world: World, key: str, members: tuple[str, ...]):
    """A loaded collection of any kind lists its members, a line each."""
    row = rows_of(record.view(SCENARIOS["everything_loaded"](world)))[key]

    assert members == row.members


def test_members_are_few(world: World):
    """Of a loaded collection the first members are listed, and the others counted."""
    study = m.Study(id="new", inputs=[m.Sample(id=number) for number in range(10_000)])

    row = rows_of(record.view(study, options=Options(members=2)))["inputs"]

    assert ("10,000 Sample", ("<Sample 0 unsaved>", "<Sample 1 unsaved>"), 9_998) == (
        row.value,
        row.members,
        row.more,
    )


def test_columns_are_few(world: World):
    """Of a record with very many columns the first are shown, and the others counted."""
    names = [f"c{number}" for number in range(500)]
    registry = orm.registry()
    table = sa.Table(
        "wide",
        registry.metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(each, sa.Integer) for each in names),
    )
    wide = type("Wide", (), {})
    registry.map_imperatively(wide, table)
    filled, empty = wide(), wide()
    for each in names:
        setattr(filled, each, 1)

    rows, shared = record.view(filled).rows, rows_of(record.view(empty))["c0"]

    assert ("…", "441 more") == (rows[-1].name, rows[-1].value)
    assert (60, 441) == (len(shared.names), shared.more)
    registry.dispose()


def test_modified_columns_are_marked(world: World):
    """A column that was changed and not saved says so, also where it is None now."""
    rows = rows_of(record.view(SCENARIOS["key_set_to_none"](world)))

    assert [(True, "None"), (True, "None"), (False, "'Solve'")] == [
        (rows[key].modified, rows[key].value) for key in ("protocol_id", "protocol_v", "title")
    ]


def test_expired_columns_share_a_row(world: World):
    """Many columns that wait for the same thing are one row."""
    row = record.view(SCENARIOS["study_committed"](world)).rows[0]

    assert ("7 columns", Mark.EXPIRED, "expired · loads when read") == (row.name, row.mark, row.words)
    assert ("id", "title", "protocol_id", "protocol_v", "lead_id", "owner_handle", "created_at") == row.names


def test_key_comes_first():
    """The primary key stands before the other columns, wherever the mapping has it."""
    registry = orm.registry()
    columns = [sa.Column("x", sa.Integer), sa.Column("id", sa.Integer, primary_key=True)]
    thing = type("Thing", (), {})
    registry.map_imperatively(thing, sa.Table("thing", registry.metadata, *columns))
    each = thing()
    each.x, each.id = 1, 2

    assert ["id", "x"] == [row.name for row in record.view(each).rows]
    registry.dispose()


def secrets() -> tuple[type, orm.registry]:
    registry = orm.registry()

    @registry.mapped
    class Account:
        __tablename__ = "account"
        token: orm.Mapped[str] = orm.mapped_column(primary_key=True)
        password: orm.Mapped[str]
        colour: orm.Mapped[str] = orm.mapped_column(info={"sensitive": True})
        secret: orm.Mapped[str] = orm.mapped_column(info={"sensitive": False})
        settings: orm.Mapped[dict] = orm.mapped_column(sa.JSON)
        open_settings: orm.Mapped[dict] = orm.mapped_column(sa.JSON, info={"sensitive": False})
        pair = orm.composite(lambda *parts: parts, "password", "colour")
        alias = orm.synonym("password")

    return Account, registry


def test_secrets_are_redacted():
    """A secret is shown nowhere: not in the title, a column, a composite, a JSON value or the one-line form."""
    account_class, registry = secrets()
    account = account_class(
        token="hunter2",
        password="hunter2",
        colour="hunter2",
        secret="open",
        settings={"api_key": "hunter2"},
        open_settings={"api_key": "open"},
    )
    account.__dict__["pair"] = ("hunter2", "hunter2")

    view = record.view(account)
    shown = text.render(view) + html.render(view) + line.to_text(account)

    assert "hunter2" not in shown
    rows = rows_of(view)
    assert ["'open'", "{'api_key': 'open'}"] == [rows[key].value for key in ("secret", "open_settings")]
    assert "••• redacted" == view.identity
    registry.dispose()


def test_secret_key_is_not_typed(world: World):
    """What to type to read an expired record again never spells out a key that is a secret."""
    account_class, registry = secrets()
    registry.metadata.create_all(world.engine)
    account = account_class(token="hunter2", password="x", colour="x", secret="x", settings={}, open_settings={})
    with orm.Session(world.engine) as session:
        session.add(account)
        session.commit()

    fix = record.view(account).fix

    assert 'ln.load(account, "token", "password", "colour", "secret", "settings", "open_settings")' == fix.code
    registry.dispose()


def test_members_of_a_foreign_collection():
    """A collection class that cannot be iterated is listed as the built-in one that it is."""

    class Closed(list):
        closed = False

        def __iter__(self):
            if self.closed:
                raise m.Touched
            return super().__iter__()

    registry = orm.registry()
    parent, child = type("Parent", (), {}), type("Child", (), {})
    key = sa.Column("id", sa.Integer, primary_key=True)
    registry.map_imperatively(
        child, sa.Table("c", registry.metadata, sa.Column("id", sa.ForeignKey("p.id"), primary_key=True))
    )
    registry.map_imperatively(
        parent,
        sa.Table("p", registry.metadata, key),
        properties={"children": orm.relationship(child, collection_class=Closed)},
    )
    each = parent()
    each.children.append(child())
    Closed.closed = True

    row = rows_of(record.view(each))["children"]

    assert ("1 Child", ("<Child unsaved>",)) == (row.value, row.members)
    registry.dispose()


def test_no_code_of_the_class_runs(world: World):
    """A class whose every protocol raises is shown as any other."""
    view = record.view(SCENARIOS["trap_loaded"](world))

    assert ("Trap", "1", "'trap'") == (view.class_name, view.identity, rows_of(view)["name"].value)


def test_row_deleted_behind_our_back(world: World):
    """A record whose row somebody else deleted is shown as it is in memory."""
    study = world.get(m.Study, "empty")
    with world.engine.begin() as connection:
        connection.execute(sa.delete(m.Study).where(m.Study.id == "empty"))

    view = record.view(study)

    assert ("'Nothing set'", "in the session") == (rows_of(view)["title"].value, view.state)


def test_class_named_like_a_keyword():
    """What to type is code even where the class's name in lower case would not be."""
    registry = orm.registry()
    table = sa.Table("c", registry.metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("x", sa.Integer))
    odd = type("Class", (), {})
    registry.map_imperatively(odd, table)
    each = odd()
    each.id = 1
    orm.make_transient_to_detached(each)

    fix = record.view(each).fix

    assert ("To load what is missing of this record", 'ln.load(record, "x")') == (fix.purpose, fix.code)
    registry.dispose()


def test_class_is_not_kept_alive():
    """After it was shown, a class that is redefined can go."""
    registry = orm.registry()
    table = sa.Table("c", registry.metadata, sa.Column("id", sa.Integer, primary_key=True))
    gone = type("Gone", (), {})
    registry.map_imperatively(gone, table)
    view = record.view(gone())
    _ = text.render(view), html.render(view)
    seen = weakref.ref(gone)

    registry.dispose()
    del gone, registry, table
    gc.collect()

    assert seen() is None
    assert "Gone" == view.class_name


def test_not_a_record():
    """What is no record is refused by name."""
    with pytest.raises(NotMappedError, match="'dict' object is not an instance of a mapped class"):
        record.view({})


def test_the_view_is_a_value():
    """A view can be compared, hashed and kept; nothing can be changed in it."""
    views = [record.view(m.Sample(id=1, name="a")) for _ in range(2)]

    assert 1 == len(set(views))
    assert inspect.isdatadescriptor(RecordView.rows)
    with pytest.raises(AttributeError):
        views[0].state = "other"
