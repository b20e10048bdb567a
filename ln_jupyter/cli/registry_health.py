"""Whether the registry can be reached, whether it serves this release, and whether its disk is right for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ln_jupyter import errors
from ln_jupyter.cli import presence
from ln_jupyter.cli.finding import Finding
from ln_jupyter.db import engine as engines
from ln_jupyter.db import faults

if TYPE_CHECKING:
    from collections.abc import Iterable

_NETWORK = ("9p", "afs", "beegfs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "nfs", "smb", "webdav")


@dataclass(frozen=True)
class Registry:
    """What could be found out about a registry.

    Attributes:
        database: Its file, or its URL without a password.
        exists: Whether there is one; None if that cannot be known.
        schema: Its number.
        oldest_reader: The smallest schema number that a release must know to use it.
        journal: SQLite's journal mode.
        filesystem: Of a SQLite file's folder.
    """

    database: str
    exists: bool | None = None
    schema: int | None = None
    oldest_reader: int | None = None
    journal: str | None = None
    filesystem: str | None = None


def without_password(url: str) -> str:
    """Write a database URL for people; one that cannot be read is not shown, as it may hold a password."""
    try:
        return faults.describe(engines.parse(url))
    except errors.InvalidUrlError:
        return "(not shown: it cannot be read)"


def examine(url: str) -> tuple[Registry, list[Finding]]:
    """Look at a registry, and make nothing."""
    name = without_password(url)
    try:
        engine = engines.resolve(url)
        version = presence.version(engine)
        file = Path(engine.url.database or "").absolute() if engine.dialect.name == "sqlite" else None
        journal = _journal(engine) if file is not None and version is not None else None
    except (errors.LnJupyterError, sa.exc.DBAPIError) as error:
        return Registry(name), [Finding.of_error("registry", error)]
    filesystem = None if file is None else filesystem_of(file.parent, mounts())
    findings = _findings(name, file, exists=version is not None)
    if filesystem is not None and filesystem.startswith(_NETWORK):
        text = f"{name} is on a network filesystem ({filesystem}), where SQLite's locks and its WAL may fail"
        fix = "keep it on a local disk, or use PostgreSQL for a team: LN_JUPYTER_URL=postgresql://user@host/database"
        findings.append(Finding("filesystem", "hint", text, fix))
    if journal not in (None, "wal", "memory"):
        text = f"{name} has the journal mode {journal!r}: readers and a writer wait for each other"
        findings.append(Finding("journal", "hint", text, f"sqlite3 '{name}' 'PRAGMA journal_mode=WAL'"))
    if version is None:
        return Registry(name, exists=False, filesystem=filesystem), findings
    return Registry(name, True, version.number, version.oldest_reader, journal, filesystem), findings  # noqa: FBT003


def mounts() -> list[tuple[str, str]]:
    """List where each filesystem of this machine is mounted, and its kind."""
    import psutil  # 18 ms

    try:
        return [(each.mountpoint, each.fstype) for each in psutil.disk_partitions(all=True)]
    except OSError:  # a container may hide them
        return []


def filesystem_of(folder: Path, mounted: Iterable[tuple[str, str]]) -> str | None:
    """Say which kind of filesystem a folder is on; the last one mounted on a place is seen there.

    Example:
        >>> filesystem_of(Path("/home/ann/data"), [("/", "ext4"), ("/home", "nfs4"), ("/homes", "xfs")])
        'nfs4'
    """
    path = Path(os.path.realpath(folder))
    found = [(len(place), order, kind) for order, (place, kind) in enumerate(mounted) if path.is_relative_to(place)]
    return max(found)[2] or None if found else None


def can_be_made(folder: Path) -> bool:
    """Say whether a folder may be written to, or could be made."""
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _findings(name: str, file: Path | None, *, exists: bool) -> list[Finding]:
    if not exists:
        if file is not None and not can_be_made(file.parent):
            fix = "make its folder writable, or use another registry: LN_JUPYTER_URL"
            return [Finding("registry", "broken", f"{name} is not there and cannot be made", fix)]
        return [Finding("registry", "ok", f"{name} is not there yet; the first header() makes it")]
    if file is not None and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
        fix = "make the file and its folder writable, or use another registry: LN_JUPYTER_URL"
        return [Finding("registry", "broken", f"{name} may only be read", fix)]
    return [Finding("registry", "ok", f"{name} serves this release")]


def _journal(engine: sa.Engine) -> str:
    with engine.connect() as connection:
        return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
