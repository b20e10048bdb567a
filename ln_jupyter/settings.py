"""Where a setting's value comes from: argument, environment, nearest project, default.

The nearest project is the first folder upwards that has ``.ln_jupyter/`` (made by
``ln-jupyter init``) or a ``pyproject.toml`` with a table ``[tool.ln_jupyter]``.
"""

from __future__ import annotations

import getpass
import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

from ln_jupyter import errors

PROJECT_FOLDER = ".ln_jupyter"
REGISTRY_FILE = "registry.db"
_PREFIX = "LN_JUPYTER_"

Mode = Literal["on", "off"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process.

    Attributes:
        url: Database of the registry, as SQLAlchemy writes it.
        mode: ``"off"`` turns `header()` into a quiet no-op, for other people's CI.
        user: Handle under which rows are made; the login name by default.
        origins: Where each value came from, for people.
    """

    url: str
    mode: Mode
    user: str
    origins: dict[str, str] = field(default_factory=dict, compare=False)


NAMES = tuple(f.name for f in fields(Settings) if f.name != "origins")


def resolve(folder: Path) -> Settings:
    """Read every source once, as seen from *folder*.

    Args:
        folder: The notebook's folder, or the working folder.

    Raises:
        SettingsError: If a project names an unknown setting or a value has the wrong type.
        UntrustedProjectError: If the nearest project belongs to another user.
    """
    found: dict[str, tuple[str, str]] = {}
    for source in (_from_environment(), _from_project(folder)):
        for name, value in source.items():
            found.setdefault(name, value)
    if "url" not in found:
        found["url"] = (sqlite_url(data_folder() / REGISTRY_FILE), "default: your data folder")
    found.setdefault("mode", ("on", "default"))
    if "user" not in found:
        found["user"] = (_login_name(), "default: your login name")
    mode, origin = found["mode"]
    if mode not in get_args(Mode):
        msg = f"mode is {mode!r} ({origin})"
        raise errors.SettingsError(msg, fix='set it to "on" or "off"')
    return Settings(
        url=found["url"][0],
        mode=cast("Mode", mode),
        user=found["user"][0],
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


def mode() -> Mode:
    """Say whether tracking is on, without deciding anything else."""
    return "off" if os.environ.get(f"{_PREFIX}MODE") == "off" else current().mode


def data_folder() -> Path:
    """Give the folder of the default registry: the user's data folder of this platform."""
    import platformdirs  # noqa: PLC0415 - cost: needed only where no project and no variable decides

    return Path(platformdirs.user_data_path("ln_jupyter", appauthor=False))


def sqlite_url(path: Path) -> str:
    """Write the URL of a SQLite file.

    Example:
        >>> sqlite_url(Path("/data/registry.db"))
        'sqlite:////data/registry.db'
    """
    return f"sqlite:///{path}"


def _from_environment() -> dict[str, tuple[str, str]]:
    return {
        name: (value, f"environment variable {_PREFIX}{name.upper()}")
        for name in NAMES
        if (value := os.environ.get(f"{_PREFIX}{name.upper()}"))
    }


def _from_project(folder: Path) -> dict[str, tuple[str, str]]:
    for parent in (folder, *folder.parents):
        project, table = parent / PROJECT_FOLDER, _table(parent / "pyproject.toml")
        if table is None and not project.is_dir():
            continue
        _trust(project if project.is_dir() else parent / "pyproject.toml")
        found = {name: (value, str(parent / "pyproject.toml")) for name, value in (table or {}).items()}
        if "url" in found:
            found["url"] = (_anchored(found["url"][0], parent), found["url"][1])
        elif project.is_dir():
            found["url"] = (sqlite_url(project / REGISTRY_FILE), str(project))
        return found
    return {}


def _table(file: Path) -> dict[str, str] | None:
    """Read ``[tool.ln_jupyter]``; None where there is none, or the file is not for us to judge."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if "ln_jupyter" not in text:  # most projects: not worth a parse
        return None
    try:
        table: Any = tomllib.loads(text).get("tool", {}).get("ln_jupyter")
    except tomllib.TOMLDecodeError as error:
        msg = f"{file} is not valid TOML: {error}"
        raise errors.SettingsError(msg, fix="correct the file") from error
    if table is None:
        return None
    for name, value in table.items():
        if name not in NAMES:
            msg = f"{file} has an unknown setting {name!r} in [tool.ln_jupyter]"
            raise errors.SettingsError(msg, fix=errors.near_miss(name, NAMES))
        if not isinstance(value, str):
            msg = f"{file} sets {name} in [tool.ln_jupyter] to {value!r}"
            raise errors.SettingsError(msg, fix=f'write it as text: {name} = "..."')
    return dict(table)


def _trust(path: Path) -> None:
    """Refuse a project of somebody else: on a shared machine it could send rows anywhere."""
    if not hasattr(os, "getuid"):
        return
    owner = path.stat().st_uid
    if owner != os.getuid():
        msg = f"{path} belongs to another user (uid {owner})"
        raise errors.UntrustedProjectError(msg, fix=f"set {_PREFIX}URL, or ask its owner; nothing was read from it")


def _anchored(url: str, folder: Path) -> str:
    """Read a relative SQLite path from the file that names it, not from the working folder."""
    path = url.removeprefix("sqlite:///")
    if path == url or not path or path.startswith((":memory:", "/", "file:")) or Path(path).is_absolute():
        return url
    return sqlite_url(folder / path)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's uid without a name; OSError since Python 3.13
        return f"uid-{os.getuid()}"
