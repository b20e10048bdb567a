"""Records on a page that nbconvert made, in its themes, and in languages that are written from the right."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbconvert import HTMLExporter

from ln_jupyter import schema as lns
from ln_jupyter.display import html, record
from tests.browser.test_display import CONTRASTS, WORDS

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

CELLS = [
    '%load_ext ln_jupyter\nimport ln_jupyter as ln, ln_jupyter.schema as lns\nln.connect("sqlite://")',
    'ln.add(lns.Run(name="Solve Problem X", pipeline=lns.Pipeline(name="Transform A"), inputs=[lns.File(name="f")]))',
    "%%ln_session\nln.select(lns.Run).first()",
    "ln.select(lns.Run).all()",
    'ln.select(lns.Run, name="Solve Problem X")',
]


def open_page(browser: Browser, file: Path) -> Page:
    """Open a file, whose links to other hosts lead nowhere."""
    page = browser.new_page(viewport={"width": 1000, "height": 1600})
    page.route("http*://**", lambda route: route.abort())
    page.goto(file.as_uri(), wait_until="domcontentloaded")
    return page


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a notebook that shows one of each, and has run."""
    file = tmp_path_factory.mktemp("executed") / "page.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), file)
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", file.name]
    subprocess.run(command, cwd=file.parent, check=True, capture_output=True)
    return file


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(executed: Path, browser: Browser, tmp_path: Path, theme: str) -> None:
    """All words stand out from their background on nbconvert's pages, light and dark."""
    html_page, _ = HTMLExporter(theme=theme).from_filename(str(executed))
    (tmp_path / "page.html").write_text(html_page, "utf-8")

    page = open_page(browser, tmp_path / "page.html")

    contrasts = page.locator(WORDS).evaluate_all(CONTRASTS)
    assert len(contrasts) > 50
    assert min(contrasts) > 4.5
    page.close()


def test_written_from_the_right(browser: Browser, tmp_path: Path) -> None:
    """Each value has the direction of its own first letter, and turns none of its neighbours around."""
    runs = [lns.Run(name="تجربة (1) · نمو"), lns.Run(name="growth ניסוי 2")]
    shown = "".join(html.render(record.view(run)) for run in runs)
    (tmp_path / "page.html").write_text(f'<meta charset="utf-8">{shown}', "utf-8")
    page = open_page(browser, tmp_path / "page.html")

    first, second = (
        page.evaluate(
            """name => {
                const cell = [...document.querySelectorAll('td')].find(each => each.textContent.includes(name));
                const text = cell.firstChild, range = document.createRange();
                const left = position => {
                    range.setStart(text, position); range.setEnd(text, position + 1);
                    return range.getBoundingClientRect().left;
                };
                return [left(1), left(text.length - 2)];
            }""",
            name,
        )
        for name in ("تجربة", "growth")
    )

    assert first[0] > first[1]
    assert second[0] < second[1]
    page.close()
