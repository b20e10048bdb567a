from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ln_jupyter.environment import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK = """\
import json
from ln_jupyter.environment import kernel
here = kernel.current()
found = json.dumps([here.id, str(here.connection_file), str(here.folder), here.cell_id, sorted(here.executed)])
"""


def test_nowhere() -> None:
    """Outside a kernel there is none."""
    assert kernel.current() is None


def test_kernel_of_a_server(start_kernel: Callable, folder: object) -> None:
    """A kernel knows its id from its connection file, whatever dashes the folders have."""
    running = start_kernel(like_a_server=True)

    kernel_id, file, started_in, *_ = running.find(source=LOOK)

    assert file.endswith(f"kernel-{kernel_id}.json")
    assert len(kernel_id) == 36
    assert started_in == str(folder)


def test_kernel_of_a_program(start_kernel: Callable) -> None:
    """A kernel that no server started has no id."""
    kernel_id, *_ = start_kernel().find(source=LOOK)

    assert kernel_id == ""


def test_cell(start_kernel: Callable) -> None:
    """The front end's name of the cell, and the sources executed so far, can be seen from a cell."""
    running = start_kernel()

    *_, cell_id, executed = running.find(before=" x = 1\n", source=LOOK, cell_id="a1")

    assert cell_id == "a1"
    assert ["x = 1", LOOK.strip()] == sorted(executed, reverse=True)


@pytest.mark.parametrize("stated", ["", "a handle"])
def test_launcher_unknown(
    monkeypatch: pytest.MonkeyPatch, kernel_here: Callable[[str], kernel.Kernel], stated: str
) -> None:
    """Where nobody says who started the kernel, it is the parent process."""
    monkeypatch.setenv("JPY_PARENT_PID", stated)
    monkeypatch.setattr("os.getppid", lambda: 7)

    assert kernel_here("").launcher_pid == 7


def test_launcher_behind_a_wrapper(
    monkeypatch: pytest.MonkeyPatch, kernel_here: Callable[[str], kernel.Kernel]
) -> None:
    """A wrapper between a kernel and its launcher does not hide the launcher."""
    monkeypatch.setenv("JPY_PARENT_PID", "8")

    assert kernel_here("").launcher_pid == 8
