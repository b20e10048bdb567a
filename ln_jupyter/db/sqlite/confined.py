"""What a SQLite file may not do to who opens it: one that a project brought stays in it, and nothing in it runs."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ln_jupyter import errors, sanitize
from ln_jupyter.approval import lists, registry_url

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

# By its text, which is what SQLite reads: what a row of sqlite_master says beside it may be wrong.
_PROGRAMS = """
    SELECT sql, name FROM sqlite_master
    WHERE substr(sql, 1, 13) <> 'CREATE TABLE '
    AND substr(sql, 1, 13) <> 'CREATE INDEX '
    AND substr(sql, 1, 20) <> 'CREATE UNIQUE INDEX '
"""
_TEXTS = "SELECT sql, name FROM sqlite_master WHERE sql IS NOT NULL"
_ASIDE = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|\Z)""", re.DOTALL)
_COMPUTES = re.compile(
    r"\b(?:CHECK|GENERATED|AS|WHERE|COLLATE)\b|\bDEFAULT\s*\(|^CREATE (?:UNIQUE )?INDEX[^(]*\([^)]*\(", re.IGNORECASE
)
_OF_USER = re.compile(r"""CREATE TABLE (?:(?!"?ln_)\w+|"(?!ln_)[^"]+")\s*\(""", re.IGNORECASE)
_UNSAFE = "unsafe use of"  # a function of the program, as SQLite says it
_MOST = 3  # are named

_NAMES_ANOTHER = bytes.fromhex("d9d505f920a163d7")
"""The end of a journal with the name of a file, which SQLite deletes when it rolls back what the journal says."""


@dataclass(frozen=True)
class Confinement:
    """What is asked of a file each time that it is opened: there may be another one by then.

    Attributes:
        url: Of the file.
        folder: Of the project.
    """

    url: sa.URL
    folder: Path

    def refuse_links(self) -> None:
        """Refuse a file that is not in the folder.

        Raises:
            UnapprovedRegistryError: If it is not, and nobody approved where it is.
        """
        registry_url.refuse_outside(self.url, self.folder, by=self.folder)

    def refuse_programs(self, driver: sqlite3.Connection, _entry: object) -> None:
        """Refuse a file with triggers, views or virtual tables, and let the rest of it call no function of a program.

        Args:
            driver: The connection, with the functions that SQLAlchemy has made, before it reads a table; it is
                closed if the file is refused.

        Raises:
            NotARegistryError: If it has any, and was not approved.
        """
        try:
            self._trust(driver, "OFF")
            found = _programs(driver)
            if found and registry_url.is_approved(self.url):
                self._trust(driver, "ON")
            elif found:
                self._refuse(found)
        except BaseException:
            driver.close()
            raise

    def _trust(self, driver: sqlite3.Connection, switch: str) -> None:
        driver.execute(f"PRAGMA trusted_schema={switch}")
        # what was read of the file before does not know of this, nor of functions that were made since
        driver.execute("PRAGMA writable_schema=RESET")

    def _refuse(self, found: list[str]) -> None:
        more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
        msg = (
            f"{self.url.database} came with its project, and has what no registry has: {', '.join(found[:_MOST])}{more}"
        )
        fix = f"delete the file; or, if they are yours: {registry_url.command(lists.url_of(self.url))}"
        raise errors.NotARegistryError(sanitize.plain(f"{msg}; nothing of it was run"), fix=fix)


def refuse_companions(file: Path) -> None:
    """Refuse a file beside which there is what SQLite would wait for, or do harm with.

    Args:
        file: Where it really is.

    Raises:
        DatabaseUnavailableError: If there is; nothing is opened, rolled back or deleted.
    """
    for suffix in registry_url.COMPANIONS:
        name = f"{file}{suffix}"
        try:
            found = os.stat(name)  # noqa: PTH116 - asked before each connection, and most often there is none
        except OSError:
            continue
        if not stat.S_ISREG(found.st_mode):  # a pipe is waited for without an end
            msg = f"{sanitize.plain(name)} is not a file, and SQLite would use it as one"
            raise errors.DatabaseUnavailableError(msg, fix=f"take it away: mv {shlex.quote(name)} ELSEWHERE")
    journal = f"{file}-journal"
    try:
        with open(journal, "rb") as lines:  # noqa: PTH123 - as above
            lines.seek(-len(_NAMES_ANOTHER), os.SEEK_END)
            end = lines.read()
    except OSError:  # there is none, it is shorter, or SQLite says more
        return
    if end == _NAMES_ANOTHER:  # of a transaction in several files, which we never make
        msg = f"{sanitize.plain(journal)} names another file, which SQLite would delete"
        fix = f"if it came from elsewhere, delete it; if it is yours: sqlite3 {shlex.quote(str(file))} .tables"
        raise errors.DatabaseUnavailableError(msg, fix=fix)


def _programs(driver: sqlite3.Connection) -> list[str]:
    """Name what a file would run."""
    try:
        found = driver.execute(_PROGRAMS).fetchall()
    except sqlite3.DatabaseError as error:
        if _UNSAFE not in str(error):
            raise
        return [str(error)]
    named = [f"{str(sql).split()[1].lower()} {name!r}" for sql, name in found]
    return named or [f"a computation in {name!r}" for sql, name in driver.execute(_TEXTS) if _computes(sql)]


def _computes(sql: str) -> bool:
    """Return whether a table of ours, or an index on one, computes something: a gigabyte of nothing, if it likes."""
    if _OF_USER.match(sql) or "ln_" not in sql.lower():
        return False
    return _COMPUTES.search(_ASIDE.sub("''", sql)) is not None
