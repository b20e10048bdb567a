"""What `header()` shows, in a real kernel."""

from __future__ import annotations

import re
import shutil
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

import ln_jupyter as ln
from ln_jupyter.notebook.identity import MIME
from tests.ipython import kernel_driver
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ipython.kernel_driver import Executed, Kernel

TITLE = "<script>alert('hi')</script> & \u202etxt.exe\u001b[31m"
METADATA = {"id": "Rx2s9cPTMQLY", "version": "2", "time_init": "2022-05-06T07:08:09+00:00"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a notebook of a hostile title."""
    home = tmp_path_factory.mktemp("home")
    notebooks.write(home / "a.ipynb", title=TITLE, nbproject=METADATA)
    return home


@pytest.fixture(scope="module")
def kernel(home: Path) -> Iterator[Kernel]:
    """Give a kernel in that folder."""
    with kernel_driver.start(home, "import ln_jupyter as ln") as kernel:
        yield kernel


@pytest.fixture(scope="module")
def shown(kernel: Kernel) -> Executed:
    """Give the cell that ran `header()`."""
    return kernel.run("before = [ln.nb.notebook, ln.nb.run]\nln.header(filepath='a.ipynb')\nfirst = ln.nb.run")


def test_it_is_one_bundle(shown: Executed) -> None:
    """Text, HTML and identity are one output, so that they are saved and cleared together."""
    ((kind, content),) = shown.outputs

    assert "display_data" == kind
    assert {"text/plain", "text/html", MIME} == set(content["data"])


def test_the_identity_is_nbprojects(shown: Executed, kernel: Kernel) -> None:
    """The bundle carries what nbproject keeps in a file, with the time of this run."""
    carried = shown.outputs[0][1]["data"][MIME]

    nbproject = carried["nbproject"]
    assert METADATA == {key: nbproject[key] for key in METADATA}
    assert METADATA["time_init"] < nbproject["time_run"]
    assert kernel.read("ln.nb.run.created_by_id") == nbproject["user_id"]
    assert 1 == carried["schema"]


def test_a_title_is_text(shown: Executed) -> None:
    """A title cannot bring markup, command the terminal or turn the reading direction."""
    data = shown.outputs[0][1]["data"]

    assert "&lt;script&gt;alert('hi')&lt;/script&gt; &amp; \ufffdtxt.exe [31m" in data["text/html"]
    assert (
        data["text/plain"].splitlines()[0]
        == "<script>alert('hi')</script> & \ufffdtxt.exe [31m · a.ipynb, version 2 draft"
    )


def test_it_says_what_was_registered(shown: Executed, kernel: Kernel, home: Path) -> None:
    """The display leads with version, run, user and registry; whole ids, the file, and what chose them are folded."""
    text = shown.outputs[0][1]["data"]["text/plain"]
    run = kernel.read("first.id")

    _, second, third, *rest = text.splitlines()
    assert re.fullmatch(rf"run {run[:6]} by \S+ on \S+ · began \d+ \w+ \d{{4}} \d\d:\d\d", second)
    assert f"registry {home / 'registry.db'}" == third
    assert f"  file      {home / 'a.ipynb'} · found by filepath" in rest
    assert "  registry  chosen by environment variable LN_JUPYTER_URL" in rest
    assert f"  run       {run}" in rest
    assert f'<b title="{run}">{run[:6]}</b>' in shown.outputs[0][1]["data"]["text/html"]


def test_it_names_what_the_notebook_imports(shown: Executed) -> None:
    """Packages that the cells import are named with their versions, and carried for nbproject."""
    data = shown.outputs[0][1]["data"]

    assert f"packages  ln-jupyter {metadata.version('ln-jupyter')}\n" in data["text/plain"]
    assert {"ln-jupyter": metadata.version("ln-jupyter")} == data[MIME]["nbproject"]["pypackage"]


def test_a_copy_names_its_parent(shown: Executed, kernel: Kernel, home: Path) -> None:
    """A copy says what it is a copy of, why it is one, and carries its parent for nbproject."""
    kernel.run("ln.header(filepath='a.ipynb')")
    shutil.copy(home / "a.ipynb", home / "copy.ipynb")

    executed = kernel.run("ln.header(filepath='copy.ipynb')")

    data = executed.outputs[0][1]["data"]
    assert f"copy of Rx2s9cPTMQLY · version 2 · the original is at {home / 'a.ipynb'}, so" in data["text/plain"]
    assert "Rx2s9cPTMQLY" == data[MIME]["nbproject"]["parent"] != data[MIME]["nbproject"]["id"]


def test_it_loads_the_magics(shown: Executed, kernel: Kernel) -> None:
    """After the header, a cell can be a session."""
    assert "ok" == kernel.run("%%ln_session\nln.current_session().in_transaction()").status


def test_the_records_are_there_for_every_later_cell(shown: Executed, kernel: Kernel) -> None:
    """`ln.nb` holds nothing before the header and the records after it, also if it ran in an async cell."""
    executed = kernel.run("import asyncio\nawait asyncio.sleep(0)\nln.header(filepath='a.ipynb', run='new')")

    assert "ok" == executed.status
    assert [None, None] == kernel.read("before")
    assert kernel.read("ln.nb.run.id") in executed.outputs[0][1]["data"]["text/plain"]
    assert "Rx2s9cPTMQLY" == kernel.read("ln.nb.run.notebook.id")


def test_off_still_loads_the_magics(kernel: Kernel) -> None:
    """Turned off it shows nothing, and the cells after it run."""
    kernel.run("import os; os.environ['LN_JUPYTER_MODE'] = 'off'\n%reload_ext ln_jupyter\n%unload_ext ln_jupyter")

    executed = kernel.run("ln.header()")

    session = kernel.run("del os.environ['LN_JUPYTER_MODE']\n%ln_session cell\nln.current_session() is not None")

    assert ("ok", []) == (executed.status, executed.outputs)
    assert "True" == session.value


@pytest.mark.postgres
def test_a_password_is_not_shown(kernel: Kernel) -> None:
    """An error about a registry masks its password, in its message and in everything else that is sent."""
    kernel.run("ln.connect('postgresql://ann:top-secret@127.0.0.1:9/lab')")

    executed = kernel.run("ln.header(filepath='a.ipynb')")

    kernel.run("ln.connect()")
    assert ["DatabaseUnavailableError"] == executed.errors
    assert "ann:***@127.0.0.1:9" in executed.traceback
    assert "fix: check the URL" in executed.traceback
    assert "top-secret" not in str(executed)


@pytest.mark.usefixtures("ln_registry")
def test_an_upgrade_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run again after an upgrade, it names the version that is installed now."""
    site = tmp_path / "site"
    notebook = notebooks.write(tmp_path / "zoo.ipynb", "import some_zoo")
    install(site, "1.0")
    monkeypatch.syspath_prepend(str(site))
    ln.header(filepath=notebook)

    shutil.rmtree(site / "some_zoo-1.0.dist-info")
    install(site, "1.1")
    ln.header(filepath=notebook)

    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  packages")]
    assert ["  packages  some-zoo 1.0", "  packages  some-zoo 1.1"] == shown


def install(site: Path, version: str) -> None:
    """Lay out a package as pip does."""
    info = site / f"some_zoo-{version}.dist-info"
    info.mkdir(parents=True)
    (site / "some_zoo.py").touch()
    (info / "METADATA").write_text(f"Name: some-zoo\nVersion: {version}\n")
    (info / "RECORD").write_text("some_zoo.py,,\n")
