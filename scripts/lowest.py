"""Print the lower bound of every dependency in pyproject.toml as a pip constraint.

    python scripts/lowest.py EXTRA ...

The extras that are named join the dependencies that every user gets.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
LOWER_BOUND = re.compile(r"(?P<name>[\w.-]+)(\[[\w,-]+\])?>=(?P<version>[\w.]+)")


def constraints(*extras: str) -> list[str]:
    """Pin each dependency, and each of these extras, to the lowest version it allows."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    requirements = list(project["dependencies"])
    for extra in extras:
        requirements += project["optional-dependencies"][extra]
    pins = []
    for requirement in requirements:
        bound = LOWER_BOUND.fullmatch(requirement)
        if bound is None:
            sys.exit(f"{PYPROJECT.name}: write {requirement!r} as name>=version: its lower bound is tested")
        pins.append(f"{bound['name']}=={bound['version']}")
    return pins


if __name__ == "__main__":
    print("\n".join(constraints(*sys.argv[1:])))
