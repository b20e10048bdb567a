from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import threading
import zipfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter
from ln_jupyter.environment import modules
from ln_jupyter.environment.modules import Module, OwnModules, project_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def loaded() -> Iterator[None]:
    """What a test imports is forgotten."""
    before = sys.modules.copy()
    yield
    for name in sys.modules.keys() - before.keys():
        del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, that modules are imported from."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return folder


def write(file: Path, source: str | bytes = "x = 1\n") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(source if isinstance(source, bytes) else source.encode())
    importlib.invalidate_caches()
    return file


def put(name: str, module: Any) -> None:
    sys.modules[name] = module


def module_at(name: str, file: object) -> ModuleType:
    """Put a module among the imported ones that says it is of a file."""
    module = ModuleType(name)
    module.__file__ = file  # type: ignore[assignment]
    put(name, module)
    return module


def test_helper(project: Path) -> None:
    """A module beside the notebook is found with its file, the hash of that and its text."""
    file = write(project / "own_helper.py", "# über\r\nx = 1\n")
    importlib.import_module("own_helper")

    found = OwnModules(project).look()

    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert {"own_helper": Module(file, sha256, "# über\nx = 1\n")} == found


def test_package(project: Path) -> None:
    """Of a package, each module is found that is imported, in packages without a file of their own too."""
    for file in (
        "own_lab/__init__.py",
        "own_lab/sub/__init__.py",
        "own_lab/sub/a.py",
        "own_lab/b.py",
        "own_space/c.py",
    ):
        write(project / file)
    importlib.import_module("own_lab.sub.a")
    importlib.import_module("own_space.c")

    found = OwnModules(project).look()

    assert found.keys() == {"own_lab", "own_lab.sub", "own_lab.sub.a", "own_space.c"}
    assert found["own_lab.sub"].path == project / "own_lab" / "sub" / "__init__.py"


def test_only_what_is_new(project: Path) -> None:
    """A second look finds only what was imported since."""
    write(project / "own_a.py")
    write(project / "own_b.py")
    importlib.import_module("own_a")
    own = OwnModules(project)

    first = own.look()
    nothing = own.look()
    importlib.import_module("own_b")
    second = own.look()

    assert (first.keys(), nothing, second.keys()) == ({"own_a"}, {}, {"own_b"})


def test_imported_again(project: Path) -> None:
    """A module that is forgotten and imported again is not new while its file is the same."""
    write(project / "own_a.py")
    importlib.import_module("own_a")
    own = OwnModules(project)
    own.look()

    del sys.modules["own_a"]
    gone = own.look()
    importlib.import_module("own_a")

    assert (gone, own.look()) == ({}, {})


def test_edited(project: Path) -> None:
    """After an edit and a reload, the new text is found, once."""
    file = write(project / "own_a.py", "x = 1\n")
    module = importlib.import_module("own_a")
    own = OwnModules(project)
    own.look()

    write(file, "x = 22\n")
    importlib.reload(module)

    assert module.x == 22
    assert own.look()["own_a"].text == "x = 22\n"
    assert own.look() == {}


@pytest.mark.parametrize(("text", "later"), [("x = 2\n", 1_000_000), ("x = 22\n", 0)])
def test_barely_edited(project: Path, text: str, later: int) -> None:
    """A file that was written again in place is read again, be it as long as before or as old."""
    file = write(project / "own_a.py", "x = 1\n")
    time = file.stat().st_mtime_ns
    importlib.import_module("own_a")
    own = OwnModules(project)
    own.look()

    write(file, text)
    os.utime(file, ns=(time, time + later))

    assert own.look()["own_a"].text == text


def test_renamed(project: Path) -> None:
    """A module that is known by another name now is found by that."""
    module_at("own_a", str(write(project / "own_a.py")))
    own = OwnModules(project)
    own.look()

    put("own_b", sys.modules.pop("own_a"))

    assert own.look().keys() == {"own_b"}


def test_replaced(project: Path) -> None:
    """A file that another one took the place of is read again, though it is as long and as old."""
    file = write(project / "own_a.py", "x = 1\n")
    importlib.import_module("own_a")
    own = OwnModules(project)
    own.look()

    time = file.stat().st_mtime_ns
    other = write(project / "other.py", "x = 2\n")
    os.utime(other, ns=(time, time))
    other.replace(file)

    assert own.look()["own_a"].text == "x = 2\n"


def test_moved(project: Path) -> None:
    """A module that a reload finds in another file is read from there."""
    file = write(project / "own_a.py", "x = 1\n")
    module = importlib.import_module("own_a")
    own = OwnModules(project)
    own.look()

    file.unlink()
    moved = write(project / "own_a" / "__init__.py", "x = 2\n")
    importlib.reload(module)

    assert own.look()["own_a"].path == moved


def test_another_of_the_name(project: Path, tmp_path: Path) -> None:
    """A module of the project that takes the name of a stranger's is found."""
    module_at("own_a", str(write(tmp_path / "elsewhere" / "own_a.py")))
    own = OwnModules(project)
    before = own.look()

    file = write(project / "own_a.py")
    module_at("own_a", str(file))

    assert before == {}
    assert own.look()["own_a"].path == file


@pytest.mark.parametrize(
    "file",
    [
        "lib/python3.11/site-packages/own_a.py",
        "lib/python3/dist-packages/own_a.py",
        ".venv/own_a.py",
        "venv/own_a.py",
        ".tox/py311/own_a.py",
        "node_modules/gyp/own_a.py",
        "../project2/own_a.py",
        "../own_a.py",
    ],
)
def test_not_own(project: Path, file: str) -> None:
    """What is installed is not the project's own, nor what is elsewhere."""
    module_at("own_a", os.path.normpath(write(project / file)))

    assert OwnModules(project).look() == {}


@pytest.mark.parametrize("name", ["__main__", "__mp_main__", "ln_jupyter", "ln_jupyter.environment.modules"])
def test_not_by_name(project: Path, name: str) -> None:
    """Neither the script that runs nor this package is a module of the project, whose folder it may be."""
    module_at(name, str(write(project / "own_a.py")))
    module_at("ln_jupyter_of_ann", str(write(project / "own_b.py")))

    assert OwnModules(project).look().keys() == {"ln_jupyter_of_ann"}
    assert "ln_jupyter" not in OwnModules(Path(ln_jupyter.__file__).parents[1]).look()


def test_environment_in_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter's own environment in the project is not the project's own, whatever it is called."""
    module_at("own_a", str(write(project / "py" / "lib" / "own_a.py")))
    monkeypatch.setattr(sys, "prefix", str(project / "py"))

    assert OwnModules(project).look() == {}


def test_project_in_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project below the interpreter's own folder, as in /usr/src, has modules of its own."""
    module_at("own_a", str(write(project / "own_a.py")))
    monkeypatch.setattr(sys, "prefix", str(project.parent))

    assert OwnModules(project).look().keys() == {"own_a"}


def test_symbolic_links(project: Path, tmp_path: Path) -> None:
    """A module is the project's own whichever way leads to it."""
    linked = tmp_path / "linked"
    linked.symlink_to(project)
    (project / "shared").symlink_to(tmp_path / "shared")
    module_at("own_a", str(write(project / "own_a.py")))
    module_at("own_b", str(linked / write(project / "own_b.py").name))
    write(tmp_path / "shared" / "own_c.py")
    module_at("own_c", str(project / "shared" / "own_c.py"))

    assert OwnModules(project).look().keys() == {"own_a", "own_b", "own_c"}

    module_at("own_d", str(linked / "shared" / "own_c.py"))

    assert OwnModules(linked).look().keys() == {"own_a", "own_b", "own_c", "own_d"}


class Odd(ModuleType):
    """A module that answers everything with an error, as soon as it is asked in the usual way."""

    asked: list[str] = []  # noqa: RUF012 - of the class, as its instances answer nothing

    def __getattribute__(self, name: str) -> Any:
        """Raise."""
        Odd.asked.append(name)
        raise RuntimeError(name)


class Object:
    """No module at all; its class is a lie, and equality an error."""

    __hash__ = None  # type: ignore[assignment]

    @property
    def __class__(self) -> Any:
        """Raise."""
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        """Raise."""
        raise RuntimeError


def test_odd_modules(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands among the modules is survived, and nothing of it is run."""
    Odd.asked.clear()
    write(project / "a.py")
    monkeypatch.chdir(project)
    with zipfile.ZipFile(tmp_path / "project" / "own.zip", "w") as archive:
        archive.writestr("own_zipped.py", "")
    sys.path.insert(0, str(project / "own.zip"))
    importlib.import_module("own_zipped")
    sys.path.remove(str(project / "own.zip"))
    put("own_none", None)
    put("own_odd", Odd("own_odd"))
    put("own_object", Object())
    put("own_bare", ModuleType.__new__(ModuleType))
    for number, file in enumerate(
        (1, b"a.py", Path("a.py"), "<string>", "a.py", "/\0/a.py", "/\ud800/a.py", "/no/such.py", Object())
    ):
        module_at(f"own_{number}", file)
    module_at("own_compiled", str(write(project / "own_compiled.pyc")))
    module_at("own_gone", str(project / "own_gone.py"))
    (project / "own_folder.py").mkdir()
    module_at("own_folder", str(project / "own_folder.py"))
    sys.modules[7] = module_at("own_seven", str(write(project / "own_seven.py")))  # type: ignore[index]
    own = OwnModules(project)

    try:
        assert own.look().keys() == {"own_seven"}
        assert own.look() == {}
    finally:
        del sys.modules[7]  # type: ignore[arg-type]
    assert Odd.asked == []


def test_lazy(project: Path) -> None:
    """A lazy module is found by its file, and stays unloaded."""
    write(project / "own_lazy.py", "raise RuntimeError\n")
    spec = importlib.util.find_spec("own_lazy")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    put("own_lazy", module)
    spec.loader.exec_module(module)

    found = OwnModules(project).look()

    assert found["own_lazy"].text == "raise RuntimeError\n"
    assert type(module) is not ModuleType


def test_without_a_file_of_its_own(project: Path) -> None:
    """A module that does not know its file is found by where it was loaded from."""
    write(project / "own_a.py")
    module = importlib.import_module("own_a")
    del module.__file__

    assert OwnModules(project).look().keys() == {"own_a"}


def test_imports_meanwhile(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other threads import during a look neither breaks nor escapes the next."""
    module_at("own_a", str(write(project / "own_a.py")))
    write(project / "own_b.py")
    file: Callable[[object], str | None] = modules._file

    def import_meanwhile(module: object) -> str | None:
        importer = threading.Thread(target=importlib.import_module, args=("own_b",))
        importer.start()
        importer.join()
        return file(module)

    own = OwnModules(project)
    with monkeypatch.context() as patch:
        patch.setattr(modules, "_file", import_meanwhile)
        first = own.look()

    assert (first.keys(), own.look().keys()) == ({"own_a"}, {"own_b"})


@pytest.mark.parametrize(
    ("expected", "source"),
    [
        ("# -*- coding: latin-1 -*-\nx = 'ü'\n", b"# -*- coding: latin-1 -*-\nx = '\xfc'\n"),
        ("x = 1\n", b"\xef\xbb\xbfx = 1\n"),
        (None, b"x = '\xfc'\n"),
        (None, b"# -*- coding: no-such-codec -*-\n"),
        (None, b"# -*- coding: rot13 -*-\n"),
        ("#" * 1_000_000, b"#" * 1_000_000),
        (None, b"#" * 1_000_001),
        ("", b""),
    ],
    ids=["latin-1", "mark", "no text", "unknown", "no encoding", "long", "too long", "empty"],
)
def test_text(project: Path, expected: str | None, source: bytes) -> None:
    """The text is what Python reads; what is too long, or cannot be read so, has a hash alone."""
    file = write(project / "own_a.py", source)
    module_at("own_a", str(file))

    found = OwnModules(project).look()

    assert {"own_a": Module(file, hashlib.sha256(source).hexdigest(), expected)} == found


def test_most(project: Path) -> None:
    """However many modules there are, a bounded number is found."""
    for number in range(510):
        module_at(f"own_{number}", str(write(project / f"own_{number}.py")))

    assert len(OwnModules(project).look()) == 500


def test_project_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project is git's work tree around the folder, else the folder."""
    folder = tmp_path / "lab" / "notebooks"
    folder.mkdir(parents=True)
    alone = project_root(folder)
    (tmp_path / "lab" / ".git").mkdir()
    monkeypatch.chdir(folder)

    assert folder == alone
    assert tmp_path / "lab" == project_root(folder) == project_root(Path()) == project_root(Path("../notebooks"))
