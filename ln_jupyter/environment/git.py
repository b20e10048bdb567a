"""What git says: which commit the code is at, whether it was changed since, and whether two files are one file of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

# A repository is read as it is: nothing of it is run or refreshed, nothing is fetched, nobody is asked.
# A folder may be laid out as a bare repository, and came with a clone: its configuration names programs.
_COMMAND = (
    "git",
    *("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}"),
    *("-c", "safe.bareRepository=explicit"),
)
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",  # none; a repository's own protocol.NAME.allow does not count beside it
    "LC_ALL": "C",
}

# What git sets for its hooks, and would lead to their repository instead of the notebook's.
_OF_ANOTHER = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_CONFIG"),
}

_STATUS = ("status", "--porcelain=v2", "-z", "--branch", "--untracked-files=no", "--ignore-submodules=dirty")
_SECONDS = 5.0
_NOTHING_FOUND = 1  # `git config` ends with it where nothing is said
_COMMIT = "# branch.oid "
_UNBORN = "(initial)"
_OWN_FILTER = re.compile(r"(?:local|worktree)\tfilter\.(?P<name>.*)\.[^.]+")
_UNFILTERED = re.compile(r"1 \.M N\.\.\. (?:\S+ ){5}(?P<path>.*)", re.DOTALL)


@dataclass(frozen=True)
class Revision:
    """What git says about a folder.

    Attributes:
        commit: The commit that is checked out; None before the first.
        dirty: A tracked file differs from it; files that git does not know do not count. None where
            only a filter could tell that the repository itself names, which is not run.
    """

    commit: str | None
    dirty: bool | None


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
    found = root(folder) if folder.is_dir() else None
    return None if found is None else _revision(found, time.monotonic() + timeout)


def root(folder: Path) -> Path | None:
    """Return the folder of the work tree that a folder is in."""
    return next((each for each in (folder, *folder.parents) if os.path.lexists(each / ".git")), None)


def ask(folder: Path, *question: str, timeout: float, given: str | None = None) -> str | None:
    """Ask git something that only reads; nothing that a repository names is run for it, but filters.

    Args:
        folder: Where to ask.
        question: What git is called with.
        timeout: Seconds after which git, and what it has started, is ended.
        given: What it reads from its input.

    Returns:
        Its answer; None where there is none.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER}
    try:
        process = subprocess.Popen(  # noqa: S603 - a fixed command, found as the user's shell finds it
            (*_COMMAND, *question),
            cwd=folder,
            env=environment | _ENVIRONMENT,
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # to be ended with all that it starts
        )
    except (OSError, ValueError):  # no git; a folder that is gone, or has a name no system takes
        return None
    with process:
        try:
            output, _ = process.communicate(None if given is None else os.fsencode(given), timeout=max(timeout, 0))
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                _end(process)
    return os.fsdecode(output) if process.returncode in (0, _NOTHING_FOUND) else None


def _revision(root: Path, deadline: float) -> Revision | None:
    filters = _own_filters(root, deadline)
    if filters is None or any("=" in name for name in filters):  # which cannot be turned off
        return None
    turned_off = [
        word
        for name in filters
        for setting in ("clean=", "process=", "required=false")
        for word in ("-c", f"filter.{name}.{setting}")
    ]
    status = ask(root, *turned_off, *_STATUS, timeout=deadline - time.monotonic())
    if not status:
        return None
    lines = [line for line in status.split("\0") if line]
    commit = next((line.removeprefix(_COMMIT) for line in lines if line.startswith(_COMMIT)), _UNBORN)
    changes = [line for line in lines if not line.startswith("#")]
    dirty = _is_dirty(root, changes, filters, deadline)
    if dirty is False:
        inner = [_revision(each, deadline) for each in _submodules(root, deadline)]
        known = {each.dirty for each in inner if each is not None}
        dirty = True if True in known else None if None in known else False
    return Revision(None if commit == _UNBORN else commit, dirty)


def _own_filters(root: Path, deadline: float) -> set[str] | None:
    """Name the filters that the repository itself brings, and not its user's configuration."""
    asked = ("config", "--show-scope", "--includes", "--name-only", "--get-regexp", r"^filter\.")
    found = ask(root, *asked, timeout=deadline - time.monotonic())
    return None if found is None else {own["name"] for own in map(_OWN_FILTER.fullmatch, found.splitlines()) if own}


def _is_dirty(root: Path, changes: list[str], filters: Collection[str], deadline: float) -> bool | None:
    """Judge what git says is changed: of a file whose filter was not run, git cannot say so."""
    unsure = [each["path"] for each in map(_UNFILTERED.fullmatch, changes) if each]
    if not (filters and unsure) or len(unsure) < len(changes):
        return bool(changes)
    given = "".join(f"{path}\0" for path in unsure)
    told = ask(root, "check-attr", "-z", "--stdin", "filter", timeout=deadline - time.monotonic(), given=given)
    names = (told or "").split("\0")[2::3]
    return None if len(names) == len(unsure) and set(names) <= set(filters) else True


def _submodules(root: Path, deadline: float) -> list[Path]:
    """Return the submodules that are checked out: git is not let into them, as each may name programs of its own."""
    if not (root / ".gitmodules").is_file():
        return []
    asked = ("config", "-z", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$")
    told = ask(root, *asked, timeout=deadline - time.monotonic()) or ""
    real = Path(os.path.realpath(root))
    found = {Path(os.path.realpath(root / each.partition("\n")[2])) for each in told.split("\0") if each}
    return [each for each in found if real in each.parents and os.path.lexists(each / ".git")]


def are_one_file(one: Path, other: Path) -> bool:
    """Return whether git holds both as the same file: a clone or a worktree of one repository, and no copy.

    That is so where each has the same path in its own work tree, and the trees are of one repository:
    they share its folder, a remote, or the first commit. A second file in one work tree is a copy, and
    so is one in another repository, or in none.
    """
    here, there = root(one.parent), root(other.parent)
    if here is None or there is None or here == there or one.relative_to(here) != other.relative_to(there):
        return False
    return any(not evidence(here).isdisjoint(evidence(there)) for evidence in (_folder, _remotes, _first_commits))


def _folder(root: Path) -> set[str]:
    return {os.path.realpath(root / line) for line in _lines(root, "rev-parse", "--git-common-dir")}


def _remotes(root: Path) -> set[str]:
    """Return the addresses a clone was made from or goes to, and its own, which another clone may name."""
    lines = _lines(root, "config", "--get-regexp", r"^remote\..*\.url$")
    return {str(root), str(root / ".git"), *(line.partition(" ")[2] for line in lines)}


def _first_commits(root: Path) -> set[str]:
    return set(_lines(root, "rev-list", "--max-parents=0", "HEAD"))


def _lines(root: Path, *question: str) -> list[str]:
    """Return git's answer by lines; none where it does not answer."""
    return (ask(root, *question, timeout=_SECONDS) or "").splitlines()


def _end(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:  # pragma: no cover - Windows
        process.kill()
