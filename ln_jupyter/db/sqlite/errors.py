"""What an error of SQLite means: its code says what failed, and the file's path often says why."""

from __future__ import annotations

import os
import shlex
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from ln_jupyter import errors, settings
from ln_jupyter.db import interrupts
from ln_jupyter.db.sqlite import filesystems

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ln_jupyter.db.error_translation import Meaning

_ELSEWHERE = "or use another registry: LN_JUPYTER_URL"
_MAX_PATH, _MAX_NAME = 512 - len("-journal"), 255 - len("-journal")  # SQLite's, and that of filesystems

_BY_CODE: dict[int, Meaning] = {
    sqlite3.SQLITE_NOTADB: (
        errors.NotARegistryError,
        "is not a SQLite database",
        "name another file, or put a backup in its place; this one was left as it was",
    ),
    sqlite3.SQLITE_FULL: (
        errors.DatabaseUnavailableError,
        "cannot grow: the disk is full",
        "free some space, then run this again; nothing was saved by this step",
    ),
    sqlite3.SQLITE_IOERR: (
        errors.DatabaseUnavailableError,
        "cannot be read or written: the disk reports an error",
        "check the disk, then run this again",
    ),
    sqlite3.SQLITE_IOERR_SHORT_READ: (  # of a WAL: its index, which is shared in memory, knows of more
        errors.DatabaseReplacedError,
        "has lost its -wal, and another session still works with the one before",
        "run this again; if that does not help, end the other kernels that use it",
    ),
    sqlite3.SQLITE_BUSY: (
        errors.DatabaseBusyError,
        "is locked by another session",
        "end the cell or kernel that holds it, then run this again",
    ),
    sqlite3.SQLITE_BUSY_SNAPSHOT: (
        errors.DatabaseBusyError,
        "was written to by another session, while rows of the time before are still being read here",
        "read them to the end before you write: .all(), or close() of what stream() gave",
    ),
    sqlite3.SQLITE_READONLY_DBMOVED: (
        errors.DatabaseReplacedError,
        "was deleted or moved while it was in use",
        "put it back, then run this again; nothing was saved by this step",
    ),
}
_NO_ROOM = (
    errors.DatabaseUnavailableError,
    "cannot grow: a quota or a limit of the disk is reached, or the disk is broken",
    "free some space (quota -s and ulimit -f show limits), then run this again; nothing was saved by this step",
)
UNSEEN: Meaning = (
    errors.DatabaseUnavailableError,
    "has rows in its -wal, which ?immutable=1 would not see",
    "end what writes to it; if nothing does, copy both files to a folder that you may write to, and open the copy",
)
"""Of a file that is to be read without its WAL."""

_NO_TEXT = "Could not decode to UTF-8"  # as sqlite3 says it, without a code
_GROWS = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)  # a full disk has a code of its own, but for -shm
_LOCKS = (
    *(sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_IOERR_UNLOCK),
    *(sqlite3.SQLITE_IOERR_RDLOCK, sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK, sqlite3.SQLITE_IOERR_SHMLOCK),
    *(sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_SHMOPEN),
)


def explain(context: sa.engine.ExceptionContext) -> Meaning | None:
    """Say what an error means that SQLAlchemy tells of, and let go of a connection that was opened to read.

    Raises:
        KeyboardInterrupt: If Ctrl-C is why the statement failed.
    """
    error, engine = context.original_exception, context.engine
    if engine is None or not isinstance(error, sqlite3.Error):
        return None
    if interrupts.is_by_ctrl_c(error):
        raise KeyboardInterrupt from None
    if is_read_only(error):  # as it was opened: the next connection may do more
        context.is_disconnect = True
        engine.pool.dispose()  # those that are left would share their -shm with it
        if context.execution_context is not None:  # an open cursor would keep the file open, as long as the error
            context.execution_context.cursor.close()
    return meaning(engine.url, error)


def meaning(url: sa.URL, error: sqlite3.Error) -> Meaning | None:
    """Say what an error means for the database of a URL; None where it speaks for itself."""
    code = getattr(error, "sqlite_errorcode", 0)
    path = Path(url.database) if url.database not in (None, "", ":memory:") else None
    if path is not None and code & 0xFF == sqlite3.SQLITE_CANTOPEN:
        return unopened(path, is_made=not url.query)
    if path is not None and code & 0xFF == sqlite3.SQLITE_READONLY and code != sqlite3.SQLITE_READONLY_DBMOVED:
        return _read_only(url, path)
    if path is not None and (code & 0xFF == sqlite3.SQLITE_CORRUPT or is_undecodable(error)):
        return damaged(url)
    if path is not None and code in _LOCKS:
        kind = filesystems.kind_of(path.parent) or "of its folder"
        what = f"cannot be locked: the filesystem ({kind}) lacks what SQLite needs"
        return errors.DatabaseUnavailableError, what, f"keep it on a local disk, {_ELSEWHERE}"
    if code in _GROWS:
        return _NO_ROOM
    return _BY_CODE.get(code) or _BY_CODE.get(code & 0xFF)


def damaged(url: sa.URL) -> Meaning:
    """Say that what is in a file is not what was written to it."""
    file = shlex.quote(url.database or "FILE")
    fix = f"go on from a copy that `ln-jupyter backup` made, or save what can be read: sqlite3 {file} .recover > saved.sql"
    return errors.DatabaseUnavailableError, "is damaged", fix


def is_undecodable(error: BaseException | None) -> bool:
    """Return whether a row holds a text that is no UTF-8."""
    return isinstance(error, sqlite3.Error) and str(error).startswith(_NO_TEXT)


def is_read_only(error: BaseException) -> bool:
    """Return whether a connection was asked to write, and was opened to read."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY


def unusable(path: Path) -> Meaning | None:
    """Say why nothing at this path can be a database, before SQLite tries: it would write to a device, and lose it."""
    try:
        mode = path.stat().st_mode
    except OSError:
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        return _cannot("it is a folder", f"name a file in it: {path / 'registry.db'}")
    if not stat.S_ISREG(mode):
        return _cannot("it is a pipe or a device", "name a file, which is made if it is not there")
    names = [len(os.fsencode(name)) for name in path.parts]
    if len(os.fsencode(path.absolute())) > _MAX_PATH or max(names) > _MAX_NAME:
        return _cannot("its path is too long for SQLite", "use a shorter one")
    return None


def unopened(path: Path, *, is_made: bool) -> Meaning:
    """Say why a file could not be opened, or made where there is none."""
    try:
        path.stat()
    except OSError as error:
        return _cannot(*_unreachable(path, error, is_made=is_made))
    for file, access in ((path, os.R_OK), (Path(f"{path}-wal"), os.W_OK), (Path(f"{path}-shm"), os.W_OK)):
        if file.exists() and not os.access(file, os.R_OK | access):
            return _cannot(
                f"you may not {'read' if file == path else 'write to'} {file}", f"ask its owner, {_ELSEWHERE}"
            )
    return _cannot("its folder, or a limit of this process, does not let it", "see ls -l, df and ulimit -n")


def _cannot(why: str, fix: str) -> Meaning:
    return errors.DatabaseUnavailableError, f"cannot be opened: {why}", fix


def _unreachable(path: Path, error: OSError, *, is_made: bool) -> tuple[str, str]:  # noqa: PLR0911 - a list of reasons
    folder = path.absolute().parent
    if isinstance(error, PermissionError):
        return "you may not look into its folder", f"ask the folder's owner, {_ELSEWHERE}"
    if isinstance(error, NotADirectoryError):
        return "its folder is a file", "name a file in a folder"
    if not isinstance(error, FileNotFoundError):
        return (error.strerror or str(error)).lower(), "correct the path"
    if path.is_symlink():
        there = path.parent / path.readlink()
        return f"it is a link to {there}, which is not there", f"put that file back, or: rm {shlex.quote(str(path))}"
    if not folder.exists():
        return f"there is no folder {folder}", f"correct the path, or make it: mkdir -p {shlex.quote(str(folder))}"
    if not is_made:
        return "it is not there", "correct the path; with a ? in the URL nothing is made"
    return f"you may not make a file in {folder}", f"make the folder writable, {_ELSEWHERE}"


def _read_only(url: sa.URL, path: Path) -> Meaning:
    kind, folder = errors.DatabaseUnavailableError, path.absolute().parent
    if "immutable" not in url.query and not os.access(folder, os.W_OK | os.X_OK):
        frozen = shlex.quote(f"{settings.sqlite_url(path.absolute())}?immutable=1")
        fix = f"make the folder writable, {_ELSEWHERE}; to read what nobody writes any more: {frozen}"
        return kind, f"is in a folder that you may not write to: {folder}", fix
    if url.query:
        return kind, "was opened to be read", f"to write, leave ?{next(iter(url.query))} out of its URL"
    # SQLite makes the other two with the permissions of the first
    files = [f"{path}{suffix}" for suffix in ("", "-wal", "-shm")]
    closed = [shlex.quote(file) for file in files if os.path.exists(file) and not os.access(file, os.W_OK)]  # noqa: PTH110
    how = f"chmod u+w {' '.join(closed)}" if closed else "make the file writable"
    return kind, "may only be read", f"{how}, {_ELSEWHERE}"
