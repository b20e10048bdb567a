"""The registry's classes are plain SQLAlchemy, with ids and names that last."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, get_args

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.schema import ids, lost, models
from ln_jupyter.schema.types import UtcDateTime, utcnow

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = sorted((mapper.class_ for mapper in lns.Base.registry.mappers), key=lambda model: model.__name__)


@pytest.fixture
def session() -> Iterator[orm.Session]:
    """Give a session of SQLAlchemy's own, which knows nothing of this package."""
    engine = sa.create_engine("sqlite://")
    sa.event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys=ON"))
    lns.Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        yield session
    engine.dispose()


@pytest.mark.parametrize(
    ("model", "length"), [(lns.Run, 20), (lns.Notebook, 12), (lns.Pipeline, 8), (lns.User, 8), (lns.File, 20)]
)
def test_an_id_exists_at_construction(model: type[lns.Run], length: int) -> None:
    """Every object has an id of its own, of the original's length, before any database is asked."""
    one, two = model(), model()

    assert re.fullmatch(f"[0-9A-Za-z]{{{length}}}", one.id)
    assert one.id != two.id


@pytest.mark.newest
def test_ids_do_not_repeat() -> None:
    """A hundred thousand ids of runs are all different."""
    assert len({ids.new(ids.RUN) for _ in range(100_000)}) == 100_000


@pytest.mark.parametrize("model", [lns.Notebook, lns.Pipeline])
def test_a_version_begins_with_one(model: type[lns.Notebook]) -> None:
    """Notebooks and pipelines have a key of id and version."""
    assert model().v == "1"
    assert ["id", "v"] == [column.name for column in sa.inspect(model).primary_key]


def test_given_values_win() -> None:
    """An id or version that is given is kept."""
    pipeline = lns.Pipeline(id="mine", v="2.1")

    assert ("mine", "2.1") == (pipeline.id, pipeline.v)


@pytest.mark.parametrize("model", MODELS)
def test_an_unknown_field_names_the_near_miss(model: type[lns.Base]) -> None:
    """A misspelt keyword is an error that a caller of any constructor would expect."""
    with pytest.raises(TypeError) as error:
        model(hsah="x", nmae="x", craeted_at="x")

    assert isinstance(error.value, errors.UnknownFieldError)
    assert model.__name__ in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "said", "fix"),
    [
        ("pipeline", "Transform A", "Run.pipeline cannot be a str", "give a Pipeline"),
        ("pipeline", lns.File(), "Run.pipeline cannot be a File", "give a Pipeline"),
        ("inputs", lns.File(), "Run.inputs cannot be a File", "give a list of File records"),
        ("inputs", ["a.csv"], "Run.inputs cannot be a list", "give a list of File records"),
    ],
)
def test_what_a_relationship_cannot_be_is_named(name: str, value: object, said: str, fix: str) -> None:
    """Instead of the attribute that SQLAlchemy misses of it."""
    with pytest.raises(errors.InvalidValueError) as error:
        lns.Run(**{name: value})

    assert (said, fix) == (str(error.value), error.value.fix)


def test_the_tutorials_constructor(session: orm.Session) -> None:
    """`Run(name=..., pipeline=p)` sets the relationship, and a plain session saves both."""
    pipeline = lns.Pipeline(name="Transform A")
    run = lns.Run(name="Solve Problem X", pipeline=pipeline)

    session.add(run)
    session.commit()

    assert (run.pipeline_id, run.pipeline_v) == (pipeline.id, "1")
    assert [run] == pipeline.runs


def test_inputs_and_outputs_are_link_tables(session: orm.Session) -> None:
    """A file may be read and written by many runs."""
    file = lns.File(name="a.csv")
    writer, reader = lns.Run(outputs=[file]), lns.Run(inputs=[file])
    session.add_all([writer, reader])
    session.commit()

    assert ([writer], [reader]) == (file.sources, file.targets)


def test_a_run_goes_with_its_cells_and_links(session: orm.Session) -> None:
    """Deleting a run removes what is only its own; files and pipelines stay."""
    run = lns.Run(inputs=[lns.File()], cells=[lns.ExecutedCell(position=1, started_at=utcnow())])
    session.add(run)
    session.commit()

    session.delete(run)
    session.commit()

    counts = [session.scalar(sa.select(sa.func.count()).select_from(m)) for m in (lns.Run, lns.ExecutedCell, lns.File)]
    assert [0, 0, 1] == counts


@pytest.mark.parametrize("model", [lns.Run, lns.Notebook, lns.Pipeline, lns.File, lns.User])
def test_edits_are_counted(model: type[lns.Run], session: orm.Session) -> None:
    """Every edit through the ORM raises the counter that refuses stale ones."""
    record = model(handle="a") if model is lns.User else model()
    session.add(record)
    session.commit()
    record.name = "new"
    session.commit()

    assert record.revision == 2


def test_a_heartbeat_is_no_edit(session: orm.Session) -> None:
    """An UPDATE through Core leaves the counter alone, so a heartbeat makes nobody's edit stale."""
    run = lns.Run()
    session.add(run)
    session.commit()

    session.execute(sa.update(lns.Run).where(lns.Run.id == run.id).values(heard_at=utcnow()))
    run.name = "edited"
    session.commit()

    assert run.revision == 2


def test_times_are_utc_with_microseconds(session: orm.Session) -> None:
    """A time of any zone comes back as the same moment in UTC."""
    tokyo = dt.timezone(dt.timedelta(hours=9))
    moment = dt.datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=tokyo)
    run = lns.Run(started_at=moment)
    session.add(run)
    session.commit()
    session.expire_all()

    assert run.started_at == moment
    assert run.started_at is not None
    assert run.started_at.tzinfo is dt.UTC
    assert run.started_at.microsecond == 123456


BEYOND = dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-14)))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (dt.datetime(2026, 1, 1), "datetime.datetime(2026, 1, 1, 0, 0) has no time zone"),  # noqa: DTZ001 - the point
        (dt.date(2026, 1, 1), "datetime.date(2026, 1, 1) is no time"),
        ("2026-01-01T12:00Z", "'2026-01-01T12:00Z' is no time"),
        (BEYOND, f"{BEYOND!r} is of the year 0 or 10000 in UTC, and no time"),
    ],
)
def test_what_is_no_moment_is_not_stored(session: orm.Session, value: Any, why: str) -> None:
    """A time without a zone would be a guess; the error is one sentence, without the SQL."""
    session.add(lns.Run(started_at=value))

    with pytest.raises(ValueError, match="; use datetime") as error:
        session.commit()

    assert f"{why}; use datetime.now(datetime.UTC)" == str(error.value)


DAY = dt.datetime(2026, 11, 22).astimezone()
AT_NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("2026-11-22", DAY),
        (dt.date(2026, 11, 22), DAY),
        (" 2026-11-22 00:00", DAY),
        ("2026-11-22T12:00Z", AT_NOON),
        ("2026-11-22 13:00:00+01:00", AT_NOON),
        (AT_NOON, AT_NOON),
    ],
)
def test_a_time_is_compared_with_what_names_one(given: Any, meant: dt.datetime) -> None:
    """Texts and days without a zone are of this machine's, as displays show times; others say theirs."""
    compared = [
        (lns.Run.started_at > given).right.value,
        (lns.Run.started_at <= given).right.value,
        *(each.value for each in lns.Run.started_at.between(given, given).right.clauses),
    ]

    assert [meant] * 4 == compared


@pytest.mark.parametrize(
    ("compare", "message", "fix"),
    [
        (lambda c: c > "yesterday", "'yesterday' is no time", '"2026-11-22 14:30"'),
        (lambda c: c > "9999-12-31 23:59-14:00", "'9999-12-31 23:59-14:00' is no time", '"2026-11-22 14:30"'),
        (lambda c: c < "0001-01-01 00:00+14:00", "'0001-01-01 00:00+14:00' is no time", '"2026-11-22 14:30"'),
        (lambda c: c == "9999-12-31", "9999-12-31 is a day", '.where(column >= "9999-12-31")'),
        (lambda c: c > dt.datetime(2026, 1, 1), "has no time zone", '"2026-01-01 00:00:00"'),  # noqa: DTZ001
        (lambda c: c == "2026-11-22", "2026-11-22 is a day", 'column < "2026-11-23"'),
        (lambda c: c.in_(["2026-11-30"]), "2026-11-30 is a day", 'column < "2026-12-01"'),
        (lambda c: c.like("2026%"), "is no text to be searched", "column >= "),
    ],
)
def test_a_comparison_of_times_that_means_nothing(compare: Any, message: str, fix: str) -> None:
    """It is refused where it is written, in a sentence that says what to write."""
    with pytest.raises(errors.InvalidValueError) as error:
        compare(lns.Run.started_at)

    assert message in str(error.value)
    assert fix in error.value.fix


def test_other_comparisons_of_times_are_sqlalchemys() -> None:
    """Times are compared with nothing, with other columns and with subqueries, and subtracted, as ever."""
    column = lns.Run.started_at

    for expression in (column.is_(None), column == None, column > lns.Run.heard_at, column - lns.Run.heard_at):  # noqa: E711
        assert "started_at" in str(expression)


def test_times_order_as_text() -> None:
    """SQLite compares what it stores as text: the order must be that of the moments."""
    store = (
        UtcDateTime()
        .dialect_impl(sa.create_engine("sqlite://").dialect)
        .bind_processor(sa.create_engine("sqlite://").dialect)
    )
    assert store is not None
    times = [dt.datetime(2026, 1, 1, 0, 0, 0, us, tzinfo=dt.UTC) for us in (0, 1, 999_999)]

    assert [store(t) for t in times] == sorted(store(t) for t in times)


@pytest.mark.parametrize("table", lns.Base.metadata.sorted_tables, ids=lambda t: t.name)
def test_every_constraint_has_a_name(table: sa.Table) -> None:
    """Names are those of the convention and fit PostgreSQL, so that a migration can refer to them."""
    names = [str(c.name) for c in (*table.constraints, *table.indexes) if isinstance(c, (sa.Constraint, sa.Index))]

    assert all(re.match(r"(pk|fk|uq|ix|ck)_ln_", name) for name in names)
    assert all(len(name) <= 63 for name in names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("table", lns.Base.metadata.sorted_tables, ids=lambda t: t.name)
def test_no_sequence_and_no_hot_row(table: sa.Table) -> None:
    """No key is made by the server: distributed engines need no coordination for it."""
    assert table.autoincrement_column is None


def test_repr_reads_no_database(session: orm.Session) -> None:
    """The repr of an expired record shows its key, and sends nothing."""
    run = lns.Run(name="x" * 500, pipeline=lns.Pipeline())
    session.add(run)
    session.commit()
    sent: list[str] = []
    sa.event.listen(session.get_bind(), "before_cursor_execute", lambda _c, _cur, sql, *_: sent.append(sql))

    text = repr(run)

    assert f"Run(id='{run.id}'" in text or text.startswith("Run(id=")
    assert len(text) < 200
    assert [] == [s for s in sent if "SELECT" in s and "ln_pipeline" in s]


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (lns.Run(id="r"), "Run(id='r')"),
        (
            lns.Run(id="r", name="Train", pid=7, outcome="ok", started_at=AT_NOON, note="long", path="p", python="3"),
            "Run(id='r', name='Train', outcome='ok', started_at=2026-11-22 12:00:00)",
        ),
        (
            lns.Run(id="r", notebook=lns.Notebook(id="n", title="Growth"), started_at=AT_NOON),
            "Run(id='r', notebook='Growth', started_at=2026-11-22 12:00:00)",
        ),
        (lns.Notebook(id="n", name="growth", title="Growth"), "Notebook(id='n', v='1', name='growth', title='Growth')"),
        (lns.NotebookPath(host="h", path="/a.ipynb"), "NotebookPath(host='h', path='/a.ipynb')"),
        (lns.RunTag(run_id="r", tag="final"), "RunTag(run_id='r', tag='final')"),
        (lns.ExecutedCell(run_id="r", position=3, ok=False), "ExecutedCell(run_id='r', position=3, ok=False)"),
        (lns.Environment(hash="0" * 64, packages={"a": "1"}), f"Environment(hash='{'0' * 64}')"),
        (lns.User(id="u"), "User(id='u')"),
        (lns.File(id="f", name="x" * 500), f"File(id='f', name='{'x' * 17}...{'x' * 18}')"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_repr_is_a_short_line(record: lns.Base, text: str) -> None:
    """It has the whole key and what people call the record, and no None."""
    assert text == repr(record)


NOW, LONG_AGO = dt.timedelta(0), dt.timedelta(hours=1)  # before the test runs, not before it is collected
STATES = [
    (None, {}),
    ("running", {"started_at": NOW}),
    ("running", {"started_at": LONG_AGO, "heard_at": NOW}),
    ("lost", {"started_at": LONG_AGO}),
    ("lost", {"started_at": LONG_AGO, "heard_at": LONG_AGO, "last_cell_at": LONG_AGO}),
    ("finished", {"started_at": LONG_AGO, "finished_at": LONG_AGO, "outcome": "ok"}),
    ("finished", {"started_at": LONG_AGO, "finished_at": LONG_AGO}),
    ("failed", {"started_at": LONG_AGO, "heard_at": NOW, "finished_at": NOW, "outcome": "failed"}),
    ("interrupted", {"started_at": LONG_AGO, "heard_at": NOW, "finished_at": NOW, "outcome": "interrupted"}),
    ("finished", {"started_at": LONG_AGO, "heard_at": NOW, "finished_at": NOW, "outcome": "aborted"}),
]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(("state", "events"), STATES)
def test_the_state_of_a_run_is_derived(state: str | None, events: dict[str, Any]) -> None:
    """What a run's events say of its state is the same on the record and in the database."""
    now = utcnow()
    run = ln.add(lns.Run(**{k: now - v if isinstance(v, dt.timedelta) else v for k, v in events.items()}))

    found = [each for each in get_args(models.State) if ln.select(lns.Run, state=each).exists()]

    assert state == run.state == ln.select(lns.Run.state).one()
    assert ([] if state is None else [state]) == found


@pytest.mark.usefixtures("engine")
def test_a_statement_asks_for_the_state_when_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that was made long ago knows what time it is."""
    ln.add(lns.Run(started_at=utcnow()))
    runs = ln.select(lns.Run, state="lost")
    before = runs.exists()

    monkeypatch.setattr(lost, "AFTER", dt.timedelta(0))

    assert (False, True) == (before, runs.exists())


def test_a_state_is_not_set() -> None:
    """It is no column: the constructor says so, with the near miss as for any other name."""
    with pytest.raises(errors.UnknownFieldError):
        lns.Run(state="running")
