"""What the pages tell people to type does run: each page becomes a notebook, and is run in a real kernel."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]

# A block is left out only with its reason, in a comment above it: <!-- not run: it installs -->
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^>]+) -->\n+)?^(?P<fence>```+)(?P<language>python|sh)\n(?P<code>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
SHELL = "import subprocess\nsubprocess.run(['sh', '-eu', '-c', {code!r}], check=True)"


def cells_of(page: str) -> list[str]:
    """Give the blocks of a page as the cells of a notebook, those with a reason to be left out excepted."""
    blocks = [block for block in BLOCK.finditer(page) if block["reason"] is None]
    return [block["code"] if block["language"] == "python" else SHELL.format(code=block["code"]) for block in blocks]


def test_blocks() -> None:
    """A block of Python is a cell, one of a shell a call of it, and one that says why it is not run is none."""
    page = "```python\na\n```\n\n<!-- not run: it installs -->\n\n```sh\nb\n```\n```sh\nc\n```\n```text\nd\n```\n"

    assert ["a\n", SHELL.format(code="c\n")] == cells_of(page)


def test_every_block_has_a_language() -> None:
    """No block of code hides from the test by being of no language or of one that nobody runs."""
    known = {"python", "sh", "text", "toml", "json", "yaml", "html", "sql", "mermaid"}
    for page in PAGES:
        if page.exists():
            opened = re.findall(r"^```+([^\n]*)$", page.read_text("utf-8"), re.MULTILINE)
            assert {word for word in opened[::2] if not word.startswith("{")} <= known, page


@pytest.mark.newest
@pytest.mark.runner
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.exists()], ids=lambda page: str(page.relative_to(ROOT))
)
def test_snippets(page: Path, tmp_path: Path) -> None:
    """Every snippet of a page runs, from the first to the last, in an empty folder with an empty registry."""
    cells = cells_of(page.read_text("utf-8"))
    if not cells:
        return
    notebook = new_notebook(cells=[new_code_cell(source=cell.strip()) for cell in cells])
    nbformat.write(notebook, tmp_path / f"{page.stem}.ipynb")
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LN_JUPYTER_", "PYTEST_"))}
    environment |= {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "IPYTHONDIR": str(home / "ipython"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }

    nbclient.NotebookClient(notebook).execute(cwd=str(tmp_path), env=environment)  # raises what a cell does
