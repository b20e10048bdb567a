"""A registry whose permission to write is taken away and given back, in a kernel that met no other fault."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.faults import doors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ipython.kernel_driver import Kernel

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files have no permission bits there")

ALL = dict.fromkeys(doors.DOORS, doors.OK)


def test_a_file_that_may_only_be_read(kernel: Kernel, registry: Path) -> None:
    """Reading goes on, writing says why it cannot, and can again as soon as the permission is back."""
    kernel.run("registration.recording().stop()")  # it would keep the -shm open as it may be read now
    doors.close(kernel)
    registry.chmod(0o400)

    said = doors.in_kernel(kernel)

    assert doors.OK == said["select"]
    for door in doors.WRITES:
        assert f"{registry} may only be read" in said[door], said
        assert f"chmod u+w {registry}" in said[door], said
    fix = said["add"].partition("; fix: ")[2].partition(", or use")[0]
    subprocess.run(fix, shell=True, check=True)
    assert doors.in_kernel(kernel) == ALL
