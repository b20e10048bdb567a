"""Literals are read from their tokens as Python reads them."""

from __future__ import annotations

import ast
import tokenize
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ln_jupyter.notebook import literals, syntax

_NO_EXPRESSION = {tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER}

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    ),
    max_leaves=10,
)


def evaluated(source: str) -> Any:
    return literals.evaluate([token for token in syntax.tokens(source) if token.type not in _NO_EXPRESSION])


@given(values)
def test_values(value: Any) -> None:
    """Whatever Python writes as a literal is read as the same value."""
    assert evaluated(repr(value)) == value


@pytest.mark.parametrize(
    "source",
    [
        *("1_000", "0x1F", "0b11", "1e3", ".5", "1.", "00", "-1", "(1)", "(1,)", "1, (2,)", "[1,]", "{'a': 1,}"),
        *(r"'a\n\x41\u00e9\101\U0001F600\''", r"r'\n'", "'a' 'b' u'c'", "'''x\ny'''", "'a\\\nb'", '"it\'s"'),
    ],
)
def test_spellings(source: str) -> None:
    """So is what Python would write in another way."""
    assert ast.literal_eval(source) == evaluated(source)


@pytest.mark.parametrize(
    "source",
    [
        *("draw()", "a", "1 + 2", "f'x'", "b'x'", "1j", "{1}", "[*a]", "not 1", "-True", "-'a'", "...", "1 2", "[1 2]"),
        *("[", "{'a' 1}", "{(1,): 2}", ",", "", r"'\N{BULLET}'", "9" * 5000, "[" * 150 + "]" * 150, "-" * 5000 + "1"),
    ],
)
def test_anything_else(source: str) -> None:
    """Anything else is none, however deep or long."""
    with pytest.raises(literals.NoLiteralError):
        evaluated(source)
