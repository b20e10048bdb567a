"""Which run ``header(run="latest")`` goes on with: the newest, unless it is somebody else's or history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ln_jupyter.environment import process as processes
from ln_jupyter.schema import lost, tables
from ln_jupyter.schema.types import utcnow

if TYPE_CHECKING:
    from ln_jupyter.environment.process import Process
    from ln_jupyter.tracking.this_machine import ThisMachine

Row = dict[str, Any]


def find(connection: sa.Connection, notebook: Row, here: Process, machine: ThisMachine) -> tuple[Row | None, str]:
    """Find the newest run of a notebook's version.

    Args:
        connection: To the registry; it is only read.
        notebook: The version's row.
        here: The process that wants to go on with the run.
        machine: Looks at other processes.

    Returns:
        The run, and nothing; or None, and why the newest there is cannot be gone on with.
    """
    run = tables.run.c
    of_notebook = (run.notebook_id == notebook["id"], run.notebook_v == notebook["v"])
    newest = sa.select(tables.run).where(*of_notebook).order_by(run.created_at.desc()).limit(1)
    row = connection.execute(newest).mappings().one_or_none()
    if row is None:
        return None, ""
    if notebook["published_at"] is not None and row["created_at"] <= notebook["published_at"]:
        return None, f"the latest, {row['id']}, belongs to what is published"
    if _goes_on(row, here, machine):
        return None, f"the latest, {row['id']}, goes on in process {row['pid']} of {row['host']}"
    return dict(row), ""


def _goes_on(run: sa.RowMapping, here: Process, machine: ThisMachine) -> bool:
    """Return whether another process runs it: one that was just heard, and of this machine is not known to have ended."""
    if run["finished_at"] is not None or run["started_at"] is None:
        return False
    if (run["heard_at"] or run["started_at"]) < utcnow() - lost.AFTER:
        return False
    pid, began = run["pid"], run["process_started_at"]
    if run["host"] != here.host or pid is None or began is None:
        return True
    return (pid, began) != (here.pid, here.started_at) and machine.ask(processes.is_running, pid, began)
