"""`header()` where notebooks are run: the file is found, registered, and left as it is."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import nbclient
import nbformat
import pytest

from tests.tracking import notebooks
from tests.tracking.conftest import PYTEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.notebook.conftest import RunningKernel, Server

pytestmark = pytest.mark.runner

# Each fails by another error; a notebook that is none is refused by nbmake itself before any cell runs.
MISSING = "import ln_jupyter as ln\nln.header(filepath='no such.ipynb')"
UNREADABLE = "import ln_jupyter as ln\nln.header(filepath='merge conflict.txt.ipynb')"
UNREACHABLE = "import ln_jupyter as ln\nln.connect('sqlite:////no such/registry.db')\nln.header()"
STRANGE = "import ln_jupyter as ln\nln.connect('sqlite:///strange.db')\nln.header()"
IN_PARALLEL = {
    "growth": notebooks.HEADER,
    "decay": notebooks.HEADER,
    "missing": MISSING,
    "unreadable": UNREADABLE,
    "unreachable": UNREACHABLE,
    "strange": STRANGE,
}


@pytest.fixture
def notebook(folder: Path) -> Path:
    """Give a notebook that registers itself."""
    return notebooks.write(folder / "growth rate.ipynb", title="Growth rate")


def assert_registered(registry: str | Path, notebook: Path, *, runner: str, count: int = 1) -> None:
    found = notebooks.runs(registry)
    expected = {("growth rate", "Growth rate", str(notebook), runner)}
    assert count == len({run["run"] for run in found}) == len(found)
    assert 1 == len({run["notebook"] for run in found})
    assert expected == {(run["name"], run["title"], run["path"], run["runner"]) for run in found}


@pytest.mark.newest
def test_a_script_on_a_terminal_of_another_encoding(folder: Path, run: Callable[..., Any], registry: str) -> None:
    """Letters that the terminal does not have end no script that they name."""
    script = folder / "größe-実.py"
    script.write_text("import ln_jupyter as ln\nln.header(name='Größe 実')\nprint('after')\n", encoding="utf-8")

    done = run(str(script), LN_JUPYTER_URL=registry, PYTHONIOENCODING="ascii")

    assert (0, "", True) == (done.returncode, done.stderr, done.stdout.endswith("after\n"))
    assert ["Größe 実"] == [each["name"] for each in notebooks.runs(registry)]


@pytest.mark.newest
def test_nbmake(notebook: Path, run: Callable[..., Any], registry: str) -> None:
    """Under nbmake the notebook that is tested is registered; its file stays as it is."""
    before = notebook.read_bytes()

    done = run(*PYTEST, "--nbmake", notebook.name, f"--ln-registry={registry}")

    assert 0 == done.returncode, done.stdout
    assert_registered(registry, notebook, runner="nbmake")
    assert before == notebook.read_bytes()


@pytest.mark.newest
def test_nbmake_in_parallel(folder: Path, run: Callable[..., Any], registry: str) -> None:
    """Under xdist, notebooks that can be registered are, as themselves; others are red, with the error and its fix.

    No file is written, and nothing is half-registered.
    """
    files = [notebooks.write(folder / f"{name}.ipynb", source, ids=name) for name, source in IN_PARALLEL.items()]
    (folder / "merge conflict.txt.ipynb").write_text("<<<<<<< HEAD\n{}")
    (folder / "strange.db").write_text("this is no database, and it is not ours")
    before = {file: file.read_bytes() for file in folder.iterdir()}

    arguments = (*PYTEST, "-n", "2", "--nbmake", *(file.name for file in files), f"--ln-registry={registry}")
    done = run(*arguments, CI="")  # in CI, pytest's summary says every error again

    assert "4 failed, 2 passed" in done.stdout
    for name in ("NotebookNotFoundError", "NotebookUnreadableError", "DatabaseUnavailableError", "NotARegistryError"):
        assert f"{name}: " in done.stdout
    assert 4 == done.stdout.count("\nfix: ")
    found = notebooks.runs(registry)
    assert {"growth", "decay"} == {each["name"] for each in found}
    assert 2 == len({each["notebook"] for each in found}) == len(found)
    assert before == {file: file.read_bytes() for file in folder.iterdir()}


def test_nbclient_shows_a_guess(
    notebook: Path, registry: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only the content tells which file is running, the display says that it is a guess."""
    for name in set(os.environ) - set(environment):
        monkeypatch.delenv(name)
    for name, value in (environment | {"LN_JUPYTER_URL": registry}).items():
        monkeypatch.setenv(name, value)

    done = nbclient.execute(nbformat.read(notebook, as_version=4), cwd=str(notebook.parent))

    shown = done.cells[1].outputs[0].data["text/plain"]
    assert f"\nfile {notebook} is a guess: ln.header(filepath=...) says it for sure\n" in shown
    assert f"\n  file      {notebook} · found by content" in shown
    assert_registered(registry, notebook, runner="nbclient")


ONE_KERNEL = """
import sys
import nbclient, nbformat
from jupyter_client.manager import KernelManager
manager = KernelManager()
manager.start_kernel()
for name in sys.argv[1:]:
    try:
        nbclient.NotebookClient(nbformat.read(name, 4), km=manager).execute()
    except nbclient.exceptions.CellExecutionError as error:
        print(error)
manager.shutdown_kernel()
"""
NAMED = "import ln_jupyter as ln\nln.header(id='Rx2s9cPTMQLY', name='growth')"


@pytest.mark.newest
@pytest.mark.parametrize(
    ("growth", "decay", "is_found"),
    [
        (("x = 1", notebooks.HEADER, "x = 2"), (notebooks.HEADER, "y = 1"), True),
        ((notebooks.HEADER, "x = 2"), (notebooks.HEADER.replace("()", "(v='2')"),), True),
        ((notebooks.HEADER.replace("()", "(filepath='growth.ipynb')"), "x = 2"), (notebooks.HEADER,), True),
        ((NAMED, "x = 2"), (notebooks.HEADER,), False),
        ((notebooks.HEADER, "x = 2"), (notebooks.HEADER, "y = 1"), False),
    ],
    ids=["other", "edited", "named", "no-file", "elsewhere"],
)
def test_nbclient_with_one_kernel(  # noqa: PLR0913 - the cases
    folder: Path,
    run: Callable[..., Any],
    registry: str,
    growth: tuple[str, ...],
    decay: tuple[str, ...],
    *,
    is_found: bool,
) -> None:
    """A notebook that a program runs in the kernel of another is registered as itself, or refused with the way on."""
    notebooks.write(folder / "growth.ipynb", *growth, ids="growth")
    (folder / "sub").mkdir()
    second = notebooks.write(folder / ("decay.ipynb" if is_found else "sub/decay.ipynb"), *decay, ids="decay")

    done = run("-c", ONE_KERNEL, "growth.ipynb", os.path.relpath(second, folder))

    assert 0 == done.returncode, done.stderr
    found = notebooks.runs(registry)
    assert (["growth", "decay"] if is_found else ["growth"]) == [each["name"] for each in found]
    assert is_found == ("NotebookNotFoundError" not in done.stdout)
    if is_found:
        assert ["ok", "ok"] == [each["outcome"] for each in notebooks.table(registry, "ln_run")]
    else:
        assert "growth" in done.stdout.partition("nothing tells whether ")[2].partition(", which this kernel")[0]
        assert "or run each notebook in a kernel of its own" in done.stdout


@pytest.mark.newest
def test_nbclient_elsewhere(folder: Path, run: Callable[..., Any], registry: str) -> None:
    """A notebook that says its file, and calls `header()` once more further down, keeps its run."""
    (folder / "sub").mkdir()
    named = notebooks.HEADER.replace("()", "(filepath='sub/growth.ipynb')")
    notebooks.write(folder / "sub" / "growth.ipynb", named, "x = 1", notebooks.HEADER)

    done = run("-c", ONE_KERNEL, "sub/growth.ipynb")

    assert (0, "") == (done.returncode, done.stdout), done.stderr
    assert 1 == len(notebooks.runs(registry))


PAPERMILL = """
import sys
import papermill
source, output, cwd = sys.argv[1:]
papermill.execute_notebook(source, output, {"alpha": 0.5}, cwd=cwd, progress_bar=False)
"""
PARAMETRISED = ("alpha = 0.1", notebooks.HEADER, "beta = alpha")


@pytest.mark.newest
@pytest.mark.parametrize(
    ("output", "tag"),
    [("fitted.ipynb", "parameters"), ("out/fitted.ipynb", "injected-parameters"), ("out/f.ipynb", "")],
)
def test_papermill_from_python(folder: Path, run: Callable[..., Any], registry: str, output: str, tag: str) -> None:
    """Called from Python, papermill's cell of parameters is in no file, and its output is not the notebook."""
    notebook = notebooks.write(folder / "growth rate.ipynb", *PARAMETRISED, title="Growth rate")
    rewrite(notebook, tag=tag)
    (folder / "out").mkdir()
    notebooks.write(folder / "other.ipynb", "alpha = 0.2", *PARAMETRISED[1:])

    done = run("-c", PAPERMILL, notebook.name, output, ".")

    assert 0 == done.returncode, done.stderr
    assert_registered(registry, notebook, runner="papermill")
    assert ['{"alpha": 0.5}'] == [each["parameters"] for each in notebooks.table(registry, "ln_run")]


@pytest.mark.newest
def test_papermill_from_another_folder(folder: Path, run: Callable[..., Any], registry: str) -> None:
    """The output names the input from the folder that papermill has left; what earlier runs have left names none."""
    notebook = notebooks.write(folder / "growth rate.ipynb", *PARAMETRISED, title="Growth rate")
    for name, end in (("done.ipynb", "2026-11-30T12:00:00+00:00"), ("killed.ipynb", None)):
        left = notebooks.write(folder / name, "alpha = 0.1", "# Parameters\nalpha = 0.5", *PARAMETRISED[1:])
        rewrite(left, papermill={"input_path": "done.ipynb", "output_path": name, "end_time": end})
        os.utime(left, (0, 0))
    (folder / "elsewhere").mkdir()

    done = run("-c", PAPERMILL, f"../{notebook.name}", "../now.ipynb", str(folder), cwd=folder / "elsewhere")

    assert 0 == done.returncode, done.stderr
    assert_registered(registry, notebook, runner="papermill")


def rewrite(notebook: Path, *, tag: str = "parameters", papermill: dict[str, Any] | None = None) -> None:
    said = json.loads(notebook.read_text())
    next(cell for cell in said["cells"] if cell["cell_type"] == "code")["metadata"]["tags"] = [tag] if tag else []
    said["metadata"]["papermill"] = papermill or {}
    notebook.write_text(json.dumps(said))


@pytest.mark.newest
def test_jupyter_execute(notebook: Path, run: Callable[..., Any], registry: str) -> None:
    """Run twice by ``jupyter execute``, a notebook without metadata is one notebook with two runs."""
    before = notebook.read_bytes()

    for _ in range(2):
        done = run("-m", "jupyter", "execute", notebook.name)
        assert 0 == done.returncode, done.stderr

    assert_registered(registry, notebook, runner="jupyter-execute", count=2)
    assert before == notebook.read_bytes()


@pytest.mark.newest
def test_jupyter_execute_of_a_link(notebook: Path, run: Callable[..., Any], registry: str) -> None:
    """Run under its own name and by a link, a notebook without metadata is one notebook."""
    link = notebook.with_name("link.ipynb")
    link.symlink_to(notebook)

    for name in (link.name, notebook.name):
        done = run("-m", "jupyter", "execute", name)
        assert 0 == done.returncode, done.stderr

    found = notebooks.runs(registry)
    assert [str(link), str(notebook)] == [each["path"] for each in found]
    assert 1 == len({each["notebook"] for each in found})


@pytest.mark.newest
@pytest.mark.parametrize("stated", [("growth.ipynb", "decay"), ("[dg]*",)], ids=["names", "pattern"])
def test_nbconvert_of_notebooks_that_begin_alike(
    folder: Path, run: Callable[..., Any], registry: str, stated: tuple[str, ...]
) -> None:
    """Each notebook of one command is registered as itself, also where all begin with the same header cell."""
    files = [notebooks.write(folder / f"{name}.ipynb", ids=name) for name in ("decay", "growth", "other")]

    done = run("-m", "nbconvert", "--execute", "--to", "notebook", *stated)

    assert 0 == done.returncode, done.stderr
    found = notebooks.runs(registry)
    expected = {(file.stem, str(file), "nbconvert") for file in files[:2]}
    assert expected == {(each["name"], each["path"], each["runner"]) for each in found}
    assert 2 == len({each["notebook"] for each in found}) == len(found)


def test_ipython(notebook: Path, run: Callable[..., Any], registry: str) -> None:
    """Given to ``ipython``, the notebook shows its header as text."""
    done = run("-m", "IPython", "--quick", notebook.name)

    assert done.stdout.startswith("Growth rate · ")
    assert_registered(registry, notebook, runner="ipython")


def test_a_jupyter_server(server: Server) -> None:
    """On a Jupyter server the notebook is found by its session, and followed through a rename.

    It is registered in its project, and its file is left to its editor.
    """
    project = server.root / "lab"
    (project / ".ln_jupyter").mkdir(parents=True)
    notebook = notebooks.write(project / "Größe.ipynb", title="Growth rate")
    before = notebook.read_bytes()
    session, kernel = server.open(notebook)

    first = _register(kernel)
    renamed = notebook.with_name("growth rate.ipynb")
    server.request("PATCH", "contents/lab/Gr%C3%B6%C3%9Fe.ipynb", {"path": f"lab/{renamed.name}"})
    server.request("PATCH", f"sessions/{session['id']}", {"path": f"lab/{renamed.name}", "name": renamed.name})
    second = _register(kernel)

    (found,) = notebooks.runs(project / ".ln_jupyter" / "registry.db")
    assert first == second == f"{found['notebook']} {found['run']}"
    assert ("growth rate", session["kernel"]["id"]) == (found["name"], found["kernel_id"])
    assert ("jupyter-server", before) == (found["runner"], renamed.read_bytes())


CAPTURE = """
from IPython.utils.capture import capture_output
import ln_jupyter as ln
with capture_output() as captured:
    ln.header()
from ln_jupyter.locate import find, jupyter_server
keeps = jupyter_server.keeps_identity(find.find())
shown = f"{keeps} {captured.outputs[0].data['text/plain']}"
"""


def test_a_server_keeps_the_id_or_not(server: Server) -> None:
    """On a server the header says whether saving keeps the id, as the server answers: it may run without us."""
    notebook = notebooks.write(server.root / "alone.ipynb", title="Alone")
    (server.root / ".ln_jupyter").mkdir(exist_ok=True)
    _, kernel = server.open(notebook)

    keeps, _, shown = kernel.execute(CAPTURE, value="shown").partition(" ")

    said = {"True": "saving keeps the id in the file", "False": "saving does not keep the id in the file"}[keeps]
    assert "alone.ipynb · found by server-session" in shown
    assert said in shown


def _register(kernel: RunningKernel) -> str:
    return kernel.execute(f"{notebooks.HEADER}\nids = f'{{ln.nb.notebook.id}} {{ln.nb.run.id}}'", value="ids")
