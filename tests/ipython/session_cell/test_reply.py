"""A session cell and ipykernel's reply agree: red means unsaved, and green saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.ipython.kernel_driver import Kernel


def test_failed_display(kernel: Kernel, name: str) -> None:
    """A value that cannot be shown is judged as this ipykernel does: saved exactly if the cell is green."""
    plain = kernel.run("Undisplayable()")

    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\nUndisplayable()")

    assert plain.status == executed.status
    assert (executed.status == "ok") == bool(kernel.count(name))


def test_failed_display_of_publisher(kernel: Kernel, name: str) -> None:
    """A `display()` that fails leaves the cell green, and saved."""
    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\ndisplay(Undisplayable())")

    assert ("ok", 1) == (executed.status, kernel.count(name))


def test_await_after_failed_display(kernel: Kernel, name: str) -> None:
    """A failed display of an earlier cell says nothing about a cell with `await`."""
    kernel.run("Undisplayable()")

    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\nawait asyncio.sleep(0)")

    assert ("ok", 1) == (executed.status, kernel.count(name))


@pytest.mark.parametrize("wait", ["", "await asyncio.sleep(0)\n"])
@pytest.mark.parametrize(
    ("body", "error"), [("%nosuchmagic", "UsageError"), ("raise ExceptionGroup('g', [ValueError()])", "ExceptionGroup")]
)
def test_printed_error(kernel: Kernel, name: str, body: str, error: str, wait: str) -> None:
    """An error that IPython only prints is an error among the outputs, whatever the cell before showed."""
    kernel.run("1 / 0")

    executed = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\n{wait}{body}")

    assert (error, ["SessionError"], 0) == (executed.reply["ename"], executed.errors, kernel.count(name))
    assert (
        f"SessionError: {error} ended this unit: nothing of this unit was saved" == executed.traceback.splitlines()[0]
    )
