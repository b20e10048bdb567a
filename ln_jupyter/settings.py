"""Where a setting's value comes from: argument, environment, nearest project, default.

The nearest project is the first folder upwards that has ``.ln_jupyter/`` (made by
``ln-jupyter init``) or a ``pyproject.toml`` with a table ``[tool.ln_jupyter]``.
"""

from __future__ import annotations

import getpass
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, cast, get_args

from ln_jupyter import errors, redaction

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


class _Hidden(str):
    """Text that may hold a password, and so is not shown where somebody prints the variables of a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def working_folder() -> Path | None:
    """Give the working folder; None where it was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def resolve(folder: Path | None) -> Settings:
    """Read every source once, as seen from *folder*.

    Args:
        folder: The notebook's folder, or the working folder; None where that was deleted.

    Raises:
        SettingsError: If a project names an unknown setting or a value has the wrong type, or if nothing
            but the project of a deleted folder could tell the registry.
        UntrustedProjectError: If the nearest project belongs to another user.
    """
    try:
        return _resolve(folder)
    except errors.SettingsError as error:
        raise error.with_traceback(None) from None  # the frames below hold whole files


def _resolve(folder: Path | None) -> Settings:
    found = _from_environment()
    if "url" in found and (working := working_folder()) is not None:
        found["url"] = (_anchored(found["url"][0], working), found["url"][1])
    if folder is None and "url" not in found:
        msg = "the working folder was deleted, so that nothing tells which project's registry to use"
        raise errors.SettingsError(msg, fix=f"change to a folder that is there, or set {_PREFIX}URL")
    try:
        project = {} if folder is None else _from_project(folder.absolute())
    except errors.UntrustedProjectError:
        if "url" not in found:  # which is the error's own fix
            raise
        project = {}
    found = project | found
    if "url" not in found:
        found["url"] = (sqlite_url(data_folder() / REGISTRY_FILE), "default: your data folder")
    for name in _SWITCHES:
        given, origin = found.setdefault(name, ("on", "default"))
        if given not in get_args(Switch):
            msg = f"{name} is {redaction.quoted(given)} ({origin})"
            raise errors.SettingsError(msg, fix='set it to "on" or "off"')
    if "user" not in found:
        found["user"] = (_login_name(), "default: your login name")
    return Settings(
        url=_Hidden(found["url"][0]),
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
        _current = resolve(folder or working_folder())
    return _current


def is_decided() -> bool:
    """Say whether `current()` has decided."""
    return _current is not None


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
        found = _current or resolve(working_folder())
    except errors.LnJupyterError:
        return False
    return found.advice == "on"


def data_folder() -> Path:
    """Give the folder of the default registry: the user's data folder of this platform."""
    import platformdirs

    return Path(platformdirs.user_data_path("ln_jupyter", appauthor=False))


def sqlite_url(path: Path) -> str:
    """Write the URL of a SQLite file.

    Example:
        >>> sqlite_url(Path("/data/100%?/registry.db"))
        'sqlite:////data/100%25%3F/registry.db'
    """
    quoted = str(path).replace("%", "%25").replace("?", "%3F")  # what a URL is read by; the rest is for people
    return f"sqlite:///{quoted}"


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
    tools = _tools(file)
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
            msg = f"{file} has an unknown setting {redaction.quoted(name)} in [tool.ln_jupyter]"
            raise errors.SettingsError(msg, fix=errors.near_miss(name, NAMES))
        if not isinstance(value, str):  # which may hold a password, and is not repeated
            msg = f"{file} sets {name} in [tool.ln_jupyter] to a value of type {type(value).__name__}"
            raise errors.SettingsError(msg, fix=f'write it as text: {name} = "..."')
    return dict(table)


def _tools(file: Path) -> dict[str, object]:
    """Read ``[tool]``; nothing where the file does not mention us, or cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    if "ln_jupyter" not in text and "[tool.ln-jupyter" not in text:  # most projects: not worth a parse
        return {}
    import tomllib  # here for cost: most notebooks never come here

    try:
        tools = tomllib.loads(text).get("tool")
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is a plain ValueError
        msg = f"{file} is not valid TOML: {error}"
        raise errors.SettingsError(msg, fix="correct the file") from error
    return tools if isinstance(tools, dict) else {}


def trust(path: Path) -> None:
    """Refuse a project of somebody else: on a shared machine it could send rows anywhere.

    Raises:
        UntrustedProjectError: If the path belongs to another user.
    """
    if not hasattr(os, "getuid"):
        return
    for owner in (path.lstat().st_uid, path.stat().st_uid):  # of a link, whoever made it decides where it leads
        if owner != os.getuid():
            msg = f"{path} belongs to another user (uid {owner})"
            raise errors.UntrustedProjectError(msg, fix=f"set {_PREFIX}URL, or ask its owner; nothing in it was used")


def _anchored(url: str, folder: Path) -> str:
    """Read a relative SQLite path from the folder of the file that names it, or where an environment variable does."""
    match = _SQLITE_FILE.match(url)
    if match is None or Path(url[match.end() :]).is_absolute():
        return url
    return f"{match[0]}{sqlite_url(folder).removeprefix('sqlite:///')}/{url[match.end() :]}"


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container's uid without a name; OSError since Python 3.13
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"
