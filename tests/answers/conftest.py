"""A small laboratory: files on disk, and rows of what runs did with them, as the recorder writes them."""

from __future__ import annotations

import datetime as dt
import hashlib
import socket
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.schema import ids

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

NOON = dt.datetime(2026, 11, 27, 12, 0, tzinfo=dt.UTC)
HOST = socket.gethostname()


class Lab:
    """Files in a folder, and the runs that read and wrote them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.contents: dict[str, lns.File] = {}
        self.users: dict[str, lns.User] = {}

    def write(self, name: str, text: str) -> str:
        """Write a file, and give its path."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    def content(self, text: str, name: str = "") -> lns.File:
        """Give the record of a content, the same for the same text."""
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        if text not in self.contents:
            file = lns.File(id=ids.of_content(sha256, len(text)), name=name or None, hash=sha256, size=len(text))
            self.contents[text] = file
        return self.contents[text]

    def seen(self, role: Any, name: str, text: str | None, **fields: Any) -> lns.RunFile:
        """Say that a file was read or written with this text; None where its content is not known."""
        path = name if "://" in name or name.startswith("/") else str(self.folder / name)
        file = None if text is None else self.content(text, name)
        facts = {"kind": "file", "via": "open", "size": None if text is None else len(text)}
        return lns.RunFile(**(facts | fields), role=role, path=path, file=file)

    def read(self, name: str, text: str | None, **fields: Any) -> lns.RunFile:
        """Say that a run read it."""
        return self.seen("input", name, text, **fields)

    def wrote(self, name: str, text: str | None, **fields: Any) -> lns.RunFile:
        """Say that a run wrote it."""
        return self.seen("output", name, text, **fields)

    def run(self, name: str, minutes: float, *files: lns.RunFile, by: str = "ann", **fields: Any) -> lns.Run:
        """Make a run of the notebook NAME.ipynb, with seven cells; its id is the name, filled up."""
        notebook, _, number = name.partition("_")
        at = NOON + dt.timedelta(minutes=minutes)
        user = self.users.setdefault(by, lns.User(handle=by))
        facts = {"path": str(self.folder / f"{notebook}.ipynb"), "host": HOST, "finished_at": at, "outcome": "ok"}
        run = lns.Run(id=f"{notebook}{number}".ljust(20, "x"), created_at=at, started_at=at, **(facts | fields))
        run.created_by = user
        run.cells = [
            lns.ExecutedCell(position=n, number=n, started_at=at + dt.timedelta(seconds=n), ok=True)
            for n in range(1, 8)
        ]
        for position, each in enumerate(files, 1):
            each.position = position
            run.files.append(each)
            if each.file is not None:
                linked = run.inputs if each.role == "input" else run.outputs
                linked += [each.file] if each.file not in linked else []
        ln.add(run)
        return run

    def fill(self) -> None:
        """Clean, train and plot, as in the docs."""
        self.write("raw.csv", "raw"), self.write("pred.csv", "predicted")
        self.run("clean", 0, self.read("raw.csv", "raw", cell=2), self.wrote("clean.csv", "cleaned", cell=4))
        self.run(
            "train_0", 20, self.read("clean.csv", "cleaned", cell=2), self.wrote("pred.csv", "old", cell=6), by="bo"
        )
        self.run(
            "train_1",
            60,
            self.read("clean.csv", "cleaned", cell=2),
            self.read("params.toml", "alpha = 1", cell=2),
            self.wrote("pred.csv", "predicted", cell=6),
            self.read("late.csv", "late", cell=7),
        )
        self.run("plot", 90, self.read("pred.csv", "predicted", cell=2), self.wrote("growth.png", "png", cell=3))


@pytest.fixture
def lab(engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Make a registry, and a folder to work in."""
    folder = tmp_path / "lab"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Lab(folder)
