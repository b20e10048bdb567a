from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.ipython.kernel_driver import Kernel


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%%ln_session --wriet", "%%ln_session has no option '--wriet'"),
        ("%ln_session opne", "%ln_session has no verb 'opne'"),
        ("%ln_session", "%ln_session needs a verb"),
        ("%%ln_session --as 'ss", "%ln_session cannot be read: No closing quotation"),
        (
            "%%ln_session --db nowhere",
            "%%ln_session --db 'nowhere' is neither a URL nor a variable that holds one, or an engine",
        ),
    ],
)
def test_bad_line(kernel: Kernel, line: str, message: str) -> None:
    """A line that cannot be understood is an ordinary error, and the body does not run."""
    executed = kernel.run(f"{line}\nprint('ran')")

    assert ("error", ["MagicError"], "") == (executed.status, executed.errors, executed.stdout)
    assert message == executed.reply["evalue"]


def test_as(kernel: Kernel) -> None:
    """`--as NAME` is `with ln.Session() as NAME`."""
    executed = kernel.run("%%ln_session --as ss\nss.orm is ln.current_session(), type(ss) is ln.Session")

    assert "(True, True)" == executed.value


def test_db(kernel: Kernel, name: str) -> None:
    """`--db` sends the cell's records to another database, and nothing to the usual one."""
    kernel.run(f"other = 'sqlite:///{name}.db'")

    executed = kernel.run(f"%%ln_session --db other\n_ = pipeline_of({name!r})\nln.select(lns.Pipeline).count()")

    assert ("1", 0) == (executed.value, kernel.count(name))


def test_db_is_taken_literally(kernel: Kernel, name: str) -> None:
    """Nothing inside a URL is expanded, whatever the notebook's variables are called."""
    kernel.run("file = 'wrong'")

    executed = kernel.run(f"%%ln_session --as ss --db sqlite:///{name}-$file\nss")

    assert f"{name}-$file" in (executed.value or "")


def test_write(kernel: Kernel) -> None:
    """`--write` takes the write lock before the body runs."""
    source = "%%ln_session --write\nln.current_session().connection().connection.dbapi_connection.in_transaction"

    executed = kernel.run(source)

    assert "True" == executed.value


def test_readonly(kernel: Kernel, name: str) -> None:
    """`--readonly` makes whatever would write the cell's error, on its line."""
    executed = kernel.run(
        f"%%ln_session --readonly\nln.select(lns.Pipeline).first()\nln.add(lns.Pipeline(name={name!r}))"
    )

    assert ("error", ["ReadOnlySessionError"], 0) == (executed.status, executed.errors, kernel.count(name))
    assert "to write Pipeline(id=" in executed.reply["evalue"]
    assert "at line 3" in executed.traceback


def test_rollback(kernel: Kernel, name: str) -> None:
    """`--rollback` keeps nothing, says what it would have saved, and is green."""
    executed = kernel.run(
        f"%%ln_session --rollback\n_ = pipeline_of({name!r})\nln.select(lns.Pipeline, name={name!r}).count()"
    )

    shown = [content["data"]["text/plain"] for kind, content in executed.outputs if kind == "display_data"]
    assert ("ok", "1", 0) == (executed.status, executed.value, kernel.count(name))
    assert ["dry run: nothing was saved; it would have been 1 inserted"] == shown


def test_rollback_that_would_fail(kernel: Kernel, name: str) -> None:
    """A dry run whose commit the database would refuse is red."""
    source = f"%%ln_session --rollback\nfor _ in range(2): ln.add(lns.Pipeline(id={name[:8]!r}, name={name!r}))"

    executed = kernel.run(source)

    assert ("error", ["IntegrityError"]) == (executed.status, executed.errors)


@pytest.mark.parametrize("other", ["--write", "--rollback"])
def test_options_that_contradict(kernel: Kernel, other: str) -> None:
    """A session that only reads has nothing to lock or undo; the body does not run."""
    executed = kernel.run(f"%%ln_session --readonly {other}\nprint('ran')")

    assert ("error", ["SessionError"], "") == (executed.status, executed.errors, executed.stdout)


def test_line_form(kernel: Kernel, name: str) -> None:
    """`%ln_session cell` opens the session on any line, for the rest of the cell."""
    source = f"before = in_session()\n%ln_session cell --as ss\n_ = pipeline_of({name!r})\nbefore, in_session()"

    executed = kernel.run(source)

    assert ("(False, True)", 1) == (executed.value, kernel.count(name))


def test_run_cell_magic(kernel: Kernel, name: str) -> None:
    """A notebook that was exported to a script runs its session cells as well, and stops at an error."""
    body = f"pipeline_of({name!r})\n1/0"
    source = f"get_ipython().run_cell_magic('ln_session', '', {body!r})\nprint('ran')"

    executed = kernel.run(source)

    assert ("error", ["ZeroDivisionError"], "") == (executed.status, executed.errors, executed.stdout)
    assert 0 == kernel.count(name)


def test_run_cell_magic_shows(kernel: Kernel, name: str) -> None:
    """Run from a script, the last line is shown while the session is open, and the end commits."""
    body = f"_ = pipeline_of({name!r})\nss.orm is ln.current_session()"

    executed = kernel.run(f"get_ipython().run_cell_magic('ln_session', '--as ss', {body!r})")

    assert ("ok", "True", 1) == (executed.status, executed.value, kernel.count(name))


def test_help(kernel: Kernel) -> None:
    """`%%ln_session?` shows what the cell expands to."""
    executed = kernel.run("%%ln_session?")

    (page,) = executed.reply["payload"]
    assert "is exactly::" in page["data"]["text/plain"]
    assert "with ln.Session():" in page["data"]["text/plain"]
