"""Messages of widgets, which a front end sends while a cell runs and between cells."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.ipython.kernel_driver import Kernel

SETUP = """\
seen, called = [], asyncio.Event()

def hear(comm, message):
    comm.on_msg(lambda message: (seen.append(in_session()), called.set()))

get_ipython().kernel.comm_manager.register_target("ears", hear)
"""


@pytest.fixture
def comm(kernel: Kernel) -> str:
    """A widget that the front end has opened; its id."""
    kernel.run(SETUP)
    comm = uuid.uuid4().hex
    send(kernel, "comm_open", comm_id=comm, target_name="ears", data={})
    return comm


def send(kernel: Kernel, kind: str, **content: object) -> None:
    """Send what a widget sends."""
    kernel.client.shell_channel.send(kernel.client.session.msg(kind, content))


def test_between_cells(kernel: Kernel, comm: str) -> None:
    """A message between cells finds no session."""
    kernel.run("%%ln_session\nsession = ln.current_session()")

    send(kernel, "comm_msg", comm_id=comm, data={})

    assert [False] == kernel.read("seen")


def test_callback_adds(kernel: Kernel, comm: str, name: str) -> None:
    """A callback that adds a record saves it by itself, whatever becomes of the cells around it."""
    kernel.run(f"def hear(comm, message):\n    pipeline_of({name!r})")
    kernel.run('get_ipython().kernel.comm_manager.register_target("mouth", hear)')
    kernel.run("%%ln_session\n1 / 0")

    send(kernel, "comm_open", comm_id=uuid.uuid4().hex, target_name="mouth", data={})

    assert 1 == kernel.count(name)


@pytest.mark.newest
def test_while_awaiting(kernel: Kernel, comm: str) -> None:
    """A message that comes while a cell awaits does not see the cell's session."""
    message = kernel.begin("%%ln_session\nprint('awaits')\nawait called.wait()\nseen, in_session()")
    kernel.wait_for_output(message)

    send(kernel, "comm_msg", comm_id=comm, data={})

    assert "([False], True)" == kernel.finish(message).value
