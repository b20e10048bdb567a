"""What a first `header()` may cost, counted in modules and statements: no busy machine changes those."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ln_jupyter.db import engines
from ln_jupyter.registry import choose
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ln_jupyter.tracking.register import Registration
    from tests.conftest import Statements
    from tests.notebook.conftest import RunningKernel, Server

# What the first display does without: classes, the other database, and what runs after the cell or never.
AVOIDABLE = {
    *("alembic", "jinja2", "nbformat", "nbproject", "numpy", "pandas", "polars", "pydantic", "requests"),
    *("jupyter_server", "platformdirs", "psycopg", "tabulate", "tqdm"),
    *("difflib", "tomllib", "urllib.request", "importlib.metadata._adapters"),
    *("sqlalchemy.dialects.postgresql", "sqlalchemy.ext.hybrid", "sqlalchemy.orm"),
    *("ln_jupyter.cli", "ln_jupyter.records", "ln_jupyter.server"),
    *("ln_jupyter.registry.migrate", "ln_jupyter.orm.session", "ln_jupyter.orm.unit_of_work"),
    *("ln_jupyter.environment.git", "ln_jupyter.locate.launcher", "ln_jupyter.notebook.parameters"),
    *("ln_jupyter.schema.base", "ln_jupyter.schema.models", "ln_jupyter.tracking.recording.facts"),
}

LOOK = "import json, sys; found = json.dumps(sorted(sys.modules))"


@pytest.fixture
def kernel(server: Server, registry: str) -> Iterator[RunningKernel]:
    """Give a fresh kernel of a Jupyter server, with a registry that is there."""
    choose.with_registry(engines.resolve(registry))
    engines.dispose(registry)
    session, kernel = server.open(notebooks.write(server.root / "a.ipynb", title="Growth of E. coli"))
    kernel.execute(f"import os; os.environ['LN_JUPYTER_URL'] = {registry!r}")
    yield kernel
    server.request("DELETE", f"sessions/{session['id']}")


def modules(kernel: RunningKernel, source: str = "") -> set[str]:
    return set(json.loads(kernel.execute(f"{source}\n{LOOK}", value="found")))


def test_it_imports_what_it_shows(kernel: RunningKernel) -> None:
    """In a kernel on SQLite it imports no mapped class, no ORM, no other database and nothing that can wait."""
    before = modules(kernel)

    found = modules(kernel, notebooks.HEADER) - before

    assert "ln_jupyter.tracking.header_output" in found
    assert set() == found & AVOIDABLE


def test_records_are_made_when_they_are_asked_for(kernel: RunningKernel) -> None:
    """The classes are mapped by the first look at `nb.run`, which is then a record like any other."""
    kernel.execute(notebooks.HEADER)

    found = modules(kernel, "told = f'{ln.nb.run.notebook.title}, {ln.nb.run.notebook is ln.nb.notebook}'")

    assert "ln_jupyter.schema.models" in found
    assert "Growth of E. coli, True" == kernel.execute("", value="told")


def test_statements_of_a_known_notebook(
    register: Callable[..., Registration], tmp_path: Path, statements: Statements
) -> None:
    """A new process asks for the path, the user and the versions, and writes its run: nothing else."""
    notebook = notebooks.write(tmp_path / "a.ipynb")
    register(notebook)
    register(notebook)  # the user is known from here on
    statements.clear()

    register(notebook)

    assert [
        ("SELECT", "ln_notebook_path"),
        ("SELECT", "ln_notebook"),
        ("INSERT", "ln_run"),
    ] == kinds(statements)


def test_statements_of_a_repeated_call(
    register: Callable[..., Registration], tmp_path: Path, statements: Statements
) -> None:
    """The same process asks once for each row that somebody else may have changed."""
    notebook = notebooks.write(tmp_path / "a.ipynb")
    before = register(notebook)
    before = register(notebook, before=before)
    statements.clear()

    register(notebook, before=before)

    tables = [table for _, table in kinds(statements)]
    assert ["ln_notebook_path", "ln_notebook", "ln_run"] == tables


def kinds(statements: list[str]) -> list[tuple[str, str]]:
    """Give the verb and the table of each statement; a scalar subquery stands before its FROM."""
    words = ([each.split()[0], *each.rpartition("FROM ")[2].split()] for each in statements)
    return [
        (each[0], next(word.strip('"') for word in each if word.startswith("ln_") and "." not in word))
        for each in words
    ]
