"""What reading a notebook's file costs, against nbformat and, as the floor, json."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import nbformat
from interleaved import Effort, call, measure
from report import Row, Section

from ln_jupyter.locate import find
from ln_jupyter.notebook import document

if TYPE_CHECKING:
    from pathlib import Path

_SIZES = {"8 KB": 8_000, "1 MB": 1_000_000, "50 MB": 50_000_000}
_OUTPUT = 40_000  # characters of one output: a small picture


def run(folder: Path, effort: Effort) -> list[Section]:
    """Measure reading, at three sizes, and naming a file."""
    rows = []
    for name, size in _SIZES.items():
        path = _write(folder / f"{size}.ipynb", size)
        contestants = {
            "ours": call(partial(document.read, path)),
            "rival": call(partial(nbformat.read, path, as_version=4)),
            "floor": call(partial(_load, path)),
        }
        is_large = size > _SIZES["1 MB"]
        costs = measure(contestants, rounds=effort.rounds(5 if is_large else 30), calls=1 if is_large else 5)
        rows.append(Row(f"read {name}", costs["ours"], costs["rival"], "nbformat.read", costs["floor"], "json.loads"))
    named = measure({"ours": call(partial(find.find, path))}, rounds=effort.rounds(30), calls=100)
    rows.append(Row("locate.find(filepath)", named["ours"]))
    return [Section("Reading a notebook's file", rows, ["importing nbformat is not counted; a kernel need not"])]


def _load(path: Path) -> object:
    return json.loads(path.read_bytes())


def _write(path: Path, size: int) -> Path:
    """Write a notebook whose size is mostly that of its outputs, as it is with pictures."""
    picture = {"image/png": "iVBORw0KGgo" * (min(_OUTPUT, size // 4) // 11), "text/plain": ["<Figure>"]}
    output = {"output_type": "display_data", "data": picture, "metadata": {}}
    cells = [{"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# A title"]}]
    each = len(json.dumps(output)) + 300
    for number in range(max(size // each, 1)):
        source = [f"figure = draw({number})\n", "figure"]
        cell = {"cell_type": "code", "id": f"c{number}", "metadata": {}, "source": source, "execution_count": number}
        cells.append({**cell, "outputs": [output]})
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")
    return path
