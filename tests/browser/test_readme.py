"""The README's cells and its picture, which this test makes: LN_JUPYTER_PICTURES=docs/images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from tests.docs.test_snippets import cells_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import Lab

pytestmark = pytest.mark.browser

README = Path(__file__).parents[2] / "README.md"


def test_the_first_cells(open_lab: Callable[[Path], Lab], tmp_path: Path) -> None:
    """The README's cells, pasted into JupyterLab, show what its picture shows, in light and dark."""
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in cells_of(README.read_text("utf-8"))[:3]]
    kernel = {"name": "python3", "display_name": "Python 3"}  # or JupyterLab would ask
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, tmp_path / "solve problem x.ipynb")
    lab = open_lab(tmp_path / "solve problem x.ipynb")

    lab.run_all()

    shown = lab.page.locator(".jp-Cell").nth(2)
    assert "● 1 relationship loaded, ⊘ 13 not loaded · session closed" in shown.inner_text()
    shown.locator("summary").first.click()
    text = shown.inner_text()
    assert "● loaded" in text
    assert 'ln.load(run, "' in text
    for theme in ("light", "dark"):
        lab.use_theme(f"JupyterLab {theme.title()}")
        if folder := os.environ.get("LN_JUPYTER_PICTURES"):
            shown.screenshot(path=Path(folder) / f"record-{theme}.png")
