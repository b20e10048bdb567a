"""`ln-jupyter show`: what it is asked for, and of what."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import click

from ln_jupyter.cli import completion, files, options
from ln_jupyter.cli.answers import run_files
from ln_jupyter.cli.lists import notebook_facts
from ln_jupyter.cli.output import programs, screen
from ln_jupyter.cli.show import executed, notebook, run

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ln_jupyter.notebook.document import Cell
    from ln_jupyter.schema import Notebook, Run


@click.command(
    short_help="Show a run or a notebook: first how it is, and why.",
    epilog=options.examples(
        "show Kd81mT",
        "show train.ipynb",
        "show Rx2s --json",
        "show Rx2s --source > published.py",
        "show h3Kp --executed",
    ),
)
@click.argument("name", type=options.identifier, shell_complete=completion.notebooks_and_runs, metavar="ID|FILE")
@click.option("--source", "is_source", is_flag=True, help="Write the cells that are kept of it, as a Python script.")
@click.option("--executed", "is_executed", is_flag=True, help="Write the cells of a run as they ran, in their order.")
@click.option("--version", "v", metavar="V", help="With --source: of this version; by default the one published last.")
@options.looks
@options.database
@options.as_json
def show(  # noqa: PLR0913 - one for each option
    name: str,
    *,
    is_source: bool,
    is_executed: bool,
    v: str | None,
    utc: bool,
    full: bool,
    url: str | None,
    as_json: bool,
) -> None:
    """Show what is known of a run or a notebook: first how it is, and why.

    ID is its id, or a beginning that no other id has; a notebook is known by its FILE, too.
    With --full, and into a pipe, everything that was recorded is shown, and nothing is cut.

    Cells are written as editors and jupytext read them, each after a line `# %%`; passwords
    of URLs are not kept. With --source of a run, stderr says where what ran is not what was
    saved.
    """
    if v is not None and not is_source:
        raise click.UsageError("--version goes with --source")
    if is_source and is_executed:
        raise click.UsageError("--source is what was saved and --executed what ran: ask for one of them")
    from ln_jupyter.queries import sources
    from ln_jupyter.registry import look  # here for cost: --help needs no database
    from ln_jupyter.schema import Run

    with look.connect(url).connect() as connection:
        model, found_id = _find(connection, name, only_runs=is_executed)
        if is_source:
            saved = sources.read(connection, model, found_id, v)
            _write_source(saved, as_json=as_json)
            if model is Run:
                executed.compare(connection, found_id, saved)
        elif is_executed:
            executed.write(connection, found_id, as_json=as_json)
        elif as_json:
            programs.write_json(_all_of_run(connection, found_id) if model is Run else _all(connection, found_id))
        else:
            shown = screen.look(utc=utc, full=full)
            (run if model is Run else notebook).write(shown, connection, found_id)


def _find(connection: sa.Connection, name: str, *, only_runs: bool) -> tuple[type[Notebook | Run], str]:
    from ln_jupyter.queries import ids  # here for cost: --help needs no database
    from ln_jupyter.schema import Notebook, Run

    if files.is_one(name) and not only_runs:
        return Notebook, files.notebook(connection, name)
    return ids.find(connection, name, *((Run,) if only_runs else (Notebook, Run)))


def _write_source(cells: tuple[Cell, ...], *, as_json: bool) -> None:
    if as_json:
        programs.write_json([{"type": cell.type, "source": cell.source} for cell in cells])
    else:
        programs.write_script(cells)


def _all(connection: sa.Connection, notebook_id: str) -> dict[str, Any]:
    from ln_jupyter.queries import notebooks  # here for cost: --help needs no database

    versions = notebooks.versions(connection, notebook_id, host=socket.gethostname())
    return {
        "kind": "notebook",
        "id": notebook_id,
        "runs": sum(version["runs"] for version in versions),
        "versions": [notebook_facts(version) for version in versions],
        "paths": notebooks.paths(connection, notebook_id),
    }


def _all_of_run(connection: sa.Connection, run_id: str) -> dict[str, Any]:
    from ln_jupyter.queries import cells, runs  # here for cost: --help needs no database

    found = [executed.facts(cell) for cell in cells.read(connection, run_id)]
    return {
        "kind": "run",
        **runs.read(connection, run_id),
        "cells": found,
        "files": run_files.facts(connection, run_id),
    }
