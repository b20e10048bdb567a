"""Who may read and write what, and whose projects are trusted: each sentence of docs/how-to/permissions.md."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors, settings
from ln_jupyter.db import engines
from ln_jupyter.registry import backup, choose
from tests import servers
from tests.faults import permissions, processes, uses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Tell = Callable[[object], None]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files have no permission bits there")

IS_ROOT = hasattr(os, "getuid") and os.getuid() == 0
AS_ROOT = pytest.mark.skipif(not IS_ROOT, reason="only root can be two users")

ANN, BEN, EVE = 12001, 12002, 12003
TEAM, OTHERS = 12100, 12103


def mode(path: Path | str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    """Let a test choose what new files are made without."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.fixture
def undecided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a home in which nothing was decided and no variable is set."""
    engines.connect()
    for name in settings.NAMES:
        monkeypatch.delenv(f"LN_JUPYTER_{name.upper()}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    settings.forget()
    yield tmp_path
    settings.forget()


# -- what is made --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [0o000, 0o002, 0o022, 0o077])
def test_a_new_registry_is_private(sqlite_url: Any, umask: Callable[[int], int], bits: int) -> None:
    """Whatever the umask is, the file, its WAL and its shared memory are for their owner only."""
    umask(bits)

    with ln.Session(sqlite_url) as ss:
        ss.add(lns.Run())

    assert [0o600] * 3 == [mode(f"{sqlite_url.database}{suffix}") for suffix in ("", "-wal", "-shm")]


def test_the_default_folder_is_private(undecided: Path, umask: Callable[[int], int]) -> None:
    """The folder of the default registry is made for its owner only."""
    umask(0o000)

    engine = choose.of_registry()

    folder = settings.data_folder()
    assert undecided in folder.parents
    assert (0o700, 0o600) == (mode(folder), mode(folder / "registry.db"))
    engines.dispose(engine.url)


def test_a_project_is_private(tmp_path: Path, umask: Callable[[int], int]) -> None:
    """`ln-jupyter init` makes a folder and a registry for their owner only."""
    umask(0o000)

    assert uses.OK == uses.command(tmp_path, "init", ".")

    project = tmp_path / ".ln_jupyter"
    assert (0o700, 0o600) == (mode(project), mode(project / "registry.db"))


def test_a_backup_is_private(sqlite_url: Any, tmp_path: Path, umask: Callable[[int], int]) -> None:
    """A backup is for its owner only, also of a registry that a team shares."""
    umask(0o000)
    with ln.Session(sqlite_url) as ss:
        ss.add(lns.Run())
    os.chmod(sqlite_url.database, 0o660)  # noqa: PTH101

    backup.back_up(engines.resolve(sqlite_url), tmp_path / "copy.db")

    assert 0o600 == mode(tmp_path / "copy.db")


def test_what_is_there_keeps_its_permissions(undecided: Path) -> None:
    """Folders and files that exist are used as they are, and the WAL gets the permissions of the file."""
    folder = settings.data_folder()
    folder.mkdir(parents=True)
    folder.chmod(0o770)
    (folder / "registry.db").touch()
    (folder / "registry.db").chmod(0o660)

    engine = choose.of_registry()
    ln.add(lns.Run())

    assert 0o770 == mode(folder)
    assert [0o660] * 3 == [mode(folder / f"registry.db{suffix}") for suffix in ("", "-wal", "-shm")]
    engines.dispose(engine.url)


# -- a team --------------------------------------------------------------------------------------------------------


def member(tell: Tell, url: str, uid: int, gid: int, umask: int) -> None:
    """Use a registry as one of the team, and tell what came of it."""
    permissions.become(uid, gid, umask)
    ln.connect(url)
    try:
        ln.add(lns.Run(name=str(uid)))
    except errors.LnJupyterError as error:
        tell(f"{error}; fix: {error.fix}")
    else:
        names = sorted(str(name) for name in ln.select(lns.Run.name).all())
        files = sorted(Path(url.removeprefix("sqlite:///")).parent.glob("*.db*"))
        tell((names, [(oct(mode(each)), each.stat().st_gid) for each in files]))


def use(url: str, uid: int, gid: int, umask: int = 0o077) -> Any:
    return processes.run(member, [(url, uid, gid, umask)])[0][0]


@pytest.fixture
def team() -> Iterator[Path]:
    """Make the team's folder, as the documentation says, below folders that everybody may pass through."""
    base = servers.new_folder()  # pytest closes its own to others, each time that it starts
    folder = base / "lab"
    folder.mkdir()
    os.chown(folder, ANN, TEAM)
    folder.chmod(0o2770)
    yield folder
    shutil.rmtree(base)


def share(folder: Path) -> str:
    """Make the team's file, as the documentation says."""
    file = folder / "registry.db"
    file.touch()
    os.chown(file, ANN, TEAM)
    file.chmod(0o660)
    return settings.sqlite_url(file)


@AS_ROOT
def test_a_team_shares_a_file(team: Path) -> None:
    """In a setgid folder, each member reads and writes one file of mode 660, whatever their group and umask."""
    url = share(team)

    first = use(url, ANN, TEAM)
    second = use(url, BEN, TEAM)
    third = use(url, ANN, TEAM)

    assert ["12001"] == first[0]
    assert ["12001", "12002"] == second[0]
    assert ["12001", "12001", "12002"] == third[0]
    for _, files in (first, second, third):
        assert {("0o660", TEAM)} == set(files)


@AS_ROOT
def test_nobody_else_gets_in(team: Path) -> None:
    """Who is not of the group is told so, and sees nothing."""
    url = share(team)
    use(url, ANN, TEAM)

    said = use(url, EVE, OTHERS)

    assert "you may not look into its folder" in said
    assert "ask the folder's owner" in said


@AS_ROOT
def test_a_file_that_was_made_by_itself_is_not_shared(team: Path) -> None:
    """A registry that a member's first `header()` makes is that member's alone, until they share it, with its WAL."""
    url = settings.sqlite_url(team / "registry.db")
    use(url, ANN, TEAM)

    said = use(url, BEN, TEAM)
    for each in team.glob("registry.db*"):
        each.chmod(0o660)
    shared = use(url, BEN, TEAM)

    assert f"you may not read {team / 'registry.db'}" in said, said
    assert "ask its owner" in said
    assert ["12001", "12002"] == shared[0]


@AS_ROOT
def test_a_member_who_may_only_read(team: Path) -> None:
    """With mode 640, members of the group are told that they may only read."""
    url = share(team)
    use(url, ANN, TEAM)
    (team / "registry.db").chmod(0o640)

    said = use(url, BEN, TEAM)

    assert f"{team / 'registry.db'} may only be read" in said


# -- projects of somebody else -------------------------------------------------------------------------------------


def settle(folder: Path) -> str:
    return settings.resolve(folder).url


@AS_ROOT
@pytest.mark.parametrize("kind", ["folder", "table", "link to a folder of ours", "link to a table of ours"])
def test_a_project_of_somebody_else_is_refused(undecided: Path, kind: str) -> None:
    """A project above a notebook that another user made is an error, whatever is in it; a link counts as its maker's."""
    shared = undecided / "shared"
    ours = undecided / "ours"
    for each in (shared, ours):
        each.mkdir()
    (ours / ".ln_jupyter").mkdir()
    (ours / "pyproject.toml").write_text('[tool.ln_jupyter]\nurl = "sqlite:///ours.db"\n')
    planted = shared / ("pyproject.toml" if "table" in kind else ".ln_jupyter")
    if kind == "folder":
        planted.mkdir()
    elif kind == "table":
        planted.write_text('[tool.ln_jupyter]\nurl = "postgresql://eve@example.org/all"\n')
    else:
        planted.symlink_to(ours / planted.name)
    os.chown(planted, EVE, OTHERS, follow_symlinks=False)
    before = uses.contents(undecided)

    with pytest.raises(errors.UntrustedProjectError) as error:
        settle(shared)

    assert f"{planted} belongs to another user (uid {EVE})" == str(error.value)
    assert "set LN_JUPYTER_URL, or ask its owner; nothing in it was used" == error.value.fix
    assert before == uses.contents(undecided)


@AS_ROOT
def test_a_folder_that_everybody_may_write_to(undecided: Path) -> None:
    """In a folder like /tmp, what another user planted is refused, and a project of one's own is used."""
    shared = undecided / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "ours" / ".ln_jupyter").mkdir(parents=True)
    (shared / ".ln_jupyter").mkdir()
    os.chown(shared / ".ln_jupyter", EVE, OTHERS)

    assert settings.sqlite_url(shared / "ours" / ".ln_jupyter" / "registry.db") == settle(shared / "ours")
    with pytest.raises(errors.UntrustedProjectError):
        settle(shared)


@AS_ROOT
@pytest.mark.parametrize("kind", ["folder", "table"])
def test_a_variable_is_the_way_on(undecided: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """With ``LN_JUPYTER_URL``, a project of somebody else stands in nobody's way, and nothing in it is used."""
    planted = undecided / (".ln_jupyter" if kind == "folder" else "pyproject.toml")
    if kind == "folder":
        planted.mkdir()
    else:
        planted.write_text('[tool.ln_jupyter]\nmode = "off"\nuser = "eve"\n')
    os.chown(planted, EVE, OTHERS)
    monkeypatch.setenv("LN_JUPYTER_URL", "sqlite:////mine.db")

    found = settings.resolve(undecided)

    assert ("sqlite:////mine.db", "on") == (found.url, found.mode)
    assert "eve" != found.user


@AS_ROOT
def test_a_file_of_a_colleague_in_a_folder_of_ours(undecided: Path) -> None:
    """Whom we let write into our project may have made its registry: it is used, as the folder is ours."""
    project = undecided / ".ln_jupyter"
    project.mkdir()
    url = settings.sqlite_url(project / "registry.db")
    with ln.Session(url) as ss:
        ss.add(lns.Run(name="theirs"))
    engines.dispose(url)
    os.chown(project / "registry.db", BEN, TEAM)

    assert url == settle(undecided)
    with ln.Session(url) as ss:
        assert ss.select(lns.Run, name="theirs").exists()
    engines.dispose(url)
