"""Who wrote and read a file, by its content and by its path, the same in every kind of database."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter.schema as lns
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.queries import files, lineage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = dt.datetime(2026, 11, 27, 14, 35, tzinfo=dt.UTC)


def at(minutes: float) -> dt.datetime:
    return NOW + dt.timedelta(minutes=minutes)


def content(name: str, size: int = 10) -> lns.File:
    return lns.File(id=name, name=name, hash=name[0] * 64, size=size, created_at=NOW)


def run(name: str, minutes: float, *seen: lns.RunFile, **fields: Any) -> lns.Run:
    """Make a run with its links, as the recorder fills them."""
    for position, each in enumerate(seen, 1):
        each.position = position
    facts = {
        "id": name,
        "host": "wren",
        "started_at": at(minutes),
        "created_at": at(minutes),
        "path": f"/lab/{name}.ipynb",
    }
    made = lns.Run(**(facts | fields), files=list(seen))
    made.inputs = [each.file for each in seen if each.file is not None and each.role == "input"]
    made.outputs = [each.file for each in seen if each.file is not None and each.role == "output"]
    return made


def read(path: str, file: lns.File | None, **fields: Any) -> lns.RunFile:
    size = None if file is None else file.size
    return lns.RunFile(
        **({"role": "input", "kind": "file", "via": "open", "size": size} | fields), path=path, file=file
    )


def wrote(path: str, file: lns.File | None, **fields: Any) -> lns.RunFile:
    return read(path, file, **({"role": "output"} | fields))


@pytest.fixture
def fill(engine: sa.Engine) -> Callable[..., None]:
    def add(*records: object) -> None:
        with OrmSession(engine) as session:
            session.add_all(records)
            session.commit()

    return add


@pytest.fixture
def connection(engine: sa.Engine, fill: object) -> Iterator[sa.Connection]:
    with engine.connect() as connection:
        yield connection


def ids(found: list[dict[str, Any]], role: str | None = None) -> list[str]:
    return [row["run_id"] for row in found if role is None or role == row["role"]]


def of_content(connection: sa.Connection, name: str, *, path: str = "/lab/x", limit: int = 9) -> list[dict[str, Any]]:
    return files.of_content(connection, name[0] * 64, 10, host="wren", paths=[path], limit=limit)


def test_who_wrote_and_read_a_content(fill: Callable[..., None], connection: sa.Connection) -> None:
    """A content leads to the runs that wrote and read it, wherever it lay, the newest first, with user and cell."""
    pred = content("pred")
    cell = lns.ExecutedCell(position=7, number=6, started_at=at(1))
    ann = lns.User(id="ann00000", handle="ann")
    first = run("first", 0, wrote("/lab/pred.csv", pred, cell=7), cells=[cell], created_by=ann)
    fill(first, run("again", 5, wrote("/tmp/p.csv", pred)), run("plot", 9, read("/else/p.csv", pred)))

    found = of_content(connection, "pred")

    assert (["again", "first"], ["plot"]) == (ids(found, "output"), ids(found, "input"))
    (told,) = (row for row in found if row["run_id"] == "first")
    assert ("ann", 6, at(1), "/lab/first.ipynb", 2) == (
        told["user"], told["number"], told["at"], told["run_path"], told["total"]
    )  # fmt: skip


def test_what_was_written_here_comes_first(fill: Callable[..., None], connection: sa.Connection) -> None:
    """Of several runs that wrote one content, those that wrote it at this path of this host come first."""
    pred = content("pred")
    fill(
        run("here", 0, wrote("/lab/pred.csv", pred)),
        run("other_path", 5, wrote("/lab/copy.csv", pred)),
        run("other_host", 9, wrote("/lab/pred.csv", pred), host="robin"),
    )

    assert ["here", "other_host", "other_path"] == ids(of_content(connection, "pred", path="/lab/pred.csv"))
    assert ["here"] == ids(of_content(connection, "pred", path="/lab/pred.csv", limit=1))


def test_one_hash_of_two_sizes(fill: Callable[..., None], connection: sa.Connection) -> None:
    """The size belongs to the content; a record that somebody has added without it is found by its hash."""
    other, by_hand = content("pred_longer", size=11), content("pred_by_hand")
    by_hand.size = None
    fill(
        run("right", 0, wrote("/a", content("pred"))),
        run("wrong", 1, wrote("/b", other)),
        run("known", 2, wrote("/c", by_hand)),
    )

    assert ["known", "right"] == ids(of_content(connection, "pred"))


def test_links_by_hand(fill: Callable[..., None], connection: sa.Connection) -> None:
    """What somebody has linked to a run is found too, as stated, and once where the recorder has seen it."""
    pred = content("pred")
    by_hand = run("by_hand", 1)
    by_hand.outputs = [pred]
    fill(run("seen", 0, wrote("/lab/pred.csv", pred), read("/lab/pred.csv", pred)), by_hand)

    found = of_content(connection, "pred")

    assert [("by_hand", "stated", "pred"), ("seen", "open", "/lab/pred.csv")] == [
        (row["run_id"], row["via"], row["path"]) for row in found if row["role"] == "output"
    ]
    assert [["input"], ["output", "output"]] == [
        sorted(row["role"] for row in found if row["role"] == role) for role in ("input", "output")
    ]
    assert [("output", None)] == [(row["role"], row["position"]) for row in files.of_run(connection, "by_hand")]


def test_earlier_contents_of_a_path(fill: Callable[..., None], connection: sa.Connection) -> None:
    """A path leads to each content that it held, once, by its newest run; another host's path is another file."""
    old, new = content("old"), content("new")
    fill(
        run("r1", 1, wrote("/lab/p.csv", old)),
        run("r2", 2, wrote("/lab/p.csv", old)),
        run("r3", 3, wrote("/lab/p.csv", new)),
        run("r4", 4, wrote("/lab/p.csv", None, size=99, reason="too large")),
        run("r5", 5, wrote("/lab/p.csv", None, size=98, reason="too large")),
        run("r6", 6, wrote("/lab/p.csv", None, size=98, reason="too large")),
        run("else", 9, wrote("/lab/p.csv", content("third")), host="robin"),
        run("reader", 7, read("/lab/p.csv", old)),
    )

    found = files.of_path(connection, host="wren", paths=["/lab/p.csv"], limit=9)

    assert (["r6", "r4", "r3", "r2"], ["reader"]) == (ids(found, "output"), ids(found, "input"))
    assert {"output": 4, "input": 1} == {row["role"]: row["total"] for row in found}
    everywhere = files.of_path(connection, host=None, paths=["/lab/p.csv"], limit=9)
    assert "else" == ids(everywhere, "output")[0]


def test_a_file_by_its_size_and_time(fill: Callable[..., None], connection: sa.Connection) -> None:
    """Where no content is known, the path with the same size and time leads to runs; with another time it does not."""
    fill(
        run("r1", 1, wrote("/lab/big", None, size=99, modified_at=at(1))),
        run("r2", 2, read("/lab/big", None, size=99, modified_at=at(1))),
        run("r3", 3, wrote("/lab/big", None, size=99, modified_at=at(3))),
        run("r4", 4, wrote("/lab/big", content("known"), size=99, modified_at=at(1))),
    )

    found = files.of_state(connection, host="wren", paths=["/lab/big"], size=99, modified_at=at(1), limit=9)

    assert ["r2", "r1"] == ids(found)


def test_where_a_content_was_seen(fill: Callable[..., None], connection: sa.Connection) -> None:
    """Each place of a content is there once, the last seen first, and how many there are."""
    pred = content("pred")
    fill(
        run("r1", 1, wrote("/a", pred), read("/c", pred)),
        run("r2", 2, read("/b", pred)),
        run("r3", 3, read("/a", pred)),
        run("r4", 4, read("/a", pred), host="robin"),
    )

    found = files.places(connection, "p" * 64, 10, limit=3)

    assert [("robin", "/a", 4), ("wren", "/a", 4), ("wren", "/b", 4)] == [
        (row["host"], row["path"], row["total"]) for row in found
    ]


def test_the_runs_before_in_a_process(fill: Callable[..., None], connection: sa.Connection) -> None:
    """A run goes on from those before it, in order; a circle, which an edit by hand can make, ends."""
    fill(run("r1", 1), run("r2", 2, continues_id="r1"), run("r3", 3, continues_id="r2"), run("other", 3))

    assert ["r3", "r2", "r1"] == files.chain(connection, "r3")
    connection.execute(sa.update(lns.Run).values(continues_id="r3").where(lns.Run.id == "r1"))
    assert ["r3", "r2", "r1"] == files.chain(connection, "r3")
    connection.rollback()


def test_who_wrote_what_a_run_read(fill: Callable[..., None], connection: sa.Connection) -> None:
    """The writer of an input is the last one until then: one that wrote the same later is not what was read."""
    clean = content("clean")
    fill(
        run("r1", 1, wrote("/a", clean)),
        run("r2", 2, wrote("/a", clean)),
        run("r3", 3, read("/a", clean), wrote("/a", clean)),
        run("r4", 4, wrote("/a", clean)),
        run("later", 9, wrote("/b", content("only_later"))),
    )

    found = files.writers(connection, ["clean", "only_later", "raw"], before=at(3), other_than=["r3"])

    assert {"clean": "r2", "only_later": "later"} == {key: row["run_id"] for key, row in found.items()}


def test_what_runs_read_and_wrote(fill: Callable[..., None], connection: sa.Connection) -> None:
    """Of many runs at once, what some read and others wrote comes in order, cut for each, with how much there is."""
    made = [content(f"{letter}{number}") for letter in "xy" for number in range(3)]
    fill(run("x", 1, *(read(f"/x{n}", made[n]) for n in range(3)), wrote("/out", made[0])))
    fill(run("y", 2, *(wrote(f"/y{n}", made[3 + n]) for n in range(3)), read("/in", made[0])))

    found = files.of_runs(connection, reading=["x"], writing=["y"], limit=2)

    assert [("x", "/x0", 3), ("x", "/x1", 3), ("y", "/y0", 3), ("y", "/y1", 3)] == [
        (row["run_id"], row["path"], row["total"]) for row in found
    ]
    assert ["/x0", "/x1", "/x2", "/out"] == [row["path"] for row in files.of_run(connection, "x")]


def test_runs_next_to_many_files(fill: Callable[..., None], connection: sa.Connection, statements: list[str]) -> None:
    """One statement gives the writers of some files and the readers of others: a second run of a notebook comes last."""
    a, b = content("a"), content("b")
    fill(
        run("w", 1, wrote("/a", a), wrote("/b", b)),
        run("r1", 2, read("/b", b), read("/a", a), path="/lab/plot.ipynb"),
        run("r2", 3, read("/b", b), path="/lab/plot.ipynb"),
        run("r3", 1, read("/b", b), path="/lab/other.ipynb"),
    )
    del statements[:]

    found = lineage.runs_of(connection, written=["a"], read=["b"], limit=9)

    assert 1 == len(statements)
    assert [("a", ["w"]), ("b", ["r2", "r3", "r1"])] == [
        (file, [row["run_id"] for row in found if row["file_id"] == file]) for file in ("a", "b")
    ]
    assert {"a": 1, "b": 3} == {row["file_id"]: row["total"] for row in found}


def test_runs_at_what_has_no_content(fill: Callable[..., None], connection: sa.Connection) -> None:
    """What is known by its name only, such as a table, leads to the runs that read and wrote it."""
    name = "postgresql://db/lab/growth"
    of_table = {"kind": "table", "via": "stated"}
    fill(
        run("w", 1, wrote(name, None, **of_table)),
        run("r", 2, read(name, None, **of_table)),
        run("n", 3, read("/a", None)),
    )

    found = lineage.runs_at(connection, [name], limit=9)

    assert [("input", "r"), ("output", "w")] == [(row["role"], row["run_id"]) for row in found]


def test_edges_between_what_is_there(fill: Callable[..., None], connection: sa.Connection) -> None:
    """Of runs and files that are there, all that they have to do with each other is one statement."""
    a, b, c = content("a"), content("b"), content("c")
    fill(run("r1", 1, read("/a", a), wrote("/b", b), read("url", None)), run("r2", 2, read("/a", a), read("/c", c)))

    found = lineage.between(connection, ["r1", "r2"], ["a", "b"])

    assert {("r1", "a"), ("r1", "b"), ("r1", None), ("r2", "a")} == {(row["run_id"], row["file_id"]) for row in found}


def test_runs_that_go_on(fill: Callable[..., None], connection: sa.Connection) -> None:
    """Runs are found by their ids, and by the one that they go on from."""
    fill(run("r1", 1), run("r2", 2, continues_id="r1"), run("r3", 3), run("r4", 4))

    assert ["r3", "r2"] == ids(lineage.runs(connection, ["r3"], after=["r1"]))
    assert [] == lineage.runs(connection, [])


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_what_has_no_content_is_not_gone_through(
    fill: Callable[..., None], engine: sa.Engine, statements: list[str]
) -> None:
    """No question goes by the index of contents to what has none, which may be half of all rows; nor by no index."""
    fill(run("r1", 1, read("/a", content("a")), wrote("url", None, kind="url")), run("r2", 2, continues_id="r1"))
    values: list[Any] = []
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _cur, _sql, given, *_: values.append(given))
    del statements[:]
    with engine.connect() as connection:
        files.of_run(connection, "r1")
        files.of_path(connection, host="wren", paths=["/a"], limit=5)
        files.of_state(connection, host="wren", paths=["/a"], size=1, modified_at=NOW, limit=5)
        files.places(connection, "a" * 64, 10, limit=5)
        files.chain(connection, "r2")
        files.writers(connection, ["a"], before=NOW, other_than=["r2"])
        of_content(connection, "a")
        lineage.runs_of(connection, written=["a"], read=["a"], limit=5)
        lineage.runs_at(connection, ["url"], limit=5)
        lineage.runs(connection, ["r1"], after=["r2"])
        lineage.between(connection, ["r1"], ["a"])
        asked = list(zip(statements, values, strict=True))

        plans = [
            (row[-1], sql)
            for sql, given in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given)
        ]

    assert len(asked) >= 11
    assert [] == [each for each in plans if each[0].startswith("SCAN ln_") or "ix_ln_run_file_file_id" in each[0]]
