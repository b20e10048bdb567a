from __future__ import annotations

import multiprocessing
import os
import platform
import socket
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from ln_jupyter.environment import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOK = """\
import json
from ln_jupyter.environment import process
found = json.dumps(process.current()._asdict(), default=str)
"""


def test_current() -> None:
    """A process is known by host, pid and start, with the Python that runs it."""
    found = process.current()

    started_at = datetime.fromtimestamp(psutil.Process().create_time(), tz=UTC)
    expected = process.Process(socket.gethostname(), os.getpid(), started_at, platform.python_version(), "", "")
    expected = expected._replace(argv=tuple(sys.argv))
    assert expected == found


def test_fork() -> None:
    """A forked process is another process."""
    context = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")
    before = process.current()

    with context.Pool(1) as pool:
        found = pool.apply(process.current)

    assert before.pid != found.pid
    assert before.started_at < found.started_at


def test_kernel(server: Any, write: Callable[..., Path]) -> None:
    """A restarted kernel keeps its id and name, and is another process."""
    session, kernel = server.open(write(server.root / "a.ipynb"))
    before = kernel.find(source=LOOK)
    server.request("POST", f"kernels/{session['kernel']['id']}/restart")
    kernel.client.kernel_info(reply=True, timeout=180)  # wait_for_ready gives up on a kernel that starts slowly

    after = kernel.find(source=LOOK)

    assert session["kernel"]["id"] == before["kernel_id"] == after["kernel_id"]
    assert before["kernel_name"] == after["kernel_name"] == "python3"
    assert before["pid"] != after["pid"]
    assert before["started_at"] != after["started_at"]


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"kernel_name": null}'])
def test_kernel_without_a_name(tmp_path: Path, content: str) -> None:
    """A connection file that names no kernelspec leaves the name empty."""
    file = tmp_path / "kernel.json"
    file.write_text(content)

    assert process._kernel_name(file) == ""


def test_kernel_without_a_file(tmp_path: Path) -> None:
    """A kernel whose connection file is gone has no name."""
    assert process._kernel_name(tmp_path / "kernel.json") == process._kernel_name(None) == ""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="elsewhere the names differ")
def test_platform_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """System, version, machine, C library and kind of Python are named, as `platform.platform` does, without a process."""
    expected = f"{platform.platform()} {platform.python_implementation()}"
    monkeypatch.setattr(platform, "_platform_cache", {})
    monkeypatch.setattr(platform, "_uname_cache", None)
    monkeypatch.setattr(subprocess, "Popen", None)

    found = process.platform_name.__wrapped__()

    assert found.startswith(expected)
    assert socket.gethostname() not in found.split("-")


@pytest.mark.parametrize(
    ("expected", "system"),
    [("macOS-14.4-arm64 CPython", "Darwin"), ("Windows-11-arm64 CPython free-threaded", "Windows")],
)
def test_platform_name_elsewhere(monkeypatch: pytest.MonkeyPatch, expected: str, system: str) -> None:
    """On macOS the version is its own, and not its kernel's; a Python that is free-threaded is another one."""
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "release", lambda: "11")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(platform, "python_implementation", lambda: "CPython")
    monkeypatch.setattr(platform, "mac_ver", lambda: ("14.4", ("", "", ""), "arm64"))
    monkeypatch.setattr(sys, "abiflags", "t" if "free" in expected else "")

    assert expected == process.platform_name.__wrapped__()


def test_c_library_is_not_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the C library does not say its name, the one is named that Python was built with."""

    def refuse(name: str) -> str:
        raise ValueError(name)

    monkeypatch.setattr(os, "confstr", refuse)
    monkeypatch.setattr(sys.implementation, "_multiarch", "x86_64-linux-musl")

    assert process._c_library() == "musl"
