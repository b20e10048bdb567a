"""How a session cell fails: as any cell, and never unsaved without being red."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ipython.kernel_driver import Kernel

# A forked child that runs on to the end of the cell, while its parent fails.
FORK = """\
import os
from IPython.core.interactiveshell import InteractiveShell

CELL = '''%%ln_session
_ = ln.add(lns.Pipeline(name="forked"))
ln.current_session().flush()
child = os.fork()
if child:
    os.waitpid(child, 0)
    1 / 0
'''
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "ln_jupyter")
shell.run_cell("import os, ln_jupyter as ln, ln_jupyter.schema as lns")
shell.run_cell(CELL)
if not shell.user_ns["child"]:
    os._exit(0)
shell.run_cell("print('saved:', ln.select(lns.Pipeline, name='forked').count())")
"""
SHOWN = "%%ln_session: ZeroDivisionError was shown in the cell, and did not end it: {}\n"
NOTHING_SAVED = SHOWN.format("nothing of this unit was saved")


def test_error(kernel: Kernel, name: str) -> None:
    """An error rolls back, and is shown once, on the user's own line, without a frame of ours."""
    executed = kernel.run(f"%%ln_session\npipeline_of({name!r})\n1 / 0")

    assert ("error", ["ZeroDivisionError"], 0) == (executed.status, executed.errors, kernel.count(name))
    assert "----> 3 1 / 0" in executed.traceback
    assert "ln_jupyter/" not in executed.traceback


def test_error_after_await(kernel: Kernel, name: str) -> None:
    """An error of a cell with `await` rolls back as well."""
    executed = kernel.run(f"%%ln_session\npipeline_of({name!r})\nawait asyncio.sleep(0)\n1 / 0")

    assert ("error", ["ZeroDivisionError"], 0) == (executed.status, executed.errors, kernel.count(name))


def test_caught_error(kernel: Kernel, name: str) -> None:
    """An error that the cell catches rolls nothing back."""
    executed = kernel.run(f"%%ln_session\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    pipeline_of({name!r})")

    assert ("ok", 1) == (executed.status, kernel.count(name))


def test_error_before_session(kernel: Kernel, name: str) -> None:
    """An error that was shown before the session was opened is not of the session."""
    kernel.run("%%writefile bad.py\n1 / 0")

    executed = kernel.run(f"%run bad.py\n%ln_session cell\n_ = pipeline_of({name!r})")

    assert ("ok", 1) == (executed.status, kernel.count(name))


def test_commit_fails(kernel: Kernel, name: str) -> None:
    """A commit that fails is the cell's one error, naming the record and its line, and saves nothing."""
    executed = kernel.run(
        f"%%ln_session\n_ = pipeline_of({name!r})\n_ = ln.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))"
    )

    assert ("error", "IntegrityError", 0) == (executed.status, executed.reply["ename"], kernel.count(name))
    assert ["IntegrityError"] == executed.errors
    assert "name='a'); it was added at line 3: _ = ln.add(lns.Run(" in executed.traceback
    assert 'File "' not in executed.traceback


def test_commit_fails_after_display(kernel: Kernel) -> None:
    """The cell's value is shown before its commit is tried."""
    executed = kernel.run("%%ln_session\n_ = ln.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))\n42")

    assert ["execute_result", "error"] == [kind for kind, _ in executed.outputs]


def test_traceback_of_commit(kernel: Kernel) -> None:
    """`%tb` shows the whole traceback of a commit that failed."""
    kernel.run("%%ln_session\n_ = ln.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))")

    executed = kernel.run("%tb")

    assert "cursor.execute(statement, parameters)" in executed.traceback


def test_stale(kernel: Kernel, name: str) -> None:
    """A row that changed after it was read is an error with its fix."""
    kernel.run(f"pipeline_of({name!r})")

    executed = kernel.run(
        f"%%ln_session\nhere = ln.select(lns.Pipeline, name={name!r}).one()\n"
        f"with ln.Session() as other:\n    other.select(lns.Pipeline, name={name!r}).one().reference = 'there'\n"
        "here.reference = 'here'"
    )

    assert ["StaleRecordError"] == executed.errors
    assert "fix: read it again" in executed.traceback


def test_syntax_error(kernel: Kernel) -> None:
    """A cell that is no Python opens no session, and names the line."""
    kernel.run(
        "opened = []\noriginal = ln.Session.begin\nln.Session.begin = lambda self: (opened.append(1), original(self))"
    )

    executed = kernel.run("%%ln_session\nx = 1\ny = = 2")

    kernel.run("ln.Session.begin = original")
    assert ("error", ["SyntaxError"], []) == (executed.status, executed.errors, kernel.read("opened"))
    assert "line 3" in executed.traceback


def test_late_syntax_error(kernel: Kernel, name: str) -> None:
    """An error that Python finds only when it compiles the line rolls back."""
    executed = kernel.run(f"%%ln_session\npipeline_of({name!r})\nreturn")

    assert ("error", ["SyntaxError"], 0) == (executed.status, executed.errors, kernel.count(name))


def test_system_exit(kernel: Kernel, name: str) -> None:
    """`SystemExit` rolls back, and the kernel lives on."""
    executed = kernel.run(f"%%ln_session\npipeline_of({name!r})\nraise SystemExit(1)")

    assert ("error", ["SystemExit"], 0) == (executed.status, executed.errors, kernel.count(name))


@pytest.mark.parametrize(
    "error", ["KeyboardInterrupt()", "GeneratorExit()", "StopIteration()", "asyncio.CancelledError()", "Own()"]
)
@pytest.mark.parametrize("wait", ["", "await asyncio.sleep(0)\n"])
def test_error_of_any_kind(kernel: Kernel, name: str, wait: str, error: str) -> None:
    """Whatever ends the cell rolls back, and is an error under its own name."""
    kernel.run("class Own(BaseException): pass")

    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\n{wait}raise {error}")

    expected = error.rpartition(".")[2].removesuffix("()")
    assert ("error", expected, 0) == (executed.status, executed.reply["ename"], kernel.count(name))


@pytest.mark.parametrize(
    "body",
    [
        "_ = get_ipython().run_cell('raise SystemExit(2)')",
        "def exit_later(): raise SystemExit(2)\nawait asyncio.sleep(0)\nexit_later()",
        "%run exit.py",
    ],
    ids=["nested", "awaiting", "script"],
)
def test_system_exit_inside(kernel: Kernel, name: str, body: str) -> None:
    """`SystemExit` in what the cell runs rolls back as well."""
    kernel.run("%%writefile exit.py\nraise SystemExit(2)")

    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\n{body}")

    assert ("error", "SystemExit", 0) == (executed.status, executed.reply["ename"], kernel.count(name))


def test_script_that_exits_well(kernel: Kernel, name: str) -> None:
    """A script that ends by `SystemExit(0)`, which IPython takes for success, rolls nothing back."""
    kernel.run("%%writefile exit_well.py\nraise SystemExit(0)")

    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\n%run exit_well.py")

    assert ("ok", 1) == (executed.status, kernel.count(name))


def test_error_without_text(kernel: Kernel, name: str) -> None:
    """An error whose own text fails rolls back, and the cell is answered."""
    kernel.run("class Silent(Exception):\n    def __str__(self):\n        raise LookupError('no text')")

    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\nraise Silent()")

    assert ("error", 0) == (executed.status, kernel.count(name))


def test_error_in_del(kernel: Kernel, name: str) -> None:
    """An error that Python only reports, as one of `__del__`, rolls nothing back."""
    executed = kernel.run(
        f"%%ln_session\n_ = pipeline_of({name!r})\n"
        "class Falling:\n    def __del__(self):\n        raise LookupError\n\nFalling();"
    )

    assert ("ok", 1) == (executed.status, kernel.count(name))


def test_large_group(kernel: Kernel, name: str) -> None:
    """A group of thousands of errors is one error of the cell."""
    executed = kernel.run(
        f"%%ln_session\n_ = pipeline_of({name!r})\nraise ExceptionGroup('g', [ValueError(n) for n in range(3000)])"
    )

    assert ("error", "ExceptionGroup", 0) == (executed.status, executed.reply["ename"], kernel.count(name))
    assert ["SessionError"] == executed.errors


def test_group_of_tasks(kernel: Kernel, name: str) -> None:
    """The failure of one task of a group rolls back."""
    executed = kernel.run(
        "%%ln_session\nasync def fail():\n    1 / 0\n"
        f"_ = pipeline_of({name!r})\nasync with asyncio.TaskGroup() as group:\n    _ = group.create_task(fail())"
    )

    assert ("error", "ExceptionGroup", 0) == (executed.status, executed.reply["ename"], kernel.count(name))


@pytest.mark.parametrize("magic", ["", "%%capture\n"])
def test_own_handler(kernel: Kernel, name: str, magic: str) -> None:
    """An error that a handler of the user's shows in its own way is named, rolls back and is red."""
    kernel.run("def handle(shell, kind, error, *_, **__):\n    print('handled')")
    kernel.run("get_ipython().set_custom_exc((ZeroDivisionError,), handle)")

    executed = kernel.run(f"{magic}%%ln_session\n_ = pipeline_of({name!r})\n1 / 0")

    kernel.run("get_ipython().set_custom_exc((), None)")
    assert ("error", "ZeroDivisionError", 0) == (executed.status, executed.reply["ename"], kernel.count(name))
    assert (
        "SessionError: ZeroDivisionError ended this unit: nothing of this unit was saved"
        == executed.traceback.splitlines()[0]
    )


@pytest.mark.parametrize("mode", ["Minimal", "Plain", "Verbose"])
def test_modes_of_traceback(kernel: Kernel, name: str, mode: str) -> None:
    """In every mode an error is shown once, without a frame of ours, and so is a commit that fails."""
    kernel.run(f"%xmode {mode}")

    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\n1 / 0")
    at_end = kernel.run("%%ln_session\n_ = ln.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))")

    kernel.run("%xmode Context")
    assert (["ZeroDivisionError"], ["IntegrityError"]) == (executed.errors, at_end.errors)
    assert "ln_jupyter/" not in executed.traceback + at_end.traceback


def test_interrupted_commit(kernel: Kernel, name: str) -> None:
    """The stop button ends a commit that waits for another writer's lock, and nothing is saved."""
    kernel.run(
        "import sqlite3\n"
        "other = sqlite3.connect('registry.db', isolation_level=None)\n"
        "_ = other.execute('BEGIN IMMEDIATE')"
    )
    message = kernel.begin(f"%%ln_session\n_ = pipeline_of({name!r})\nprint('the body is done')")
    kernel.wait_for_output(message)

    kernel.interrupt()

    executed = kernel.finish(message)
    kernel.run("other.close()")
    assert ("error", ["KeyboardInterrupt"], 0) == (executed.status, executed.errors, kernel.count(name))
    assert not kernel.read("in_session()")


# ipykernel notices an interrupt while it awaits only when its loop wakes up: with or without us.
@pytest.mark.parametrize(
    ("wait", "error"),
    [("wait_for_ever()", "KeyboardInterrupt"), ("while True: await asyncio.sleep(0.01)", "CancelledError")],
)
def test_interrupt(kernel: Kernel, name: str, wait: str, error: str) -> None:
    """The stop button rolls back, in code that runs and in code that awaits."""
    message = kernel.begin(f"%%ln_session\n_ = pipeline_of({name!r})\nprint('begun')\n{wait}")
    kernel.wait_for_output(message)

    kernel.interrupt()

    executed = kernel.finish(message)
    assert ("error", error, 0) == (executed.status, executed.reply["ename"], kernel.count(name))


@pytest.mark.parametrize("magics", ["%%ln_session\n%%capture", "%%capture\n%%ln_session"])
def test_swallowed(kernel: Kernel, name: str, magics: str) -> None:
    """An error that another magic swallows rolls back, turns the cell red, and is said in one line."""
    executed = kernel.run(f"{magics}\npipeline_of({name!r})\n1 / 0")

    assert ("error", "ZeroDivisionError", 0) == (executed.status, executed.reply["ename"], kernel.count(name))
    assert NOTHING_SAVED == executed.stderr


def test_a_stderr_that_is_closed(kernel: Kernel, name: str) -> None:
    """Where the line about it cannot be written, the cell's own error stays, and the rows are undone all the same."""
    kernel.run("import io, sys\nkept, sys.stderr = sys.stderr, io.StringIO()\nsys.stderr.close()")

    executed = kernel.run(f"%%ln_session\n%%time\npipeline_of({name!r})\n1 / 0")
    kernel.run("sys.stderr = kept")

    assert ("error", "ZeroDivisionError", 0) == (executed.status, executed.reply["ename"], kernel.count(name))


@pytest.mark.parametrize("magics", ["%%ln_session\n%%time", "%%time\n%%ln_session"])
def test_time(kernel: Kernel, name: str, magics: str) -> None:
    """An error under `%%time` turns the cell red, also where IPython swallows it."""
    executed = kernel.run(f"{magics}\npipeline_of({name!r})\n1 / 0")

    assert ("error", ["ZeroDivisionError"], 0) == (executed.status, executed.errors, kernel.count(name))


def test_swallowed_commit(kernel: Kernel) -> None:
    """A commit that fails under `%%capture` turns the cell red."""
    executed = kernel.run("%%capture\n%%ln_session\n_ = ln.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))")

    assert ("error", "IntegrityError") == (executed.status, executed.reply["ename"])


@pytest.mark.parametrize(
    ("options", "step", "undone"),
    [
        ("", "ss.commit()", "nothing of this unit was saved since its last commit"),
        ("", "ss.orm.flush(); ss.orm.connection().connection.commit()", "what was committed past the session is saved"),
        ("", "get_ipython().run_line_magic('ln_session', 'cell')", "nothing of this unit was saved"),
        ("--db own", "ss.orm.flush()", "the engine commits each statement by itself (AUTOCOMMIT): what was sent"),
    ],
)
def test_swallowed_after_a_commit(kernel: Kernel, name: str, options: str, step: str, undone: str) -> None:
    """An error that is swallowed after something was saved does not say that nothing was."""
    kernel.run(
        "from sqlalchemy import create_engine\nown = create_engine('sqlite:///registry.db', isolation_level='AUTOCOMMIT')"
    )

    executed = kernel.run(f"%%capture\n%%ln_session --as ss {options}\npipeline_of({name!r})\n{step}\n1 / 0")

    assert ("error", 1) == (executed.status, kernel.count(name)), executed.traceback
    assert SHOWN.format(undone).rstrip("\n") in executed.stderr


def test_swallowed_script(kernel: Kernel, name: str) -> None:
    """A script that fails under `%run` rolls back, and turns the cell red."""
    kernel.run("%%writefile bad.py\n1 / 0")

    executed = kernel.run(f"%%ln_session\npipeline_of({name!r})\n%run bad.py")

    assert ("error", "ZeroDivisionError", 0) == (executed.status, executed.reply["ename"], kernel.count(name))
    assert NOTHING_SAVED == executed.stderr


@pytest.mark.parametrize("body", ["x = = 1", "    x = 1\n  y = 2"])
def test_swallowed_syntax_error(kernel: Kernel, name: str, body: str) -> None:
    """A body that another magic could not run turns the cell red."""
    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\n_ = get_ipython().run_cell({body!r})")

    assert ("error", 0) == (executed.status, kernel.count(name))


def test_swallowed_in_plain_cell(kernel: Kernel) -> None:
    """A plain cell keeps IPython's own judgement, whatever is swallowed in it."""
    executed = kernel.run("%%capture\n1 / 0")

    assert ("ok", "") == (executed.status, executed.stderr)


def test_silent_error(kernel: Kernel, name: str) -> None:
    """A silent cell that fails rolls back."""
    executed = kernel.run(f"%%ln_session\npipeline_of({name!r})\n1 / 0", silent=True)

    assert ("error", 0, False) == (executed.status, kernel.count(name), kernel.read("in_session()"))


def test_records_after_rollback(kernel: Kernel, name: str) -> None:
    """Records that were only read stay readable after a rollback."""
    kernel.run(f"pipeline_of({name!r})")

    kernel.run(f"%%ln_session\nread = ln.select(lns.Pipeline, name={name!r}).one()\n1 / 0")

    assert name == kernel.read("read.name")


def test_next_cell(kernel: Kernel, name: str) -> None:
    """A cell that failed leaves nothing to the next one."""
    kernel.run("%%ln_session\n1 / 0")

    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})")

    assert ("ok", "", 1) == (executed.status, executed.stderr, kernel.count(name))


@pytest.mark.newest
def test_fork(tmp_path: Path) -> None:
    """A forked child ends no session: the connection is its parent's."""
    environment = kernel_driver.environment(tmp_path)

    done = subprocess.run(
        [sys.executable, "-c", FORK], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )

    assert "saved: 0" in done.stdout
