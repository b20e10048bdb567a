"""Session cells in IPython's own terminal, typed and pasted as a person does."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.ipython import kernel_driver
from tests.ipython.conftest import SETUP

if TYPE_CHECKING:
    from collections.abc import Iterator

QUIET = ("--no-banner", *(f"--TerminalInteractiveShell.{name}" for name in ("autoindent=False", "colors=nocolor")))
NO_QUESTIONS = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}  # nobody answers where the cursor is
PROMPT = "\x1b[?2004h"  # each new prompt asks that pasted text be marked; its number is shown at every redraw, too


class Terminal:
    """IPython behind a pseudo-terminal."""

    def __init__(self, child: pexpect.spawn[str]) -> None:
        self._child = child
        self.finish()

    def type(self, keys: str) -> None:
        """Press keys."""
        self._child.send(keys)

    def begin(self, source: str) -> None:
        """Paste a cell, and press Enter."""
        self.type(f"\x1b[200~{source}\n\n\x1b[201~\r")

    def run(self, source: str) -> str:
        """Paste a cell, and give what it shows."""
        self.begin(source)
        return self.finish()

    def finish(self) -> str:
        """Wait until the cell has run and the next can be typed, and give what was shown."""
        self._child.expect_exact(PROMPT)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._child.before or "")

    def wait_for(self, pattern: str) -> None:
        """Wait until a text is shown."""
        self._child.expect(pattern)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._child.sendintr()


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal with the extension loaded, and a registry of its own."""
    home = tmp_path_factory.mktemp("terminal")
    startup = home / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "setup.ipy").write_text(SETUP, encoding="utf-8")
    environment = kernel_driver.environment(home) | NO_QUESTIONS
    with pexpect.spawn(
        sys.executable,
        ["-m", "IPython", *QUIET],
        cwd=str(home),
        env=environment,
        encoding="utf-8",
        timeout=kernel_driver.TIMEOUT,
        dimensions=(60, 200),
    ) as child:
        yield Terminal(child)


def count(terminal: Terminal, name: str) -> int:
    """How many pipelines of this name the registry holds."""
    shown = terminal.run(f"print('there ' 'are', ln.select(lns.Pipeline, name={name!r}).count())")
    return int(shown.split("there are ")[1].split()[0])


def test_typed(terminal: Terminal) -> None:
    """A cell that is typed runs at its blank line, and not before."""
    for line in ("%%ln_session", "print('is ' 'open:', in_session())"):
        terminal.type(f"{line}\r")
        terminal.wait_for(r"\.\.\.:")
    terminal.type("\r\r")

    assert "is open: True" in terminal.finish()


def test_pasted(terminal: Terminal) -> None:
    """A cell that is pasted may have a comment above."""
    shown = terminal.run("# why\n%%ln_session\nprint('is ' 'open:', in_session())")

    assert "is open: True" in shown


def test_out(terminal: Terminal, name: str) -> None:
    """The cell shows its value, and commits."""
    shown = terminal.run(f"%%ln_session\npipeline_of({name!r})\nawait in_session_later(), 40 + 2")

    assert re.search(r"Out\[\d+\]: \(True, 42\)", shown)
    assert 1 == count(terminal, name)


def test_error(terminal: Terminal, name: str) -> None:
    """An error is shown once, and rolls back."""
    shown = terminal.run(f"%%ln_session\n_ = pipeline_of({name!r})\n1 / 0")

    assert (1, 0) == (shown.count("ZeroDivisionError: division by zero"), count(terminal, name))
    assert "nothing was saved" not in shown


def test_commit_fails(terminal: Terminal) -> None:
    """A commit that fails is shown once."""
    shown = terminal.run("%%ln_session\n_ = ln.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))")

    assert 1 == shown.count("IntegrityError: ")
    assert "it was added at line 2" in shown


def test_interrupt(terminal: Terminal, name: str) -> None:
    """Ctrl-C in a running cell rolls back."""
    terminal.begin(f"%%ln_session\n_ = pipeline_of({name!r})\nprint('cell ' 'runs')\nwait_for_ever()")
    terminal.wait_for("cell runs")

    terminal.interrupt()

    assert "KeyboardInterrupt" in terminal.finish()
    assert 0 == count(terminal, name)


def test_interrupt_while_awaiting(terminal: Terminal, name: str) -> None:
    """Ctrl-C in a cell that awaits rolls back and frees the lock, and the cell does not go on later."""
    terminal.run("go = asyncio.Event()")
    terminal.begin(
        f"%%ln_session\n_ = pipeline_of({name!r})\nln.current_session().flush()\n"
        f"print('cell ' 'awaits')\n"
        # awake now and then: a signal that comes just before a loop sleeps for ever does not wake it
        f"while not go.is_set(): await asyncio.sleep(0.05)\n"
        f"_ = pipeline_of({name!r})"
    )
    terminal.wait_for("cell awaits")

    terminal.interrupt()

    assert "KeyboardInterrupt" in terminal.finish()
    terminal.run("go.set()\nawait asyncio.sleep(0.01)")
    terminal.run(f"_ = pipeline_of('{name} later')")
    assert (0, 1) == (count(terminal, name), count(terminal, f"{name} later"))


def test_interrupt_at_prompt(terminal: Terminal) -> None:
    """Ctrl-C at the prompt forgets the cell, and opens no session."""
    terminal.type("%%ln_session\r")
    terminal.wait_for(r"\.\.\.:")

    terminal.interrupt()

    assert "is open: False" in terminal.run("print('is ' 'open:', in_session())")
