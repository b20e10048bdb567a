"""A file's identity is forgotten: in the file, with nothing else of it changed, and in the registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.notebook.identity import MIME
from ln_jupyter.tracking import forget_file, running
from tests.tracking import notebooks

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

    from tests.notebook.conftest import Server

ID = "Rx2s9cPTMQLY"


def saved(path: Path) -> Path:
    """Write a notebook as JupyterLab saves it, with its identity in the metadata and in an output."""
    notebooks.write(path, notebooks.HEADER, "größe = 1", title="Größe", nbproject={"id": ID, "version": "2"})
    content = json.loads(path.read_text())
    data = {"text/plain": "Größe", MIME: {"schema": 1, "nbproject": {"id": ID, "version": "2"}}}
    content["cells"][1]["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": data}]
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return saved(tmp_path / "growth.ipynb")


@pytest.mark.usefixtures("engine")
class TestForgetting:
    """On each database."""

    def test_the_next_header_gives_a_new_id(self, notebook: Path) -> None:
        """Both know nothing of the file any more; what was registered stays."""
        ln.header(filepath=notebook)
        running.forget()

        forgotten = forget_file.forget(notebook)
        ln.header(filepath=notebook)

        assert forget_file.Forgotten(notebook, ID, in_file=True, in_registry=True) == forgotten
        assert ID != ln.nb.notebook.id
        assert {ID, ln.nb.notebook.id} == {each.id for each in ln.select(lns.Notebook).all()}

    def test_a_file_that_nothing_is_known_of(self, tmp_path: Path) -> None:
        """There is nothing to forget, and nothing is written."""
        path = notebooks.write(tmp_path / "a.ipynb")
        before = path.stat().st_mtime_ns

        forgotten = forget_file.forget(path)

        assert forget_file.Forgotten(path, None, in_file=False, in_registry=False) == forgotten
        assert before == path.stat().st_mtime_ns

    def test_what_only_the_registry_knew(self, tmp_path: Path) -> None:
        """A file without metadata gets a new id too."""
        path = notebooks.write(tmp_path / "a.ipynb")
        ln.header(filepath=path)
        first = ln.nb.notebook.id
        running.forget()

        forgotten = forget_file.forget(path)
        ln.header(filepath=path)

        assert (first, False, True) == (forgotten.notebook_id, forgotten.in_file, forgotten.in_registry)
        assert first != ln.nb.notebook.id


def without_identity(path: Path) -> bytes:
    content: Any = json.loads(path.read_text(encoding="utf-8"))
    del content["metadata"]["nbproject"]
    del content["cells"][1]["outputs"][0]["data"][MIME]
    return json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"


def test_nothing_else_of_the_file_changes(notebook: Path, ln_registry: sa.Engine) -> None:
    """The file is byte for byte what it was, but for the identity; its mode stays, and nothing lies beside it."""
    expected = without_identity(notebook)
    notebook.chmod(0o640)

    forget_file.forget(notebook)

    assert expected == notebook.read_bytes()
    assert 0o640 == notebook.stat().st_mode & 0o777
    assert [notebook.name] == [each.name for each in notebook.parent.glob("*growth*")]


def test_the_style_of_the_file_stays(notebook: Path, ln_registry: sa.Engine) -> None:
    """Windows' line ends, another indentation and no last line end stay as they were."""
    style = without_identity(notebook).rstrip(b"\n").replace(b"\n", b"\r\n")
    notebook.write_bytes(notebook.read_bytes().rstrip(b"\n").replace(b"\n", b"\r\n"))

    forget_file.forget(notebook)

    assert style == notebook.read_bytes()


def test_half_a_character_survives(notebook: Path, ln_registry: sa.Engine) -> None:
    """An escape that no encoding can write stays an escape."""
    notebook.write_text(notebook.read_text().replace("größe = 1", "größe = '\\ud800'"))

    forget_file.forget(notebook)

    assert "größe = '\ud800'" == json.loads(notebook.read_text())["cells"][2]["source"]


def test_a_link_stays_a_link(notebook: Path, ln_registry: sa.Engine) -> None:
    """The file behind a link is written, and the link kept."""
    link = notebook.with_name("link.ipynb")
    link.symlink_to(notebook)

    assert forget_file.forget(link).in_file

    assert link.is_symlink()
    assert "nbproject" not in json.loads(notebook.read_text())["metadata"]


def test_without_a_registry_the_file_is_not_written(notebook: Path) -> None:
    """If the registry cannot be reached, the file is as it was."""
    before = notebook.read_bytes()
    ln.connect(f"sqlite:///{notebook.parent / 'nowhere' / 'registry.db'}")

    with pytest.raises(errors.DatabaseUnavailableError):
        forget_file.forget(notebook)

    ln.connect()
    assert before == notebook.read_bytes()
    assert [notebook] == list(notebook.parent.iterdir())


def test_a_file_that_is_not_there(tmp_path: Path, ln_registry: sa.Engine) -> None:
    """A file that cannot be read is an error with its fix."""
    with pytest.raises(errors.NotebookUnreadableError) as raised:
        forget_file.forget(tmp_path / "no such.ipynb")

    assert raised.value.fix


def test_a_notebook_that_is_open_is_refused(
    server: Server, ln_registry: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a server has a kernel for the file, its next save would bring the id back; asked to, it is done."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(server.runtime))
    notebook = saved(server.root / "open.ipynb")
    server.open(notebook)

    with pytest.raises(errors.NotebookOpenError, match=f"{server.port}") as raised:
        forget_file.forget(notebook)

    assert "close the notebook" in raised.value.fix
    assert ID in notebook.read_text()
    assert forget_file.forget(notebook, force=True).in_file
