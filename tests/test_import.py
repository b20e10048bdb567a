import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import ln_jupyter

# Each costs a start-up, acts when imported, or is optional.
HEAVY = {
    "IPython",
    "alembic",
    "asyncio",
    "click",
    "ipykernel",
    "jinja2",
    "jupyter_server",
    "nbformat",
    "nbproject",
    "numpy",
    "pandas",
    "platformdirs",
    "polars",
    "psutil",
    "psycopg",
    "pydantic",
    "sqlalchemy",
    "sqlite3",
    "tabulate",
    "tornado",
    "tqdm",
    "traitlets",
}
PROBE = """
import sys
before = {*sys.modules}
import ln_jupyter
new = {*sys.modules} - before
import json, threading
print(json.dumps({
    "modules": sorted(new),
    "threads": [thread.name for thread in threading.enumerate()],
    "names": dir(ln_jupyter),
}))
"""


@pytest.fixture
def fresh_import(tmp_path):
    """What a new process knows right after `import ln_jupyter`, in an empty home."""
    home = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    path = str(Path(ln_jupyter.__file__).parent.parent)
    # -I: an environment variable of the developer must not import anything first; -B: no bytecode files.
    command = [sys.executable, "-I", "-B", "-c", f"import sys; sys.path.insert(0, {path!r})\n{PROBE}"]
    done = subprocess.run(command, cwd=tmp_path, env=home, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_import_brings_only_the_face(fresh_import):
    """Importing the package imports none of its own modules, and none of Python's either."""
    assert {"ln_jupyter"} == {*fresh_import["modules"]} - {"__future__"}


def test_import_starts_no_thread(fresh_import):
    """Importing the package starts no thread."""
    assert fresh_import["threads"] == ["MainThread"]


def test_loading_the_extension_is_light(tmp_path):
    """`%load_ext ln_jupyter` imports no database, no server and no data frame: nothing is shown yet."""
    source = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell; shell = InteractiveShell.instance();"
        "before = set(sys.modules); shell.run_line_magic('load_ext', 'ln_jupyter');"
        "print(*(set(sys.modules) - before))"
    )
    home = {name: str(tmp_path) for name in ("HOME", "IPYTHONDIR")}
    path = str(Path(ln_jupyter.__file__).parent.parent)
    command = [sys.executable, "-I", "-B", "-c", f"import sys; sys.path.insert(0, {path!r})\n{source}"]

    done = subprocess.run(command, cwd=tmp_path, env=home, capture_output=True, text=True, check=True)

    loaded = set(done.stdout.split())
    assert "ln_jupyter.ipython.extension" in loaded
    assert set() == {module.partition(".")[0] for module in loaded} & (HEAVY - {"IPython", "traitlets"})


def test_import_writes_no_file(fresh_import, tmp_path):
    """Importing the package leaves no file in the home or working folder."""
    assert fresh_import["names"]

    assert list(tmp_path.iterdir()) == []


def test_dir_lists_public_names(fresh_import):
    """Every public name is offered before it was ever used, and nothing else, whatever was imported since."""
    assert sorted(ln_jupyter.__all__) == fresh_import["names"] == dir(ln_jupyter)
    assert sorted(ln_jupyter.schema.__all__) == dir(ln_jupyter.schema)


@pytest.mark.parametrize("name", ln_jupyter.__all__)
def test_public_name_resolves(name):
    """Every public name is there when it is used."""
    assert getattr(ln_jupyter, name) is not None


def test_public_names_are_sorted():
    """The public names are listed in order, each once."""
    assert sorted(set(ln_jupyter.__all__)) == ln_jupyter.__all__


def test_type_checkers_see_the_same_names():
    """What a type checker is told to import is what a lazy look-up imports."""
    told = {}
    tree = ast.parse(Path(ln_jupyter.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    for statement in block.body:
        for alias in statement.names:
            told[alias.name] = statement.module

    found = {name: home.partition(":")[0] for name, home in ln_jupyter._HOMES.items()}

    modules = {name: home.rpartition(".")[0] for name, home in ln_jupyter._HOMES.items() if ":" not in home}
    assert {name: told[name] for name in found} == found | modules


def test_unknown_name():
    """A name that is not there is an AttributeError that says so as Python does."""
    with pytest.raises(AttributeError) as raised:
        ln_jupyter.selekt  # noqa: B018  (the look-up is the test)

    assert "module 'ln_jupyter' has no attribute 'selekt'" == str(raised.value)


@pytest.mark.parametrize(
    ("expression", "meant"),
    [
        ("ln_jupyter.headers", "did you mean 'header'?"),
        ("ln_jupyter.schema.Runs", "did you mean 'Run' or 'RunTag'?"),
        ("ln_jupyter.nb.notbook", "did you mean 'notebook'?"),
    ],
)
def test_a_near_name(expression, meant):
    """A misspelt name of a module of ours is an error of ours, an AttributeError too, that names the near one."""
    with pytest.raises(ln_jupyter.errors.UnknownNameError) as raised:
        eval(expression)

    assert isinstance(raised.value, AttributeError)
    assert meant == raised.value.fix


def test_who_looks_for_a_name_is_not_answered_at_length():
    """What an import or a tool looks for is a plain AttributeError."""
    for name in ("approval", "__wrapped__", "_repr_html_"):
        with pytest.raises(AttributeError) as raised:
            ln_jupyter.__getattr__(name)

        assert AttributeError is type(raised.value)


def test_no_module_hides_a_function():
    """No top-level module has the name of a public function: importing it would replace the function."""
    modules = {file.stem for file in Path(ln_jupyter.__file__).parent.iterdir()}
    functions = {name for name, home in ln_jupyter._HOMES.items() if ":" in home}

    assert set() == modules & functions


@pytest.mark.parametrize(("expression", "meant"), [("lns.Rn", "Run"), ("ln.nb.headr", "header")])
def test_misspelt_names_of_the_other_modules(expression: str, meant: str) -> None:
    """A plain traceback says once which name of the schema, or of `ln.nb`, was meant."""
    program = f"import ln_jupyter as ln, ln_jupyter.schema as lns\n{expression}"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stderr.endswith(f"\nfix: did you mean '{meant}'?\n")
    assert 1 == done.stderr.lower().count("did you mean")


def test_interrupted_import(tmp_path):
    """Ctrl-C while SQLAlchemy is imported for the first time ends the import, and what comes next works."""
    code = f"""
import importlib.abc, os, signal, sys
sys.path.insert(0, {str(Path(ln_jupyter.__file__).parent.parent)!r})

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "sqlalchemy.orm.strategies":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupt())
import ln_jupyter as ln
try:
    ln.select
except KeyboardInterrupt:
    import ln_jupyter.schema as lns
    ln.connect("sqlite://")
    ln.add(lns.Pipeline(name="a", v="1"))
    print(ln.select(lns.Pipeline).one().name)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ("a\n", "") == (done.stdout, done.stderr)
