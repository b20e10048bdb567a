"""Which commit of a git repository the code is at, and whether it was changed since."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# A repository is read as it is: nothing of it is run or refreshed, nothing is fetched, nobody is asked.
# A folder may be laid out as a bare repository, and came with a clone: its configuration names programs.
COMMAND = (
    "git",
    *("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "protocol.allow=never"),
    *("-c", "safe.bareRepository=explicit"),
)
"""How git is called for a question about a repository; what is asked follows."""

_STATUS = ("status", "--porcelain=v2", "--branch", "--untracked-files=no")
ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_NO_LAZY_FETCH": "1",
    "LC_ALL": "C",
}
"""What its environment has beside."""

# What git sets for its hooks, and would lead to their repository instead of the notebook's.
_OF_ANOTHER = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
}
_COMMIT = "# branch.oid "
_UNBORN = "(initial)"


@dataclass(frozen=True)
class Revision:
    """What git says about a folder.

    Attributes:
        commit: The commit that is checked out; None before the first.
        dirty: A tracked file differs from it; files that git does not know do not count.
    """

    commit: str | None
    dirty: bool


def revision(folder: Path, *, timeout: float = 2.0) -> Revision | None:
    """Ask git about the repository that *folder* is in; nothing is raised, and nothing changed.

    Args:
        folder: Of the notebook.
        timeout: Seconds after which git, and what it has started, is ended.

    Returns:
        None where there is no repository or no git, and where git refuses, as it does for a
        repository that belongs to somebody else, or takes too long.
    """
    # Without a repository, as for most notebooks, no process is started.
    if not any(os.path.lexists(each / ".git") for each in (folder, *folder.parents)):
        return None
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER}
    try:
        process = subprocess.Popen(  # noqa: S603 - a fixed command, found as the user's shell finds it
            (*COMMAND, *_STATUS),
            cwd=folder,
            env=environment | ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # to be ended with all that it starts
        )
    except (OSError, ValueError):  # no git; a folder that is gone, or has a name no system takes
        return None
    with process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                _end(process)
    return _read(output.decode(errors="replace")) if process.returncode == 0 else None


def _read(status: str) -> Revision:
    lines = status.splitlines()
    commit = next((line.removeprefix(_COMMIT) for line in lines if line.startswith(_COMMIT)), _UNBORN)
    dirty = any(not line.startswith("#") for line in lines)
    return Revision(None if commit == _UNBORN else commit, dirty)


def _end(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:  # pragma: no cover - Windows
        process.kill()
