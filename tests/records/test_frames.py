"""Data frames keep the types of the columns."""

from __future__ import annotations

import datetime as dt

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns

pytestmark = pytest.mark.usefixtures("engine")

NOON = dt.datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=dt.UTC)


def test_pandas_keeps_nullable_integers_booleans_and_times() -> None:
    """Missing values make neither floats of integers nor objects of booleans."""
    ln.add([lns.Run(name="a", pid=2**30, git_dirty=True, started_at=NOON), lns.Run(name="b")])

    frame = ln.select(lns.Run).order_by(lns.Run.name).df()

    assert ["Int64", "boolean", "datetime64[us, UTC]"] == [
        str(frame[c].dtype) for c in ("pid", "git_dirty", "started_at")
    ]
    assert [2**30, True, NOON] == [frame[c].iloc[0] for c in ("pid", "git_dirty", "started_at")]


def test_an_empty_column_keeps_its_type() -> None:
    """A column without any value is not an object."""
    ln.add(lns.Run(name="a"))

    frame = ln.select(lns.Run).df()

    assert ["Int64", "datetime64[us, UTC]"] == [str(frame[c].dtype) for c in ("pid", "heard_at")]


def test_no_rows_keep_the_columns() -> None:
    """A frame without rows has its columns."""
    frame = ln.select(lns.Pipeline).df()

    assert ["name", "reference", "created_at", "created_by_id", "revision"] == list(frame.columns)
    assert ["id", "v"] == list(frame.index.names)


def test_pandas_is_indexed_by_the_key() -> None:
    """One column of the key makes an index, two a multi-index."""
    run = ln.add(lns.Run(name="a", pipeline=lns.Pipeline(name="p")))

    assert run.id == ln.select(lns.Run).df().index[0]
    assert (run.pipeline_id, "1") == ln.select(lns.Pipeline).df().index[0]


def test_polars_has_the_same_types() -> None:
    """Polars gets the types from the columns, not from the values."""
    import polars as pl

    ln.add([lns.Run(name="a", pid=1, git_dirty=True, started_at=NOON), lns.Run(name="b")])

    frame = ln.select(lns.Run).order_by(lns.Run.name).df(backend="polars")

    wanted = [pl.Int64, pl.Boolean, pl.Datetime("us", "UTC"), pl.Datetime("us", "UTC")]
    assert wanted == [frame.schema[c] for c in ("pid", "git_dirty", "started_at", "heard_at")]


def test_json_columns_stay_python() -> None:
    """A dict comes back as the dict it was."""
    ln.add(lns.Run(name="a", parameters={"alpha": [1, 2]}))

    assert ln.select(lns.Run).df()["parameters"].iloc[0] == {"alpha": [1, 2]}


def test_columns_and_pairs_of_entities() -> None:
    """Columns keep their names; two entities prefix theirs."""
    ln.add(lns.Run(name="a", pipeline=lns.Pipeline(name="p")))

    columns = ln.select(lns.Run.name, lns.Run.pid).df()
    pairs = ln.select(lns.Run, lns.Pipeline).join(lns.Run.pipeline).df()

    assert ["name", "pid"] == list(columns.columns)
    assert ["a", "p"] == [pairs["Run.name"][0], pairs["Pipeline.name"][0]]
    assert "pid" in pairs.columns


def test_columns_of_one_name_are_all_kept() -> None:
    """Two columns of one name are told apart by their classes, never dropped."""
    ln.add(lns.Run(name="a", pipeline=lns.Pipeline(name="p")))

    frame = ln.select(lns.Run.name, lns.Pipeline.name).join(lns.Pipeline).df()

    assert {"Run.name": ["a"], "Pipeline.name": ["p"]} == frame.to_dict("list")


def test_a_frame_sees_what_the_block_added() -> None:
    """In a block, what was added and not committed is in the frame."""
    with ln.Session():
        ln.add(lns.Run(name="a"))

        assert len(ln.select(lns.Run).df()) == 1


def test_a_limit_and_an_order_hold() -> None:
    """The statement of the frame is the statement."""
    ln.add([lns.Run(name=name) for name in "cab"])

    assert ["a", "b"] == list(ln.select(lns.Run).order_by(lns.Run.name).limit(2).df()["name"])
