"""Records, lists, statements, sessions and diagrams, as somebody sees them in JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest

import ln_jupyter.schema as lns
from ln_jupyter.display import html, record, table
from ln_jupyter.display.card import of_facts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.browser.conftest import Lab

pytestmark = pytest.mark.browser

CELLS = {
    "setup": """\
%load_ext ln_jupyter
import ln_jupyter as ln, ln_jupyter.schema as lns
import sqlalchemy as sa
pipeline = lns.Pipeline(name="Transform A")
files = [lns.File(name=f"sample {i}.h5ad", size=10**i) for i in range(1, 8)]
_ = ln.add([lns.Run(name=f"Solve Problem {i}", pipeline=pipeline, inputs=files[:i]) for i in range(30)])""",
    "detached": 'ln.select(lns.Run, name="Solve Problem 7").first()',
    "in a session": '%%ln_session\nrun = ln.select(lns.Run, name="Solve Problem 7").load("inputs").one()\nrun',
    "list": 'ln.select(lns.Run).load("pipeline", "inputs").order_by(lns.Run.name).all()',
    "statement": 'ln.select(lns.Pipeline, name="Transform A").where(lns.Pipeline.v != "2")',
    "session": "ss = ln.Session()\nss",
    "row": "ss.orm.execute(sa.select(lns.Run.id, lns.Run.name, lns.Run.created_at).limit(3)).all()",
    "result": "ss.orm.execute(sa.select(lns.Run.id, lns.Run.name))",
    "view": "ss.close()\nln.view(n=3)",
    "odd": """\
odd = sa.MetaData()
sa.Table('größe "x"', odd, sa.Column("a b", sa.Integer, primary_key=True), sa.Column("PK", sa.String), schema="lab")
sa.Table("style", odd, sa.Column("class", sa.ForeignKey('lab.größe "x".a b')), sa.Column("1st", sa.Interval))
lns.view(odd)""",
    "diagram": "lns.view()",
}
PLACES = {name: number for number, name in enumerate(CELLS)}
WORDS = ".ln :is(span, th, td, dt, dd, p, b, small, code, summary)"
CONTRASTS = """\
elements => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgb = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = colour => {
        const [r, g, b] = rgb(colour).map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    return elements.map(element => {
        let behind = element;
        while (rgb(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
        const both = [light(getComputedStyle(element).color), light(getComputedStyle(behind).backgroundColor)];
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    });
}"""


@pytest.fixture
def lab(open_lab: Callable[[Path], Lab], tmp_path: Path) -> Lab:
    """A notebook that shows one of each, and has run."""
    file = tmp_path / "display.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    kernel = {"name": "python3", "display_name": "Python 3"}  # or JupyterLab would ask
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), file)
    lab = open_lab(file)
    lab.run_all()
    lab.page.set_viewport_size({"width": 1200, "height": 6000})
    lab.page.locator(".jp-RenderedMermaid img").nth(1).wait_for()
    return lab


def output(lab: Lab, name: str) -> Any:
    return lab.page.locator(".jp-Cell").nth(PLACES[name]).locator(".jp-OutputArea-output")


def test_displays(lab: Lab) -> None:
    """Each shows itself, without an error; a screen reader finds what rows and columns are, and what is folded."""
    assert [] == [each for cell in lab.cells() for each in cell["outputs"] if each["output_type"] != "execute_result"]
    for name in ("detached", "in a session", "list", "statement", "session", "row", "result", "view"):
        assert output(lab, name).locator(".ln").is_visible(), name
    # of others, too, which this registry may have: some have a reason in a row below
    assert 20 == output(lab, "list").locator("tbody tr:not(:has(td[colspan]))").count()
    assert output(lab, "list").get_by_role("columnheader", name="run").is_visible()
    assert output(lab, "session").get_by_role("rowheader", name="database").is_visible()
    assert "- group: ⊘ 14 not loaded · session closed" in output(lab, "detached").aria_snapshot()
    for name in ("odd", "diagram"):
        assert output(lab, name).locator("img").is_visible(), name
    for theme in ("JupyterLab Dark", "JupyterLab Dark High Contrast", "JupyterLab Light"):
        _assert_legible(lab, theme)


def test_untrusted(open_lab: Callable[[Path], Lab], tmp_path: Path) -> None:
    """In a notebook that somebody else ran, whose styles JupyterLab strips, values and columns are to the left."""
    shown = [
        html.render(record.view(lns.User(id="u", name="Ann"))),
        table.render(table.of_rows("row", ("id", "name"), [("1", "red")], count=1)),
        html.render(of_facts("Session", facts=(("new", "2"),))),
    ]
    outputs = [nbformat.v4.new_output("display_data", {"text/html": each}) for each in shown]
    file = tmp_path / "untrusted.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3"}
    cells = [nbformat.v4.new_code_cell("1", outputs=outputs)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), file)

    lab = open_lab(file)

    frames = lab.page.locator(".jp-OutputArea-output .ln")
    frames.nth(2).wait_for()
    assert 0 == frames.locator("style").count()
    aligned = frames.locator("td, thead th").evaluate_all("all => all.map(e => getComputedStyle(e).textAlign)")
    assert len(aligned) > 6
    assert {"left"} == set(aligned)


def _assert_legible(lab: Lab, theme: str) -> None:
    """Check that all words stand out from their background in a theme."""
    lab.use_theme(theme)
    lab.picture(f"display {theme}")
    contrasts = lab.page.locator(WORDS).evaluate_all(CONTRASTS)
    assert len(contrasts) > 100
    assert min(contrasts) > 4.5
