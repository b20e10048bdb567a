"""The program that started the kernel, and the notebooks its command line names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import psutil

_T = TypeVar("_T")

# Programs that run a notebook named on their command line, by script or `-m` module.
_RUNNERS = {
    "jupyter-execute": "jupyter-execute",
    "jupyter-nbconvert": "nbconvert",
    "nbconvert": "nbconvert",
    "papermill": "papermill",
    "jupytext": "jupytext",
}

# Options whose values may look like a notebook, and how many values follow.
_VALUES_AFTER = {
    "--output": 1,
    "-o": 1,
    "--cwd": 1,
    "--kernel_name": 1,
    "--to": 1,
    "-p": 2,
    "--parameters": 2,
    "-r": 2,
    "--parameters_raw": 2,
}


@dataclass(frozen=True)
class Launcher:
    """What the operating system tells about the kernel's parent process.

    Attributes:
        arguments: The command line; empty where it cannot be read.
        folder: Its working directory.
        environment: What it was started with, not what it set itself since.
    """

    arguments: tuple[str, ...] = ()
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def runner(self) -> str:
        """The notebook runner it is, or an empty string."""
        return self._split()[0]

    @property
    def notebooks(self) -> tuple[str, ...]:
        """The notebooks on the command line, without outputs and option values.

        They are as they were typed, but for the suffix, which some runners add: a value of an option that is
        not known here may be among them. nbconvert's may be patterns.

        Example:
            >>> line = "python /bin/papermill -p name x.ipynb in.ipynb out.ipynb"
            >>> Launcher(tuple(line.split())).notebooks
            ('in.ipynb',)
            >>> Launcher(("jupyter-execute", "in")).notebooks
            ('in.ipynb',)
        """
        runner, rest = self._split()
        found = []
        skip = 0
        for argument in rest:
            if skip:
                skip -= 1
            elif argument.startswith("-"):
                skip = _VALUES_AFTER.get(argument, 0)
            elif argument.endswith(".ipynb"):
                found.append(argument)
            elif runner == "jupyter-execute":
                found.append(str(Path(argument).with_suffix(".ipynb")) if Path(argument).name else argument)
            elif runner == "nbconvert":
                found.append(f"{argument}.ipynb")
        # papermill's first is the input; its second, if any, is the output.
        return tuple(found[:1]) if runner == "papermill" else tuple(found)

    @property
    def left_for(self) -> Path | None:
        """The folder that papermill was given as ``--cwd``: it then runs elsewhere than it was started.

        Example:
            >>> str(Launcher(("papermill", "in.ipynb", "--cwd", "sub")).left_for)
            'sub'
        """
        for argument, following in zip(self.arguments, (*self.arguments[1:], ""), strict=True):
            name, _, value = argument.partition("=")
            if name == "--cwd":
                return Path(value or following)
        return None

    def _split(self) -> tuple[str, tuple[str, ...]]:
        for position, argument in enumerate(self.arguments):
            if argument.endswith(".ipynb"):
                break
            name = Path(argument).name.removesuffix(".exe")
            if name in _RUNNERS:
                return _RUNNERS[name], self.arguments[position + 1 :]
        return "", ()


def read(pid: int) -> Launcher:
    """Read what can be read of process *pid*."""
    process = _process(pid)
    if process is None:
        return Launcher()
    folder = _ask(process.cwd, "")
    return Launcher(
        arguments=tuple(_ask(process.cmdline, [])),
        folder=Path(folder) if folder else None,
        environment=_ask(process.environ, {}),
    )


def open_files(pid: int) -> frozenset[Path]:
    """Return the files that process *pid* holds open: nbconvert its notebook, for as long as that runs."""
    process = _process(pid)
    if process is None:
        return frozenset()
    return _ask(lambda: frozenset(Path(each.path) for each in process.open_files()), frozenset())


def _process(pid: int) -> psutil.Process | None:
    import psutil  # 18 ms, for where no cheaper signal answered

    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _ask(read: Callable[[], _T], default: _T) -> _T:
    import psutil

    try:
        return read()
    except (psutil.Error, OSError):
        return default
