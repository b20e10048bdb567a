"""Notebook files, and what a registry holds of them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.notebook.conftest import code_cell

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "import ln_jupyter as ln\nln.header()"


def write(path: Path, *sources: str, title: str = "", nbproject: dict[str, Any] | None = None, ids: str = "c") -> Path:
    """Write a notebook with code cells; their ids begin with *ids*."""
    cells = [code_cell(source, f"{ids}{n}") for n, source in enumerate(sources or (HEADER,))]
    if title:
        markdown = {"cell_type": "markdown", "id": f"{ids}-title", "metadata": {}, "source": f"# {title}"}
        cells.insert(0, markdown)
    metadata: dict[str, Any] = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    if nbproject is not None:
        metadata["nbproject"] = nbproject
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def runs(registry: str | Path) -> list[sqlite3.Row]:
    """Read every run of a SQLite registry with its notebook, oldest first."""
    with closing(sqlite3.connect(str(registry).removeprefix("sqlite:///"))) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(
            "SELECT n.id AS notebook, n.v, n.name, n.title, r.id AS run, r.runner, r.path, r.kernel_id, r.pid"
            " FROM ln_run r JOIN ln_notebook n ON n.id = r.notebook_id AND n.v = r.notebook_v ORDER BY r.created_at"
        ).fetchall()


def table(registry: str | Path, name: str) -> list[sqlite3.Row]:
    """Read every row of a table of a SQLite registry, in the order it was written."""
    with closing(sqlite3.connect(str(registry).removeprefix("sqlite:///"))) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall()
