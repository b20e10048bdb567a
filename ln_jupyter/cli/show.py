"""`ln-jupyter show`: all that is known of one notebook or run."""

from __future__ import annotations

import shlex
import socket
from typing import TYPE_CHECKING, Any

import click

from ln_jupyter.cli import completion, executed, options, output
from ln_jupyter.cli.lists import last_state, notebook_facts
from ln_jupyter.notebook import parameters
from ln_jupyter.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from ln_jupyter.notebook.document import Cell
    from ln_jupyter.queries.cells import Ran

_MOST_CELLS = 50  # in a table; JSON has them all
_WIDEST_TEXT = 48  # columns for the first line of a cell
_WIDEST_ERROR = 58
_CHANGES = {True: "with changes", False: None, None: "perhaps with changes"}


@click.command(
    epilog=options.examples(
        "show Rx2s9cPTMQLY", "show Rx2s --json", "show Rx2s --source > published.py", "show h3Kp --executed"
    )
)
@click.argument("id", type=options.identifier, shell_complete=completion.notebooks_and_runs, metavar="ID")
@click.option("--source", "is_source", is_flag=True, help="Write the cells that are kept of it, as a Python script.")
@click.option("--executed", "is_executed", is_flag=True, help="Write the cells of a run as they ran, in their order.")
@click.option("--version", "v", metavar="V", help="With --source: of this version; by default the one published last.")
@options.database
@options.as_json
def show(  # noqa: PLR0913 - one for each option
    id: str,  # noqa: A002 - what the usage says
    *,
    is_source: bool,
    is_executed: bool,
    v: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Show all that is known of a notebook or a run.

    ID is its id, or a beginning that no other id has. Cells are written as editors and
    jupytext read them, each after a line `# %%`; passwords of URLs are not kept. With
    --source of a run, stderr says where what ran is not what was saved.
    """
    if v is not None and not is_source:
        raise click.UsageError("--version goes with --source")
    if is_source and is_executed:
        raise click.UsageError("--source is what was saved and --executed what ran: ask for one of them")
    from ln_jupyter.queries import ids, sources
    from ln_jupyter.registry import look  # here for cost: --help needs no database
    from ln_jupyter.schema import Notebook, Run

    with look.connect(url).connect() as connection:
        model, found_id = ids.find(connection, id, *((Run,) if is_executed else (Notebook, Run)))
        if is_source:
            saved = sources.read(connection, model, found_id, v)
            _write_source(saved, as_json=as_json)
            if model is Run:
                executed.compare(connection, found_id, saved)
            return
        if is_executed:
            executed.write(connection, found_id, as_json=as_json)
            return
        facts = _all_of_notebook(connection, found_id) if model is Notebook else _all_of_run(connection, found_id)
        shown = [] if model is Notebook or as_json else _last_cells(connection, facts)
    if as_json:
        output.write_json(facts)
    elif model is Notebook:
        _write_notebook(facts)
    else:
        _write_run(facts, shown)


def _write_source(cells: tuple[Cell, ...], *, as_json: bool) -> None:
    if as_json:
        output.write_json([{"type": cell.type, "source": cell.source} for cell in cells])
    else:
        output.write_script(cells)


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
    from ln_jupyter.queries import cells, runs  # here for cost: --help needs no database

    found = [executed.facts(cell) for cell in cells.read(connection, run_id)]
    return {"kind": "run", **runs.read(connection, run_id), "cells": found}


def _last_cells(connection: sa.Connection, run: dict[str, Any]) -> list[tuple[dict[str, Any], Ran]]:
    from ln_jupyter.queries import cells  # here for cost: --help needs no database

    found = cells.read(connection, run["id"], last=_MOST_CELLS)
    return list(zip(found, cells.ran(connection, found), strict=True))


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


def _write_run(run: dict[str, Any], shown: list[tuple[dict[str, Any], Ran]]) -> None:
    is_open = bool(shown) and shown[-1][0]["ok"] is None
    text = output.title(executed.first_line(*shown[-1]), _WIDEST_TEXT) if is_open else None
    if (said := output.state(run, widest=None, text=text or "")) is not None:
        click.echo(plain(said))
    from ln_jupyter.queries import progress  # here for cost: --help needs no database

    took = progress.durations(run)
    modules = [each["name"] for each in run["texts"] if each["kind"] == "module"]
    output.write_facts(
        {
            "run": run["id"],
            "name": run["name"],
            "external id": run["external_id"],
            "notebook": _named(run["notebook_id"], run["notebook_v"], run["notebook_title"]),
            "pipeline": _named(run["pipeline_id"], run["pipeline_v"], run["pipeline_name"]),
            "outcome": None if run["outcome"] in _SAID else run["outcome"],
            "registered": output.moment(run["created_at"]),
            "started": output.moment(run["started_at"]),
            "last heard": output.moment(run["heard_at"]),
            "last cell": output.moment(run["last_cell_at"]),
            "finished": output.moment(run["finished_at"]),
            "took" if took.busy is None else "busy": output.busy(run),
            "failures": run["failures"] or None,
            "user": run["user"],
            "tags": ", ".join(run["tags"]) or None,
            "note": run["note"],
            "results": _pairs(run["results"], "{} {}"),
            "parameters": _pairs(run["parameters"], "{}={}", shown=parameters.to_text),
            "arguments": _words(run["argv"]),
            "parent": run["parent_id"],
            "continues": run["continues_id"],
            "repeats": run["repeats_id"],
            "runner": run["runner"],
            "path": run["path"],
            "host": run["host"],
            "platform": run["platform"],
            "pid": _named(run["pid"], output.moment(run["process_started_at"]), before="since"),
            "kernel": _named(run["kernel_name"], run["kernel_id"]),
            "Python": run["python"],
            "imports": _pairs(run["imports"], "{} {}"),
            "modules": ", ".join(modules) or None,
            "environment": _named(run["environment_hash"], _packages(run["package_count"])),
            "source": run["source_hash"],
            "git": _named(run["git_commit"], _CHANGES[run["git_dirty"]] if run["git_commit"] else None),
        }
    )
    if not shown:
        return
    click.echo()
    if len(run["cells"]) > len(shown):
        click.echo(f"the last {len(shown)} of {len(run['cells']):,} executed cells; --json has all")
    output.write_table(
        [
            {
                "cell": executed.name(cell),
                "started": output.moment(cell["started_at"]),
                "took": output.duration(cell["seconds"]),
                "ended": _how_it_ended(cell, run["state"]),
                "what ran": output.title(executed.first_line(cell, ran), _WIDEST_TEXT),
            }
            for cell, ran in shown
        ]
    )


_SAID = (None, "ok", "failed", "interrupted")
"""Outcomes that the state has said already."""


def _how_it_ended(cell: dict[str, Any], state: str | None) -> str | None:
    if cell["ok"] is None:
        return {"running": "► running", "lost": "? running when last heard"}.get(state or "", "■ with the process")
    return None if cell["ok"] else f"✗ {executed.error(cell, widest=_WIDEST_ERROR)}"


def _named(first: object, *more: object, before: str = "") -> str | None:
    words = [str(word) for word in (first, *more) if word is not None]
    return None if not words else f" {before} ".replace("  ", " ").join(words)


def _pairs(values: Any, form: str, *, shown: Callable[[Any], object] = str) -> str | None:
    if not isinstance(values, dict):  # any JSON may be there
        return None if values is None else repr(values)
    return ", ".join(form.format(name, shown(value)) for name, value in values.items()) if values else None


def _words(values: Any) -> str | None:
    """Write arguments as a shell takes them."""
    if not isinstance(values, list):  # any JSON may be there
        return None if values is None else repr(values)
    return shlex.join(map(str, values)) or None


def _packages(number: int | None) -> str | None:
    return None if number is None else f"({output.count(number, 'package')})"
