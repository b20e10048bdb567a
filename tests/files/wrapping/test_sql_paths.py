from __future__ import annotations

import time

import pytest

from ln_jupyter.files.access import READ, UPDATE, WRITE
from ln_jupyter.files.wrapping.sql_paths import LONGEST, files_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM 'x.csv'", [("x.csv", READ)]),
        ("FROM 'x.csv'", [("x.csv", READ)]),
        ('FROM "q.parquet"', [("q.parquet", READ)]),
        ("select * from 'a.csv' as a, 'b.csv' b where x = 'c.csv'", [("a.csv", READ), ("b.csv", READ)]),
        ("FROM 'a.csv' AS \"b.csv\"", [("a.csv", READ)]),
        ("from t join 'c.json' on t.a = 'd.csv'", [("c.json", READ)]),
        ("FROM 'data/**/*.parquet'", [("data/**/*.parquet", READ)]),
        ("FROM 's3://bucket/k.parquet?key=1'", [("s3://bucket/k.parquet?key=1", READ)]),
        ("with x as (from 'a.csv') select * from x", [("a.csv", READ)]),
        ("create table t as select * from 'a.csv.gz'", [("a.csv.gz", READ)]),
        ("FROM read_csv('a.csv', delim = ',', columns = {'x': 'INT'})", [("a.csv", READ)]),
        ("FROM read_parquet(['a', 'b'], union_by_name = true)", [("a", READ), ("b", READ)]),
        ("SELECT (SELECT count(*) FROM read_json_auto('it''s.json'))", [("it's.json", READ)]),
        ("FROM read_text($$a b.txt$$)", [("a b.txt", READ)]),
        (r"FROM read_csv(E'it\'s.csv')", [("it's.csv", READ)]),
        ("describe 'x.csv'; summarize 'y.csv'", [("x.csv", READ), ("y.csv", READ)]),
        ("COPY t FROM 'a.csv' (delim ',')", [("a.csv", READ)]),
        ("COPY t TO 'a' (format csv)", [("a", WRITE)]),
        ("copy (select 'x.csv' from 'a.csv') to 'b.parquet'", [("a.csv", READ), ("b.parquet", WRITE)]),
        ("EXPORT DATABASE 'folder' (FORMAT csv)", [("folder", WRITE)]),
        ("EXPORT DATABASE d TO 'folder'", [("folder", WRITE)]),
        ("IMPORT DATABASE 'folder'", [("folder", READ)]),
        ("ATTACH 'f.db' AS d (READ_ONLY)", [("f.db", UPDATE)]),
        ("ATTACH DATABASE IF NOT EXISTS 'sqlite:f.db'", [("f.db", UPDATE)]),
        ("attach ':memory:'; attach ''; attach 'md:mine'", []),
        ("ATTACH 'dbname=x password=y' AS p (TYPE postgres)", []),
        ("ATTACH 'postgres:dbname=x'", []),
        ("SELECT extract(year FROM '2020.01'), a IS DISTINCT FROM 'b.csv', trim(both 'x' from 'a.csv') FROM t", []),
        ("-- from 'x.csv'\nselect /* from 'y.csv' */ 1 from t", []),
        ("SELECT 'from ''x.csv''' FROM t", []),
        ("INSERT INTO t VALUES ('a.csv', 'b.csv')", []),
        ("ALTER TABLE t RENAME TO 'b.csv'", []),
        ('SELECT * FROM "my table"', []),
        ("SELECT 'from", []),
        ("", []),
    ],
)
def test_files(text: str, expected: list[tuple[str, int]]) -> None:
    """What a text scans, copies, exports and attaches is found, and what only looks like it is not."""
    assert expected == list(files_in(text))


@pytest.mark.parametrize(
    ("text", "parameters", "expected"),
    [
        ("FROM read_csv(?) WHERE a = ?", ["p.csv", 2], ["p.csv"]),
        ("FROM t, read_csv($2)", [1, "q.csv"], ["q.csv"]),
        ("FROM read_csv($1)", [["q.csv", "r.csv"]], ["q.csv", "r.csv"]),
        ("FROM read_csv([?, ?])", ["q.csv", "r.csv"], ["q.csv", "r.csv"]),
        ("FROM read_csv($file)", {"file": "q.csv"}, ["q.csv"]),
        ("FROM read_csv(?), read_csv($none)", [], []),
    ],
)
def test_parameters(text: str, parameters: object, expected: list[str]) -> None:
    """A file that is given as a parameter is found."""
    assert [(each, READ) for each in expected] == list(files_in(text, parameters))


@pytest.mark.parametrize(
    "part", ["'", '"', "(", "from ", "/*", "$a", "$a$", "$$", "from 'a.b',", "e'\\", "?", "from read_a("]
)
def test_long_text(part: str) -> None:
    """No text takes long, whatever is repeated in it."""
    text = f"from {part * (LONGEST // len(part))}"[:LONGEST]
    begun = time.process_time()

    for _ in files_in(text):
        pass

    assert time.process_time() - begun < 3
    assert [] == list(files_in(f"FROM 'a.csv' {' ' * LONGEST}"))
