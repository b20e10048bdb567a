"""What a statement does is told by its text, and rather too much than too little."""

from __future__ import annotations

import pytest

from ln_jupyter.db import statements

READS = [
    "SELECT 1",
    "  select 'delete from a'",
    "-- update\nSELECT 1",
    "/* insert into */ WITH a AS (SELECT 1) SELECT * FROM a",
    'SELECT "update" FROM a',
    "SELECT [delete], `insert` FROM a",
    "SELECT replace(x, 'a', 'b') FROM a",
    "SELECT $$delete from a$$, $q$update$q$, E'insert \\' into' FROM a",
    "SELECT * FROM a WHERE name LIKE'a' AND x = 'update'",
    "VALUES (1)",
    "(SELECT 1) UNION (SELECT 2)",
    "EXPLAIN QUERY PLAN SELECT 1",
    "PRAGMA user_version",
    "SHOW lock_timeout",
    "COMMIT",
    "",
    "-- nothing",
]
WRITES = [
    "INSERT INTO a VALUES (1)",
    "/* why */ update a set x = 1",
    "DELETE FROM a",
    "REPLACE INTO a VALUES (1)",
    "CREATE TABLE a (x)",
    "WITH b AS (SELECT 1) INSERT INTO a SELECT * FROM b",
    "WITH b AS (DELETE FROM a RETURNING *) SELECT * FROM b",
    "SELECT * FROM a FOR UPDATE",
    "SELECT * FROM a FOR NO KEY UPDATE",
    "SELECT * FROM a FOR SHARE",
    "SELECT * INTO b FROM a",
    "EXPLAIN ANALYZE DELETE FROM a",
    "WITH b AS (SELECT $$it's$$ AS x) DELETE FROM a WHERE x <> 'y'",
    "WITH b AS (SELECT $q$'$q$ AS x) DELETE FROM a WHERE x <> 'y'",
    r"WITH b AS (SELECT E'it\'s' AS x) DELETE FROM a WHERE x <> 'y'",
    "TRUNCATE a",
]


@pytest.mark.parametrize("statement", READS)
def test_reads_are_told(statement: str) -> None:
    """Whatever only reads, in whatever dress, starts no transaction."""
    assert not statements.writes(statement)


@pytest.mark.parametrize("statement", WRITES)
def test_writes_are_told(statement: str) -> None:
    """Whatever writes, or locks rows, starts one."""
    assert statements.writes(statement)
