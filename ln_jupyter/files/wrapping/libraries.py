"""Which functions of which libraries are handed files that Python's own `open` never sees: a table, and no more.

Each was seen to work with the library installed. What is not seen, and why:

- pyarrow.OSFile, the file systems of pyarrow.fs, pysam's files, and netCDF4.Dataset in some versions (1.6, 1.7.4): classes
  of C, which take no other method. xarray, which opens the last, is seen.
- What was imported by name before `header()`, as in `from pyarrow.parquet import read_table`: that name is the notebook's.
- cloud stores that a library reads by itself, where it is handed an object and no path.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ln_jupyter.files.access import READ, UPDATE, WRITE


class Point(NamedTuple):
    """A function, or a method as ``Class.method``, and which of its arguments is the file."""

    name: str
    """With a star at its end it is each that begins so, but for `Library.others`."""
    position: int
    keyword: str
    """Its name, or the names that it had in some version."""
    access: int
    """How the file is opened where no mode is said."""
    mode: tuple[int, str] | None = None
    """The position and name of the argument that is a mode, as in ``"r+"``, or true where it is only read."""
    kind: str = "path"
    """What the argument holds: a ``path``; ``url``, where paths are seen anyhow; ``sql``; a ``database``, which may be in
    memory; or ``remote``, a path of the file system that the method is called on."""


class Library(NamedTuple):
    """What is wrapped of one module."""

    name: str
    """As it is said to have read or written the file."""
    points: tuple[Point, ...]
    others: tuple[str, ...] = ()
    """Functions that begin as those wanted, and take no file."""
    finds_variables: bool = False
    """Whether it looks for variables where it is called."""


def _each(
    names: str, position: int, keyword: str, access: int, mode: tuple[int, str] | None = None
) -> tuple[Point, ...]:
    return tuple(Point(name, position, keyword, access, mode) for name in names.split())


def _of_kind(kind: str, names: str, position: int, keyword: str, access: int = READ) -> tuple[Point, ...]:
    return tuple(Point(name, position, keyword, access, kind=kind) for name in names.split())


def _duckdb(prefix: str) -> tuple[Point, ...]:
    readers = ("read_csv", "from_csv_auto", "read_json", "read_parquet", "from_parquet")
    return (
        *(Point(f"{prefix}{name}", 0, "path_or_buffer file_glob file_globs name", READ) for name in readers),
        *(Point(f"{prefix}{name}", 0, "query", READ, kind="sql") for name in ("sql", "query", "from_query", "execute")),
        Point(f"{prefix}executemany", 0, "query", READ, kind="sql"),
    )


_MODE = (1, "mode")
_PANDAS_FORMATS = ("csv", "excel", "hdf", "html", "json", "markdown", "pickle", "stata", "xml")
_NAMED = 99
"""The position of an argument that is never given by position."""

LIBRARIES: Final[dict[str, Library]] = {
    "cv2": Library(
        "cv2",
        (
            *_each("imread imreadmulti imreadanimation imreadWithMetadata", 0, "filename", READ),
            *_each("imwrite imwritemulti imwriteanimation imwriteWithMetadata", 0, "filename", WRITE),
            *_each("VideoCapture.__init__", 0, "filename", READ),
            *_each("VideoWriter.__init__", 0, "filename", WRITE),
        ),
    ),
    "duckdb": Library(
        "duckdb",
        (
            Point("connect", 0, "database", UPDATE, (1, "read_only"), "database"),
            *_duckdb(""),
            *_duckdb("DuckDBPyConnection."),
            *_of_kind("sql", "query_df", 2, "sql_query"),
            *_of_kind("sql", "DuckDBPyRelation.query", 1, "sql_query"),
            *_each("write_csv", 1, "filename", WRITE),
            *_each("DuckDBPyRelation.write_csv DuckDBPyRelation.to_csv", 0, "file_name", WRITE),
            *_each("DuckDBPyRelation.write_parquet DuckDBPyRelation.to_parquet", 0, "file_name", WRITE),
        ),
        finds_variables=True,
    ),
    "fsspec.spec": Library("fsspec", (Point("AbstractFileSystem.open", 0, "path", READ, _MODE, "remote"),)),
    "geopandas": Library(
        "geopandas",
        (
            *_each("read_file list_layers", 0, "filename", READ),
            *_each("GeoDataFrame.to_file GeoSeries.to_file", 0, "filename", WRITE, (4, "mode")),
        ),
    ),
    "h5py": Library("h5py", _each("File.__init__", 0, "name", READ, _MODE)),
    "lightgbm": Library(
        "lightgbm",
        (
            *_each("Booster.__init__", 2, "model_file", READ),
            *_each("Booster.save_model", 0, "filename", WRITE),
            *_each("Dataset.__init__", 0, "data", READ),
            *_each("Dataset.save_binary", 0, "filename", WRITE),
        ),
    ),
    "netCDF4": Library(
        "netCDF4",
        (*_each("Dataset.__init__", 0, "filename", READ, _MODE), *_each("MFDataset.__init__", 0, "files", READ)),
    ),
    "pandas": Library(
        "pandas",
        (
            *_each("read_feather read_orc read_parquet", 0, "path", READ),
            *_each("DataFrame.to_feather DataFrame.to_orc DataFrame.to_parquet", 0, "path", WRITE),
            *_of_kind("url", "read_*", 0, "filepath_or_buffer path_or_buf path_or_buffer path io"),
            *(
                Point(f"DataFrame.to_{each}", 0, "path_or_buf path_or_buffer path excel_writer buf", WRITE, kind="url")
                for each in _PANDAS_FORMATS
            ),
        ),
        (
            *("read_clipboard", "read_gbq", "read_sql", "read_sql_query", "read_sql_table"),
            *("read_feather", "read_orc", "read_parquet"),
        ),
    ),
    "polars": Library(
        "polars",
        (
            *_each("read_* scan_*", 0, "source", READ),
            *_each("DataFrame.write_*", 0, "file", WRITE),
            *_each("DataFrame.write_excel", 0, "workbook", WRITE),
            *_each("DataFrame.write_delta LazyFrame.sink_delta", 0, "target", UPDATE),
            *_each("LazyFrame.sink_*", 0, "path", WRITE),
            *_each("PartitionBy.__init__", 0, "base_path", WRITE),
        ),
        (
            *("read_clipboard", "read_database", "read_database_uri"),
            *("scan_arrow_c_stream", "scan_external_reader", "scan_iceberg", "scan_pyarrow_dataset"),
            *("write_clipboard", "write_database", "write_excel", "write_delta", "write_iceberg"),
            *("sink_batches", "sink_delta", "sink_iceberg"),
        ),
    ),
    "pyarrow": Library("pyarrow", _each("memory_map", 0, "path", READ, _MODE)),
    "pyarrow.csv": Library(
        "pyarrow",
        (
            *_each("read_csv open_csv", 0, "input_file", READ),
            *_each("write_csv", 1, "output_file", WRITE),
        ),
    ),
    "pyarrow.dataset": Library(
        "pyarrow",
        (
            *_each("dataset", 0, "source", READ),
            *_each("parquet_dataset", 0, "metadata_path", READ),
            *_each("write_dataset", 1, "base_dir", WRITE),
        ),
    ),
    "pyarrow.feather": Library(
        "pyarrow",
        (
            *_each("read_table read_feather", 0, "source", READ),
            *_each("write_feather", 1, "dest", WRITE),
        ),
    ),
    "pyarrow.ipc": Library(
        "pyarrow",
        (
            *_each("open_file open_stream", 0, "source", READ),
            *_each("new_file new_stream", 0, "sink", WRITE),
        ),
    ),
    "pyarrow.json": Library("pyarrow", _each("read_json open_json", 0, "input_file", READ)),
    "pyarrow.orc": Library(
        "pyarrow",
        (
            *_each("read_table ORCFile.__init__", 0, "source", READ),
            *_each("write_table", 1, "where", WRITE),
            *_each("ORCWriter.__init__", 0, "where", WRITE),
        ),
    ),
    "pyarrow.parquet": Library(
        "pyarrow",
        (
            *_each("read_table read_pandas ParquetFile.__init__", 0, "source", READ),
            *_each("read_schema read_metadata", 0, "where", READ),
            *_each("ParquetDataset.__init__", 0, "path_or_paths", READ),
            *_each("ParquetWriter.__init__", 0, "where", WRITE),
            *_each("write_table write_metadata", 1, "where", WRITE),
            *_each("write_to_dataset", 1, "root_path", WRITE),
        ),
    ),
    "pyogrio": Library(
        "pyogrio",
        (
            *_each("read_dataframe read_arrow open_arrow read_info read_bounds list_layers", 0, "path_or_buffer", READ),
            *_each("write_dataframe write_arrow", 1, "path", WRITE),
        ),
    ),
    "pyreadstat": Library(
        "pyreadstat",
        (
            *_each("read_*", 0, "filename_path", READ),
            *_each("write_*", 1, "dst_path", WRITE),
        ),
        ("read_file_in_chunks", "read_file_multiprocessing"),
    ),
    "rasterio": Library("rasterio", _each("open", 0, "fp", READ, _MODE)),
    "safetensors.numpy": Library(
        "safetensors", (*_each("load_file", 0, "filename", READ), *_each("save_file", 1, "filename", WRITE))
    ),
    "soundfile": Library("soundfile", _each("SoundFile.__init__", 0, "file", READ, _MODE)),
    "tables": Library("tables", _each("File.__init__", 0, "filename", READ, _MODE)),
    "xarray": Library(
        "xarray",
        (
            *_each("open_dataset open_dataarray load_dataset load_dataarray", 0, "filename_or_obj", READ),
            *_each("open_datatree load_datatree open_groups", 0, "filename_or_obj", READ),
            *_each("open_mfdataset", 0, "paths", READ),
            *_each("open_zarr", 0, "store", READ),
            *_each("save_mfdataset", 1, "paths", WRITE, (2, "mode")),
            *_each("Dataset.to_netcdf DataArray.to_netcdf", 0, "path", WRITE, _MODE),
            *_each("DataTree.to_netcdf", 0, "filepath", WRITE, _MODE),
            *_each("Dataset.to_zarr DataArray.to_zarr", 0, "store", WRITE, _MODE),
            *_each("DataTree.to_zarr", 0, "store", WRITE, _MODE),
        ),
    ),
    "zarr": Library(
        "zarr",
        (
            *_each("open open_group open_array group", 0, "store", UPDATE, _MODE),
            *_each("open_consolidated load", 0, "store", READ),
            *_each("save save_array save_group create_array create_group from_array", 0, "store", WRITE),
            *_each("create zeros ones empty full array", _NAMED, "store", WRITE),
        ),
    ),
}
"""By the name of the module whose import is awaited."""
