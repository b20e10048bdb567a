from __future__ import annotations

import ast
import warnings

import pytest

from ln_jupyter.notebook import syntax


def statements(source: str) -> list[str]:
    return [ast.unparse(statement) for statement in syntax.parse(source) if not isinstance(statement, ast.Pass)]


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "%config InlineBackend.figure_format = 'svg'",
        "!pip install numpy",
        "!echo one \\\n  two",
        "files = !ls",
        "a, b = %ln_session status",
        "print?",
        "?print",
        "print??",
        "frame.head()?",
        "pip install numpy",
        "/print 1",
        "if broken",
        "x = (",
        "print 'two'",
    ],
)
def test_line(line: str) -> None:
    """A line that is no Python hides none of its neighbours."""
    assert statements(f"x = 1\n{line}\ny = 2") == ["x = 1", "y = 2"]


@pytest.mark.parametrize("line", ["%matplotlib inline", "!ls", "files = !ls \\\n  -l", "x?"])
def test_indented_line(line: str) -> None:
    """A magic in a block leaves the block as it was."""
    assert statements(f"try:\n    {line}\n    x = 1\nexcept E:\n    y = 2") == [
        "try:\n    pass\n    x = 1\nexcept E:\n    y = 2"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "  x = 1",
        "%%time\nx = 1",
        "\n%%capture out\n%%ln_session --write\nx = 1",
        "x = 1\r\n",
        "x = 1  # why?\n%matplotlib inline",
        "%matplotlib inline\n'''\n%s\n'''\nx = 1",
    ],
)
def test_python(source: str) -> None:
    """A body that this kernel runs is read, whatever stands around it."""
    assert "x = 1" in statements(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "%%bash\nx = 1",
        "%%html\n<p>",
        "%%script python\nx = 1",
        "%%time\n%%sql\nx = 1",
        "%%nobody_knows\nx = 1",
        "x = 1\0",
        "(" * 10_000,
        "-" * 50_000 + "1",
        "#" * 100_000 + "\nx = 1",
    ],
)
def test_no_python(source: str) -> None:
    """Another language, another process and what cannot be parsed give nothing, and raise nothing."""
    assert statements(source) == []


def test_await() -> None:
    """What only IPython allows at the top of a cell is read."""
    assert statements("async with open() as f:\n    await f\nawait g") == [
        "async with open() as f:\n    await f",
        "await g",
    ]


@pytest.mark.parametrize("source", ["'\\d'", "1 is 1", "%time\n'\\d'"])
def test_no_warnings(source: str) -> None:
    """Python's warnings of the user's code are not shown a second time."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")

        syntax.parse(source)

    assert shown == []


def test_decorated_and_continued_statements() -> None:
    """In a cell with a broken line, a statement of several clauses stays whole."""
    source = "try:\n    x = 1\nexcept E:\n    y = 2\nelse:\n    z = 3\nbroken line\n@cached\ndef f():\n    pass"

    assert statements(source)[0] == "try:\n    x = 1\nexcept E:\n    y = 2\nelse:\n    z = 3"
