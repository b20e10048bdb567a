import asyncio
import contextlib

import pytest

from ln_jupyter import callsite


def run_as(name, source, file="cell.py", **names):
    """Run code as a module of that name would."""
    namespace = {"__name__": name, **names}
    exec(compile(source, file, "exec"), namespace)
    return namespace


def test_the_line_of_the_caller():
    """The line that is calling is found, with its file and text."""
    line = callsite.current()

    assert (__file__, "line = callsite.current()") == (line.file, line.text)
    assert f"test_callsite.py, line {line.number}: line = callsite.current()" == str(line)


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("ln_jupyter.db", "checkout/ln_jupyter/db/unit.py"),
        ("contextlib", "lib/python3.11/contextlib.py"),
        ("psycopg.connection", "lib/python3.11/site-packages/psycopg/connection.py"),
        ("builtins", "<sqlalchemy generated warned() wrapper>"),
        ("sqlalchemy.orm", "/usr/lib/python3/dist-packages/sqlalchemy/orm/session.py"),
    ],
)
def test_machinery_is_not_the_users_line(module, file):
    """Frames of this package, and of whatever is installed, are passed over."""
    between = run_as(module, "def call(function): return function()", file)["call"]

    line = between(callsite.current)

    assert "line = between(callsite.current)" == line.text


def test_a_package_of_a_similar_name_is_the_users():
    """Only the package itself is machinery, not one whose name begins like it."""
    namespace = run_as("ln_jupyter_extras", "line = current()", current=callsite.current)

    assert ("cell.py", 1) == (namespace["line"].file, namespace["line"].number)


def test_the_innermost_line_of_an_error():
    """Of all the user's lines that an error passed through, the last one is named."""
    deep = run_as("psycopg", "def deep(): raise KeyError", "site-packages/psycopg.py")["deep"]

    def users():
        deep()

    with contextlib.suppress(KeyError):
        users()
    with pytest.raises(KeyError) as raised:
        users()

    assert "deep()" == callsite.innermost(raised.value.__traceback__).text


def test_an_error_that_was_not_raised_has_no_line():
    """Without a traceback there is no line."""
    assert callsite.innermost(None) is None


def test_in_a_task_the_line_is_the_users():
    """An event loop below the caller is passed over."""

    async def find():
        return callsite.current()

    assert "return callsite.current()" == asyncio.run(find()).text


def test_code_without_source_has_a_number():
    """Where the text cannot be had, the line is named by its number."""
    assert "cell.py, line 3" == str(callsite.Line("cell.py", 3))


@pytest.mark.parametrize("file", ["/tmp/ipykernel_12/34.py", "<ipython-input-1-abc>"])
def test_a_cell_has_no_file_name(file):
    """A line of a cell is named without IPython's name of it."""
    assert "line 3" == str(callsite.Line(file, 3))


@pytest.mark.parametrize(("module", "length"), [("ln_jupyter.db", 1), ("numpy", 3)])
def test_a_traceback_is_cut_below_the_users_line(module, length):
    """Below the user's innermost line nothing is kept of a call of this package; other libraries keep theirs."""
    fail = run_as(module, "def fail(): raise KeyboardInterrupt", "site-packages/a.py")["fail"]
    call = run_as("IPython.core", "def call(function): return function()", "site-packages/b.py")["call"]
    with pytest.raises(KeyboardInterrupt) as error:
        call(fail)

    callsite.cut_below(error.value.__traceback__)

    assert length == len(error.traceback)
