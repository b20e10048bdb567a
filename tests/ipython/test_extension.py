from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ln_jupyter.ipython import extension
from ln_jupyter.ipython.display_hook.hook import Formatters
from ln_jupyter.ipython.error_hints.folding import Folding
from ln_jupyter.ipython.session_cell import rewrite
from ln_jupyter.ipython.session_cell.held import Held
from ln_jupyter.ipython.session_cell.watch import Watch
from tests.ipython import kernel_driver
from tests.ipython.shells import shell_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

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
        sorted(vars(ip.InteractiveTB)),
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


@pytest.mark.parametrize("magic", ["%reload_ext", "%unload_ext"])
def test_after_the_package_was_imported_anew(kernel: Kernel, magic: str) -> None:
    """What a package that is gone has set up is taken back all the same, and nothing of it stays."""
    kernel.run("%load_ext ln_jupyter\nonce = look()")
    kernel.run(
        "import sys\nfor each in [each for each in sys.modules if each.partition('.')[0] == 'ln_jupyter']:\n"
        "    del sys.modules[each]\n"
        "import ln_jupyter as ln, ln_jupyter.schema as lns"
    )

    done = kernel.run(f"{magic} ln_jupyter")

    assert ("ok", "") == (done.status, done.stderr)
    if magic == "%unload_ext":
        assert kernel.read("look() == before")
        kernel.run("%load_ext ln_jupyter")
    shown = kernel.run("%%ln_session\n_ = ln.add(lns.Pipeline(name='kept'))\nln.current_session() is not None")
    assert ("True", 1) == (shown.value, kernel.count("kept"))
    assert kernel.read(
        "[len(each) for each in look()[:1] + look()[2:4]] == [len(each) for each in once[:1] + once[2:4]]"
    )
    assert kernel.read("[len(look()[1]), *look()[4:]] == [len(once[1]), *once[4:]]")


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
    assert "fix: use `with ln.Session():`, or, in a notebook, load it in a cell before this one" in executed.traceback


def test_loaded_by_this_file(kernel: Kernel, tmp_path: Path) -> None:
    """A file of IPython's that loads the extension has no cell before it: the fix is one that can be followed there."""
    file = tmp_path / "setup.ipy"
    file.write_text("%load_ext ln_jupyter\nimport ln_jupyter as ln\n%ln_session open\nprint('ran')")

    executed = kernel.run(f"%run {file}")

    assert ("error", {"MagicError"}, "") == (executed.status, set(executed.errors), executed.stdout)
    assert "fix: use `with ln.Session():`, or" in executed.traceback


def test_load_is_light(kernel: Kernel) -> None:
    """Loading imports no SQLAlchemy."""
    source = "import subprocess, sys\ncode = 'import sys\\nfrom ln_jupyter.ipython import extension\\nprint(\"sqlalchemy\" in sys.modules)'\n"

    executed = kernel.run(
        f"{source}print(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout)"
    )

    assert "False" == executed.stdout.strip()


# -- step by step ------------------------------------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[InteractiveShell]:
    """Give a shell in this process, without the extension."""
    with shell_in(tmp_path) as shell:
        shell.user_ns["get_ipython"] = lambda: shell
        exec(LOOK, shell.user_ns)
        yield shell


def forget_matchers(shell: Any) -> None:
    shell.Completer.custom_matchers.clear()


def forget_transformers(shell: Any) -> None:
    shell.input_transformers_cleanup.clear()


def forget_callbacks(shell: Any) -> None:
    shell.events.callbacks["post_execute"].clear()


def forget_magics(shell: Any) -> None:
    shell.magics_manager.magics["line"].clear()


def forget_configurables(shell: Any) -> None:
    shell.configurables.clear()


FORGETTING = [forget_matchers, forget_transformers, forget_callbacks, forget_magics, forget_configurables]


@pytest.mark.parametrize("forget", FORGETTING)
def test_what_others_have_taken_away(shell: InteractiveShell, forget: Callable[[object], None]) -> None:
    """Whatever somebody has emptied meanwhile, the rest is taken back, and a new load is whole."""
    extension.load(shell)
    forget(shell)
    attributes = {*vars(shell)}

    extension.unload(shell)
    extension.load(shell)

    callbacks = [each for each in shell.events.callbacks["post_execute"] if each.__module__ == Watch.__module__]
    assert (1, 2, 1) == (
        shell.input_transformers_cleanup.count(rewrite.rewrite),
        len(shell.Completer.custom_matchers),
        len(callbacks),
    )
    assert attributes == {*vars(shell)}


@pytest.mark.parametrize(
    "step",
    [(Held, "close"), (Watch, "end"), (Folding, "end"), (Formatters, "remove")],
    ids=["held", "watch", "folding", "formatters"],
)
def test_a_step_that_fails(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, step: tuple[type, str]) -> None:
    """A step of unloading that fails is told, and keeps no other one from being done."""
    before = shell.user_ns["look"]()
    of, name = step
    undo = getattr(of, name)

    def undo_and_fail(self: Any) -> None:
        undo(self)
        raise LookupError("refused")

    monkeypatch.setattr(of, name, undo_and_fail)
    extension.load(shell)

    with pytest.raises(LookupError, match="refused"):
        extension.unload(shell)

    assert before == shell.user_ns["look"]()


def test_a_load_that_fails(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that cannot be finished leaves nothing behind."""
    before = shell.user_ns["look"]()

    def fail(*_: object, **__: object) -> None:
        raise LookupError

    monkeypatch.setattr(shell, "register_magic_function", fail)
    with pytest.raises(LookupError):
        extension.load(shell)

    monkeypatch.undo()
    assert before == shell.user_ns["look"]()
