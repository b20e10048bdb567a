"""Runs and files, and what led to what, as a value that draws itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ln_jupyter import humanize
from ln_jupyter.answers import uses
from ln_jupyter.answers.words import CARD, Form
from ln_jupyter.display import html
from ln_jupyter.display.card import SEPARATOR, Part
from ln_jupyter.display.graphs import drawing
from ln_jupyter.display.graphs.drawing import Arrow, Box
from ln_jupyter.sanitize import escaped, plain

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Hashable, Iterator

    from ln_jupyter.display.card import Line

_SIGNS = {"used": "read by", "generated": "wrote", "continued": "goes on in"}
_WIDTH = 80
_LEAST_SCALE = 0.7  # where a front end makes a drawing fit; beyond, it scrolls


@dataclass(frozen=True)
class Node:
    """A run, or a file.

    Attributes:
        id: In this graph.
        kind: ``"run"``, ``"file"``, ``"folder"``, ``"url"``, ``"table"`` or ``"query"``.
        name: Of the notebook's or script's file, or of the file.
        run_id: Of a run, its id.
        by: Whose run it is.
        at: When it started.
        state: How it ended; None of one that goes on, or of which nobody knows.
        path: Where the notebook, or the file, lay.
        host: On which machine.
        hash: SHA-256 of the file, hexadecimal; None where its content is not known.
        size: In bytes.
        reason: Why its content is not known.
        is_source: No run wrote it.
        is_start: It is what was asked about.
        more: How many runs or files next to it are not in the graph.
    """

    id: str
    kind: str
    name: str
    run_id: str | None = None
    by: str | None = None
    at: dt.datetime | None = None
    state: str | None = None
    path: str | None = None
    host: str | None = None
    hash: str | None = None
    size: int | None = None
    reason: str | None = None
    is_source: bool = False
    is_start: bool = False
    more: int = 0

    def said(self, form: Form = CARD) -> str:
        """Say what there is to say beside its name."""
        more = f"+{self.more:,} more" if self.more else ""
        if self.kind == "run":
            time = "" if self.at is None else form.time(self.at)
            return ", ".join(filter(None, (" ".join(filter(None, (self.by, time))), more)))
        facts = [form.hash(self.hash or ""), "a source" if self.is_source else ""]
        if self.kind in uses.NAMED:
            facts.append(uses.NAMED[self.kind])
        elif self.hash is None:
            facts.append("content not known")
        return ", ".join(filter(None, (*facts, more)))

    @property
    def title(self) -> str:
        """Its name, with the sign of how it ended."""
        sign = humanize.STATE_SIGNS[self.state] if self.state in ("failed", "interrupted") else ""
        return f"{sign} {self.name}".strip()


@dataclass(frozen=True)
class Edge:
    """What led to what, from the earlier to the later.

    Attributes:
        source: The id of a node.
        target: The id of another.
        kind: ``"used"``: the run *target* read the file *source*; ``"generated"``: the run *source* wrote the file
            *target*; ``"continued"``: the run *target* went on from the run *source* in its process.
    """

    source: str
    target: str
    kind: str


@dataclass(frozen=True, repr=False)
class Lineage:
    """The runs and files that led to something, and those that came of it.

    Attributes:
        subject: What was asked about.
        depth: How many runs back and forward.
        nodes: Runs and files, the nearest first.
        edges: What led to what.
        note: What has to be said of the subject.
    """

    subject: str
    depth: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON has it, with times in ISO 8601."""
        found: dict[str, Any] = uses.plain(self)
        return found

    def to_mermaid(self) -> str:
        """Return the graph in Mermaid's words, which JupyterLab and GitHub draw in Markdown.

        Example:
            >>> run, file = Node("run:a", "run", "train.ipynb"), Node("content:b", "file", "pred.csv")
            >>> print(Lineage("a", 1, (run, file), (Edge("run:a", "content:b", "generated"),)).to_mermaid())
            flowchart LR
                n0["train.ipynb"]
                n1(["pred.csv<br/>content not known"])
                n0 --> n1
        """
        names = {node.id: f"n{number}" for number, node in enumerate(self.nodes)}
        lines = ["flowchart LR"]
        for node in self.nodes:
            text = "<br/>".join(_quoted(each) for each in (node.title, node.said()) if each)
            opening, closing = ("[", "]") if node.kind == "run" else ("([", "])")
            lines.append(f'    {names[node.id]}{opening}"{text}"{closing}')
        for edge in self.edges:
            arrow = "-.->" if edge.kind == "continued" else "-->"
            lines.append(f"    {names[edge.source]} {arrow} {names[edge.target]}")
        return "\n".join(lines)

    def to_svg(self) -> str:
        """Return the graph as a drawing."""
        return self._drawn(least_scale=None)

    def _drawn(self, *, least_scale: float | None) -> str:
        boxes: dict[Hashable, Box] = {
            node.id: Box(
                (node.title, node.said()),
                title=node.title if drawing.is_cut(node.title) else "",
                is_round=node.kind != "run",
                is_start=node.is_start,
            )
            for node in self.nodes
        }
        arrows = [Arrow(each.source, each.target, is_dotted=each.kind == "continued") for each in self.edges]
        return drawing.to_svg(boxes, arrows, label=f"{self.counts}: {self._in_words}", least_scale=least_scale)

    def __repr__(self) -> str:
        return "\n".join([self.heading, self.counts, *self.lines()])

    def _repr_html_(self) -> str:
        return self._html

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - IPython's order
        # IPython would write a dataclass without a repr of its own field by field
        printer.text(repr(self))

    @property
    def heading(self) -> str:
        """What it is of."""
        return plain(SEPARATOR.join(filter(None, (self.subject, self.note))))

    @property
    def counts(self) -> str:
        """How much there is."""
        runs = sum(node.kind == "run" for node in self.nodes)
        counts = [humanize.count(runs, "run"), humanize.count(len(self.nodes) - runs, "file")]
        more = sum(node.more for node in self.nodes)
        return SEPARATOR.join([*counts, *([f"+{more:,} more beside them"] if more else [])])

    @property
    def _in_words(self) -> str:
        names = {node.id: node.name for node in self.nodes}
        return "; ".join(f"{names[each.source]} {_SIGNS[each.kind]} {names[each.target]}" for each in self.edges)

    @cached_property
    def _html(self) -> str:
        lines: list[Line] = [(Part(self.subject, "b"), Part(f"{SEPARATOR}{self.note}" if self.note else ""))]
        lines.append((Part(self.counts, "small"),))
        said = "".join(f"<p>{html.of_line(line)}</p>" for line in lines)
        text = "<br>".join(escaped(line).replace("  ", "&nbsp;&nbsp;") for line in self.lines())
        as_text = f"<details><summary><small>as text</small></summary><p>{text}</p></details>" if text else ""
        return html.framed(f"{said}{self._drawn(least_scale=_LEAST_SCALE)}{as_text}", is_wide=True)

    def lines(self, form: Form = CARD, *, width: int | None = _WIDTH) -> list[str]:
        """Write what led to it, and then what came of it: each step further in.

        Args:
            form: How ids, hashes and times are written.
            width: No wider than so many columns; None where nothing is cut.
        """
        found = []
        starts = [node for node in self.nodes if node.is_start]
        for name, ends in (("before:", self._before), ("after:", self._after)):
            told = {node.id for node in starts}
            below = [line for node in starts for line in _tree(node, ends, told, form, "  ")]
            found += [name, *below] if below else []
        return [line if width is None or len(line) <= width else f"{line[: width - 1]}…" for line in map(plain, found)]

    @cached_property
    def _before(self) -> dict[str, list[Node]]:
        return self._linked([(each.target, each.source) for each in self.edges])

    @cached_property
    def _after(self) -> dict[str, list[Node]]:
        return self._linked([(each.source, each.target) for each in self.edges])

    def _linked(self, ends: list[tuple[str, str]]) -> dict[str, list[Node]]:
        nodes = {node.id: node for node in self.nodes}
        found: dict[str, list[Node]] = {}
        for one, other in ends:
            found.setdefault(one, []).append(nodes[other])
        return found


def _tree(node: Node, ends: dict[str, list[Node]], told: set[str], form: Form, indent: str) -> Iterator[str]:
    for each in ends.get(node.id, ()):
        again = each.id in told
        run = f", run {form.id(each.run_id)}" if each.run_id else ""
        said = f"{each.title}{run}  {each.said(form)}".rstrip()
        yield f"{indent}{said}{', see above' if again else ''}"
        if not again:
            told.add(each.id)
            yield from _tree(each, ends, told, form, f"{indent}  ")


def _quoted(text: str) -> str:
    """Write text as Mermaid takes it between quotes."""
    for sign, name in (("&", "amp"), ("#", "35"), ('"', "quot"), ("<", "lt"), (">", "gt"), ("`", "96")):
        text = text.replace(sign, f"\0{name};")
    return plain(text.replace("\0", "#"))
