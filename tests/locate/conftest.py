"""Notebooks to find, and what runs them."""

from __future__ import annotations

from tests.notebook.conftest import (
    environment,
    find,
    find_and_write,
    folder,
    kernel_here,
    run,
    running_server,
    server,
    start_kernel,
    write,
)

__all__ = [
    "environment",
    "find",
    "find_and_write",
    "folder",
    "kernel_here",
    "run",
    "running_server",
    "server",
    "start_kernel",
    "write",
]
