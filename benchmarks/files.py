"""What it costs a cell that the files it opens are seen: against the same process without, and against noWorkflow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import header
from interleaved import Cost, Effort, measure_processes
from report import Budget, Row, Section

if TYPE_CHECKING:
    from pathlib import Path

_OPENED = 10_000

# Answers each line with the seconds of CPU that the work took in this thread: what follows a cell has a thread of its own.
_SERVER = """
import gc, os, sys, time
sys.path.insert(0, {root!r})
os.chdir({folder!r})
{begin}
def one():
    for _ in range({opened}):
        open("0").close()
def many():
    for number in range({opened}):
        with open(str(number)) as file:
            file.read()
def table():
    import pandas
    pandas.read_csv("table.csv")
def cell():
    for _ in range(200):
        shell.run_cell("x = 1", store_history=True)
works = {{"one": one, "many": many, "table": table, "cell": cell}}
gc.disable()
print("ready", flush=True)
for line in sys.stdin:
    work = works[line.strip()]
    gc.collect()
    begun = time.thread_time()
    work()
    print(time.thread_time() - begun, flush=True)
    settle()
"""
# As large as the others, which counts where memory is asked for: only `header()` is not called.
_NOTHING = """
import ln_jupyter.tracking.header_output, ln_jupyter.tracking.register, ln_jupyter.tracking.recording.recorder
def settle(): pass
"""
_RECORDED = """
import ln_jupyter as ln
ln.header(id="Rx2s9cPTMQLY", name="files", files={files!r})
from ln_jupyter.tracking import running
settle = running.recording().settle
"""
_SHELL = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
"""


class _Server:
    """A process that works when it is asked to, and says how long that took."""

    def __init__(self, folder: Path, begin: str) -> None:
        program = _SERVER.format(root=str(header.ROOT), folder=str(folder), begin=begin, opened=_OPENED)
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        while self._read() != "ready":  # `header()` shows itself first
            pass

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def measure(self, work: str) -> Cost:
        """Let it work once."""
        assert self._process.stdin is not None
        print(work, file=self._process.stdin, flush=True)
        seconds = float(self._read())
        return Cost(seconds, seconds)

    def end(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def run(folder: Path, effort: Effort) -> list[Section]:
    """Measure what is opened in a process that records it, in one that does not, and in one without us."""
    for number in range(_OPENED):
        (folder / str(number)).write_text(f"{number}\n" * 100)
    line = ",".join(["3.14159265"] * 10) + "\n"
    (folder / "table.csv").write_text("a,b,c,d,e,f,g,h,i,j\n" + line * (10_000_000 // len(line)))
    rows = [*_opens(folder, effort), *_cells(folder, effort)]
    if (rival := shutil.which("now")) is not None:
        rows.append(_script(folder, effort, rival))
    return [Section("Files that are read and written", rows)]


def _opens(folder: Path, effort: Effort) -> list[Row]:
    servers = {
        "without": _Server(folder, _NOTHING),
        "on": _Server(folder, _RECORDED.format(files="on")),
        "off": _Server(folder, _RECORDED.format(files="off")),
    }
    rows = []
    for work, name, limit, rounds in (
        ("one", f"opening a file {_OPENED:,} times", 1.15, 30),
        ("many", f"reading {_OPENED:,} small files", 1.15, 30),
        ("table", "reading a table of 10 MB", 1.02, 15),
    ):
        costs = _measure(servers, work, effort.rounds(rounds))
        rows.append(Row(name, costs["on"], costs["without"], "without a run", budget=Budget("ratio", limit)))
        if work == "many":
            rows.append(
                Row(f"{name}, files off", costs["off"], costs["without"], "without a run", budget=Budget("ratio", 1.03))
            )
    for each in servers.values():
        each.end()
    return rows


def _cells(folder: Path, effort: Effort) -> list[Row]:
    servers = {files: _Server(folder, _SHELL + _RECORDED.format(files=files)) for files in ("on", "off")}
    costs = _measure(servers, "cell", effort.rounds(30))
    for each in servers.values():
        each.end()
    return [Row("200 plain cells of a run", costs["on"], costs["off"], "files off", budget=Budget("ratio", 1.03))]


def _measure(servers: dict[str, _Server], work: str, rounds: int) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {name: [] for name in servers}
    for each in servers.values():
        each.measure(work)
    for number in range(rounds):
        names = list(servers)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            costs[name].append(servers[name].measure(work))
    return costs


_SCRIPT = """
total = 0
for number in range(100):
    with open(str(number)) as file:
        total += len(file.read())
with open("total.txt", "w") as file:
    file.write(str(total))
"""


def _script(folder: Path, effort: Effort, rival: str) -> Row:
    """Compare what a script takes longer with `header()` with what it takes longer under ``now run``."""
    (folder / "plain.py").write_text(_SCRIPT)
    (folder / "ours.py").write_text(f"import ln_jupyter as ln\nln.header()\n{_SCRIPT}")
    commands = {
        "plain": [sys.executable, "plain.py"],
        "ours": [sys.executable, "ours.py"],
        "now": [rival, "run", "plain.py"],
    }
    os.chdir(folder)
    costs = measure_processes(commands, rounds=effort.rounds(10), environment=dict(os.environ))
    ours, theirs = (
        [
            Cost(each.cpu - plain.cpu, each.wall - plain.wall)
            for each, plain in zip(costs[name], costs["plain"], strict=True)
        ]
        for name in ("ours", "now")
    )
    return Row("added to a script of 100 files", ours, theirs, "noWorkflow", budget=Budget("ratio", 0.1))
