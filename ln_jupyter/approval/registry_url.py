"""Where the registry is, as it was named, and whether it may be used.

What the user names may be: an argument, a variable, the default. What a project's file names came with
the project, perhaps from elsewhere: it may be used if it stays in the project's folder, or if exactly
that was approved. This is decided here, by whoever asks for the URL.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shlex
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ln_jupyter import errors, sanitize
from ln_jupyter.approval import lists, urls

if TYPE_CHECKING:
    import sqlalchemy as sa

COMPANIONS = ("-wal", "-shm", "-journal")
"""What SQLite writes beside a file."""

_NEVER = frozenset({"plugin", "servicefile", "sslkeylogfile"})
"""Options that leave it to a file, perhaps of the project's, what is done, or write one that tells secrets."""

_FILES = frozenset({"passfile", "sslcert", "sslcrl", "sslcrldir", "sslkey", "sslrootcert"})
"""Options that name a file to be read: not by a relative path, as any project may have brought what is there."""

_NO_FILE = "system"  # as sslrootcert, it is what the machine trusts

_ESCAPED = re.compile(r"\\u\{([0-9a-f]{1,5}|10[0-9a-f]{4})\}")
"""A character, as `shown` writes it."""


class Hidden(str):
    """Text that may hold a password, and so is not shown where somebody prints the variables of a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class InProject(Hidden):
    """The URL of a file that may be used, unapproved, because it stays in the folder of the project that names it."""

    folder: Path


@dataclass(frozen=True, kw_only=True)
class RegistryUrl:
    """Where the registry is.

    Attributes:
        text: What was named.
        by: The file, or folder, of a project that names it; None if the user does.
        folder: The project's, or the working folder: where a relative path begins. None if it is gone.
    """

    text: str = field(repr=False)
    by: Path | None = None
    folder: Path | None = None

    @functools.cached_property
    def url(self) -> str:
        """The URL of the registry, if it may be used.

        Raises:
            UnapprovedRegistryError: If a project names it, it leads out of the project, and nobody approved it.
            InvalidUrlError: If a project names it, and it cannot be used at all.
        """
        if self.by is None:
            return self._of_user()
        try:  # the frames below hold the password
            return self._of_project(self.by)
        except errors.UnapprovedRegistryError as error:
            raise error.with_traceback(None) from None
        except errors.InvalidUrlError as error:
            raise errors.InvalidUrlError(sanitize.plain(f"{self.by}: {error}"), fix=error.fix) from None

    @property
    def is_approved(self) -> bool:
        """Whether it may be used; one that cannot be used at all is another matter."""
        try:
            return bool(self.url)
        except errors.UnapprovedRegistryError:
            return False
        except errors.InvalidUrlError:
            return True

    @property
    def asked(self) -> sa.URL:
        """What was asked for, approved or not: to be shown, and not to be opened.

        Raises:
            InvalidUrlError: If it cannot be read.
        """
        url = urls.parse(self.text)
        if self.folder is None or url.get_backend_name() != "sqlite" or urls.is_in_memory(url):
            return url
        return url.set(database=str(self.folder / str(url.database)))

    def _of_user(self) -> str:
        try:
            url = self.asked
        except errors.InvalidUrlError:  # which whoever opens it says
            return Hidden(self.text)
        is_file = url.get_backend_name() == "sqlite" and not urls.is_in_memory(url)
        return Hidden(urls.sqlite_url(str(url.database), like=url) if is_file else self.text)

    def _of_project(self, by: Path) -> str:
        url = self.asked
        refuse_options(url)
        if url.get_backend_name() == "sqlite" and urls.is_in_memory(url):
            return Hidden(self.text)
        refuse_outside(url, by.parent, by=by)
        if is_approved(url):
            return Hidden(self.text if url.get_backend_name() != "sqlite" else lists.url_of(url))
        found = InProject(urls.sqlite_url(str(url.database), like=url))
        found.folder = by.parent
        return found


def refuse_options(url: sa.URL) -> None:
    """Refuse what no project may ask for, and nobody approve: a file of some project could decide what it means.

    Raises:
        InvalidUrlError: If it has such an option.
    """
    found = {name for name, value in urls.query(url) if name in _NEVER or (name in _FILES and _is_of_a_project(value))}
    if url.get_backend_name() == "sqlite" and urls.is_in_memory(url):
        found |= url.query.keys()
    if found:
        msg = f"the database URL has options that no project may give: {', '.join(sorted(found))}"
        fix = "name it in LN_JUPYTER_URL, if it is yours"
        if found <= _FILES:
            fix = f"write the whole path of the file, or {fix}"
        raise errors.InvalidUrlError(msg, fix=fix)


def _is_of_a_project(file: str) -> bool:
    return file != _NO_FILE and not Path(file).is_absolute()


def is_approved(url: sa.URL) -> bool:
    """Return whether a database may be used although a project names it, wherever it leads and whatever is in it."""
    return lists.file_of(lists.url_of(url)) is not None


def refuse_outside(url: sa.URL, folder: Path, *, by: Path) -> None:
    """Refuse a database that does not stay in the folder of its project; nothing is opened.

    Raises:
        UnapprovedRegistryError: If it does not, and nobody approved it.
    """
    why = _leads_out(url, folder)
    if why is not None and not is_approved(url):
        canonical = lists.url_of(url)
        msg = (
            f"{by} names a registry that nobody has approved: {shown(canonical)} ({why}); "
            "nothing was opened, looked up or sent"
        )
        fix = f"if your work may go there: {command(canonical)}; to use another one: LN_JUPYTER_URL"
        raise errors.UnapprovedRegistryError(sanitize.plain(msg), fix=fix)


def _leads_out(url: sa.URL, folder: Path) -> str | None:
    """Say in what way a database may be outside of a folder; None if it is in it."""
    if url.get_backend_name() != "sqlite":
        places = " and ".join(f"{name}={value}" for name, value in urls.query(url) if name in urls.PLACES)
        return f"a server; {places} says where" if places else "a server"
    root, file = os.path.realpath(folder), os.path.realpath(url.database or "")
    if not Path(file).is_relative_to(root):
        return "outside of the project"
    if ".git" in map(str.lower, Path(file).relative_to(root).parts):
        return "a file of git, which no clone brings"
    for name in (file, *(f"{file}{suffix}" for suffix in COMPANIONS)):
        with contextlib.suppress(OSError):
            found = os.lstat(name)
            if stat.S_ISLNK(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink > 1):
                return f"{name} is a link"
    return None


def command(canonical: str) -> str:
    """Write what approves a URL, as it is shown and nothing else."""
    return f"ln-jupyter approve {shlex.quote(shown(canonical))}"


def shown(canonical: str) -> str:
    r"""Write a URL so that it is seen for what it is: what could be taken for other letters, or for nothing, is escaped.

    Example:
        >>> print(shown("postgresql://db.exämple.org/lab"))
        postgresql://db.ex\u{e4}mple.org/lab
    """
    plain = sanitize.plain(canonical)
    is_file = canonical.startswith("sqlite:")  # whose path may have any letters of its user's
    found = []
    for position, (each, same) in enumerate(zip(canonical, plain, strict=True)):
        is_seen = each == same if is_file else "!" <= each <= "~"
        is_escape = each == "\\" and canonical.startswith("u{", position + 1)
        found.append(each if is_seen and not is_escape else f"\\u{{{ord(each):x}}}")
    return "".join(found)


def meant(text: str) -> str:
    r"""Read a URL as `shown` writes it.

    Example:
        >>> meant(r"postgresql://db.ex\u{e4}mple.org/lab")
        'postgresql://db.exämple.org/lab'
    """
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
