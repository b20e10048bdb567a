"""Where the cells that ran are not those that were saved."""

from __future__ import annotations

import hashlib
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.notebook.document import Cell, hash_of
from ln_jupyter.queries import differences
from ln_jupyter.queries.differences import Differences
from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    import sqlalchemy as sa

SAVED = [
    Cell("m", "markdown", "# Growth"),
    Cell("a", "code", "import x"),
    Cell("b", "code", "ln.header()"),
    Cell("c", "code", "fit()\n"),
    Cell("d", "code", "plot()"),
    Cell("e", "code", "  "),
    Cell("f", "code", "test()", ("skip-execution",)),
]
ALL = [("b", "ln.header()"), ("c", "fit()\n"), ("d", "plot()")]


def rows(executed: list[Any]) -> list[dict[str, Any]]:
    """Write executions, each an id, a source and the number it had."""
    found = []
    for position, (cell_id, source, *number) in enumerate(executed, 1):
        row = {"position": position, "cell_id": cell_id, "source_hash": hash_of(source)}
        found.append(row | {"number": number[0] if number else None})
    return found


@pytest.mark.parametrize(
    ("executed", "expected"),
    [
        (ALL, Differences()),
        ([(None, source) for _, source in ALL], Differences()),
        ([("vscode-1", source) for _, source in ALL], Differences()),
        ([("b", "ln.header()"), ("c", "fit()"), ("d", "plot()")], Differences()),
        ([*ALL, ("c", "fit(2)")], Differences(otherwise=(3,))),
        ([("c", "fit(2)"), *ALL], Differences()),
        ([*ALL, ("gone", "y = 2"), (None, "z = 3")], Differences(unknown=2)),
        ([("b", "ln.header()")], Differences(not_run=(3, 4))),
        ([("b", "ln.header()"), ("vscode-2", "fit(2)", 3)], Differences(otherwise=(3,), not_run=(4,))),
        ([*ALL, ("vscode-2", "fit(2)", 3)], Differences(unknown=1)),
        ([*ALL, ("vscode-2", "fit(2)", 99)], Differences(unknown=1)),
    ],
)
def test_differences(executed: list[Any], expected: Differences) -> None:
    """The last execution of each cell counts, known by its id, its source, or the number that it had.

    Cells above the first one that ran may have run before the run began; blank ones, and those that no
    runner runs, are not missed.
    """
    assert expected == differences.compare(SAVED, rows(executed))


def test_cells_of_one_source() -> None:
    """Of cells that are alike, those that ran without an id are whichever; with ids each is itself."""
    saved = [Cell("a", "code", "ln.header()"), Cell("b", "code", "step()"), Cell("c", "code", "step()")]

    unnamed = differences.compare(saved, rows([(None, "ln.header()"), (None, "step()")]))
    named = differences.compare(saved, rows([("a", "ln.header()"), ("b", "step()")]))

    assert (Differences(), Differences(not_run=(3,))) == (unnamed, named)


def test_a_private_cell() -> None:
    """Of a private cell the hash is saved, and compared."""
    saved = [Cell("a", "code", f"# private: {hash_of('x = 1')}")]

    assert Differences() == differences.compare(saved, rows([("a", "x = 1")]))
    assert Differences(otherwise=(1,)) == differences.compare(saved, rows([("a", "x = 2")]))


LISTED = [{"id": cell.id, "tags": list(cell.tags)} for cell in SAVED]


@pytest.mark.parametrize(
    ("listed", "has_ids"),
    [
        (LISTED, True),
        (LISTED[1:], False),
        ({}, False),
        ([{}] * 7, False),
        ([{"id": [], "tags": []}] * 7, False),
        ([{"id": "a", "tags": [[]]}] * 7, False),
    ],
    ids=["whole", "short", "none", "empty", "no-id", "no-tag"],
)
def test_ids_are_kept_beside_the_source(engine: sa.Engine, listed: Any, *, has_ids: bool) -> None:
    """A source has no ids: they are read from beside it, and whatever else stands there is as nothing."""
    content = json.dumps(listed).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    cells = [
        {"cell_id": each, "source_hash": hash_of(source)} for each, source in (("b", "ln.header()"), ("c", "fit(2)"))
    ]
    with ln.Session() as ss:
        text = lns.Text(id=1, content=zlib.compress(content))
        run = lns.Run(
            cells=[lns.ExecutedCell(position=n, started_at=utcnow(), **each) for n, each in enumerate(cells, 1)]
        )
        run.texts = [lns.RunText(kind="cells", name="", hash=sha256, text=text)]
        ss.add(run)

    with engine.connect() as connection:
        found = differences.find(connection, run.id, [cell._replace(id=None, tags=()) for cell in SAVED])

    assert (
        Differences(otherwise=(3,), not_run=(4,)) if has_ids else Differences(unknown=1, not_run=(3, 4, 6))
    ) == found


def test_ids_of_another_source(engine: sa.Engine) -> None:
    """What stands beside the source under another's hash is not its ids."""
    with ln.Session() as ss:
        text = lns.Text(id=1, content=zlib.compress(json.dumps(LISTED).encode()))
        cell = lns.ExecutedCell(position=1, started_at=utcnow(), cell_id="d", source_hash=hash_of("plot(2)"))
        run = lns.Run(cells=[cell], texts=[lns.RunText(kind="cells", name="", hash="0" * 64, text=text)])
        ss.add(run)

    with engine.connect() as connection:
        found = differences.find(connection, run.id, [each._replace(id=None) for each in SAVED])

    assert (1, ()) == (found.unknown, found.otherwise)
