"""Readers and writers of many libraries: each case prepares its files, then reads and writes; `python coverage_cases.py GROUP` runs them.

It prints of each what its run has read and written, and who saw that: ``{case: {"input": {file: via}, "output": {...}}}``.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Case(NamedTuple):
    """What a cell does, and the files that its run is to have read and written: these, and no others."""

    group: str
    needs: tuple[str, ...]
    run: Callable[[], Iterator[None]]
    reads: frozenset[str]
    writes: frozenset[str]
    via: frozenset[str]
    """Who saw them."""


class CannotBeSeenError(Exception):
    """This version of a library has classes that take no other methods."""


CASES: dict[str, Case] = {}


def case(  # noqa: PLR0913, PLR0917 - a table reads best by position
    name: str, group: str, reads: str, writes: str, via: str, needs: str = ""
) -> Callable[[Callable[[], Iterator[None]]], None]:
    """Add a case: what comes before its ``yield`` is preparation."""

    def add(run: Callable[[], Iterator[None]]) -> None:
        CASES[name] = Case(
            group,
            tuple(needs.split()),
            run,
            frozenset(reads.split()),
            frozenset(writes.split()),
            frozenset(via.split()),
        )

    return add


# Python itself


@case("open", "python", "a.txt", "b.txt", "open")
def _open() -> Iterator[None]:
    Path("a.txt").write_text("x")
    yield
    with open("a.txt") as file, open("b.txt", "w") as other:  # noqa: PTH123 - open itself is meant
        other.write(file.read())


@case("os.open", "python", "a.txt", "b.txt", "open")
def _os_open() -> Iterator[None]:
    Path("a.txt").write_text("x")
    yield
    for name, flags in (("a.txt", os.O_RDONLY), ("b.txt", os.O_WRONLY | os.O_CREAT)):
        os.close(os.open(name, flags))


@case("pathlib", "python", "a.txt", "b.txt", "open")
def _pathlib() -> Iterator[None]:
    Path("a.txt").write_text("x")
    yield
    Path("b.txt").write_text(Path("a.txt").read_text())


@case("a temporary file, then os.replace", "python", "", "b.txt", "open")
def _replace() -> Iterator[None]:
    yield
    Path("b.txt.tmp").write_text("x")
    os.replace("b.txt.tmp", "b.txt")  # noqa: PTH105 - os.replace itself is meant


@case("shutil.copy", "python", "a.txt", "b.txt", "open")
def _copy() -> Iterator[None]:
    Path("a.txt").write_text("x")
    yield
    shutil.copy("a.txt", "b.txt")


@case("gzip and json", "python", "a.json.gz", "b.json.gz", "open")
def _gzip() -> Iterator[None]:
    with gzip.open("a.json.gz", "wt") as file:
        json.dump({}, file)
    yield
    with gzip.open("a.json.gz", "rt") as file, gzip.open("b.json.gz", "wt") as other:
        json.dump(json.load(file), other)


@case("another program", "python", "", "b.txt", "snapshot")
def _program() -> Iterator[None]:
    yield
    subprocess.run(["cp", __file__, "b.txt"], check=True)


# numpy, pandas


@case("numpy save and load", "pandas", "a.npy", "b.npy", "open", "numpy")
def _numpy() -> Iterator[None]:
    import numpy as np

    np.save("a.npy", np.arange(9))
    yield
    np.save("b.npy", np.load("a.npy"))


@case("numpy memmap", "pandas", "a.npy", "", "open", "numpy")
def _memmap() -> Iterator[None]:
    import numpy as np

    np.save("a.npy", np.arange(9))
    yield
    np.load("a.npy", mmap_mode="r").sum()


@case("numpy tofile and fromfile", "pandas", "a.bin", "b.bin", "open", "numpy")
def _tofile() -> Iterator[None]:
    import numpy as np

    np.arange(9).tofile("a.bin")
    yield
    np.fromfile("a.bin").tofile("b.bin")


def _frame() -> Any:
    import pandas as pd

    return pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})


def _pandas(
    kind: str, suffix: str, *, needs: str = "pandas", reader: str = "", via: str = "open", **options: Any
) -> None:
    @case(f"pandas {reader or kind}", "pandas", f"a.{suffix}", f"b.{suffix}", via, needs)
    def _() -> Iterator[None]:
        import pandas as pd

        getattr(_frame(), f"to_{kind}")(f"a.{suffix}")
        yield
        getattr(getattr(pd, f"read_{kind}")(f"a.{suffix}", **options), f"to_{kind}")(f"b.{suffix}")


_pandas("csv", "csv")
_pandas("csv", "csv", reader="csv, engine python", engine="python")
_pandas("csv", "csv", reader="csv, engine pyarrow", engine="pyarrow", needs="pandas pyarrow")
_pandas("csv", "csv.gz", reader="csv.gz")
_pandas("json", "json")
_pandas("pickle", "pkl")
_pandas("excel", "xlsx", needs="pandas openpyxl")
_pandas("feather", "feather", via="pandas", needs="pandas pyarrow")
_pandas("parquet", "parquet", via="pandas", needs="pandas pyarrow")
_pandas("orc", "orc", via="pandas", needs="pandas pyarrow")


@case("pandas, a folder of parquet files", "pandas", "d", "e", "pandas", "pandas pyarrow")
def _partitioned() -> Iterator[None]:
    import pandas as pd

    _frame().to_parquet("d", partition_cols=["b"])
    yield
    pd.read_parquet("d").to_parquet("e", partition_cols=["b"])


@case("pandas hdf", "pandas", "a.h5", "b.h5", "pandas", "pandas tables")
def _hdf() -> Iterator[None]:
    import pandas as pd

    _frame().to_hdf("a.h5", key="x", mode="w")
    yield
    pd.read_hdf("a.h5", key="x").to_hdf("b.h5", key="x", mode="w")


@case("pandas, a URL", "pandas", "memory://m/a.csv", "memory://m/b.csv", "pandas", "pandas fsspec")
def _pandas_url() -> Iterator[None]:
    import pandas as pd

    _frame().to_csv("memory://m/a.csv")
    yield
    pd.read_csv("memory://m/a.csv").to_csv(path_or_buf="memory://m/b.csv")


@case("fsspec, a URL", "pandas", "memory://m/a.csv", "memory://m/b.csv", "fsspec", "fsspec")
def _fsspec() -> Iterator[None]:
    import fsspec

    with fsspec.open("memory://m/a.csv", "w") as file:
        file.write("x")
    yield
    with fsspec.open("memory://m/a.csv", "r") as file, fsspec.open("memory://m/b.csv", "w") as other:
        other.write(file.read())


@case("fsspec, a local file", "pandas", "a.txt", "b.txt", "open", "fsspec")
def _fsspec_local() -> Iterator[None]:
    import fsspec

    Path("a.txt").write_text("x")
    folder = Path.cwd().as_uri()
    yield
    with fsspec.open(f"{folder}/a.txt", "r") as file, fsspec.open(f"{folder}/b.txt", "w") as other:
        other.write(file.read())


@case("joblib", "pandas", "a.joblib", "b.joblib", "open", "joblib numpy")
def _joblib() -> Iterator[None]:
    import joblib

    joblib.dump({"a": 1}, "a.joblib")
    yield
    joblib.dump(joblib.load("a.joblib"), "b.joblib")


@case("matplotlib savefig", "pandas", "", "b.png", "open", "matplotlib")
def _savefig() -> Iterator[None]:
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    yield
    plt.plot([1, 2])
    plt.savefig("b.png")


@case("PIL", "pandas", "a.png", "b.png", "open", "PIL")
def _pil() -> Iterator[None]:
    from PIL import Image

    Image.new("RGB", (4, 4)).save("a.png")
    yield
    with Image.open("a.png") as image:
        image.save("b.png")


@case("scipy savemat", "pandas", "a.mat", "b.mat", "open", "scipy")
def _savemat() -> Iterator[None]:
    import scipy.io

    scipy.io.savemat("a.mat", {"x": [1]})
    yield
    scipy.io.savemat("b.mat", {"x": scipy.io.loadmat("a.mat")["x"]})


# pyarrow


def _table() -> Any:
    import pyarrow as pa

    return pa.table({"a": [1, 2], "b": ["x", "y"]})


@case("pyarrow parquet", "pyarrow", "a.parquet", "b.parquet", "pyarrow", "pyarrow")
def _parquet() -> Iterator[None]:
    import pyarrow.parquet as pq

    pq.write_table(_table(), "a.parquet")
    yield
    pq.write_table(pq.read_table("a.parquet"), where="b.parquet")


@case("pyarrow ParquetFile and ParquetWriter", "pyarrow", "a.parquet", "b.parquet", "pyarrow", "pyarrow")
def _parquet_file() -> Iterator[None]:
    import pyarrow.parquet as pq

    pq.write_table(_table(), "a.parquet")
    yield
    with (
        pq.ParquetFile("a.parquet", memory_map=True) as file,
        pq.ParquetWriter("b.parquet", file.schema_arrow) as other,
    ):
        other.write_table(file.read())


@case("pyarrow, what is said of a parquet file", "pyarrow", "a.parquet b.parquet", "", "pyarrow", "pyarrow")
def _parquet_metadata() -> Iterator[None]:
    import pyarrow.parquet as pq

    pq.write_table(_table(), "a.parquet")
    pq.write_table(_table(), "b.parquet")
    yield
    pq.read_schema("a.parquet")
    pq.read_metadata("b.parquet")


@case("pyarrow ParquetDataset and write_to_dataset", "pyarrow", "a.parquet c.parquet", "d", "pyarrow", "pyarrow")
def _parquet_dataset() -> Iterator[None]:
    import pyarrow.parquet as pq

    pq.write_table(_table(), "a.parquet")
    pq.write_table(_table(), "c.parquet")
    yield
    pq.write_to_dataset(pq.ParquetDataset(["a.parquet", "c.parquet"]).read(), "d")


@case("pyarrow dataset", "pyarrow", "d", "e", "pyarrow", "pyarrow")
def _dataset() -> Iterator[None]:
    import pyarrow.dataset as ds

    ds.write_dataset(_table(), "d", format="parquet")
    yield
    ds.write_dataset(ds.dataset("d", format="parquet"), base_dir=Path("e"), format="parquet")


@case("pyarrow csv", "pyarrow", "a.csv c.csv", "b.csv", "pyarrow", "pyarrow")
def _arrow_csv() -> Iterator[None]:
    from pyarrow import csv

    csv.write_csv(_table(), "a.csv")
    csv.write_csv(_table(), "c.csv")
    yield
    csv.write_csv(csv.read_csv("a.csv"), "b.csv")
    csv.open_csv("c.csv").close()


@case("pyarrow json", "pyarrow", "a.json", "", "pyarrow", "pyarrow")
def _arrow_json() -> Iterator[None]:
    import pyarrow.json

    Path("a.json").write_text('{"a": 1}\n')
    yield
    pyarrow.json.read_json("a.json")


@case("pyarrow feather", "pyarrow", "a.feather c.feather", "b.feather", "pyarrow", "pyarrow")
def _feather() -> Iterator[None]:
    from pyarrow import feather

    feather.write_feather(_table(), "a.feather")
    feather.write_feather(_table(), "c.feather")
    yield
    feather.write_feather(feather.read_table("a.feather"), dest="b.feather")
    feather.read_feather("c.feather")


@case("pyarrow orc", "pyarrow", "a.orc c.orc", "b.orc", "pyarrow", "pyarrow")
def _orc() -> Iterator[None]:
    from pyarrow import orc

    orc.write_table(_table(), "a.orc")
    orc.write_table(_table(), "c.orc")
    yield
    orc.write_table(orc.read_table("a.orc"), "b.orc")
    orc.ORCFile("c.orc").read()


@case("pyarrow ipc and memory_map", "pyarrow", "a.arrow c.arrow", "b.arrow", "pyarrow", "pyarrow")
def _ipc() -> Iterator[None]:
    import pyarrow as pa

    for name in ("a.arrow", "c.arrow"):
        with pa.ipc.new_file(name, _table().schema) as writer:
            writer.write_table(_table())
    yield
    table = pa.ipc.open_file("a.arrow").read_all()
    with pa.ipc.new_file("b.arrow", table.schema) as writer:
        writer.write_table(table)
    with pa.memory_map("c.arrow") as source:
        pa.ipc.open_file(source).read_all()


@case("pyarrow, in a file system", "pyarrow", "a.parquet", "b.parquet", "pyarrow", "pyarrow")
def _in_file_system() -> Iterator[None]:
    import pyarrow.parquet as pq
    from pyarrow import fs

    pq.write_table(_table(), "a.parquet")
    yield
    pq.write_table(
        pq.read_table("a.parquet", filesystem=fs.LocalFileSystem()), "b.parquet", filesystem=fs.LocalFileSystem()
    )


@case("pyarrow OSFile", "pyarrow", "", "", "", "pyarrow")
def _osfile() -> Iterator[None]:
    import pyarrow as pa

    Path("a.txt").write_text("x")
    yield
    with pa.OSFile("a.txt") as file, pa.OSFile("b.txt", "wb") as other:
        other.write(file.read())


# polars


def _polars(kind: str, suffix: str, *, needs: str = "polars") -> None:
    @case(f"polars {kind}", "polars", f"a.{suffix}", f"b.{suffix}", "polars", needs)
    def _() -> Iterator[None]:
        import polars as pl

        getattr(pl.DataFrame({"a": [1, 2]}), f"write_{kind}")(f"a.{suffix}")
        yield
        getattr(getattr(pl, f"read_{kind}")(f"a.{suffix}"), f"write_{kind}")(f"b.{suffix}")


for _kind in ("csv", "parquet", "ipc", "ipc_stream", "json", "ndjson", "avro"):
    _polars(_kind, _kind)
_polars("excel", "xlsx", needs="polars xlsxwriter fastexcel")


def _lazy(kind: str) -> None:
    @case(f"polars scan and sink {kind}", "polars", f"a.{kind} c.parquet", f"b.{kind}", "polars", "polars")
    def _() -> Iterator[None]:
        import polars as pl

        getattr(pl.DataFrame({"a": [1, 2]}), f"write_{kind}")(f"a.{kind}")
        pl.DataFrame({"a": [1, 2]}).write_parquet("c.parquet")
        yield
        getattr(pl, f"scan_{kind}")(f"a.{kind}").filter(pl.col("a") > 1).collect()
        getattr(pl.scan_parquet("c.parquet"), f"sink_{kind}")(f"b.{kind}")


for _kind in ("csv", "parquet", "ipc", "ndjson"):
    _lazy(_kind)


@case("polars, a pattern", "polars", "x1.csv x2.csv", "", "polars", "polars")
def _pattern() -> Iterator[None]:
    import polars as pl

    pl.DataFrame({"a": [1]}).write_csv("x1.csv")
    pl.DataFrame({"a": [2]}).write_csv("x2.csv")
    yield
    pl.scan_csv("x*.csv").collect()


@case("polars, a list, by name", "polars", "x1.parquet x2.parquet", "", "polars", "polars")
def _listed() -> Iterator[None]:
    import polars as pl

    pl.DataFrame({"a": [1]}).write_parquet("x1.parquet")
    pl.DataFrame({"a": [2]}).write_parquet("x2.parquet")
    yield
    pl.read_parquet(source=["x1.parquet", Path("x2.parquet")])


@case("polars, what is no path", "polars", "", "", "", "polars")
def _no_path() -> Iterator[None]:
    import io

    import polars as pl

    yield
    text = pl.DataFrame({"a": [1]}).write_csv()
    pl.read_csv(text.encode())
    pl.read_csv(io.StringIO(text))
    pl.DataFrame({"a": [1]}).write_parquet(io.BytesIO())


# arrays


@case("h5py", "arrays", "a.h5", "b.h5", "h5py", "h5py")
def _h5py() -> Iterator[None]:
    import h5py

    with h5py.File("a.h5", "w") as file:
        file["x"] = [1, 2]
    yield
    with h5py.File("a.h5") as file, h5py.File("b.h5", mode="w") as other:
        other["x"] = file["x"][:]


@case("h5py, in place", "arrays", "a.h5", "a.h5", "h5py", "h5py")
def _h5py_update() -> Iterator[None]:
    import h5py

    with h5py.File("a.h5", "w") as file:
        file["x"] = [1, 2]
    yield
    with h5py.File(name="a.h5", mode="r+") as file:
        file["y"] = file["x"][:]


@case("anndata h5ad", "anndata", "a.h5ad", "b.h5ad", "h5py", "anndata")
def _h5ad() -> Iterator[None]:
    import anndata
    import numpy as np

    anndata.AnnData(np.eye(3)).write_h5ad("a.h5ad")
    yield
    anndata.read_h5ad("a.h5ad").write_h5ad("b.h5ad")


@case("anndata zarr", "anndata", "a.zarr", "b.zarr", "zarr", "anndata zarr")
def _anndata_zarr() -> Iterator[None]:
    import anndata
    import numpy as np

    anndata.AnnData(np.eye(3)).write_zarr("a.zarr")
    yield
    anndata.read_zarr("a.zarr").write_zarr("b.zarr")


@case("zarr", "arrays", "a.zarr", "b.zarr", "zarr", "zarr")
def _zarr() -> Iterator[None]:
    import numpy as np
    import zarr

    zarr.save("a.zarr", np.arange(4))
    yield
    zarr.save("b.zarr", zarr.load("a.zarr"))


@case("zarr open", "arrays", "a.zarr", "b.zarr c.zarr", "zarr", "zarr")
def _zarr_open() -> Iterator[None]:
    import numpy as np
    import zarr

    zarr.save("a.zarr", np.arange(4))
    yield
    values = zarr.open("a.zarr", mode="r")[:]
    zarr.open_group("b.zarr", mode="w")
    zarr.open_array(store="c.zarr", mode="w", shape=values.shape, dtype=values.dtype)[:] = values


@case("zarr, in place", "arrays", "a.zarr", "a.zarr b.zarr", "zarr", "zarr")
def _zarr_update() -> Iterator[None]:
    import numpy as np
    import zarr

    zarr.save("a.zarr", np.arange(4))
    yield
    zarr.open("a.zarr")[:] = np.arange(4) * 2
    zarr.open_group("b.zarr")


def _dataset_of_xarray() -> Any:
    import xarray as xr

    return xr.Dataset({"t": ("x", [1.0, 2.0])})


def _xarray(engine: str) -> None:
    @case(f"xarray, engine {engine}", "xarray", "a.nc", "b.nc", "xarray", f"xarray {engine}")
    def _() -> Iterator[None]:
        import xarray as xr

        _dataset_of_xarray().to_netcdf("a.nc", engine=engine)
        yield
        with xr.open_dataset("a.nc", engine=engine) as found:
            found.to_netcdf("b.nc", engine=engine)


for _engine in ("netCDF4", "h5netcdf"):
    _xarray(_engine.lower() if _engine == "netCDF4" else _engine)
CASES["xarray, engine netcdf4"] = CASES["xarray, engine netcdf4"]._replace(needs=("xarray", "netCDF4"))


@case("xarray, many files", "xarray", "x1.nc x2.nc", "c.nc d.nc", "xarray", "xarray netCDF4 dask")
def _many() -> Iterator[None]:
    import xarray as xr

    for name in ("x1.nc", "x2.nc"):
        _dataset_of_xarray().to_netcdf(name)
    yield
    with xr.open_mfdataset("x*.nc", concat_dim="n", combine="nested") as found:
        xr.save_mfdataset([found.load(), found], ["c.nc", "d.nc"])


@case("xarray zarr", "xarray", "a.zarr", "b.zarr", "xarray", "xarray zarr")
def _xarray_zarr() -> Iterator[None]:
    import xarray as xr

    _dataset_of_xarray().to_zarr("a.zarr")
    yield
    found = xr.open_zarr("a.zarr")
    found["t"].encoding.clear()
    found.to_zarr("b.zarr", mode="w")


@case("netCDF4", "xarray", "a.nc", "b.nc", "netCDF4", "netCDF4")
def _netcdf4() -> Iterator[None]:
    import netCDF4

    try:
        netCDF4.Dataset.__init__ = netCDF4.Dataset.__init__
    except TypeError as error:
        raise CannotBeSeenError(str(error)) from None
    netCDF4.Dataset("a.nc", "w").close()
    yield
    with netCDF4.Dataset("a.nc"), netCDF4.Dataset("b.nc", mode="w"):
        pass


# databases


@case("sqlite3", "duckdb", "", "a.db", "sqlite3")
def _sqlite() -> Iterator[None]:
    import sqlite3

    yield
    with contextlib.closing(sqlite3.connect("a.db")) as connection:  # an event of its own tells of it
        connection.execute("CREATE TABLE t (a)")


@case("duckdb SQL", "duckdb", "a.csv", "b.parquet", "duckdb", "duckdb")
def _duckdb_sql() -> Iterator[None]:
    import duckdb

    Path("a.csv").write_text("a\n1\n")
    yield
    duckdb.sql("COPY (SELECT * FROM 'a.csv') TO 'b.parquet' (FORMAT parquet)")


@case("duckdb SQL, a connection", "duckdb", "a.csv c.csv", "a.db b.csv", "duckdb", "duckdb")
def _duckdb_connection() -> Iterator[None]:
    import duckdb

    Path("a.csv").write_text("a\n1\n")
    Path("c.csv").write_text("a\n1\n")
    yield
    with duckdb.connect("a.db") as connection:
        connection.execute("CREATE TABLE t AS SELECT * FROM read_csv(?)", ["a.csv"])
        connection.execute("COPY t FROM 'c.csv'").execute("COPY t TO 'b.csv'")


@case("duckdb functions", "duckdb", "a.csv a.parquet a.json", "b.csv b.parquet", "duckdb", "duckdb")
def _duckdb_functions() -> Iterator[None]:
    import duckdb

    Path("a.csv").write_text("a\n1\n")
    Path("a.json").write_text('{"a": 1}\n')
    duckdb.sql("COPY (SELECT 1 AS a) TO 'a.parquet'")
    yield
    duckdb.read_csv("a.csv").write_csv("b.csv")
    connection = duckdb.connect()
    connection.read_parquet("a.parquet").to_parquet("b.parquet")
    duckdb.read_json("a.json").fetchall()


@case("duckdb, a data frame of the caller", "duckdb", "", "", "", "duckdb pandas")
def _duckdb_frame() -> Iterator[None]:
    import duckdb

    frame = _frame()
    yield
    assert [(3,)] == duckdb.sql("SELECT count(*) FROM frame").fetchall()
    assert [(3,)] == duckdb.connect().execute("SELECT count(*) FROM frame").fetchall()
    del frame


# places and pictures


@case(
    "geopandas", "places", "a.gpkg a.parquet", "b.geojson b.parquet", "geopandas pyarrow", "geopandas pyogrio pyarrow"
)
def _geopandas() -> Iterator[None]:
    import geopandas

    places = geopandas.GeoDataFrame({"a": [1]}, geometry=geopandas.points_from_xy([1], [2]), crs="EPSG:4326")
    places.to_file("a.gpkg")
    places.to_parquet("a.parquet")
    yield
    geopandas.read_file("a.gpkg").to_file("b.geojson", driver="GeoJSON")
    geopandas.read_parquet("a.parquet").to_parquet("b.parquet")


@case("pyogrio", "places", "a.gpkg", "b.gpkg", "pyogrio", "geopandas pyogrio")
def _pyogrio() -> Iterator[None]:
    import geopandas
    import pyogrio

    places = geopandas.GeoDataFrame({"a": [1]}, geometry=geopandas.points_from_xy([1], [2]), crs="EPSG:4326")
    pyogrio.write_dataframe(places, "a.gpkg")
    yield
    pyogrio.write_dataframe(pyogrio.read_dataframe("a.gpkg"), "b.gpkg")


@case("rasterio", "places", "a.tif", "b.tif", "rasterio", "rasterio")
def _rasterio() -> Iterator[None]:
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    shape = {
        "driver": "GTiff",
        "width": 2,
        "height": 2,
        "count": 1,
        "dtype": "uint8",
        "transform": from_origin(0, 0, 1, 1),
    }
    with rasterio.open("a.tif", "w", **shape) as file:
        file.write(np.ones((1, 2, 2), "uint8"))
    yield
    with rasterio.open("a.tif") as file, rasterio.open("b.tif", mode="w", **shape) as other:
        other.write(file.read())


@case("cv2", "places", "a.png", "b.png", "cv2", "cv2")
def _cv2() -> Iterator[None]:
    import cv2
    import numpy as np

    cv2.imwrite("a.png", np.zeros((4, 4, 3), "uint8"))
    yield
    cv2.imwrite("b.png", cv2.imread("a.png"))


@case("cv2 video", "places", "a.avi", "b.avi", "cv2", "cv2")
def _video() -> Iterator[None]:
    import cv2
    import numpy as np

    def write(name: str) -> None:
        video = cv2.VideoWriter(name, cv2.VideoWriter_fourcc(*"MJPG"), 10, (16, 16))
        video.write(np.zeros((16, 16, 3), "uint8"))
        video.release()

    write("a.avi")
    yield
    cv2.VideoCapture("a.avi").read()
    write("b.avi")


@case("soundfile", "places", "a.wav", "b.wav", "soundfile", "soundfile")
def _soundfile() -> Iterator[None]:
    import numpy as np
    import soundfile

    soundfile.write("a.wav", np.zeros(9), 8000)
    yield
    soundfile.write("b.wav", *soundfile.read("a.wav"))


@case("pyreadstat", "places", "a.sav", "b.sav", "pyreadstat", "pyreadstat pandas")
def _pyreadstat() -> Iterator[None]:
    import pyreadstat

    pyreadstat.write_sav(_frame(), "a.sav")
    yield
    pyreadstat.write_sav(pyreadstat.read_sav("a.sav")[0], "b.sav")


@case("safetensors", "places", "a.safetensors", "b.safetensors", "safetensors", "safetensors numpy")
def _safetensors() -> Iterator[None]:
    import numpy as np
    import safetensors.numpy as st

    st.save_file({"a": np.zeros(3)}, "a.safetensors")
    yield
    st.save_file(st.load_file("a.safetensors"), "b.safetensors")


@case("lightgbm", "places", "a.txt a.csv", "b.txt", "lightgbm", "lightgbm")
def _lightgbm() -> Iterator[None]:
    import lightgbm
    import numpy as np

    data = lightgbm.Dataset(np.arange(40.0).reshape(40, 1), np.arange(40) % 2)
    lightgbm.train({"verbose": -1, "objective": "binary"}, data, 1).save_model("a.txt")
    Path("a.csv").write_text("".join(f"{n % 2},{n}\n" for n in range(40)))
    yield
    lightgbm.Booster(model_file="a.txt").save_model("b.txt")
    lightgbm.Dataset("a.csv", params={"verbose": -1}).construct()


@case("tables", "places", "a.h5", "b.h5", "tables", "tables")
def _tables() -> Iterator[None]:
    import tables

    tables.open_file("a.h5", "w").close()
    yield
    tables.open_file("a.h5").close()
    tables.open_file("b.h5", mode="w").close()


def _rows(folder: str, cell: float, run: Callable[[], object]) -> dict[str, dict[str, str]]:
    """Run a cell, and return what the run comes to have read and written, each with who saw it."""
    from ln_jupyter.files import audit
    from ln_jupyter.files.ledger import Ledger
    from ln_jupyter.files.noise import Noise

    audit.LOG.begin_cell(cell)
    audit.LOG.take()
    run()
    audit.LOG.end_cell()
    ledger = Ledger(Noise(folder, own=()), folder)
    ledger.take(audit.LOG.take())
    ledger.settle(set(), is_last=True, is_over=lambda: False)
    rows: dict[str, dict[str, str]] = {"input": {}, "output": {}}
    for row in ledger.rows:
        rows[row.role][row.path.removeprefix(folder + os.sep)] = row.via
    return rows


def main(group: str) -> None:
    """Run the cases of a group whose libraries are installed, and print what the run comes to have read and written."""
    from ln_jupyter.files import audit
    from ln_jupyter.files.wrapping import wrappers

    audit.start()
    wrappers.install(audit.LOG.note)
    found: dict[str, Any] = {}
    for number, (name, each) in enumerate(CASES.items(), 1):
        if each.group != group or any(importlib.util.find_spec(need) is None for need in each.needs):
            continue
        folder = os.path.realpath(tempfile.mkdtemp())
        os.chdir(folder)
        steps = each.run()
        try:
            next(steps)
        except CannotBeSeenError as error:
            found[name] = str(error)
            continue
        for path in Path(folder).rglob("*"):  # what was there before the cell is older than it
            os.utime(path, (1, 1))
        found[name] = _rows(folder, float(number), lambda steps=steps: next(steps, None))
        os.chdir("/")
        shutil.rmtree(folder)
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
