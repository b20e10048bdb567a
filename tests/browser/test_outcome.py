"""How a run in JupyterLab ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.browser.conftest import Lab, LabServer

pytestmark = pytest.mark.browser

RESTART = "() => jupyterapp.shell.currentWidget.context.sessionContext.restartKernel().then(() => null)"
MEND = "() => jupyterapp.shell.currentWidget.content.model.sharedModel.getCell(2).setSource('x = 1')"


def test_a_failure_counts_until_it_is_made_good(
    open_lab: Callable[[Path], Lab], lab_server: LabServer, tmp_path: Path
) -> None:
    """A kernel that is restarted after a cell has failed leaves a failed run; where the cell was mended and run first, none."""
    name = "Outcome of a run"
    lab = open_lab(notebooks.write(tmp_path / "outcome.ipynb", notebooks.HEADER, "x = 1/0", title=name))

    lab.run_all()
    lab.evaluate(RESTART)
    lab.run_all()
    lab.evaluate(MEND)
    lab.evaluate("() => { jupyterapp.shell.currentWidget.content.activeCellIndex = 2 }")
    lab.command("notebook:run-cell")
    lab.evaluate(RESTART)

    found = [each["run"] for each in notebooks.runs(lab_server.registry) if each["title"] == name]
    outcomes = {each["id"]: each["outcome"] for each in notebooks.table(lab_server.registry, "ln_run")}
    assert ["failed", "ok"] == [outcomes[each] for each in found]
