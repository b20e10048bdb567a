"""The registries that a project may name: the lists of the user, and of whoever administers the machine.

A list is a file of URLs, one a line, without passwords; what begins with ``#`` is for people.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from ln_jupyter import errors
from ln_jupyter.approval import urls

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

FILE = "approved_urls.txt"

_MACHINE = Path("/etc/ln_jupyter")
_ROOT = 0
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Approved(NamedTuple):
    """A URL that was approved, and the list that says so."""

    url: str
    file: Path


def url_of(url: sa.URL) -> str:
    """Write a URL of `urls.parse` as the lists have it: all but its password, and of a file where it really is."""
    if url.get_backend_name() != "sqlite":
        return urls.without_password(url)
    return urls.sqlite_url(os.path.realpath(url.database or ""), like=url)


def file_of(url: str) -> Path | None:
    """Return the list that approves a URL, as `url_of` writes it; None if none does."""
    return next((each.file for each in every() if each.url == url), None)


def every() -> Iterator[Approved]:
    """Return what is approved, as `url_of` writes it; lines that cannot be used are left out."""
    mine = user_file()
    for file, may_be_read in ((mine, _is_mine), *((each, _is_of_root) for each in _files_of_administrators())):
        if may_be_read(file):
            yield from (Approved(url, file) for line in _lines(file) if (url := _url(line)) is not None)


def add(url: str) -> Path:
    """Approve a URL, for this user and any project of theirs, and give the list that it is in.

    Args:
        url: As `url_of` writes it.

    Raises:
        SettingsError: If the list cannot be written, or a line of it cannot say this URL and no other.
    """
    if "\n" in url or _url(url) != url:  # a part of it would be approved, which leads elsewhere
        msg = "the database URL cannot be a line of a list, as one with the end of a line in a name"
        raise errors.SettingsError(msg, fix="name the registry in LN_JUPYTER_URL instead, which needs no approval")
    found = file_of(url)
    if found is not None:
        return found
    file = user_file()
    if file.exists() and not file.is_file():
        raise errors.SettingsError(f"{file} is no file, and so approves nothing", fix=f"rm '{file}'")
    with _telling(file), _alone(file.parent), _opened(file) as lines:
        lines.seek(0)
        is_ended = lines.read()[-1:] in (b"", b"\n")
        lines.write(b"" if is_ended else b"\n")
        lines.write(url.encode() + b"\n")
    if not _is_mine(file):
        msg = f"{file}, or its folder, can be written by other users, and so approves nothing"
        raise errors.SettingsError(msg, fix=f"chmod go-w '{file.parent}' '{file}'")
    return file


def remove(url: str) -> bool:
    """Take an approval of this user back, and say whether there was one.

    Raises:
        SettingsError: If the list cannot be written, or the approval is an administrator's.
    """
    file = user_file()
    is_taken_back = False
    if file.exists():
        with _telling(file), _alone(file.parent):
            lines = _lines(file)
            kept = [line for line in lines if _url(line) != url]
            if is_taken_back := kept != lines:
                _replace(file, kept)
    others = file_of(url)
    if others is not None:
        msg = f"{others} approves it for every user of this machine"
        raise errors.SettingsError(msg, fix="ask whoever administers the machine")
    return is_taken_back


def user_file() -> Path:
    """Return the user's own list; it need not be there."""
    import platformdirs  # here for cost: few projects name a registry that has to be approved

    return Path(platformdirs.user_config_path("ln_jupyter", appauthor=False)) / FILE


def _files_of_administrators() -> list[Path]:
    """Return the lists that only root can have written; where that cannot be told, there are none."""
    if not hasattr(os, "getuid"):
        return []
    files = [_MACHINE / FILE]
    if os.getuid() != _ROOT:  # to root, whatever was cloned into an environment is root's, too
        files.append(Path(sys.prefix) / "etc" / "ln_jupyter" / FILE)
    return files


def _is_of_root(file: Path) -> bool:
    """Return whether root alone decides what is in a file: no one else may write to it, or to a folder on its way."""
    real = Path(os.path.realpath(file))
    try:
        return all(_only_root_writes(each.lstat()) for each in (real, *real.parents))
    except OSError:
        return False


def _only_root_writes(found: os.stat_result) -> bool:
    is_sticky_folder = stat.S_ISDIR(found.st_mode) and bool(found.st_mode & stat.S_ISVTX)
    return found.st_uid == _ROOT and (is_sticky_folder or not found.st_mode & _OTHERS_MAY_WRITE)


def _is_mine(file: Path) -> bool:
    """Return whether a list is the user's, or was put there by root; a relative one is of whatever folder this is."""
    try:
        found = (file.stat(), file.parent.stat())
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return file.is_absolute()
    mine = (os.getuid(), _ROOT)
    return file.is_absolute() and all(each.st_uid in mine and not each.st_mode & _OTHERS_MAY_WRITE for each in found)


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_bytes().decode() if file.is_file() else ""  # a pipe would never end
    except (OSError, UnicodeDecodeError):
        return []
    return text.removesuffix("\n").split("\n") if text else []  # a URL may have other ends of lines in a name


def _url(line: str) -> str | None:
    """Read a line of a list; None if it names nothing that could be used, or another file whenever something changes."""
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    try:
        url = urls.parse(text)
        # of a path with a link in it, whoever can change the link would say what was approved
        is_itself = url.get_backend_name() != "sqlite" or os.path.realpath(url.database or "") == url.database
        return url_of(url) if is_itself else None
    except errors.InvalidUrlError:
        return None


def _opened(file: Path) -> IO[bytes]:
    return os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Change a list of this folder while no other process does, which could bring back what is taken out here."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl  # here as it is not everywhere

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(file: Path, lines: list[str]) -> None:
    """Write a list anew, all of it or nothing; of a link, what it leads to."""
    real = Path(os.path.realpath(file))
    descriptor, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")  # for its owner only
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as new:
            new.writelines(f"{line}\n" for line in lines)
        Path(name).replace(real)
    except BaseException:
        Path(name).unlink()
        raise


@contextlib.contextmanager
def _telling(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"{file} cannot be written: {error.strerror}"
        fix = "name the registry in LN_JUPYTER_URL instead, which needs no approval"
        raise errors.SettingsError(msg, fix=fix) from error
