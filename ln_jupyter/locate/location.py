"""Where a notebook is, and how sure we are of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, NamedTuple

Confidence = Literal["sure", "likely", "guess"]


class Location(NamedTuple):
    """The file that is running, and who said so.

    Attributes:
        path: Absolute; folders are resolved, the file's own name is kept even where it is a link.
        via: The signal that answered, such as ``"server-session"``.
        live: The signal follows a rename while the kernel runs.
        confidence: A ``"guess"`` may be shown, never relied on.
        runner: The program or service that runs the notebook, such as ``"nbmake"`` or ``"colab"``;
            empty where nothing tells.
        base_url: Of the Jupyter server, for links; empty without one.
    """

    path: Path
    via: str
    live: bool = False
    confidence: Confidence = "sure"
    runner: str = ""
    base_url: str = ""


def absolute(path: Path, *, folder: Path | None) -> Path:
    """Make *path* absolute from *folder*, with its folders resolved and its own name kept.

    Without a folder it is to be absolute already.

    Two ways to one folder (a link, ``/var`` on macOS) become one path. A notebook that is
    itself a link (git-annex, DVC) keeps its name rather than taking that of its blob.

    Example:
        >>> absolute(Path("../b/n.ipynb"), folder=Path("/a")).as_posix()
        '/b/n.ipynb'
    """
    full = path if folder is None else folder / path
    return Path(os.path.realpath(full.parent)) / full.name  # Path.resolve raises for a circle of links
