"""`lineage()`: the runs and files that led to something, and those that came of it."""

from __future__ import annotations

import datetime as dt
import os
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter import errors, humanize, sanitize
from ln_jupyter.answers import asking, graph, uses, where
from ln_jupyter.answers.graph import Key
from ln_jupyter.answers.lineage_value import Edge, Lineage, Node
from ln_jupyter.answers.words import name_of
from ln_jupyter.queries import files, ids, notebooks
from ln_jupyter.queries import lineage as neighbours
from ln_jupyter.schema import File, Notebook, Run

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ln_jupyter.queries.rows import Row

_DEEPEST = 20
_LONGEST = 60  # characters of what was asked for
_NOTEBOOKS = (".ipynb", ".py", ".md", ".qmd", ".Rmd")
_ALIKE = 20  # records of one content, or runs of one notebook that are looked at


class Start(NamedTuple):
    """What the graph is of.

    Attributes:
        subject: Its name.
        runs: The ids of runs.
        files: Files, with what is known of each.
        note: What has to be said of it.
    """

    subject: str
    runs: tuple[str, ...] = ()
    files: tuple[tuple[Key, Row], ...] = ()
    note: str = ""


def lineage(x: Run | Notebook | File | str | os.PathLike[str], depth: int = 2) -> Lineage:
    """Draw the runs and files that led to something, and those that came of it.

    A run that goes on from another in its process may have used what that one had read, so that one is there, too.
    Files are known by their content; of those without, and of URLs and tables, by name, size and time.

    Args:
        x: A run, a notebook or a file: its record, its path, or an id or the beginning of one. A notebook stands for
            its newest run that read or wrote anything.
        depth: How many runs to go back, and how many forward.

    Returns:
        A value that draws itself, with `nodes` and `edges`, `to_mermaid()` and `to_dict()`. It has 60 nodes at most,
        and says of each how many more there are beside it.

    Raises:
        InvalidValueError: If *x* is none of these, or *depth* is no number from 0 to 20.
        RunNotFoundError: If there is no run or notebook of the id.

    Example:
        >>> import ln_jupyter as ln
        >>> len(ln.lineage("no_such_file.csv").nodes)
        1
    """
    check_depth(depth)
    target = look(x)
    with asking.registry() as connection:
        return ask(connection, target, depth=depth)


def check_depth(depth: object) -> None:
    """Refuse what is no number of steps.

    Raises:
        InvalidValueError: With the fix.
    """
    if not isinstance(depth, int) or isinstance(depth, bool) or not 0 <= depth <= _DEEPEST:
        msg = f"depth is how many runs to go back and forward, from 0 to {_DEEPEST}"
        raise errors.InvalidValueError(f"{msg}, and this is {sanitize.shortened(repr(depth), _LONGEST)}", fix="depth=2")


def look(x: object) -> where.Target | Run | Notebook | str:
    """Look at what is asked about: a file that is on disk is read, to be hashed.

    Raises:
        InvalidValueError: If it is nothing that has a lineage.
    """
    if isinstance(x, (Run, Notebook)):
        return x
    if isinstance(x, (File, os.PathLike)):
        return where.look(x)
    if not isinstance(x, str) or not x.strip() or "\0" in x:
        kind = f"the class {x.__name__}" if isinstance(x, type) else f"this is {type(x).__name__}"
        msg = f"lineage() is of a run, a notebook or a file, and {sanitize.shortened(kind, _LONGEST)}"
        raise errors.InvalidValueError(msg, fix='ln.lineage("pred.csv"), ln.lineage(run), or the id of a run')
    is_path = os.path.lexists(x) or os.sep in x or "/" in x or "." in x
    return where.look(x) if is_path else x


def ask(connection: sa.Connection, target: where.Target | Run | Notebook | str, *, depth: int) -> Lineage:
    """Answer with what a registry knows.

    Raises:
        RunNotFoundError: If there is no run or notebook of an id.
        InvalidRunError: If several begin so.
    """
    start = _start(connection, target)
    found = graph.around(connection, start.runs, dict(start.files), depth=depth)
    begun = {*(Key("run", each) for each in start.runs), *(key for key, _ in start.files)}
    nodes = tuple(_node(found, key, row, is_start=key in begun) for key, row in found.nodes.items())
    edges = tuple(Edge(_id(source), _id(target), kind) for (source, target), kind in found.edges.items())
    return Lineage(start.subject, depth, nodes, edges, note=start.note)


def _start(connection: sa.Connection, target: where.Target | Run | Notebook | str) -> Start:
    if isinstance(target, Run):
        return _of_run(connection, target.id)
    if isinstance(target, Notebook):
        return _of_notebooks(connection, [target.id], target.title or target.name or target.id)
    if isinstance(target, str):
        model, found = ids.find(connection, target, Run, Notebook)
        return _of_run(connection, found) if model is Run else _of_notebooks(connection, [found], found)
    if target.path.endswith(_NOTEBOOKS) and not target.is_named:
        known = notebooks.at(connection, target.path, host=socket.gethostname(), path=target.path)
        if known:
            return _of_notebooks(connection, list(known), name_of(target.path))
    return _of_file(connection, target)


def _of_run(connection: sa.Connection, run_id: str) -> Start:
    rows = neighbours.runs(connection, [run_id])
    if not rows:
        msg = f"the registry has no run {sanitize.shortened(run_id, _LONGEST)!r}"
        raise errors.RunNotFoundError(msg, fix="ln-jupyter runs names those there are; a record has to be saved first")
    return Start(uses.named_run(uses.run_name(rows[0]), run_id), (run_id,))


def _of_notebooks(connection: sa.Connection, notebook_ids: list[str], name: str) -> Start:
    runs = neighbours.of_notebooks(connection, notebook_ids, limit=_ALIKE)
    if not runs:
        msg = f"no run is registered of notebook {sanitize.shortened(name, _LONGEST)!r}"
        raise errors.RunNotFoundError(msg, fix="run it with ln.header() in its first cell")
    seen = {row["run_id"] for row in files.of_runs(connection, reading=runs, writing=runs, limit=1)}
    run_id = next((each for each in runs if each in seen), runs[0])
    return Start(name, (run_id,), note=f"by its run {humanize.short_id(run_id)}")


def _of_file(connection: sa.Connection, target: where.Target) -> Start:
    content, name = target.content, name_of(target.path)
    row: Row = {
        "file_id": target.file_id,
        "kind": "file" if content.members is None else "folder",
        "path": target.path,
        "host": None if target.is_named else socket.gethostname(),
        "size": content.size,
        "hash": content.hash,
        "modified_at": None,
        "reason": content.reason,
    }
    found = (
        []
        if content.hash is None or not content.size
        else neighbours.with_content(connection, content.hash, content.size)
    )
    if target.file_id is not None:
        found = [target.file_id, *(each for each in found if each != target.file_id)]
    if found:
        keys = [Key("content", each) for each in found[:_ALIKE]]
        return Start(name, files=tuple((key, row | {"file_id": key.id}) for key in keys))
    host = None if target.is_named else row["host"]
    at_path = files.of_path(connection, host=host, paths=target.paths, limit=1)
    if not at_path:
        return Start(
            name, files=((Key("name", target.path), row),), note="the registry knows no run that wrote or read it"
        )
    last = next((each for each in at_path if each["role"] == "output"), at_path[0])
    did = "wrote" if last["role"] == "output" else "read"
    is_same = last["file_id"] is None and (
        last["kind"] in uses.NAMED or _is_same(last, content.size, content.modified_ns)
    )
    by = uses.named_run(uses.run_name(last), last["run_id"])
    return Start(
        name,
        files=((graph.key_of(last), last),),
        note="" if is_same else f"as {by}, {did} it last; it is not so on disk",
    )


def _is_same(row: Row, size: int | None, modified_ns: int | None) -> bool:
    if modified_ns is None or row["modified_at"] is None or row["size"] != size:
        return False
    return bool(abs(row["modified_at"] - dt.datetime.fromtimestamp(modified_ns / 1e9, dt.UTC)) < files.ROUNDED)


def _node(found: graph.Graph, key: Key, row: Row, *, is_start: bool) -> Node:
    if key.kind == "run":
        state = row["state"]
        return Node(
            id=_id(key),
            kind="run",
            name=uses.run_name(row) or "run",
            run_id=key.id,
            by=row["user"],
            at=row.get("started_at") or row.get("at"),
            state=state if state in ("finished", "failed", "interrupted") else None,
            path=row["run_path"],
            host=row["host"],
            is_start=is_start,
            more=found.more(key),
        )
    return Node(
        id=_id(key),
        kind=row["kind"],
        name=name_of(row["path"]),
        path=row["path"],
        host=row["host"],
        hash=row["hash"],
        size=row["size"],
        reason=row["reason"],
        is_source=key.kind == "content" and found.totals.get((key, "output")) == 0,
        is_start=is_start,
        more=found.more(key),
    )


def _id(key: Key) -> str:
    """Write what a node stands for in one word that stays the same."""
    parts: list[Any] = [key.kind, key.id, *(each for each in key.name if each is not None)]
    return ":".join(map(str, parts))
