"""JupyterLab's debugger in a session cell: it stops on the user's lines, with the session open.

Not in one kernel with the tests of pdb, which takes away the trace function of this debugger.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ipython.kernel_driver import Executed, Kernel


class Debugger:
    """JupyterLab's debugger: requests on the control channel, events beside the outputs."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._numbers = itertools.count(1)
        self.cell = ""

    def attach(self) -> None:
        """Begin."""
        self.request("initialize", clientID="test", adapterID="", pathFormat="path", linesStartAt1=True)
        self.request("attach")

    def disconnect(self) -> None:
        """Leave the kernel to itself."""
        self.request("disconnect", restart=False, terminateDebuggee=False)

    def request(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send one request, and give the body of its reply."""
        client = self._kernel.client
        content = {"type": "request", "seq": next(self._numbers), "command": command, "arguments": arguments}
        client.control_channel.send(client.session.msg("debug_request", content))
        reply = client.control_channel.get_msg(timeout=kernel_driver.TIMEOUT)["content"]
        assert reply["success"], reply
        return reply.get("body") or {}

    def run(self, source: str, *, breakpoint_at: int | None = None) -> None:
        """Run a cell up to its breakpoint, or to the one that it calls for."""
        path = self.request("dumpCell", code=source)["sourcePath"]
        lines = [] if breakpoint_at is None else [{"line": breakpoint_at}]
        self.request("setBreakpoints", source={"path": path}, breakpoints=lines)
        self.request("configurationDone")
        self.cell = self._kernel.begin(source)
        self.wait_for_stop()

    def step(self) -> None:
        """Run to the next line."""
        self.request("next", threadId=self.thread)
        self.wait_for_stop()

    def finish(self) -> Executed:
        """Run the cell to its end."""
        self.request("continue", threadId=self.thread)
        return self._kernel.finish(self.cell)

    def frames(self) -> list[dict[str, Any]]:
        """Give the frames that the debugger shows, innermost first."""
        return self.request("stackTrace", threadId=self.thread)["stackFrames"]

    def evaluate(self, expression: str) -> str:
        """Evaluate an expression where the cell stands."""
        return self.request("evaluate", expression=expression, frameId=self.frames()[0]["id"])["result"]

    def wait_for_stop(self) -> None:
        """Wait until the debugger says that the cell stands."""
        while True:
            message = self._kernel.client.get_iopub_msg(timeout=kernel_driver.TIMEOUT)
            if message["msg_type"] == "debug_event" and message["content"]["event"] == "stopped":
                self.thread = message["content"]["body"]["threadId"]
                return
            self._kernel._published[message["parent_header"].get("msg_id")].append(message)


@pytest.fixture
def debugger(kernel: Kernel) -> Iterator[Debugger]:
    """JupyterLab's debugger, attached."""
    debugger = Debugger(kernel)
    debugger.attach()
    yield debugger
    debugger.disconnect()


def test_breakpoint(kernel: Kernel, debugger: Debugger, name: str) -> None:
    """A breakpoint stops the cell on that line, while its session is open; afterwards it commits."""
    debugger.run(f"%%ln_session\npipeline = pipeline_of({name!r})\nreached = True", breakpoint_at=3)

    innermost = debugger.frames()[0]
    seen = debugger.evaluate("in_session(), pipeline in ln.current_session()")
    executed = debugger.finish()

    assert (3, "(True, True)") == (innermost["line"], seen)
    assert ("ok", 1) == (executed.status, kernel.count(name))


@pytest.mark.newest
def test_step(kernel: Kernel, debugger: Debugger, name: str) -> None:
    """From the first line on, each step goes to the user's next line, and not into ours."""
    debugger.run(f"%%ln_session\npipeline = pipeline_of({name!r})\n\nreached = True", breakpoint_at=1)
    cell = debugger.frames()[0]["source"]["path"]
    seen = [debugger.evaluate("in_session()")]

    lines = []
    for _ in range(2):
        debugger.step()
        innermost = debugger.frames()[0]
        lines.append((innermost["line"], innermost["source"]["path"]))
    seen.append(debugger.evaluate("in_session()"))
    debugger.finish()

    assert [(2, cell), (4, cell)] == lines
    assert ["False", "True"] == seen


@pytest.mark.newest
def test_step_in(kernel: Kernel, debugger: Debugger) -> None:
    """Stepping in goes into the user's function, where the session is open too."""
    kernel.run("def helper():\n    inside = in_session()\n    return inside")
    debugger.run("%%ln_session\nhelper()", breakpoint_at=2)

    debugger.request("stepIn", threadId=debugger.thread)
    debugger.wait_for_stop()
    innermost, seen = debugger.frames()[0], debugger.evaluate("in_session()")
    debugger.finish()

    assert ("helper", "True") == (innermost["name"].split(".")[-1].strip("()"), seen)


@pytest.mark.newest
def test_error_after_breakpoint(kernel: Kernel, debugger: Debugger, name: str) -> None:
    """An error after a breakpoint rolls back."""
    debugger.run(f"%%ln_session\npipeline = pipeline_of({name!r})\n1 / 0", breakpoint_at=3)

    executed = debugger.finish()

    assert ("error", ["ZeroDivisionError"], 0) == (executed.status, executed.errors, kernel.count(name))


@pytest.mark.newest
def test_disconnect(kernel: Kernel, name: str) -> None:
    """A debugger that is closed at a breakpoint lets the cell go on, and commit."""
    debugger = Debugger(kernel)
    debugger.attach()
    debugger.run(f"%%ln_session\npipeline = pipeline_of({name!r})\nreached = True", breakpoint_at=3)

    debugger.disconnect()

    executed = kernel.finish(debugger.cell)
    assert ("ok", 1) == (executed.status, kernel.count(name))


def test_breakpoint_in_code(kernel: Kernel, debugger: Debugger, name: str) -> None:
    """`breakpoint()` stops with the session open, too."""
    debugger.run(f"%%ln_session\npipeline = pipeline_of({name!r})\nbreakpoint()\nreached = True")

    seen = debugger.evaluate("in_session()")
    executed = debugger.finish()

    assert ("True", "ok", 1) == (seen, executed.status, kernel.count(name))
