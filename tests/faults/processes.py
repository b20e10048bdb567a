"""Many processes at once, cheap to start: forked from one server that has imported everything."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import time
import traceback
from multiprocessing import connection, forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.faults.preloaded"])
_ROOT = Path(__file__).parents[2]

_SECONDS = 120.0
"""After which a process that tells nothing is a failure. It is never waited for."""

_READY = "ready"


class Process:
    """One process that does some work, and tells about it.

    It starts at once, and waits for `go` before it works. What it tells has left it: it
    survives a SIGKILL, so telling what was committed is an acknowledgement.

    Args:
        work: A function of a module. Its first argument is a function that tells this side
            something that can be pickled; *arguments* follow.
        arguments: To be pickled too.
        environment: Variables beside those of this process.
    """

    def __init__(
        self, work: Callable[..., object], *arguments: Any, environment: Mapping[str, str] | None = None
    ) -> None:
        self.ended = False
        """Whether everything that it told was read."""
        with contextlib.chdir(_ROOT):  # where the server finds what it imports, whatever folder a test is in
            forkserver.ensure_running()
        self._told, told = _context.Pipe(duplex=False)
        go, self._go = _context.Pipe(duplex=False)
        variables = {**os.environ, **(environment or {})}
        self._process = _context.Process(target=_begin, args=(work, arguments, variables, go, told), daemon=True)
        self._process.start()
        told.close()
        go.close()

    @property
    def pid(self) -> int:
        """For signals: ``os.kill(process.pid, signal.SIGSTOP)``."""
        assert self._process.pid is not None
        return self._process.pid

    def wait_until_ready(self) -> Self:
        """Wait until everything is imported, so that what is measured next is the work."""
        assert self.next() == _READY
        return self

    def go(self) -> None:
        """Let the work begin."""
        self._go.close()

    def next(self, seconds: float = _SECONDS) -> Any:
        """Wait for the next thing that it tells.

        Raises:
            AssertionError: If the work failed, with its traceback; if it tells nothing more, or not in time.
        """
        assert self._told.poll(seconds), f"nothing was told in {seconds:.0f} s"
        try:
            said = self._told.recv()
        except EOFError:
            self.ended = True
            raise AssertionError("it ended without telling more") from None
        assert not isinstance(said, _Failure), said.traceback
        return said

    def rest(self, seconds: float = _SECONDS) -> list[Any]:
        """Wait until it has ended, on its own or not, and give all that it told meanwhile.

        Raises:
            AssertionError: If the work failed, with its traceback; if it tells nothing for so long.
        """
        return gather([self], seconds)[0]

    def kill(self) -> None:
        """Send SIGKILL, and wait until it is gone. What it told before can still be read."""
        self._process.kill()
        self._process.join()

    def exit_code(self, seconds: float = _SECONDS) -> int | None:
        """Wait for its end and give its exit code; minus the signal that killed it, None if it goes on."""
        self._process.join(seconds)
        return self._process.exitcode

    def close(self) -> None:
        """Kill it if it is still there."""
        self.kill()
        self._go.close()
        self._told.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Crowd(list[Process]):
    """Processes that do the same work, each with its own arguments; as a block, they end with it.

    Args:
        work: As for `Process`.
        each: The arguments of each process.
        environment: As for `Process`.
    """

    def __init__(
        self,
        work: Callable[..., object],
        each: Iterable[tuple[Any, ...]],
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(Process(work, *arguments, environment=environment) for arguments in each)

    def go(self) -> None:
        """Wait until all are ready, then let all work at once."""
        for process in self:
            process.wait_until_ready()
        for process in self:
            process.go()

    def run(self, seconds: float = _SECONDS) -> list[list[Any]]:
        """Let all work at once, wait for their end, and give what each of them told.

        Raises:
            AssertionError: If one of them failed, with its traceback.
        """
        self.go()
        return gather(self, seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self:
            process.close()


def run(work: Callable[..., object], each: Iterable[tuple[Any, ...]], **options: Any) -> list[list[Any]]:
    """Let a `Crowd` do its work, and give what each process told."""
    with Crowd(work, each, **options) as crowd:
        return crowd.run()


def run_script(source: str, *words: str) -> int | None:
    """Run source as ``python -c`` does, but for the time that imports take, and give its exit code.

    Raises:
        AssertionError: If it failed, with its traceback.
    """
    with Process(_run_script, source, words) as process:
        process.wait_until_ready().go()
        process.rest()
        return process.exit_code()


def _run_script(_tell: Callable[[object], None], source: str, words: tuple[str, ...]) -> None:
    sys.argv = ["-c", *words]
    try:
        exec(compile(source, "<string>", "exec"), {"__name__": "__main__"})
    except KeyboardInterrupt:  # ends a program of Python by its signal
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)


def gather(processes: Iterable[Process], seconds: float = _SECONDS) -> list[list[Any]]:
    """Read what the processes tell, all beside each other, until all have ended.

    Args:
        processes: They have been let go.
        seconds: How long all of them may be silent.
    """
    told: dict[Process, list[Any]] = {process: [] for process in processes}
    readers = {process._told: process for process in told if not process.ended}
    deadline = time.monotonic() + seconds
    while readers:
        ready = connection.wait(readers, timeout=deadline - time.monotonic())
        assert ready, f"{len(readers)} of {len(told)} processes told nothing for {seconds:.0f} s"
        deadline = time.monotonic() + seconds
        for reader in ready:
            process = readers[reader]  # type: ignore[index]
            try:
                told[process].append(process.next())
            except AssertionError:
                if not process.ended:
                    raise
                del readers[reader]  # type: ignore[arg-type]
    return list(told.values())


class Repeated(logging.Handler):
    """Counts the transactions that this process did again, because the database asked for it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.count = 0
        log = logging.getLogger("ln_jupyter.db.transactions")
        log.setLevel(logging.DEBUG)
        log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        self.count += 1


class _Failure:
    """How the work failed."""

    def __init__(self, error: BaseException) -> None:
        self.traceback = "".join(traceback.format_exception(error))


def _begin(
    work: Callable[..., object],
    arguments: tuple[Any, ...],
    variables: dict[str, str],
    go: connection.Connection,
    told: connection.Connection,
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts the tests may ignore it
    os.environ.clear()
    os.environ.update(variables)
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - until the process ends
    try:
        import tests.faults.preloaded  # noqa: F401 - the server passes over what it cannot import, and would be slow

        told.send(_READY)
        go.poll(None)  # until the other side closes it
        work(told.send, *arguments)
    except BaseException as error:  # noqa: BLE001 - told to whoever waits
        told.send(_Failure(error))
