"""What is opened and is nobody's data."""

# ruff: noqa: PTH111

from __future__ import annotations

import os
import sys

import pytest

from ln_jupyter.files.access import READ, WRITE
from ln_jupyter.files.noise import Noise

pytestmark = pytest.mark.newest  # no library decides what is proved here

FOLDER = "/home/ann/growth"


@pytest.mark.parametrize(
    ("path", "access", "is_out"),
    [
        (f"{FOLDER}/a.csv", READ, False),
        ("/data/a.csv", READ, False),
        ("/dev/shm/a.csv", READ, False),
        ("/library/a.csv", READ, False),
        ("/tmp/a.csv", WRITE, False),
        (f"{FOLDER}/tools.py", READ, True),
        (f"{FOLDER}/tools.py", WRITE, False),
        (f"{FOLDER}/other.ipynb", READ, True),
        (f"{FOLDER}/__pycache__/tools.cpython-312.pyc", WRITE, True),
        (f"{FOLDER}/.git/index", READ, True),
        (f"{FOLDER}/.ipynb_checkpoints/a-checkpoint.csv", WRITE, True),
        (f"{FOLDER}/a.db-wal", WRITE, True),
        (f"{FOLDER}/a.lock", WRITE, True),
        (f"{FOLDER}/own.db", WRITE, True),
        (os.__file__, READ, True),
        (f"{sys.prefix}/share/data.csv", READ, True),
        (os.path.expanduser("~/.cache/seaborn/iris.csv"), READ, True),
        ("/dev/null", WRITE, True),
        ("/proc/self/stat", READ, True),
        ("/etc/mime.types", READ, True),
        ("/usr/share/zoneinfo/UTC", READ, True),
    ],
)
def test_what_is_left_out(path: str, access: int, *, is_out: bool) -> None:
    """Files of Python, packages, programs and the system, caches, locks and code that is read are left out."""
    assert Noise(FOLDER, own=[f"{FOLDER}/own.db"]).leaves_out(path, access) == is_out


@pytest.mark.parametrize(
    ("patterns", "name", "is_out"),
    [
        ("*.log", "a.log", True),
        ("*.log", "sub/a.log", True),
        ("*.log !keep.log", "keep.log", False),
        ("!keep.log *.log", "keep.log", True),
        ("scratch/", "scratch/deep/a.csv", True),
        ("scratch/*.csv", "scratch/a.csv", True),
        ("./scratch/*.csv", "scratch/a.csv", True),
        ("scratch/*.csv", "other/a.csv", False),
        (f"{FOLDER}/a.csv", "a.csv", True),
        ("!params.py", "params.py", False),
        ("!*", ".git/index", False),
        ("!own.db", "own.db", True),
    ],
)
def test_patterns(patterns: str, name: str, *, is_out: bool) -> None:
    """Patterns leave out or take in; the last one that matches counts, and what is our own stays out."""
    noise = Noise(FOLDER, own=[f"{FOLDER}/own.db"], patterns=patterns.split())

    assert noise.leaves_out(f"{FOLDER}/{name}", READ) == is_out


def test_a_notebook_where_python_is() -> None:
    """Where the notebook is in the folder of Python or of the system, its neighbours are data all the same."""
    for folder in (f"{sys.prefix}/work", "/etc/lab", os.path.expanduser("~/.local/work")):
        noise = Noise(folder, own=())
        assert not noise.leaves_out(f"{folder}/a.csv", READ)
        assert noise.leaves_out(os.__file__, READ)
