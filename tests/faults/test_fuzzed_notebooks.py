"""Whatever a notebook's file holds: it is read, or is one of our errors."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ln_jupyter import errors
from ln_jupyter.notebook import document, identity, imports, parameters, title
from ln_jupyter.notebook.document import Cell
from tests.faults import fuzzing

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.newest  # what is proven is of no library's version

WELL_FORMED = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"nbproject": {"id": "Rx2s9cPTMQLY", "version": "1", "time_run": "2026-01-02T03:04:05+00:00"}},
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Growth\n", "of *E. coli*"]},
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {"tags": ["parameters"]},
            "source": "alpha = 0.1",
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {document.MIME: {"schema": 1, "nbproject": {"id": "Rx2s9cPTMQLY", "version": "2"}}},
                }
            ],
            "execution_count": 1,
        },
    ],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fuzzed.ipynb"


def use(file: Path, raw: bytes) -> document.Document | None:
    """Read a file, and do with it what a registration does; None if it was refused."""
    file.write_bytes(raw)
    try:
        found = document.read(file)
    except errors.NotebookUnreadableError:
        return None
    stated = identity.stated(found)
    if stated is not None:
        identity.check(stated.id, stated.version)
    assert json.loads(json.dumps(parameters.read(found.cells))) == parameters.read(found.cells)
    imports.imported_modules(found.cells)
    assert len(found.source_hash) == 64
    assert [cell.type for cell in found.cells] == [cell.type for cell in document.cells_of(found.source)]
    assert found.title is None or (found.title.strip() == found.title != "" and len(found.title) <= 500)
    return found


@given(st.binary(max_size=400))
@example(b"\xef\xbb\xbf{}")
@example(json.dumps(WELL_FORMED).encode("utf-16"))
@example(b"\x00" * 10)
def test_bytes(file: Path, raw: bytes) -> None:
    """Bytes of any kind are a notebook, a script, or refused."""
    use(file, raw)
    use(file.with_suffix(".py"), raw)


@given(fuzzing.values)
def test_json(file: Path, value: Any) -> None:
    """JSON of any shape is a notebook or is refused."""
    use(file, fuzzing.written(value))


@given(fuzzing.notebooks)
def test_nearly_notebooks(file: Path, notebook: dict[str, Any]) -> None:
    """What is nearly a notebook is read as far as it is one."""
    found = use(file, fuzzing.written(notebook))

    if found is not None:
        assert len(found.cells) == sum(isinstance(cell, dict) for cell in notebook["cells"])


@given(st.data())
def test_damaged_notebooks(file: Path, data: st.DataObject) -> None:
    """A real notebook with some bytes lost, repeated or changed is read, or is refused."""
    raw = bytearray(json.dumps(WELL_FORMED, indent=1).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        raw[start : start + data.draw(st.integers(0, 40))] = data.draw(
            st.binary(max_size=8)
            | st.sampled_from([b"{", b"[", b'"', b"NaN", b"1e999", b"\\ud800", b"null", b"9" * 5000])
        )

    use(file, bytes(raw))


@given(st.data())
def test_mutated_notebooks(file: Path, data: st.DataObject) -> None:
    """A real notebook in which any one value became another one is read, or is refused."""
    notebook = json.loads(json.dumps(WELL_FORMED))
    places: list[tuple[Any, Any]] = []
    stack = [notebook]
    while stack:
        each = stack.pop()
        for key in each if isinstance(each, dict) else range(len(each)):
            places.append((each, key))
            if isinstance(each[key], dict | list):
                stack.append(each[key])
    container, key = data.draw(st.sampled_from(places))
    container[key] = data.draw(fuzzing.values)

    use(file, fuzzing.written(notebook))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"cells": ' + b"[" * 200_000,
        b'{"cells": [], "metadata": ' + b'{"a":' * 200_000,
        b"[" * 2_000 + b"]" * 2_000,
        b'{"nbformat": ' + b"9" * 5_000 + b', "cells": []}',
        b'{"cells": [{"metadata": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}]}",
    ],
    ids=["open lists", "open mappings", "closed lists", "number", "mappings"],
)
def test_depths(file: Path, raw: bytes) -> None:
    """Depths and numbers that Python's reader gives up on are refused, or read."""
    use(file, raw)


def test_of_two_keys_the_last_one_counts(file: Path) -> None:
    """A key that is there twice, as after a merge, is read as every JSON reader of Python does."""
    found = use(file, b'{"cells": [], "cells": [{"cell_type": "code", "source": "1"}]}')

    assert found is not None
    assert found.cells == (Cell(None, "code", "1"),)


@pytest.mark.parametrize("bom", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings(file: Path, bom: str) -> None:
    """A notebook in any of Unicode's encodings is read."""
    found = use(file, json.dumps(WELL_FORMED).encode(bom))

    assert found is not None
    assert found.title == "Growth"


@given(fuzzing.text, fuzzing.text | fuzzing.values)
def test_identities(notebook_id: str, version: Any) -> None:
    """An id and a version can name a notebook, or are refused; what is taken is plain."""
    try:
        identity.check(notebook_id, version)
    except errors.InvalidIdentityError:
        return

    assert notebook_id.isascii()
    assert version is None or (isinstance(version, str) and version.isascii())


@given(fuzzing.values)
def test_moments(value: Any) -> None:
    """A time is aware and can be compared, or is none."""
    moment = document.moment(value)

    assert moment is None or moment.tzinfo is not None
    assert document.ran_at({"time_run": value}) >= document.ran_at({})


# fmt: off
MARKUP = [
    "#", "##", " ", "\n", "\r", "---", "===", "```", "~~~", "<h1>", "</h1>", "<h1", "<!--", "-->", "*", "_", "[", "](",
    ")", "![", "`", "$", "\\", "&lt;", "&#0;", "&#xD800;", "<", ">", "\ue000", "\uf8ff", "title:", "|", "1.", "\t",
]
PIECES = [
    "# ", "a", "`", "$", "*", "_", "~~", "[", "](", "![", "<h1>", "<h1 ", "<!--", "<a ", "---\n", "- ", "x:\n", "***", "\n",
    "\\", "&amp", "```\n",
]
CODE = [
    "a = ", "b: int = ", "(", ")", "[", "{", "}", "]", "1", "'x'", ", ", ": ", "\n", "#", "-", "1e999", "9" * 5000, "a = b = ",
    "*", "\\", "'''", "%time ", "!ls", "lambda: ", "float('nan')", "{1: 2}", "b''", "...", "\0", "password = ",
]
# fmt: on


def joined(pieces: list[str], most: int) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces) | fuzzing.text, max_size=most).map("".join)


@given(joined(MARKUP, 25))
@settings(max_examples=200)
@example("# &#xD800;")
@example("# \ue000`a`")
def test_titles(markdown: str) -> None:
    """A title is one line of words without ends, or there is none."""
    found = title.read_heading(markdown)

    assert found is None or (found == " ".join(found.split()) != "" and len(found) <= 500)


def test_no_title_takes_long() -> None:
    """No pattern makes the search for a title run away: 20,000 characters of any two pieces are searched at once."""
    code = f"""if True:
        from ln_jupyter.notebook import title
        for first in {PIECES!r}:
            for second in {PIECES!r}:
                for text in ((first + second) * 5_000, "# " + (first + second) * 5_000, first * 5_000 + second * 5_000):
                    title.read_heading(text)
    """

    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@given(st.lists(joined(CODE, 15), max_size=3), st.sampled_from(["parameters", "injected-parameters"]))
@settings(max_examples=120)
@example(["a = " + "-" * 5_000 + "1"], "parameters")
@example(["a = " + "[" * 150 + "]" * 150], "parameters")
@example(["a = " + "(" * 5_000], "parameters")
@example(["a = " + "9" * 5_000], "parameters")
@example(["a = {'\\ud800': 1}"], "parameters")
@example(["a = 1e999", "b = [-1e999]"], "parameters")
def test_parameters(sources: list[str], tag: str) -> None:
    """What is read as parameters can be stored as JSON by every database, whatever the cells hold."""
    found = parameters.read([Cell(None, "code", source, (tag,)) for source in sources])

    written = json.dumps(found, allow_nan=False)
    assert json.loads(written) == found
    assert "\\u0000" not in written
    imports.imported_modules([Cell(None, "code", source) for source in sources])
