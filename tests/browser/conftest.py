"""A real JupyterLab in a real browser, driven through JupyterLab's own commands."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter
from tests.server import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

PROJECT = Path(ln_jupyter.__file__).parents[1]

# Chromium as root, without a display, and without looking for hosts that are not there.
CHROMIUM_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

LAB, NOTEBOOK = "jupyterlab.labapp:LabApp", "notebook.app:JupyterNotebookApp"
ADDRESSES = {"lab": "lab/tree/{}?reset&", "notebook": "notebooks/{}?"}


class LabServer:
    """A server of JupyterLab and Notebook 7 in a process of its own, with a home and a registry of its own."""

    def __init__(self, home: Path, *, application: str, collaboration: bool = False) -> None:
        self.collaboration = collaboration
        self.folder = home / "notebooks"
        self.folder.mkdir(parents=True)
        self.registry = f"sqlite:///{home / 'registry.db'}"
        self.token = secrets.token_hex(16)
        extensions = home / "config" / "jupyter_server_config.d"
        extensions.mkdir(parents=True)
        shutil.copy(PROJECT / "jupyter-config" / "server-config" / "ln_jupyter.json", extensions)
        quiet = home / "settings" / "@jupyterlab" / "apputils-extension"
        quiet.mkdir(parents=True)
        (quiet / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("JPY_", "PYTEST_"))} | {
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_TOKEN": self.token,
            "LN_JUPYTER_URL": self.registry,
        }
        # neither servers of languages and terminals, nor a look for what could be built anew: each starts programs
        off = "{'jupyter_lsp': False, 'jupyter_server_terminals': False}"
        page = "{'page_config_data': {'buildCheck': False, 'buildAvailable': False}}"
        options = ["--ip=127.0.0.1", f"--ServerApp.root_dir={self.folder}", f"--ServerApp.jpserver_extensions={off}"]
        options += [f"--ServerApp.tornado_settings={page}", f"--YDocExtension.disable_rtc={not collaboration}"]
        options += [f"--{each.partition(':')[2]}.expose_app_in_browser=True" for each in (LAB, NOTEBOOK)]
        self._process, port = process.start(
            options,
            application=application,
            cwd=home,  # where jupyter-collaboration keeps its database
            env=environment,
            log=home / "server.log",
        )
        self.url = f"http://127.0.0.1:{port}/"

    def sessions(self) -> list[dict[str, Any]]:
        """Ask which notebooks have a kernel."""
        headers = {"Authorization": f"token {self.token}"}
        with urllib.request.urlopen(urllib.request.Request(self.url + "api/sessions", headers=headers)) as response:
            return list(json.load(response))

    def stop(self) -> None:
        """End the process, and its kernels with it."""
        self._process.terminate()
        self._process.wait()


_PATIENCE = 90_000
"""Milliseconds that anything in a page may take."""

IN_TIME = f"""act => arg => Promise.race([
    act(arg), new Promise((_, reject) => setTimeout(() => reject(new Error("not done in time")), {_PATIENCE}))
])"""
"""Of what a page promises: Playwright would wait for it for ever."""


class Lab:
    """One notebook, open in one browser page; in JupyterLab it may stand beside others."""

    def __init__(self, page: Page, server: LabServer, name: str, *, editor: str = "lab") -> None:
        self.page = page
        page.set_default_timeout(_PATIENCE)
        if editor == "lab" and page.url.startswith(f"{server.url}lab"):
            # as the file browser does, which knows that documents are shared
            self.evaluate("path => jupyterapp.commands.execute('filebrowser:open-path', {path}).then(() => null)", name)
        else:
            page.goto(f"{server.url}{ADDRESSES[editor].format(name)}token={server.token}")
        page.wait_for_function(
            """name => { const widget = window.jupyterapp?.shell.currentWidget;
                         return widget?.context?.isReady && widget.context.path.replace('RTC:', '') === name }""",
            arg=name,
        )
        self.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.ready.then(() => null)")
        self._id = self.evaluate("() => jupyterapp.shell.currentWidget.id")

    def evaluate(self, script: str, arg: Any = None) -> Any:
        """Call a function in the page, and wait for what it promises."""
        return self.page.evaluate(f"arg => ({IN_TIME})({script})(arg)", arg)

    def command(self, name: str) -> None:
        """Run a command of JupyterLab to its end."""
        self.evaluate("name => jupyterapp.commands.execute(name).then(() => null)", name)

    def run_all(self) -> None:
        """Run all cells; the command ends with the last reply."""
        self.command("notebook:run-all-cells")

    def save(self) -> None:
        """Save as Ctrl-S does."""
        self.command("docmanager:save")

    def show(self) -> None:
        """Bring the notebook to the front, where the commands find it."""
        self.evaluate("id => jupyterapp.shell.activateById(id)", self._id)
        self.page.wait_for_function("id => jupyterapp.shell.currentWidget?.id === id", arg=self._id)

    def close(self) -> None:
        """Close the notebook and end its kernel, without asking whether to save."""
        self.evaluate(
            """id => {
                const widget = [...jupyterapp.shell.widgets('main')].find(each => each.id === id);
                return widget.context.sessionContext.shutdown().then(() => { widget.dispose(); return null });
            }""",
            self._id,
        )

    def cells(self) -> list[dict[str, Any]]:
        """Give the notebook's cells, outputs included, as the page has them."""
        model = self.page.evaluate("() => jupyterapp.shell.currentWidget.context.model.toJSON()")
        return list(model["cells"])

    def use_theme(self, name: str) -> None:
        """Change the colours, and wait until they are there."""
        self.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme}).then(() => null)", name)
        self.page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=name)
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def dialogs(self) -> list[str]:
        """Give the text of every dialog that is open."""
        return self.page.locator(".jp-Dialog").all_inner_texts()

    def picture(self, name: str) -> None:
        """Keep a picture of the page for people: in the folder that LN_JUPYTER_PICTURES names."""
        if folder := os.environ.get("LN_JUPYTER_PICTURES"):
            self.page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.fixture(scope="package")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """Start one server for all tests in JupyterLab and Notebook 7."""
    server = LabServer(tmp_path_factory.mktemp("lab"), application=NOTEBOOK)
    yield server
    server.stop()


@pytest.fixture(scope="package")  # Playwright's event loop runs as long, in which no other test can run its own
def browser() -> Iterator[Browser]:
    """Start the Chromium of the machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def lab_page(browser: Browser) -> Iterator[Page]:
    """Give one page for all that is open in JupyterLab: to load it takes longer than most notebooks."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def open_lab(lab_server: LabServer, lab_page: Page) -> Iterator[Callable[[Path], Lab]]:
    """Open a copy of a notebook in JupyterLab, for as long as the test takes."""
    opened = []

    def open_lab(notebook: Path) -> Lab:
        shutil.copy(notebook, lab_server.folder)
        lab_page.set_viewport_size({"width": 1200, "height": 3600})
        opened.append(Lab(lab_page, lab_server, notebook.name))
        return opened[-1]

    yield open_lab
    for lab in opened:
        lab.close()
