"""One kernel for each module; each test names its own records."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ipython.kernel_driver import Kernel

SETUP = """\
%load_ext ln_jupyter
import asyncio, concurrent.futures, inspect, os, threading, time
import ln_jupyter as ln, ln_jupyter.schema as lns

_ = ln.add(lns.Pipeline(name="first"))  # makes the registry, and its user

class Undisplayable:
    def __repr__(self):
        raise LookupError("no repr")

def pipeline_of(name):
    return ln.add(lns.Pipeline(name=name))

def in_session():
    return ln.current_session() is not None

async def in_session_later():
    await asyncio.sleep(0)
    return in_session()

def wait_for_ever():
    while True:
        time.sleep(0.01)  # a signal just before one long sleep would be noticed only after it
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with the extension loaded, and a registry of its own."""
    with kernel_driver.start(tmp_path_factory.mktemp("kernel"), SETUP) as kernel:
        yield kernel


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"n{uuid.uuid4().hex}"
