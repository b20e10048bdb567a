"""Who sees the session of a cell: what the cell calls and awaits, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.ipython.kernel_driver import Kernel

PROCESSES = {
    "fork": (
        "import multiprocessing as mp\n"
        "queue = mp.get_context('fork').Queue()\n"
        "child = mp.get_context('fork').Process(target=lambda: queue.put(in_session()))\n"
        "child.start()\n"
        "seen = queue.get(timeout=180)\n"
        "child.join()\n"
        "seen, in_session()"
    ),
    "pool of forks": (
        "import multiprocessing as mp\n"
        "with concurrent.futures.ProcessPoolExecutor(1, mp_context=mp.get_context('fork')) as pool:\n"
        "    seen = pool.submit(in_session).result(60)\n"
        "seen, in_session()"
    ),
    "pool of new processes": (
        "import elsewhere, multiprocessing as mp\n"
        "with concurrent.futures.ProcessPoolExecutor(1, mp_context=mp.get_context('spawn')) as pool:\n"
        "    seen = pool.submit(elsewhere.in_session).result(60)\n"
        "seen, in_session()"
    ),
}
ELSEWHERE = (
    "%%writefile elsewhere.py\nimport ln_jupyter as ln\ndef in_session():\n    return bool(ln.current_session())"
)


@pytest.mark.parametrize("source", PROCESSES.values(), ids=PROCESSES)
def test_process(kernel: Kernel, source: str) -> None:
    """A process that the cell starts does not see the session, which stays the cell's."""
    kernel.run(ELSEWHERE)

    executed = kernel.run(f"%%ln_session\n{source}")

    assert "(False, True)" == executed.value


def test_fork_in_session(kernel: Kernel, name: str) -> None:
    """A forked child that ends leaves the cell's transaction alone."""
    executed = kernel.run(
        f"%%ln_session\n_ = pipeline_of({name!r})\nln.current_session().flush()\n"
        "child = os.fork()\nif not child:\n    os._exit(0)\nos.waitstatus_to_exitcode(os.waitpid(child, 0)[1])"
    )

    assert ("0", 1) == (executed.value, kernel.count(name))


def test_executor_of_loop(kernel: Kernel) -> None:
    """What the event loop runs in a thread does not see the session."""
    executed = kernel.run(
        "%%ln_session\nawait asyncio.get_running_loop().run_in_executor(None, in_session), in_session()"
    )

    assert "(False, True)" == executed.value


def test_shared_by_tasks(kernel: Kernel, name: str) -> None:
    """Tasks that the cell gathers write in one session: the failure of one undoes them all."""
    kernel.run(
        "async def write(name):\n    await asyncio.sleep(0)\n    pipeline_of(name)\n"
        "async def fail():\n    await asyncio.sleep(0)\n    1 / 0"
    )

    executed = kernel.run(f"%%ln_session\nawait asyncio.gather(write({name!r}), write({name!r}), fail())")

    assert ("error", ["ZeroDivisionError"], 0) == (executed.status, executed.errors, kernel.count(name))


def test_blocks_of_tasks(kernel: Kernel) -> None:
    """Each of several tasks may open a block of its own beside the others; the cell keeps its session."""
    kernel.run(
        "async def work():\n"
        "    with ln.Session() as ss:\n"
        "        await asyncio.sleep(0)\n"
        "        return ln.current_session() is ss.orm"
    )

    executed = kernel.run(
        "%%ln_session\nouter = ln.current_session()\n"
        "await asyncio.gather(work(), work()), ln.current_session() is outer"
    )

    assert "([True, True], True)" == executed.value


def test_callback_of_loop(kernel: Kernel) -> None:
    """A callback that the cell gives to the loop sees the session while the cell awaits, and not after it."""
    kernel.run(
        "%%ln_session\n"
        "loop, seen, late = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()\n"
        "calls = []\n"
        "def call(event):\n"
        "    calls.append(in_session())\n"
        "    event.set()\n"
        "loop.call_soon(call, seen)\n"
        "await seen.wait()\n"
        "_ = loop.call_later(0.01, call, late)"
    )

    executed = kernel.run("await late.wait()\ncalls")

    assert "[True, False]" == executed.value


def test_copied_context(kernel: Kernel) -> None:
    """A copy of the cell's context does not keep the session open: neither later nor in the next cell."""
    kernel.run(
        "%%ln_session\nimport contextvars\ncontext = contextvars.copy_context()\nduring = context.run(in_session)"
    )

    after = kernel.run("during, context.run(in_session)")
    beside = kernel.run("%%ln_session\ncontext.run(in_session), in_session()")

    assert ("(True, False)", "(False, True)") == (after.value, beside.value)


def test_async_generator(kernel: Kernel) -> None:
    """An asynchronous generator that outlives its cell sees the session of whoever reads on."""
    kernel.run("async def look():\n    while True:\n        yield in_session()\n\nreader = look()\nseen = []")

    for first_line in ("%%ln_session", "", "%%ln_session"):
        kernel.run(f"{first_line}\nseen.append(await anext(reader))")

    assert [True, False, True] == kernel.read("seen")


def test_cell_in_task(kernel: Kernel) -> None:
    """A session cell that runs in a task beside others keeps its session to itself."""
    source = "%%ln_session\\nbegan.set()\\nawait go.wait()\\ninside = in_session()"
    kernel.run(
        f"source, began, go = '{source}', asyncio.Event(), asyncio.Event()\n"
        "cell = get_ipython().run_cell_async(source, transformed_cell=get_ipython().transform_cell(source))\n"
        "task = asyncio.create_task(cell)\n"
        "await began.wait()"
    )

    executed = kernel.run("beside = in_session()\ngo.set()\n(await task).success, beside, inside, in_session()")

    assert "(True, False, True, False)" == executed.value
