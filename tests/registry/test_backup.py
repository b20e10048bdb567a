"""A backup is one whole file, of one moment, that nobody had to wait for."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines, limits
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.registry import backup, schema_version
from tests.faults import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.newest  # no library decides what is proved here

_WRITERS = 8
_BACKUPS = 12


@pytest.fixture
def source(sqlite_url: sa.URL) -> Iterator[sa.Engine]:
    """A registry with a run."""
    engine = engines.connect(sqlite_url)
    ln.add(lns.Run(name="x"))
    yield engine
    engines.connect()


def names(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM ln_run ORDER BY name")]


def test_a_backup_is_a_registry(source: sa.Engine, tmp_path: Path) -> None:
    """The copy is used as a registry like any other, and holds what was committed."""
    backup.back_up(source, tmp_path / "copy.db")

    with ln.Session(f"sqlite:///{tmp_path / 'copy.db'}") as ss:
        assert "x" == ss.select(lns.Run).one().name
    engines.dispose(f"sqlite:///{tmp_path / 'copy.db'}")


def test_a_backup_is_one_private_file(source: sa.Engine, tmp_path: Path) -> None:
    """Nobody else may read it, nothing lies beside it, and reading it needs no second file."""
    (tmp_path / "backups").mkdir()
    file = tmp_path / "backups" / "copy.db"

    backup.back_up(source, file)

    assert (0o600, [file]) == (stat.S_IMODE(file.stat().st_mode), list(file.parent.iterdir()))
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        assert [("x",)] == connection.execute("SELECT name FROM ln_run").fetchall()
    assert b"\1\1" == file.read_bytes()[18:20]  # by SQLite's file format: not the 2 of a WAL


def test_a_backup_leaves_the_registry_as_it_is(source: sa.Engine, tmp_path: Path) -> None:
    """Its journal mode stays, and it is written to afterwards."""
    backup.back_up(source, tmp_path / "copy.db")

    ln.add(lns.Run(name="y"))
    with source.connect() as connection:
        assert "wal" == connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    assert (["x"], 2) == (names(tmp_path / "copy.db"), ln.select(lns.Run).count())


def test_an_open_transaction_is_not_waited_for(source: sa.Engine, tmp_path: Path) -> None:
    """What another session has not committed is not in the copy, and holds it up for no moment."""
    with ln.Session() as ss:
        ss.add(lns.Run(name="not yet"))
        ss.orm.flush()

        backup.back_up(source, tmp_path / "copy.db")

    assert ["x"] == names(tmp_path / "copy.db")


def test_no_writer_starves_a_backup(source: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although somebody commits between every two of its steps, it goes on, and is of the moment it began."""
    with closing(sqlite3.connect(str(source.url.database), isolation_level=None)) as other:
        commits = iter(range(200))

        def commit(*_: object) -> None:
            if (n := next(commits, None)) is not None:
                other.execute("INSERT INTO ln_user (id, handle, revision, created_at) VALUES (?, ?, 1, 0)", (n, n))

        monkeypatch.setattr(backup, "_SLICE", 1)
        monkeypatch.setattr(backup, "_pause", commit)

        backup.back_up(source, tmp_path / "copy.db")

        assert 1 < other.execute("SELECT count(*) FROM ln_user").fetchone()[0]
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert (1,) == copy.execute("SELECT count(*) FROM ln_user").fetchone()


_WRITE = """
import sys
import sqlalchemy as sa
from ln_jupyter.db import engines
from ln_jupyter.db import limits
limits.LOCK_SECONDS = 600  # however slow the machine: who waits for how long is not the question here
engine = engines.resolve(sys.argv[1])
print("ready", flush=True)
n = 0
while True:  # until it is killed
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO pair_a VALUES (?, ?, zeroblob(3000))", (sys.argv[2], n))
        connection.exec_driver_sql("INSERT INTO pair_b VALUES (?, ?, zeroblob(3000))", (sys.argv[2], n))
        connection.commit()
    n += 1
"""


def test_a_backup_is_of_one_moment(source: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While eight processes write without a pause, each backup ends, is whole, and cuts no transaction in two."""
    with source.connect() as connection:
        for table in ("pair_a", "pair_b"):
            connection.exec_driver_sql(f"CREATE TABLE {table} (writer, n, filler, PRIMARY KEY (writer, n))")
        connection.commit()
    monkeypatch.setattr(limits, "LOCK_SECONDS", 600)
    url = source.url.render_as_string()
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITE, url, str(i)], stdout=subprocess.PIPE) for i in range(_WRITERS)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()

        for i in range(_BACKUPS):
            with source.connect() as connection:  # however slow the machine: something is new for each backup
                for table in ("pair_a", "pair_b"):
                    connection.exec_driver_sql(f"INSERT INTO {table} VALUES ('here', {i}, '')")
                connection.commit()
            backup.back_up(source, tmp_path / f"{i}.copy")

        assert [None] * _WRITERS == [writer.poll() for writer in writers]  # all were at it until here
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    for i in range(_BACKUPS):
        with closing(sqlite3.connect(tmp_path / f"{i}.copy")) as connection:
            a, b = (
                connection.execute(f"SELECT writer, n FROM {t} ORDER BY writer, n").fetchall()
                for t in ("pair_a", "pair_b")
            )
            assert a == b
            assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
            assert list(range(i + 1)) == [n for writer, n in a if writer == "here"]  # what was committed before it


def test_a_backup_of_another_release(source: sa.Engine, tmp_path: Path) -> None:
    """A registry that this release cannot use is copied all the same: it is a file."""
    with source.connect() as connection:
        connection.execute(sa.update(schema_version.TABLE).values(version_num="0099", oldest_reader=99))
        connection.commit()

    backup.back_up(source, tmp_path / "copy.db")

    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert [("0099", 99)] == connection.execute("SELECT * FROM ln_schema").fetchall()


# -- what is refused -----------------------------------------------------------------------------------------------


def refused(source: sa.Engine, target: Path) -> errors.CopyError:
    with pytest.raises(errors.CopyError) as error:
        backup.back_up(source, target)
    return error.value


@pytest.mark.parametrize("kind", ["file", "folder", "link", "registry"])
def test_nothing_is_overwritten(source: sa.Engine, tmp_path: Path, kind: str) -> None:
    """Whatever has the name already stays as it is."""
    target = tmp_path / "taken"
    if kind == "file":
        target.write_bytes(b"a diary")
    elif kind == "folder":
        target.mkdir()
    elif kind == "link":
        target.symlink_to(tmp_path / "nowhere")
    else:
        target = Path(str(source.url.database))
    before = sorted(tmp_path.iterdir())

    error = refused(source, target)

    assert (before, "name a file that is not there yet") == (sorted(tmp_path.iterdir()), error.fix)
    assert kind != "file" or target.read_bytes() == b"a diary"
    assert str(error) == f"{target} {'is a folder' if kind == 'folder' else 'exists already, and is not overwritten'}"


@pytest.mark.parametrize("has_links", [True, False])
def test_a_name_that_is_taken_meanwhile(
    source: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_links: bool
) -> None:
    """A file that somebody else made while the copy was on its way is not overwritten either."""
    target, check = tmp_path / "copy.db", backup._check
    monkeypatch.setattr(backup, "_check", lambda *given: (check(*given), target.write_bytes(b"theirs")))
    if not has_links:
        monkeypatch.setattr(os, "link", no_links)

    error = refused(source, target)

    assert (b"theirs", []) == (target.read_bytes(), list(tmp_path.glob(".copy*")))
    assert "was made by somebody else meanwhile" in str(error)


def no_links(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_filesystem_without_links(source: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file cannot have two names, the backup gets its one all the same."""
    monkeypatch.setattr(os, "link", no_links)

    backup.back_up(source, tmp_path / "copy.db")

    assert (["x"], []) == (names(tmp_path / "copy.db"), list(tmp_path.glob(".copy*")))


def test_a_missing_folder(source: sa.Engine, tmp_path: Path) -> None:
    """A folder that is not there is named, with the command that makes it."""
    error = refused(source, tmp_path / "no" / "copy.db")

    assert str(error) == f"{tmp_path}/no/copy.db cannot be made: there is no folder {tmp_path}/no"
    assert error.fix == f"make it first: mkdir -p '{tmp_path}/no'"


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="a folder where nobody may write, root neither")
def test_a_folder_that_cannot_be_written(source: sa.Engine) -> None:
    """The error says so, on the backup's own name."""
    error = refused(source, Path("/proc/copy.db"))

    assert str(error).startswith("/proc/copy.db cannot be written: ")
    assert error.fix == "name a file in a folder with room, that you may write to"


_FULL = """
import resource, signal, sys
from pathlib import Path
from ln_jupyter import errors
from ln_jupyter.registry import backup; from ln_jupyter.db import engines
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    backup.back_up(engines.resolve(sys.argv[1]), Path(sys.argv[2]))
except errors.CopyError as error:
    print(error)
"""


def test_no_room(source: sa.Engine, tmp_path: Path) -> None:
    """A disk without room for the copy leaves nothing of it behind."""
    (tmp_path / "backups").mkdir()
    target = tmp_path / "backups" / "copy.db"

    said = subprocess.run(
        [sys.executable, "-c", _FULL, source.url.render_as_string(), target], capture_output=True, text=True, check=True
    )

    assert said.stdout.startswith(f"{target} cannot be written: ")
    assert ("", []) == (said.stderr, list(target.parent.iterdir()))


def test_a_registry_in_memory(tmp_path: Path) -> None:
    """What is no file, or none yet, is not copied, and not made."""
    for url in ("sqlite://", f"sqlite:///{tmp_path / 'none.db'}"):
        with pytest.raises(errors.DatabaseUnavailableError, match="there is no registry yet at"):
            backup.back_up(engines.resolve(url), tmp_path / "copy.db")

    assert [] == list(tmp_path.iterdir())


@pytest.mark.postgres
def test_postgresql_has_its_own_tool(postgres_url: sa.URL, tmp_path: Path) -> None:
    """A server's database is not a file; the error names what copies it, and no password."""
    error = refused(engines.resolve(postgres_url.set(password="hunter2")), tmp_path / "copy.db")

    assert "is not a SQLite file" in str(error)
    assert error.fix == "let PostgreSQL's own tool copy it: pg_dump; to move it: ln-jupyter copy"
    assert "hunter2" not in f"{error!r} {error}"


def test_a_damaged_registry(source: sa.Engine, tmp_path: Path) -> None:
    """A page that cannot be read is found before the copy has a name, and no copy is left."""
    ln.add(lns.Run, [{"name": f"run {i}"} for i in range(2000)])
    file = Path(str(source.url.database))
    engines.dispose(source.url)
    content = bytearray(file.read_bytes())
    content[-16 * 4096 :] = b"\xa5" * (16 * 4096)
    file.write_bytes(content)

    with pytest.raises(errors.DatabaseUnavailableError) as error:
        backup.back_up(engines.resolve(source.url), tmp_path / "copy.db")

    assert f"{file} is damaged, and no copy was made: " in str(error.value)
    assert error.value.fix == "go on from an older backup, or save what can be read: sqlite3 FILE .recover"
    assert [] == list(tmp_path.glob("*copy*"))


def test_a_truncated_registry(source: sa.Engine, tmp_path: Path) -> None:
    """Half a file is no registry to copy."""
    ln.add(lns.Run, [{"name": f"run {i}"} for i in range(2000)])
    engines.dispose(source.url)
    file = tmp_path / "half.db"
    shutil.copy(str(source.url.database), file)
    os.truncate(file, file.stat().st_size // 2 // 4096 * 4096)

    with pytest.raises(errors.DatabaseUnavailableError, match="is damaged"):
        backup.back_up(engines.resolve(f"sqlite:///{file}"), tmp_path / "copy.db")

    assert [] == list(tmp_path.glob("*copy*"))
    engines.dispose(f"sqlite:///{file}")


# -- what ends it early --------------------------------------------------------------------------------------------

_INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from ln_jupyter.registry import backup; from ln_jupyter.db import engines
signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts us may ignore it
where, signum = sys.argv[3], getattr(signal, sys.argv[4])
def end(): os.kill(os.getpid(), signum)
if where == "copying":
    backup._SLICE, backup._pause = 1, lambda *_: end()
elif where == "checking":
    real = backup._check
    def check(*given): backup.interrupts._nothing = end; backup.interrupts._STEPS = 1; real(*given)
    backup._check = check
else:
    real = backup._name
    def name(*given): end(); real(*given)
    backup._name = name
backup.back_up(engines.resolve(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("signum", ["SIGINT", "SIGKILL"])
@pytest.mark.parametrize("where", ["copying", "checking", "naming"])
def test_what_ends_it_early(source: sa.Engine, tmp_path: Path, where: str, signum: str) -> None:
    """Ctrl-C leaves nothing behind; after SIGKILL there is nothing under the backup's name."""
    with OrmSession(source) as session:
        session.execute(sa.insert(lns.Run), [{"name": f"run {i}"} for i in range(10_000)])
        session.commit()
    (tmp_path / "backups").mkdir()
    target = tmp_path / "backups" / "copy.db"

    ended = processes.run_script(_INTERRUPTED, source.url.render_as_string(), str(target), where, signum)

    assert -getattr(signal, signum) == ended
    left = list(target.parent.iterdir())
    assert target not in left
    assert signum == "SIGKILL" or left == []
    backup.back_up(source, target)  # the name is still free
    assert 10_001 == len(names(target))
