"""The runs and files around some of them: a statement or three for each step, however many there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from ln_jupyter.answers import uses
from ln_jupyter.queries import files, lineage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import sqlalchemy as sa

    from ln_jupyter.queries.rows import Row

MOST = 60
"""Nodes of a graph; the others are counted."""


_NEXT = 12  # runs next to a file
_FILES = 200  # of a run


class Key(NamedTuple):
    """What a node stands for.

    Attributes:
        kind: ``"run"``; ``"content"``, which is known; ``"name"``, of which only path, size and time are.
        id: Of the run, or of the file with the content.
        name: What else tells what has no known content from others.
    """

    kind: str
    id: str
    name: tuple[Any, ...] = ()


@dataclass
class Graph:
    """What was found.

    Attributes:
        nodes: Each with a row of what is known of it.
        edges: From what was there before to what came of it, each with its kind.
        totals: How many runs wrote or read a file, or files a run read or wrote, where that was asked: by role.
    """

    nodes: dict[Key, Row] = field(default_factory=dict)
    edges: dict[tuple[Key, Key], str] = field(default_factory=dict)
    totals: dict[tuple[Key, str], int] = field(default_factory=dict)

    def more(self, key: Key) -> int:
        """Count what is next to a node, and not in the graph."""
        here = {"output": 0, "input": 0}
        for (source, target), kind in self.edges.items():
            if key in (source, target) and kind in _ROLES:
                here[_ROLES[kind]] += 1
        return sum(max(self.totals.get((key, role), 0) - count, 0) for role, count in here.items())

    def add(self, key: Key, row: Row) -> bool:
        """Add a node, if there is room; whether it is there."""
        if key not in self.nodes and len(self.nodes) < MOST:
            self.nodes[key] = row
        return key in self.nodes

    def link(self, run: Key, file: Key, role: str) -> None:
        """Say that a run read or wrote a file."""
        if run in self.nodes and file in self.nodes:
            source, target = (file, run) if role == "input" else (run, file)
            self.edges.setdefault((source, target), "used" if role == "input" else "generated")


_ROLES = {"used": "input", "generated": "output"}


def key_of(row: Row) -> Key:
    """Say which file a row is of. An empty file is no content: all of them are alike."""
    if row["file_id"] is not None and row["size"] != 0:
        return Key("content", row["file_id"])
    host = None if row["kind"] in uses.NAMED else row["host"]
    return Key("name", row["path"], (host, row["size"], row["modified_at"]))


def around(connection: sa.Connection, runs: Sequence[str], given: dict[Key, Row], *, depth: int) -> Graph:
    """Go from runs, or from files, so many runs back and so many forward.

    Args:
        connection: To the registry.
        runs: To begin with.
        given: Files to begin with.
        depth: How many runs back and forward.
    """
    graph = Graph()
    back, forward = _Front("output", "input"), _Front("input", "output")
    for row in lineage.runs(connection, runs):
        graph.add(Key("run", row["run_id"]), row)
        back.runs[row["run_id"]] = forward.runs[row["run_id"]] = None
        back.continued.append(row["continues_id"])
    for key, row in given.items():
        graph.add(key, row)
        back.files[key] = forward.files[key] = None
    if runs:
        _add_files(connection, graph, back, forward)
    for _ in range(depth):
        _add_runs(connection, graph, back, forward)
        if not back.runs and not forward.runs:
            break
        _add_files(connection, graph, back, forward)
    _look_beyond(connection, graph, back, forward)
    _close(connection, graph)
    return graph


@dataclass
class _Front:
    """How far it was gone in one direction.

    Attributes:
        finds: What runs did to the files whose runs are wanted: back, who wrote them; forward, who read them.
        gives: What runs did to the files that are wanted next.
        files: Those whose runs are wanted.
        runs: Those whose files are wanted, each with the cell that bounds them; None where nothing does.
        continued: The ids of runs that others go on from: back, to be found; forward, whose followers are.
        seen: Runs and files from which it was gone already.
    """

    finds: str
    gives: str
    files: dict[Key, None] = field(default_factory=dict)
    runs: dict[str, int | None] = field(default_factory=dict)
    continued: list[str | None] = field(default_factory=list)
    seen: set[Key | str] = field(default_factory=set)

    def meet(self, run_id: str, cell: int | None) -> None:
        """Go on from a run, unless that was done; it may be met by several files."""
        if run_id in self.seen:
            return
        known = self.runs.get(run_id, cell)
        widest = max if self.finds == "output" else min
        self.runs[run_id] = None if cell is None or known is None else widest(known, cell)

    def gives_of(self, row: Row) -> bool:
        """Whether a row is of a file that is wanted next: back, read before what led to the run; forward, written after."""
        if row["role"] != self.gives or row["run_id"] not in self.runs:
            return False
        cell, bound = row["cell"], self.runs[row["run_id"]]
        if cell is None or bound is None:
            return True
        return bool(cell <= bound if self.finds == "output" else cell >= bound)


def _add_runs(connection: sa.Connection, graph: Graph, back: _Front, forward: _Front) -> None:
    """Add the runs that wrote the files behind, and read those in front; and those before and after in a process."""
    fronts = (back, forward)
    contents = [[key.id for key in each.files if key.kind == "content"] for each in fronts]
    rows = lineage.runs_of(connection, written=contents[0], read=contents[1], limit=_NEXT)
    paths = {key.id for each in fronts for key in each.files if key.kind == "name"}
    rows += lineage.runs_at(connection, paths, limit=_NEXT)
    behind = [each for each in back.continued if each is not None]
    others = lineage.runs(connection, behind, after=list(forward.runs))
    before = {each: Key("run", each) for each in forward.runs}
    found = []
    for each in fronts:
        each.seen |= {*each.files, *each.runs}
        each.runs = {}
        own = [(each, row) for row in rows if row["role"] == each.finds and key_of(row) in each.files]
        _count(graph, [row for _, row in own], each.files, each.finds, read=rows)
        found.append(own)
    for front, row in _in_turn(*found):
        run = Key("run", row["run_id"])
        if graph.add(run, row):
            graph.link(run, key_of(row), row["role"])
            front.meet(row["run_id"], row["cell"])
    back.continued = []
    for row in others:
        run = Key("run", row["run_id"])
        if row["run_id"] in behind and graph.add(run, row):
            back.meet(row["run_id"], None)
        if row["continues_id"] in before and graph.add(run, row):
            forward.meet(row["run_id"], None)
    back.continued = [graph.nodes[Key("run", each)].get("continues_id") for each in back.runs]


def _look_beyond(connection: sa.Connection, graph: Graph, back: _Front, forward: _Front) -> None:
    """Count what would come next: a file that no run wrote is a source, and others say that there is more."""
    fronts = (back, forward)
    ends = [[key for key in each.files if key.kind == "content"] for each in fronts]
    rows = lineage.runs_of(connection, written=[key.id for key in ends[0]], read=[key.id for key in ends[1]], limit=1)
    for each, keys in zip(fronts, ends, strict=True):
        totals = {key_of(row): row["total"] for row in rows if row["role"] == each.finds}
        graph.totals |= {(key, each.finds): totals.get(key, 0) for key in keys}


def _add_files(connection: sa.Connection, graph: Graph, back: _Front, forward: _Front) -> None:
    """Add the files that the runs behind read, and those in front wrote."""
    rows = files.of_runs(connection, reading=list(back.runs), writing=list(forward.runs), limit=_FILES)
    found = []
    for each in (back, forward):
        each.files = {}
        own = [(each, row) for row in rows if each.gives_of(row)]
        _count(graph, [row for _, row in own], [Key("run", run_id) for run_id in each.runs], each.gives, read=rows)
        found.append(own)
    for front, row in _in_turn(*found):
        key = key_of(row)
        if graph.add(key, row):
            graph.link(Key("run", row["run_id"]), key, row["role"])
            if key not in front.seen and row["size"] != 0:
                front.files[key] = None


def _in_turn(first: list[tuple[_Front, Row]], second: list[tuple[_Front, Row]]) -> Iterator[tuple[_Front, Row]]:
    """Take from both in turn, so that the one does not take all the room."""
    return (each for both in zip_longest(first, second) for each in both if each is not None)


def _count(graph: Graph, rows: Iterable[Row], keys: Iterable[Key], role: str, *, read: Iterable[Row]) -> None:
    """Keep how many neighbours there are: those of *rows*, and those that were not *read* from the database."""
    of_each: dict[Key, set[Key]] = {key: set() for key in keys}
    unread = dict.fromkeys(of_each, 0)
    for row in rows:
        file, run = key_of(row), Key("run", row["run_id"])
        for key, other in ((file, run), (run, file)):
            if key in of_each:
                of_each[key].add(other)
    for row in read:
        for key in (key_of(row), Key("run", row["run_id"])):
            if key in unread and row["role"] == role:
                unread[key] = row["total"] - row["rank"]  # of the last one, in the end
    for key, others in of_each.items():
        graph.totals[key, role] = len(others) + unread[key]


def _close(connection: sa.Connection, graph: Graph) -> None:
    """Add what the runs and files that are there have to do with each other beside the way that led to them."""
    runs = [key.id for key in graph.nodes if key.kind == "run"]
    contents = [key.id for key in graph.nodes if key.kind == "content"]
    for row in lineage.between(connection, runs, contents) if len(graph.nodes) > 1 else []:
        graph.link(Key("run", row["run_id"]), key_of(row), row["role"])
    for run_id in runs:
        before = Key("run", graph.nodes[Key("run", run_id)].get("continues_id") or "")
        if before in graph.nodes:
            graph.edges.setdefault((before, Key("run", run_id)), "continued")
