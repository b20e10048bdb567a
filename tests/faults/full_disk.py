"""A program on a disk that fills up: run in a mount namespace of its own, it tells what each step said."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines
from ln_jupyter.tracking import running

if TYPE_CHECKING:
    from collections.abc import Callable


def main(disk: Path) -> None:
    """Fill the disk, and empty it again."""
    ln.connect(f"sqlite:///{disk / 'registry.db'}")
    ln.add(lns.Run(name="before"))
    ln.header(id="Rx2s9cPTMQLY", name="Growth")
    fill = disk / "fill"
    fill.write_bytes(bytes(1_000_000))
    told = {"filled": _said(_fill)}
    with fill.open("ab", buffering=0) as opened, contextlib.suppress(OSError):
        while True:
            opened.write(bytes(512))
    told["read"] = _said(lambda: ln.select(lns.Run, name="before").one())
    told["header"] = _said(lambda: ln.header(id="Rx2s9cPTMQLY", name="Growth"))
    told["made"] = _said(lambda: _make(disk))
    engines.current().dispose()
    told["read anew"] = _said(lambda: ln.select(lns.Run, name="before").one())

    fill.unlink()
    told["emptied"] = _said(lambda: ln.add(lns.Run(name="after")))
    told["header again"] = _said(lambda: ln.header(id="Rx2s9cPTMQLY", name="Growth"))
    told["made again"] = _said(lambda: _make(disk))
    told["sources"] = str(ln.select(lns.Source).count())
    recording = running.recording()
    if recording is not None:
        recording.settle()
    json.dump(told, sys.__stdout__ or sys.stdout)


def _fill() -> None:
    for number in range(1000):
        ln.add(lns.Source(hash=f"{number:064}", content=os.urandom(20_000)))


def _make(disk: Path) -> None:
    url = f"sqlite:///{disk / 'new.db'}"
    with ln.Session(url) as ss:
        ss.add(lns.Run(name="new"))
    engines.dispose(url)


def _said(step: Callable[[], object]) -> str:
    try:
        step()
    except ln.errors.LnJupyterError as error:
        return f"{error}; fix: {error.fix}"
    return "ok"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
