"""Where a setting's value comes from: argument, environment, nearest project, default.

The nearest project is the first folder upwards that has ``.ln_jupyter/`` (made by
``ln-jupyter init``) or a ``pyproject.toml`` with a table ``[tool.ln_jupyter]``.
"""

from __future__ import annotations

import getpass
import os
import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

from ln_jupyter import errors

PROJECT_FOLDER = ".ln_jupyter"
REGISTRY_FILE = "registry.db"
_PREFIX = "LN_JUPYTER_"
_SQLITE_FILE = re.compile(r"sqlite(\+\w+)?:///(?=.)(?!:memory:|file:)")

Switch = Literal["on", "off"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process.

    Attributes:
        url: Database of the registry, as SQLAlchemy writes it; not shown, as it may hold a password.
        mode: ``"off"`` turns `header()` into a quiet no-op, for other people's CI.
        user: Handle under which rows are made; the login name by default.
        advice: ``"off"`` keeps the remarks about slow habits from the end of cells.
        origins: Where each value came from, for people.
    """

    url: str = field(repr=False)
    mode: Switch
    user: str
    advice: Switch
    origins: dict[str, str] = field(default_factory=dict, compare=False)


NAMES = tuple(f.name for f in fields(Settings) if f.name != "origins")
_SWITCHES = ("mode", "advice")


def resolve(folder: Path) -> Settings:
    """Read every source once, as seen from *folder*.

    Args:
        folder: The notebook's folder, or the working folder.

    Raises:
        SettingsError: If a project names an unknown setting or a value has the wrong type.
        UntrustedProjectError: If the nearest project belongs to another user.
    """
    found: dict[str, tuple[str, str]] = {}
    for source in (_from_environment(), _from_project(folder.absolute())):
        for name, value in source.items():
            found.setdefault(name, value)
    if "url" not in found:
        found["url"] = (sqlite_url(data_folder() / REGISTRY_FILE), "default: your data folder")
    for name in _SWITCHES:
        given, origin = found.setdefault(name, ("on", "default"))
        if given not in get_args(Switch):
            msg = f"{name} is {given!r} ({origin})"
            raise errors.SettingsError(msg, fix='set it to "on" or "off"')
    if "user" not in found:
        found["user"] = (_login_name(), "default: your login name")
    return Settings(
        url=found["url"][0],
        mode=cast("Switch", found["mode"][0]),
        user=found["user"][0],
        advice=cast("Switch", found["advice"][0]),
        origins={name: origin for name, (_, origin) in found.items()},
    )


_current: Settings | None = None


def current(folder: Path | None = None) -> Settings:
    """Give the settings of this process; the first call decides them.

    Args:
        folder: Where to look for a project from, if this is the first call.
    """
    global _current  # noqa: PLW0603 - decided once for each process, here and nowhere else
    if _current is None:
        _current = resolve(folder or Path.cwd())
    return _current


def forget() -> None:
    """Let the next `current()` decide anew, as a test or a moved project needs."""
    global _current  # noqa: PLW0603
    _current = None


def is_off_by_environment() -> bool:
    """Say whether ``LN_JUPYTER_MODE`` turns tracking off, without deciding anything else."""
    return os.environ.get(f"{_PREFIX}MODE") == "off"


def gives_advice() -> bool:
    """Say whether advice is on, without deciding anything; a setting that cannot be read keeps it quiet."""
    try:
        found = _current or resolve(Path.cwd())
    except (errors.LnJupyterError, OSError):  # OSError: there is no working folder any more
        return False
    return found.advice == "on"


def data_folder() -> Path:
    """Give the folder of the default registry: the user's data folder of this platform."""
    import platformdirs

    return Path(platformdirs.user_data_path("ln_jupyter", appauthor=False))


def sqlite_url(path: Path) -> str:
    """Write the URL of a SQLite file.

    Raises:
        InvalidUrlError: If the path cannot be part of a URL.

    Example:
        >>> sqlite_url(Path("/data/registry.db"))
        'sqlite:////data/registry.db'
    """
    if "?" in str(path):  # SQLAlchemy reads a query from there on, and would make another file
        msg = f"{path} cannot be written as a database URL: it has a question mark"
        raise errors.InvalidUrlError(msg, fix=f"rename the folder, or set {_PREFIX}URL to a file elsewhere")
    return f"sqlite:///{path}"


def _from_environment() -> dict[str, tuple[str, str]]:
    return {
        name: (value, f"environment variable {_PREFIX}{name.upper()}")
        for name in NAMES
        if (value := os.environ.get(f"{_PREFIX}{name.upper()}"))
    }


def _from_project(folder: Path) -> dict[str, tuple[str, str]]:
    for parent in (folder, *folder.parents):
        project, file = parent / PROJECT_FOLDER, parent / "pyproject.toml"
        table, has_folder = _table(file), os.path.isdir(project)  # noqa: PTH112 - of a folder closed to us: no
        if table is None and not has_folder:
            continue
        found = {name: (value, str(file)) for name, value in (table or {}).items()}
        if "url" in found:
            found["url"] = (_anchored(found["url"][0], parent), str(file))
        elif has_folder:
            trust(project)
            found["url"] = (sqlite_url(project / REGISTRY_FILE), str(project))
        return found
    return {}


def _table(file: Path) -> dict[str, str] | None:
    """Read ``[tool.ln_jupyter]``; None where there is none, or the file is not for us to judge."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if "ln_jupyter" not in text and "[tool.ln-jupyter" not in text:  # most projects: not worth a parse
        return None
    try:
        tools: Any = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        msg = f"{file} is not valid TOML: {error}"
        raise errors.SettingsError(msg, fix="correct the file") from error
    if "ln-jupyter" in tools:
        msg = f"{file} has a table [tool.ln-jupyter], which nothing reads"
        raise errors.SettingsError(msg, fix="write it with an underscore: [tool.ln_jupyter]")
    table = tools.get("ln_jupyter")
    if table is None:
        return None
    trust(file)
    if not isinstance(table, dict):
        raise errors.SettingsError(f"{file} sets tool.ln_jupyter to no table", fix="write [tool.ln_jupyter]")
    for name, value in table.items():
        if name not in NAMES:
            msg = f"{file} has an unknown setting {name!r} in [tool.ln_jupyter]"
            raise errors.SettingsError(msg, fix=errors.near_miss(name, NAMES))
        if not isinstance(value, str):  # which may hold a password, and is not repeated
            msg = f"{file} sets {name} in [tool.ln_jupyter] to a value of type {type(value).__name__}"
            raise errors.SettingsError(msg, fix=f'write it as text: {name} = "..."')
    return dict(table)


def trust(path: Path) -> None:
    """Refuse a project of somebody else: on a shared machine it could send rows anywhere.

    Raises:
        UntrustedProjectError: If the path belongs to another user.
    """
    if not hasattr(os, "getuid"):
        return
    owner = path.stat().st_uid
    if owner != os.getuid():
        msg = f"{path} belongs to another user (uid {owner})"
        raise errors.UntrustedProjectError(msg, fix=f"set {_PREFIX}URL, or ask its owner; nothing in it was used")


def _anchored(url: str, folder: Path) -> str:
    """Read a relative SQLite path from the file that names it, not from the working folder."""
    match = _SQLITE_FILE.match(url)
    if match is None or Path(url[match.end() :]).is_absolute():
        return url
    return f"{match[0]}{sqlite_url(folder).removeprefix('sqlite:///')}/{url[match.end() :]}"


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container's uid without a name; OSError since Python 3.13
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"
