"""The log of the cells that a shell runs."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from ln_jupyter.ipython import cell_log
from ln_jupyter.ipython.cell_log import CellLog
from tests.ipython.shells import shell_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

BEGIN = "log = begin()"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InteractiveShell]:
    """Give a shell with the extension, in which a cell can begin a log."""
    with shell_in(tmp_path) as shell:
        shell.extension_manager.load_extension("ln_jupyter")
        shell.user_ns |= {"begin": lambda: CellLog(shell, told.append), "told": (told := _Told())}
        yield shell
        shell.extension_manager.unload_extension("ln_jupyter")


class _Told(list[None]):
    def append(self, *_: object) -> None:
        super().append(None)


def run(shell: InteractiveShell, *sources: str) -> CellLog:
    for source in sources:
        shell.run_cell(source, store_history=True)
    log = shell.user_ns["log"]
    assert isinstance(log, CellLog)
    return log


def test_cells_are_noted_in_order(shell: InteractiveShell) -> None:
    """The cell that begins the log and those after it are noted, with what they did; of earlier ones the source."""
    log = run(shell, "x = 1", BEGIN, "y = 2", "pass")

    assert ["x = 1"] == [each.source for each in log.earlier]
    assert [BEGIN, "y = 2", "pass"] == [each.source for each in log.executed]
    assert [True] * 3 == [each.ok for each in log.executed]
    assert all(each.seconds is not None and each.seconds >= 0 for each in log.executed)
    assert log.executed[0].started_at <= log.executed[0].ended_at <= log.executed[2].ended_at


def test_whoever_asks_is_told_of_each_beginning_and_end(shell: InteractiveShell) -> None:
    """Each cell's beginning is told, but for the one that runs already, and each end."""
    run(shell, BEGIN, "1", "2")

    assert 5 == len(shell.user_ns["told"])


@pytest.mark.parametrize("source", ["1/0", "syntax error", "%no_such_magic", "await 1", "raise KeyboardInterrupt"])
def test_a_cell_that_raises_is_not_ok(shell: InteractiveShell, source: str, capsys: pytest.CaptureFixture[str]) -> None:
    """However a cell fails, it is noted as failed."""
    log = run(shell, BEGIN, source)

    assert (source, False) == (log.executed[-1].source, log.executed[-1].ok)


@pytest.mark.parametrize("options", [{"silent": True}, {"store_history": False}], ids=str)
def test_what_a_front_end_asks_by_itself_is_no_cell(shell: InteractiveShell, options: dict[str, bool]) -> None:
    """What is silent, or not for the history, is not noted."""
    log = run(shell, BEGIN)

    shell.run_cell("asked = 1", **options)

    assert [BEGIN] == [each.source for each in log.executed]


def test_a_cell_inside_a_cell_is_one_cell(shell: InteractiveShell) -> None:
    """What a cell runs by `run_cell`, as magics do, is part of it; an empty one changes nothing."""
    outer = "for code in ('1 + 1', ''): get_ipython().run_cell(code, store_history=True)"

    log = run(shell, BEGIN, outer, "pass")

    assert [BEGIN, outer, "pass"] == [each.source for each in log.executed]


@pytest.mark.parametrize("inner", ["", " \n"])
def test_an_empty_cell_ends_nothing(shell: InteractiveShell, inner: str) -> None:
    """An empty cell, which IPython tells the end of and not the beginning, does not end the one that runs it."""
    log = run(shell, BEGIN, outer := f"get_ipython().run_cell({inner!r})", "2")

    assert [BEGIN, outer, "2"] == [each.source for each in log.executed]


UNSPEAKABLE = "class E(Exception):\n    def __str__(self): raise ValueError\nraise E"


def test_an_error_that_cannot_be_shown(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """A cell whose error cannot be shown has failed, and the cells after it are noted."""
    log = run(shell, BEGIN, UNSPEAKABLE, "2", "3")

    assert [True, False, True, True] == [each.ok for each in log.executed]


def test_an_end_that_is_never_told(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that was interrupted while it ended has failed, and the cells after it are noted."""
    run(shell, BEGIN)
    with monkeypatch.context() as patch:
        patch.setattr(shell.events, "trigger", interrupt_at("post_execute", shell.events.trigger))
        with pytest.raises(KeyboardInterrupt):
            run(shell, "1")

    log = run(shell, "2", "get_ipython().run_cell('3')")

    assert [True, False, True, True] == [each.ok for each in log.executed]
    assert log.running is None


def interrupt_at(name: str, trigger: Callable[..., None]) -> Callable[..., None]:
    def interrupt(event: str, *arguments: object) -> None:
        if event == name:
            raise KeyboardInterrupt
        trigger(event, *arguments)

    return interrupt


def test_the_running_cell_is_known(shell: InteractiveShell) -> None:
    """Inside a cell the log says which; outside of any, and in other threads, it says none."""
    asking = "import threading\nfound = [log.running.source]\n"
    asking += "thread = threading.Thread(target=lambda: found.append(log.running)); thread.start(); thread.join()"

    log = run(shell, BEGIN, asking)

    assert [asking.strip(), None] == [each if each is None else each.strip() for each in shell.user_ns["found"]]
    assert log.running is None


def test_cells_of_two_threads_are_both_noted(shell: InteractiveShell) -> None:
    """A kernel's subshells run cells beside each other: each is noted when it ends."""
    shell.user_ns |= {"entered": (entered := threading.Event()), "leave": (leave := threading.Event())}
    log = run(shell, BEGIN)
    waiting = threading.Thread(target=shell.run_cell, args=("entered.set(); _ = leave.wait(180)", True))
    waiting.start()
    assert entered.wait(180)

    run(shell, "beside = 1")
    leave.set()
    waiting.join()

    assert [BEGIN, "beside = 1", "entered.set(); _ = leave.wait(180)"] == [each.source for each in log.executed]


def test_after_the_extension_nothing_is_noted(shell: InteractiveShell) -> None:
    """`%unload_ext` ends the log by the next cell, and leaves no callback."""
    log = run(shell, BEGIN)
    before = len(shell.events.callbacks["pre_run_cell"])

    run(shell, "%unload_ext ln_jupyter", "x = 1")

    assert [BEGIN, "%unload_ext ln_jupyter"] == [each.source for each in log.executed]
    assert before - 1 == len(shell.events.callbacks["pre_run_cell"])
    assert not log.follows(shell)
    shell.extension_manager.load_extension("ln_jupyter")


def test_it_can_go_on(shell: InteractiveShell) -> None:
    """Attached again, the log goes on with the running cell; attached twice, nothing is noted twice."""
    run(shell, BEGIN, "%unload_ext ln_jupyter", "x = 1", "%load_ext ln_jupyter")

    log = run(shell, "log.attach(); log.attach()", "y = 1")

    assert ["log.attach(); log.attach()", "y = 1"] == [each.source for each in log.executed[2:]]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # other tests of the process have left threads
def test_a_forked_child_notes_nothing(shell: InteractiveShell) -> None:
    """A child that goes on after its cell leaves the log alone: it is its parent's."""
    log = run(shell, BEGIN)

    child = os.fork()
    if not child:
        shell.run_cell("x = 1", store_history=True)
        os._exit(len(log.executed))

    assert 1 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_file_given_to_ipython_tells_nothing(shell: InteractiveShell) -> None:
    """Its cells are run silently: there is no log."""
    assert not cell_log.is_known(shell)
