"""Kernels and servers whose processes are looked at."""

from __future__ import annotations

from tests.notebook.conftest import environment, folder, kernel_here, running_server, server, start_kernel, write

__all__ = ["environment", "folder", "kernel_here", "running_server", "server", "start_kernel", "write"]
