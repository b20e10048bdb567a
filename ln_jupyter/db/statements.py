"""What a SQL statement does, as far as its text tells."""

from __future__ import annotations

import functools
import re

_NOT_CODE = re.compile(
    r"(?<!\w)(?:\$(\w*)\$.*?\$\1\$|[eE]'(?:[^'\\]|''|\\.)*')"  # PostgreSQL's
    r"|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]\n]*\]|--[^\n]*|/\*.*?\*/",
    re.DOTALL,
)
_READS = {"SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN", "("}
_NO_TRANSACTION = {
    *("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"),
    *("PRAGMA", "ATTACH", "DETACH", "VACUUM", "SET", "RESET", "SHOW", "DISCARD", "LISTEN", "UNLISTEN"),
}
_COMMITS = {"COMMIT", "END"}
_CHANGES_TABLES = {"ALTER", "CREATE", "DROP", "GRANT", "RENAME", "REVOKE", "TRUNCATE"}
_BEGINNING = 200  # characters
_WRITES_INSIDE = re.compile(
    r"\b(?:INSERT|REPLACE|MERGE|INTO|UPDATE|DELETE|FOR\s+(?:NO\s+KEY\s+|KEY\s+)?SHARE)\b", re.IGNORECASE
)
_HAS_TABLES = re.compile(r"\bFROM\b", re.IGNORECASE)
_CALL = re.compile(
    r"\b(?!(?:pg|current)_|(?:and|as|cast|exists|in|not|now|or|over|select|version)\b)\w+\s*\(", re.IGNORECASE
)
_REPLACE_FUNCTION = re.compile(r"\bREPLACE\s*\(", re.IGNORECASE)


@functools.lru_cache(maxsize=4096)
def writes(statement: str) -> bool:
    """Say whether a SQL statement has to run inside a transaction of its writer.

    Errs towards True: a transaction too many costs little, one too few loses a rollback.

    Example:
        >>> writes("/* why */ WITH a AS (SELECT 'delete') SELECT * FROM a")
        False
        >>> writes("WITH a AS (SELECT 1) DELETE FROM b")
        True
        >>> writes("SELECT * FROM a FOR UPDATE")
        True
    """
    code = _NOT_CODE.sub(" '' ", statement)
    first = re.search(r"[A-Za-z]+|\(", code)
    if first is None:
        return False
    word = first[0].upper()
    if word in _NO_TRANSACTION:
        return False
    return word not in _READS or _WRITES_INSIDE.search(_REPLACE_FUNCTION.sub("(", code)) is not None


@functools.lru_cache(maxsize=4096)
def commits(statement: str, *, tables_too: bool) -> bool:
    """Say whether a SQL statement ends its transaction.

    Args:
        statement: The statement.
        tables_too: Whether the database commits before it makes or changes a table.

    Example:
        >>> commits("commit", tables_too=False), commits("ALTER TABLE a ADD b INT", tables_too=True)
        (True, True)
        >>> commits("CREATE TEMPORARY TABLE a (b INT)", tables_too=True)
        False
    """
    words = re.findall(r"[A-Za-z]+", _NOT_CODE.sub(" '' ", statement)[:_BEGINNING].upper())[:2] or [""]
    return words[0] in _COMMITS or (tables_too and words[0] in _CHANGES_TABLES and "TEMPORARY" not in words)


@functools.lru_cache(maxsize=4096)
def calls(statement: str) -> bool:
    """Say whether a SQL statement is there for the functions that it calls, any of which may write in PostgreSQL.

    Example:
        >>> calls("SELECT archive('2026')"), calls("SELECT lower(name) FROM a"), calls("SELECT version()")
        (True, False, False)
    """
    code = _NOT_CODE.sub(" '' ", statement)
    return _HAS_TABLES.search(code) is None and _CALL.search(code) is not None
