from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import papermill
import pytest

from ln_jupyter.notebook import document, parameters
from ln_jupyter.notebook.document import Cell


def tagged(source: str, *tags: str) -> Cell:
    return Cell(None, "code", source, tags or ("parameters",))


@pytest.mark.parametrize(
    ("expected", "source"),
    [
        ({"a": 1, "b": "é", "c": None, "d": True}, "a = 1\nb = 'é'\nc = None\nd = True"),
        ({"a": -0.5, "b": [1, [2]], "c": {"d": []}}, "a = -0.5\nb = 1, (2,)\nc = {'d': []}"),
        ({"a": 0.1}, "a: float = 0.1  # the rate\nb: int"),
        ({"a": 1, "b": 1}, "a = b = 1"),
        ({"a": 2}, "a = 1\na = 2"),
        ({"a": 1}, "%matplotlib inline\na = 1\nb = !ls"),
        (
            {"z": 1},
            "z = 1\na = draw()\nb = z + 1\nc = f'{z}'\nd = {1}\ne = 1j\nf = b'x'\ng = {1: 2}\nh.i = 1\nj[0] = 1",
        ),
        ({}, "a = 1e999\nb = '\\0'\nc = '\\ud800'\nd = {'\\0': 1}\ne = ['\\0']"),
        ({}, "x, y = 1, 2\nif True:\n    z = 1"),
        ({}, f"a = '{'x' * 10_000}'\nb = 0x{'f' * 9_000}"),
        ({}, "x <- 1"),
    ],
)
def test_literals(expected: dict[str, Any], source: str) -> None:
    """What a tagged cell assigns is read where it is a literal that JSON and every database can hold."""
    found = parameters.read([tagged(source)])

    assert expected == found
    assert found == json.loads(json.dumps(found, allow_nan=False))


def test_injected() -> None:
    """What papermill injected overrides the defaults, wherever the cells stand."""
    cells = [
        tagged("a = 2", "injected-parameters"),
        tagged("a = 1\nb = 1", "other", "parameters"),
        tagged("c = 1", "x"),
    ]

    assert parameters.read(cells) == {"a": 2, "b": 1}


def test_other_cells() -> None:
    """A Markdown cell has no parameters, whatever its tags."""
    assert parameters.read([Cell(None, "markdown", "a = 1", ("parameters",))]) == {}


def test_many() -> None:
    """A cell full of assignments is cut short."""
    assert len(parameters.read([tagged("\n".join(f"a{number} = 1" for number in range(2000)))])) == 1000


def test_notebooks_of_papermill() -> None:
    """The parameters of papermill's own test notebooks are found."""
    notebooks = Path(papermill.__file__).parent / "tests" / "notebooks"

    found = {
        name: parameters.read(document.read(notebooks / f"{name}.ipynb").cells)
        for name in ("complex_parameters", "result_no_exec", "no_parameters")
    }

    assert found == {
        "complex_parameters": {"msg": None, "a": 2.25, "b": ["Hello", "World"], "c": None},
        "result_no_exec": {"foo": 1, "bar": "hello"},
        "no_parameters": {},
    }
