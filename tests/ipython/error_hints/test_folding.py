"""An error is on one screen: the user's lines, the sentence and the fix; what is SQLAlchemy's and ours is folded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.ipython import kernel_driver
from tests.ipython.conftest import SETUP
from tests.ipython.shells import shell_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from tests.ipython.kernel_driver import Kernel

MORE = """
import sqlalchemy as sa
from sqlalchemy import event
from ln_jupyter.ipython.error_hints.folding import Folding

def twice():
    with ln.Session() as ss:
        for _ in range(2):
            ss.orm.execute(sa.insert(lns.File).values(id="f", name="a"))

def kept():
    try:
        twice()
    except sa.exc.IntegrityError as error:
        return error
"""
FOLD = "of SQLAlchemy and ln_jupyter; %tb shows all]"
SCREEN = 40


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel of this module's own, for it is asked for the last traceback."""
    with kernel_driver.start(tmp_path_factory.mktemp("kernel"), SETUP + MORE) as kernel:
        yield kernel


ERRORS = {
    "refused at the end of a cell": (
        "%%ln_session\n_ = ln.add(lns.Pipeline(id='{0}', v='1')), ln.add(lns.Pipeline(id='{0}', v='1'))",
        "IntegrityError",
        "the database refused Pipeline(id='{0}', v='1'); it was added at line 2",
    ),
    "refused by a bare add": (
        "ln.add(lns.Pipeline(id='{0}', v='1'))\nln.add(lns.Pipeline, [dict(id='{0}', v='1')])",
        "IntegrityError",
        "\n----> 2 ln.add(lns.Pipeline, [dict(id='{0}', v='1')])\n",
    ),
    "flushed in a cell": (
        "%%ln_session\nfor _ in 'ab': ln.add(lns.Pipeline(id='{0}', v='1'))\nln.select(lns.Pipeline).all()",
        "IntegrityError",
        "\n----> 3 ln.select(lns.Pipeline).all()\n",
    ),
    "detached": (
        "ln.add(lns.Run(name='{0}'))\nrun = ln.select(lns.Run, name='{0}').one()\nrun.pipeline",
        "DetachedInstanceError",
        '\nfix: ln.load(run, "pipeline")',
    ),
    "no such table": (
        "with ln.Session() as ss:\n    ss.orm.execute(sa.text('SELECT * FROM {0}'))",
        "OperationalError",
        "OperationalError: (sqlite3.OperationalError) no such table: {0}",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_is_on_one_screen(kernel: Kernel, name: str, case: str) -> None:
    """The cell is red by the same error, and shows what was wrong where, and no line of a library."""
    source, kind, said = (each.format(name[:9]) for each in ERRORS[case])

    executed = kernel.run(source)

    assert ("error", kind, [kind]) == (executed.status, executed.reply["ename"], executed.errors)
    assert said in executed.traceback
    assert len(executed.traceback.splitlines()) <= SCREEN
    assert "site-packages" not in executed.traceback
    assert "/ln_jupyter/" not in executed.traceback


def test_functions_of_the_user_stay(kernel: Kernel) -> None:
    """Each line of the user's, in a cell or a function, is there, between two folds too."""
    executed = kernel.run("""
def refuse(*_):
    raise LookupError("mine")

def read():
    with ln.Session() as ss:
        event.listen(ss.orm, "do_orm_execute", refuse)
        return ss.select(lns.Run).all()

read()
""")

    lines = [line for line in executed.traceback.splitlines() if line.startswith("---->") or FOLD in line]
    assert ["read()", "return ss.select(lns.Run).all()", "FOLD", 'raise LookupError("mine")'] == [
        "FOLD" if FOLD in line else line.split(maxsplit=2)[2] for line in lines
    ]


def test_shown_again_it_is_whole(kernel: Kernel) -> None:
    """`%tb` shows every frame of both errors, in the same mode and in any other."""
    kernel.run("twice()")

    again, verbose = kernel.run("%tb"), kernel.run("%tb Verbose")

    for executed in (again, verbose):
        text = executed.traceback + executed.stdout
        assert FOLD not in text
        assert "do_execute" in text
        assert "twice()" in text


@pytest.mark.parametrize("mode", ["Verbose", "Plain"])
def test_other_modes_are_whole(kernel: Kernel, mode: str) -> None:
    """`%xmode Verbose` is for those who want to see everything."""
    kernel.run(f"%xmode {mode}")

    executed = kernel.run("twice()")

    kernel.run("%xmode Context")
    assert "do_execute" in executed.traceback
    assert FOLD not in executed.traceback


def test_skipping_that_is_turned_off(kernel: Kernel) -> None:
    """Where IPython is told to skip no hidden frames, none is."""
    kernel.run("get_ipython().InteractiveTB.skip_hidden = False")

    executed = kernel.run("twice()")

    kernel.run("get_ipython().InteractiveTB.skip_hidden = True")
    assert FOLD not in executed.traceback
    assert "do_execute" in executed.traceback


def test_the_error_is_what_it_was(kernel: Kernel) -> None:
    """Its traceback has all frames, and its cause, after it was shown and where it is caught."""
    kernel.run("twice()")
    kernel.run("import sys, traceback; shown = traceback.extract_tb(sys.last_traceback); caught = kept()")

    assert kernel.read("[frame.name for frame in shown][-1]") == "do_execute"
    assert kernel.read(
        "[f.name for f in shown][2:] == [f.name for f in traceback.extract_tb(caught.__traceback__)][1:]"
    )
    assert kernel.read("type(caught.__cause__).__module__") == "sqlite3"


def test_a_debugger_stands_where_the_error_arose(kernel: Kernel) -> None:
    """`%debug` goes through all frames, those that were folded too."""
    kernel.run("twice()")

    executed = kernel.talk("%debug", "w", "q")

    assert "do_execute" in executed.stdout
    assert "twice()" in executed.stdout


def test_an_error_of_pythons_own_keeps_its_last_line(kernel: Kernel) -> None:
    """What is raised deep in a library says little without the line that raised it."""
    executed = kernel.run("sa.select(lns.Run).limit('many')")

    assert "ValueError: invalid literal for int() with base 10: 'many'" in executed.traceback
    assert "in asint(value)" in executed.traceback
    assert FOLD in executed.traceback


def test_chained_by_the_user(kernel: Kernel) -> None:
    """`raise ... from` shows the user's error, and before it the one that it is from, folded."""
    executed = kernel.run("""
try:
    twice()
except sa.exc.IntegrityError as error:
    raise LookupError("mine") from error
""")

    assert ["LookupError"] == executed.errors
    assert 3 == executed.traceback.count("Traceback (most recent call last)")
    assert "LookupError: mine" in executed.traceback
    assert FOLD in executed.traceback
    assert "do_execute" not in executed.traceback


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InteractiveShell]:
    """A shell in this process, without the extension."""
    with shell_in(tmp_path) as shell:
        shell.run_cell("import sqlalchemy as sa")
        yield shell


FAIL = "sa.create_engine('sqlite://').connect().exec_driver_sql('SELECT nothing')"


def test_only_while_the_extension_is_loaded(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """Before it, and after it, a traceback is IPython's."""
    shown = []
    for step in ("", "%load_ext ln_jupyter", "%unload_ext ln_jupyter"):
        shell.run_cell(step)
        shell.run_cell(FAIL)
        shown.append(capsys.readouterr().out)

    assert [False, True, False] == [FOLD in text for text in shown]
    assert {"get_records", "format_record"}.isdisjoint(vars(shell.InteractiveTB))


def test_what_ipython_may_become(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that are not what they were are shown as IPython shows them."""
    shell.run_cell("%load_ext ln_jupyter")
    monkeypatch.setattr("ln_jupyter.ipython.error_hints.folding._folded", lambda _: 1 / 0)

    shell.run_cell(FAIL)

    shown = capsys.readouterr().out
    assert "do_execute" in shown
    assert "OperationalError" in shown
    assert "ZeroDivisionError" not in shown


def test_frames_that_repeat(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """A function of the user's that calls itself without end is shown as IPython shows it."""
    shell.run_cell("%load_ext ln_jupyter")
    limit = sys.getrecursionlimit()

    shell.run_cell("def f():\n    return f()\nf()")

    shown = capsys.readouterr().out
    assert "skipping similar frames: f at line 2" in shown
    assert limit == sys.getrecursionlimit()
