from __future__ import annotations

import copy
import importlib
import importlib.util
import logging
import pickle
import subprocess
import sys
import textwrap
import threading
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from ln_jupyter.files import fence
from ln_jupyter.files.wrapping import imports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    modules = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(fence, "_said", set())
    yield
    imports.forget()
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in ("odd", "odd_other"):
            del sys.modules[name]


@pytest.fixture
def seen() -> list[ModuleType]:
    return []


def _write(folder: Path, text: str = "value = 1", name: str = "odd") -> None:
    (folder / f"{name}.py").write_text(textwrap.dedent(text))
    importlib.invalidate_caches()


def test_after_the_import(tmp_path: Path) -> None:
    """A change is made when the module is whole and before the next statement of whoever imports it."""
    _write(tmp_path)
    seen = list[tuple[int, bool]]()
    imports.when_imported("odd", lambda module: seen.append((module.value, module.__spec__._initializing)))

    import odd  # noqa: F401

    assert [(1, False)] == seen


def test_imported_before(tmp_path: Path, seen: list[ModuleType]) -> None:
    """A module that is imported already is changed at once."""
    _write(tmp_path)
    odd = importlib.import_module("odd")

    imports.when_imported("odd", seen.append)

    assert [odd] == seen


def test_of_a_package(tmp_path: Path) -> None:
    """A module of a package is bound there when it is changed."""
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "__init__.py").write_text("from odd import inner")
    _write(tmp_path / "odd", name="inner")
    seen = list[bool]()
    imports.when_imported("odd.inner", lambda _: seen.append(hasattr(sys.modules["odd"], "inner")))

    importlib.import_module("odd")

    assert [True] == seen


def test_nothing_of_ours_is_on_a_module(tmp_path: Path, seen: list[ModuleType]) -> None:
    """Its spec and its loader are those that it has without, equal, copied and pickled as without."""
    _write(tmp_path)
    without = importlib.import_module("odd").__spec__
    del sys.modules["odd"]
    imports.when_imported("odd", seen.append)

    found = importlib.util.find_spec("odd")
    odd = importlib.import_module("odd")

    assert [odd] == seen
    assert without == odd.__spec__ == found
    assert vars(without.loader) == vars(odd.__loader__)
    assert type(without.loader) is type(odd.__loader__) is type(odd.__spec__.loader)
    assert odd.__loader__.name == pickle.loads(pickle.dumps(odd.__loader__)).name
    assert copy.copy(odd.__spec__) == odd.__spec__


def test_looking_for_it(tmp_path: Path, seen: list[ModuleType]) -> None:
    """Who only looks for a module, does not find it or fails to import it, brings about nothing; the next import does."""
    imports.when_imported("odd", seen.append)
    assert importlib.util.find_spec("odd") is None
    _write(tmp_path, "1 / 0")
    assert importlib.util.find_spec("odd") is not None
    with pytest.raises(ZeroDivisionError):
        importlib.import_module("odd")
    assert [] == seen
    _write(tmp_path, "value = 'longer'")

    odd = importlib.import_module("odd")

    assert [odd] == seen
    assert {} == imports._awaited


def test_imported_again(tmp_path: Path, seen: list[ModuleType]) -> None:
    """A module that is imported anew is changed, too; one that is reloaded at the next look."""
    _write(tmp_path)
    imports.when_imported("odd", seen.append)
    first = importlib.import_module("odd")
    del sys.modules["odd"]
    second = importlib.import_module("odd")
    imports.catch_up()
    assert [first, second] == seen

    importlib.reload(second)
    imports.catch_up()

    assert [first, second, second] == seen


def test_lazy_module(tmp_path: Path, seen: list[ModuleType]) -> None:
    """A lazy module is not loaded by us, and changed at the next look after somebody has used it."""
    _write(tmp_path)
    imports.when_imported("odd", seen.append)
    spec = importlib.util.find_spec("odd")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    odd = importlib.util.module_from_spec(spec)
    sys.modules["odd"] = odd
    spec.loader.exec_module(odd)
    imports.catch_up()
    assert [] == seen
    assert "value" not in object.__getattribute__(odd, "__dict__")

    assert 1 == odd.value
    imports.catch_up()

    assert [odd] == seen


def test_what_is_no_module(seen: list[ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the place of a module is left alone, whatever it does when it is asked."""

    class Odd:
        def __getattr__(self, name: str) -> Any:
            pytest.fail(f"asked for {name}")

    monkeypatch.setitem(sys.modules, "odd", Odd())

    imports.when_imported("odd", seen.append)

    assert [] == seen


def test_module_that_takes_its_own_place(tmp_path: Path, seen: list[ModuleType]) -> None:
    """A module that puts another object into `sys.modules` is imported as ever."""
    _write(tmp_path, "import sys; sys.modules[__name__] = 7")
    imports.when_imported("odd", seen.append)

    assert 7 == importlib.import_module("odd")
    assert [] == seen


def test_zip_and_namespace(tmp_path: Path, seen: list[ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in a zip file and a package without `__init__` are imported as ever, and changed."""
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as file:
        file.writestr("odd.py", "value = 2")
    (tmp_path / "more" / "odd_other" / "inner").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path / "odd.zip"))
    monkeypatch.syspath_prepend(str(tmp_path / "more"))
    for name in ("odd", "odd_other", "odd_other.inner"):
        imports.when_imported(name, seen.append)

    import odd
    import odd_other.inner

    assert 2 == odd.value
    assert [odd, odd_other, odd_other.inner] == seen
    assert "NamespaceLoader" == type(odd_other.__loader__).__name__


def test_circular(tmp_path: Path, seen: list[ModuleType]) -> None:
    """Two modules that import each other are each changed once, when the outer import is over."""
    _write(tmp_path, "import odd_other; value = 1")
    _write(tmp_path, "import odd; part = hasattr(odd, 'value')", "odd_other")
    imports.when_imported("odd", seen.append)
    imports.when_imported("odd_other", seen.append)

    odd = importlib.import_module("odd")

    assert [sys.modules["odd_other"], odd] == seen
    assert not sys.modules["odd_other"].part


def test_asked_for_during_the_import(tmp_path: Path, seen: list[ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    """A module whose import goes on is changed after it, also where that is asked for meanwhile."""
    monkeypatch.setitem(sys.modules, "odd_other", type(sys)("odd_other"))
    sys.modules["odd_other"].call = lambda: imports.when_imported("odd", seen.append)  # type: ignore[attr-defined]
    _write(tmp_path, "import odd_other; odd_other.call(); value = 1")

    odd = importlib.import_module("odd")

    assert [odd] == seen


def test_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that import at once get one module, none waits for another for ever, and it is changed once."""
    monkeypatch.setitem(sys.modules, "odd_other", type(sys)("odd_other"))
    many = 8
    begun, go = threading.Semaphore(0), threading.Event()
    sys.modules["odd_other"].go = go  # type: ignore[attr-defined]
    _write(tmp_path, "import odd_other; assert odd_other.go.wait(30)")
    changed, got = list[str](), list[Any]()

    def change(_: ModuleType) -> None:
        importlib.import_module("colorsys")  # which takes locks of its own
        changed.append(threading.current_thread().name)

    def work() -> None:
        begun.release()
        got.append(importlib.import_module("odd"))

    imports.when_imported("odd", change)
    threads = [threading.Thread(target=work) for _ in range(many)]
    for thread in threads:
        thread.start()
        begun.acquire()
    go.set()
    for thread in threads:
        thread.join(30)

    assert [sys.modules["odd"]] * many == got
    assert 1 == len(changed)


def test_other_finders(tmp_path: Path, seen: list[ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    """Finders before us that ask all others, and one that raises, do as without us; without our finder nothing is changed."""

    class Asks:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
            if name == "odd_other":
                raise ValueError("of another finder")
            others = [each for each in sys.meta_path if each is not Asks]
            return next((spec for each in others if (spec := each.find_spec(name, path, target))), None)

    _write(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    imports.when_imported("odd", seen.append)
    sys.meta_path.insert(0, Asks)
    odd = importlib.import_module("odd")
    assert [odd] == seen
    with pytest.raises(ValueError, match="of another finder"):
        importlib.import_module("odd_other")

    sys.meta_path[:] = [each for each in sys.meta_path if each is not imports._LISTENER]
    del sys.modules["odd"]
    again = importlib.import_module("odd")
    assert [odd] == seen
    imports.catch_up()

    assert [odd, again] == seen


def test_forget(tmp_path: Path, seen: list[ModuleType]) -> None:
    """Nothing is left of us in `sys.meta_path`, and nothing is changed any more."""
    before = list(sys.meta_path)
    _write(tmp_path)
    imports.when_imported("odd", seen.append)

    imports.forget()
    importlib.import_module("odd")

    assert [] == seen
    assert before == sys.meta_path


def test_error(tmp_path: Path, seen: list[ModuleType], caplog: pytest.LogCaptureFixture) -> None:
    """What a change raises is one line in the log, without its text; the import and the other changes go on."""
    _write(tmp_path)
    imports.when_imported("odd", lambda _: 1 / 0)
    imports.when_imported("odd", seen.append)

    with caplog.at_level(logging.WARNING):
        odd = importlib.import_module("odd")

    assert [odd] == seen
    assert ["the files of odd may not be seen: ZeroDivisionError"] == caplog.messages


def _run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def test_interrupt_of_a_change(tmp_path: Path) -> None:
    """Ctrl-C while a module is changed reaches the program, a moment later: the module is whole, and changed."""
    _write(tmp_path)

    said = _run(
        """
        import signal, threading
        from ln_jupyter.files.wrapping import imports

        calls = []
        def change(module):
            calls.append(module)
            if len(calls) == 1:
                signal.raise_signal(signal.SIGINT)
            module.changed = True

        imports.when_imported("odd", change)
        try:
            import odd
            threading.Event().wait(30)
        except KeyboardInterrupt:
            print("interrupted", odd.value, odd.changed)
        """,
        tmp_path,
    )

    assert "interrupted 1 True\n" == said


def test_interrupt_of_a_module(tmp_path: Path) -> None:
    """Ctrl-C while a module runs ends its import as ever; the next one succeeds, and changes it."""
    _write(
        tmp_path,
        "import builtins, signal\nif not hasattr(builtins, 'again'): signal.raise_signal(signal.SIGINT)\nvalue = 1",
    )

    said = _run(
        """
        import builtins
        from ln_jupyter.files.wrapping import imports

        imports.when_imported("odd", lambda module: print("changed", module.value))
        try:
            import odd
        except KeyboardInterrupt:
            print("interrupted")
        builtins.again = True
        import odd
        """,
        tmp_path,
    )

    assert "interrupted\nchanged 1\n" == said


ODD = """
import sys
if len(sys.argv) > 1:
    from ln_jupyter.files.wrapping import imports, wrappers
    wrappers.install(lambda *_: None)
    for name in ("this", "antigravity", "__main__", "json.tool"):
        imports.when_imported(name, lambda module: None)
import contextlib, importlib, io
for name in {names!r}:
    with contextlib.redirect_stdout(io.StringIO()):
        module = importlib.import_module(name)
    spec = module.__spec__
    print(name, type(module).__name__, type(spec).__name__, type(spec and spec.loader).__name__, spec and spec.origin)
with contextlib.suppress(ImportError):
    import no_such_module
"""


def test_odd_modules(tmp_path: Path) -> None:
    """Modules of each kind are imported with the same loaders as without: built in, frozen, of C, of packages, with a main."""
    names = [
        *(
            "sys",
            "_imp",
            "zipimport",
            "math",
            "_ctypes",
            "ctypes.util",
            "this",
            "encodings.idna",
            "lib2to3",
            "xml.dom.minidom",
        ),
        *(
            "importlib.resources",
            "concurrent.futures",
            "multiprocessing.managers",
            "json.tool",
            "unittest.mock",
            "curses",
        ),
        *(
            "numpy.linalg",
            "pandas",
            "polars",
            "duckdb",
            "sqlalchemy.orm",
            "IPython.core",
            "zmq",
            "tornado.web",
            "greenlet",
        ),
    ]
    names = [name for name in names if importlib.util.find_spec(name.partition(".")[0])]
    command = [sys.executable, "-W", "ignore", "-c", ODD.format(names=names)]

    without, with_us = (
        subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True).stdout
        for more in ([], ["on"])
    )

    assert without == with_us
    assert len(names) == len(with_us.splitlines())
