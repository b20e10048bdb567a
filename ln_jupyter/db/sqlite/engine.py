"""The engine of a SQLite file: private, never made twice, never the wrong file."""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from ln_jupyter import errors
from ln_jupyter.approval import urls
from ln_jupyter.db import error_translation, forks, interrupts
from ln_jupyter.db.sqlite import confined, file_guard, filesystems, locks
from ln_jupyter.db.sqlite import errors as sqlite_errors

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry

_PRIVATE = 0o600

_WRITABLE, _READ_ONLY = "mode=rw", "mode=ro"
_FROZEN = "mode=ro&immutable=1"  # no lock and no WAL: the only way in a folder that cannot be written to
_ACCESS = {"": _WRITABLE, "mode=ro": _READ_ONLY, "immutable=1": _FROZEN}
"""What SQLite is asked for, by what a URL has behind its question mark."""


def create(url: sa.URL, *, within: Path | None = None) -> sa.Engine:
    """Make the engine of a file, or of a database in memory that the process shares.

    The file is made by the first connection, readable by its owner only. Nothing that
    outlives a connection is set here: the file may be somebody else's.

    Args:
        url: Of the database.
        within: The folder of a project that brought the file, which is then confined to it; None
            for a file that the user named or approved.

    Raises:
        InvalidUrlError: If the URL asks for more than a file.
    """
    if urls.is_in_memory(url):
        engine = sa.create_engine(
            url, poolclass=_OneConnection, hide_parameters=True, connect_args={"check_same_thread": False}
        )
        locks.share_one_connection(engine)
    else:
        confinement = None if within is None else confined.Confinement(url, within)
        creator = _Creator(url, confinement)
        engine = sa.create_engine(url.set(query={}), hide_parameters=True, creator=creator)
        engine.url = url
        forks.leave_connections(engine)
        if confinement is not None:
            event.listen(engine, "connect", confinement.refuse_programs)
        file_guard.refuse_unlinked(engine, creator.opened)
    event.listen(engine, "connect", _prepare, insert=True)
    _leave_in_autocommit(engine.dialect)
    error_translation.translate(engine, sqlite_errors.explain)
    return engine


def _leave_in_autocommit(dialect: Any) -> None:
    """Let no isolation level change the mode of sqlite3: to put it in autocommit commits, and several may share it."""
    set_level = functools.partial(SQLiteDialect.set_isolation_level, dialect)  # past that of sqlite3's dialect

    def set_isolation_level(driver: Any, level: Any) -> None:
        if level != "AUTOCOMMIT":
            set_level(driver, level)

    dialect.set_isolation_level = set_isolation_level


class _OneConnection(sa.StaticPool):
    """Lends the same connection to all; of threads that come first at once, one opens it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._opening = forks.Lock()

    def _do_get(self) -> ConnectionPoolEntry:
        with self._opening:
            return super()._do_get()


def is_read_only(url: sa.URL) -> bool:
    """Return whether a URL of SQLite asks for nothing to be written."""
    return not urls.is_in_memory(url) and _access(url) != _WRITABLE


class _Creator:
    """Opens connections to one file; makes the file once, and never again after it vanished."""

    def __init__(self, url: sa.URL, confinement: confined.Confinement | None) -> None:
        self.path, self.access = _path(url), _access(url)
        self.url = url.set(database=str(self.path))
        self._confinement = confinement
        self.files: file_guard.Files | None = None
        self._newest = file_guard.Files(self.path)

    def __call__(self) -> sqlite3.Connection:
        if self._confinement is not None:
            self._confinement.refuse_links()
        if self.files is not None:
            self._refuse_what_is_left()
        elif (problem := sqlite_errors.unusable(self.path)) is not None:
            raise error_translation.error_of(self.url, problem)
        elif self.access == _WRITABLE:
            with contextlib.suppress(OSError):  # SQLite's own error says more, below
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _PRIVATE))
        self._newest = files = file_guard.Files(
            self.path
        )  # before: if it is replaced meanwhile, the connection is stale
        confined.refuse_companions(files.real_path)
        if self.access == _FROZEN and file_guard.size(files.wal_path):
            raise error_translation.error_of(self.url, sqlite_errors.UNSEEN)
        return sqlite3.connect(
            f"{self.path.as_uri()}?{self.access}",
            uri=True,
            isolation_level=None,  # we begin ourselves
            check_same_thread=False,  # the pool hands a connection to one thread at a time
        )

    def opened(self) -> file_guard.Files:
        """Return what a new connection has open, now that it has shown to be a database."""
        if self.files is None or self.files.is_stale:
            self.files = self._newest
        return self.files

    def _refuse_what_is_left(self) -> None:
        """Open nothing where the file was deleted, or where SQLite would take another file's WAL for its own."""
        assert self.files is not None  # noqa: S101 - there was a connection
        try:
            self.path.lstat()
        except FileNotFoundError:
            msg = f"{self.path} was deleted while it was in use"
            fix = "put it back, or restart the kernel to begin a new one"
            raise errors.DatabaseReplacedError(msg, fix=fix) from None
        except OSError:  # SQLite's own error says more
            return
        if self.files.left_a_wal:
            wal, shm = (shlex.quote(f"{self.files.real_path}{suffix}") for suffix in ("-wal", "-shm"))
            msg = f"{self.path} was replaced while it was in use, and the WAL beside it is still of the file before"
            fix = f"end the other kernels that use it, put the file in place again, then: rm -f {wal} {shm}"
            raise errors.DatabaseReplacedError(msg, fix=fix)


def _path(url: sa.URL) -> Path:
    return Path(url.database or "").absolute()


def _access(url: sa.URL) -> str:
    access = _ACCESS.get("&".join(f"{name}={value}" for name, given in url.normalized_query.items() for value in given))
    if access is None:
        msg = "the database URL has a ? and more behind it than SQLite is asked for"
        fix = "end it with ?mode=ro, or ?immutable=1 where nobody writes any more; write a ? of its path as %3F"
        raise errors.InvalidUrlError(msg, fix=fix)
    return access


def _prepare(driver: Any, _entry: ConnectionPoolEntry) -> None:
    driver.isolation_level = None
    interrupts.let_in(driver)
    try:
        with contextlib.closing(driver.cursor()) as cursor:
            cursor.execute(f"PRAGMA busy_timeout={locks.PATIENCE_MS}")
            cursor.execute("PRAGMA foreign_keys=ON")
            set_durability(cursor.execute)
    except BaseException:
        driver.close()  # the pool does not, and its -shm would stay in use as long as the error is kept
        raise


def choose_journal(connection: sa.Connection) -> None:
    """Let readers and a writer work side by side, where the filesystem can do it; the mode stays with the file.

    A WAL needs memory that all processes share. Machines do not share it, and a filesystem
    that is a program may not have it.
    """
    if urls.is_in_memory(connection.engine.url):
        return
    file = Path(os.path.realpath(_path(connection.engine.url)))
    if not filesystems.is_shared(filesystems.kind_of(file.parent)):
        locks.wait_for_lock(connection, "PRAGMA journal_mode=WAL")
        try:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
        except errors.DatabaseUnavailableError:
            _leave_wal(connection)
    set_durability(connection.exec_driver_sql)


def _leave_wal(connection: sa.Connection) -> None:
    """Go back to a journal that needs no shared memory; a WAL does without it only where nobody else has the file."""
    connection.rollback()
    connection.invalidate()  # it opens the file anew when it is used next
    with contextlib.closing(sqlite3.connect(_path(connection.engine.url))) as alone:
        alone.execute("PRAGMA locking_mode=EXCLUSIVE")
        alone.execute("PRAGMA journal_mode=DELETE")


def set_durability(execute: Any) -> None:
    """Sync as the journal needs it: a WAL survives a crash of the process with NORMAL."""
    journal = execute("PRAGMA journal_mode").fetchone()[0]
    execute(f"PRAGMA synchronous={'NORMAL' if journal == 'wal' else 'FULL'}")


def table_names(url: sa.URL) -> list[str]:
    """Name the tables of a file that may be somebody else's, and leave no trace.

    A connection that may write would, when it closes, move what a program left in its WAL.

    Returns:
        Nothing where there is no file, or it cannot be read like this.

    Raises:
        DatabaseUnavailableError: If there is something beside it that SQLite would wait for, or do harm with.
    """
    path = _path(url)
    try:
        if not path.is_file():
            return []
        files = file_guard.Files(path)
        confined.refuse_companions(files.real_path)
        access = _READ_ONLY if file_guard.size(files.wal_path) else _FROZEN
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?{access}", uri=True)) as connection:
            return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    except (sqlite3.Error, OSError):
        return []  # whoever opens it next says why
