"""`publish()`: what is frozen, what is refused, and what the next header goes on with."""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.environment import distributions
from ln_jupyter.notebook import document
from ln_jupyter.notebook.identity import MIME
from ln_jupyter.tracking import running
from tests.ipython import kernel_driver
from tests.tracking import notebooks
from tests.tracking.conftest import PYTEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import sqlalchemy as sa

    from tests.ipython.kernel_driver import Kernel

CELLS = ("import numpy", notebooks.HEADER, "x = 1", "ln.publish()")


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return notebooks.write(tmp_path / "growth.ipynb", "x = 1", title="Growth")


def begin(path: Path, **options: Any) -> None:
    """Run the header as a new process does."""
    running.forget()
    ln.header(filepath=path, **options)


def versions() -> dict[str, bool]:
    found = ln.select(lns.Notebook).order_by(lns.Notebook.created_at).all()
    return {notebook.v: notebook.published_at is not None for notebook in found}


def delete_draft() -> None:
    recording = running.recording()
    assert recording is not None
    recording.settle()
    ln.delete(lns.Run, id=ln.nb.run.id)
    ln.delete(lns.Notebook, id=ln.nb.notebook.id, v=ln.nb.notebook.v)


@pytest.mark.usefixtures("engine")
class TestRows:
    """What is written, on each database; this process runs no cells."""

    def test_the_draft_is_frozen(self, notebook: Path) -> None:
        """Version, source, packages and the end of the run are written together."""
        begin(notebook)

        ln.publish()

        run = ln.select(lns.Run).load("notebook.source", "notebook.environment").one()
        found = document.read(notebook)
        assert ("1", "ok", "finished") == (run.notebook.v, run.outcome, run.state)
        assert found.source == zlib.decompress(run.notebook.source.content)
        assert distributions.current().packages == run.notebook.environment.packages
        assert run.finished_at == run.notebook.published_at
        assert (run.id, run.notebook.published_at) == (ln.nb.run.id, ln.nb.notebook.published_at)

    def test_a_version_of_ones_own(self, notebook: Path) -> None:
        """``version=`` makes that version with the current run; earlier runs stay with the draft."""
        begin(notebook)
        earlier = ln.nb.run.id
        begin(notebook)

        ln.publish(version="1.2")

        runs = {run.id == earlier: run.notebook_v for run in ln.select(lns.Run).all()}
        assert {True: "1", False: "1.2"} == runs
        assert {"1": False, "1.2": True} == versions()
        assert ("1.2", "1") == (ln.nb.notebook.v, ln.nb.notebook.parent_v)

    def test_the_same_source_goes_on(self, notebook: Path) -> None:
        """The next header goes on with the version, and publishing it again is quiet."""
        begin(notebook)
        ln.publish(version="1.2")
        first = ln.nb.notebook.published_at

        begin(notebook)
        ln.publish()
        begin(notebook)
        ln.publish(version="1.2")

        assert ("1.2", first) == (ln.nb.notebook.v, ln.nb.notebook.published_at)
        assert ["1.2"] * 3 == [run.notebook_v for run in ln.select(lns.Run).all()]
        assert {"finished"} == {run.state for run in ln.select(lns.Run).all()}

    def test_another_source_is_the_next_draft(self, notebook: Path) -> None:
        """After a change the header opens the version that follows, once, and that can be published."""
        begin(notebook)
        ln.publish()
        notebooks.write(notebook, "x = 2", title="Growth")

        begin(notebook)
        begin(notebook)
        during = versions()
        ln.publish()

        assert {"1": True, "2": False} == during
        assert {"1": True, "2": True} == versions()

    def test_the_source_of_a_version_stays(self, notebook: Path) -> None:
        """Each published version keeps its own source, also when a later one has another."""
        begin(notebook)
        ln.publish()
        before = document.read(notebook).source_hash
        notebooks.write(notebook, "x = 2", title="Growth")
        begin(notebook)
        ln.publish()

        found = {each.v: each.source_hash for each in ln.select(lns.Notebook).all()}

        assert {"1": before, "2": document.read(notebook).source_hash} == found
        assert 2 == ln.select(lns.Source).count()

    def test_a_published_version_is_not_published_again(self, notebook: Path) -> None:
        """With other source it is refused, by a sentence that names the version that follows; nothing is written."""
        begin(notebook)
        ln.publish(version="1.2")
        notebooks.write(notebook, "x = 2", title="Growth")
        begin(notebook)

        with pytest.raises(errors.AlreadyPublishedError, match=r"version 1\.2 is published since") as raised:
            ln.publish(version="1.2")

        assert 'ln.publish(version="1.3")' in raised.value.fix
        assert ("running", "1.3") == (ln.select(lns.Run, id=ln.nb.run.id).one().state, ln.nb.notebook.v)

    def test_each_version_is_made_from_the_one_before(self, notebook: Path) -> None:
        """Also after the ninth: as text, 9 is the last of them."""
        for number in range(1, 13):
            notebooks.write(notebook, f"x = {number}", title="Growth")
            begin(notebook)
            ln.publish()

        found = {each.v: each.parent_v for each in ln.select(lns.Notebook).all()}

        assert {str(number): str(number - 1) if number > 1 else None for number in range(1, 13)} == found

    @pytest.mark.parametrize("version", [None, "1.2"])
    def test_a_draft_that_was_deleted(self, notebook: Path, version: str | None) -> None:
        """What is published in the place of a draft that was deleted has the parent of that, and is not its own."""
        begin(notebook)
        ln.publish(version="1")
        notebooks.write(notebook, "x = 2", title="Growth")
        begin(notebook)
        delete_draft()

        ln.publish(version)

        found = ln.select(lns.Notebook, v=version or "2").one()
        assert (ln.nb.notebook.id, "1") == (found.parent_id, found.parent_v)
        assert "finished" == ln.nb.run.state

    @pytest.mark.parametrize("version", [None, "1.2"])
    def test_a_first_draft_that_was_deleted(self, notebook: Path, version: str | None) -> None:
        """Where nothing is left that it could be made from, a version has no parent."""
        begin(notebook)
        delete_draft()

        ln.publish(version)

        found = ln.select(lns.Notebook).one()
        assert (version or "1", None, None) == (found.v, found.parent_id, found.parent_v)
        assert found.published_at is not None

    def test_saved_after_the_header_it_is_the_next_version(self, notebook: Path) -> None:
        """Source that was saved after the header belongs to no published version, and so to the next."""
        begin(notebook)
        ln.publish()
        begin(notebook)
        notebooks.write(notebook, "x = 2", title="Growth")

        ln.publish()

        assert ("2", "2") == (ln.nb.notebook.v, ln.nb.run.notebook_v)

    def test_after_it_a_header_begins_a_run(self, notebook: Path) -> None:
        """A finished run is not continued, and not finished twice."""
        begin(notebook)
        ln.publish()
        first = ln.nb.run

        ln.header(filepath=notebook)

        assert first.id != ln.nb.run.id
        assert first.finished_at == ln.select(lns.Run, id=first.id).one().finished_at

    def test_what_is_saved_after_it_is_not_of_its_run(self, notebook: Path) -> None:
        """While the cell that published still runs, the file may be edited: the run keeps the published source."""
        begin(notebook)
        ln.publish()
        notebooks.write(notebook, "x = 2", title="Growth")

        recording = running.recording()
        assert recording is not None
        recording.settle()

        run = ln.select(lns.Run).load("notebook").one()
        assert run.notebook.source_hash == run.source_hash

    def test_twice_is_once(self, notebook: Path) -> None:
        """A second call in the same process changes nothing of the version."""
        begin(notebook)
        ln.publish()
        first = ln.nb.notebook.published_at

        ln.publish()

        assert first == ln.select(lns.Notebook).one().published_at

    def test_a_title_below_a_badge(self, tmp_path: Path) -> None:
        """What has its heading in a later Markdown cell is published by that title; only headings of parts are none."""
        badge = {"cell_type": "markdown", "id": "b", "metadata": {}, "source": "[![](https://x.org/badge.svg)]()"}
        path = notebooks.write(tmp_path / "growth.ipynb", "x = 1", title="Growth")
        content = json.loads(path.read_text())
        title, code = content["cells"]
        path.write_text(json.dumps(content | {"cells": [badge, code, title | {"source": "## Load data"}]}))
        begin(path)

        with pytest.raises(errors.TitleMissingError):
            ln.publish()
        path.write_text(json.dumps(content | {"cells": [badge, title, code]}))
        ln.publish()

        assert "Growth" == ln.select(lns.Notebook).one().title

    def test_a_title_of_before(self, notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is published keeps its title, and goes on being published, though no title is found in it now."""
        begin(notebook)
        ln.publish()
        monkeypatch.setattr("ln_jupyter.notebook.title.read_title", lambda _: None)

        begin(notebook)
        ln.publish()

        assert ("Growth", "1") == (ln.nb.notebook.title, ln.nb.notebook.v)
        notebooks.write(notebook, "x = 2", title="Growth")
        begin(notebook)
        with pytest.raises(errors.TitleMissingError):
            ln.publish()

    def test_without_a_file(self) -> None:
        """A notebook that only its id tells is published too."""
        ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")

        ln.publish(version="2")

        assert ("Rx2s9cPTMQLY", "2") == (ln.nb.notebook.id, ln.nb.notebook.v)
        assert 0 == ln.select(lns.NotebookPath).count()

    def test_the_file_is_not_written(self, notebook: Path) -> None:
        """The notebook's bytes are what they were."""
        before = notebook.read_bytes()
        begin(notebook)

        ln.publish()

        assert before == notebook.read_bytes()

    @pytest.mark.parametrize("again", [False, True], ids=["after the header", "before a second one"])
    def test_a_lost_file(self, notebook: Path, capsys: pytest.CaptureFixture[str], *, again: bool) -> None:
        """A file that is gone, nobody knows where to, is an error with its fix; put back, the notebook is published."""
        begin(notebook)
        elsewhere = notebook.rename(notebook.with_name("moved.ipynb"))
        if again:
            ln.header()
            assert f"\nfile {notebook} is gone · put it back, or ln.header(" in capsys.readouterr().out

        with pytest.raises(errors.NotebookNotFoundError, match=f"{notebook}, is gone, and nothing tells") as raised:
            ln.publish()

        assert "put it back, or say where it is" in raised.value.fix
        assert {"1": False} == versions()
        elsewhere.rename(notebook)
        ln.publish()
        assert {"1": True} == versions()
        assert document.read(notebook).source_hash == ln.nb.notebook.source_hash

    @pytest.mark.parametrize("options", [{}, {"run": "new"}, {"id": "Rx2s9cPTMQLY"}], ids=str)
    def test_a_lost_file_stays_one(self, tmp_path: Path, options: dict[str, Any]) -> None:
        """However the same notebook is registered again, it has a file, and is not published without that."""
        notebook = notebooks.write(tmp_path / "growth.ipynb", title="Growth", nbproject={"id": "Rx2s9cPTMQLY"})
        begin(notebook)
        notebook.unlink()

        ln.header(**options)
        ln.header(**options)

        with pytest.raises(errors.NotebookNotFoundError, match="is gone"):
            ln.publish()
        assert {"1": False} == versions()

    def test_another_notebook_has_no_file(self, notebook: Path) -> None:
        """An id of another notebook says who runs now; where that has no file, it is published as it ran."""
        begin(notebook)
        notebook.unlink()

        ln.header(id="Rx2s9cPTMQLY", name="Solve Problem X")
        ln.publish()

        assert ("Rx2s9cPTMQLY", True) == (ln.nb.notebook.id, ln.nb.notebook.published_at is not None)

    def test_not_found_again(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A file that nothing names now, and that is where it was, is what it was: all checks are made."""
        notebook = notebooks.write(tmp_path / "growth.ipynb")
        begin(notebook)
        capsys.readouterr()

        ln.header()

        assert f"\n  file      {notebook} · found by an earlier header()\n" in capsys.readouterr().out
        with pytest.raises(errors.TitleMissingError):
            ln.publish()
        assert {"1": False} == versions()

    def test_a_rename_is_followed(self, notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file that has moved and is found is published where it is now, and is there for the next header."""
        begin(notebook)
        renamed = notebook.rename(notebook.with_name("renamed.ipynb"))
        monkeypatch.setenv("LN_JUPYTER_NOTEBOOK", str(renamed))

        ln.publish()
        monkeypatch.delenv("LN_JUPYTER_NOTEBOOK")
        ln.header()

        assert ("1", "renamed", str(renamed)) == (ln.nb.notebook.v, renamed.stem, ln.nb.run.path)

    @pytest.mark.parametrize("version", ["", "no spaces, please", "-1"])
    def test_a_version_that_is_none(self, notebook: Path, version: str) -> None:
        """A version that cannot name one is refused."""
        begin(notebook)

        with pytest.raises(errors.InvalidIdentityError):
            ln.publish(version=version)

        assert {"1": False} == versions()


def test_before_the_header_there_is_nothing(ln_registry: sa.Engine) -> None:
    """Without a header there is nothing to publish, and the error says where it goes."""
    with pytest.raises(errors.NotRegisteredError) as raised:
        ln.publish()

    assert "ln.header()" in raised.value.fix


def test_off_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``LN_JUPYTER_MODE=off`` nothing happens, whatever is asked."""
    monkeypatch.setenv("LN_JUPYTER_MODE", "off")

    assert ln.publish(version="no spaces, please") is None


class TestKernel:
    """In a kernel, whose log is asked."""

    @pytest.fixture
    @staticmethod
    def kernel(tmp_path: Path) -> Iterator[Kernel]:
        """Give a kernel beside a notebook."""
        notebooks.write(tmp_path / "a.ipynb", "import numpy", "ln.header(filepath='a.ipynb')", *CELLS[2:], title="G")
        with kernel_driver.start(tmp_path, "import ln_jupyter as ln") as kernel:
            yield kernel

    @staticmethod
    def run_all(kernel: Kernel, *sources: str) -> Any:
        """Run these cells after the first two of the notebook."""
        for source in ("import numpy", "ln.header(filepath='a.ipynb')", *sources):
            executed = kernel.run(source)
        return executed

    def test_run_all(self, kernel: Kernel) -> None:
        """All cells in their order are published; the display carries the version, for the file."""
        executed = self.run_all(kernel, *CELLS[2:])

        ((_, content),) = executed.outputs
        assert ", version 1 published " in content["data"]["text/plain"]
        assert "1" == content["data"][MIME]["nbproject"]["version"]

    @pytest.mark.parametrize(
        ("sources", "kind"),
        [
            (["ln.publish()"], "CellOrderError"),
            (["x = 2", "ln.publish()"], "CellOrderError"),
            (["x = 1", "y = 1", "ln.publish()"], "SourceDiffersError"),
            (["x = 1; ln.publish()"], "SourceDiffersError"),
        ],
        ids=str,
    )
    def test_what_is_refused(self, kernel: Kernel, sources: list[str], kind: str, tmp_path: Path) -> None:
        """What is not fit is one error of three lines, and nothing is written; saved and run again, it publishes."""
        executed = self.run_all(kernel, *sources)

        assert [kind] == executed.errors
        assert 3 == len(executed.traceback.splitlines())
        assert [None] == [found["published_at"] for found in notebooks.table(tmp_path / "registry.db", "ln_notebook")]
        assert "ok" == self.run_all(kernel, *CELLS[2:]).status

    def test_cells_of_the_run_before_are_named(self, kernel: Kernel) -> None:
        """In a second pass the cells before the header's ran in the run before, and what is shown says so."""
        for source in ("import numpy", "ln.header(filepath='a.ipynb')", CELLS[2]):
            kernel.run(source)

        executed = self.run_all(kernel, *CELLS[2:])

        text = executed.outputs[0][1]["data"]["text/plain"]
        assert re.search(r"\ncell 1 ran in run \w{6}, before this run began\n", text)
        assert re.search(r"\nrun \w{6} by .* · goes on from \w{6} in this process", text)

    def test_a_lost_file(self, kernel: Kernel, tmp_path: Path) -> None:
        """A file that was moved is not published as the kernel's own log has it, whatever ran since."""
        untitled = notebooks.write(tmp_path / "b.ipynb", "import ln_jupyter as ln", "ln.header()", "ln.publish()")
        assert "found by content" in kernel.run("ln.header()").outputs[0][1]["data"]["text/plain"]
        assert ["TitleMissingError"] == kernel.run("ln.publish()").errors
        (tmp_path / "away").mkdir()
        untitled.rename(tmp_path / "away" / "b.ipynb")
        kernel.run("stray = 1")

        again = kernel.run("ln.header()", cell_id="as in JupyterLab")  # where a program runs cells, it is refused
        published = kernel.run("ln.publish()")

        assert f"file {untitled} is gone" in again.outputs[0][1]["data"]["text/plain"]
        assert ["NotebookNotFoundError"] == published.errors
        assert [None] == [found["published_at"] for found in notebooks.table(tmp_path / "registry.db", "ln_notebook")]


@pytest.mark.runner
@pytest.mark.parametrize(
    "command",
    [
        ("-m", "jupyter", "execute", "growth rate.ipynb"),
        ("-m", "jupyter", "nbconvert", "--execute", "--to", "notebook", "--output", "out.ipynb", "growth rate.ipynb"),
        ("-m", "papermill", "growth rate.ipynb", "out.ipynb", "-p", "alpha", "3"),
        ("-m", "IPython", "--quick", "growth rate.ipynb"),
        (*PYTEST, "--nbmake", "growth rate.ipynb"),
    ],
    ids=["execute", "nbconvert", "papermill", "ipython", "nbmake"],
)
def test_every_runner_publishes(run: Callable[..., Any], folder: Path, registry: str, command: tuple[str, ...]) -> None:
    """Run twice, a notebook is published once and green twice, with the packages it imported and its cells."""
    notebooks.write(folder / "growth rate.ipynb", *CELLS, title="Growth")
    arguments = (*command, f"--ln-registry={registry}") if "--nbmake" in command else command

    for _ in range(2):
        done = run(*arguments)
        assert 0 == done.returncode, done.stdout + done.stderr

    (notebook,) = notebooks.table(registry, "ln_notebook")
    runs = notebooks.table(registry, "ln_run")
    assert notebook["published_at"]
    assert ["ok", "ok"] == [each["outcome"] for each in runs]
    assert all("numpy" in each["imports"] for each in runs)
    assert {notebook["source_hash"]} == {each["source_hash"] for each in runs}
    if "papermill" in command:
        assert ['{"alpha": 3}'] * 2 == [each["parameters"] for each in runs]
    cells = [each["ok"] for each in notebooks.table(registry, "ln_executed_cell")]
    assert cells == ([] if "IPython" in command else [1] * 6)  # ipython tells of none
