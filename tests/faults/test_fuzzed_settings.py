"""Whatever is written where settings, URLs, options and arguments are read: it is used, or is one of our errors."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ln_jupyter import cli, errors
from ln_jupyter import settings as chosen
from ln_jupyter.approval import lists, urls
from ln_jupyter.cli import environment
from ln_jupyter.db import engines
from ln_jupyter.ipython.session_cell import arguments as options
from ln_jupyter.registry import choose
from tests.faults import fuzzing

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.newest  # what is proven is of no library's version

# fmt: off
TOML = [
    "[tool.ln_jupyter]\n", "[tool]\n", "[[tool.ln_jupyter]]\n", "tool = 1\n", "ln_jupyter = 1\n", "tool.ln_jupyter.url = ''\n",
    "[tool.ln-jupyter]\n", "url = ", "mode = ", "user = ", "advice = ", '"off"\n', '"sqlite:///a.db"\n', "1979-05-27\n", "1e999\n",
    "9" * 5000, "{", "}", "'", '"""', "\n", "#", "[", "]", "=", ".", "\0", "\\ud800", "\ufeff", "ln_jupyter",
]
URL = [
    "sqlite", "postgresql", "postgres", "mysql", "+psycopg", "+aiosqlite", "://", ":///", ":", "/", "//", "@", "?", "&", "=", "#", "%",
    "%zz", "%00", "%2F", "user", "host", "localhost", "[::1]", "[", "]", "99999999", "-1", "ü", "password", ":memory:", "file:", "..",
    "a.db", "\\", "\0", "\n", " ",
]
LINE = [
    "cell", "open", "close", "commit", "rollback", "status", "--as", "--db", "--write", "--readonly", "--profile", "--rollback",
    "=", " ", "'", '"', "\\", "ss", "class", "sqlite://", "{x}", "$x", "#", "\n", "--", "-", "ü",
]
WORDS = [
    ("--json",), ("--dry-run",), ("--yes",), ("--limit", "3"), ("--limit", "-1"), ("--state", "lost"), ("--state", "x"), ("--help",),
    ("--older-than", "30d"), ("--older-than", "x"), ("--db", "sqlite:///nowhere.db"), ("--db", "sqlite:///registry.db"), ("--db", "x"),
    ("--db", "postgresql://u:p@127.0.0.1:1/d"), ("--db", "sqlite://"), ("x",), ("",), ("--",), ("-",), ("--nonsense",), ("nowhere.db",),
    ("registry.db",), ("text.ipynb",), (".",), ("\udce9",), ("a" * 300,), ("%",), ("'; DROP TABLE x",), ("Rx2s9cPTMQLY",), ("runs",),
]
# fmt: on


@pytest.fixture(autouse=True)
def undecided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty working folder and home, and a process that has decided nothing."""
    for name in chosen.NAMES:
        monkeypatch.delenv(f"LN_JUPYTER_{name.upper()}", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(engines, "_connected", None)  # to be put back
    chosen.forget()
    yield
    chosen.forget()


def as_argument(word: str) -> str:
    """Give a word as Python gets it from the system: no NUL, and bytes that are no text as halves of a pair."""
    return os.fsdecode(word.replace("\0", "").encode(errors="surrogatepass"))


def joined(pieces: list[str], most: int = 10) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces) | fuzzing.text, max_size=most).map("".join)


@given(joined(TOML, 15))
@settings(max_examples=100)
@example("[tool]\nln_jupyter = 1")
@example("tool = 'ln_jupyter'")
@example("tool = 1 # ln_jupyter")
@example("# ln_jupyter\na = " + "[" * 10_000)
@example("# ln_jupyter\na = " + "9" * 5_000)
@example("[tool.ln_jupyter]\nurl = ''")
def test_projects(tmp_path: Path, text: str) -> None:
    """Any text as a project's file gives settings, or is an error that names the file."""
    file = tmp_path / "pyproject.toml"
    file.write_bytes(text.encode(errors="surrogateescape") if text.isascii() else text.encode(errors="replace"))

    try:
        message = f"{file} {chosen.resolve(tmp_path).url}"
    except errors.SettingsError as error:
        message = str(error)

    assert str(file) in message


@given(st.sampled_from(chosen.NAMES), joined(URL).map(lambda text: text.replace("\0", "")))
def test_variables(tmp_path: Path, name: str, text: str) -> None:
    """Any text in a variable is a setting, or is an error that names the variable."""
    variable = f"LN_JUPYTER_{name.upper()}"
    os.environ[variable] = text.encode(errors="replace").decode()
    try:
        chosen.resolve(tmp_path)
    except errors.SettingsError as error:
        message = str(error)
    else:
        message = variable
    finally:
        del os.environ[variable]

    assert variable in message


@given(joined(URL))
@settings(max_examples=200)
@example("sqlite://user:password@/a.db")
@example("sqlite+nothing:///a.db")
@example("sqlite:///a\0b")
@example("postgresql://host:99999999/d")
def test_urls(url: str) -> None:
    """Any text as a URL is a database that may be used, or one of our errors."""
    with contextlib.suppress(errors.InvalidUrlError):
        urls.parse(url)


@given(joined(URL, 6).map(lambda rest: f"sqlite:///{rest}"))
@example("sqlite:///a\0b")
@example("sqlite:///\ud800")
@example("sqlite:///a.db?timeout=x")
@example("sqlite:///a.db?nonsense=1")
@example("sqlite:///a.db?check_same_thread=maybe")
def test_files(url: str) -> None:
    """Any text as the path of a file is a registry, or one of our errors, when it is opened."""
    with contextlib.suppress(errors.LnJupyterError):
        engine = engines.resolve(url)
        try:
            choose.with_registry(engine)
        finally:
            engines.dispose(engine.url)


@pytest.mark.parametrize("target", [7, b"sqlite://", ["sqlite://"], {"url": "x"}, object()])
def test_what_is_no_url(target: object) -> None:
    """Something else in the place of a URL is refused by its type, and not repeated."""
    with pytest.raises(errors.InvalidUrlError, match=f"this is a {type(target).__name__}"):
        engines.resolve(target)  # type: ignore[arg-type]


@given(joined(LINE, 12))
@settings(max_examples=150)
def test_lines(line: str) -> None:
    """Any line after ``%ln_session`` is options, or is an error with its fix."""
    with contextlib.suppress(errors.MagicError):
        verb, found = options.read(line)
        assert verb in options.VERBS
        assert found.name is None or found.name.isidentifier()


@pytest.mark.parametrize("command", sorted(cli.main.commands))
@given(st.lists(st.sampled_from(WORDS) | fuzzing.text.map(lambda text: (text.replace("/", ""),)), max_size=4))
@settings(max_examples=20)
def test_arguments(command: str, words: list[tuple[str, ...]]) -> None:
    """Any words after a command do something, or are refused in words: no traceback."""
    engines.dispose(f"sqlite:///{Path('registry.db').absolute()}")
    Path("registry.db").unlink(missing_ok=True)
    Path("text.ipynb").write_text("no notebook", encoding="utf-8")
    arguments = [command, *(as_argument(word) for option in words for word in option)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "server_extension", list)  # it starts a process of its own
        patch.setattr(lists, "user_file", lambda: Path("approved.txt").absolute())
        done = CliRunner().invoke(cli.main, arguments)

    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert "Traceback" not in done.output
