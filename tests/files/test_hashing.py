"""What is in a file or a folder, as one hash."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from ln_jupyter.files import hashing

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.newest  # no library decides what is proved here


def test_a_file(tmp_path: Path) -> None:
    """The hash of a file is the SHA-256 of its bytes, as other tools have it."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" * 500_000)

    found = hashing.of_path(str(path))

    assert (found.hash, found.size, found.members) == (hashlib.sha256(path.read_bytes()).hexdigest(), 2_000_000, None)


def test_a_folder(tmp_path: Path) -> None:
    """The hash of a folder is that of its files, by name and content: not of where it is, and not of their times."""
    for folder in ("one", "two"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        for name in ("b.csv", "sub/a.csv"):
            (tmp_path / folder / name).write_text(name)
    os.utime(tmp_path / "two" / "b.csv", (1, 1))
    one, two = (hashing.of_path(str(tmp_path / name)) for name in ("one", "two"))
    (tmp_path / "two" / "b.csv").rename(tmp_path / "two" / "c.csv")
    renamed = hashing.of_path(str(tmp_path / "two"))

    assert (one.hash, one.members, one.size) == (two.hash, 2, 14)
    assert renamed.hash not in (one.hash, None)


def test_a_file_that_changes_meanwhile(tmp_path: Path) -> None:
    """Of a file that is written while it is hashed no hash is given, and the reason."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a" * 3_000_000)

    def write() -> bool:
        with path.open("ab") as file:
            file.write(b"b")
        return False

    found = hashing.of_path(str(path), is_over=write)

    assert (found.hash, found.reason) == (None, hashing.BEING_WRITTEN)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(
            (name, True)
            for name in (".env", ".env.local", "prod.env", "key.pem", "id_rsa", "id_ed25519.pub", "id_work")
        ),
        *((name, True) for name in (".netrc", "secrets.toml", "credentials", ".ssh/config", ".aws/whatever", "A.PEM")),
        *((name, False) for name in ("a.csv", "id_map.csv", "environment.yml", "keys.csv", "secretome.fasta")),
    ],
)
def test_what_may_hold_a_secret(name: str, *, expected: bool) -> None:
    """What commonly holds passwords and keys is known by its name; data are not taken for it."""
    assert hashing.is_secret(f"/home/ann/{name}") == expected


def test_a_folder_with_a_secret_is_not_hashed(tmp_path: Path) -> None:
    """A folder in which a file may hold a secret has no hash."""
    (tmp_path / ".env").write_text("PASSWORD=hunter2")

    assert hashing.of_path(str(tmp_path)).reason == hashing.SECRET


@pytest.mark.parametrize("kind", ["missing", "pipe", "loop"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    """What is not there, a pipe and a link to itself are not read."""
    path = tmp_path / "a"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)

    assert hashing.of_path(str(path)).reason == hashing.MISSING


def test_a_circle_of_links(tmp_path: Path) -> None:
    """A link to a folder is not followed, so that a circle ends."""
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "a.csv").write_text("a")

    assert hashing.of_path(str(tmp_path)).members == 1
