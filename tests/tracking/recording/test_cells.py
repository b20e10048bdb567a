"""What a run executed is kept: what ran, what became of it, and no more than may be kept."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import zlib
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.ipython.cell_log import CellLog
from ln_jupyter.locate.location import Location
from ln_jupyter.notebook import document
from ln_jupyter.tracking import request as requests
from ln_jupyter.tracking.recording import run_rows, texts
from ln_jupyter.tracking.recording.recorder import Recording
from tests.ipython.shells import shell_in
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from ln_jupyter.tracking.register import Registration

    Begin = Callable[..., "Run"]

X, FAILS = "x = 1", "def f():\n    raise TypeError('no such\\nthing')\nf()"


class Run:
    """A run of this process, whose cells a shell runs.

    Args:
        recording: Of the run.
        shell: In which the cells run.
    """

    def __init__(self, recording: Recording, shell: InteractiveShell) -> None:
        self.recording, self.shell = recording, shell

    def execute(self, *sources: str) -> None:
        """Run cells, and write what became of them."""
        for source in sources:
            self.shell.run_cell(source, store_history=True)
        self.recording.settle()

    @property
    def row(self) -> lns.Run:
        """The run as it is in the registry."""
        return ln.select(lns.Run, id=self.recording.run_id).load("texts.text").one()

    @property
    def cells(self) -> list[lns.ExecutedCell]:
        """Its cells there."""
        cells = ln.select(lns.ExecutedCell, run_id=self.recording.run_id).load("text")
        return cells.order_by(lns.ExecutedCell.position).all()

    @property
    def texts(self) -> list[str | None]:
        """What they ran, as far as it is kept."""
        return [None if cell.text is None else zlib.decompress(cell.text.content).decode() for cell in self.cells]

    def beside(self, kind: str) -> dict[str, str | None]:
        """What is kept beside the run, by name."""
        kept = [each for each in self.row.texts if each.kind == kind]
        return {e.name: None if e.text is None else zlib.decompress(e.text.content).decode() for e in kept}


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return notebooks.write(tmp_path / "growth.ipynb", notebooks.HEADER, X, FAILS)


@pytest.fixture
def begin(
    engine: sa.Engine, register: Callable[..., Registration], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Begin]:
    """Begin a run of a notebook in a shell."""
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:

        def begin(path: Path, before: Sequence[str] = (), **options: Any) -> Run:
            shell = stack.enter_context(shell_in(tmp_path))
            shell.extension_manager.load_extension("ln_jupyter")
            for source in before:
                shell.run_cell(source, store_history=True)
            shell.user_ns["begin"] = lambda: CellLog(shell, lambda: None)
            shell.run_cell("log = begin()", store_history=True)
            request = requests.look_at(Location(path, "test"), **options)
            recording = Recording(register(path), request, engine, shell.user_ns["log"])
            recording.start()
            stack.callback(recording.stop)
            return Run(recording, shell)

        yield begin


def tag(path: Path, source: str, *tags: str) -> None:
    """Save a notebook with tags on the cell that has this source."""
    saved = json.loads(path.read_text(encoding="utf-8"))
    for cell in saved["cells"]:
        if cell["source"] == source:
            cell["metadata"] = {"tags": list(tags)}
    path.write_text(json.dumps(saved), encoding="utf-8")


def stored() -> list[str]:
    """Read all texts of the registry."""
    return sorted(zlib.decompress(each.content).decode() for each in ln.select(lns.Text).all())


def test_the_text_of_what_ran_is_kept_once(begin: Begin, notebook: Path) -> None:
    """Every edition of a cell is there, also of one that is saved nowhere, and each content once."""
    run = begin(notebook)

    run.execute(X, "x = 2", X)

    assert [X, "x = 2", X] == run.texts
    assert 1 == stored().count(X)
    assert [document.hash_of(X), 2, None] == [run.cells[0].source_hash, run.cells[0].number, run.cells[1].number]


def test_what_ran_before_the_header_is_kept(begin: Begin, notebook: Path) -> None:
    """Of the cells before it only the sources are known, and these are kept in their order, without secrets."""
    run = begin(notebook, before=[X, 'password = "hunter2"'])

    run.execute(X)

    assert {"0001": X, "0002": 'password = "***"'} == run.beside("before")


def test_a_cell_that_begins_the_next_run_is_not_of_this_one(begin: Begin, notebook: Path) -> None:
    """A header's cell that was written while it ran is taken out of the run that it ends."""
    run = begin(notebook)
    run.execute(X)
    run.shell.user_ns["end"] = lambda: (run.recording.settle(), run.recording.finish(with_process=False))

    run.execute("end()")

    assert [(1, True)] == [(cell.position, cell.ok) for cell in run.cells]


def test_an_error_is_kept_with_its_line(begin: Begin, notebook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cell that failed has the type, the message, and the last of its own lines that the error went through."""
    run = begin(notebook)

    run.execute(FAILS, "x = 1\nif", "pass")

    found = [(cell.error_type, cell.error_message, cell.error_line) for cell in run.cells]
    assert [("TypeError", "no such\nthing", 2), ("SyntaxError", 2), None] == [found[0], found[1][::2], found[2][0]]
    assert 2 == run.row.failures


def test_why_a_run_failed(begin: Begin, notebook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run says in which of its notebook's cells, and with which error: one line."""
    run = begin(notebook)
    run.execute(X, FAILS)

    run.recording.finish()

    assert ("failed", "cell 3: TypeError: no such") == (run.row.state, run.row.reason)


def test_an_interrupted_cell_is_no_failure(begin: Begin, notebook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Failures are counted, also those that were made good, and interrupted cells are none."""
    run = begin(notebook)

    run.execute("1/0", "raise KeyboardInterrupt", "1/0", X)

    assert 2 == run.row.failures


def test_durations_are_of_the_cells_and_of_the_process(begin: Begin, notebook: Path) -> None:
    """Busy is what the cells took together, and no more than the run has been alive."""
    run = begin(notebook)

    run.execute(X, "import time; time.sleep(0.01)")

    busy = sum(cell.seconds or 0 for cell in run.cells)
    assert run.row.busy_seconds == pytest.approx(busy)
    assert 0.01 < busy < (run.row.alive_seconds or 0)


def test_a_cell_that_runs_is_written_while_it_runs(begin: Begin, notebook: Path) -> None:
    """It has a row without an end, which is given its end later."""
    run = begin(notebook)
    run.execute(X)
    run.shell.user_ns["look"] = lambda: (run.recording.settle(), seen.extend(run.cells))
    seen: list[lns.ExecutedCell] = []

    run.execute("look()")

    assert [(1, True), (2, None)] == [(cell.position, cell.ok) for cell in seen]
    assert seen[1].seconds is None
    assert [(1, True), (2, True)] == [(cell.position, cell.ok) for cell in run.cells]


def test_cells_stand_in_their_order_however_long_a_write_takes(
    begin: Begin, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What begins while a write waits for the database is not written before what ended meanwhile."""
    run = begin(notebook)
    run.execute(X)
    hear = run_rows.hear

    def wait(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(run_rows, "hear", hear)
        is_waiting.set()
        goes_on.wait()
        return hear(*given, **more)

    is_waiting, goes_on = threading.Event(), threading.Event()
    monkeypatch.setattr(run_rows, "hear", wait)
    run.recording.wake()
    is_waiting.wait()
    run.shell.run_cell("y = 2", store_history=True)
    run.shell.user_ns["look"] = lambda: (goes_on.set(), run.recording.settle())
    run.execute("look()")

    assert [X, "y = 2", "look()"] == run.texts


def test_secrets_are_not_kept(
    begin: Begin, notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Known forms of passwords are taken out of cells, of errors and of modules before they are hashed."""
    (tmp_path / "helper_of_growth.py").write_text('token = "hunter2"\n', encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "helper_of_growth", raising=False)
    run = begin(notebook)

    run.execute('password = "hunter2"', "import helper_of_growth")
    run.execute('raise OSError("postgresql://ann:hunter2@host/lab")')
    run.recording.finish()

    assert 'password = "***"' == run.texts[0]
    assert {"helper_of_growth": 'token = "***"\n'} == run.beside("module")
    assert "hunter2" not in "".join(stored()) + str(run.cells[2].error_message) + str(run.row.reason)
    assert document.hash_of('password = "***"') == run.cells[0].source_hash


@pytest.mark.parametrize("by", ["argument", "setting", "tag"])
def test_only_hashes_are_kept_where_that_is_asked_for(
    begin: Begin, notebook: Path, by: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither what ran nor what its error says is in the registry, but the hash, and the error's type."""
    if by == "tag":
        tag(notebook, FAILS, "private")
    if by == "setting":
        monkeypatch.setattr("ln_jupyter.settings._current", _with_text_off())
    run = begin(notebook, **({"executed_text": "off"} if by == "argument" else {}))

    run.execute(FAILS)
    run.recording.finish()

    (cell,) = run.cells
    assert (document.hash_of(FAILS), None, "TypeError", None) == (
        cell.source_hash,
        cell.text,
        cell.error_type,
        cell.error_message,
    )
    assert "no such" not in repr(run.row.reason)
    assert not [each for each in stored() if "no such" in each]


def _with_text_off() -> object:
    from dataclasses import replace

    from ln_jupyter import settings

    return replace(settings.current(), executed_text="off")


def test_a_cell_that_becomes_private_is_hidden(
    begin: Begin, notebook: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was kept of it before the tag was saved is removed, and the saved source has its hash alone."""
    run = begin(notebook)
    run.execute(FAILS, X)

    tag(notebook, FAILS, "private")
    run.execute(X)

    assert [None, X, X] == run.texts
    assert run.cells[0].error_message is None
    assert not [each for each in stored() if "no such" in each]
    source = ln.select(lns.Source, hash=run.row.source_hash).one()
    assert [f"# private: {document.hash_of(FAILS)}"] == [s for _, s in json.loads(zlib.decompress(source.content))][2:]


def test_a_text_that_is_too_long_is_a_hash(begin: Begin, notebook: Path) -> None:
    """Of more than a megabyte only the hash is kept."""
    long = f"x = {'1' * texts.LONGEST!r}"
    run = begin(notebook)

    run.execute(long)

    assert (document.hash_of(long), None) == (run.cells[0].source_hash, run.cells[0].text)


def test_ids_and_tags_of_the_saved_cells_are_kept(begin: Begin, notebook: Path) -> None:
    """Beside the source are the id and tags of each of its cells, as they were saved last, and those before are gone."""
    run = begin(notebook)
    run.execute(X)
    before = run.beside("cells")

    tag(notebook, X, "parameters")
    run.execute(X)

    expected = [{"id": f"c{n}", "tags": ["parameters"] * (n == 1)} for n in range(3)]
    assert expected == json.loads(run.beside("cells")[""] or "")
    assert before[""] not in stored()


def test_a_text_that_somebody_else_has_stays(begin: Begin, notebook: Path, tmp_path: Path) -> None:
    """A text is removed when nothing refers to it any more, and no sooner."""
    other = begin(notebooks.write(tmp_path / "other.ipynb", FAILS, ids="d"))
    other.execute(FAILS)
    run = begin(notebook)
    run.execute(FAILS)

    tag(notebook, FAILS, "private")
    run.execute(X)

    assert ([FAILS], [None, X]) == (other.texts, run.texts)


def test_a_text_is_not_removed_under_whoever_refers_to_it(begin: Begin, notebook: Path, engine: sa.Engine) -> None:
    """Who removes unused texts waits for a writer that has just referred to one, and leaves it."""
    if engine.dialect.name == "sqlite":
        pytest.skip("of two writers, one waits for the other from the start")
    run = begin(notebook)
    run.execute("x = 'to be used'")
    text = run.cells[0].text_id
    assert text is not None
    with engine.connect() as connection:
        connection.execute(sa.update(lns.ExecutedCell.__table__).values(text_id=None))
        connection.commit()
    removed: list[int] = []

    def remove() -> None:
        with engine.connect() as connection:
            removed.append(run_rows.remove_unused_texts(connection, [text]))
            connection.commit()

    with engine.connect() as connection:
        connection.execute(sa.update(lns.ExecutedCell.__table__).values(text_id=text))
        thread = threading.Thread(target=remove)
        thread.start()
        waits = sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        with engine.connect() as looker:
            while not looker.scalar(waits):
                pass
        connection.commit()
        thread.join()

    assert [0] == removed
    assert ["x = 'to be used'"] == run.texts
