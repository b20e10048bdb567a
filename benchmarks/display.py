"""What showing something costs: with the display hook against without.

Run it from the repository: ``.venv/bin/python benchmarks/display.py``.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from functools import partial

from interleaved import measure, table
from IPython.core.interactiveshell import InteractiveShell

os.environ["LN_JUPYTER_URL"] = f"sqlite:///{tempfile.mkdtemp()}/registry.db"

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.display import html, record, text
from ln_jupyter.ipython import extension


@dataclasses.dataclass
class Plain:
    """Somebody's dataclass."""

    x: int = 1


def records() -> None:
    """Measure a record, and whether collections of any length cost the same."""
    few = lns.Run(name="few", inputs=[lns.File(name=str(number)) for number in range(9)])
    many = lns.Run(name="many", inputs=[lns.File(name=str(number)) for number in range(100_000)])
    run = ln.add(lns.Run(name="Solve Problem X", pipeline=lns.Pipeline(name="Transform A")))

    def show(shown: object) -> None:
        seen = record.view(shown)
        text.render(seen)
        html.render(seen)

    rivals = {"a run": partial(show, run), "9 inputs": partial(show, few), "100,000 inputs": partial(show, many)}
    print(table("View, text and HTML of a record", measure(rivals, calls=20), against="9 inputs"))


def others(shell: InteractiveShell) -> None:
    """Measure what everything else pays for the hook."""
    format_ = shell.display_formatter.format
    outputs = {"int": 1, "object": object(), "list": [1, 2, 3], "dict": {"a": 1}, "dataclass": Plain()}
    without = measure({name: partial(format_, value) for name, value in outputs.items()})
    extension.load(shell)
    loaded = measure({name: partial(format_, value) for name, value in outputs.items()})
    for name in outputs:
        print(table(name, {"without": without[name], "with": loaded[name]}, against="without"))


if __name__ == "__main__":
    records()
    others(InteractiveShell.instance())
