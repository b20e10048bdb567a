"""What must not grow: statements, scans, characters, and the calls that we add to SQLAlchemy's and IPython's own.

All of it is counted and nothing is timed, so that it holds on any machine; times are in ``benchmarks/``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import gc
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from IPython.core.interactiveshell import InteractiveShell
from sqlalchemy import orm
from sqlalchemy.orm.attributes import set_committed_value
from traitlets.config import Config

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines
from ln_jupyter.display import html, record, text
from ln_jupyter.ipython import extension
from ln_jupyter.ipython.cell_log import Execution
from ln_jupyter.notebook.document import Cell, Document
from ln_jupyter.queries import cells, differences, ids, runs
from ln_jupyter.queries import notebooks as notebook_queries
from ln_jupyter.queries.filters import Wanted
from ln_jupyter.tracking import evidence, running
from ln_jupyter.tracking.publishing import checks
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# -- statements --------------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(statements: list[str]) -> list[str]:
    """Record what is sent once the registry is checked and its user known."""
    ln.add([lns.Pipeline(name=str(number)) for number in range(3)])
    ln.add(lns.Run(name="x", pipeline=ln.select(lns.Pipeline, name="0").one()))
    statements.clear()
    return statements


@pytest.mark.parametrize(
    "ask",
    [
        lambda: ln.select(lns.Pipeline).all(),
        lambda: ln.select(lns.Pipeline).count(),
        lambda: ln.select(lns.Pipeline).exists(),
        lambda: ln.select(lns.Pipeline).df(),
        lambda: ln.select(lns.Pipeline, name="1").one(),
        lambda: list(ln.select(lns.Pipeline).stream()),
        lambda: ln.select(lns.Run).load("pipeline").all(),
    ],
    ids=["all", "count", "exists", "df", "one", "stream", "load"],
)
def test_a_read_is_one_statement(sent: list[str], ask: Callable[[], object]) -> None:
    """Whatever is read is read by one statement."""
    ask()

    assert 1 == len(sent), sent


def test_first_asks_for_one_row(sent: list[str]) -> None:
    """`first()` is one statement, which reads one row."""
    ln.select(lns.Pipeline).first()

    assert 1 == len(sent)
    assert "LIMIT" in sent[0]


def test_a_relationship_of_a_detached_record_is_one_statement(sent: list[str]) -> None:
    """`ln.load()` reads what it was asked for and nothing else."""
    run = ln.select(lns.Run).one()
    sent.clear()

    ln.load(run, "pipeline")

    assert 1 == len(sent), sent


def test_a_thousand_records_are_added_by_two_statements(sent: list[str]) -> None:
    """However many records there are, each table is written to once, and nothing is read back."""
    pipeline = lns.Pipeline(name="p")

    ln.add([lns.Run(name=str(number), pipeline=pipeline) for number in range(1_000)])

    assert ["INSERT INTO ln_pipeline", "INSERT INTO ln_run"] == [sql[: sql.index(" (")] for sql in sent]


def test_a_thousand_dicts_are_few_statements(sent: list[str]) -> None:
    """Rows are inserted in batches, whose size is bounded by how many values a statement takes."""
    ln.add(lns.Pipeline, [{"name": str(number)} for number in range(1_000)])

    assert {"INSERT INTO ln_pipeline"} == {sql[: sql.index(" (")] for sql in sent}
    assert len(sent) <= 2


def test_a_thousand_records_are_deleted_by_as_many_statements_as_one(sent: list[str]) -> None:
    """Deleting reads nothing, and each table is written to once."""
    pipelines = ln.add([lns.Pipeline(name=str(number)) for number in range(1_000)])
    sent.clear()

    ln.delete(pipelines)

    assert ["DELETE FROM ln_pipeline"] == [sql[: sql.index(" WHERE")] for sql in sent]


def test_an_empty_session_sends_nothing(sent: list[str]) -> None:
    """A block that asks nothing costs the database nothing."""
    with ln.Session():
        pass

    assert [] == sent


def test_a_display_sends_nothing(sent: list[str], shell: InteractiveShell) -> None:
    """A record of an open session, and a list of a thousand, are shown without a statement."""
    extension.load(shell)
    with ln.Session() as ss:
        run = ss.select(lns.Run).one()
        pipelines = [*ss.select(lns.Pipeline).all()] * 300
        sent.clear()

        shell.display_formatter.format(run)
        shell.display_formatter.format(pipelines)

        assert [] == sent


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InteractiveShell]:
    """Make a shell without a history, and without the extension."""
    shell = InteractiveShell(ipython_dir=str(tmp_path), config=Config(HistoryManager={"enabled": False}))
    yield shell
    extension.unload(shell)
    shell.restore_sys_module_state()


# -- scans -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def scans(sqlite_url: sa.URL) -> Iterator[Callable[[], list[str]]]:
    """Connect to a registry with one of everything, and tell which tables were read from end to end since."""
    engine = engines.connect(sqlite_url)
    notebook = ln.add(lns.Notebook(id="n", name="n"))
    file = lns.File(id="f", name="f", hash="x", size=1)
    seen = lns.RunFile(position=1, role="output", kind="file", path="/f", via="open", file=file, size=1)
    run = ln.add(
        lns.Run(id="r", name="x", notebook=notebook, inputs=[lns.File(name="f")], outputs=[file], files=[seen])
    )
    now = dt.datetime.now(dt.UTC)
    ln.add(lns.ExecutedCell, [{"run_id": run.id, "position": 1, "started_at": now}])
    ln.add(
        lns.NotebookPath,
        [{"host": "h", "path": "p", "notebook_id": notebook.id, "notebook_v": notebook.v, "seen_at": now}],
    )
    sent: dict[str, Any] = {}

    def note(_connection: object, _cursor: object, sql: str, values: Any, *_: object) -> None:
        sent[sql] = values[0] if isinstance(values, list) else values

    sa.event.listen(engine, "before_cursor_execute", note)

    def found() -> list[str]:
        asked = {
            sql: values for sql, values in sent.items() if sql.split()[0] in ("SELECT", "UPDATE", "DELETE", "WITH")
        }
        with engine.connect() as connection:
            plans = {
                sql: connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
                for sql, values in asked.items()
            }
        assert plans
        steps = [(step.detail, sql) for sql, plan in plans.items() for step in plan]
        return [f"{step}: {sql}" for step, sql in steps if step.startswith("SCAN ln_") and "INDEX" not in step]

    yield found
    engines.connect()


def _lists(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        notebook_queries.newest(connection, host="h", limit=10)
        notebook_queries.versions(connection, "n", host="h")
        notebook_queries.paths(connection, "n")
        runs.newest(connection, limit=10)
        for wanted in (Wanted(("n",)), Wanted(ids=["r"]), Wanted(since=dt.datetime.now(dt.UTC)), Wanted(tag="final")):
            runs.newest(connection, wanted, limit=10)
        runs.count(connection, up_to=1_001)
        notebook_queries.used_last(connection, host="h", limit=10)
        runs.read(connection, "r")
        cells.ran(connection, cells.read(connection, "r"))
        differences.find(connection, "r", ())
        ids.find(connection, "r", lns.Run)


@pytest.mark.parametrize(
    "ask",
    [
        ln.view,
        lambda: _lists(engines.current()),
        lambda: ln.select(lns.Run, id="x").first(),
        lambda: ln.select(lns.Run, name="x").all(),
        lambda: ln.select(lns.Run).order_by(lns.Run.created_at.desc()).limit(10).all(),
        lambda: ln.select(lns.Notebook, id="x").load("runs.inputs", "paths").all(),
        lambda: ln.select(lns.File, hash="x").load("sources", "targets").all(),
        lambda: [ln.where(__file__), ln.where("/f"), ln.where(ln.select(lns.File, id="f").one())],
        lambda: [ln.lineage("r"), ln.lineage("/f"), ln.lineage(ln.select(lns.Notebook, id="n").one(), depth=9)],
    ],
    ids=["view", "lists", "key", "name", "newest", "of a notebook", "of a file", "where", "lineage"],
)
def test_no_question_reads_a_whole_table(scans: Callable[[], list[str]], ask: Callable[[], object]) -> None:
    """A registry of a million runs answers what is asked of it by its indexes."""
    ask()

    assert [] == scans()


def test_header_reads_no_whole_table(scans: Callable[[], list[str]], tmp_path: Path) -> None:
    """`header()`, and the thread that it starts, find what they need by indexes."""
    notebook = tmp_path / "n.ipynb"
    notebook.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    ln.header(filepath=notebook)
    running.forget()  # a new process

    ln.header(filepath=notebook)
    ln.header(filepath=notebook)
    running.forget()

    assert [] == scans()


def test_a_stated_id_is_looked_into_by_indexes(scans: Callable[[], list[str]], tmp_path: Path) -> None:
    """What is known of a notebook is compared with a file by indexes, where its id is known and its path is not."""
    notebook = tmp_path / "n.ipynb"
    cell = {"cell_type": "code", "id": "other", "metadata": {}, "source": "x = 1\ny = 2", "outputs": []}
    stated = {"nbproject": {"id": "n"}}
    notebook.write_text(json.dumps({"cells": [cell], "metadata": stated, "nbformat": 4, "nbformat_minor": 5}))

    ln.header(filepath=notebook)

    assert ("n", []) == (ln.nb.notebook.parent_id, scans())
    running.forget()


@pytest.mark.usefixtures("ln_registry")
def test_a_file_that_is_known_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file is known by its path, `header()` asks nobody for what else is known of its notebook."""
    notebook = notebooks.write(tmp_path / "n.ipynb", nbproject={"id": "Rx2s9cPTMQLY", "version": "1"})
    ln.header(filepath=notebook)
    running.forget()
    monkeypatch.delattr(evidence, "traces")

    ln.header(filepath=notebook)

    assert "Rx2s9cPTMQLY" == ln.nb.notebook.id


def test_view_counts_no_more_than_it_tells(sqlite_url: sa.URL) -> None:
    """Counting reads every row of an index, and so stops where nobody needs the number."""
    engine = engines.connect(sqlite_url)
    ln.add(lns.Pipeline, [{"name": str(number)} for number in range(10_001)])
    sent: list[tuple[str, Any]] = []
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _cur, sql, values, *_: sent.append((sql, values)))

    shown = repr(ln.view(n=1))

    assert shown.startswith("more than 10,000 Pipeline · newest 1 shown\n")
    [(sql, values)] = [each for each in sent if "count(" in each[0]]
    assert sql.count("count(") == sql.count("LIMIT")
    assert max(values) <= 10_001
    ln.connect()


# -- characters --------------------------------------------------------------------------------------------------------


def _with_inputs(n: int) -> lns.Run:
    run = lns.Run(id="x", name="x")
    set_committed_value(run, "inputs", [lns.File(id="f", name="f")] * n)
    return run


@pytest.mark.parametrize("render", [text.render, html.render])
def test_a_large_collection_is_shown_as_short_as_a_small_one(render: Callable[[record.RecordView], str]) -> None:
    """A record with 100,000 related records takes the characters of one with nine, but for the digits."""
    few, many = (render(record.view(_with_inputs(n))) for n in (9, 100_000))

    assert 0 <= len(many) - len(few) <= 2 * len("99,991")


# -- calls -------------------------------------------------------------------------------------------------------------


def _calls(act: Callable[[], object]) -> int:
    """Count the calls of Python functions, in C or not, in the best of some runs: some make what later ones find."""
    counts = []
    for _ in range(4):
        count = 0

        def note(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        gc.disable()  # what the collector calls is of others
        before = sys.getprofile()
        sys.setprofile(note)
        try:
            act()
        finally:
            sys.setprofile(before)
            gc.enable()
        counts.append(count)
    return min(counts)


@pytest.fixture
def by_hand(sqlite_url: sa.URL) -> Iterator[sa.Engine]:
    """Connect to a registry with a pipeline, and give an engine as SQLAlchemy's tutorial makes it."""
    ln.connect(sqlite_url)
    ln.add(lns.Pipeline(name="x"))
    engine = sa.create_engine(sqlite_url)
    yield engine
    engine.dispose()
    ln.connect()


def test_first_adds_few_calls(by_hand: sa.Engine) -> None:
    """`select().first()` makes at most a quarter more calls than the same by hand: 23 % in SQLAlchemy 2.1."""

    def select() -> object:
        with orm.Session(by_hand) as session:
            return session.scalars(sa.select(lns.Pipeline).where(lns.Pipeline.name == "x").limit(1)).first()

    ours, theirs = _calls(lambda: ln.select(lns.Pipeline, name="x").first()), _calls(select)

    assert ours <= 1.25 * theirs


@pytest.mark.parametrize("asks", [False, True])
def test_a_block_that_asks_for_its_connection_adds_few_calls(by_hand: sa.Engine, *, asks: bool) -> None:
    """It makes at most 200 calls more than the same by hand: 186, and 70 more once it asks for the driver's."""

    def block() -> None:
        with ln.Session() as ss:
            _ = ss.orm.connection().connection if asks else ss.orm.connection()

    def begin() -> None:
        with orm.Session(by_hand) as session, session.begin():
            _ = session.connection().connection if asks else session.connection()

    assert _calls(block) - _calls(begin) <= (270 if asks else 200)


def test_each_added_record_adds_few_calls(by_hand: sa.Engine) -> None:
    """Of many records, each costs at most 10 % more calls than `add_all` and a commit by hand: 8 %."""

    def add(n: int) -> Callable[[], object]:
        return lambda: ln.add([lns.Pipeline(name="y") for _ in range(n)])

    def add_all(n: int) -> Callable[[], object]:
        def act() -> None:
            with orm.Session(by_hand, expire_on_commit=False) as session:
                session.add_all([lns.Pipeline(name="y", created_by_id=user_id) for _ in range(n)])
                session.commit()

        return act

    user_id = ln.select(lns.User.id).one()
    ours, theirs = ((_calls(make(300)) - _calls(make(100))) / 200 for make in (add, add_all))

    assert ours <= 1.1 * theirs


def test_a_plain_cell_adds_few_calls(shell: InteractiveShell) -> None:
    """A cell that has nothing to do with us makes at most 25 more calls with the extension: 19 in IPython 9."""

    def run() -> None:
        shell.run_cell("x = 1", store_history=False)

    without = _calls(run)
    extension.load(shell)
    loaded = _calls(run)

    assert loaded - without <= 25


def test_a_session_cell_makes_fewer_calls_than_time(sqlite_url: sa.URL, shell: InteractiveShell) -> None:
    """A cell in a session makes at most 90 % of the calls of the same cell under `%%time`: 83 % in IPython 9."""
    ln.connect(sqlite_url)
    extension.load(shell)

    ours, theirs = (
        _calls(lambda magic=magic: shell.run_cell(f"{magic}\nx = 1")) for magic in ("%%ln_session", "%%time")
    )

    assert ours <= 0.9 * theirs
    ln.connect()


@dataclasses.dataclass
class _Plain:
    x: int = 1


@pytest.mark.parametrize("value", [1, object(), [1, 2, 3], {"a": 1}, _Plain()], ids=lambda value: type(value).__name__)
def test_other_displays_add_few_calls(shell: InteractiveShell, value: object) -> None:
    """What is no record is shown with at most 15 more calls with the extension."""
    without = _calls(lambda: shell.display_formatter.format(value))
    extension.load(shell)
    loaded = _calls(lambda: shell.display_formatter.format(value))

    assert loaded - without <= 15


def test_a_record_is_shown_with_few_calls_for_each_attribute(shell: InteractiveShell) -> None:
    """A record is shown as text and HTML with at most 32 calls more for each attribute: 26 for a new run."""
    run = lns.Run(id="x", name="x", pipeline=lns.Pipeline(id="p", name="p"))
    without = _calls(lambda: shell.display_formatter.format(run))
    extension.load(shell)
    loaded = _calls(lambda: shell.display_formatter.format(run))

    assert loaded - without <= 32 * len(lns.Run.__mapper__.all_orm_descriptors)


def test_publishing_makes_no_pass_over_all_cells_for_each() -> None:
    """Ten times as many cells, with as many executions, are compared by ten times as many calls."""

    def check(n: int) -> Callable[[], object]:
        ran = [Execution(None, f"x = {number}") for number in range(n)]
        cells = tuple(Cell(None, "code", each.source) for each in ran)
        request: Any = SimpleNamespace(document=Document(Path("a.ipynb"), "", {}, {}, cells), runner="")
        log: Any = SimpleNamespace(earlier=[], executed=ran[:-1], running=ran[-1])
        return lambda: checks.check_order(request, log)

    assert _calls(check(500)) <= 11 * _calls(check(50))
