"""Two notebooks in real kernels, and then the questions."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from pathlib import Path

SETUP = "import ln_jupyter as ln"


def test_two_notebooks(tmp_path: Path) -> None:
    """A file that one notebook made, and that was moved and renamed, is known in the next: what made it, and what came of it."""
    home, first, second = (tmp_path / name for name in ("home", "first", "second"))
    for each in (home, first, second):
        each.mkdir()
    (first / "raw.csv").write_text("1\n2\n3\n")
    with kernel_driver.start(home, SETUP) as kernel:
        for cell in (
            f"import os; os.chdir({str(first)!r})",
            "ln.header(id='Clean0000000', name='Clean')",
            "text = open('raw.csv').read()",
            "with open('clean.csv', 'w') as file:\n    print(text.upper(), file=file)",
        ):
            assert "ok" == kernel.run(cell).status
        # in the next cell what the one before has written is known
        assert "clean.csv was written by Clean, run " in (kernel.run("ln.where('clean.csv')").value or "")
    shutil.move(first / "clean.csv", second / "data.csv")

    with kernel_driver.start(home, SETUP) as kernel:
        for cell in (
            f"import os; os.chdir({str(second)!r})",
            "ln.header(id='Train0000000', name='Train')",
            "text = open('data.csv').read()",
            "with open('pred.csv', 'w') as file:\n    print(text * 2, file=file)",
            "found, graph = ln.where('data.csv'), ln.lineage('pred.csv')",
        ):
            assert "ok" == kernel.run(cell).status
        made = kernel.read(
            "(found.state, found.written.run, found.written.execution, [o.file.path for o in found.made_from])"
        )
        read = kernel.read("[(use.run, use.execution) for use in found.read_by]")
        names = kernel.read("{node.id: node.name for node in graph.nodes}")
        edges = kernel.read("[(edge.source, edge.kind, edge.target) for edge in graph.edges]")
        others = kernel.read(
            "[row.path for run in ln.select(__import__('ln_jupyter').schema.Run).load('files').all() for row in run.files]"
        )

    assert ("copy", "Clean", 3, [str(first / "raw.csv")]) == made
    assert [("Train", 2)] == read
    assert {
        ("raw.csv", "used", "Clean"),
        ("Clean", "generated", "data.csv"),
        ("data.csv", "used", "Train"),
        ("Train", "generated", "pred.csv"),
    } == {(names[source], kind, names[target]) for source, kind, target in edges}
    assert 4 == len(others)  # the questions have read files, too, which is none of the run's
