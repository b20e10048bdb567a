from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ln_jupyter.locate.location import absolute

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "folder"
    folder.mkdir()
    return folder


def test_folder_that_is_a_link(folder: Path) -> None:
    """Two ways to one folder lead to one path."""
    link = folder.parent / "link"
    link.symlink_to(folder)

    assert folder / "a.ipynb" == absolute(link / "a.ipynb", folder=folder)


def test_notebook_that_is_a_link(folder: Path) -> None:
    """A notebook that is a link keeps its own name."""
    (folder / "blob").touch()
    (folder / "a.ipynb").symlink_to(folder / "blob")

    assert folder / "a.ipynb" == absolute(folder / "a.ipynb", folder=folder)


def test_circle_of_links(folder: Path) -> None:
    """A circle of links still has a path."""
    (folder / "circle").symlink_to(folder / "circle")

    assert absolute(folder / "circle" / "a.ipynb", folder=folder).name == "a.ipynb"
