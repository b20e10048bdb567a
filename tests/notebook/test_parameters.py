from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import papermill
import pytest
from papermill.translators import PythonTranslator

from ln_jupyter.notebook import document, parameters
from ln_jupyter.notebook.document import Cell


def tagged(source: str, *tags: str) -> Cell:
    return Cell(None, "code", source, tags or ("parameters",))


def computed(source: str) -> dict[str, str]:
    return {parameters.EXPRESSION: source}


def read(source: str) -> dict[str, Any]:
    """Read a tagged cell; what is found can be stored."""
    found = parameters.read([tagged(source)])
    assert found == json.loads(json.dumps(found, allow_nan=False))
    return found


@pytest.mark.parametrize(
    ("expected", "source"),
    [
        ({"a": 1, "b": "é", "c": None, "d": True}, "a = 1\nb = 'é'\nc = None\nd = True"),
        ({"a": -0.5, "b": [1, [2]], "c": {"d": []}}, "a = -0.5\nb = 1, (2,)\nc = {'d': []}"),
        ({"a": 0.1}, "a: float = 0.1  # the rate\nb: int"),
        ({"a": {"x": 1}}, "a: dict[str, int] = {\n    'x': 1,  # one\n}"),
        ({"a": 1, "b": 1}, "a = b = 1"),
        ({"a": 2, "b": 3}, "a = 1\na = 2; b = 3"),
        ({"a": 1}, "%matplotlib inline\na = 1\n!ls"),
        ({"z": 1}, "z = 1\nh.i = 1\nj[0] = 1\nprint(z, end=z)\nz == 2"),
        ({"b": 2}, "def f(a=1):\n    x = 1\n    return x\n\n\nclass C:\n    y = 1\n\n\nb = 2"),
        ({}, "x <- 1"),
    ],
)
def test_literals(expected: dict[str, Any], source: str) -> None:
    """What a tagged cell assigns is read where it is a literal that JSON and every database can hold."""
    assert expected == read(source)


@pytest.mark.parametrize(
    ("value", "source"),
    [
        *((each, f"a = {each}") for each in ("draw()", "z + 1", "f'{z}'", "{1}", "1j", "b'x'", "{1: 2}", "!ls")),
        *((each, f"a = {each}") for each in ("float('inf')", "[float('nan')]", "1e999", "'\\0'", "{'\\0': 1}")),
        *((each, f"a = {each}") for each in ("'\\ud800'", "lambda x=1: x")),
        ("a += 1", "a += 1"),
        ("a, b = 1, 2", "a, b = 1, 2"),
        ("(x, [*a]) = 1, [2]", "(x, [*a]) = 1, [2]"),
        ("if DEBUG: a = 5", "if DEBUG:\n    a = 5"),
        ("if DEBUG: a = 5", "if DEBUG: a = 5"),
        ("while (a := draw()): pass", "while (a := draw()): pass"),
        ("del a", "del a"),
        ("a['x'] = 2", "a['x'] = 2"),
        ("import numpy as a", "import numpy as a"),
    ],
)
def test_no_literals(value: str, source: str) -> None:
    """What is no literal is marked, and nothing older stands in its place."""
    assert computed(value) == read(f"a = 0.1\n{source}")["a"]


@pytest.mark.parametrize("value", [f"'{'x' * 10_000}'", f"0x{'f' * 9_000}"])
def test_long_values(value: str) -> None:
    """A value that is too long is marked, with how it begins."""
    assert computed(f"{value[:199]}…") == read(f"a = {value}")["a"]


def test_what_papermill_writes() -> None:
    """What papermill injects is read, be it infinite or none: the notebook's default never stands in its place."""
    given = {"a": math.inf, "b": -math.inf, "c": math.nan, "d": [1, math.nan], "e": None, "f": "it's \\ é"}
    injected = PythonTranslator.codify(given)

    found = parameters.read([tagged("a = b = c = d = 0.1"), tagged(injected, "injected-parameters")])

    infinite = {"a": "float('inf')", "b": "float('-inf')", "c": "float('nan')", "d": "[1, float('nan')]"}
    assert {name: computed(source) for name, source in infinite.items()} | {"e": None, "f": "it's \\ é"} == found


def test_a_thread_does_not_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read without Python's parser, which two threads may not use at once in some releases."""
    monkeypatch.setattr("ast.parse", None)

    assert {"a": [1, "x"], "b": computed("draw()")} == read("a = [1, 'x']\nb = draw()")


def test_secrets_in_expressions() -> None:
    """What is computed is stored without what is named like a secret, and without the passwords of URLs."""
    found = parameters.read([tagged("token = ask('abc')\nengine = make('postgresql://ann:secret@host/lab')")])

    assert {"token": "••• redacted", "engine": computed("make('postgresql://ann:***@host/lab')")} == found


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
        "complex_parameters": {"msg": None, "a": 2.25, "b": ["Hello", "World"], "c": None, "d": computed("a == 3")},
        "result_no_exec": {"foo": 1, "bar": "hello"},
        "no_parameters": {},
    }
