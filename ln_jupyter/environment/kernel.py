"""The kernel this code runs in, seen from inside, without importing IPython."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

# A server names its kernels' files kernel-<uuid>.json; nbclient and its family tmpXXXX.json.
# The whole name is matched: splitting on "-" breaks on folders such as /home/john-doe.
_OF_A_SERVER = re.compile(r"kernel-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json")


class Kernel(NamedTuple):
    """An IPython kernel, as far as it can be seen from a cell.

    Attributes:
        shell: IPython's own shell; untyped because IPython is never imported here.
        folder: Where the kernel was started; ``os.chdir`` in a cell does not change it.
        connection_file: Written by whoever started the kernel.
        id: The id a Jupyter server gave it; empty for a kernel of any other program.
    """

    shell: Any
    folder: Path
    connection_file: Path | None
    id: str

    @property
    def cell_id(self) -> str:
        """What the front end calls the running cell; empty where it does not say."""
        cell_id = self._asked("metadata").get("cellId")
        return cell_id if isinstance(cell_id, str) else ""

    @property
    def is_headless(self) -> bool:
        """Whether a program runs the cells, as nbclient does: it says that nobody can be asked for input."""
        return self._asked("content").get("allow_stdin") is False

    @property
    def executed(self) -> tuple[str, ...]:
        """The sources executed so far, in their order; the running cell is the last."""
        history = getattr(self.shell.history_manager, "input_hist_raw", ())
        return tuple(stripped for source in history if (stripped := source.strip()))

    def _asked(self, part: str) -> dict[str, Any]:
        return _asked(self.shell.kernel, part)

    @property
    def launcher_pid(self) -> int:
        """The process that started the kernel, also where a wrapper such as ``conda run`` stands between."""
        stated = os.environ.get("JPY_PARENT_PID", "")
        # On Windows the variable holds a handle, not a pid.
        return int(stated) if stated.isdecimal() and os.name != "nt" else os.getppid()


def goes_on_after_error(shell: Any) -> bool:
    """Return whether whoever runs the cell goes on where it fails: nbclient and JupyterLab say so with its request."""
    kernel = getattr(shell, "kernel", None)
    return kernel is not None and _asked(kernel, "content").get("stop_on_error") is False


def _asked(kernel: Any, part: str) -> dict[str, Any]:
    """Return a part of the front end's request to run the cell."""
    request = kernel.get_parent()
    found = request.get(part) if isinstance(request, dict) else None
    return found if isinstance(found, dict) else {}


def shell() -> Any | None:
    """Find IPython's shell; None in plain Python, where IPython stays unimported."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def current() -> Kernel | None:
    """Find the kernel that runs this code; None in a script or a terminal."""
    found = shell()
    if found is None or getattr(found, "kernel", None) is None:
        return None
    stated = found.config.get("IPKernelApp", {}).get("connection_file")
    file = Path(stated) if isinstance(stated, str) and stated else None
    match = _OF_A_SERVER.fullmatch(file.name) if file is not None else None
    return Kernel(
        shell=found,
        folder=Path(found.starting_dir),
        connection_file=file,
        id=match[1] if match else "",
    )
