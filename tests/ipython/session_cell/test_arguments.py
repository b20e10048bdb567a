from __future__ import annotations

import pytest
import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.ipython.session_cell.arguments import Options, find_target, read

USAGE = "write %%ln_session [--as NAME] [--db URL_OR_VARIABLE] [--profile] [--readonly] [--rollback] [--write]"
MAKE_ONE = 'give a URL, as in --db sqlite:////data/lab.db, or make the variable before: lab = "sqlite:////data/lab.db"'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cell", Options()),
        ("cell --as ss --db sqlite:// --write", Options(name="ss", db="sqlite://", flags=frozenset({"write"}))),
        (
            "cell --write --db='sqlite:///a b' --as=ss",
            Options(name="ss", db="sqlite:///a b", flags=frozenset({"write"})),
        ),
        ("cell --rollback --profile", Options(flags=frozenset({"rollback", "profile"}))),
    ],
)
def test_options(line: str, expected: Options) -> None:
    """Options stand in any order, their values after a blank or `=`."""
    verb, options = read(line)

    assert ("cell", expected) == (verb, options)


@pytest.mark.parametrize("verb", ["open", "close", "commit", "rollback", "status"])
def test_verbs(verb: str) -> None:
    """A verb stands first, and needs no option."""
    assert (verb, Options()) == read(f" {verb} ")


@pytest.mark.parametrize(
    ("line", "message", "fix"),
    [
        ("", "%ln_session needs a verb", "it has: cell, close, commit, open, rollback, status"),
        ("opne", "%ln_session has no verb 'opne'", "did you mean 'open'?"),
        ("cell --as 'ss", "%ln_session cannot be read: No closing quotation", "close the quotation mark"),
        ("cell --wriet", "%%ln_session has no option '--wriet'", "did you mean '--write' or '--profile'?"),
        ("cell write", "%%ln_session has no option 'write'", "did you mean '--write'?"),
        ("cell open", "%%ln_session takes no verb", "write it with one %: %ln_session open"),
        ("cell --as", "%%ln_session --as needs NAME", USAGE),
        ("cell --as=", "%%ln_session --as needs NAME", USAGE),
        ("cell --as --write", "%%ln_session --as needs NAME", USAGE),
        ("cell --db", "%%ln_session --db needs URL_OR_VARIABLE", USAGE),
        ("cell --write=yes", "%%ln_session --write takes no value", USAGE),
        ("cell --as 1st", "%%ln_session --as '1st' is not a variable's name", "write --as ss"),
        ("cell --as class", "%%ln_session --as 'class' is not a variable's name", "write --as ss"),
        (
            "open --write",
            "%ln_session open has no option '--write': it is for one cell",
            "write %%ln_session --write in the cell that needs it",
        ),
        ("open --pofile", "%ln_session open has no option '--pofile'", "did you mean '--profile'?"),
        ("close --as ss", "%ln_session close takes nothing, and was given '--as'", "write %ln_session close"),
    ],
)
def test_bad_lines(line: str, message: str, fix: str) -> None:
    """A line that cannot be understood says what is wrong with it, and what to write."""
    with pytest.raises(errors.MagicError) as caught:
        read(line)

    assert (message, fix) == (str(caught.value), caught.value.fix)


def test_target() -> None:
    """A database is named by a URL, or by the variable that holds a URL or an engine."""
    engine, url = sa.create_engine("sqlite://"), sa.make_url("sqlite://")
    namespace = {"engine": engine, "_url": url, "text": "sqlite:///a.db"}

    targets = [find_target(text, namespace) for text in ("engine", "_url", "text", "sqlite:///b.db")]

    assert [engine, url, "sqlite:///a.db", "sqlite:///b.db"] == targets


@pytest.mark.parametrize(
    ("namespace", "fix"),
    [
        ({"engine": "sqlite://", "n": 1}, "did you mean 'engine'?"),
        ({"n": "no URL"}, MAKE_ONE),
        ({"_i": "see https://x.org", "_i1": "see https://x.org"}, MAKE_ONE),
    ],
    ids=["near", "none", "history"],
)
def test_no_target(namespace: dict[str, object], fix: str) -> None:
    """A variable that holds no database names the near miss; IPython's own, with the text of cells, are none."""
    with pytest.raises(errors.MagicError, match="--db 'engin' is neither a URL nor a variable") as caught:
        find_target("engin", namespace)

    assert fix == caught.value.fix
