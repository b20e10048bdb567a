"""The identity of a notebook under the hands of somebody who edits it."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
import sqlalchemy as sa

from ln_jupyter.notebook.identity import MIME
from ln_jupyter.schema import NotebookPath
from tests.browser.conftest import Lab, LabServer
from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

CELLS = ["import ln_jupyter as ln\nln.nb.header()", "x = 1\nx", "'end'"]
EDITORS = {"lab": ("lab", False), "notebook": ("notebook", False), "collaboration": ("lab", True)}

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

    def __init__(self, page: Any, server: LabServer, name: str) -> None:
        super().__init__(page, server, name)
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

    def paths(self) -> dict[str, str]:
        """Read which id the registry knows each file by."""
        with closing(sa.create_engine(self.server.registry, poolclass=sa.NullPool).connect()) as registry:
            rows = registry.execute(sa.select(NotebookPath.path, NotebookPath.notebook_id)).all()
        names = {path.rpartition("/")[2]: notebook_id for path, notebook_id in rows}
        return {name: notebook_id for name, notebook_id in names.items() if name.startswith(self.file.name[:4])}


def outputs(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [output for cell in cells for output in cell.get("outputs", [])]


def wait(look: Callable[[], object], wanted: object) -> None:
    """Wait for what a server does in its own time; with collaboration, it saves so."""
    deadline = time.monotonic() + kernel_driver.TIMEOUT
    while (found := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert wanted == found


@pytest.fixture(scope="module", params=EDITORS)
def editor_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """Start each of the editors' servers, for all tests here."""
    app, collaboration = EDITORS[request.param]
    server = LabServer(tmp_path_factory.mktemp(request.param), app=app, collaboration=collaboration)
    yield server
    server.stop()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Open pages that are closed with the test."""
    pages = []

    def new_page() -> Page:
        pages.append(browser.new_page())
        return pages[-1]

    yield new_page
    for page in pages:
        page.close()


def edited(server: LabServer, page: Page) -> Editor:
    """Open a notebook that runs, is edited while nothing is saved, and then is saved."""
    name = f"{len(list(server.folder.iterdir())):04} Größe.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), server.folder / name)
    editor = Editor(page, server, name)
    editor.run_all()
    editor.edit(1, "x = 2")
    editor.save()
    wait(editor.saved_id, editor.shown_id())
    return editor


@pytest.fixture
def editor(editor_server: LabServer, new_page: Callable[[], Page]) -> Editor:
    """Give a notebook that was edited, to work on."""
    return edited(editor_server, new_page())


@pytest.fixture(scope="module")
def seen(editor_server: LabServer, browser: Browser) -> Iterator[Editor]:
    """Give a notebook that was edited, to look at only."""
    page = browser.new_page()
    yield edited(editor_server, page)
    page.close()


def test_saved_with_all_that_was_done(seen: Editor) -> None:
    """The file has the identity, the edit and every output, and no dialog asked anything."""
    saved = seen.saved()

    nbformat.validate(saved)
    assert [CELLS[0], "x = 2", CELLS[2]] == seen.saved_sources()
    assert [[MIME, "text/html", "text/plain"], ["text/plain"], ["text/plain"]] == [
        sorted(output["data"]) for output in outputs(saved["cells"])
    ]
    assert [] == seen.dialogs()


def test_collaboration(seen: Editor) -> None:
    """What is tested as collaboration is one: the page shares its document with the server."""
    shared = seen.page.evaluate("() => jupyterapp.shell.currentWidget.context.model.collaborative")

    assert seen.server.collaboration == shared


def test_header_knows(seen: Editor) -> None:
    """The header says that saving keeps the identity."""
    (text,) = [output["data"]["text/plain"] for output in outputs(seen.saved()["cells"][:1])]

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


def test_reverted(editor: Editor) -> None:
    """After a reload from disk the editor has the identity in its metadata, and saves it on."""
    notebook_id = editor.shown_id()

    editor.revert()
    editor.edit(1, "x = 3")
    editor.save()
    wait(lambda: editor.saved_sources()[1], "x = 3")

    assert notebook_id == editor.saved_id()
    assert [] == editor.dialogs()


def test_renamed(editor: Editor) -> None:
    """A renamed notebook that runs again has the same id, at its new path."""
    notebook_id = editor.shown_id()

    editor.rename(editor.file.name.replace("Größe", "moved"))
    editor.run_all()
    editor.save()

    wait(editor.paths, {editor.file.name: notebook_id})
    assert (notebook_id, notebook_id) == (editor.shown_id(), editor.saved_id())
    assert [] == editor.dialogs()


def test_copied(editor: Editor, new_page: Callable[[], Page]) -> None:
    """A copy gets an id of its own, once, and keeps it when its outputs are cleared; the original keeps its own."""
    notebook_id = editor.shown_id()

    copy = Editor(new_page(), editor.server, editor.duplicate())
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
    assert {editor.file.name: notebook_id, copy.file.name: copy_id} == editor.paths()
    assert notebook_id == editor.saved_id()
