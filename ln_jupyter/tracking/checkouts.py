"""Whether two files are one file of one git repository, in two of its work trees."""

from __future__ import annotations

import os
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
    from ln_jupyter.environment import git  # here for cost: only two files that may be one are asked about

    here, there = git.root(one.parent), git.root(other.parent)
    if here is None or there is None or here == there or one.relative_to(here) != other.relative_to(there):
        return False
    return any(not evidence(here).isdisjoint(evidence(there)) for evidence in (_folder, _remotes, _first_commits))


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
    from ln_jupyter.environment import git  # as above

    return (git.ask(root, *question, timeout=_SECONDS) or "").splitlines()
