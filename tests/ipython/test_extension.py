from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ipython.kernel_driver import Kernel

# What an extension could leave in a shell.
LOOK = """\
def look():
    ip = get_ipython()
    manager = ip.magics_manager
    return (
        sorted(vars(ip).keys() - {"_last_input_line"}),  # IPython's own, of any line magic
        [repr(transform) for transform in ip.input_transformers_cleanup],
        {kind: sorted(magics) for kind, magics in manager.magics.items()},
        sorted(vars(manager.user_magics)),
        {name: len(callbacks) for name, callbacks in ip.events.callbacks.items()},
        len(ip.ast_transformers),
        len(ip.Completer.custom_matchers),
    )
"""
CELL = "%%ln_session\nln.current_session() is not None"


@pytest.fixture
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel of its own for each test, without the extension."""
    setup = f"import ln_jupyter as ln, ln_jupyter.schema as lns\n{LOOK}\nbefore = look()"
    with kernel_driver.start(tmp_path_factory.mktemp("kernel"), setup) as kernel:
        yield kernel


def test_unload(kernel: Kernel) -> None:
    """Unloading leaves the shell as it was, also after a reload and a second load."""
    kernel.run("%load_ext ln_jupyter")
    kernel.run("%reload_ext ln_jupyter")
    kernel.run("from ln_jupyter.ipython import extension\nextension.load(get_ipython())")

    kernel.run("%unload_ext ln_jupyter\nextension.unload(get_ipython())")

    assert kernel.read("look() == before")
    assert "error" == kernel.run(CELL).status


def test_load_twice(kernel: Kernel) -> None:
    """Loading a second time changes nothing."""
    kernel.run("%load_ext ln_jupyter\nfrom ln_jupyter.ipython import extension\nonce = look()")

    kernel.run("extension.load(get_ipython())")

    assert kernel.read("look() == once")


@pytest.mark.parametrize("magic", ["%reload_ext", "%unload_ext"])
def test_inside_session_cell(kernel: Kernel, magic: str) -> None:
    """Reloaded or unloaded inside a session cell, the session goes on and commits at its end."""
    kernel.run("%load_ext ln_jupyter")

    executed = kernel.run(f"%%ln_session\n{magic} ln_jupyter\n_ = ln.add(lns.Pipeline(name='kept'))\n1")

    assert ("1", 1) == (executed.value, kernel.count("kept"))


def test_reload(kernel: Kernel) -> None:
    """After a reload a session cell opens one session."""
    kernel.run("%load_ext ln_jupyter")

    kernel.run("%reload_ext ln_jupyter")

    assert "True" == kernel.run(CELL).value


def test_wrapped_since(kernel: Kernel) -> None:
    """What another extension has wrapped around ours keeps working after an unload and a load."""
    kernel.run("%load_ext ln_jupyter")
    kernel.run(
        "ip, ours, calls = get_ipython(), get_ipython().run_ast_nodes, []\n"
        "async def theirs(*args, **kwargs):\n"
        "    calls.append(1)\n"
        "    return await ours(*args, **kwargs)\n"
        "ip.run_ast_nodes = theirs"
    )

    kernel.run("%unload_ext ln_jupyter")
    kernel.run("%load_ext ln_jupyter")

    assert "True" == kernel.run(CELL).value
    assert 3 == kernel.read("len(calls)")


def test_loaded_by_this_cell(kernel: Kernel) -> None:
    """A session in the very cell that loads the extension is refused, with what to do."""
    executed = kernel.run("%load_ext ln_jupyter\n%ln_session cell\nprint('ran')")

    assert ("error", ["MagicError"], "") == (executed.status, executed.errors, executed.stdout)
    assert "fix: load it in a cell before this one, or use `with ln.Session():`" in executed.traceback


def test_load_is_light(kernel: Kernel) -> None:
    """Loading imports no SQLAlchemy."""
    source = "import subprocess, sys\ncode = 'import sys\\nfrom ln_jupyter.ipython import extension\\nprint(\"sqlalchemy\" in sys.modules)'\n"

    executed = kernel.run(
        f"{source}print(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout)"
    )

    assert "False" == executed.stdout.strip()
