from __future__ import annotations

import doctest
import importlib
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ln_jupyter
from tests.faults import processes

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(ln_jupyter.__file__).parent


def modules_with_examples() -> list[str]:
    files = (file.relative_to(PACKAGE.parent) for file in PACKAGE.rglob("*.py") if ">>> " in file.read_text("utf-8"))
    return sorted(".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files)


def run_examples(tell: Callable[[object], None], module: str, folder: Path) -> None:
    os.chdir(folder)
    warnings.simplefilter("error")
    found = importlib.import_module(module)
    # Compiled as in a notebook, which has no `from __future__ import annotations`.
    names = {name: value for name, value in vars(found).items() if name != "annotations"}
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder().find(found, globs=names):
        runner.run(test, out=said.append)
    tell((runner.tries, "".join(said)))


@pytest.mark.parametrize("module", modules_with_examples())
def test_examples(module, tmp_path):
    """Every example in a docstring shows what it says, in a new process with an empty registry."""
    environment = {"LN_JUPYTER_URL": f"sqlite:///{tmp_path / 'registry.db'}"}

    (((tried, said),),) = processes.run(run_examples, [(module, tmp_path)], environment=environment)

    assert said == ""
    assert tried > 0
