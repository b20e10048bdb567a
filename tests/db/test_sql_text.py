"""What a statement does is told by its text, and rather too much than too little."""

from __future__ import annotations

import pytest

from ln_jupyter.db import sql_text

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
    assert not sql_text.writes(statement)


@pytest.mark.parametrize("statement", WRITES)
def test_writes_are_told(statement: str) -> None:
    """Whatever writes, or locks rows, starts one."""
    assert sql_text.writes(statement)


CALLS = [
    "SELECT note('x')",
    "SELECT note('x') FROM sample",
    "SELECT id FROM sample WHERE note(name) = 1",
    "SELECT count(*), mine.count(id) FROM sample",
    'SELECT "note"(name) FROM sample',
    "EXPLAIN ANALYZE SELECT note(name) FROM sample",
    "WITH a AS (SELECT note('x')) SELECT * FROM a",
    "VALUES (note('x'))",
    "SELECT * FROM note('x')",
    "SELECT pg_notify('channel', 'x')",
    "SELECT pg_advisory_xact_lock(1)",
    "SELECT nextval('s') FROM sample",
]
NO_CALLS = [
    "SELECT a.id, count(*) FROM a JOIN b ON (a.id = b.id) WHERE a.id IN (1, 2) GROUP BY (a.id) HAVING count(*) > 1",
    "SELECT coalesce(lower(a.name), 'note(') FROM a WHERE (name LIKE %(name)s) AND (id = %(id)s)",
    "SELECT CAST(x AS NUMERIC(10, 2)), x::VARCHAR(20), (SELECT max(id) FROM b) FROM a",
    "SELECT row_number() OVER (PARTITION BY a ORDER BY b), sum(x) FILTER (WHERE x > 1) FROM a",
    "SELECT EXISTS (SELECT 1 FROM a), ARRAY(SELECT 1), ROW(1, 2), x = ANY (ARRAY[1]), json_agg(y) FROM a",
    "SELECT date_trunc('day', now()), extract(epoch FROM t), to_char(t, 'YYYY') FROM a",
    "SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class WHERE pg_catalog.pg_table_is_visible(oid)",
    "SELECT pg_advisory_lock(1), current_setting('x'), version()",
]


@pytest.mark.parametrize("statement", CALLS)
def test_calls_are_told(statement: str) -> None:
    """Whatever calls a function that may write has to be in a transaction, wherever in the statement it is called."""
    assert sql_text.calls(statement)


@pytest.mark.parametrize("statement", NO_CALLS)
def test_what_is_known_not_to_write_is_told(statement: str) -> None:
    """What SQL and PostgreSQL themselves call in an ordinary read begins nothing."""
    assert not sql_text.calls(statement)
