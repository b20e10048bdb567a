"""Break the package in one place at a time, in a copy, and see that the tests notice.

The breakages stand in scripts/breakages.toml, each with the tests that are asked first. Of each, a copy
of the checkout is made in a folder that is removed afterwards; nothing here is changed. A breakage counts as
caught if a test fails that passes without it. Tests that need a server of a database, or a browser, are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BREAKAGES = ROOT / "scripts" / "breakages.toml"

# What tests may need of a checkout; no compiled modules, which would name the files they were made of.
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*_cache", ".git", ".venv*", ".coverage*", "build", "dist", "site")

# nbmake takes two seconds to be imported, and its own tests start a pytest that has it.
_PLUGINS = ("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:nbmake")
_PYTEST = ("-q", "-n0", *_PLUGINS, "-m", "not (postgres or mariadb or browser)")
_FAILED = {1, 2}  # pytest's exit status where a test failed, or could not be collected
# Such as "FAILED tests/test_a.py::test_b[1-2] - assert 1 == 2"; only without its parameters can it be asked for again.
_SUMMARY = re.compile(r"^(?:FAILED|ERROR) (?P<line>(?P<test>[^\s:]+\.py(?:::[\w:]+)?)\S*)", re.MULTILINE)
_SECONDS, _SECONDS_OF_ALL = 240, 3600  # a test waits 180 for what never comes, and fails then


class Breakage(NamedTuple):
    """One fault that a user would feel.

    Attributes:
        number: Its place in the file, counted from 1.
        name: A few words with hyphens.
        breaks: What happens to a user, in a sentence.
        module: The file.
        old: What stands in it, once.
        new: What it becomes.
        tests: Files, folders or tests that are asked.
    """

    number: int
    name: str
    breaks: str
    module: str
    old: str
    new: str
    tests: tuple[str, ...]


class Verdict(NamedTuple):
    """What became of one breakage.

    Attributes:
        words: For people.
        test: The test that caught it, without its parameters; empty where none did.
        seconds: How long that took.
    """

    words: str
    test: str
    seconds: float


def main() -> int:
    """Do what was asked; give the exit status: 0 if every breakage was caught."""
    asked = _arguments()
    every = read()
    chosen = [each for each in every if not asked.which or any(_is_meant(each, word) for word in asked.which)]
    unknown = [word for word in asked.which if not any(_is_meant(each, word) for each in every)]
    if unknown:
        sys.exit(f"scripts/mutate: no breakage is meant by {', '.join(unknown)}; --list names all")
    if asked.list:
        for each in chosen:
            print(f"{each.number:>3}  {each.name:<32}  {each.module}\n     {each.breaks}")
        return 0
    with tempfile.TemporaryDirectory(prefix="ln_jupyter-mutate-") as name:
        return _judge(chosen, Path(name).resolve(), jobs=asked.jobs, whole=asked.whole)


def read() -> list[Breakage]:
    """Read the breakages."""
    tables = tomllib.loads(BREAKAGES.read_text(encoding="utf-8"))["breakage"]
    return [Breakage(number, **table | {"tests": tuple(table["tests"])}) for number, table in enumerate(tables, 1)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__.partition("\n\n")[0])
    parser.add_argument("which", nargs="*", help="number, name, or part of a module's path; all of them by default")
    parser.add_argument("--list", action="store_true", help="say what they break, and break nothing")
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="so many at once")
    parser.add_argument(
        "--whole", action="store_true", help="ask the whole suite about what the tests that are named let pass"
    )
    return parser.parse_args()


def _is_meant(breakage: Breakage, word: str) -> bool:
    return word in (str(breakage.number), breakage.name) or (not word.isdecimal() and word in breakage.module)


def _judge(chosen: list[Breakage], folder: Path, *, jobs: int, whole: bool) -> int:
    begun = time.monotonic()
    pristine = folder / "unbroken"
    shutil.copytree(ROOT, pristine, ignore=_LEFT_OUT, symlinks=True)
    _check_what_is_imported(pristine)

    def judge(each: Breakage) -> Verdict:
        verdict = _judge_one(each, pristine, folder / str(each.number), whole=whole)
        print(f"{each.number:>3}  {each.name}: {verdict.words}", flush=True)
        return verdict

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        verdicts = dict(zip(chosen, pool.map(judge, chosen), strict=True))
    fail_anyway = _fail_unbroken(pristine, dict.fromkeys(v.test for v in verdicts.values() if v.test))
    print()
    caught = 0
    for each, verdict in verdicts.items():
        is_caught = bool(verdict.test) and verdict.test not in fail_anyway
        caught += is_caught
        words = verdict.words if is_caught or not verdict.test else f"NOT SHOWN: unbroken, {verdict.test} fails too"
        print(f"{each.number:>3}  {verdict.seconds:5.1f} s  {each.name:<32}  {words.splitlines()[0]}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = f"{time.monotonic() - begun:.0f} s ({used.ru_utime + used.ru_stime:.0f} s of one core)"
    print(f"\n{caught} of {len(chosen)} breakages were caught, in {took}")
    return 0 if caught == len(chosen) else 1


def _judge_one(each: Breakage, pristine: Path, copy: Path, *, whole: bool) -> Verdict:
    begun = time.monotonic()
    text = (pristine / each.module).read_text(encoding="utf-8") if (pristine / each.module).is_file() else ""
    if text.count(each.old) != 1:
        words = f"DOES NOT APPLY: {each.module} has its old text {text.count(each.old)} times"
        return Verdict(words, "", time.monotonic() - begun)
    missing = [test for test in each.tests if not (pristine / test.partition("::")[0]).exists()]
    if missing:
        return Verdict(f"NOT JUDGED: {', '.join(missing)} is not there", "", time.monotonic() - begun)
    shutil.copytree(pristine, copy, symlinks=True)
    try:
        _write(copy / each.module, text.replace(each.old, each.new))
        words, test = _ask(copy, each.tests, seconds=_SECONDS)
        if whole and not test:
            words, test = _ask(copy, (), seconds=_SECONDS_OF_ALL)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    return Verdict(words, test, time.monotonic() - begun)


def _write(module: Path, text: str) -> None:
    module.write_text(text, encoding="utf-8")
    # What was compiled counts as current where size and second are the same.
    Path(importlib.util.cache_from_source(module)).unlink(missing_ok=True)


def _ask(copy: Path, tests: tuple[str, ...], *, seconds: float) -> tuple[str, str]:
    """Run tests of a copy until one fails; say in words what came of it, and name that test."""
    status, output = _run(copy, "-m", "pytest", *_PYTEST, "-x", *tests, seconds=seconds)
    if status is None:
        return f"NO ANSWER in {seconds:.0f} s", ""
    if status == 0:
        return "SURVIVED", ""
    found = _SUMMARY.search(output)
    if status in _FAILED and found is not None:
        return f"caught by {found['line']}", found["test"]
    return f"NOT JUDGED: pytest ended with {status}\n{textwrap.indent(output[-2000:], '     ')}", ""


def _fail_unbroken(pristine: Path, tests: dict[str, None]) -> set[str]:
    """Give those of the tests that fail where nothing is broken: they have caught nothing."""
    if not tests:
        return set()
    status, output = _run(pristine, "-m", "pytest", *_PYTEST, *tests, seconds=_SECONDS_OF_ALL)
    if status == 0:
        return set()
    return {found["test"] for found in _SUMMARY.finditer(output)} or set(tests)


def _check_what_is_imported(copy: Path) -> None:
    """Stop where a copy's tests would import another copy, such as the one that is installed to be edited."""
    asked = "import ln_jupyter; print(ln_jupyter.__file__)"
    _, output = _run(copy, "-c", asked, seconds=_SECONDS)
    if Path(output.strip()) != copy / "ln_jupyter" / "__init__.py":
        sys.exit(f"scripts/mutate: tests of the copy would import {output.strip()}")
    _run(copy, "-m", "compileall", "-q", "ln_jupyter", seconds=_SECONDS)  # once, for all copies


def _run(copy: Path, *arguments: str, seconds: float) -> tuple[int | None, str]:
    """Run Python in a copy; give its exit status, None where it took too long, and what it wrote."""
    scratch = copy.with_name(f"{copy.name}.tmp")
    scratch.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LN_JUPYTER", "PYTEST_"))}
    environment |= {"PYTHONPATH": str(copy), "TMPDIR": str(scratch), "COLUMNS": "1000"}
    written = scratch / "output"  # a pipe would be waited for as long as anything that was started has it
    with written.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - this Python, on a copy of this checkout
            [sys.executable, *arguments],
            cwd=copy,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # to be ended with all that it started: a test that fails may leave some
        )
        try:
            status: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):  # none is left
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    output = written.read_text(encoding="utf-8", errors="replace")
    shutil.rmtree(scratch, ignore_errors=True)
    return status, output


if __name__ == "__main__":
    sys.exit(main())
