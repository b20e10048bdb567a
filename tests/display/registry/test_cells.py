"""A list of executed cells says which, how each ended, how long it took, and what it began with."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from sqlalchemy import orm

from ln_jupyter import schema as lns
from ln_jupyter.display import table
from ln_jupyter.display.options import Options
from ln_jupyter.display.registry import cells
from tests.display.html_reader import Reader
from tests.display.registry.conftest import BEGAN


def executed(position: int, text: bytes | None = None, **changed: Any) -> lns.ExecutedCell:
    """Make an execution, as it is in memory after its session closed."""
    fields: dict[str, Any] = dict.fromkeys(lns.ExecutedCell.__table__.c.keys())
    fields |= {"run_id": "r" * 20, "position": position, "started_at": BEGAN, "seconds": 0.21, "ok": True}
    made = lns.ExecutedCell(**fields | {"source_hash": "0" * 64, "text_id": 7} | changed)
    orm.make_transient_to_detached(made)
    if text is not None:
        orm.attributes.set_committed_value(made, "text", lns.Text(id=7, content=text))
    return made


def test_text() -> None:
    """A cell has the number it has in the notebook, or says which execution it was; an error stands below it."""
    some = [
        executed(1, zlib.compress(b"\nimport pandas\nx = 1"), number=1),
        executed(2, number=2, ok=False, error_type="TypeError", error_message="no", error_line=3),
        executed(3, ok=None, seconds=None),
    ]

    assert """\
3 ExecutedCell · session closed
  cell  state            took  started          text
     1  ✓ finished     0.21 s  27 Nov 14:09:02  import pandas
     2  ✗ failed       0.21 s  27 Nov 14:09:02
    TypeError: no, line 3
    #3  has not ended          27 Nov 14:09:02
⊘ not loaded · session closed: run, text
To load some of them with the list: ln.select(lns.ExecutedCell).load("text")""" == table.text(
        cells.of_records(some, count=3, options=Options(model="lns.ExecutedCell"))
    )


@pytest.mark.parametrize("content", [b"", b"x", zlib.compress(b"a = 1")[:-6], zlib.compress(b"\xff\x1b[2J" * 100_000)])
def test_texts_that_are_none(content: bytes) -> None:
    """What somebody put in the place of a text is no error, and a large one is not unpacked whole."""
    view = cells.of_records([executed(1, content)], count=1)

    assert len(table.text(view)) < 400
    assert all(line.isprintable() for line in table.text(view).splitlines())


def test_text_and_html_say_the_same() -> None:
    """Stripped of its tags, the HTML has every word of the text."""
    view = cells.of_records([executed(1, ok=False, error_type="E", error_message="<b>"), executed(2)], count=2)

    assert sorted("".join(table.text(view).split())) == sorted("".join(Reader(table.render(view)).words))
