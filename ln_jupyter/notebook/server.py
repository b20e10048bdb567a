"""Whether the Jupyter server that saves a notebook keeps who it is."""

from __future__ import annotations

import http.client
import os
from typing import TYPE_CHECKING

from ln_jupyter.environment import kernel
from ln_jupyter.locate import jupyter_server

if TYPE_CHECKING:
    from ln_jupyter.locate.location import Location

_TIMEOUT = 0.5  # seconds; header() waits for the answer


def keeps_identity(location: Location) -> bool | None:
    """Ask the kernel's own server whether it carries the identity from the header into the metadata.

    Returns:
        False where the server runs without our extension, or the file is no notebook. None where
        nothing tells: no server runs the kernel, it lets nobody ask without a browser (a password
        and no token), or it does not answer in half a second.

    Example:
        >>> from pathlib import Path
        >>> from ln_jupyter.locate.location import Location
        >>> keeps_identity(Location(Path("/n.ipynb"), via="command-line")) is None
        True
    """
    here = kernel.current()
    # Only a server that named the notebook has let us in: its silence then means no extension.
    if location.via != "server-session" or here is None or here.connection_file is None:
        return None
    if location.path.suffix != ".ipynb":  # jupytext's keep neither outputs nor our metadata
        return False
    pid = os.environ.get("JPY_PARENT_PID") or os.getppid()
    server = jupyter_server._read(here.connection_file.with_name(f"jpserver-{pid}.json"))
    if "url" not in server:
        return None
    token = server.get("token") or os.environ.get("JUPYTERHUB_API_TOKEN")  # a hub's servers keep none in the file
    headers = {"Authorization": f"token {token}"} if token else {}
    try:
        answer = jupyter_server._get(f"{server['url'].rstrip('/')}/ln-jupyter/api/status", headers, timeout=_TIMEOUT)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return isinstance(answer, dict) and answer.get("hook") is True
