"""Records in a kernel that has not loaded the extension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ipython.kernel_driver import Kernel

SETUP = """\
import ln_jupyter as ln, ln_jupyter.schema as lns
_ = ln.add([lns.Pipeline(id=each, name="Transform") for each in "ab"])
_ = ln.select(lns.Pipeline).count()
"""
REMARK = "%load_ext ln_jupyter, or ln.header(), shows records as tables\n"


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    """A kernel without the extension, and with two pipelines."""
    with kernel_driver.start(tmp_path, SETUP) as kernel:
        yield kernel


def test_records_are_short_and_the_way_to_tables_is_said_once(kernel: Kernel) -> None:
    """A list of records is a short line for each; below the first that is shown stands what shows tables."""
    ask = "ln.select(lns.Pipeline).order_by(lns.Pipeline.id).all()"
    unshown, first, second = kernel.run(f"found = {ask}"), kernel.run(ask), kernel.run(ask)

    assert "[Pipeline(id='a', v='1', name='Transform'), Pipeline(id='b', v='1', name='Transform')]" == " ".join(
        (first.value or "").split()
    )
    assert ["", REMARK, ""] == [each.stdout for each in (unshown, first, second)]


def test_nothing_is_said_where_it_is_known(kernel: Kernel) -> None:
    """Neither with the extension, nor where remarks are turned off."""
    kernel.run("%load_ext ln_jupyter")
    loaded = kernel.run("ln.select(lns.Pipeline).all()")
    kernel.run("%unload_ext ln_jupyter\nimport os; os.environ['LN_JUPYTER_ADVICE'] = 'off'; ln.settings.forget()")
    off = kernel.run("ln.select(lns.Pipeline).all()")

    assert ["", ""] == [loaded.stdout, off.stdout]
    assert [True, False] == ["text/html" in each.outputs[0][1]["data"] for each in (loaded, off)]


def test_an_error_between(kernel: Kernel) -> None:
    """A cell that fails after a select says nothing, and the next one that shows records does."""
    failed = kernel.run("found = ln.select(lns.Pipeline).all()\n1 / 0")
    shown = kernel.run("ln.select(lns.Pipeline).all()")

    assert ("error", "", REMARK) == (failed.status, failed.stdout, shown.stdout)
    assert kernel.read("len(get_ipython().events.callbacks['post_run_cell'])") == kernel.read(
        "sum('look' not in repr(each) for each in get_ipython().events.callbacks['post_run_cell'])"
    )
