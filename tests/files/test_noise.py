from __future__ import annotations

import pytest

from ln_jupyter.files.access import READ
from ln_jupyter.files.noise import Noise


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/dev/null", True),
        ("/dev/shm/data/a.csv", False),
        ("/dev/shm/joblib_memmapping_folder_1/a.pkl", True),
        ("/devices/a.csv", False),
    ],
)
def test_shared_memory(path: str, *, expected: bool) -> None:
    """A folder in memory holds data as any other; devices, and what is handed to workers there, are nobody's data."""
    assert expected == Noise("/home/ann", own=()).leaves_out(path, READ)
