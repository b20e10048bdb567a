from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from ln_jupyter import errors
from ln_jupyter.notebook import document
from ln_jupyter.notebook.document import Cell


def notebook(*cells: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)} | keys


def code(source: Any, **keys: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": [], "metadata": {}} | keys


def carrying(nbproject: Any) -> dict[str, Any]:
    return code(
        "header()", outputs=[{"output_type": "display_data", "data": {document.MIME: {"nbproject": nbproject}}}]
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "Übung eins.ipynb"


def read(file: Path, content: Any) -> document.Document:
    file.write_text(json.dumps(content), encoding="utf-8")
    return document.read(file)


def test_cells(file: Path) -> None:
    """Sources are one string however they were split, and ids and tags are kept."""
    cells = [
        {"cell_type": "markdown", "id": "a", "source": ["# Growth\n", "words"], "metadata": {}},
        code("x = 1", metadata={"tags": ["parameters", 7]}),
        code(["x\n", 7, None]),
    ]

    found = read(file, notebook(*cells))

    expected = (
        Cell("a", "markdown", "# Growth\nwords"),
        Cell(None, "code", "x = 1", ("parameters",)),
        Cell(None, "code", "x\n"),
    )
    assert expected == found.cells


def test_title(file: Path) -> None:
    """The title is looked for in all Markdown cells, and nowhere else."""
    cells = [
        code("# no title"),
        {"cell_type": "raw", "source": "# no title"},
        {"cell_type": "markdown", "source": "words"},
        {"cell_type": "markdown", "source": "# Growth"},
    ]

    found = read(file, notebook(*cells))

    assert found.title == "Growth"


def test_nothing_is_lost_without_nbformat(file: Path) -> None:
    """The oldest notebooks of nbformat 4, without ids and metadata, are read."""
    found = read(file, {"nbformat": 4, "nbformat_minor": 0, "cells": [{"cell_type": "code", "source": "1"}]})

    assert found.cells == (Cell(None, "code", "1"),)


def test_metadata(file: Path) -> None:
    """What nbproject wrote is found in the notebook's metadata."""
    found = read(file, notebook(metadata={"nbproject": {"id": "Rx2s9cPTMQLY"}}))

    assert found.metadata == {"id": "Rx2s9cPTMQLY"}


@pytest.mark.parametrize("metadata", [None, [], "text", {"nbproject": None}, {"nbproject": ["id"]}, {"nbproject": 1}])
def test_wrong_metadata(file: Path, metadata: Any) -> None:
    """Metadata of a wrong type counts as absent."""
    found = read(file, notebook(metadata=metadata))

    assert found.metadata == {}


@pytest.mark.parametrize(
    "cell",
    [None, 7, {}, code(None, outputs=None, metadata=None, id=7), code("", outputs=[None, {"data": []}]), carrying([1])],
)
def test_wrong_cells(file: Path, cell: Any) -> None:
    """Cells and outputs of a wrong type hide nothing else in the file."""
    found = read(file, notebook(cell, code("1")))

    assert found.cells[-1] == Cell(None, "code", "1")
    assert found.carried == ()


def test_carried(file: Path) -> None:
    """What saved headers carry is found in the order of the cells, as it is."""
    carried = ({"id": "first", "time_run": "2026-01-02T01:00:00+02:00"}, {"id": "odd time", "time_run": 3000}, {"x": 1})

    found = read(file, notebook(*map(carrying, carried)))

    assert carried == found.carried


def test_source_hash_of_same_source(file: Path) -> None:
    """Running, saving and tracking a notebook leave its source hash as it was."""
    written = read(file, notebook(code(["x\n", "y"])))

    ran = read(
        file,
        notebook(
            code("x\ny", id="new", execution_count=3, outputs=[{"text": "1"}], metadata={"tags": ["a"]}),
            metadata={"nbproject": {"id": "a"}},
        ),
    )

    assert written.source_hash == ran.source_hash


@pytest.mark.parametrize(
    "changed",
    [
        [code("x"), code("z")],
        [code("y"), code("x")],
        [code("xy")],
        [code("x"), {"cell_type": "raw", "source": "y"}],
        [code("x"), code("y"), code("")],
    ],
)
def test_source_hash_of_changed_source(file: Path, changed: list[dict[str, Any]]) -> None:
    """Any change of a source, a type or the order changes the source hash."""
    before = read(file, notebook(code("x"), code("y")))

    after = read(file, notebook(*changed))

    assert before.source_hash != after.source_hash


def test_source_hash_of_half_a_character(file: Path) -> None:
    """A source that no encoding can write still has a hash."""
    file.write_bytes(b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "\\ud83d"}]}')

    assert len(document.read(file).source_hash) == 64


def test_source(file: Path) -> None:
    """The source is what its hash is of, and gives the cells back."""
    found = read(file, notebook(code("x = 'é'", id="a"), {"cell_type": "markdown", "source": "# Growth"}))

    assert found.source_hash == hashlib.sha256(found.source).hexdigest()
    assert document.cells_of(found.source) == (Cell(None, "code", "x = 'é'"), Cell(None, "markdown", "# Growth"))


def test_hash_of_a_cell() -> None:
    """A cell's hash tells sources apart, also one that no encoding can write."""
    assert document.hash_of("x") == hashlib.sha256(b"x").hexdigest()
    assert document.hash_of("\ud83d") != document.hash_of("\ud83c")


def test_notebooks_of_others() -> None:
    """Papermill's own test notebooks are read to the last cell, and their files stay as they were."""
    for path in (Path(papermill.__file__).parent / "tests" / "notebooks").rglob("*.ipynb"):
        before = path.read_bytes()

        found = document.read(path)

        assert [cell.source for cell in nbformat.read(path, 4).cells] == [cell.source for cell in found.cells]
        assert before == path.read_bytes()


def test_script(tmp_path: Path) -> None:
    """A script is one code cell, decoded as Python does."""
    script = tmp_path / "growth.py"
    script.write_bytes(b"# coding: latin-1\r\n# \xfc\r\n")

    found = document.read(script)

    assert found.cells == (Cell(None, "code", "# coding: latin-1\n# ü\n"),)
    assert found.title is None


@pytest.mark.parametrize(
    ("message", "fix", "content"),
    [
        ("is empty", "save the notebook", b" \n"),
        ("is not JSON", "merge conflict", b"<<<<<<< HEAD\n{}"),
        ("is not JSON", "version control", b'{"cells": ['),
        ("is not JSON", "version control", b"\xff\xfe\xfd"),
        ("is not JSON", "version control", b"[" * 100_000),
        ("not a notebook", "ln.header(filepath=", b"[1]"),
        ("not a notebook", "ln.header(filepath=", b'{"nbformat": "4"}'),
        ("nbformat 3", "save it in JupyterLab", b'{"nbformat": 3, "worksheets": []}'),
        ("nbformat 5", "pip install --upgrade ln_jupyter", b'{"nbformat": 5, "cells": []}'),
        ("no list of cells", "save the notebook", b'{"nbformat": 4, "cells": {}}'),
        ("no list of cells", "save the notebook", b'{"nbformat": 4}'),
    ],
)
def test_unreadable(file: Path, message: str, fix: str, content: bytes) -> None:
    """A file that is no notebook of nbformat 4 is refused with its cause and a way out, and left as it was."""
    file.write_bytes(content)

    with pytest.raises(errors.NotebookUnreadableError, match=message) as raised:
        document.read(file)

    assert fix in raised.value.fix
    assert content == file.read_bytes()


@pytest.mark.parametrize("name", ["missing.ipynb", "missing.py", "folder.ipynb"])
def test_unreadable_path(tmp_path: Path, name: str) -> None:
    """A file that cannot be opened is refused with the system's own words."""
    (tmp_path / "folder.ipynb").mkdir()

    with pytest.raises(errors.NotebookUnreadableError, match=r"cannot be read: (No such file|Is a dir)") as raised:
        document.read(tmp_path / name)

    assert raised.value.fix == "check that the file is there and that you may read it"


@pytest.mark.parametrize("content", [b"# coding: klingon", b"\xff\xff"])
def test_unreadable_script(tmp_path: Path, content: bytes) -> None:
    """A script that is no text is refused."""
    script = tmp_path / "growth.py"
    script.write_bytes(content)

    with pytest.raises(errors.NotebookUnreadableError, match="is not text") as raised:
        document.read(script)

    assert raised.value.fix == "save the file as UTF-8"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a pipe with a name")
@pytest.mark.parametrize("name", ["a.ipynb", "a.py"])
def test_a_pipe_is_no_notebook(tmp_path: Path, name: str) -> None:
    """What is no file is not read: a pipe would never end."""
    os.mkfifo(tmp_path / name)

    with pytest.raises(errors.NotebookUnreadableError, match="is not a file"):
        document.read(tmp_path / name)
