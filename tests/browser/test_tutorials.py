"""The tutorials, as somebody sees them who opens them in JupyterLab."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines
from tests.browser.conftest import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import Lab, LabServer

pytestmark = pytest.mark.browser

MIME = "application/vnd.ln-jupyter.header+json"
TUTORIALS = sorted((PROJECT / "notebooks").glob("0*.ipynb"))


ELSEWHERE = ("07-one-registry-for-a-team",)  # it registers in a database server of its own


def _outputs(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [output for cell in cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_in_jupyterlab(tutorial: Any, open_lab: Callable[[Any], Lab], lab_server: LabServer) -> None:
    """Every cell runs without an error, no dialog asks anything, and what is saved carries the identity."""
    lab = open_lab(tutorial)
    known = json.loads(tutorial.read_text())["metadata"]["nbproject"]

    lab.run_all()
    lab.picture(tutorial.stem)
    lab.save()

    assert [] == [output for output in _outputs(lab.cells()) if output["output_type"] == "error"]
    assert [] == lab.dialogs()
    saved = json.loads((lab_server.folder / tutorial.name).read_text())
    carried = [o["data"][MIME] for o in _outputs(saved["cells"]) if MIME in o.get("data", {})]
    assert {known["id"]} == {bundle["nbproject"]["id"] for bundle in carried}
    assert known | carried[-1]["nbproject"] == saved["metadata"]["nbproject"]  # the newest
    if tutorial.stem in ELSEWHERE:
        return
    engine = engines.resolve(sa.make_url(lab_server.registry))
    with ln.Session(engine) as ss:
        runs = ss.select(lns.Run, notebook_id=known["id"]).all()
        assert [str(lab_server.folder / tutorial.name)] == [run.path for run in runs]
        assert ["jupyter-server"] == [run.runner for run in runs]
    engines.dispose(lab_server.registry)
