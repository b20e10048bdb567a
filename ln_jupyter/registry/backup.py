"""A registry in SQLite as one file, copied while others write to it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ln_jupyter import advice, errors
from ln_jupyter.db import error_translation, interrupts, transactions

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

_SLICE = 1024
"""Pages copied between two chances for Ctrl-C: 4 MB."""


def back_up(engine: sa.Engine, target: Path) -> None:
    """Copy a SQLite registry to a new file, by SQLite's own backup.

    The copy is the registry of one moment, whoever writes meanwhile; nobody waits for it. It is
    one file that only its owner may read, complete and checked before it has its name.

    Args:
        engine: The registry's, of whatever release: its tables are not looked at.
        target: The file to make.

    Raises:
        CopyError: If the file is there already, its folder is missing, or it cannot be written.
        DatabaseUnavailableError: If there is no registry, or it is damaged; no copy is left.
        DatabaseBusyError: If its lock is not free in time.
    """
    source = _file(engine)
    if os.path.lexists(target):
        what = "is a folder" if target.is_dir() else "exists already, and is not overwritten"
        raise errors.CopyError(f"{target} {what}", fix="name a file that is not there yet")
    if not target.parent.is_dir():
        msg = f"{target} cannot be made: there is no folder {target.parent}"
        raise errors.CopyError(msg, fix=f"make it first: mkdir -p '{target.parent}'")
    with engine.connect() as connection, _unnamed(target) as copy, _telling(target):
        transactions.begin_snapshot(connection)  # else each commit of others would begin the copy anew
        driver: Any = connection.connection.dbapi_connection
        size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        with closing(sqlite3.connect(copy)) as to:
            to.execute("PRAGMA synchronous=OFF")  # it is synced below, once
            with advice.progress("backing up", source.stat().st_size, unit="B") as advance:

                def between(*_: object) -> None:
                    _pause()
                    advance(_SLICE * size)

                driver.backup(to, pages=_SLICE, progress=between)
            _check(to, source)
            to.execute("PRAGMA journal_mode=DELETE")  # one file, which is read without a second one beside it
        _sync(copy)
        _name(copy, target)
        _sync(target.parent)


def _pause() -> None:
    """Let Ctrl-C in: it arrives where Python code runs."""


def _file(engine: sa.Engine) -> Path:
    if engine.dialect.name != "sqlite":
        msg = f"{error_translation.describe(engine.url)} is not a SQLite file"
        fix = "let PostgreSQL's own tool copy it: pg_dump; to move it: ln-jupyter copy"
        raise errors.CopyError(msg, fix=fix)
    file = Path(engine.url.database or ":memory:")
    if not file.is_file():  # connecting would make it
        msg = f"there is no registry yet at {error_translation.describe(engine.url)}"
        raise errors.DatabaseUnavailableError(msg, fix="name the one to copy; ln-jupyter doctor says which is used")
    return file


@contextlib.contextmanager
def _unnamed(target: Path) -> Iterator[Path]:
    """Make a private file beside the *target*, which vanishes unless it gets another name."""
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    except OSError as error:
        raise _unwritable(target, error.strerror or str(error)) from error
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def _telling(target: Path) -> Iterator[None]:
    try:
        yield
    except errors.LnJupyterError:
        raise
    except sqlite3.Error as error:
        # the backup carries no code, only SQLite's sentence; of the source, the snapshot has said what is wrong
        raise _unwritable(target, str(error)) from error
    except OSError as error:
        raise _unwritable(target, error.strerror or str(error)) from error


def _unwritable(target: Path, why: str) -> errors.CopyError:
    return errors.CopyError(
        f"{target} cannot be written: {why}", fix="name a file in a folder with room, that you may write to"
    )


def _check(copy: sqlite3.Connection, source: Path) -> None:
    """Refuse a copy that cannot be read."""
    interrupts.let_in(copy)
    try:
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if interrupts.is_by_ctrl_c(error):
            raise KeyboardInterrupt from None
        found = str(error)
    if found != "ok":
        msg = f"{source} is damaged, and no copy was made: {found.splitlines()[-1]}"
        fix = "go on from an older backup, or save what can be read: sqlite3 FILE .recover"
        raise errors.DatabaseUnavailableError(msg, fix=fix)


def _name(copy: Path, target: Path) -> None:
    """Return the file its name, unless somebody else took it meanwhile."""
    try:
        try:
            os.link(copy, target)
        except FileExistsError:
            raise
        except OSError:  # a filesystem without hard links: take the name first
            os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))
            copy.replace(target)
    except FileExistsError as error:
        msg = f"{target} was made by somebody else meanwhile, and is not overwritten"
        raise errors.CopyError(msg, fix="name a file that is not there yet") from error


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():  # there a folder cannot be opened
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
