"""What is kept of the error that a cell ended with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from ln_jupyter.ipython import cell_error
from ln_jupyter.ipython.cell_error import CellError
from tests.ipython.shells import shell_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InteractiveShell]:
    with shell_in(tmp_path) as shell:
        yield shell


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["x = 1\nraise KeyError('a')"], CellError("KeyError", "'a'", 2)),
        (["def f():\n    raise OSError('no')", "pass\n\nf()"], CellError("OSError", "no", 3)),
        (["import json\njson.loads('{')"], 2),
        (["x = 1\ny = = 2"], 2),
        (["import asyncio\nawait asyncio.sleep(0)\n1/0"], 3),
        (["eval('1 +')"], 1),
        (["pass\n%no_such_magic"], 2),
    ],
    ids=str,
)
def test_the_line_is_the_cells_own(
    shell: InteractiveShell, sources: list[str], expected: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the last line of the running cell that the error went through, whatever it went on into."""
    for source in sources:
        result = shell.run_cell(source, store_history=True)
    raised = result.error_before_exec or result.error_in_exec
    if raised is None:
        pytest.skip("this IPython has no error to tell of")

    found = cell_error.of_exception(raised)

    assert expected == (found if isinstance(expected, CellError) else found.line)


def test_a_file_is_not_the_cell(shell: InteractiveShell, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an error in a script that a cell runs there is no line: it would be the script's."""
    script = tmp_path / "fit.py"
    script.write_text("\n\n1/0", encoding="utf-8")

    result = shell.run_cell(f"%run {script}", store_history=True)

    error = result.error_before_exec or result.error_in_exec
    assert error is None or cell_error.of_exception(error).line is None


class UnspeakableError(Exception):
    """Its message raises."""

    def __str__(self) -> str:
        raise RuntimeError


def test_an_error_that_cannot_be_shown() -> None:
    """Whose message raises has none, and one of a megabyte is cut."""
    assert CellError("UnspeakableError") == cell_error.of_exception(UnspeakableError())
    assert 1_000 == len(cell_error.of_exception(ValueError("x" * 10**6)).message)


def test_values_of_a_statement_are_not_kept() -> None:
    """Of what SQLAlchemy says, the statement and its parameters stay out: they are somebody's data."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError) as error:
        connection.execute(sa.text("SELECT :x FROM nowhere"), {"x": "of a patient"})

    found = cell_error.of_exception(error.value)

    assert ("OperationalError", "(sqlite3.OperationalError) no such table: nowhere") == (found.type, found.message)
