"""A run for people: how it is and why, what it was given and what came out, and when its cells ran."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from ln_jupyter import errors, humanize
from ln_jupyter.cli import files
from ln_jupyter.cli.answers import run_files
from ln_jupyter.cli.output import states, table
from ln_jupyter.cli.show import executed, timeline
from ln_jupyter.notebook import parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from ln_jupyter.cli.output.screen import Screen
    from ln_jupyter.queries.cells import Ran

_MOST_CELLS = 50  # unless all is asked for; JSON has them all
_MOST_FILES = 8  # of those read, and of those written
_AT_ONCE = 200  # texts in memory
_CHANGES = {True: "with changes", False: None, None: "perhaps with changes"}
_SAID = (None, "ok", "failed", "interrupted")
"""Outcomes that the state has said already."""


def write(shown: Screen, connection: sa.Connection, run_id: str) -> None:
    """Write all of a run; on a terminal what matters first, and the rest with ``--full``."""
    from ln_jupyter.queries import cells, runs  # here for cost: --help needs no database

    run = runs.read(connection, run_id)
    found = cells.read(connection, run_id, last=None if shown.is_full else _MOST_CELLS + 1)
    is_cut = not shown.is_full and len(found) > _MOST_CELLS
    if is_cut:
        found = found[1:]
    ran = [each for some in range(0, len(found), _AT_ONCE) for each in _first_lines(connection, found, some)]
    is_open = bool(ran) and found[-1]["ok"] is None
    text = shown.cut(ran[-1], shown.width and shown.width // 2) if is_open and run["in_cell"] is None else ""
    shown.write([*states.heading(shown, run, text), *_who(shown, run)])
    given = _given(shown, run) | run_files.rows_of(shown, connection, run, most=_MOST_FILES)
    for known in (given, _rest(shown, run) if shown.is_full else {}):
        if lines := table.facts(shown, known):
            shown.write([" ", *lines])
    if found:
        shown.write([" "])
        if is_cut:
            shown.write([f"the last {len(found)} executed cells; --full shows all"])
        shown.write(timeline.lines(shown, run, list(zip(found, ran, strict=True))))
        _write_not_run(shown, connection, run)
    if shown.is_terminal and not shown.is_full:
        options = ["--full", "--executed" if found else "", "--source" if run["source_hash"] else ""]
        shown.write([" ", shown.paint(f"more: {' '.join(filter(None, options))}", "muted")])


def _first_lines(connection: sa.Connection, found: list[dict[str, Any]], start: int) -> list[str]:
    from ln_jupyter.queries import cells  # here for cost: --help needs no database

    some = found[start : start + _AT_ONCE]
    ran: list[Ran] = cells.ran(connection, some)
    return [executed.first_line(cell, each) or "" for cell, each in zip(some, ran, strict=True)]


def _who(shown: Screen, run: dict[str, Any]) -> list[str]:
    names = dict.fromkeys((run["notebook_title"], run["name"], run["pipeline_name"]))
    path = run["path"]
    file = None if path is None else path if shown.is_full else next(iter(files.short_names([path]).values()))
    status = "draft" if run["notebook_published_at"] is None else "published"
    version = None if run["notebook_v"] is None else f"version {run['notebook_v']} {status}"
    who = " on ".join(filter(None, (run["user"], run["host"])))
    when = shown.moment(run["started_at"] or run["created_at"])
    return [
        *shown.fold(shown.joined([f"run {shown.id(run['id'])}", *names, ", ".join(filter(None, (file, version)))])),
        *shown.fold(shown.joined([who, when, states.busy_in_words(run)])),
    ]


def _given(shown: Screen, run: dict[str, Any]) -> dict[str, Any]:
    return {
        "PARAMETERS": _pairs(run["parameters"], "{} {}", shown=parameters.to_text),
        "ARGUMENTS": _words(run["argv"]),
        "RESULTS": _pairs(run["results"], "{} {}"),
        "TAGS": ", ".join(run["tags"]),
        "NOTE": run["note"],
        "CONTINUES": None if run["continues_id"] is None else shown.id(run["continues_id"]),
        "REPEATS": None if run["repeats_id"] is None else shown.id(run["repeats_id"]),
        "PARENT": None if run["parent_id"] is None else shown.id(run["parent_id"]),
    }


def _rest(shown: Screen, run: dict[str, Any]) -> dict[str, Any]:
    modules = [each["name"] for each in run["texts"] if each["kind"] == "module"]
    return {
        "EXTERNAL ID": run["external_id"],
        "NOTEBOOK": _named(run["notebook_id"], run["notebook_v"], run["notebook_title"]),
        "PIPELINE": _named(run["pipeline_id"], run["pipeline_v"], run["pipeline_name"]),
        "OUTCOME": None if run["outcome"] in _SAID else run["outcome"],
        "REGISTERED": shown.exact(run["created_at"]),
        "STARTED": shown.exact(run["started_at"]),
        "LAST HEARD": shown.exact(run["heard_at"]),
        "LAST CELL": shown.exact(run["last_cell_at"]),
        "FINISHED": shown.exact(run["finished_at"]),
        "FAILURES": run["failures"] or None,
        "RUNNER": run["runner"],
        "PLATFORM": run["platform"],
        "PID": _named(run["pid"], shown.exact(run["process_started_at"]) or None, before="since"),
        "KERNEL": _named(run["kernel_name"], run["kernel_id"]),
        "PYTHON": run["python"],
        "IMPORTS": _pairs(run["imports"], "{} {}"),
        "MODULES": ", ".join(modules),
        "ENVIRONMENT": _named(run["environment_hash"], _packages(run["package_count"])),
        "SOURCE": run["source_hash"],
        "GIT": _named(run["git_commit"], _CHANGES[run["git_dirty"]] if run["git_commit"] else None),
    }


def _write_not_run(shown: Screen, connection: sa.Connection, run: dict[str, Any]) -> None:
    if run["source_hash"] is None:
        return
    from ln_jupyter.queries import differences, sources  # here for cost: --help needs no database
    from ln_jupyter.schema import Run

    try:
        saved = sources.read(connection, Run, run["id"], None)
    except errors.NotARegistryError:  # which --source says
        return
    if left := differences.find(connection, run["id"], saved).not_run:
        shown.write(shown.fold(f"{executed.numbered(left)} did not run"))


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
    return None if number is None else f"({humanize.count(number, 'package')})"
