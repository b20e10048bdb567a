"""What may have come from elsewhere is read, and not for ever."""

import os
from pathlib import Path

import pytest

from ln_jupyter import errors, reading
from ln_jupyter.environment import distributions, packages
from ln_jupyter.notebook import document

MADE_UP = Path("/proc/self/maps")  # others beside it have no end


def test_a_file_is_read_whole(tmp_path):
    """All bytes of a file are given, also behind a link."""
    (tmp_path / "a").write_bytes(b"\r\n\0" * 99_999)
    (tmp_path / "b").symlink_to(tmp_path / "a")

    assert reading.whole(tmp_path / "b") == b"\r\n\0" * 99_999


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file(tmp_path, kind):
    """What is no file is an error that says so, at once."""
    path = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(path)

    with pytest.raises(OSError, match="a directory" if kind == "folder" else "it is not a file"):
        reading.whole(path)


@pytest.fixture(params=["made up", "pipe"])
def endless(request, tmp_path):
    """Give what puts something without an end in the place of a file."""
    if request.param == "made up" and not MADE_UP.exists():
        pytest.skip("the system makes no files up")

    def endless(path):
        path.parent.mkdir(exist_ok=True, parents=True)
        path.symlink_to(MADE_UP) if request.param == "made up" else os.mkfifo(path)
        return path

    return endless


@pytest.mark.parametrize("name", ["a.ipynb", "a.py"])
def test_a_notebook_without_an_end(tmp_path, endless, name):
    """In the place of a notebook, it is none; in that of a script, it says nothing."""
    try:
        said = [cell.source for cell in document.read(endless(tmp_path / name)).cells]
    except errors.NotebookUnreadableError as error:
        said = [str(error)]

    assert said == [""] or said[0].endswith(("is not a file", "is empty"))


def test_distributions_without_an_end(tmp_path, endless):
    """What lies beside a notebook as if it were installed is no reason to wait, either."""
    endless(tmp_path / "evil.egg-info" / "PKG-INFO")
    for name in ("RECORD", "top_level.txt", "direct_url.json"):
        endless(tmp_path / "bad-1.dist-info" / name)
    (tmp_path / "bad-1.dist-info" / "METADATA").touch()

    (found,) = distributions.distributions([str(tmp_path)])

    assert ("bad", b"") == (found.name, packages._read(found, "RECORD"))
