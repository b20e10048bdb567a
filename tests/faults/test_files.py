"""What happens to the file of a registry that is in use: it is noticed, said, and later forgotten."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ln_jupyter import settings
from tests.faults import uses

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ipython.kernel_driver import Kernel

    Act = Callable[[Path], object]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there an open file is neither deleted nor moved")

ALL = dict.fromkeys(uses.USES, uses.OK)


def names(kernel: Kernel) -> list[str]:
    """List the runs by name."""
    found: list[str] = kernel.read("sorted(str(name) for name in ln.select(lns.Run.name).all() if name)")
    return found


def aside(file: Path) -> None:
    for each in file.parent.glob("registry.db*"):
        each.rename(each.parent.parent / each.name)


def back(file: Path) -> None:
    for each in file.parent.parent.glob("registry.db*"):
        each.rename(file.parent / each.name)


FAULTS: dict[str, tuple[Act, Act, str, str, str]] = {
    "deleted": (aside, back, "DatabaseReplacedError", "was deleted while it was in use", "put it back"),
    "only the file deleted": (
        lambda f: f.rename(f.parent.parent / f.name),
        back,
        "DatabaseReplacedError",
        "was deleted while it was in use",
        "put it back",
    ),
    "folder moved": (
        lambda f: f.parent.rename(f.parent.parent / "moved"),
        lambda f: (f.parent.parent / "moved").rename(f.parent),
        "DatabaseReplacedError",
        "was deleted while it was in use",
        "put it back",
    ),
    "folder closed": (
        lambda f: f.parent.chmod(0),
        lambda f: f.parent.chmod(0o700),
        "DatabaseUnavailableError",
        "you may not look into its folder",
        "ask the folder's owner",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_goes_away(kernel: Kernel, registry: Path, fault: str) -> None:
    """Every use says so, `header()` goes on, the heartbeat logs one line; when it is back, nothing is missing."""
    spoil, repair, kind, what, fix = FAULTS[fault]
    spoil(registry)

    said, beat = uses.in_kernel(kernel), uses.beat(kernel)

    for use in uses.USES - {"header"}:
        assert said[use].startswith(kind), said
        assert what in said[use], said
        assert fix in said[use], said
    assert uses.OK == said["header"]
    assert 1 == len(beat), beat
    repair(registry)
    assert uses.in_kernel(kernel) == ALL
    assert names(kernel) == ["added", "before", "in a block", "in a block", "in a cell"]
    assert [] == uses.beat(kernel)


BLOCK = """\
with ln.Session() as ss:
    ss.add(lns.Run(name="lost"))
    ss.orm.flush()
    {fault}
"""


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_a_file_that_goes_away_during_a_block(kernel: Kernel, registry: Path, suffix: str) -> None:
    """Between flush and commit: the commit says so, for what it wrote would be nowhere."""
    gone = Path(f"{registry}{suffix}")
    kernel.run("running.recording().stop()")  # it, too, would work on with the WAL that is gone

    done = kernel.run(BLOCK.format(fault=f"os.rename({str(gone)!r}, {str(registry.parent.parent / 'aside')!r})"))

    assert ["DatabaseReplacedError"] == done.errors
    assert f"{gone} was deleted or replaced while it was in use" in done.traceback
    assert "nothing was saved by this step" in done.traceback
    if suffix:
        (registry.parent.parent / "aside").unlink()
    else:
        (registry.parent.parent / "aside").rename(registry)
    assert names(kernel) == ["before"]


SEVERAL = """\
from ln_jupyter.db import engines
several = [engines.current().connect() for _ in range(3)]
for each in several:
    each.exec_driver_sql("SELECT count(*) FROM ln_run").all()
for each in several:
    each.close()
"""
"""Leaves as many connections in the pool."""


def test_a_wal_that_is_deleted(kernel: Kernel, registry: Path) -> None:
    """Committed rows that were in a WAL which somebody deleted are saved, and later ones go to the disk too."""
    kernel.run(f"{SEVERAL}running.recording().stop()")  # what it has in use is lost with its WAL
    for suffix in ("-wal", "-shm"):
        os.unlink(f"{registry}{suffix}")  # noqa: PTH108

    assert uses.in_kernel(kernel) == ALL

    with closing(sqlite3.connect(registry)) as another:
        found = another.execute("SELECT name FROM ln_run WHERE name IS NOT NULL ORDER BY name").fetchall()
    assert [("added",), ("before",), ("in a block",), ("in a block",), ("in a cell",)] == found


def test_a_wal_that_is_deleted_while_another_session_works_with_it(kernel: Kernel, registry: Path) -> None:
    """Nothing can be read until that session ends, and the error says so; then nothing is missing."""
    held = "held = engines.current().connect(); held.exec_driver_sql('SELECT count(*) FROM ln_run').all()"
    kernel.run(f"running.recording().stop()\nfrom ln_jupyter.db import engines\n{held}")
    os.unlink(f"{registry}-wal")  # noqa: PTH108

    said: str = kernel.read("said(uses['select'])")

    assert said.startswith("DatabaseReplacedError")
    assert "has lost its -wal, and another session still works with the one before" in said
    assert "end the other kernels that use it" in said
    kernel.run("held.close()")
    assert "before" in names(kernel)


def other(kernel: Kernel, folder: Path) -> Path:
    """Make another registry, with a run of its own."""
    file = folder / "other.db"
    url = settings.sqlite_url(file)
    kernel.run(
        f"with ln.Session({url!r}) as ss: ss.add(lns.Run(name='other'))\n__import__('ln_jupyter.db.engines').db.engines.dispose({url!r})"
    )
    assert file.is_file()
    assert not Path(f"{file}-wal").exists()
    return file


def test_a_file_that_is_replaced(kernel: Kernel, registry: Path, tmp_path: Path) -> None:
    """A backup that is put in its place, with no WAL beside it, is used from then on."""
    backup = other(kernel, tmp_path)
    uses.close(kernel)

    backup.replace(registry)

    assert uses.in_kernel(kernel) == ALL
    assert names(kernel) == ["added", "in a block", "in a block", "in a cell", "other"]


def test_the_wal_of_another_file(kernel: Kernel, registry: Path, tmp_path: Path) -> None:
    """A file that is put beside the WAL of the one before is not opened, as SQLite would mix the two."""
    backup = other(kernel, tmp_path)
    before = backup.read_bytes()

    backup.replace(registry)

    said = uses.in_kernel(kernel)
    for use in uses.USES - {"header"}:
        assert "the WAL beside it is still of the file before" in said[use], said
        assert f"rm -f {registry}-wal {registry}-shm" in said[use], said
    assert before == registry.read_bytes()
    for suffix in ("-wal", "-shm"):
        os.unlink(f"{registry}{suffix}")  # noqa: PTH108
    assert uses.in_kernel(kernel) == ALL
    assert "other" in names(kernel)


def test_a_file_of_somebody_else_in_its_place(kernel: Kernel, registry: Path) -> None:
    """A database with other tables that takes the file's place is refused, and stays as it is."""
    uses.close(kernel)
    registry.unlink()
    with closing(sqlite3.connect(registry)) as connection:
        connection.execute("CREATE TABLE measurements (x)")
    before = uses.contents(registry.parent)

    said = uses.in_kernel(kernel)

    assert all("it holds 'measurements'" in said[use] for use in uses.USES), said
    assert before == uses.contents(registry.parent)


# -- what may only be read -----------------------------------------------------------------------------------------


def test_a_file_that_may_only_be_read(kernel: Kernel, registry: Path) -> None:
    """Reading goes on, writing says why it cannot, and can again as soon as the permission is back."""
    uses.close(kernel)
    registry.chmod(0o400)

    said = uses.in_kernel(kernel)

    assert uses.OK == said["select"]
    for use in uses.WRITES:
        assert f"{registry} may only be read" in said[use], said
        assert f"chmod u+w {registry}" in said[use], said
    fix = said["add"].partition("; fix: ")[2].partition(", or use")[0]
    subprocess.run(fix, shell=True, check=True)
    assert uses.in_kernel(kernel) == ALL


def test_a_permission_that_is_given_to_who_has_only_read(kernel: Kernel, registry: Path) -> None:
    """The first write after it is done; a connection that was opened to read is not asked for it."""
    uses.close(kernel)
    registry.chmod(0o400)
    assert kernel.read("said(uses['select'])") == uses.OK

    for each in registry.parent.glob("registry.db*"):  # SQLite made the other two with the permissions of the first
        each.chmod(0o600)

    assert kernel.read("said(uses['add'])") == uses.OK


def test_a_folder_that_may_only_be_read(kernel: Kernel, registry: Path, tmp_path: Path) -> None:
    """SQLite cannot even read a WAL there: every use says so, and names the URL that reads an archive."""
    uses.close(kernel)
    registry.parent.chmod(0o500)
    url = f"{settings.sqlite_url(registry)}?immutable=1"

    said = uses.in_kernel(kernel)
    listed = uses.command(tmp_path, "list", "--db", settings.sqlite_url(registry))

    for use in (uses.USES - {"header"}) & said.keys():
        assert f"is in a folder that you may not write to: {registry.parent}" in said[use], said
        assert url in said[use], said
    assert url in listed
    assert dict.fromkeys(("list", "runs", "doctor"), uses.OK) == uses.on_command_line(url, tmp_path)
    registry.parent.chmod(0o700)
    assert uses.in_kernel(kernel) == ALL


def test_an_archive_is_read(kernel: Kernel, registry: Path, tmp_path: Path) -> None:
    """With ``?immutable=1`` a registry in a folder that cannot be written to is read, and nothing is made beside it."""
    uses.close(kernel)
    registry.parent.chmod(0o500)
    before = uses.contents(registry.parent)
    uses.connect(kernel, f"{settings.sqlite_url(registry)}?immutable=1")

    said = uses.in_kernel(kernel)

    assert names(kernel) == ["before"]
    for use in uses.USES - {"select"}:
        assert f"{registry} was opened to be read" in said[use], said
        assert "to write, leave ?immutable out of its URL" in said[use], said
    assert before == uses.contents(registry.parent)
    assert uses.OK == uses.command(tmp_path, "doctor", "--db", f"{settings.sqlite_url(registry)}?immutable=1")


def test_an_archive_with_rows_in_its_wal(kernel: Kernel, registry: Path) -> None:
    """As long as somebody writes, or a WAL was left, ``?immutable=1`` is refused: it would not see those rows."""
    reader = f"{settings.sqlite_url(registry)}?immutable=1"

    said = kernel.run(f"with ln.Session({reader!r}) as ss: ss.select(lns.Run).all()")

    assert "has rows in its -wal, which ?immutable=1 would not see" in said.traceback
    assert "copy both files" in said.traceback


def test_a_url_that_only_reads(kernel: Kernel, registry: Path) -> None:
    """With ``?mode=ro`` what others write is seen, and nothing can be written."""
    reader = f"{settings.sqlite_url(registry)}?mode=ro"
    done = kernel.run(f"with ln.Session({reader!r}) as ss: print(len(ss.select(lns.Run, name='before').all()))")
    refused = kernel.run(f"with ln.Session({reader!r}) as ss: ss.add(lns.Run(name='x'))")

    assert "1\n" == done.stdout
    assert "was opened to be read" in refused.traceback


@pytest.mark.parametrize("query", ["mode=rwc", "timeout=5", "mode=ro&cache=shared", "uri=true"])
def test_a_url_with_more_than_is_known(kernel: Kernel, file: Path, query: str) -> None:
    """What the URL asks for and would be ignored is refused, and nothing is made."""
    done = kernel.run(f"ln.connect('{settings.sqlite_url(file)}?{query}')")

    assert ["InvalidUrlError"] == done.errors
    assert "?mode=ro, or ?immutable=1" in done.traceback
    assert not file.exists()


# -- what is damaged -----------------------------------------------------------------------------------------------


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def garble(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(2 * 4096)
        opened.write(b"\xa5" * (file.stat().st_size - 2 * 4096))


@pytest.mark.parametrize("damage", [truncate, garble])
def test_a_damaged_file(kernel: Kernel, registry: Path, tmp_path: Path, damage: Act) -> None:
    """Every use says that it is damaged and how to go on; a backup in its place is used at once."""
    uses.close(kernel)
    backup = registry.read_bytes()
    damage(registry)

    said = uses.in_kernel(kernel)
    commands = uses.on_command_line(settings.sqlite_url(registry), tmp_path)

    for use in uses.USES - {"header"}:
        assert f"{registry} is damaged" in said[use], said
        assert f"sqlite3 {registry} .recover" in said[use], said
        assert "`ln-jupyter backup`" in said[use], said
    assert all(f"{registry} is damaged" in each for each in commands.values()), commands
    uses.close(kernel)
    for suffix in ("-wal", "-shm"):  # of a damaged file they may stay
        Path(f"{registry}{suffix}").unlink(missing_ok=True)
    (tmp_path / "backup").write_bytes(backup)
    (tmp_path / "backup").replace(registry)
    assert uses.in_kernel(kernel) == ALL
    assert "before" in names(kernel)


def test_doctor_finds_damage_that_nobody_has_met(kernel: Kernel, registry: Path, tmp_path: Path) -> None:
    """Damage in a table that no command reads is found by the doctor."""
    kernel.run("_ = ln.add([lns.Source(hash=f'{n:064}', content=bytes(3000)) for n in range(40)])")
    uses.close(kernel)
    size = registry.stat().st_size
    with registry.open("r+b") as opened:
        opened.seek(size - 20 * 4096)
        opened.write(b"\xa5" * 16 * 4096)

    said = uses.on_command_line(settings.sqlite_url(registry), tmp_path)

    assert uses.OK == said["list"]
    assert f"registry: {registry} is damaged; fix: go on from a copy" in said["doctor"]
