"""Whether there is a registry to look into; looking never makes one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ln_jupyter import errors, settings
from ln_jupyter.db import engines, error_translation
from ln_jupyter.registry import check, schema_version

if TYPE_CHECKING:
    import sqlalchemy as sa


def connect(url: str | None) -> sa.Engine:
    """Choose the registry of a command, which must be there.

    Args:
        url: The registry's; None for the one of the settings.

    Raises:
        DatabaseUnavailableError: If there is none yet, or it cannot be reached.
        NotARegistryError: If the database holds somebody else's tables.
        SchemaVersionError: If its tables do not serve this release.
    """
    engine = engines.resolve(settings.current().url if url is None else url)
    if version(engine) is None:
        msg = f"there is no registry yet at {error_translation.describe(engine.url)}"
        fix = "run ln.header() in a notebook, or name another one: --db URL; ln-jupyter doctor says how it was chosen"
        raise errors.DatabaseUnavailableError(msg, fix=fix)
    check.ensure(engine)
    return engines.connect(engine)


def version(engine: sa.Engine) -> schema_version.Version | None:
    """Say of which release a registry is, and check that it serves this one.

    Returns:
        None if there is nothing yet, where `header()` would make one.

    Raises:
        DatabaseError: If it cannot be reached, holds strange tables, or needs another release.
    """
    if engine.dialect.name == "sqlite" and _is_missing(Path(engine.url.database or "")):  # connecting would make it
        return None
    schema_version.refuse_strange_file(engine)
    with engine.connect() as connection:
        found = schema_version.read(connection)
        if found is None:
            schema_version.refuse_strange(connection)
        else:
            check.refuse(connection, found)
    return found


def _is_missing(file: Path) -> bool:
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # SQLite says more
        return False
    return False
