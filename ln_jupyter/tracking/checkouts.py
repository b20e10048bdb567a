"""Whether two files are one file of one git repository, in two of its work trees."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 5.0


def are_one_file(one: Path, other: Path) -> bool:
    """Return whether git holds both as the same file: a clone or a worktree of one repository, and no copy.

    That is so where each has the same path in its own work tree, and the trees are of one repository:
    they share its folder, a remote, or the first commit. A second file in one work tree is a copy, and
    so is one in another repository, or in none.
    """
    here, there = _root(one), _root(other)
    if here is None or there is None or here == there or one.relative_to(here) != other.relative_to(there):
        return False
    return any(not evidence(here).isdisjoint(evidence(there)) for evidence in (_folder, _remotes, _first_commits))


def _root(path: Path) -> Path | None:
    return next((folder for folder in path.parents if os.path.lexists(folder / ".git")), None)


def _folder(root: Path) -> set[str]:
    return {os.path.realpath(root / line) for line in _ask(root, "rev-parse", "--git-common-dir")}


def _remotes(root: Path) -> set[str]:
    """Return the addresses a clone was made from or goes to, and its own, which another clone may name."""
    lines = _ask(root, "config", "--get-regexp", r"^remote\..*\.url$")
    return {str(root), str(root / ".git"), *(line.partition(" ")[2] for line in lines)}


def _first_commits(root: Path) -> set[str]:
    return set(_ask(root, "rev-list", "--max-parents=0", "HEAD"))


def _ask(root: Path, *question: str) -> list[str]:
    """Return git's answer by lines; none where it does not answer."""
    from ln_jupyter.environment import git  # here for cost: only two files that may be one are asked about

    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        answer = subprocess.run(  # noqa: S603 - fixed commands that only read, found as the user's shell finds git
            (*git.COMMAND, *question),
            cwd=root,
            env=environment | git.ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return answer.stdout.decode(errors="replace").splitlines()
