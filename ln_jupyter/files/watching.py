"""Begin and end to see what this process, its libraries and its workers open."""

from __future__ import annotations

import sys

from ln_jupyter.files import audit, workers
from ln_jupyter.files.fence import Fence
from ln_jupyter.files.wrapping import imports

LIBRARIES = frozenset(
    {
        *(
            "cv2",
            "duckdb",
            "fsspec",
            "geopandas",
            "h5py",
            "lightgbm",
            "netCDF4",
            "pandas",
            "polars",
            "pyarrow",
            "pyogrio",
        ),
        *("pyreadstat", "rasterio", "safetensors", "soundfile", "tables", "xarray", "zarr"),
    }
)
"""Packages of which functions are wrapped; what wraps them is loaded at once only where one of these is."""


def begin(cell: float | None = None) -> None:
    """See what is opened from here on.

    Args:
        cell: The one that runs in this thread.
    """
    with Fence("this process"):
        if not audit.LOG.is_on:
            workers.watch()
        audit.start(cell)
        if not LIBRARIES.isdisjoint(sys.modules):
            see_libraries()


def see_libraries() -> None:
    """Wrap what libraries read and write past Python's own `open`, now or when they are imported."""
    from ln_jupyter.files.wrapping import wrappers  # here for cost: behind the cell, where no such library is there

    wrappers.install(audit.LOG.note)


def see_libraries_again() -> None:
    """Wrap what was imported or reloaded since, and not heard of, such as a lazy module."""
    if audit.LOG.is_on:
        see_libraries()


def end() -> None:
    """See nothing any more."""
    with Fence("this process"):
        audit.stop()
        workers.INBOX.close()
        imports.forget()
        if wrappers := sys.modules.get("ln_jupyter.files.wrapping.wrappers"):
            wrappers.uninstall()
