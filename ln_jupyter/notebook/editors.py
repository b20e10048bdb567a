"""Whether somebody has a notebook open in a Jupyter server of this user."""

from __future__ import annotations

import os
from pathlib import Path

from ln_jupyter.locate import jupyter_server


def of(path: Path) -> str | None:
    """Give the address of a running server that has a kernel for the file; None where none has, or none answers.

    Args:
        path: Absolute.
    """
    from jupyter_core.paths import jupyter_runtime_dir  # here for cost: only a command asks

    for file in sorted(Path(jupyter_runtime_dir()).glob("jpserver-*.json")):
        server = jupyter_server._read(file)
        url, root = server.get("url"), server.get("root_dir")
        if not (isinstance(url, str) and url.startswith("http") and isinstance(root, str)):
            continue
        for session in jupyter_server._sessions(url, token=server.get("token") or None) or ():
            stated = session.get("path")
            if isinstance(stated, str) and _is_same(Path(root, stated.lstrip("/")), path):
                return url
    return None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - by name and by link
    except OSError:
        return False
