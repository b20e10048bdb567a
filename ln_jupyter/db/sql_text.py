"""What a SQL statement does, as far as its text tells."""

from __future__ import annotations

import functools
import re
from typing import Literal

End = Literal["commit", "rollback"]
"""How a transaction ends; PREPARE TRANSACTION counts as the first, for nothing here can undo it."""

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
_UNDOES = {"ROLLBACK", "ABORT"}
_CHANGES_TABLES = {"ALTER", "CREATE", "DROP", "GRANT", "RENAME", "REVOKE", "TRUNCATE"}
_OF_MYSQL = _CHANGES_TABLES | {"BEGIN", "LOCK", "START"}
_COMMITS_TOO = {"mysql": _OF_MYSQL, "mariadb": _OF_MYSQL, "oracle": _CHANGES_TABLES}
_TAKES_SEVERAL = ("duckdb", "postgresql")
"""Where one call of the driver may send several statements."""
_FIRST = re.compile(r"[A-Za-z]+|\(")
_OF_ONE_TRANSACTION = re.compile(
    r"\s*(?:BEGIN|START\s+TRANSACTION|SET\s+(?:LOCAL|TRANSACTION|CONSTRAINTS))\b", re.IGNORECASE
)
_SAVEPOINT = re.compile(r"\s*SAVEPOINT\b", re.IGNORECASE)
_BEGINNING = 200  # characters
_WRITES_INSIDE = re.compile(
    r"\b(?:INSERT|REPLACE|MERGE|INTO|UPDATE|DELETE|FOR\s+(?:NO\s+KEY\s+|KEY\s+)?SHARE)\b", re.IGNORECASE
)
_CALL = re.compile(r"(?:(\w+|'')\s*\.\s*)?(?:\b(\w+)|'')\s*\(")
_WORDS = """
all and any array as between by bit bpchar case cast char character cube date day decimal distinct else except exists
filter float for from grouping having hour if in inner intersect interval is join lateral like limit materialized minute
month not numeric of offset on or over partition returning rollup row second select sets similar some table then time
timestamp timestamptz union using values varchar varying when where with within year
"""
_FUNCTIONS = """
abs age avg bool_and bool_or btrim ceil ceiling char_length coalesce concat concat_ws corr count cume_dist date_bin
date_part date_trunc dense_rank exp extract first_value floor format gen_random_uuid generate_series greatest initcap
lag last_value lead least left length ln log lower lpad ltrim make_date make_interval make_timestamp max md5 min mod
mode nth_value now ntile nullif octet_length overlay percent_rank percentile_cont percentile_disc position power
quote_ident random rank repeat replace reverse right round row_number rpad rtrim sign split_part sqrt starts_with stddev
stddev_pop stddev_samp string_agg string_to_array strpos substr substring sum timezone trim trunc unnest upper var_pop
var_samp variance version width_bucket xmlagg
"""
_NO_CALLS = frozenset((_WORDS + _FUNCTIONS).split())
"""What is followed by a parenthesis and writes nothing, of what is written most."""
_NO_CALLS_BEGIN = ("array_", "current_", "has_", "json", "pg_", "regexp_", "to_", "ts_")
_OF_POSTGRES = ("", "pg_catalog")
_OF_TRANSACTIONS = re.compile(r"pg_(?:try_)?advisory_xact_|pg_notify|pg_logical_emit")
_REPLACE_FUNCTION = re.compile(r"\bREPLACE\s*\(", re.IGNORECASE)


@functools.lru_cache(maxsize=4096)
def writes(statement: str) -> bool:
    """Return whether a SQL statement has to run inside a transaction of its writer.

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
    first = _FIRST.search(code)
    if first is None:
        return False
    word = first[0].upper()
    if word in _NO_TRANSACTION:
        return False
    return word not in _READS or _WRITES_INSIDE.search(_REPLACE_FUNCTION.sub("(", code)) is not None


@functools.lru_cache(maxsize=4096)
def ends(statement: str, dialect: str) -> End | None:
    """Say how a SQL statement, or the first of several that does, ends its transaction; None where it does not.

    Args:
        statement: The statement.
        dialect: The name of the kind of database: some commit before they make or change a table, or begin anew.

    Example:
        >>> ends("commit", "sqlite"), ends("ALTER TABLE a ADD b INT", "mariadb")
        ('commit', 'commit')
        >>> ends("INSERT INTO a VALUES (';'); rollback and chain", "postgresql")
        'rollback'
        >>> ends("CREATE TEMPORARY TABLE a (b INT)", "mariadb"), ends("ROLLBACK TO a", "sqlite")
        (None, None)
    """
    parts = [_words(part) for part in _NOT_CODE.sub(" '' ", statement).split(";")]
    if dialect not in _TAKES_SEVERAL or parts[0][0] in ("ALTER", "CREATE"):  # the rest is the body of something
        del parts[1:]
    for first, second, third in parts:
        if first in _COMMITS or (first, second) == ("PREPARE", "TRANSACTION"):
            if second != "PREPARED":
                return "commit"
        elif first in _UNDOES:
            if second != "PREPARED" and "TO" not in (second, third):
                return "rollback"
        elif first in _COMMITS_TOO.get(dialect, ()) and second != "TEMPORARY":
            return "commit"
    return None


def _words(code: str) -> tuple[str, str, str]:
    first, second, third = (*re.findall(r"[A-Za-z]+", code[:_BEGINNING].upper())[:3], "", "", "")[:3]
    return first, second, third


@functools.lru_cache(maxsize=4096)
def reads(statement: str) -> bool:
    """Return whether a SQL statement gives rows, and may do so in a transaction.

    Example:
        >>> reads("WITH a AS (SELECT 1) SELECT * FROM a"), reads("VACUUM")
        (True, False)
    """
    first = _FIRST.search(_NOT_CODE.sub(" '' ", statement))
    return first is not None and first[0].upper() in _READS


@functools.lru_cache(maxsize=4096)
def needs_transaction(statement: str) -> bool:
    """Return whether a SQL statement writes, or makes a savepoint."""
    return writes(statement) or is_savepoint(statement)


def is_of_transaction(statement: str) -> bool:
    """Return whether a SQL statement of PostgreSQL means nothing outside of a transaction, or begins one."""
    return _OF_ONE_TRANSACTION.match(statement) is not None


def is_savepoint(statement: str) -> bool:
    """Return whether a SQL statement makes a savepoint."""
    return _SAVEPOINT.match(statement) is not None


@functools.lru_cache(maxsize=4096)
def calls(statement: str) -> bool:
    """Return whether a SQL statement calls a function that may write in PostgreSQL: any that is not known not to.

    Example:
        >>> calls("SELECT archive(id) FROM a"), calls("SELECT lower(name) FROM a WHERE id IN (1, 2)")
        (True, False)
        >>> calls("SELECT mine.lower(name) FROM a")
        True
    """
    code = _NOT_CODE.sub(" '' ", statement)
    return any(schema not in _OF_POSTGRES or not _is_known(name.lower()) for schema, name in _CALL.findall(code))


def _is_known(function: str) -> bool:
    if function in _NO_CALLS:
        return True
    return function.startswith(_NO_CALLS_BEGIN) and _OF_TRANSACTIONS.match(function) is None
