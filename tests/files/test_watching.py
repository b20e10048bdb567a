"""When it begins to be seen what libraries open."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ln_jupyter.files import watching
from ln_jupyter.files.wrapping import libraries

pytestmark = pytest.mark.newest  # no library decides what is proved here


def test_the_packages_are_those_of_the_table() -> None:
    """The packages that are looked for are those of which functions are wrapped."""
    assert {name.partition(".")[0] for name in libraries.LIBRARIES} == watching.LIBRARIES


@pytest.mark.parametrize(("before", "expected"), [("", False), ("import pandas", True)])
def test_what_wraps_is_loaded_at_once_only_where_it_is_needed(before: str, *, expected: bool) -> None:
    """Where no such library was imported, what wraps it is left to the thread behind the cell."""
    pytest.importorskip("pandas")
    program = f"{before}\nimport sys\nfrom ln_jupyter.files import watching\nwatching.begin()\n"
    program += "print('ln_jupyter.files.wrapping.wrappers' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == str(expected)


@pytest.mark.parametrize("is_on", [True, False])
def test_lazy_modules(*, is_on: bool) -> None:
    """A lazy module is wrapped at the next look after it was used; once nothing is seen any more, no look brings it back."""
    pytest.importorskip("pandas")
    program = f"""
import importlib.util, sys
from ln_jupyter.files import audit, watching
watching.begin()
watching.see_libraries()
spec = importlib.util.find_spec("pandas")
spec.loader = importlib.util.LazyLoader(spec.loader)
pandas = sys.modules["pandas"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pandas)
pandas.DataFrame
if not {is_on}:
    watching.end()
watching.see_libraries_again()
print([type(each).__name__ for each in sys.meta_path if "ln_jupyter" in type(each).__module__])
print(hasattr(pandas.read_csv, "__wrapped__"))
"""
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines() == [str(["_Listener"] if is_on else []), str(is_on)]
