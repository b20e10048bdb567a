"""`ln-jupyter list` and `runs`: the newest of what the registry holds."""

from __future__ import annotations

import socket
from typing import Any

import click

from ln_jupyter.cli import completion, options, output

_COUNTED = 1_000  # runs of a notebook; a table says no more than that there are more

_STATES = click.Choice(["running", "lost", "finished", "failed", "interrupted"])


@click.command("list", epilog=options.examples("list", "list --limit 100 --csv > notebooks.csv"))
@options.limit
@options.database
@options.form
def list_notebooks(*, limit: int, url: str | None, form: str | None) -> None:
    """List notebooks, the newest first, with their last run.

    A table counts up to 1,000 runs of each; --json and --csv count all.
    """
    from ln_jupyter.queries import notebooks
    from ln_jupyter.registry import look  # here for cost: --help needs no database

    count_to = None if form in ("json", "csv") else _COUNTED + 1
    with look.connect(url).connect() as connection:
        rows = notebooks.newest(connection, host=socket.gethostname(), limit=limit, count_to=count_to)
    found = [notebook_facts(row) for row in rows]
    if form == "json":
        output.write_json(found)
    elif form == "csv":
        output.write_csv(found)
    elif not found:
        click.echo("no notebook is registered", err=True)
    else:
        output.write_table(
            [
                {
                    "id": n["id"],
                    "v": n["v"],
                    "is": n["status"],
                    "title": output.title(n["title"] or n["name"]),
                    "runs": n["runs"] if n["runs"] <= _COUNTED else f"{_COUNTED:,}+",
                    "last run": output.moment(n["last_run_at"]),
                    "state": last_state(n),
                    "path on this machine": n["path"],
                }
                for n in found
            ]
        )


@click.command(
    "runs",
    epilog=options.examples("runs", "runs --notebook Rx2s", "runs --state lost --state failed --json"),
)
@click.option(
    "--notebook",
    type=options.identifier,
    shell_complete=completion.notebooks,
    metavar="ID",
    help="Only of the notebook with this id, or its beginning.",
)
@click.option("--state", "states", type=_STATES, multiple=True, help="Only in this state; may be repeated.")
@options.limit
@options.database
@options.form
def list_runs(*, notebook: str | None, states: tuple[str, ...], limit: int, url: str | None, form: str | None) -> None:
    """List runs, the newest first."""
    from ln_jupyter.queries import ids, runs
    from ln_jupyter.registry import look  # here for cost: --help needs no database
    from ln_jupyter.schema import Notebook

    with look.connect(url).connect() as connection:
        notebook_id = None if notebook is None else ids.find(connection, notebook, Notebook)[1]
        found = runs.newest(connection, notebook_id=notebook_id, states=states, limit=limit)
    if form == "json":
        output.write_json(found)
    elif form == "csv":
        output.write_csv(found)
    elif not found:
        click.echo("there is no such run" if notebook or states else "no run is registered", err=True)
    else:
        write_runs(found)


def write_runs(found: list[dict[str, Any]]) -> None:
    """Write a table of runs."""
    output.write_table(
        [
            {
                "id": r["id"],
                "title": output.title(r["title"]),
                "state": output.state(r),
                "started": output.moment(r["started_at"]),
                "busy": output.busy(r),
                "runner": r["runner"],
                "user": r["user"],
            }
            for r in found
        ]
    )


_OF_LAST_RUN = {
    "state": "last_run_state",
    "reason": "last_run_reason",
    "failures": "last_run_failures",
    "in_cell": "last_run_in_cell",
}


def notebook_facts(row: dict[str, Any]) -> dict[str, Any]:
    """Name the facts of a version and of its last run."""
    facts = {name: value for name, value in row.items() if name not in {*_OF_LAST_RUN, "heard_at", "started_at"}}
    last = {name: row[column] for column, name in _OF_LAST_RUN.items()}
    heard = {"last_run_heard_at": row["heard_at"] or row["started_at"]}
    return facts | last | heard | {"status": "draft" if row["published_at"] is None else "published"}


def last_state(facts: dict[str, Any]) -> str | None:
    """Say the state of a version's last run, and why."""
    last = {column: facts[name] for column, name in _OF_LAST_RUN.items()}
    return output.state(last | {"heard_at": facts["last_run_heard_at"]})
