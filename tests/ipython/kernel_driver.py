"""A real kernel, driven as a front end drives one: what a cell replied and what it showed."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import sys
from collections import defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jupyter_client.blocking.client import BlockingKernelClient

Messages = dict[str, deque[dict[str, Any]]]

ROOT = Path(__file__).parents[2]
TIMEOUT = 180  # seconds, of what never comes; no test waits for it

# Signals of whatever runs this test suite must not reach the kernels under test.
_SIGNALS = ("JPY_", "JUPYTER", "LN_JUPYTER", "PYTEST_", "PYTHONWARNINGS", "COLUMNS")


def environment(home: Path) -> dict[str, str]:
    """The environment of a user with folders and a registry of their own in *home*."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_SIGNALS)}
    return clean | {
        "PYTHONPATH": str(ROOT),
        "LN_JUPYTER_URL": f"sqlite:///{home / 'registry.db'}",
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


@dataclass(frozen=True)
class Executed:
    """What came of one cell.

    Attributes:
        reply: The content of the execute reply.
        outputs: Type and content of each output, in order. Neighbours of one stream are one: how a
            kernel cuts what is printed into messages depends on its pace.
    """

    reply: dict[str, Any]
    outputs: list[tuple[str, dict[str, Any]]]

    @property
    def status(self) -> str:
        """``ok`` or ``error``."""
        return self.reply["status"]

    @property
    def value(self) -> str | None:
        """The text of ``Out[]``."""
        values = [content["data"]["text/plain"] for kind, content in self.outputs if kind == "execute_result"]
        assert len(values) <= 1, values
        return values[0] if values else None

    @property
    def errors(self) -> list[str]:
        """The names of the errors that were shown as errors."""
        return [content["ename"] for kind, content in self.outputs if kind == "error"]

    @property
    def traceback(self) -> str:
        """The text of all errors, without colours."""
        lines = [line for kind, content in self.outputs if kind == "error" for line in content["traceback"]]
        return _without_colours("\n".join(lines))

    @property
    def stdout(self) -> str:
        """What was printed."""
        return self._stream("stdout")

    @property
    def stderr(self) -> str:
        """What was printed for people."""
        return self._stream("stderr")

    def _stream(self, name: str) -> str:
        texts = [content["text"] for kind, content in self.outputs if kind == "stream" and content["name"] == name]
        return _without_colours("".join(texts))


@dataclass(frozen=True)
class Kernel:
    """A running kernel and the client of its front end."""

    manager: KernelManager
    client: BlockingKernelClient
    _replies: Messages = field(default_factory=lambda: defaultdict(deque))
    _published: Messages = field(default_factory=lambda: defaultdict(deque))

    def run(self, source: str, **options: Any) -> Executed:
        """Execute a cell and wait for its reply and all of its outputs."""
        return self.finish(self.begin(source, **options))

    def begin(self, source: str, *, subshell: str | None = None, cell_id: str | None = None, **options: Any) -> str:
        """Send a cell, to a subshell if one is named, and do not wait; with a *cell_id* as JupyterLab does."""
        if subshell is None and cell_id is None:
            # an error must not abort what the test asks next
            return self.client.execute(source, allow_stdin=False, stop_on_error=False, **options)
        content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}}
        content["allow_stdin"] = cell_id is not None
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell_id} if cell_id else {})
        message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def talk(self, source: str, *answers: str) -> Executed:
        """Execute a cell that asks questions, as a debugger's prompt does, and answer each."""
        message_id = self.client.execute(source, allow_stdin=True, stop_on_error=False)
        for answer in answers:
            self.client.get_stdin_msg(timeout=TIMEOUT)
            self.client.input(answer)
        return self.finish(message_id)

    def finish(self, message_id: str) -> Executed:
        """Wait for a cell that was sent."""
        outputs = _joined(self._outputs(message_id))
        return Executed(self._reply(message_id), outputs)

    def wait_for_output(self, message_id: str) -> None:
        """Wait until a cell that was sent has printed its first line."""
        for kind, _ in self._outputs(message_id):
            if kind == "stream":
                return

    def read(self, expression: str) -> Any:
        """Evaluate an expression in the kernel, outside of any cell; a literal comes back."""
        executed = self.run("", user_expressions={"value": f"({expression})"}, store_history=False)
        found = executed.reply["user_expressions"]["value"]
        assert found["status"] == "ok", found
        return ast.literal_eval(found["data"]["text/plain"])

    def interrupt(self) -> None:
        """Do what the stop button does."""
        self.manager.interrupt_kernel()

    def create_subshell(self) -> str:
        """Start a subshell, as ipykernel 7 can; its id."""
        self.client.control_channel.send(self.client.session.msg("create_subshell_request", {}))
        return self.client.control_channel.get_msg(timeout=TIMEOUT)["content"]["subshell_id"]

    def count(self, name: str) -> int:
        """How many pipelines of this name the registry holds, asked outside of any session."""
        return self.read(f"ln.select(lns.Pipeline, name={name!r}).count()")

    def complete(self, source: str) -> list[str]:
        """Press the Tab key at the end of *source*."""
        return self._reply(self.client.complete(source))["matches"]

    def is_complete(self, source: str) -> str:
        """Ask whether a terminal would run this at Enter."""
        return self._reply(self.client.is_complete(source))["status"]

    def _reply(self, message_id: str) -> dict[str, Any]:
        return self._next(self.client.get_shell_msg, self._replies, message_id)["content"]

    def _outputs(self, message_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        while True:
            message = self._next(self.client.get_iopub_msg, self._published, message_id)
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return
            if kind not in ("status", "execute_input"):
                yield kind, content

    def _next(self, receive: Callable[..., Any], stored: Messages, message_id: str) -> dict[str, Any]:
        """Receive the next message for one request, and store those for others."""
        while not stored[message_id]:
            message = receive(timeout=TIMEOUT)
            stored[message["parent_header"].get("msg_id")].append(message)
        return stored[message_id].popleft()


@contextlib.contextmanager
def start(home: Path, setup: str = "") -> Iterator[Kernel]:
    """Start a kernel in *home*, and execute a first cell."""
    manager = KernelManager(kernel_name="python3", shutdown_wait_time=TIMEOUT)  # else a slow end is a kill
    # The interpreter of this test run, not the one that a kernel spec happens to name.
    manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel(cwd=str(home), env=environment(home))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        kernel = Kernel(manager, client)
        executed = kernel.run(setup)
        assert executed.status == "ok", executed
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy()


def _joined(outputs: Iterable[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """Do what a front end does: add what is printed to the output of its stream, if that is the last one."""
    joined: list[tuple[str, dict[str, Any]]] = []
    for kind, content in outputs:
        last_kind, last = joined[-1] if joined else ("", {})
        if kind == last_kind == "stream" and content["name"] == last["name"]:
            joined[-1] = kind, {**content, "text": last["text"] + content["text"]}
        else:
            joined.append((kind, content))
    return joined


def _without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
