"""`%ln_session open`: one session for many cells, that holds nothing between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ipython.kernel_driver import Kernel

CHECKED_OUT = "ln.connect().pool.checkedout()"


@pytest.fixture(autouse=True)
def closed(kernel: Kernel) -> Iterator[None]:
    """Leave no session to the next test."""
    yield
    kernel.run("%ln_session close")  # an error where there is none


def test_open(kernel: Kernel, name: str) -> None:
    """The cell that opens it stands in it, and so do all that follow, until it is closed."""
    kernel.run(f"before = in_session()\n%ln_session open\n_ = pipeline_of({name!r})\nfirst = in_session()")
    kernel.run("second = in_session()")
    kernel.run("%ln_session close\nclosed = in_session()")

    assert (False, True, True, False, False) == kernel.read("before, first, second, closed, in_session()")


def test_records_stay_connected(kernel: Kernel, name: str) -> None:
    """A record of one cell loads its relationships in another."""
    kernel.run(f"_ = ln.add(lns.Run(name={name!r}, pipeline=lns.Pipeline(name='p')))")
    kernel.run(f"%ln_session open\nrun = ln.select(lns.Run, name={name!r}).one()")

    executed = kernel.run("run.pipeline.name")

    assert "'p'" == executed.value


def test_each_cell_commits(kernel: Kernel, name: str) -> None:
    """What a cell did is saved at its end, for everybody."""
    kernel.run(f"%ln_session open\n_ = pipeline_of({name!r})")

    count = kernel.read(
        f"concurrent.futures.ThreadPoolExecutor(1).submit("
        f"lambda: ln.select(lns.Pipeline, name={name!r}).count()).result()"
    )

    assert 1 == count


def test_a_cell_that_fails_rolls_back_alone(kernel: Kernel, name: str) -> None:
    """An error undoes its own cell's work, and the session goes on."""
    kernel.run("%ln_session open")
    failed = kernel.run(f"_ = pipeline_of({name!r})\n1/0")

    kept = kernel.run(f"_ = pipeline_of({name!r} + '2')\nin_session()")

    assert ("error", ["ZeroDivisionError"], "True") == (failed.status, failed.errors, kept.value)
    assert (0, 1) == (kernel.count(name), kernel.count(f"{name}2"))


def test_a_commit_that_fails_turns_its_cell_red(kernel: Kernel, name: str) -> None:
    """What the database refuses at the end of a cell is that cell's error, naming the line; the next cell is fine."""
    kernel.run("%ln_session open")
    source = f"for _ in range(2): ln.add(lns.Pipeline(id={name[:8]!r}, name={name!r}))"

    refused = kernel.run(source)
    later = kernel.run(f"_ = pipeline_of({name!r})")

    assert ("error", ["IntegrityError"], "ok") == (refused.status, refused.errors, later.status)
    assert f"it was added at line 1: {source}" in refused.traceback
    assert 1 == kernel.count(name)


def test_nothing_is_held_between_cells(kernel: Kernel, name: str) -> None:
    """Between cells there is no connection, no transaction and no lock, however the cell ended."""
    kernel.run(f"%ln_session open\n_ = pipeline_of({name!r})")
    after_ok = kernel.read(f"concurrent.futures.ThreadPoolExecutor(1).submit(lambda: {CHECKED_OUT}).result()")
    kernel.run("ln.select(lns.Pipeline).all(); 1/0")
    after_error = kernel.read(f"concurrent.futures.ThreadPoolExecutor(1).submit(lambda: {CHECKED_OUT}).result()")

    assert (0, 0) == (after_ok, after_error)


def test_a_select_shows_what_others_saved(kernel: Kernel, name: str) -> None:
    """A record that was read in an earlier cell is read anew by a select."""
    kernel.run(f"run = ln.add(lns.Run(name={name!r}))\n%ln_session open\nrun = ln.select(lns.Run, id=run.id).one()")
    kernel.run(
        "def rename():\n    ln.select(lns.Run, id=run_id).one()\n"
        "    with ln.Session() as ss: ss.select(lns.Run, id=run_id).one().name = 'renamed'\n"
        "run_id = run.id\nthread = threading.Thread(target=rename); thread.start(); thread.join()"
    )

    executed = kernel.run("same = ln.select(lns.Run, id=run_id).one()\nsame is run, run.name")

    assert "(True, 'renamed')" == executed.value


def test_as_is_bare_elsewhere(kernel: Kernel, name: str) -> None:
    """The variable holds the session, which commits each call where no cell of ours runs."""
    kernel.run("%ln_session open --as ss")

    executed = kernel.run("ss.orm is ln.current_session()")

    assert "True" == executed.value


def test_await(kernel: Kernel) -> None:
    """A cell with `await` stands in it, also after one that had none, and the next does too."""
    kernel.run("%ln_session open")
    kernel.run("first = await in_session_later()")

    executed = kernel.run("first, await in_session_later(), in_session()")

    assert "(True, True, True)" == executed.value


def test_scope(kernel: Kernel) -> None:
    """Threads and forked children do not stand in it."""
    kernel.run("%ln_session open")

    executed = kernel.run(
        "reader, writer = os.pipe()\n"
        "if os.fork() == 0:\n    os.write(writer, str(in_session()).encode()); os._exit(0)\n"
        "os.read(reader, 9), concurrent.futures.ThreadPoolExecutor(1).submit(in_session).result(), in_session()"
    )

    assert "(b'False', False, True)" == executed.value


@pytest.mark.newest
def test_subshell(kernel: Kernel) -> None:
    """A subshell's cells do not stand in it, and cannot close it."""
    kernel.run("%ln_session open")
    subshell = kernel.create_subshell()

    seen = kernel.finish(kernel.begin("in_session()", subshell=subshell))
    closing = kernel.finish(kernel.begin("%ln_session close", subshell=subshell))

    assert ("False", ["SessionError"]) == (seen.value, closing.errors)
    assert "True" == kernel.run("in_session()").value


def test_session_cell_inside(kernel: Kernel, name: str) -> None:
    """`%%ln_session` has a session of its own meanwhile, and the next cell the one across cells again."""
    kernel.run("%ln_session open --as outer")

    inner = kernel.run(f"%%ln_session\n_ = pipeline_of({name!r})\nln.current_session() is outer.orm")
    after = kernel.run("ln.current_session() is outer.orm")

    assert ("False", "True", 1) == (inner.value, after.value, kernel.count(name))


def test_code_that_a_cell_runs(kernel: Kernel, name: str) -> None:
    """What a cell runs by `run_cell` joins its transaction, and ends nothing."""
    kernel.run("%ln_session open")

    failed = kernel.run(f'get_ipython().run_cell("_ = pipeline_of({name!r})")\nstill = in_session()\n1/0')

    assert ("error", True, 0) == (failed.status, kernel.read("still"), kernel.count(name))


def test_open_twice(kernel: Kernel, name: str) -> None:
    """Opened again, as when its cell is run again, the earlier session is closed, with a line that says so, and what it did is saved."""
    first = kernel.run("%ln_session open --as first")

    second = kernel.run(f"_ = pipeline_of({name!r})\n%ln_session open --as second")

    assert [] == first.outputs
    assert ["the session that was open across cells is closed; this one takes its place\n"] == [
        content["text"] for _, content in second.outputs
    ]
    assert (True, False, 1) == (*kernel.read("first.is_closed, second.is_closed"), kernel.count(name))


def test_closed_by_its_variable(kernel: Kernel) -> None:
    """`ss.close()` closes it as well, and later cells stand in none."""
    kernel.run("%ln_session open --as ss")
    kernel.run("ss.close()")

    executed = kernel.run("in_session()")

    assert ("ok", "False") == (executed.status, executed.value)


def test_close_that_cannot_save(kernel: Kernel, name: str) -> None:
    """Where closing cannot save what its cell did, the cell is red, and it is closed all the same."""
    kernel.run("%ln_session open --as ss")

    executed = kernel.run(
        f"for _ in range(2): ln.add(lns.Pipeline(id={name[:8]!r}, name={name!r}))\n%ln_session close\nprint('ran')"
    )

    assert ("error", ["IntegrityError"], "") == (executed.status, executed.errors, executed.stdout)
    assert (True, 0) == (kernel.read("ss.is_closed"), kernel.count(name))


@pytest.mark.parametrize("opening", ["%%ln_session", "%ln_session open"])
def test_commit(kernel: Kernel, name: str, opening: str) -> None:
    """`commit` saves at once, and what follows it is still undone by an error."""
    kernel.run(f"{opening}\n_ = pipeline_of({name!r})\n%ln_session commit\n_ = pipeline_of({name!r} + '2')\n1/0")

    assert (1, 0) == (kernel.count(name), kernel.count(f"{name}2"))


@pytest.mark.parametrize("opening", ["%%ln_session", "%ln_session open"])
def test_rollback(kernel: Kernel, name: str, opening: str) -> None:
    """`rollback` undoes what the cell did so far, and the cell goes on and is green."""
    executed = kernel.run(
        f"{opening}\n_ = pipeline_of({name!r}); ln.current_session().flush()\n"
        f"%ln_session rollback\n_ = pipeline_of({name!r} + '2')"
    )

    assert ("ok", 0, 1) == (executed.status, kernel.count(name), kernel.count(f"{name}2"))


@pytest.mark.parametrize("verb", ["commit", "rollback", "close"])
def test_verbs_without_a_session(kernel: Kernel, verb: str) -> None:
    """Without a session a verb is an error that says how to begin one."""
    executed = kernel.run(f"%ln_session {verb}")

    assert ["SessionError"] == executed.errors
    assert "%ln_session open" in executed.traceback


def test_status(kernel: Kernel, name: str) -> None:
    """`status` says what is open, where it leads and what it holds; it sends nothing and shows no password."""
    nothing = kernel.run("%ln_session status")
    kernel.run("%ln_session open")
    held = kernel.run("%ln_session status")
    both = kernel.run(f"%%ln_session --db sqlite:///{name}.db\n%ln_session status")

    assert "across cells: no session\n" == nothing.stdout
    assert held.stdout.startswith("across cells: <Session /")
    assert "\nthis cell: <Session " in both.stdout
    assert f"{name}.db" in both.stdout


def test_unload_and_reload(kernel: Kernel, name: str) -> None:
    """Unloading or reloading the extension saves what the cell did, and closes the session."""
    kernel.run(f"%ln_session open --as ss\n_ = pipeline_of({name!r})\n%reload_ext ln_jupyter\nafter = in_session()")

    assert (True, False, False) == kernel.read("ss.is_closed, after, in_session()")
    assert 1 == kernel.count(name)


def test_silent_execution(kernel: Kernel, name: str) -> None:
    """A silent cell, as front ends send, stands in it and commits too."""
    kernel.run("%ln_session open")

    kernel.run(f"_ = pipeline_of({name!r})", silent=True)

    assert 1 == kernel.count(name)


def test_error_that_another_magic_swallows(kernel: Kernel, name: str) -> None:
    """Unsaved means red across cells too."""
    kernel.run("%ln_session open")

    executed = kernel.run(f"%%capture\n_ = pipeline_of({name!r})\n1/0")

    assert ("error", 0) == (executed.status, kernel.count(name))
