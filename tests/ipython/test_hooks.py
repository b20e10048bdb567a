"""Hooks of the shell that others replace after us: an error is seen whatever shows it, and shown once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.ipython import extension
from tests.ipython.shells import shell_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from tests.ipython.kernel_driver import Kernel

HOOKS = ("showtraceback", "showsyntaxerror", "_showtraceback")
CELL = "%%ln_session\n_ = ln.add(lns.Pipeline(name='a'))\n"


@pytest.fixture
def shell(tmp_path: Path, sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """Give a shell with the extension, and a registry of its own."""
    monkeypatch.chdir(tmp_path)
    ln.connect(sqlite_url)
    with shell_in(tmp_path) as shell:
        extension.load(shell)
        shell.user_ns |= {"ln": ln, "lns": lns}
        yield shell
    ln.connect()


@pytest.fixture
def seen(shell: InteractiveShell) -> list[str]:
    """Put something else in the place of the hooks that show errors, which calls nobody, and tell what they were."""
    seen: list[str] = []
    for name in HOOKS[:2]:
        vars(shell)[name] = lambda *_, name=name, **__: seen.append(name)
    return seen


@pytest.mark.parametrize("options", ["", ", silent=True"], ids=["plain", "silent"])
@pytest.mark.parametrize("source", ["x = = 1", "  x = 1\n y = 2", "%%time\nx = = 1", "1 / 0", "return"])
def test_a_cell_that_a_cell_runs(shell: InteractiveShell, seen: list[str], source: str, options: str) -> None:
    """A cell whose inner cell fails is red and saves nothing, although its error is shown by others."""
    done = shell.run_cell(f"{CELL}_ = get_ipython().run_cell({source!r}{options})")

    assert (False, 0) == (done.success, ln.select(lns.Pipeline).count())
    assert seen


def test_an_inner_cell_of_a_handler(shell: InteractiveShell) -> None:
    """Nor does it where a handler of the user's keeps the error."""
    shell.set_custom_exc((SyntaxError,), lambda *_, **__: None)

    done = shell.run_cell(f"{CELL}_ = get_ipython().run_cell('x = = 1')")

    assert (False, 0) == (done.success, ln.select(lns.Pipeline).count())


def test_an_inner_cell_that_is_well(shell: InteractiveShell, seen: list[str]) -> None:
    """What failed before, in a cell of its own, is not of this one."""
    shell.run_cell("x = = 1")

    done = shell.run_cell(f"{CELL}_ = get_ipython().run_cell('1')")

    assert (True, 1) == (done.success, ln.select(lns.Pipeline).count())
    assert ["showsyntaxerror"] == seen


@pytest.mark.parametrize("body", ["1 / 0", "x = = 1"])
def test_a_script(shell: InteractiveShell, seen: list[str], body: str) -> None:
    """So is a cell that runs a script which fails."""
    Path("bad.py").write_text(body)

    done = shell.run_cell(f"{CELL}%run bad.py")

    assert (False, 0) == (done.success, ln.select(lns.Pipeline).count())
    assert seen


def test_replaced_in_every_cell(shell: InteractiveShell) -> None:
    """Others may put back what they found, again and again: each error is shown once, and all is taken back."""
    shown: list[int] = []

    def theirs(number: int, before: Any, *args: Any, **kwargs: Any) -> None:
        shown.append(number)
        before(*args, **kwargs)

    found = [shell.showtraceback]
    for number in range(3):
        before = shell.showtraceback
        shell.showtraceback = lambda *a, n=number, b=before, **kw: theirs(n, b, *a, **kw)  # type: ignore[method-assign]
        shell.run_cell("1")
        found.append(shell.showtraceback)
    shell.run_cell("1 / 0")
    shell.showtraceback = found[0]  # type: ignore[method-assign]
    shell.run_cell("1")

    assert [2, 1, 0] == shown
    assert found[0] == shell.showtraceback
    extension.unload(shell)
    assert "showtraceback" not in vars(shell)


def test_the_class_is_replaced(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody puts into the class is called, as without us."""
    shown: list[object] = []
    monkeypatch.setattr(InteractiveShell, "showtraceback", lambda *_, **__: shown.append("theirs"))

    shell.run_cell("1 / 0")

    assert ["theirs"] == shown


def test_after_unloading_nothing_is_put_in_its_place(shell: InteractiveShell) -> None:
    """Where others call ours after it was unloaded, it does not come back."""
    ours = shell.run_ast_nodes

    async def theirs(*args: Any, **kwargs: Any) -> bool:
        return await ours(*args, **kwargs)

    shell.run_ast_nodes = theirs  # type: ignore[method-assign]
    extension.unload(shell)

    shell.run_cell("x = 1")

    assert {"run_ast_nodes"} == {*HOOKS, "run_ast_nodes"} & vars(shell).keys()


# -- rich --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def rich(kernel: Kernel) -> Iterator[Kernel]:
    """Give a kernel where rich shows errors, as for the cells of this test only."""
    done = kernel.run("import rich.traceback\n_ = rich.traceback.install()")
    assert "ok" == done.status, done.traceback
    yield kernel
    kernel.run(f"for each in {HOOKS}:\n    vars(get_ipython()).pop(each, None)\n%reload_ext ln_jupyter")


def test_rich_shows_a_refused_commit_once(rich: Kernel, name: str) -> None:
    """A commit that fails is shown once by rich, and one line of ours turns every runner red."""
    executed = rich.run(
        f"%%ln_session\n_ = pipeline_of({name!r})\n_ = ln.add(lns.Run(name='a', pipeline_id='none', pipeline_v='1'))"
    )

    assert ("error", "IntegrityError", 0) == (executed.status, executed.reply["ename"], rich.count(name))
    assert ["display_data", "error"] == [kind for kind, _ in executed.outputs]
    assert executed.traceback.startswith("SessionError: IntegrityError ended this unit: nothing of this unit was saved")


def test_rich_shows_an_error_once(rich: Kernel, name: str) -> None:
    """So is an error of the cell."""
    executed = rich.run(f"%%ln_session\n_ = pipeline_of({name!r})\n1 / 0")

    assert ("error", "ZeroDivisionError", 0) == (executed.status, executed.reply["ename"], rich.count(name))
    assert ["display_data", "error"] == [kind for kind, _ in executed.outputs]
    assert executed.traceback.startswith(
        "SessionError: ZeroDivisionError ended this unit: nothing of this unit was saved"
    )


def test_rich_shows_an_inner_cell(rich: Kernel, name: str) -> None:
    """A cell whose inner cell is no Python is red, and saves nothing."""
    executed = rich.run(f"%%ln_session\n_ = pipeline_of({name!r})\n_ = get_ipython().run_cell('x = = 1')")

    assert ("error", "SyntaxError", 0) == (executed.status, executed.reply["ename"], rich.count(name))
    assert ["SessionError"] == executed.errors
