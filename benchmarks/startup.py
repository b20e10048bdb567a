"""What starting costs: the import, and `header()` in a fresh kernel of a real server, against other trackers."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

import header
from interleaved import Cost, Effort, measure_processes
from report import Budget, Row, Section

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NBPROJECT = {"id": "Rx2s9cPTMQLY", "version": "0", "time_init": "2026-01-01T00:00:00+00:00"}
_CELLS = (
    "import time\ndef cpu(act):\n    begun = time.process_time_ns()\n    act()\n    return (time.process_time_ns() - begun) / 1e6",
    "def load():\n    global nbproject\n    import nbproject",
    "cpu(load)",
    "cpu(nbproject.header)",
    "cpu(nbproject.header)",
)
_LOCATE = (
    _CELLS[0],
    f"import sys\nsys.path.insert(0, {str(header.ROOT)!r})\nfrom ln_jupyter.locate import find\nfirst = cpu(find.find)",
    "first",
    "cpu(lambda: [find.find() for _ in range(20)]) / 20",
)
_TRACK = """
import time, lamindb
begun = time.process_time()
lamindb.track("abcdefghijkl0000")
print(time.process_time() - begun)
"""


def run(folder: Path, effort: Effort, *, peers: Path | None = None) -> list[Section]:
    """Measure starts; of lamindb only where *peers* is the Python of an environment that has it."""
    return [imports(folder, effort, peers), headers(folder, effort, peers)]


def imports(folder: Path, effort: Effort, peers: Path | None) -> Section:
    """Measure imports in fresh processes."""
    commands = {
        "ours": [sys.executable, "-c", "import ln_jupyter"],
        "bare": [sys.executable, "-c", "pass"],
        "nbproject": [sys.executable, "-c", "import nbproject"],
    }
    if peers is not None:
        commands["lamindb"] = [str(peers), "-c", "import lamindb"]
        _make_instance(folder, peers)
    costs = measure_processes(commands, rounds=effort.rounds(20), environment=_home(folder))
    rows = [Row("import ln_jupyter", costs["ours"], costs["bare"], "bare Python", budget=Budget("extra", 0.020))]
    others = [name for name in ("nbproject", "lamindb") if name in costs]
    return Section(
        "Import, in a fresh process", [*rows, *(Row("import", costs["ours"], costs[name], name) for name in others)]
    )


def headers(folder: Path, effort: Effort, peers: Path | None) -> Section:
    """Measure `header()` in fresh kernels, and what others do for it."""
    rounds = effort.rounds(6)
    found = header.measure({"ours": header.ROOT}, rounds=rounds)
    fresh, imported = found["ours", "fresh"], found["ours", "sqlalchemy"]
    sqlalchemy = [_cost(each.sqlalchemy) for each in imported]
    others = _others(folder, rounds)
    theirs = [_cost(first) for first, _ in others["nbproject"]]
    theirs_again = [_cost(again) for _, again in others["nbproject"]]
    again = [_cost(each.again) for each in (*fresh, *imported)]
    rows = [
        Row(
            "first header()",
            [_cost(each.first) for each in fresh],
            sqlalchemy,
            "importing SQLAlchemy",
            budget=Budget("extra", 0.060),
        ),
        Row(
            "first header(), SQLAlchemy imported before",
            [_cost(each.first) for each in imported],
            budget=Budget("total", 0.060),
        ),
        Row(
            "first header(), with its import", [_cost(each.first + each.package) for each in fresh], theirs, "nbproject"
        ),
        Row("header() again", again, theirs_again, "nbproject", budget=Budget("total", 0.005)),
        Row("the heartbeat's first seconds", [_cost(each.heartbeat) for each in fresh]),
        Row("locate.find(), first", [_cost(first) for first, _ in others["locate"]]),
        Row("locate.find(), again", [_cost(again) for _, again in others["locate"]]),
    ]
    remarks = [] if peers is None else [_track(folder, peers)]
    return Section("header(), in a fresh kernel of a Jupyter server", rows, remarks)


def _others(folder: Path, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Run nbproject's header, and our own search for the file, in kernels of one server, in turns."""
    found: dict[str, list[tuple[float, float]]] = {"nbproject": [], "locate": []}
    with header._server(folder) as server:
        path = folder / "notebook.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["metadata"]["nbproject"] = _NBPROJECT  # or it writes the file, and raises SystemExit
        path.write_text(json.dumps(notebook), encoding="utf-8")
        for turn in range(rounds + 1):
            load, first, again = _in_a_kernel(server, _CELLS)
            opening, later = _in_a_kernel(server, _LOCATE)
            if turn:  # the first one compiles modules
                found["nbproject"].append((load + first, again))
                found["locate"].append((opening, later))
    return found


def _in_a_kernel(server: header._Server, cells: Sequence[str]) -> list[float]:
    """Run cells in a kernel of its own; give what those say that say a number."""
    what = {"path": "notebook.ipynb", "name": "notebook.ipynb", "type": "notebook", "kernel": header._KERNEL}
    session = server._ask("POST", "sessions", what)
    try:
        file = server.folder / "runtime" / f"kernel-{session['kernel']['id']}.json"
        with header._client(file) as client:
            return [number for source in cells if (number := header._execute(client, source))]
    finally:
        server._ask("DELETE", f"sessions/{session['id']}")


def _cost(milliseconds: float) -> Cost:
    return Cost(milliseconds / 1e3, 0.0)


def _home(folder: Path) -> dict[str, str]:
    """Give an environment in which nobody's own settings count."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LN_JUPYTER", "LAMIN", "PYTHON"))}
    home = folder / "home"  # which lamindb does not work in
    home.mkdir(exist_ok=True)
    return kept | {"HOME": str(home)}


def _make_instance(folder: Path, peers: Path) -> None:
    """Make lamindb a database of its own in *folder*, where its import finds it."""
    command = [str(peers.with_name("lamin")), "init", "--storage", str(folder / "lamindb")]
    subprocess.run(command, env=_home(folder), cwd=folder, capture_output=True, check=True)


def _track(folder: Path, peers: Path) -> str:
    """Try what lamindb has for `header()`; it may ask a server on the net."""
    script = folder / "track.py"
    script.write_text(_TRACK, encoding="utf-8")
    done = subprocess.run(
        [str(peers), str(script)], env=_home(folder), cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return f"lamindb.track() did not run here: {done.stderr.strip().splitlines()[-1]}"
    return f"lamindb.track(), in a script, once: {statistics.median([float(done.stdout.splitlines()[-1])]):.2f} s CPU"
