from __future__ import annotations

import dis
import sys
import tokenize
from pathlib import Path
from types import CodeType

import alembic
import nbformat
import pytest

from ln_jupyter.notebook import imports
from ln_jupyter.notebook.document import Cell


@pytest.mark.parametrize(
    ("expected", "source"),
    [
        ({"numpy", "pandas.io"}, "import numpy as np, pandas.io"),
        ({"google.cloud.storage", "google.cloud.bigquery"}, "from google.cloud import storage, bigquery as bq"),
        ({"numpy"}, "from numpy import *"),
        ({"numpy"}, "def f():\n    if x:\n        import numpy"),
        ({"numpy"}, "try:\n    import numpy\nexcept ImportError:\n    numpy = None"),
        ({"numpy"}, "%matplotlib inline\nimport numpy\n!pip install pandas"),
        ({"numpy"}, "%%ln_session\nimport numpy"),
        ({"numpy"}, "import numpy\nthis is broken\nimport os"),
        ({"numpy"}, "import numpy; await numpy.load()"),
        (
            set(),
            "import os, sys, os.path, __main__\nfrom __future__ import annotations\nfrom collections.abc import Mapping",
        ),
        (set(), "from . import growth\nfrom .growth import fit\nfrom .. import lab"),
        (set(), "'import numpy'  # import pandas"),
        (set(), "%%bash\nimport numpy"),
        (set(), "important = 1"),
        (set(), ""),
    ],
)
def test_modules(expected: set[str], source: str) -> None:
    """What a cell imports is named in full, without the user's own code and the standard library."""
    assert expected == imports.modules(source)


def test_cells() -> None:
    """Only code is read, of every cell."""
    cells = [Cell(None, "code", "import a"), Cell(None, "markdown", "import b"), Cell(None, "code", "import c")]

    assert imports.imported_modules(cells) == {"a", "c"}


def test_bound() -> None:
    """After a million characters no further cell is read."""
    data = Cell(None, "code", "x = 1\n" * 16_000)

    found = imports.imported_modules(
        [Cell(None, "code", "import a"), *[data] * 20, Cell(None, "code", f"import b\n{data.source}")]
    )

    assert found == {"a"}


def imported(code: CodeType) -> set[str]:
    """Name the top-level modules that compiled code imports, by its instructions."""
    found = set()
    previous: list[object] = [None, None]
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME" and not previous[0]:
            found.add(instruction.argval.partition(".")[0])
        previous = [previous[1], instruction.argval]
    return found.union(*(imported(each) for each in code.co_consts if isinstance(each, CodeType)))


@pytest.mark.parametrize("folder", [Path(nbformat.__file__).parent, Path(alembic.__file__).parent])
def test_files_of_others(folder: Path) -> None:
    """For files of other people's packages, the modules are those that Python's compiler imports."""
    for file in folder.rglob("*.py"):
        with tokenize.open(file) as text:
            source = text.read()
        if len(source) < 100_000:
            expected = imported(compile(source, file, "exec", dont_inherit=True)) - sys.stdlib_module_names

            assert expected == {name.partition(".")[0] for name in imports.modules(source)}, file


@pytest.mark.parametrize(
    ("expected", "source"),
    [
        ({"a.b", "c"}, "if x: from a import (b as d,); import c as e"),
        ({"a"}, 'f"{1} import b"\nx = {"k": "import c"}\nimport a'),
        (set(), "import data from the lab\nfrom here import some more"),
        ({"b"}, "x = '''import a\nimport c\n'''; import b"),
        ({"a"}, "raise E from import_error\nimport a"),
    ],
)
def test_words_that_look_like_imports(expected: set[str], source: str) -> None:
    """Neither text nor what is no Python imports anything."""
    assert expected == imports.modules(source)


def test_a_thread_parses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's parser is left to the main thread: there it compiles cells and shows errors, and two at once break it."""
    monkeypatch.setattr("ast.parse", None)

    assert {"numpy"} == imports.modules("%time\nimport numpy")
