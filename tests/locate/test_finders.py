"""Real notebooks in real runners; only VS Code, Databricks and Colab are simulated, by their documented signals."""

from __future__ import annotations

import json
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from ln_jupyter.environment.kernel import Kernel
from ln_jupyter.locate import finders, launcher
from ln_jupyter.locate.launcher import Launcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

runner = pytest.mark.runner

NBMAKE = ("-m", "pytest", "--nbmake", "-q", "-p", "no:cacheprovider", "-p", "no:randomly")


def seen(found: dict) -> tuple[str, str, str, str]:
    return found["path"], found["via"], found["confidence"], found["runner"]


@runner
def test_jupyter_execute(run: Callable, write: Callable, folder: Path) -> None:
    """`jupyter execute` names notebooks on its command line; of several, the one in the kernel's folder runs."""
    write(folder / "one" / "Übung eins.ipynb", "1")
    notebook = write(folder / "two" / "Übung eins.ipynb")
    write(folder / "two" / "other.ipynb")

    found = run("-m", "jupyter", "execute", "one/Übung eins.ipynb", "two/Übung eins.ipynb")

    assert seen(found) == (str(notebook), "command-line", "sure", "jupyter-execute")


@runner
def test_nbconvert(run: Callable, write: Callable, folder: Path) -> None:
    """`nbconvert`'s output of an earlier run is not taken for its input."""
    notebook = write(folder / "a.ipynb")
    write(folder / "out.ipynb")

    found = run("-m", "nbconvert", "--to", "notebook", "--execute", "--output", "out.ipynb", "a.ipynb")

    assert seen(found) == (str(notebook), "command-line", "sure", "nbconvert")


@runner
def test_jupyter_execute_of_notebooks_that_begin_alike(
    run: Callable, write: Callable, folder: Path, find_and_write: str
) -> None:
    """Of several notebooks, the suffix left out, the one that begins with the cells that ran is found, or none is.

    `jupyter execute` holds none open.
    """
    notebook = write(folder / "a.ipynb", "x = 1", find_and_write)
    write(folder / "b.ipynb", find_and_write, "1")
    write(folder / "c.ipynb", find_and_write, "2")
    write(folder / "d.ipynb", "x = 1", find_and_write)

    found = run("-m", "jupyter", "execute", "b", "a")
    alike = run("-m", "jupyter", "execute", "b", "c")

    assert seen(found) == (str(notebook), "command-line", "likely", "jupyter-execute")
    assert "command line (b.ipynb, c.ipynb have the cells that ran: run them one by one), content" in alike["error"]


@runner
def test_papermill(run: Callable, write: Callable, folder: Path) -> None:
    """`papermill`'s input is the notebook, wherever papermill was called and whatever its parameters are."""
    notebook = write(folder / "sub" / "in.ipynb")
    write(folder / "x.ipynb")

    found = run("-m", "papermill", "-p", "other", "x.ipynb", "sub/in.ipynb", "out.ipynb")

    assert seen(found) == (str(notebook), "command-line", "sure", "papermill")


@runner
def test_papermill_elsewhere(run: Callable, write: Callable, folder: Path) -> None:
    """`papermill` with --cwd has left the folder of its command line; the shell's folder is likely right."""
    notebook = write(folder / "in.ipynb")
    write(folder / "sub" / "in.ipynb")

    found = run("-m", "papermill", "in.ipynb", "out.ipynb", "--cwd", "sub")

    assert seen(found) == (str(notebook), "command-line", "likely", "papermill")


@pytest.mark.parametrize(
    ("case", "is_found"),
    [
        ("stale . here", True),
        ("stale sub here/sub", True),
        ("here sub here/sub", True),
        ("here .. .", True),
        ("here {}/far far", True),
        ("here link far", True),
        ("here/sub .. .", False),
        ("gone {}/far far", False),
    ],
)
def test_papermill_and_the_shells_folder(
    folder: Path, case: str, *, is_found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PWD, which a program may have inherited from elsewhere, counts where --cwd leads from it to where papermill is."""
    for name in ("stale", "here", "here/sub", "far"):
        (folder / name).mkdir()
        (folder / name / "in.ipynb").touch()
    (folder / "here" / "link").symlink_to(folder / "far")
    shell, left_for, runs_in = case.split()
    command = ("papermill", "in.ipynb", "out.ipynb", "--cwd", left_for.format(folder))
    monkeypatch.setattr(launcher, "read", lambda _: Launcher(command, folder / runs_in))
    monkeypatch.setenv("PWD", str(folder / shell))

    found = finders.by_command_line(Kernel(None, folder / runs_in, None, ""))

    assert (folder / "here" / "in.ipynb" if is_found else None) == (found and found.path)


@runner
def test_nbmake(run: Callable, write: Callable, folder: Path) -> None:
    """`nbmake` is known by pytest's test id, here in a worker, whose command line says nothing."""
    notebook = write(folder / "sub" / "Übung eins.ipynb")
    write(folder / "Übung eins.ipynb", "1")

    found = run(*NBMAKE, "-n", "1")

    assert seen(found) == (str(notebook), "pytest-node", "sure", "nbmake")


@runner
def test_inherited_test_id(run: Callable, write: Callable, folder: Path) -> None:
    """A runner that is started from a notebook under nbmake does not take the outer notebook for its own."""
    inner = write(folder / "inner.ipynb")
    command = [sys.executable, "-m", "jupyter", "execute", "inner.ipynb"]
    write(folder / "outer.ipynb", f"import subprocess; subprocess.run({command!r}, check=True)")

    found = run(*NBMAKE, "outer.ipynb")

    assert seen(found) == (str(inner), "command-line", "sure", "jupyter-execute")


@runner
def test_test_that_runs_a_kernel(run: Callable, write: Callable, folder: Path) -> None:
    """The id of a plain test that runs a notebook with nbclient is not taken for a notebook."""
    notebook = write(folder / "a.ipynb")
    lines = [
        "import nbclient, nbformat",
        "def test_it():",
        "    nbclient.NotebookClient(nbformat.read('a.ipynb', 4)).execute()",
    ]
    (folder / "test_it.py").write_text("\n".join(lines))

    found = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py")

    assert seen(found) == (str(notebook), "content", "guess", "nbclient")


@runner
def test_nbclient(run: Callable, write: Callable, folder: Path) -> None:
    """`nbclient`'s API says nothing; the only notebook with the executed cells is a guess."""
    notebook = write(folder / "sub" / "a.ipynb")
    write(folder / "sub" / "other.ipynb", "1")
    program = "import nbclient, nbformat; nbclient.NotebookClient(nbformat.read('sub/a.ipynb', 4)).execute(cwd='sub')"

    found = run("-c", program)

    assert seen(found) == (str(notebook), "content", "guess", "nbclient")


@runner
def test_two_notebooks_with_the_same_cells(run: Callable, write: Callable, folder: Path) -> None:
    """Where two notebooks hold the executed cells, nothing is guessed."""
    write(folder / "a.ipynb")
    write(folder / "b.ipynb")
    program = "import nbclient, nbformat; nbclient.NotebookClient(nbformat.read('a.ipynb', 4)).execute()"

    found = run("-c", program)

    assert found == {
        "error": "nothing tells which notebook is running; tried: vscode cell, vscode variable, "
        "databricks context, colab session, server session, pytest node, command line, "
        "content (a.ipynb, b.ipynb have the cells that ran)"
    }


@runner
def test_ipython(run: Callable, write: Callable, folder: Path, find_and_write: str) -> None:
    """`ipython a.ipynb` leaves the notebook's name in `__file__`, relative to where IPython started."""
    notebook = write(folder / "sub" / "a.ipynb", "import os; os.chdir('/')", find_and_write)

    found = run("-m", "IPython", "sub/a.ipynb")

    assert seen(found) == (str(notebook), "main-file", "sure", "ipython")


def test_script(run: Callable, folder: Path, find_and_write: str) -> None:
    """A plain script is located by its own file, and IPython stays unimported."""
    script = folder / "growth.py"
    script.write_text(find_and_write + "import sys; assert 'IPython' not in sys.modules")

    found = run("growth.py")

    assert seen(found) == (str(script), "script", "sure", "script")


def test_module_of_a_project(run: Callable, folder: Path, find_and_write: str) -> None:
    """A module run with -m is located by its own file."""
    (folder / "growth").mkdir()
    (folder / "growth" / "__main__.py").write_text(find_and_write)

    found = run("-m", "growth")

    assert found["path"] == str(folder / "growth" / "__main__.py")


@pytest.mark.parametrize("program", [("cProfile",), ("trace", "--count", "--coverdir", "counts")], ids=lambda p: p[0])
def test_profiled_script(run: Callable, folder: Path, find_and_write: str, program: tuple[str, ...]) -> None:
    """A script that a profiler or tracer of Python runs is located by its own file."""
    (folder / "growth.py").write_text(find_and_write)

    found = run("-m", *program, "growth.py")

    assert found["path"] == str(folder / "growth.py")


@pytest.mark.parametrize(
    "stated",
    [sys.prefix + "/bin/pytest", pytest.__file__, json.__file__, None],
    ids=["script", "package", "std", "none"],
)
def test_installed_program(monkeypatch: pytest.MonkeyPatch, stated: str | None) -> None:
    """An installed program is nobody's script."""
    monkeypatch.setattr(sys.modules["__main__"], "__file__", stated, raising=False)

    assert finders.by_main_file() is None


@pytest.mark.parametrize("authority", ["", "//ssh-remote%2Blab"], ids=["local", "remote"])
def test_vscode_cell(start_kernel: Callable, write: Callable, folder: Path, authority: str) -> None:
    """VS Code's cell address names the notebook with every execution, so a rename is followed."""
    kernel = start_kernel()
    notebook = write(folder / "Übung eins.ipynb")
    first = kernel.find(cell_id=f"vscode-notebook-cell:{authority}{quote(str(notebook))}#W0sZmlsZQ%3D%3D")
    renamed = notebook.rename(folder / "b.ipynb")

    found = kernel.find(cell_id=f"vscode-notebook-cell:{authority}{quote(str(renamed))}#W0sZmlsZQ%3D%3D")

    assert seen(first) == (str(notebook), "vscode-cell", "sure", "vscode")
    assert seen(found) == (str(renamed), "vscode-cell", "sure", "vscode")
    assert found["live"] is True


def test_vscode_cell_on_windows(kernel_here: Callable[[str], Kernel]) -> None:
    """VS Code's address of a drive loses the slash before it."""
    kernel = kernel_here("vscode-notebook-cell:/c%3A/Users/ada/a%20b.ipynb#W0s")

    found = finders.by_vscode_cell(kernel)

    assert found is not None
    assert found.path.as_posix() == "c:/Users/ada/a b.ipynb"


def test_vscode_variable(start_kernel: Callable, write: Callable, folder: Path) -> None:
    """Where VS Code does not name the cell, the variable it sets at the start does."""
    notebook = write(folder / "a.ipynb")
    kernel = start_kernel()

    found = kernel.find(before=f"__vsc_ipynb_file__ = {str(notebook)!r}")

    assert seen(found) == (str(notebook), "vscode-variable", "sure", "vscode")
    assert found["live"] is False


def test_unsaved_in_vscode(start_kernel: Callable, folder: Path) -> None:
    """A notebook that was never saved has no file, and the error says which signal named it."""
    found = start_kernel().find(cell_id="vscode-notebook-cell:Untitled-1.ipynb?jupyter-notebook#W0s")

    assert (
        f"tried: vscode cell (names {folder}/Untitled-1.ipynb, which is not a file), vscode variable" in found["error"]
    )


def dbutils(path: str) -> str:
    """Make the object that Databricks gives to every cell, and its file system in the kernel's folder."""
    return f"""
from pathlib import Path
from unittest.mock import MagicMock
from ln_jupyter.locate import finders
finders._WORKSPACE = Path.cwd() / "Workspace"
dbutils = MagicMock()
context = dbutils.notebook.entry_point.getDbutils.return_value.notebook.return_value.getContext.return_value
context.notebookPath.return_value.get.return_value = {path!r}
"""


def test_databricks(start_kernel: Callable, write: Callable, folder: Path) -> None:
    """Databricks names the notebook without its suffix, of which there are three.

    Where its object is missing or fails, the error names the service.
    """
    kernel = start_kernel(DATABRICKS_RUNTIME_VERSION="16.4")
    for before in ("", "dbutils = 1", "class dbutils:\n    def __getattr__(self, name): 1 / 0"):
        found = kernel.find(before=before)
        assert found["error"].startswith("nothing tells which notebook is running on databricks; tried: ")

    for suffix in (".ipynb", ".py", ""):
        notebook = write(folder / "Workspace" / "Users" / "ada@example.org" / f"v1.2 Übung{suffix}")
        found = kernel.find(before=dbutils("/Users/ada@example.org/v1.2 Übung"))
        assert seen(found) == (str(notebook), "databricks-context", "sure", "databricks")
        assert found["live"] is True
        notebook.unlink()


def test_databricks_object_elsewhere(start_kernel: Callable, folder: Path, write: Callable) -> None:
    """A variable called dbutils is not asked on another machine."""
    write(folder / "Workspace" / "a.ipynb")

    found = start_kernel().find(before=dbutils("/a"))

    assert "error" in found


@pytest.fixture
def colab() -> Iterator[Callable[..., dict[str, str]]]:
    """A server that answers as Colab's does; the environment that leads there."""
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:

        def answer(sessions: object) -> dict[str, str]:
            class Handler(SimpleHTTPRequestHandler):
                def do_GET(self) -> None:
                    body = json.dumps(sessions).encode()
                    self.send_response(200 if self.path == "/api/sessions" else 404)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, *_: object) -> None: ...

            server.RequestHandlerClass = Handler
            return {"COLAB_JUPYTER_IP": "127.0.0.1", "KMP_TARGET_PORT": str(server.server_port)}

        thread = Thread(target=server.serve_forever)
        thread.start()
        yield answer
        server.shutdown()
        thread.join()


COLAB = {"path": "fileId=1aBcD", "name": "%C3%9Cbung%20eins.ipynb", "type": "notebook", "kernel": {"id": "x"}}
MOUNT = "from pathlib import Path; from ln_jupyter.locate import finders; finders._DRIVE = Path.cwd() / 'drive'"


def test_colab(start_kernel: Callable, write: Callable, folder: Path, colab: Callable) -> None:
    """Colab's server says what it calls the notebook; where Drive is mounted, that is likely the file."""
    notebook = write(folder / "drive" / "Übung eins.ipynb")
    kernel = start_kernel(like_a_server=True, http_proxy="http://127.0.0.1:9", **colab([COLAB]))

    found = kernel.find(before=MOUNT)

    assert seen(found) == (str(notebook), "colab-session", "likely", "colab")


def test_colab_without_drive(start_kernel: Callable, folder: Path, colab: Callable) -> None:
    """Where Drive is not mounted, the error names the service and the file it looked for."""
    found = start_kernel(like_a_server=True, **colab([COLAB])).find(before=MOUNT)

    assert found["error"].startswith("nothing tells which notebook is running on colab; tried: ")
    assert f"colab session (names {folder}/drive/Übung eins.ipynb, which is not a file)" in found["error"]


@pytest.mark.parametrize("answer", [[], {}, None, [7, {"name": 7}], [COLAB, COLAB]])
def test_colab_without_an_answer(
    kernel_here: Callable[[str], Kernel], colab: Callable, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    """What does not name one notebook is no answer of Colab's."""
    for name, value in colab(answer).items():
        monkeypatch.setenv(name, value)

    assert finders.by_colab_session(kernel_here("")) is None


def test_colab_with_two_notebooks(
    kernel_here: Callable[[str], Kernel], colab: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two notebooks, the one of this kernel is found, and its name leads nowhere else."""
    mine = {"name": "../a.ipynb", "kernel": {"id": "mine"}}
    for name, value in colab([COLAB, mine]).items():
        monkeypatch.setenv(name, value)

    found = finders.by_colab_session(kernel_here("")._replace(id="mine"))

    assert found is not None
    assert found.path.as_posix() == "/content/drive/MyDrive/Colab Notebooks/a.ipynb"


def test_session_name_without_a_server(start_kernel: Callable, write: Callable, folder: Path) -> None:
    """Where no server answers, what it said at the start is likely right."""
    notebook = write(folder / "a.ipynb")

    found = start_kernel(like_a_server=True, JPY_SESSION_NAME=str(notebook)).find()

    assert seen(found) == (str(notebook), "session-name", "likely", "jupyter-server")


def test_session_name_relative_to_the_root(start_kernel: Callable, write: Callable, folder: Path) -> None:
    """A session without a name leaves a path below the server's root, which the kernel does not know."""
    notebook = write(folder / "a.ipynb")

    found = start_kernel(like_a_server=True, JPY_SESSION_NAME="my lab/a.ipynb").find()

    assert found["path"] == str(notebook)


def test_session_name_that_is_a_folder(start_kernel: Callable, folder: Path) -> None:
    """`nbclassic`'s session name is a folder, and no notebook."""
    found = start_kernel(like_a_server=True, JPY_SESSION_NAME=str(folder)).find()

    assert found["error"].startswith("nothing tells which notebook is running")


def test_leaked_session_name(start_kernel: Callable, write: Callable, folder: Path) -> None:
    """A kernel that no server started does not believe a session name: it is an outer notebook's."""
    outer = write(folder / "outer.ipynb", "1")

    found = start_kernel(JPY_SESSION_NAME=str(outer)).find()

    assert found["error"].startswith("nothing tells which notebook is running")


def test_changed_directory(start_kernel: Callable, write: Callable, folder: Path, find: str) -> None:
    """A cell that changes the working directory does not hide the notebook's folder."""
    notebook = write(folder / "a.ipynb", "import os; os.chdir('/')", find)

    found = start_kernel().find(before="import os; os.chdir('/')")

    assert seen(found) == (str(notebook), "content", "guess", "nbclient")


def test_unknown_cell(start_kernel: Callable, write: Callable, folder: Path, find: str) -> None:
    """A notebook that lacks the cell the front end names is not guessed, whatever its sources."""
    write(folder / "a.ipynb", find, cell_id="here")

    found = start_kernel().find(cell_id="elsewhere")

    assert "error" in found


def test_unreadable_neighbour(start_kernel: Callable, write: Callable, folder: Path, find: str) -> None:
    """A broken notebook in the same folder does not hide the right one."""
    notebook = write(folder / "b.ipynb", find)
    (folder / "a.ipynb").write_text("{")

    found = start_kernel().find()

    assert found["path"] == str(notebook)
