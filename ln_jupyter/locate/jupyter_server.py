"""What Jupyter servers of this user say: which notebooks they run, and whether saving keeps who they are."""

from __future__ import annotations

import http.client
import json
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from ln_jupyter.environment import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ln_jupyter.locate.location import Location

_TIMEOUT = 1.0  # seconds; the server is on this machine
_STATUS_TIMEOUT = 0.5  # seconds; header() waits for the answer
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Answer(NamedTuple):
    """What a server says about one kernel.

    Attributes:
        paths: The notebooks it runs, usually one; two notebooks may share a kernel.
        base_url: Of the server, for links.
    """

    paths: tuple[Path, ...]
    base_url: str


def ask(connection_file: Path, *, kernel_id: str) -> Answer | None:
    """Ask which notebooks the kernel runs.

    The server's own ``jpserver-<pid>.json`` beside the connection file says where it listens;
    importing jupyter_server to list servers would cost seconds.

    Returns:
        None where no server answers (one that knows only a password refuses). The kernel's own
        server is believed when it knows no session of the kernel; of others the first that does.
    """
    runtime = connection_file.parent
    own = _file_of_own_server(runtime)
    if own.is_file():
        return _ask(_read(own), kernel_id)
    for file in runtime.glob("jpserver-*.json"):
        answer = _ask(_read(file), kernel_id)
        if answer is not None and answer.paths:
            return answer
    return None


def names(url: str, *, kernel_id: str) -> tuple[str, ...]:
    """Ask a server what it calls the kernel's notebooks, or all it runs where it does not know the kernel.

    Colab's server names a notebook, percent-encoded, and its path is no file's.
    """
    answered = _sessions(url, token=None)
    of_kernel = [each for each in answered or () if _kernel_of(each) == kernel_id] or answered or ()
    return tuple(unquote(each["name"]) for each in of_kernel if isinstance(each.get("name"), str))


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
    server = _read(_file_of_own_server(here.connection_file.parent))
    if "url" not in server:
        return None
    headers = _headers(_token(server))
    try:
        answer = _get(f"{server['url'].rstrip('/')}/ln-jupyter/api/status", headers, timeout=_STATUS_TIMEOUT)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return isinstance(answer, dict) and answer.get("hook") is True


def find_editor(path: Path) -> str | None:
    """Return the address of a running server that has a kernel for the file; None where none has, or none answers.

    Args:
        path: Absolute.
    """
    from jupyter_core.paths import jupyter_runtime_dir  # here for cost: only a command asks

    for file in sorted(Path(jupyter_runtime_dir()).glob("jpserver-*.json")):
        server = _read(file)
        url, root = server.get("url"), server.get("root_dir")
        if not (isinstance(url, str) and url.startswith("http") and isinstance(root, str)):
            continue
        for session in _sessions(url, token=server.get("token") or None) or ():
            stated = session.get("path")
            if isinstance(stated, str) and _is_same(Path(root, stated.lstrip("/")), path):
                return url
    return None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - by name and by link
    except OSError:
        return False


def _file_of_own_server(runtime: Path) -> Path:
    return runtime / f"jpserver-{os.environ.get('JPY_PARENT_PID') or os.getppid()}.json"


def _token(server: Mapping[str, Any]) -> str | None:
    return server.get("token") or os.environ.get("JUPYTERHUB_API_TOKEN")  # a hub's servers keep none in the file


def _headers(token: str | None) -> dict[str, str]:
    return {"Authorization": f"token {token}"} if token else {}


def _read(file: Path) -> Mapping[str, Any]:
    try:
        server = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return server if isinstance(server, dict) else {}


def _ask(server: Mapping[str, Any], kernel_id: str) -> Answer | None:
    url, root = server.get("url"), server.get("root_dir")
    if not (isinstance(url, str) and url.startswith("http") and isinstance(root, str)) or server.get("sock"):
        return None
    answered = _sessions(url, token=_token(server))
    if answered is None:
        return None
    paths = tuple(Path(root, path.lstrip("/")) for path in dict.fromkeys(_notebooks(answered, kernel_id)))
    return Answer(paths=paths, base_url=str(server.get("base_url", "")))


def _sessions(url: str, *, token: str | None) -> list[dict[str, Any]] | None:
    try:
        answer = _get(f"{url.rstrip('/')}/api/sessions", _headers(token))
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return [session for session in answer if isinstance(session, dict)] if isinstance(answer, list) else None


def _notebooks(sessions: list[dict[str, Any]], kernel_id: str) -> Iterator[str]:
    for session in sessions:
        path = session.get("path")
        if session.get("type", "notebook") == "notebook" and _kernel_of(session) == kernel_id and isinstance(path, str):
            yield path


def _kernel_of(session: Mapping[str, Any]) -> object:
    kernel = session.get("kernel")
    return kernel.get("id") if isinstance(kernel, dict) else None


def _get(url: str, headers: Mapping[str, str], *, timeout: float = _TIMEOUT) -> Any:
    """Fetch JSON; http.client knows no proxies, so ``http_proxy`` cannot send the token elsewhere."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if host in _LOOPBACK:  # a certificate names the public host, or is self-signed
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    try:
        connection.request("GET", parts.path, headers=dict(headers))
        response = connection.getresponse()
        return json.loads(response.read()) if response.status == http.client.OK else None
    finally:
        connection.close()
