"""The signals that tell which notebook a kernel runs, in the order they are believed.

A new place to run notebooks is one function and one line in ``IN_A_KERNEL``.
"""

from __future__ import annotations

import glob
import logging
import os
import re
import sys
import sysconfig
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ln_jupyter import settings
from ln_jupyter.environment import kernel as kernels
from ln_jupyter.environment.kernel import Kernel
from ln_jupyter.locate import content, host, jupyter_server
from ln_jupyter.locate.location import Location, absolute

if TYPE_CHECKING:
    from types import FrameType

    from ln_jupyter.locate.launcher import Launcher

Finder = Callable[[Kernel], Location | str | None]
"""Returns what it found, or why that is no answer; None where there is nothing to say."""

_VSCODE = "vscode-notebook-cell:"
_NOTEBOOK_TEST = re.compile(r"(?P<file>.+?\.ipynb)::(?P<test>.*) \((?:setup|call|teardown)\)")
_FILES_COMPARED = 200
_FILES_NAMED = 5
_WORKSPACE = Path("/Workspace")  # where Databricks shows its notebooks as files
_DRIVE = Path("/content/drive/MyDrive/Colab Notebooks")  # where Colab saves, and shows what it mounts

_log = logging.getLogger(__name__)


def by_vscode_cell(kernel: Kernel) -> Location | None:
    """Read the cell's address, which VS Code sends with every execution."""
    cell_id = kernel.cell_id
    if not cell_id.startswith(_VSCODE):
        return None
    path = unquote(urlsplit(cell_id).path)
    if re.match(r"/[A-Za-z]:", path):  # /c:/Users/...
        path = path[1:]
    return Location(Path(path), "vscode-cell", live=True, runner="vscode")


def by_vscode_variable(kernel: Kernel) -> Location | None:
    """Read the variable VS Code sets once, when it starts the kernel."""
    path = kernel.shell.user_ns.get("__vsc_ipynb_file__")
    return Location(Path(path), "vscode-variable", runner="vscode") if isinstance(path, str) and path else None


def by_server_session(kernel: Kernel) -> Location | None:
    """Ask the kernel's own Jupyter server; where it refuses, read what it said at the start."""
    if not kernel.id or kernel.connection_file is None:
        return None
    answer = jupyter_server.ask(kernel.connection_file, kernel_id=kernel.id)
    if answer is None:
        return _by_session_name(kernel)
    paths = answer.paths
    if len(paths) > 1:
        paths = content.with_cell(paths, kernel.cell_id)
    if len(paths) != 1:
        return None
    runner = host.name() or "jupyter-server"
    return Location(paths[0], "server-session", live=True, runner=runner, base_url=answer.base_url)


def by_databricks_context(kernel: Kernel) -> Location | None:
    """Ask the object that Databricks gives to every cell; it names the notebook without its suffix."""
    if not os.environ.get("DATABRICKS_RUNTIME_VERSION"):
        return None
    dbutils = kernel.shell.user_ns.get("dbutils")
    try:
        stated = str(dbutils.notebook.entry_point.getDbutils().notebook().getContext().notebookPath().get())
    except Exception:  # noqa: BLE001 - Java's, by way of py4j or Spark Connect: no answer, whatever it raises
        _log.info("Databricks does not name the notebook", exc_info=True)
        return None
    path = _WORKSPACE / stated.removeprefix(_WORKSPACE.as_posix()).lstrip("/")
    files = [path.with_name(f"{path.name}{suffix}") for suffix in (".ipynb", ".py", "")]
    file = next((file for file in files if file.is_file()), files[0])
    return Location(file, "databricks-context", live=True, runner="databricks")


def by_colab_session(kernel: Kernel) -> Location | None:
    """Ask Colab's server for the notebook's name; the file is there only if Drive is mounted."""
    server = os.environ.get("COLAB_JUPYTER_IP")
    if not server:
        return None
    names = jupyter_server.names(f"http://{server}:{os.environ.get('KMP_TARGET_PORT', '9000')}", kernel_id=kernel.id)
    if len(names) != 1:
        return None
    # Drive has many folders, and Colab names none: of the one it saves to, this is likely the notebook.
    return Location(_DRIVE / Path(names[0]).name, "colab-session", live=True, confidence="likely", runner="colab")


def by_pytest_node(kernel: Kernel) -> Location | None:
    """Read the test id that pytest sets while nbmake runs a notebook.

    The id is relative to pytest's rootdir; the kernel runs in the notebook's folder. An id that
    the launcher was itself started with belongs to an outer run: it was inherited.
    """
    stated = os.environ.get("PYTEST_CURRENT_TEST", "")
    match = _NOTEBOOK_TEST.fullmatch(stated)
    if match is None:
        return None
    from ln_jupyter.locate import launcher  # here for cost, as below: in a Jupyter server nobody comes this far

    inherited = launcher.read(kernel.launcher_pid).environment
    if inherited.get("PYTEST_CURRENT_TEST") == stated:
        return None
    name = Path(match["file"]).name
    return Location(
        kernel.folder / name,
        "pytest-node",
        confidence="sure" if inherited else "likely",
        runner="nbmake" if match["test"] == name else "pytest",
    )


def by_command_line(kernel: Kernel) -> Location | str | None:
    """Read the command line of a notebook runner that started the kernel.

    Of several notebooks, it is one in the kernel's folder that begins with what was executed; where more
    than one does, the one that the runner holds open.
    """
    from ln_jupyter.locate import launcher

    program = launcher.read(kernel.launcher_pid)
    folder = program.folder or kernel.folder
    left_for = program.left_for if program.runner == "papermill" else None
    folders = [folder] if left_for is None else _left(folder, left_for)
    paths = [absolute(Path(name), folder=each) for each in folders for name in _names(program, each)]
    if left_for is not None:
        paths = [path for path in paths if path.is_file()][:1]
    elif len(paths) > 1:
        paths = sorted({path for path in paths if path.parent == kernel.folder.resolve() and path.is_file()})
    is_sure = left_for is None and len(paths) == 1
    if len(paths) > 1:
        paths = list(content.find(paths, kernel).paths)
    if len(paths) > 1:
        opened = launcher.open_files(kernel.launcher_pid)
        held = [path for path in paths if path.resolve() in opened]
        if len(held) != 1:
            return f"{_alike(paths)}: run them one by one"
        paths, is_sure = held, True
    if len(paths) != 1:
        return None
    return Location(
        paths[0],
        "command-line",
        confidence="sure" if is_sure else "likely",
        runner=program.runner,
    )


def _names(program: Launcher, folder: Path) -> list[str]:
    """Return the notebooks of a command line; what nbconvert is given are patterns."""
    if program.runner != "nbconvert":
        return list(program.notebooks)
    names = []
    for pattern in program.notebooks:
        is_pattern = glob.has_magic(pattern)
        names += glob.glob(pattern, root_dir=folder, recursive=True) if is_pattern else [pattern]  # noqa: PTH207 - as nbconvert does
    return names


def _left(folder: Path, left_for: Path) -> list[Path]:
    """Return the folders that a process may have left for this one, by what it was asked for.

    A shell's PWD was the first one; whoever starts programs in another folder may leave it as it was.
    """
    stated = os.environ.get("PWD")
    found = []
    if stated and os.path.realpath(Path(stated) / left_for) == os.path.realpath(folder):
        found.append(Path(stated))
    rest = len(folder.parts) - len(left_for.parts)
    if not left_for.is_absolute() and folder.parts[rest:] == left_for.parts:
        found.append(Path(*folder.parts[:rest]))
    return found


def by_content(kernel: Kernel) -> Location | str | None:
    """Find the only notebook of the folder that what was executed may be of: a guess."""
    files = islice(sorted(kernel.folder.glob("*.ipynb")), _FILES_COMPARED)
    paths, is_papermill = content.find(files, kernel)
    if len(paths) > 1:
        return _alike(paths)
    if not paths:
        return None
    runner = "papermill" if is_papermill else "" if kernel.id else "nbclient"
    return Location(paths[0], "content", confidence="guess", runner=runner)


def _alike(paths: Sequence[Path]) -> str:
    names = [path.name for path in paths[:_FILES_NAMED]]
    more = f" and {len(paths) - len(names)} more" if len(paths) > len(names) else ""
    return f"{', '.join(names)}{more} have the cells that ran"


IN_A_KERNEL: tuple[Finder, ...] = (
    by_vscode_cell,
    by_vscode_variable,
    by_databricks_context,
    by_colab_session,
    by_server_session,
    by_pytest_node,
    by_command_line,
    by_content,
)


def by_main_file() -> Location | None:
    """Read ``__file__`` of the main module: a script, or a notebook given to ``ipython``.

    An installed program (pytest, ipython itself) is nobody's notebook; a profiler or tracer runs one.
    """
    stated = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(stated, str):
        return None
    for each in (stated, _argument_that_runs()):
        if each and (found := _script(each)) is not None:
            return found
    return None


def _argument_that_runs() -> str:
    """Return the file that a program was given, and whose code runs the caller: so Python's cProfile runs one."""
    file = next(iter(sys.argv), "")
    frame: FrameType | None = sys._getframe()
    while file and frame is not None:
        if frame.f_code.co_name == "<module>" and Path(frame.f_code.co_filename).name == Path(file).name:
            return file
        frame = frame.f_back
    return ""


def _script(stated: str) -> Location | None:
    shell = kernels.shell()
    folder = Path(shell.starting_dir) if shell else settings.working_folder()
    if folder is None and not Path(stated).is_absolute():
        return None
    path = absolute(Path(stated), folder=folder)
    installed = (Path(sysconfig.get_path(kind)).resolve() for kind in ("scripts", "purelib", "platlib", "stdlib"))
    if any(path.is_relative_to(folder) for folder in installed):
        return None
    return Location(path, "main-file" if shell else "script", runner="ipython" if shell else "script")


def _by_session_name(kernel: Kernel) -> Location | None:
    """Read ``JPY_SESSION_NAME``: stale after a rename, a folder under nbclassic."""
    stated = os.environ.get("JPY_SESSION_NAME", "")
    if not stated.endswith(".ipynb"):
        return None
    path = Path(stated)
    if not path.is_absolute():  # of a session without a name: relative to the server's root
        path = kernel.folder / path.name
    return Location(path, "session-name", confidence="likely", runner=host.name() or "jupyter-server")
