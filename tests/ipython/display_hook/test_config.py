"""`%config LnDisplay` changes what is displayed, in one shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import ln_jupyter.schema as lns
from ln_jupyter.ipython import extension
from tests.ipython import kernel_driver
from tests.ipython.shells import html, shell_in, shown, text
from tests.orm.inspect import models as m

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InteractiveShell]:
    """A shell of its own for each test, with the extension."""
    with shell_in(tmp_path) as shell:
        extension.load(shell)
        yield shell


def config(shell: InteractiveShell, line: str) -> None:
    shell.run_line_magic("config", f"LnDisplay{line}")


def test_help(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a value it lists what there is to set, and what it is now."""
    config(shell, "")

    listed = capsys.readouterr().out
    assert "LnDisplay.rows=<Int>\n    How many rows a table of records has." in listed
    assert "Current: 20" in listed


def test_off(shell: InteractiveShell) -> None:
    """It can be switched off, and on again."""
    user = lns.User(id="u")

    config(shell, ".enabled = False")
    off = shown(shell, user)
    config(shell, ".enabled = True")

    assert {"text/plain": "User(id='u')"} == off
    assert {"text/plain", "text/html"} == shown(shell, user).keys()


def test_html(shell: InteractiveShell) -> None:
    """There can be text only."""
    config(shell, ".html = False")

    for each in (lns.User(id="u"), [lns.User(id="u")]):
        assert {"text/plain"} == shown(shell, each).keys()


def test_rows(shell: InteractiveShell) -> None:
    """Tables and lists have as many rows, from now on."""
    users = [lns.User(id=f"u{i}") for i in range(5)]
    assert "shown" not in text(shell, users)

    config(shell, ".rows = 2")

    assert ["5 User · first 2 shown · unsaved", "  id", "  u0", "  u1"] == text(shell, users).splitlines()
    assert "first 2 shown" in (html(shell, users) or "")
    assert text(shell, {1: users}).endswith(", … 3 more]}")


def test_length(shell: InteractiveShell) -> None:
    """Values take as many characters."""
    config(shell, ".length = 10")

    assert "xxxxxxxxxx… 500 characters" in text(shell, lns.User(id="u", name="x" * 500))


def test_secrets_replaced(shell: InteractiveShell) -> None:
    """Another list of names hides other columns."""
    config(shell, ".secret_names = ['handle']")

    assert "ann" not in text(shell, lns.User(id="u", handle="ann"))


def test_secrets_added(shell: InteractiveShell) -> None:
    """More names can be added to the list."""
    config(shell, ".also_secret = ['handle']")

    assert "ann" not in text(shell, lns.User(id="u", handle="ann"))
    assert "s3cret" not in text(shell, m.Person(id=1, password="s3cret"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (".rows = 0", "The value of the 'rows' trait of a LnDisplay instance should not be less than 1"),
        (".rows = 'many'", "The 'rows' trait of a LnDisplay instance expected an int, not the str 'many'."),
        (".secret_names = 3", "The 'secret_names' trait of a LnDisplay instance expected a list, not the int 3."),
    ],
)
def test_bad_value(shell: InteractiveShell, caplog: pytest.LogCaptureFixture, line: str, said: str) -> None:
    """A value that makes no sense is refused in traitlets' own words, and changes nothing."""
    users = [lns.User(id=f"u{i}") for i in range(30)]
    before = shown(shell, users)

    config(shell, line)

    assert [said] == [message.partition(", but")[0] for message in caplog.messages]
    assert before == shown(shell, users)


def test_unload(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """After an unload it is gone from `%config`."""
    extension.unload(shell)
    shell.run_line_magic("config", "")

    assert "LnDisplay" not in capsys.readouterr().out


def test_reload(shell: InteractiveShell) -> None:
    """What was set is set again after a reload."""
    config(shell, ".rows = 2")

    extension.unload(shell)
    extension.load(shell)

    assert "first 2 shown" in text(shell, [lns.User(id=f"u{i}") for i in range(5)])


def test_another_shell(shell: InteractiveShell, tmp_path: Path) -> None:
    """What was set in one shell is not set in another."""
    config(shell, ".rows = 2")
    extension.unload(shell)

    with shell_in(tmp_path) as other:
        extension.load(other)

        assert "shown" not in text(other, [lns.User(id=f"u{i}") for i in range(5)])


def test_config_file(tmp_path: Path) -> None:
    """It can be set for all notebooks in IPython's configuration file."""
    file = tmp_path / "ipython" / "profile_default" / "ipython_kernel_config.py"
    file.parent.mkdir(parents=True)
    file.write_text("c.LnDisplay.rows = 2\nc.LnDisplay.secret_names.append('handle')\n")
    setup = "import ln_jupyter.schema as lns\n%load_ext ln_jupyter\n%config LnDisplay.enabled = True"

    with kernel_driver.start(tmp_path, setup) as kernel:
        executed = kernel.run("[lns.User(id=f'u{i}') for i in range(5)]")
        hidden = kernel.run("lns.User(id='u', handle='ann', name='my password')")

    assert (executed.value or "").startswith("5 User · first 2 shown")
    assert "redacted" in (hidden.value or "")
