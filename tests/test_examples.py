import os
import subprocess
import sys
from pathlib import Path

import pytest

import ln_jupyter

PACKAGE = Path(ln_jupyter.__file__).parent
RUN_EXAMPLES = """
import doctest, importlib, sys
module = importlib.import_module(sys.argv[1])
# Compiled as in a notebook, which has no `from __future__ import annotations`.
names = {name: value for name, value in vars(module).items() if name != "annotations"}
results = doctest.testmod(module, globs=names, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
sys.exit(results.failed > 0 or results.attempted == 0)
"""


def modules_with_examples() -> list[str]:
    files = (file.relative_to(PACKAGE.parent) for file in PACKAGE.rglob("*.py") if ">>> " in file.read_text("utf-8"))
    return sorted(".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files)


@pytest.mark.parametrize("module", modules_with_examples())
def test_examples(module, tmp_path):
    """Every example in a docstring shows what it says, in a new process with an empty registry."""
    environment = os.environ | {
        "LN_JUPYTER_URL": f"sqlite:///{tmp_path / 'registry.db'}",
        "PYTHONPATH": str(PACKAGE.parent),
    }
    command = [sys.executable, "-W", "error", "-c", RUN_EXAMPLES, module]

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
