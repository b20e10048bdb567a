"""Where a setting's value comes from: argument, environment, nearest project, default.

The nearest project is the first folder upwards that has ``.ln_jupyter/`` (made by
``ln-jupyter init``) or a ``pyproject.toml`` with a table ``[tool.ln_jupyter]``. It may
have come from elsewhere: what it may say of the registry is in `approval`, and it says
nothing about who the user is.
"""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

from ln_jupyter import errors, redaction
from ln_jupyter.approval import registry_url, urls

PROJECT_FOLDER = ".ln_jupyter"
REGISTRY_FILE = "registry.db"
_PREFIX = "LN_JUPYTER_"

Switch = Literal["on", "off"]

_MOST_BYTES = 1 << 20  # of a pyproject.toml
_MOST_STEPS = 10_000_000  # for each dot of a key, tomllib looks at all before it: a line of dots would take hours

NAMES = ("url", "mode", "user", "advice", "executed_text", "files", "ignored_files")

sqlite_url = urls.sqlite_url


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process.

    Attributes:
        registry: Where the registry is, and whether it may be used.
        mode: ``"off"`` turns `header()` into a quiet no-op, for other people's CI.
        user: Handle under which rows are made; the login name by default.
        advice: ``"off"`` keeps the remarks about slow habits from the end of cells.
        executed_text: ``"off"`` keeps the hash of what cells ran, and neither their text nor what their errors say.
        files: ``"off"`` keeps nothing of the files that a run reads and writes.
        ignored_files: Patterns of those that are left out, or with a ``!`` taken in, as in a `.gitignore`.
        origins: Where each value came from, for people.
        ignored: What a project says and nobody obeys, for people; empty if there is nothing.
    """

    registry: registry_url.RegistryUrl
    mode: Switch
    user: str
    advice: Switch
    executed_text: Switch
    files: Switch
    ignored_files: tuple[str, ...] = ()
    origins: dict[str, str] = field(default_factory=dict, compare=False)
    ignored: str = field(default="", compare=False)

    @property
    def url(self) -> str:
        """Database of the registry, as SQLAlchemy writes it; not shown, as it may hold a password.

        Raises:
            UnapprovedRegistryError: If a project names it, it leads out of the project, and nobody approved it.
        """
        return self.registry.url


_SWITCHES = ("mode", "advice", "executed_text", "files")


def working_folder() -> Path | None:
    """Return the working folder; None where it was deleted."""
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
    variables = _from_environment()
    if folder is None and "url" not in variables:
        msg = "the working folder was deleted, so that nothing tells which project's registry to use"
        raise errors.SettingsError(msg, fix=f"change to a folder that is there, or set {_PREFIX}URL")
    try:
        project = None if folder is None else _nearest_project(folder.absolute())
    except errors.UntrustedProjectError:
        if "url" not in variables:  # which is the error's own fix
            raise
        project = None
    said = {} if project is None else project.said
    _, names_user = said.pop("user", ("", ""))  # a project does not know who works with it
    registry, origin = _registry(variables, project)
    found = said | variables | {"url": ("", origin)}
    for name in _SWITCHES:
        given, origin = found.setdefault(name, ("on", "default"))
        if given not in get_args(Switch):
            msg = f"{name} is {redaction.quoted(given)} ({origin})"
            raise errors.SettingsError(msg, fix='set it to "on" or "off"')
    if "user" not in found:
        found["user"] = (_login_name(), "default: your login name")
    return Settings(
        registry=registry,
        mode=cast("Switch", found["mode"][0]),
        user=found["user"][0],
        advice=cast("Switch", found["advice"][0]),
        executed_text=cast("Switch", found["executed_text"][0]),
        files=cast("Switch", found["files"][0]),
        ignored_files=tuple(found.setdefault("ignored_files", ("", "default"))[0].split()),
        origins={name: origin for name, (_, origin) in found.items()},
        ignored=f"the user that {names_user} names: who you are is yours to say"
        if names_user and "user" not in variables
        else "",
    )


def _registry(variables: _Found, project: _Project | None) -> tuple[registry_url.RegistryUrl, str]:
    """Say where the registry is, and who says so."""
    if "url" in variables:
        url, origin = variables["url"]
        return registry_url.RegistryUrl(text=registry_url.Hidden(url), folder=working_folder()), origin
    if project is None or project.registry is None:
        url = sqlite_url(data_folder() / REGISTRY_FILE)
        return registry_url.RegistryUrl(text=url), "default: your data folder"
    return project.registry, str(project.registry.by)


_current: Settings | None = None


def current(folder: Path | None = None) -> Settings:
    """Return the settings of this process; the first call decides them.

    Args:
        folder: Where to look for a project from, if this is the first call.
    """
    global _current  # noqa: PLW0603 - decided once for each process, here and nowhere else
    if _current is None:
        _current = resolve(folder or working_folder())
    return _current


def is_decided() -> bool:
    """Return whether `current()` has decided."""
    return _current is not None


def forget() -> None:
    """Let the next `current()` decide anew, as a test or a moved project needs."""
    global _current  # noqa: PLW0603
    _current = None


def is_off_by_environment() -> bool:
    """Return whether ``LN_JUPYTER_MODE`` turns tracking off, without deciding anything else."""
    return os.environ.get(f"{_PREFIX}MODE") == "off"


def gives_advice() -> bool:
    """Return whether advice is on, without deciding anything; a setting that cannot be read keeps it quiet."""
    try:
        found = _current or resolve(working_folder())
    except errors.LnJupyterError:
        return False
    return found.advice == "on"


def data_folder() -> Path:
    """Return the folder of the default registry: the user's data folder of this platform."""
    import platformdirs

    return Path(platformdirs.user_data_path("ln_jupyter", appauthor=False))


_Found = dict[str, tuple[str, str]]
"""Settings by name, each with where it comes from."""


def _from_environment() -> _Found:
    return {
        name: (value, f"environment variable {_PREFIX}{name.upper()}")
        for name in NAMES
        if (value := os.environ.get(f"{_PREFIX}{name.upper()}"))
    }


def of_project(folder: Path) -> registry_url.RegistryUrl | None:
    """Say which registry the project of a folder names, whatever the environment says; None if it names none.

    Raises:
        SettingsError: As `resolve`.
    """
    project = _nearest_project(folder.absolute())
    return None if project is None else project.registry


class _Project(NamedTuple):
    """What a project says."""

    said: _Found
    registry: registry_url.RegistryUrl | None


def _nearest_project(folder: Path) -> _Project | None:
    for parent in (folder, *folder.parents):
        project, file = parent / PROJECT_FOLDER, parent / "pyproject.toml"
        table, has_folder = _table(file), os.path.isdir(project)  # noqa: PTH112 - of a folder closed to us: no
        if table is None and not has_folder:
            continue
        said = {name: (value, str(file)) for name, value in (table or {}).items()}
        url, by = said.pop("url", (None, ""))[0], file
        if url is None and has_folder:
            trust(project)
            url, by = sqlite_url(project / REGISTRY_FILE), project
        if url is None:
            return _Project(said, None)
        return _Project(said, registry_url.RegistryUrl(text=registry_url.Hidden(url), by=by, folder=parent))
    return None


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
        if not file.is_file():  # a link to a device would never end
            return {}
        with file.open("rb") as lines:
            raw = lines.read(_MOST_BYTES + 1)
        text = raw.decode(errors="strict" if len(raw) <= _MOST_BYTES else "ignore")
    except (OSError, UnicodeDecodeError):
        return {}
    if "ln_jupyter" not in text and "[tool.ln-jupyter" not in text:  # most projects: not worth a parse
        return {}
    if len(raw) > _MOST_BYTES or sum(line.count(".") ** 2 for line in text.splitlines()) > _MOST_STEPS:
        msg = f"{file} is longer, or deeper, than the file of any project"
        raise errors.SettingsError(msg, fix=f"set {_PREFIX}URL, or keep [tool.ln_jupyter] in a file of its own folder")
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


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container's uid without a name; OSError since Python 3.13
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"
