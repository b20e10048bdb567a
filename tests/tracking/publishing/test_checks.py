"""What is fit to be published: cells as they are saved, against what a kernel ran."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from ln_jupyter import errors
from ln_jupyter.ipython.cell_log import Execution
from ln_jupyter.notebook.document import Cell, Document
from ln_jupyter.tracking.publishing import checks

if TYPE_CHECKING:
    from ln_jupyter.ipython.cell_log import CellLog
    from ln_jupyter.tracking.request import Request

Ran = tuple[str | None, str]

PUBLISH = "ln.publish()"
SAVED = ("import numpy", "ln.header()", "x = 1", PUBLISH)
IDS = ("a", "b", "c", "d")


def request(*sources: str, runner: str = "", title: str | None = "Growth", path: str = "a.ipynb") -> Request:
    cells = [Cell("m", "markdown", "# Growth"), Cell("e", "code", "  \n")]
    cells += [Cell(cell_id, "code", source) for cell_id, source in zip(IDS, sources, strict=False)]
    cells.append(Cell("s", "code", "skipped", ("skip-execution",)))
    document = Document(Path(path), title, {}, {}, tuple(cells))
    return cast("Request", SimpleNamespace(document=document, runner=runner, title=title))


def log(*ran: Ran) -> CellLog:
    *before, running = [Execution(cell_id, source) for cell_id, source in ran]
    return cast("CellLog", SimpleNamespace(earlier=before[:1], executed=before[1:], running=running))


def by_source(*sources: str) -> list[Ran]:
    return [(None, source) for source in sources]


def by_id(*ran: str) -> list[Ran]:
    """Name cells by the letter they begin with, as JupyterLab does: `c:y = 2`, or `c` as it is saved."""
    pairs = [each.partition(":") for each in ran]
    return [(cell, source or dict(zip(IDS, SAVED, strict=True))[cell]) for cell, _, source in pairs]


@pytest.mark.parametrize(
    "ran",
    [
        by_source(*SAVED),
        by_source(*SAVED, *SAVED),
        by_source("trying = 1", *SAVED),
        by_source("import numpy", "import numpy", *SAVED[1:]),
        by_source(*SAVED, PUBLISH),
        by_source(*(f"{source}\n" for source in SAVED)),
        by_id("a", "b", "c", "d"),
        by_id("a", "b", "c:x = 2", "c", "d"),
        by_id("c", "a", "b", "c", "d"),
        by_id("a", "b", "c", "d:ln.publish", "d"),
        [("another-id", source) for source in SAVED],
    ],
    ids=str,
)
def test_what_ran_in_order_is_fit(ran: list[Ran]) -> None:
    """Cells that ran one after another as they are saved are fit, whatever ran before, and earlier editions of them."""
    checks.check_order(request(*SAVED), log(*ran))


def test_cells_of_one_source_are_told_apart_by_their_order() -> None:
    """Two cells that read the same both ran, and in their order."""
    saved = ("show()", "x = 1", "show()", PUBLISH)

    checks.check_order(request(*saved), log(*by_source(*saved)))

    with pytest.raises(errors.CellOrderError):
        checks.check_order(request(*saved), log(*by_source("x = 1", "show()", PUBLISH)))


@pytest.mark.parametrize(
    ("ran", "kind", "said"),
    [
        (by_source(*SAVED[:2], PUBLISH), errors.CellOrderError, "cell 3, 'x = 1', has not run"),
        (
            by_source("ln.header()", "x = 1", "import numpy", PUBLISH),
            errors.CellOrderError,
            "cell 1, 'import numpy', ran after",
        ),
        (by_source(*SAVED[:3], "ln.header()", PUBLISH), errors.CellOrderError, "cell 2, 'ln.header()', ran again"),
        (by_id("a", "b", "c", "b", "d"), errors.CellOrderError, "cell 2, 'ln.header()', ran again"),
        (by_id("a", "b", "c", "a:import pandas", "d"), errors.SourceDiffersError, "than it ran last: 'import pandas'"),
        (
            by_id("a", "b", "c", "d", "a", "b:ln.header(v='2')", "c", "d"),
            errors.SourceDiffersError,
            "cell 2, 'ln.header()', is saved otherwise than it ran last: \"ln.header(v='2')\"",
        ),
        (by_id("a", "b", "c:x = 2", "d"), errors.SourceDiffersError, "cell 3, 'x = 1', is saved otherwise"),
        (by_source(*SAVED[:3], "y = 2", PUBLISH), errors.SourceDiffersError, "not in the notebook as it is saved: 'y"),
        (by_source(*SAVED[:3], "ln.publish('2')"), errors.SourceDiffersError, "this cell is not in the notebook"),
        (by_source(*SAVED[:3]), errors.NotLastCellError, "publish() is in cell 3 of 4; after it comes 'ln.publish()'"),
    ],
    ids=str,
)
def test_what_is_not_fit(ran: list[Ran], kind: type[errors.PublishError], said: str) -> None:
    """Each reason is an error of its own, which names the cell and says what to do."""
    with pytest.raises(kind) as raised:
        checks.check_order(request(*SAVED), log(*ran))

    assert said in str(raised.value)
    assert raised.value.fix


def test_parameters_of_papermill_are_no_edit() -> None:
    """The cell that papermill adds is in no file: it is passed over for papermill, and for nobody else."""
    ran = by_source("import numpy", "# Parameters\nalpha = 3\n", *SAVED[1:])

    checks.check_order(request(*SAVED, runner="papermill"), log(*ran))

    with pytest.raises(errors.SourceDiffersError):
        checks.check_order(request(*SAVED), log(*ran))


@pytest.mark.parametrize("running", [None, Execution(None, PUBLISH)], ids=["no-cell", "no-code"])
def test_outside_of_the_notebook_nothing_is_published(running: Execution | None) -> None:
    """A thread, or a notebook without code, has no last cell."""
    found: Any = SimpleNamespace(earlier=[], executed=[], running=running)

    with pytest.raises(errors.NotLastCellError):
        checks.check_order(request(*(() if running else SAVED)), found)


def test_a_notebook_has_a_title() -> None:
    """A notebook without one is refused; a script cannot have one."""
    with pytest.raises(errors.TitleMissingError, match="has no title"):
        checks.check_title(request(title=None))

    checks.check_title(request(title=None, path="a.py"))
    checks.check_title(request())
