"""What disks and files do: each fault is said in plain words for every use, and costs nothing once it is gone."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from ln_jupyter import settings
from ln_jupyter.db import engines
from ln_jupyter.db.sqlite import filesystems
from ln_jupyter.registry import check as registries
from tests.faults import uses
from tests.ipython import kernel_driver

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ipython.kernel_driver import Kernel

    Act = Callable[[Path], object]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files and folders have no permission bits there")


# -- what is in the place of a registry that is to be made ---------------------------------------------------------


def link_to_nothing(file: Path) -> None:
    file.symlink_to(file.parent / "elsewhere" / "registry.db")


def folder_below_a_file(file: Path) -> None:
    file.parent.rmdir()
    file.parent.write_text("a file")


def no_folder_below_a_file(file: Path) -> None:
    file.parent.unlink()
    file.parent.mkdir()


PLACES: dict[str, tuple[Act, Act, str, str]] = {
    "no folder": (lambda f: f.parent.rmdir(), lambda f: f.parent.mkdir(), "there is no folder {folder}", "mkdir -p"),
    "folder below a file": (folder_below_a_file, no_folder_below_a_file, "its folder is a file", "name a file"),
    "folder": (Path.mkdir, Path.rmdir, "it is a folder", "name a file in it: {file}/registry.db"),
    "pipe": (os.mkfifo, Path.unlink, "it is a pipe or a device", "name a file"),
    "device": (lambda f: f.symlink_to("/dev/null"), Path.unlink, "it is a pipe or a device", "name a file"),
    "link to nothing": (link_to_nothing, Path.unlink, "a link to {folder}/elsewhere/registry.db", "rm {file}"),
    "text": (lambda f: f.write_text("hello\n" * 99), Path.unlink, "is not a SQLite database", "name another file"),
    "folder to read": (
        lambda f: f.parent.chmod(0o500),
        lambda f: f.parent.chmod(0o700),
        "you may not make a file in {folder}",
        "make the folder writable",
    ),
    "closed folder": (
        lambda f: f.parent.chmod(0),
        lambda f: f.parent.chmod(0o700),
        "you may not look into its folder",
        "ask the folder's owner",
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_where_no_registry_can_be(kernel: Kernel, file: Path, place: str) -> None:
    """Every use names the file, why it cannot be opened, and the fix; nothing is changed; later it is made."""
    spoil, repair, what, fix = (
        each.format(file=file, folder=file.parent) if isinstance(each, str) else each for each in PLACES[place]
    )
    spoil(file)
    before = uses.contents(file.parent.parent) if place != "closed folder" else None

    said = uses.in_kernel(kernel)

    for use in uses.USES:
        assert str(file) in said[use], said
        assert what in said[use], said
        assert fix in said[use], said
    if before is not None:
        assert before == uses.contents(file.parent.parent)
    repair(file)
    assert dict.fromkeys(uses.USES, uses.OK) == uses.in_kernel(kernel)


@pytest.mark.parametrize("place", ["folder", "pipe", "text", "folder to read", "closed folder"])
def test_the_command_line_says_it_too(file: Path, tmp_path: Path, place: str) -> None:
    """A command ends with what is wrong and the fix, without a traceback."""
    spoil, repair, what, _ = PLACES[place]
    spoil(file)

    said = uses.on_command_line(settings.sqlite_url(file), tmp_path)

    repair(file)
    if place == "folder to read":
        assert "there is no registry yet" in said["list"]
        assert "cannot be made" in said["doctor"]
    else:
        assert [True] * 3 == [what in each and "fix:" in each for each in said.values()], said


def test_a_path_that_is_too_long(kernel: Kernel, tmp_path: Path) -> None:
    """SQLite takes 512 bytes: a longer path is said to be one."""
    folder = tmp_path.joinpath(*["x" * 100] * 5)
    folder.mkdir(parents=True)
    uses.connect(kernel, settings.sqlite_url(folder / "registry.db"))

    said = uses.in_kernel(kernel)

    assert all("its path is too long for SQLite; " in said[use] or "too long" in said[use] for use in uses.USES), said
    assert [] == list(folder.iterdir())


@pytest.mark.parametrize("name", ["a#b", "a%20b", "100%", "why?", "a b", "ä∂ñ", "a'b;c\"d", "a\nb", "x" * 200])
def test_any_name_will_do(kernel: Kernel, tmp_path: Path, name: str) -> None:
    """Whatever a path may hold, the file of that very name becomes the registry, and its commands find it."""
    url = settings.sqlite_url(tmp_path / name / f"{name}.db")
    (tmp_path / name).mkdir()
    uses.connect(kernel, url)

    assert dict.fromkeys(uses.USES, uses.OK) == uses.in_kernel(kernel)

    uses.close(kernel)
    assert [f"{name}.db"] == [each.name for each in (tmp_path / name).iterdir()]
    assert uses.OK == uses.command(tmp_path, "list", "--db", url)


def test_an_empty_file_becomes_the_registry(kernel: Kernel, file: Path) -> None:
    """A file of no bytes, as a full disk leaves one, is used and keeps its permissions."""
    file.touch(0o640)

    assert dict.fromkeys(uses.USES, uses.OK) == uses.in_kernel(kernel)

    assert 0o640 == file.stat().st_mode & 0o777


def test_a_link_to_the_file(kernel: Kernel, registry: Path, tmp_path: Path) -> None:
    """Through a link the same registry is used, with the same WAL."""
    (tmp_path / "link.db").symlink_to(registry)
    uses.connect(kernel, settings.sqlite_url(tmp_path / "link.db"))

    assert dict.fromkeys(uses.USES, uses.OK) == uses.in_kernel(kernel)

    assert kernel.read("ln.select(lns.Run, name='before').exists()")
    assert {"registry.db", "registry.db-wal", "registry.db-shm"} == {each.name for each in registry.parent.iterdir()}


# -- disks that are full -------------------------------------------------------------------------------------------

FILL = "ln.add(lns.Source(hash='f' * 64, content=bytes(2_000_000)))"


def test_a_limit_of_the_disk(kernel: Kernel, registry: Path) -> None:
    """Where a quota or limit is reached, writing says so, reading goes on; with room again, so does writing."""
    size = max(each.stat().st_size for each in registry.parent.iterdir())
    kernel.run(f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 100_000}, resource.RLIM_INFINITY))")

    done = kernel.run(FILL)

    assert ["DatabaseUnavailableError"] == done.errors
    assert f"{registry} cannot grow: a quota or a limit of the disk is reached" in done.traceback
    assert "free some space" in done.traceback
    assert "nothing was saved by this step" in done.traceback
    assert kernel.read("ln.select(lns.Run, name='before').exists()")
    assert uses.OK == kernel.run("ln.header(id='Rx2s9cPTMQLY', name='Growth')").status
    kernel.run("resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)")
    assert uses.OK == kernel.run(FILL).status
    assert dict.fromkeys(uses.USES, uses.OK) == uses.in_kernel(kernel)


def test_no_room_for_a_new_registry(kernel: Kernel, file: Path) -> None:
    """A registry that cannot be made leaves nothing that stands in the way of the next try."""
    kernel.run("resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))")

    done = kernel.run("ln.add(lns.Run(name='x'))")
    kernel.run("resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)")

    assert f"{file} cannot grow" in done.traceback
    assert dict.fromkeys(uses.USES, uses.OK) == uses.in_kernel(kernel)


def test_a_heartbeat_without_room(kernel: Kernel, registry: Path) -> None:
    """The heartbeat logs one line, and writes what it could not when there is room again."""
    kernel.run("running.recording().settle()")
    size = max(each.stat().st_size for each in registry.parent.iterdir())
    kernel.run("running.recording()._facts.source = bytes(10)")
    kernel.run(f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, resource.RLIM_INFINITY)); x = 1")

    beat = uses.beat(kernel)
    kernel.run("resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)")

    assert 1 == len(beat), beat
    assert "could not be written now" in beat[0]
    assert [] == uses.beat(kernel)
    assert kernel.read("ln.select(lns.ExecutedCell).count()") > 0


def in_namespace(*command: str) -> list[str]:
    """Write a command that may mount what nobody else sees."""
    return ["unshare", "-rm", "sh", "-c", *command]


CAN_MOUNT = (
    shutil.which("unshare") is not None
    and subprocess.run(in_namespace("mount -t tmpfs none /mnt"), check=False, capture_output=True).returncode == 0
)


@pytest.mark.skipif(not CAN_MOUNT, reason="nothing can be mounted here; a limit of the file's size is tested above")
def test_a_full_disk(tmp_path: Path) -> None:
    """On a disk without a free byte, writing says so, reading and `header()` go on; with room, all does."""
    code = 'mount -t tmpfs -o size=2m none "$0" && exec "$1" -m tests.faults.full_disk "$0"'
    command = in_namespace(code, os.fspath(tmp_path), sys.executable)

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=kernel_driver.ROOT)

    assert "" == done.stderr
    told = json.loads(done.stdout[done.stdout.rindex("{") :])
    full = f"{tmp_path / 'registry.db'} cannot grow: the disk is full; fix: free some space, then run this again"
    assert told["filled"].startswith(full)
    assert told["made"].startswith(f"{tmp_path / 'new.db'} cannot grow: the disk is full")
    assert "ok" == told["read"] == told["header"] == told["emptied"] == told["header again"] == told["made again"]
    assert told["read anew"] == "ok" or "cannot grow" in told["read anew"]


# -- databases of somebody else ------------------------------------------------------------------------------------


def theirs(file: Path, *, journal: str) -> None:
    """Make somebody's database, with rows in a WAL that a killed program left behind."""
    live = file.with_name("live.db")
    connection = sqlite3.connect(live, isolation_level=None)
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute("CREATE TABLE measurements (x)")
    connection.execute("PRAGMA wal_checkpoint")
    connection.execute("INSERT INTO measurements VALUES (1)")
    for suffix in ("", "-wal", "-shm") if journal == "wal" else ("",):
        shutil.copy2(f"{live}{suffix}", f"{file}{suffix}")
    connection.close()
    live.unlink()
    os.utime(file, (1, 1))


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_of_somebody_else(file: Path, tmp_path: Path, journal: str) -> None:
    """No use changes a byte, a time or the journal of somebody's file, not even when the process ends."""
    theirs(file, journal=journal)
    before = {name: each[:1] + each[2:] for name, each in uses.contents(file.parent).items() if "-shm" not in name}
    url = settings.sqlite_url(file)
    environment = kernel_driver.environment(tmp_path) | {"LN_JUPYTER_URL": url}
    header = "import ln_jupyter as ln; ln.header(id='Rx2s9cPTMQLY', name='Growth')"

    with kernel_driver.start(tmp_path, uses.SETUP) as kernel:
        uses.connect(kernel, url)
        said = uses.in_kernel(kernel)
    commands = uses.on_command_line(url, tmp_path)
    script = subprocess.run(
        [sys.executable, "-c", header], capture_output=True, text=True, check=False, env=environment, timeout=180
    )

    for each in (*said.values(), *commands.values(), script.stderr):
        assert f"{file} is not a registry: it holds 'measurements'" in each, each
    assert before == {
        name: each[:1] + each[2:] for name, each in uses.contents(file.parent).items() if "-shm" not in name
    }


# -- filesystems without shared memory -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"), [("nfs4", ["delete", 2]), ("fuse.sshfs", ["delete", 2]), ("xfs", ["wal", 1])]
)
def test_a_network_home(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch, kind: str, expected: list[object]) -> None:
    """Where machines or programs share no memory, a new registry does without a WAL, and syncs every commit."""
    monkeypatch.setattr(filesystems, "mounts", lambda: [("/", kind)])
    engine = engines.resolve(sqlite_url)
    registries.ensure(engine)

    with engine.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]

    assert expected == found


def test_a_filesystem_that_lacks_shared_memory(sqlite_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLite takes the WAL and then cannot read it, the new registry goes back to a journal."""
    engine = engines.resolve(sqlite_url)
    refused = []

    @sa.event.listens_for(engine, "do_execute", insert=True)
    def _as_fuse_does(cursor: sqlite3.Cursor, statement: str, _parameters: object, _context: object) -> None:
        if "sqlite_master" in statement and "count" in statement and not refused:
            refused.append(cursor.connection)
            raise no_shared_memory()

    registries.ensure(engine)

    with engine.connect() as connection:
        assert "delete" == connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    assert 1 == len(refused)


def no_shared_memory() -> sqlite3.OperationalError:
    """Make the error of SQLite on a filesystem whose files cannot be mapped into shared memory."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMMAP
    return error


def test_the_mounts_of_this_machine() -> None:
    """The kind of a filesystem is what the system itself says."""
    assert "proc" == filesystems.kind_of(Path("/proc/self"))
