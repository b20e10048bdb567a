from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

CASES_FILE = Path(__file__).parent / "coverage_cases.py"
_SPEC = importlib.util.spec_from_file_location("coverage_cases", CASES_FILE)
assert _SPEC is not None
assert _SPEC.loader is not None
coverage_cases = sys.modules["coverage_cases"] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(coverage_cases)
CASES = coverage_cases.CASES


@cache
def _found(group: str) -> dict[str, dict[str, dict[str, str]] | str]:
    """Run the cases of a group in a process of their own, for libraries are imported there after we are on."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(CASES_FILE), group],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ("", 0) == (done.stderr, done.returncode)
    found: dict[str, dict[str, dict[str, str]] | str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_is_seen(name: str) -> None:
    """A run has read and written just what its cell has, by whichever library, and says which."""
    case = CASES[name]
    for each in case.needs:
        if importlib.util.find_spec(each) is None:
            pytest.skip(f"{each} is not installed")

    found = _found(case.group)[name]
    if isinstance(found, str):
        pytest.skip(found)

    assert (case.reads, case.writes) == (set(found["input"]), set(found["output"]))
    assert case.via == {*found["input"].values(), *found["output"].values()}
