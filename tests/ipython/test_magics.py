from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.ipython.magics import Options, find_target, read_options

if TYPE_CHECKING:
    from tests.ipython.kernel_driver import Kernel

USAGE = "write %%ln_session [--as NAME] [--db URL_OR_VARIABLE] [--write]"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Options()),
        (["--as", "ss", "--db", "sqlite://", "--write"], Options(name="ss", db="sqlite://", write=True)),
        (["--write", "--db=sqlite:///a?mode=ro", "--as=ss"], Options(name="ss", db="sqlite:///a?mode=ro", write=True)),
    ],
)
def test_options(words: list[str], expected: Options) -> None:
    """Options stand in any order, their values after a blank or `=`."""
    options = read_options(words)

    assert expected == options


@pytest.mark.parametrize(
    ("words", "message", "fix"),
    [
        (["--wriet"], "%%ln_session has no option '--wriet'", "did you mean '--write'?"),
        (["write"], "%%ln_session has no option 'write'", "did you mean '--write'?"),
        (["--readonly"], "%%ln_session has no option '--readonly'", "it has: --as, --db, --write"),
        (["--as"], "%%ln_session --as needs NAME", USAGE),
        (["--as="], "%%ln_session --as needs NAME", USAGE),
        (["--as", "--write"], "%%ln_session --as needs NAME", USAGE),
        (["--db"], "%%ln_session --db needs URL_OR_VARIABLE", USAGE),
        (["--write=yes"], "%%ln_session --write takes no value", USAGE),
        (["--as", "1st"], "%%ln_session --as '1st' is not a variable's name", "write --as ss"),
        (["--as", "class"], "%%ln_session --as 'class' is not a variable's name", "write --as ss"),
    ],
)
def test_bad_options(words: list[str], message: str, fix: str) -> None:
    """A bad option says what is wrong with it, and what to write."""
    with pytest.raises(errors.MagicError) as caught:
        read_options(words)

    assert (message, fix) == (str(caught.value), caught.value.fix)


def test_target() -> None:
    """A database is named by a URL, or by the variable that holds a URL or an engine."""
    engine, url = sa.create_engine("sqlite://"), sa.make_url("sqlite://")
    namespace = {"engine": engine, "url": url, "text": "sqlite:///a.db"}

    targets = [find_target(text, namespace) for text in ("engine", "url", "text", "sqlite:///b.db")]

    assert [engine, url, "sqlite:///a.db", "sqlite:///b.db"] == targets


@pytest.mark.parametrize(
    ("namespace", "fix"), [({"engine": "sqlite://", "n": 1}, "did you mean 'engine'?"), ({"n": "no URL"}, USAGE)]
)
def test_no_target(namespace: dict[str, object], fix: str) -> None:
    """A variable that holds no database names the near miss."""
    with pytest.raises(errors.MagicError, match="--db 'engin' is neither a URL nor a variable") as caught:
        find_target("engin", namespace)

    assert fix == caught.value.fix


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

    assert ("error", "", 0) == (executed.status, executed.stdout, kernel.count(name))


def test_help(kernel: Kernel) -> None:
    """`%%ln_session?` shows what the cell expands to."""
    executed = kernel.run("%%ln_session?")

    (page,) = executed.reply["payload"]
    assert "is exactly::" in page["data"]["text/plain"]
    assert "with ln.Session():" in page["data"]["text/plain"]
