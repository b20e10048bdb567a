import ast
import gc
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from ln_jupyter.display import html, line, record, text, values
from ln_jupyter.display.card import Card, Row
from ln_jupyter.display.options import Options, Place
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


def rows_of(view: Card) -> dict[str, Row]:
    """Find the row of every attribute, its own or a shared one."""
    return {name: row for row in view.rows for name in row.names or (row.name,)}


def title_of(view: Card) -> str:
    return text.of_line(view.lines[0])


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

    view = record.view(shown)
    rows = rows_of(view)

    in_title = {
        key
        for key, seen in whole.attributes.items()
        if seen.primary_key and seen.status is Status.LOADED and not (seen.modified and whole.identity)
    }
    for key in in_title if values.primary_key(record.state_of(shown)) else ():
        assert key not in rows
        assert str(whole.attributes[key].value) in title_of(view)
        rows[key] = Row(key)
    assert set(whole.attributes) == set(rows)
    for key, seen in whole.attributes.items():
        mark, words = expected(seen, whole)
        row = rows[key]
        is_named_by_words = row.names and row.name != "computed"
        said = " · ".join(filter(None, (row.name, row.words))) if is_named_by_words else row.words
        if row.names and mark in {None, Mark.NOTHING}:
            assert said.startswith(words or "None"), key
        else:
            assert mark == row.mark, key
            assert said.startswith(words), key


@pytest.mark.parametrize("name", SCENARIOS)
def test_fix_works(name: str, world: World):
    """The line that is shown for what is missing, typed where the record has the name it gives, loads it."""
    shown = SCENARIOS[name](world)
    fix = record.view(shown).fix
    if fix is None or "await " in fix.code:
        return
    variable = fix.purpose.rpartition("once it is called ")[2]
    with orm.Session(world.engine) as session:
        names = {
            "ln": SimpleNamespace(
                load=lambda each, *keys: loading.load(each, *keys, session=orm.object_session(each) or session),
                select=lambda model, **fields: session.scalars(sa.select(model).filter_by(**fields)),
            ),
            variable: shown,
        }

        exec(fix.code, names)

        if "rollback" in fix.code:
            assert orm.object_session(shown).is_active
            return
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
        ("study_without_keys_detached", 'ln.load(study, "inputs", "placed", "outputs", "protocol", "lead", "owner")'),
        ("detached_and_expired", "study = ln.select(type(study), id='full').one()"),
        (
            "asked_load_only_raising",
            'ln.load(study, "protocol", "lead", "owner", "created_at", "protocol_id", "protocol_v")',
        ),
        ("kit_open", 'ln.load(kit, "raising", "guarded")'),
        ("session_failed", "from sqlalchemy.orm import object_session; object_session(study).rollback()"),
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
    assert title_of(record.view(SCENARIOS[name](world))).endswith(f" · {state}")


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("sample_open", "source", (Mark.LOADS, "not loaded · loads when read", "Study full")),
        ("sample_open", "targets", (Mark.LOADS, "not loaded · loads when read", "many Study")),
        ("sample_detached", "source", (Mark.CLOSED, "not loaded · session closed", "Study full")),
        ("sample_committed", "source", (Mark.EXPIRED, "expired · loads when read", "Study")),
        ("study_open", "lead", (Mark.LOADS, "loads when read", "")),
        ("target_in_session", "protocol", (Mark.AT_HAND, SAID[Status.CACHED][1], "Protocol p, 1")),
        ("study_without_keys_open", "protocol", (Mark.NULL, SAID[Status.NULL][1], "Protocol")),
        ("detached_with_some_read", "protocol", (Mark.LOADED, "loaded", "Protocol p, 1 · Wash")),
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
        ("cycle_loaded", "egg", (Mark.LOADED, "loaded", "Egg 1")),
    ],
)
def test_row(world: World, name: str, key: str, expected: tuple[Mark | None, str, str]):
    """A row says where a value is, and the value, or what is known of it."""
    row = rows_of(record.view(SCENARIOS[name](world)))[key]

    assert expected == (row.mark, row.words, row.value)


@pytest.mark.parametrize(
    ("key", "members"),
    [
        ("tags", ("Tag 1 · red 1", "Tag 2 · blue 2")),
        ("by_name", ("'red 1': Tag 1 · red 1", "'blue 2': Tag 2 · blue 2")),
        ("steps", ("Step 2 · position 0", "Step 1 · position 1")),
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

    assert ("10,000 Sample", ("Sample 0 · unsaved", "Sample 1 · unsaved"), 9_998) == (
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

    assert [(True, "None"), (True, "None"), (False, "Solve")] == [
        (rows[key].modified, rows[key].value) for key in ("protocol_id", "protocol_v", "title")
    ]


def test_what_is_expired_shares_a_row(world: World):
    """Many columns and relationships that wait for the same thing are one row."""
    row = record.view(SCENARIOS["study_committed"](world)).rows[0]

    assert ("expired", Mark.EXPIRED, "loads when read") == (row.name, row.mark, row.words)
    columns = ("id", "title", "created_at", "protocol_id", "protocol_v", "lead_id", "owner_handle")
    assert (*columns, "protocol", "lead", "owner", "inputs", "placed", "outputs") == row.names


def test_key_and_name_come_first():
    """The key stands in the title, what people call a record comes first, and foreign keys come last."""
    registry = orm.registry()
    other = type("Other", (), {})
    registry.map_imperatively(
        other, sa.Table("other", registry.metadata, sa.Column("id", sa.Integer, primary_key=True))
    )
    columns = [
        sa.Column("other_id", sa.ForeignKey("other.id")),
        sa.Column("x", sa.Integer),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String),
    ]
    thing = type("Thing", (), {})
    related = {"other": orm.relationship(other)}
    registry.map_imperatively(thing, sa.Table("thing", registry.metadata, *columns), properties=related)
    each = thing()
    each.other_id, each.x, each.id, each.name = 1, 2, 3, "n"

    view = record.view(each)

    assert "Thing 3 · unsaved" == title_of(view)
    assert ["name", "x", "other_id", "other"] == [row.name for row in view.rows]
    registry.dispose()


@pytest.mark.parametrize(("name", "tone"), [("study_open", None), ("study_detached", "wait")])
def test_many_that_are_not_loaded_are_one_quiet_row(world: World, name: str, tone: str | None):
    """Many relationships that are not loaded share a row, in colour only where reading them would raise."""
    view = record.view(SCENARIOS[name](world))

    row = next(row for row in view.rows if row.name == "not loaded")

    assert ("protocol", "lead", "owner", "inputs", "placed", "outputs") == row.names
    words = f"{row.mark} {row.words}"
    assert (f'<span class="{tone}">{words}</span>' if tone else f">{words} · protocol") in html.render(view)


def test_last_value_is_not_assigned(world: World):
    """A record that IPython calls `_` is read again without giving that name to something else."""
    fix = record.view(SCENARIOS["detached_and_expired"](world), options=Options(variable="_")).fix

    assert "ln.select(type(_), id='full').one()" == fix.code


def test_the_last_value_is_not_assigned_to(world: World) -> None:
    """Nothing that is to be typed takes `_` away from IPython: in a block, where no value is shown, it is loaded in place."""
    expired = SCENARIOS["detached_and_expired"](world)

    for place in (Place(), Place("lab", is_known=False)):
        fix = record.view(expired, options=Options(variable="_", place=place)).fix

        assert fix is not None
        assert "_ = " not in fix.code
        assert "(_" in fix.code


def test_package_is_imported_where_nothing_names_it(world: World):
    """Where the notebook has not imported the package, what to type begins with it."""
    fix = record.view(SCENARIOS["sample_detached"](world), options=Options(variable="s", is_imported=False)).fix

    assert 'import ln_jupyter as ln\nln.load(s, "source", "targets")' == fix.code


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
    assert ["open", "{'api_key': 'open'}"] == [rows[key].value for key in ("secret", "open_settings")]
    assert title_of(view).startswith("Account ••• redacted ·")
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

    assert ("1 Child", ("Child · unsaved",)) == (row.value, row.members)
    registry.dispose()


def test_no_code_of_the_class_runs(world: World):
    """A class whose every protocol raises is shown as any other."""
    view = record.view(SCENARIOS["trap_loaded"](world))

    assert ("Trap 1 · in the session", "trap") == (title_of(view), rows_of(view)["name"].value)


def test_row_deleted_behind_our_back(world: World):
    """A record whose row somebody else deleted is shown as it is in memory."""
    study = world.get(m.Study, "empty")
    with world.engine.begin() as connection:
        connection.execute(sa.delete(m.Study).where(m.Study.id == "empty"))

    view = record.view(study)

    assert ("Nothing set", "Study empty · in the session") == (rows_of(view)["title"].value, title_of(view))


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

    assert ("To load what is missing, once it is called record", 'ln.load(record, "x")') == (fix.purpose, fix.code)
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
    assert "Gone · unsaved" == title_of(view)


def test_not_a_record():
    """What is no record is refused by name."""
    with pytest.raises(NotMappedError, match="'dict' object is not an instance of a mapped class"):
        record.view({})


def test_the_view_is_a_value():
    """A view can be compared, hashed and kept; nothing can be changed in it."""
    views = [record.view(m.Sample(id=1, name="a")) for _ in range(2)]

    assert 1 == len(set(views))
    with pytest.raises(AttributeError):
        views[0].rows = ()
