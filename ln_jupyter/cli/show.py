"""`ln-jupyter show`: all that is known of one notebook or run."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Any

import click

from ln_jupyter.cli import completion, options, output
from ln_jupyter.cli.lists import last_state, notebook_facts
from ln_jupyter.notebook import parameters
from ln_jupyter.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from ln_jupyter.notebook.document import Cell

_MOST_CELLS = 50  # in a table; JSON has them all
_CHANGES = {True: "with changes", False: None, None: "perhaps with changes"}


@click.command(epilog=options.examples("show Rx2s9cPTMQLY", "show Rx2s --json", "show Rx2s --source > published.py"))
@click.argument("id", type=options.identifier, shell_complete=completion.notebooks_and_runs, metavar="ID")
@click.option("--source", "is_source", is_flag=True, help="Write the cells that are kept of it, as a Python script.")
@click.option("--version", "v", metavar="V", help="With --source: of this version; by default the one published last.")
@options.database
@options.as_json
def show(id: str, *, is_source: bool, v: str | None, url: str | None, as_json: bool) -> None:  # noqa: A002 - what the usage says
    """Show all that is known of a notebook or a run.

    ID is its id, or a beginning that no other id has. Cells are written as editors and
    jupytext read them, each after a line `# %%`; passwords of URLs are not kept.
    """
    if v is not None and not is_source:
        raise click.UsageError("--version goes with --source")
    from ln_jupyter.queries import ids, sources
    from ln_jupyter.registry import look  # here for cost: --help needs no database
    from ln_jupyter.schema import Notebook, Run

    with look.connect(url).connect() as connection:
        model, found_id = ids.find(connection, id, Notebook, Run)
        if is_source:
            _write_source(sources.read(connection, model, found_id, v), as_json=as_json)
            return
        facts = _all_of_notebook(connection, found_id) if model is Notebook else _all_of_run(connection, found_id)
    if as_json:
        output.write_json(facts)
    elif model is Notebook:
        _write_notebook(facts)
    else:
        _write_run(facts)


def _write_source(cells: tuple[Cell, ...], *, as_json: bool) -> None:
    if as_json:
        output.write_json([{"type": cell.type, "source": cell.source} for cell in cells])
        return
    from ln_jupyter.notebook import script  # here for cost: --help shows no source

    written = script.percent(cells)
    if sys.stdout.isatty():
        click.echo("\n".join(plain(line.expandtabs()) for line in written.text.split("\n")), nl=False)
    else:
        click.echo(written.text.encode("utf-8", "surrogatepass"), nl=False)  # as Python reads it, whatever the locale
    for line in written.false_marks:
        click.echo(f"line {line} is no new cell, but editors take it for one: it stands in a string", err=True)


def _all_of_notebook(connection: sa.Connection, notebook_id: str) -> dict[str, Any]:
    from ln_jupyter.queries import notebooks  # here for cost: --help needs no database

    versions = notebooks.versions(connection, notebook_id, host=socket.gethostname())
    paths = notebooks.paths(connection, notebook_id)
    return {
        "kind": "notebook",
        "id": notebook_id,
        "runs": sum(version["runs"] for version in versions),
        "versions": [notebook_facts(version) for version in versions],
        "paths": paths,
    }


def _all_of_run(connection: sa.Connection, run_id: str) -> dict[str, Any]:
    from ln_jupyter.queries import runs  # here for cost: --help needs no database

    return {"kind": "run", **runs.read(connection, run_id), "cells": runs.cells(connection, run_id)}


def _write_notebook(facts: dict[str, Any]) -> None:
    newest = facts["versions"][0]
    parent = None if newest["parent_id"] is None else f"{newest['parent_id']} {newest['parent_v']}"
    output.write_facts(
        {
            "notebook": facts["id"],
            "title": newest["title"],
            "name": newest["name"],
            "parent": parent,
            "runs": facts["runs"],
        }
    )
    click.echo()
    output.write_table(
        [
            {
                "v": n["v"],
                "is": n["status"],
                "title": output.title(n["title"]),
                "made": output.moment(n["created_at"]),
                "by": n["user"],
                "published": output.moment(n["published_at"]),
                "published by": n["published_by"],
                "runs": n["runs"],
                "last run": output.moment(n["last_run_at"]),
                "state": last_state(n),
            }
            for n in facts["versions"]
        ]
    )
    if facts["paths"]:
        click.echo()
        output.write_table(
            [
                {"machine": p["host"], "path": p["path"], "v": p["v"], "seen": output.moment(p["seen_at"])}
                for p in facts["paths"]
            ]
        )


def _write_run(run: dict[str, Any]) -> None:
    output.write_facts(
        {
            "run": run["id"],
            "name": run["name"],
            "external id": run["external_id"],
            "notebook": _named(run["notebook_id"], run["notebook_v"], run["notebook_title"]),
            "pipeline": _named(run["pipeline_id"], run["pipeline_v"], run["pipeline_name"]),
            "state": output.state(run),
            "outcome": run["outcome"],
            "registered": output.moment(run["created_at"]),
            "started": output.moment(run["started_at"]),
            "last heard": output.moment(run["heard_at"]),
            "last cell": output.moment(run["last_cell_at"]),
            "finished": output.moment(run["finished_at"]),
            "took": output.duration(run["seconds"]),
            "user": run["user"],
            "runner": run["runner"],
            "path": run["path"],
            "host": run["host"],
            "pid": _named(run["pid"], output.moment(run["process_started_at"]), before="since"),
            "kernel": _named(run["kernel_name"], run["kernel_id"]),
            "Python": run["python"],
            "imports": _pairs(run["imports"], "{} {}"),
            "environment": _named(run["environment_hash"], _packages(run["package_count"])),
            "source": run["source_hash"],
            "git": _named(run["git_commit"], _CHANGES[run["git_dirty"]] if run["git_commit"] else None),
            "parameters": _pairs(run["parameters"], "{}={}", shown=parameters.to_text),
        }
    )
    cells = run["cells"]
    if not cells:
        return
    click.echo()
    if len(cells) > _MOST_CELLS:
        click.echo(f"the last {_MOST_CELLS} of {len(cells):,} executed cells; --json has all")
    output.write_table(
        [
            {
                "cell": c["position"],
                "id": c["cell_id"],
                "ok": {True: "ok", False: "failed"}.get(c["ok"]),
                "started": output.moment(c["started_at"]),
                "took": output.duration(c["seconds"]),
                "source": (c["source_hash"] or "")[:12],
            }
            for c in cells[-_MOST_CELLS:]
        ]
    )


def _named(first: object, *more: object, before: str = "") -> str | None:
    words = [str(word) for word in (first, *more) if word is not None]
    return None if not words else f" {before} ".replace("  ", " ").join(words)


def _pairs(values: Any, form: str, *, shown: Callable[[Any], object] = str) -> str | None:
    if not isinstance(values, dict):  # any JSON may be there
        return None if values is None else repr(values)
    return ", ".join(form.format(name, shown(value)) for name, value in values.items()) if values else None


def _packages(number: int | None) -> str | None:
    return None if number is None else f"({output.count(number, 'package')})"
