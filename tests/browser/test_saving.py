"""The identity of a notebook under the hands of somebody who edits it."""

from __future__ import annotations

import itertools
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, NamedTuple

import nbformat
import pytest
import sqlalchemy as sa

from ln_jupyter.notebook.identity import MIME
from ln_jupyter.schema import NotebookPath
from tests.browser.conftest import LAB, Lab, LabServer
from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

CELLS = ["import ln_jupyter as ln\nln.nb.header()", "x = 1\nx", "'end'"]
EDITORS = ("lab", "notebook", "collaboration")
LABS = ("lab", "collaboration")
"""For what needs a page of its own in Notebook 7, which loads and copies documents with the same code as JupyterLab."""

NUMBERS = itertools.count()

KNOWN = """async () => {
    const context = jupyterapp.shell.currentWidget.context;
    for (;;) {
        const saved = await jupyterapp.serviceManager.contents.get(context.path, {content: false, hash: true});
        if (!context.model.dirty && context.contentsModel.hash === saved.hash) return;
        await new Promise(go => setTimeout(go, 50));
    }
}"""
"""Waits until a page knows what the server has saved by itself: before it does, Ctrl-S asks whether to overwrite."""


class Editor(Lab):
    """One notebook in an editor, and its file."""

    def __init__(self, page: Page, server: LabServer, name: str, *, editor: str = "lab") -> None:
        super().__init__(page, server, name, editor=editor)
        self.server = server
        self.file = server.folder / name

    def save(self) -> None:
        """Save as Ctrl-S does; with collaboration the server does not always say when it has."""
        if self.server.collaboration:
            self.evaluate(KNOWN)
            saved = "jupyterapp.commands.execute('docmanager:save')"
            self.evaluate(f"() => Promise.race([{saved}, new Promise(go => setTimeout(go, 10_000))]).then(() => null)")
        else:
            super().save()

    def edit(self, cell: int, source: str) -> None:
        """Type into a cell."""
        edit = "([n, s]) => jupyterapp.shell.currentWidget.content.model.sharedModel.getCell(n).setSource(s)"
        self.evaluate(edit, [cell, source])

    def rename(self, name: str) -> None:
        """Rename the file as the file browser does, and wait until the kernel's session has followed."""
        rename = "([old, name]) => jupyterapp.serviceManager.contents.rename(old, name).then(() => null)"
        self.evaluate(rename, [self.path(), self.path().replace(self.file.name, name)])
        wait(lambda: name in [session["path"].removeprefix("RTC:") for session in self.server.sessions()], wanted=True)
        self.file = self.file.with_name(name)

    def duplicate(self) -> str:
        """Copy the file as the file browser does, and give the copy's name."""
        copy = "name => jupyterapp.serviceManager.contents.copy(name, '').then(copy => copy.name)"
        return str(self.evaluate(copy, self.file.name))

    def path(self) -> str:
        """Give the path as the editor knows it."""
        return str(self.evaluate("() => jupyterapp.shell.currentWidget.context.path"))

    def revert(self) -> None:
        """Load the file again, as "Reload from Disk" does."""
        self.evaluate("() => jupyterapp.shell.currentWidget.context.revert().then(() => null)")

    def saved(self) -> Any:
        """Read the file, once the server has written it to its end."""
        deadline = time.monotonic() + kernel_driver.TIMEOUT
        while True:
            try:
                return nbformat.read(self.file, as_version=nbformat.NO_CONVERT)
            except nbformat.reader.NotJSONError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def saved_sources(self) -> list[str]:
        """Read what the file has as the cells' sources."""
        return [cell["source"] for cell in self.saved()["cells"]]

    def saved_id(self) -> str | None:
        """Read which id the file's metadata have."""
        found = self.saved()["metadata"].get("nbproject", {}).get("id")
        return None if found is None else str(found)

    def shown_id(self) -> str:
        """Give the id that the header shows."""
        (bundle,) = [output["data"][MIME] for output in outputs(self.cells()) if MIME in output.get("data", {})]
        return str(bundle["nbproject"]["id"])

    def known_at(self, notebook_id: str) -> list[str]:
        """Read which files the registry knows by an id."""
        with closing(sa.create_engine(self.server.registry, poolclass=sa.NullPool).connect()) as registry:
            paths = registry.scalars(sa.select(NotebookPath.path).where(NotebookPath.notebook_id == notebook_id)).all()
        return [path.rpartition("/")[2] for path in paths]


def outputs(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [output for cell in cells for output in cell.get("outputs", [])]


def wait(look: Callable[[], object], wanted: object) -> None:
    """Wait for what a server does in its own time; with collaboration, it saves so."""
    deadline = time.monotonic() + kernel_driver.TIMEOUT
    while (found := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert wanted == found


class FirstSave(NamedTuple):
    """A notebook that was edited and saved, and what there was to see then: other tests may have gone on with it."""

    editor: Editor
    notebook: Any
    dialogs: list[str]


def run_edit_save(editor: Editor, edit: str) -> None:
    """Run a notebook, edit it while nothing is saved, and then save it."""
    editor.run_all()
    editor.edit(1, edit)
    editor.save()
    wait(lambda: (editor.saved_sources()[1], editor.saved_id()), (edit, editor.shown_id()))


@pytest.fixture(scope="module")
def collaboration_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """Start a JupyterLab whose pages share their documents with the server."""
    server = LabServer(tmp_path_factory.mktemp("collaboration"), application=LAB, collaboration=True)
    yield server
    server.stop()


@pytest.fixture(scope="module", params=EDITORS)
def open_new(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Callable[..., Editor]]:
    """Open notebooks in each of the editors: side by side in one page, but in Notebook 7 each in its own."""
    with ExitStack() as stack:
        if request.param == "collaboration":
            server = request.getfixturevalue("collaboration_server")
            page = stack.enter_context(browser.new_page())
        else:
            server = request.getfixturevalue("lab_server")
            page = request.getfixturevalue("lab_page")
        pages = stack.enter_context(browser.new_context()) if request.param == "notebook" else None

        def open_new(name: str = "") -> Editor:
            """Open a notebook that was not there before, or one that was."""
            if not name:
                name = f"{next(NUMBERS):04} Größe.ipynb"
                cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
                kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
                notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
                nbformat.write(notebook, server.folder / name)
            if pages is None:
                return Editor(page, server, name)
            return Editor(pages.new_page(), server, name, editor="notebook")

        yield open_new


@pytest.fixture(scope="module")
def first_save(open_new: Callable[[], Editor]) -> Iterator[FirstSave]:
    """Open a notebook for all tests here: each leaves one that can run, be edited and be saved."""
    editor = open_new()
    run_edit_save(editor, "x = 2")
    yield FirstSave(editor, editor.saved(), editor.dialogs())
    editor.close()


@pytest.fixture
def editor(first_save: FirstSave) -> Editor:
    """Give a notebook that was edited, to work on; the editor has not loaded it since it was new."""
    editor = first_save.editor
    editor.show()
    run_edit_save(editor, f"x = 'edit {next(NUMBERS)}'")
    return editor


@pytest.fixture
def new_editor(open_new: Callable[[], Editor]) -> Iterator[Editor]:
    """Give a notebook that was edited, for a test that loads it again."""
    editor = open_new()
    run_edit_save(editor, "x = 2")
    yield editor
    editor.close()


def test_saved_with_all_that_was_done(first_save: FirstSave) -> None:
    """The file has the identity, the edit and every output, and no dialog asked anything."""
    saved = first_save.notebook

    nbformat.validate(saved)
    assert [CELLS[0], "x = 2", CELLS[2]] == [cell["source"] for cell in saved["cells"]]
    assert [[MIME, "text/html", "text/plain"], ["text/plain"], ["text/plain"]] == [
        sorted(output["data"]) for output in outputs(saved["cells"])
    ]
    assert [] == first_save.dialogs


def test_collaboration(first_save: FirstSave) -> None:
    """What is tested as collaboration is one: the page shares its document with the server."""
    editor = first_save.editor
    editor.show()

    shared = editor.evaluate("() => jupyterapp.shell.currentWidget.context.model.collaborative")

    assert editor.server.collaboration == shared


def test_header_knows(first_save: FirstSave) -> None:
    """The header says that saving keeps the identity."""
    (text,) = [output["data"]["text/plain"] for output in outputs(first_save.notebook["cells"][:1])]

    assert "found by server-session" in text
    assert "saving keeps" in text


def test_saved_again_and_again(editor: Editor) -> None:
    """Editing and saving goes on without a dialog, and nothing is lost."""
    notebook_id = editor.shown_id()

    for number in range(3):
        editor.edit(1, f"x = {number}")
        editor.save()
        wait(lambda: editor.saved_sources()[1], f"x = {number}")

    assert notebook_id == editor.saved_id()
    assert [] == editor.dialogs()


def test_cleared_outputs(editor: Editor) -> None:
    """Clearing all outputs and saving keeps the identity, also for the next run."""
    notebook_id = editor.shown_id()

    editor.command("notebook:clear-all-cell-outputs")
    editor.save()
    wait(lambda: outputs(editor.saved()["cells"]), [])

    assert notebook_id == editor.saved_id()
    assert [] == editor.dialogs()
    editor.run_all()
    assert notebook_id == editor.shown_id()


@pytest.mark.parametrize("open_new", LABS, indirect=True)
def test_reverted(new_editor: Editor) -> None:
    """After a reload from disk the editor has the identity in its metadata, and saves it on."""
    notebook_id = new_editor.shown_id()

    new_editor.revert()
    new_editor.edit(1, "x = 3")
    new_editor.save()
    wait(lambda: new_editor.saved_sources()[1], "x = 3")

    assert notebook_id == new_editor.saved_id()
    assert [] == new_editor.dialogs()


def test_renamed(editor: Editor) -> None:
    """A renamed notebook that runs again has the same id, at its new path."""
    notebook_id = editor.shown_id()

    editor.rename(editor.file.name.replace("Größe", "moved"))
    editor.run_all()
    editor.save()

    wait(lambda: editor.known_at(notebook_id), [editor.file.name])
    assert (notebook_id, notebook_id) == (editor.shown_id(), editor.saved_id())
    assert [] == editor.dialogs()


@pytest.mark.parametrize("open_new", LABS, indirect=True)
def test_copied(editor: Editor, open_new: Callable[[str], Editor]) -> None:
    """A copy gets an id of its own, once, and keeps it when its outputs are cleared; the original keeps its own."""
    notebook_id = editor.shown_id()

    with closing(open_new(editor.duplicate())) as copy:
        copy.run_all()
        copy.save()
        copy_id = copy.shown_id()
        wait(copy.saved_id, copy_id)
        copy.command("notebook:clear-all-cell-outputs")
        copy.save()
        wait(lambda: outputs(copy.saved()["cells"]), [])
        kept_id = copy.saved_id()
        copy.run_all()

        assert copy_id != notebook_id
        assert (copy_id, copy_id) == (kept_id, copy.shown_id())
        assert ([editor.file.name], [copy.file.name]) == (editor.known_at(notebook_id), copy.known_at(copy_id))
        assert notebook_id == editor.saved_id()
