"""Python's own debugger at a session cell's prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.ipython.kernel_driver import Kernel


def test_prompt(kernel: Kernel, name: str) -> None:
    """At pdb's prompt, and in the steps from there, the session is open; going on commits."""
    kernel.run("import pdb\ndef stop():\n    pdb.set_trace()\n    x = 1\n    return x")

    executed = kernel.talk(
        f"%%ln_session\npipeline = pipeline_of({name!r})\nstop()", "n", "n", "p 'open', x, in_session()", "c"
    )

    assert "('open', 1, True)" in executed.stdout
    assert ("1", "ok", 1) == (executed.value, executed.status, kernel.count(name))


def test_quit(kernel: Kernel, name: str) -> None:
    """Quitting pdb's prompt rolls back, and is an error, which IPython itself does not show."""
    executed = kernel.talk(f"%%ln_session\npipeline = pipeline_of({name!r})\nimport pdb; pdb.set_trace()", "q")

    assert ("error", "BdbQuit", 0) == (executed.status, executed.reply["ename"], kernel.count(name))
    assert "SessionError: BdbQuit ended this unit: nothing of this unit was saved" == executed.traceback.splitlines()[0]


def test_post_mortem(kernel: Kernel) -> None:
    """`%debug` after a session cell that failed stands in the user's function."""
    kernel.run("%%ln_session\ndef fail(number):\n    return number / 0\n\nfail(40 + 2)")

    executed = kernel.talk("%debug", "p 'number is', number", "u", "p 'failed', fail", "q")

    assert "('number is', 42)" in executed.stdout
    assert "('failed', <function fail" in executed.stdout
    assert "ok" == executed.status


def test_post_mortem_of_commit(kernel: Kernel) -> None:
    """`%debug` after a commit that failed stands where the database said no."""
    kernel.run("%%ln_session\n_ = ln.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))")

    executed = kernel.talk("%debug", "p 'statement is', statement", "q")

    assert "('statement is', 'INSERT INTO ln_run " in executed.stdout


def test_automatic_post_mortem(kernel: Kernel, name: str) -> None:
    """Under `%pdb on` the prompt opens while the session does still; leaving it rolls back."""
    kernel.run("%pdb on")

    executed = kernel.talk(f"%%ln_session\n_ = pipeline_of({name!r})\n1 / 0", "p 'open', in_session()", "q")

    kernel.run("%pdb off")
    assert "('open', True)" in executed.stdout
    assert ("error", ["ZeroDivisionError"], 0) == (executed.status, executed.errors, kernel.count(name))


def test_debug_below(kernel: Kernel, name: str) -> None:
    """`%%debug` below steps through the body in the session."""
    executed = kernel.talk(
        f"%%ln_session\n%%debug\n_ = pipeline_of({name!r})\nx = 1", "n", "p 'open', in_session()", "c"
    )

    assert ("ok", 1) == (executed.status, kernel.count(name))
    assert "('open', True)" in executed.stdout
