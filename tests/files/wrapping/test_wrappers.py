from __future__ import annotations

import functools
import importlib
import inspect
import logging
import pickle
import subprocess
import sys
import textwrap
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
import pytest
from IPython.extensions.autoreload import superreload

from ln_jupyter.files import fence
from ln_jupyter.files.access import READ, UPDATE, WRITE
from ln_jupyter.files.wrapping import imports, libraries, wrappers
from ln_jupyter.files.wrapping.libraries import Library, Point

if TYPE_CHECKING:
    from collections.abc import Iterator

SHELF = """
    import inspect, sys, warnings
    from shlex import quote as read_quoted

    __all__ = ["read"]

    def read(source, *, size: int = 3) -> str:
        "Read."
        if source == "bad":
            raise ValueError("bad")
        if source == "old":
            warnings.warn("old", DeprecationWarning, stacklevel=2)
        return f"{source} {size}"

    def _write(data, where=None): return where
    write = _write
    def caller(text, params=()): return sys._getframe(1)
    def ask(text, params=()): return {**sys._getframe(1).f_globals, **sys._getframe(1).f_locals}["answer"]
    read_table = 7

    class Base:
        def save(self, path): return path

    class Book(Base):
        def __init__(self, name, mode="r"): self.name = name
        def _page(self, name): return name
        page = _page
        @classmethod
        def make(cls, name): return cls(name)

    class Page(Book):
        pass

    read_class = Book
"""

TABLE = {
    "shelf": Library(
        "shelf",
        (
            Point("read*", 0, "source old_source", READ),
            Point("write", 1, "where", WRITE),
            Point("caller", 0, "text", READ, kind="sql"),
            Point("ask", 0, "text", READ, kind="sql"),
            Point("Book.__init__", 0, "name", READ, (1, "mode")),
            Point("Book.page", 0, "name", READ),
            Point("Book.save", 0, "path", WRITE),
            Point("Book.make", 0, "name", READ),
            Point("missing", 0, "name", READ),
            Point("Missing.missing", 0, "name", READ),
        ),
        ("read_table",),
        finds_variables=True,
    ),
}


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A library of our own."""
    wrappers.uninstall()  # whatever a run in this process has left
    (tmp_path / "shelf.py").write_text(textwrap.dedent(SHELF))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(wrappers, "LIBRARIES", TABLE)
    monkeypatch.setattr(fence, "_said", set())
    importlib.invalidate_caches()
    yield importlib.import_module("shelf")
    wrappers.uninstall()
    del sys.modules["shelf"]


@pytest.fixture
def notes(shelf: Any) -> list[tuple[str, int, str]]:
    """What is told from now on."""
    found = list[tuple[str, int, str]]()
    wrappers.install(lambda *each: found.append(each))
    return found


def _told(notes: list[tuple[str, int, str]]) -> list[tuple[str, int]]:
    return [each[:2] for each in notes]


def test_is_told(shelf: Any, notes: list[tuple[str, int, str]]) -> None:
    """A path is told with how it is opened and by which library, wherever among the arguments it is."""
    assert "a 3" == shelf.read("a")
    assert "b 4" == shelf.read(source="b", size=4)
    assert "c" == shelf.write([1], "c")
    assert "d" == shelf.write(data=[1], where="d")
    assert "e" == shelf.Book("e").name
    assert "g" == shelf.Page("f", "a").save("g")

    assert [
        (*each, "shelf") for each in (("a", 0), ("b", 0), ("c", 1), ("d", 1), ("e", 0), ("f", 2), ("g", 1))
    ] == notes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Path("a/b"), ["a/b"]),
        (["a", ("b", Path("c"))], ["a", "b", "c"]),
        ({"a"}, ["a"]),
        ("https://host/a?key=1", ["https://host/a?key=1"]),
        ("*.csv", ["*.csv"]),
        (b"a,b", []),
        (None, []),
        (3, []),
        ({"a": "b"}, []),
        (iter(["a"]), []),
        ("", []),
        ("a,b\n1,2", []),
        ("a" * 5000, []),
    ],
)
def test_what_is_a_path(shelf: Any, notes: list[tuple[str, int, str]], value: Any, expected: list[str]) -> None:
    """Texts and path objects are told, also in lists; contents, buffers and what is read only once are not."""
    shelf.read(value)

    assert [(each, READ) for each in expected] == _told(notes)
    if inspect.isgenerator(value) or hasattr(value, "__next__"):
        assert ["a"] == list(value)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("r", READ), ("rb", READ), ("r+", UPDATE), ("a", UPDATE), ("w", WRITE), ("w-", WRITE), ("x", WRITE), (None, READ)],
)
def test_mode(shelf: Any, notes: list[tuple[str, int, str]], mode: str | None, expected: int) -> None:
    """A mode says how a file is opened, given by position or by name."""
    shelf.Book("a", mode)
    shelf.Book(name="a", mode=mode)

    assert [("a", expected)] * 2 == _told(notes)


def test_sql(shelf: Any, notes: list[tuple[str, int, str]]) -> None:
    """The files in a text of SQL are told, also those of its parameters."""
    shelf.caller("COPY (FROM read_csv(?)) TO 'b.csv'", ["a.csv"])
    shelf.caller(text="FROM read_csv(?)", params=["c.csv"])
    shelf.caller(3)

    assert [("a.csv", READ), ("b.csv", WRITE), ("c.csv", READ)] == _told(notes)


def test_looks_as_before(shelf: Any) -> None:
    """A wrapped function has the name, signature, documentation and original of the function, and classes stay classes."""
    read, book = shelf.read, shelf.Book
    before = inspect.signature(read), inspect.signature(book), inspect.getsource(read)

    wrappers.install(lambda *_: None)

    assert read is shelf.read.__wrapped__ is not shelf.read
    assert before == (inspect.signature(shelf.read), inspect.signature(shelf.Book), inspect.getsource(shelf.read))
    assert ("read", "Read.", "shelf") == (shelf.read.__name__, shelf.read.__doc__, shelf.read.__module__)
    assert inspect.isfunction(shelf.read)
    assert book is shelf.Book is shelf.read_class
    assert isinstance(shelf.Page("a"), book)
    assert isinstance(shelf.Book.make("a"), book)
    assert 7 == shelf.read_table
    assert {"shelf"} == set(wrappers.installed())


def test_is_pickled_by_its_name(shelf: Any) -> None:
    """Wrapped functions and methods, also those of other modules and with two names, are pickled by reference."""
    originals = [shelf._write, shelf.Book._page, shelf.read_quoted]
    wrappers.install(lambda *_: None)
    book = shelf.Book("a")

    for each in (
        *originals,
        shelf.read,
        shelf.read_quoted,
        shelf.write,
        shelf.Book.page,
        shelf.Book.__init__,
        shelf.Base.save,
    ):
        assert each is pickle.loads(pickle.dumps(each))
        assert each is cloudpickle.loads(cloudpickle.dumps(each))
    assert "a" == pickle.loads(pickle.dumps(book)).name


def _raises(call: Any) -> str:
    try:
        call("bad")
    except ValueError:
        return traceback.format_exc()
    pytest.fail("it raised nothing")


def test_error(shelf: Any, notes: list[tuple[str, int, str]]) -> None:
    """An error comes with the traceback that it has without us."""
    without, with_us = (_raises(each) for each in (shelf.read.__wrapped__, shelf.read))

    assert without == with_us
    assert [("bad", READ)] == _told(notes)


def test_warning(shelf: Any, notes: list[tuple[str, int, str]]) -> None:
    """A warning names the line that calls the function, so that it is shown where it is shown without us."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shelf.read("old")
        line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]

    assert [(__file__, line)] == [(each.filename, each.lineno) for each in caught]


def test_variables_of_the_caller(shelf: Any, notes: list[tuple[str, int, str]]) -> None:
    """A library that looks for variables where it is called finds them, in a function and outside of any."""
    answer = 7

    assert answer == shelf.ask("x")
    names = {"shelf": shelf, "answer": 8}
    exec("found = shelf.ask('x')", names)
    assert 8 == names["found"]
    names = {"shelf": shelf}
    exec("class Local:\n    answer = 9\n    found = shelf.ask('x')", names)
    assert 9 == names["Local"].found  # type: ignore[attr-defined]


def test_without_builtins(shelf: Any, notes: list[tuple[str, int, str]]) -> None:
    """Nothing is put into the names of a caller."""
    names = {"read": shelf.read}
    function = type(test_sql)(compile("def f(): return read('a')", "", "exec").co_consts[0], names)
    assert "__builtins__" not in names

    assert "a 3" == function()
    assert {"read"} == set(names)


def test_told_once(shelf: Any, notes: list[tuple[str, int, str]]) -> None:
    """A library that is found again, or reloaded, is wrapped once; after a reload at the next look."""
    wrappers.install(lambda *each: notes.append(each))
    importlib.reload(shelf)
    wrappers.install(lambda *each: notes.append(each))
    wrappers.install(lambda *each: notes.append(each))

    shelf.read("a")

    assert [("a", READ)] == _told(notes)


def test_autoreload(notes: list[tuple[str, int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython's autoreload updates a class with wrapped methods as it does without us; the next look wraps them again."""
    table = {"rack": Library("rack", (Point("Rack.get", 0, "path", READ),)), **TABLE}
    monkeypatch.setattr(wrappers, "LIBRARIES", table)
    (tmp_path / "rack.py").write_text("from rack_inner import Rack")
    (tmp_path / "rack_inner.py").write_text("class Rack:\n    def get(self, path): return 'old'")
    importlib.invalidate_caches()
    wrappers.uninstall()
    wrappers.install(lambda *each: notes.append(each))
    rack = importlib.import_module("rack").Rack()
    assert "old" == rack.get("a")
    (tmp_path / "rack_inner.py").write_text("class Rack:\n    def get(self, path): return 'newer'")

    superreload(sys.modules["rack_inner"], importlib.reload, {})

    assert "newer" == rack.get("b")
    wrappers.install(lambda *each: notes.append(each))
    importlib.reload(sys.modules["rack"])
    wrappers.install(lambda *each: notes.append(each))
    assert "newer" == sys.modules["rack"].Rack().get("c")
    assert [("a", READ), ("c", READ)] == _told(notes)
    for name in ("rack", "rack_inner"):
        del sys.modules[name]


def test_imported_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is imported and used in one statement is heard of."""
    del sys.modules["shelf"]
    notes = list[tuple[str, int, str]]()
    wrappers.install(lambda *each: notes.append(each))
    assert [] == wrappers.installed()

    exec("from shelf import read; read('a')", {})

    assert [("a", READ, "shelf")] == notes


def test_uninstall(shelf: Any, notes: list[tuple[str, int, str]]) -> None:
    """All is put back, and who holds a wrapped function goes on with it, unheard."""
    before = list(sys.meta_path)
    held, original, init = shelf.read, shelf.read.__wrapped__, shelf.Book.__init__.__wrapped__
    shelf.write = functools.partial(shelf.write)  # somebody else has wrapped it meanwhile

    wrappers.uninstall()

    assert original is shelf.read
    assert init is shelf.Book.__init__
    assert "b" == shelf.write([], "b")
    assert "a 3" == held("a")
    assert [] == notes == wrappers.installed()
    assert imports._LISTENER not in sys.meta_path
    assert imports._LISTENER in before


def test_outermost(shelf: Any, notes: list[tuple[str, int, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a library calls another one, the file is the outer one's; what is raised in it changes nothing of that."""
    table = {"rack": Library("rack", (Point("get", 0, "path", READ),)), **TABLE}
    rack = type(sys)("rack")
    exec("import shelf\ndef get(path): return shelf.read(path)", vars(rack))
    monkeypatch.setitem(sys.modules, "rack", rack)
    monkeypatch.setattr(wrappers, "LIBRARIES", table)
    wrappers.uninstall()
    wrappers.install(lambda *each: notes.append(each))

    rack.get("a")
    with pytest.raises(ValueError, match="bad"):
        rack.get("bad")
    shelf.read("b")

    assert [("a", "rack"), ("a", "rack"), ("bad", "rack"), ("bad", "rack"), ("b", "shelf")] == [
        each[::2] for each in notes
    ]


def test_note_that_raises(shelf: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What is raised while a file is told is one line in the log, without the path, and the function does as ever."""
    wrappers.install(lambda path, *_: [][len(path)])

    with caplog.at_level(logging.INFO):
        assert "secret 3" == shelf.read("secret")
        assert "secret 3" == shelf.read("secret")

    assert ["the files of shelf may not be seen: IndexError"] == caplog.messages


def test_interrupt(shelf: Any) -> None:
    """Ctrl-C while a file is told reaches the cell."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    wrappers.install(interrupt)

    with pytest.raises(KeyboardInterrupt):
        shelf.read("a")


FAULTS = '''
import ast, importlib, logging, pickle, sys, traceback

logging.disable()
from ln_jupyter.files import fence
from ln_jupyter.files.wrapping import imports, libraries, sql_paths, wrappers
from ln_jupyter.files.wrapping.libraries import Library, Point
sys.path.insert(0, {tests!r})
sys.path.insert(0, {folder!r})

import importlib.util
spec = importlib.util.spec_from_file_location("table", {this!r})
import pytest, cloudpickle
table = importlib.util.module_from_spec(spec)
spec.loader.exec_module(table)
wrappers.LIBRARIES = table.TABLE

# What has its fences in it: elsewhere it only calls what has.
EDGES = {{"watched", "find_spec", "_over", "install", "uninstall", "_change", "_wrap_all", "_await", "_undo", "_put_back", "installed"}}

def fenced_lines(module):
    """Yield the lines of a module at which a fault may happen."""
    tree = ast.parse(open(module.__file__).read())
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            bodies = [function] if function.name not in EDGES else [
                each for each in ast.walk(function)
                if isinstance(each, ast.With) and "ence" in ast.unparse(each.items[0].context_expr)]
            for body in bodies:
                left = list(body.body)
                while left:
                    each = left.pop()
                    if not isinstance(each, ast.FunctionDef):
                        left += ast.iter_child_nodes(each)
                        if isinstance(each, (ast.stmt, ast.expr)):
                            yield module.__file__, each.lineno

def scene():
    """Do all that a caller may, and return what came of it."""
    said = []
    sys.modules.pop("shelf", None)
    wrappers.install(lambda *each: None)
    import shelf
    answer = 7
    said += [shelf.read("a"), shelf.read(source=["a", "b"], size=4), shelf.write([1], where="c"), shelf.write(data=1, where="d")]
    said += [shelf.Book("e", "w").name, shelf.Page(name="f").save("g"), shelf.Book.make("h").page("i")]
    said += [shelf.caller("COPY (FROM 'a.csv') TO 'b.csv'").f_code.co_filename is not None, shelf.read_table]
    said += [shelf.read(open), type(shelf.caller("from read_csv(?, ['a'])", ["x"])).__name__]
    try:
        shelf.read("bad")
    except ValueError as error:
        said.append(str(error))
    importlib.reload(shelf)
    wrappers.install(lambda *each: None)
    said.append(shelf.read("a"))
    wrappers.uninstall()
    said.append(shelf.read("a"))
    return said

META = list(sys.meta_path)
lines = {{each for module in (imports, wrappers, sql_paths) for each in fenced_lines(module)}}
reached, target, left = set(), None, 0

def trace(frame, event, argument):
    global left
    if frame.f_code.co_filename not in FILES:
        return None
    place = frame.f_code.co_filename, frame.f_lineno
    if event == "line":
        reached.add(place)
        if place == target and left:
            left -= 1
            raise FAULT("a fault")
    return trace

class FAULT(Exception):
    pass

FILES = {{module.__file__ for module in (imports, wrappers, sql_paths)}}

def traced():
    sys.settrace(trace)
    try:
        return scene()
    finally:
        sys.settrace(None)

expected = traced()
tried = 0
for target in sorted(lines & reached):
    for left in (1, 1000):
        try:
            got = traced()
        except BaseException as error:
            print(target, left, repr(error)); traceback.print_exc()
        else:
            if got != expected:
                print(target, left, got, expected)
        tried += 1
        sys.modules.pop("shelf", None); wrappers.uninstall(); fence._said.clear()
        wrappers._State.wrapped.clear()
        sys.meta_path[:] = META
print("tried", tried)
'''


def test_fault_at_each_line(tmp_path: Path) -> None:
    """Whatever line of ours fails, once or always, an import and a call do and give what they do without us."""
    code = FAULTS.format(tests=str(Path(__file__).parents[3]), folder=str(tmp_path), this=__file__)

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )

    *problems, last = (done.stdout or done.stderr).splitlines()
    assert [] == problems
    assert "" == done.stderr
    word, tried = last.split()
    assert "tried" == word
    assert int(tried) > 150


def test_table() -> None:
    """Each point of the table is written as it is looked for."""
    for library in libraries.LIBRARIES.values():
        for point in library.points:
            assert point.kind in {"path", "url", "sql", "database", "remote"}
            assert point.access in {READ, WRITE, UPDATE}
            assert point.name.count("*") == point.name.endswith("*")
            assert point.name.count(".") <= 1
            assert point.keyword
