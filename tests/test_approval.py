"""What a project may name as its registry, and what only after it was approved."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import ln_jupyter as ln
from ln_jupyter import cli, errors, settings
from ln_jupyter.approval import lists, registry_url, urls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVER = "postgresql://ann@db.example.org/lab"


@pytest.fixture(autouse=True)
def _nothing_is_approved(approvals: Path) -> None:
    """Nobody has approved anything, and nothing is decided."""


@pytest.fixture
def named(tmp_path: Path) -> Callable[[str], settings.Settings]:
    """Give the settings of a project whose pyproject.toml names a registry."""
    folder = tmp_path / "clone"
    folder.mkdir()

    def named(url: str) -> settings.Settings:
        text = url.replace("\\", "\\\\").replace('"', '\\"').replace("\x1b", "\\u001b").replace("\n", "\\n")
        (folder / "pyproject.toml").write_text(f'[tool.ln_jupyter]\nurl = "{text}"\n', encoding="utf-8")
        return settings.resolve(folder)

    return named


def refusal(found: settings.Settings) -> errors.UnapprovedRegistryError:
    with pytest.raises(errors.UnapprovedRegistryError) as raised:
        _ = found.url
    assert not found.registry.is_approved
    return raised.value


def paste(fix: str) -> None:
    """Run the command that a fix names."""
    words = shlex.split(fix[fix.index("ln-jupyter") :].partition("; to use another one")[0])
    done = CliRunner().invoke(cli.main, words[1:])
    assert 0 == done.exit_code, done.output


OUTSIDE = [
    SERVER,
    "postgres://db.example.org",
    "postgresql:///lab",
    "postgresql+evil://db.example.org/lab",
    "postgresql://one,two:5433/lab",
    "postgresql://db.example.org/lab?hostaddr=10.0.0.1&host=db.example.org",
    "postgresql:///lab?host=%2Ftmp%2Fsocket",
    "postgresql:///?service=lab",
    "sqlite:////home/ann/other.db",
    "sqlite:///../outside.db",
    "sqlite:///inside/../../outside.db",
    "sqlite+a+b:///../outside.db",
    "sqlite:////home/ann/other.db?mode=ro",
    "sqlite:///.git/info/attributes",
    "postgresql://db.example.org/lab?sslmode=verify-full&sslrootcert=system&sslkey=%2Fhome%2Fann%2Fkey",
]


@pytest.mark.parametrize("url", OUTSIDE)
def test_what_leads_out_of_a_project(named: Callable[[str], settings.Settings], url: str) -> None:
    """A server, and a file outside of the project, is refused until the command that the error names was run."""
    error = refusal(named(url))

    assert str(named(url).registry.by) in str(error)
    assert "nothing was opened, looked up or sent" in str(error)
    paste(error.fix)
    assert named(url).url


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///lab.db",
        "sqlite:///data/lab.db?mode=ro",
        "sqlite:///a/../lab.db",
        "sqlite+pysqlite:///lab.db",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_what_stays_in_a_project(named: Callable[[str], settings.Settings], url: str) -> None:
    """A file in the project's folder, and a database in memory, need no approval."""
    assert named(url).url


def test_a_whole_path_of_the_project(named: Callable[[str], settings.Settings], tmp_path: Path) -> None:
    """A file in the project may be named by its whole path."""
    url = f"sqlite:///{tmp_path / 'clone' / 'lab.db'}"

    assert url == named(url).url


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann@db.example.org/lab",
        "mariadb+pymysql://ann@db.example.org/lab",
        "evil://db.example.org/lab",
        "sqlite:///file:lab.db?uri=true",
        "sqlite:///file:/home/ann/other.db?vfs=unix-none&uri=true",
        "sqlite://?plugin=evil",
        "sqlite://?uri=true",
        "sqlite:///lab.db?plugin=evil",
        "postgresql://db.example.org/lab?plugin=evil",
        "postgresql://db.example.org/lab?servicefile=.pg_service.conf",
        "postgresql://db.example.org/lab?sslkeylogfile=/tmp/keys",
        *(
            f"postgresql://db.example.org/lab?{option}=certs/file"
            for option in ("passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir")
        ),
        "postgresql://ann@db.example.org/lab?password=x",
        "nonsense",
    ],
)
def test_what_nobody_can_approve(
    named: Callable[[str], settings.Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """What is no registry, or leaves it to a module or a file what is done, is refused by the file that names it."""
    (tmp_path / "evil.py").write_text("raise AssertionError")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(errors.InvalidUrlError, match=r"clone.pyproject.toml") as raised:
        _ = named(url).url

    assert raised.value.fix
    assert "evil" not in sys.modules


def test_no_driver_is_imported(named: Callable[[str], settings.Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver that a project names is not looked for, approved or not."""
    monkeypatch.setattr("sqlalchemy.dialects.registry.load", pytest.fail)

    refusal(named("postgresql+evil://db.example.org/lab"))
    lists.add("postgresql://db.example.org/lab")

    assert named("postgresql+evil://db.example.org/lab").url


WHOLE = "postgresql://ann@db.example.org:5433/lab?hostaddr=10.0.0.1&sslmode=require"


@pytest.mark.parametrize(
    "other",
    [
        WHOLE.replace("ann@", "ben@"),
        WHOLE.replace("ann@", ""),
        WHOLE.replace("db.example.org", "db.example.com"),
        WHOLE.replace("db.example.org", "db.example.org,db.example.com"),
        WHOLE.replace(":5433", ""),
        WHOLE.replace("/lab", "/other"),
        WHOLE.replace("10.0.0.1", "10.0.0.2"),
        WHOLE.replace("require", "disable"),
        WHOLE.replace("&sslmode=require", ""),
        *(
            f"{WHOLE}&{option}"
            for option in (
                "host=db.example.com",
                "port=1",
                "service=x",
                "passfile=/x",
                "sslrootcert=/x",
                "sslkey=/x",
                "options=-c%20x%3Dy",
                "application_name=x",
                "hostaddr=10.0.0.2",
            )
        ),
    ],
)
def test_another_url_asks_again(named: Callable[[str], settings.Settings], other: str) -> None:
    """Whatever of a URL is other than what was approved, it is not approved."""
    lists.add(lists.url_of(urls.parse(WHOLE)))

    assert named(WHOLE).url
    refusal(named(other))


# Of libpq 18; passwords and what nobody can approve aside, which are refused by other rules.
LIBPQ = """
    host hostaddr port dbname user passfile require_auth channel_binding connect_timeout client_encoding options
    application_name fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count
    tcp_user_timeout replication gssencmode sslmode requiressl sslnegotiation sslcompression sslcert sslkey
    sslcertmode sslrootcert sslcrl sslcrldir sslsni requirepeer ssl_min_protocol_version ssl_max_protocol_version
    min_protocol_version max_protocol_version krbsrvname gsslib gssdelegation service target_session_attrs
    load_balance_hosts scram_client_key scram_server_key oauth_issuer oauth_client_id oauth_scope
""".split()  # noqa: SIM905 - a list would have a line for each


@pytest.mark.parametrize("name", LIBPQ)
def test_every_option_of_libpq_counts(named: Callable[[str], settings.Settings], name: str) -> None:
    """Whether it leads elsewhere, sends another credential or protects it less: added, changed or removed, it asks again."""
    bare = "postgresql://ann@db.example.org/lab"
    approved = f"{bare}?{name}=/a"
    lists.add(lists.url_of(urls.parse(approved)))

    assert named(approved).url
    for other in (bare, f"{bare}?{name}=/b", f"{approved}&{name}=/b"):
        refusal(named(other))


@pytest.mark.parametrize(
    "spelling",
    [
        WHOLE.replace("postgresql", "postgresql+psycopg"),
        WHOLE.replace("ann@", "ann:s3cret@"),
        WHOLE.replace("ann@", "ann:@"),
        "postgresql://ann@db.example.org:5433/lab?sslmode=require&hostaddr=10.0.0.1",
    ],
)
def test_another_spelling_does_not(named: Callable[[str], settings.Settings], spelling: str) -> None:
    """The order of the options, the driver and the password do not count; the password is used."""
    lists.add(lists.url_of(urls.parse(WHOLE)))

    assert spelling == named(spelling).url


def test_another_project_does_not(named: Callable[[str], settings.Settings], tmp_path: Path) -> None:
    """What is approved is the URL: a project that is moved, or another one that names it, needs no other approval."""
    paste(refusal(named(SERVER)).fix)
    (tmp_path / "clone").rename(tmp_path / "moved")

    assert SERVER == settings.resolve(tmp_path / "moved").url


def test_a_password_is_nowhere(named: Callable[[str], settings.Settings], approvals: Path) -> None:
    """The error, the command and the list have no password."""
    error = refusal(named("postgresql://ann:s3cret@db.example.org/lab"))
    paste(error.fix)

    assert "s3cret" not in f"{error} {error.fix} {approvals.read_text()} {error.__context__}"


@pytest.mark.parametrize("word", ["\x1b]0;x\x07", "\u202e", "\u2028", "é", " ", "\U0001f600"])
def test_hostile_text(named: Callable[[str], settings.Settings], word: str) -> None:
    """What a URL commands, turns around, hides or imitates is escaped in the error, which is one line."""
    error = refusal(named(f"postgresql://ann@db.{word.replace(chr(7), '')}/lab"))

    assert f"{error}{error.fix}".isascii()
    assert f"{error}{error.fix}".isprintable()
    assert "\\u{" in str(error)
    paste(error.fix)
    assert named(f"postgresql://ann@db.{word.replace(chr(7), '')}/lab").url


@pytest.mark.parametrize("seen", ["postgresql://ann@db.ex\u00e4mple.org/lab", "sqlite:////home/ann/l\u200bab.db"])
def test_what_is_pasted_is_what_was_seen(named: Callable[[str], settings.Settings], seen: str) -> None:
    """The command approves the URL that the error shows: not what the project names by then, nor what looks like it."""
    fix = refusal(named(seen)).fix
    named(SERVER)
    paste(fix)

    assert [seen] == [each.url for each in lists.every()]
    assert registry_url.meant(registry_url.shown(seen)) == seen


def test_an_escape_is_no_letter(named: Callable[[str], settings.Settings]) -> None:
    """A URL that is written like an escaped letter is another one than that with the letter."""
    letter, escape = (
        "postgresql://ann@db/lab?application_name=\u00e4",
        r"postgresql://ann@db/lab?application_name=\u{e4}",
    )
    paste(refusal(named(escape)).fix)

    assert named(escape).url
    refusal(named(letter))


def test_where_it_leads_is_said(named: Callable[[str], settings.Settings]) -> None:
    """An option that leads elsewhere than the host that is named is pointed out."""
    error = refusal(named("postgresql://ann@db.example.org/lab?hostaddr=10.0.0.1&service=x"))

    assert "(a server; hostaddr=10.0.0.1 and service=x says where)" in str(error)


# -- links -----------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project with a registry of its own, and a file elsewhere."""
    project = tmp_path / "clone" / ".ln_jupyter"
    project.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "registry.db").touch()
    return project


@pytest.mark.parametrize("name", ["registry.db", "registry.db-wal", "registry.db-shm", "registry.db-journal"])
@pytest.mark.parametrize("kind", ["symbolic", "hard", "dangling"])
def test_a_link_out_of_a_project(project: Path, tmp_path: Path, name: str, kind: str) -> None:
    """A registry that is a link, or has one beside it where SQLite writes, is refused."""
    (project / "registry.db").touch()
    (project / name).unlink(missing_ok=True)
    target = tmp_path / "elsewhere" / ("none" if kind == "dangling" else "registry.db")
    if kind == "hard":
        (project / name).hardlink_to(target)
    else:
        (project / name).symlink_to(target)

    error = refusal(settings.resolve(project.parent))

    assert str(project) in str(error)


def test_a_folder_that_is_a_link(project: Path, tmp_path: Path) -> None:
    """A project's folder that is somewhere else is refused, and may be approved by where it is."""
    project.rmdir()
    project.symlink_to(tmp_path / "elsewhere")
    error = refusal(settings.resolve(project.parent))

    assert f"sqlite:///{tmp_path}/elsewhere/registry.db (outside of the project)" in str(error)
    paste(error.fix)
    assert f"sqlite:///{tmp_path}/elsewhere/registry.db" == settings.resolve(project.parent).url


def test_a_link_inside_of_a_project(project: Path) -> None:
    """A link that stays in the project is of the project."""
    (project.parent / "lab.db").touch()
    (project / "registry.db").symlink_to(project.parent / "lab.db")

    assert settings.resolve(project.parent).url


def test_a_project_behind_a_link(project: Path, tmp_path: Path) -> None:
    """That a whole project is reached by a link leads nowhere else."""
    (tmp_path / "link").symlink_to(project.parent)

    assert settings.resolve(tmp_path / "link").url


def test_a_table_that_is_a_link(named: Callable[[str], settings.Settings], tmp_path: Path) -> None:
    """What a linked pyproject.toml says is read from where the link is, and needs the same approval."""
    named("sqlite:///lab.db")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "pyproject.toml").symlink_to(tmp_path / "clone" / "pyproject.toml")

    assert f"sqlite:///{tmp_path}/other/lab.db" == settings.resolve(tmp_path / "other").url
    named(SERVER)
    refusal(settings.resolve(tmp_path / "other"))


def test_a_table_that_is_a_device(tmp_path: Path, project: Path) -> None:
    """A pyproject.toml that never ends is no project."""
    (project.parent / "pyproject.toml").symlink_to("/dev/zero")

    assert str(project) == settings.resolve(project.parent).origins["url"]


# -- the lists -------------------------------------------------------------------------------------------------

AS_ROOT = pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="files are given to others here")


def test_the_list_is_the_users(approvals: Path) -> None:
    """It is made with its folder, for its owner only, and what a person wrote in it stays."""
    lists.add(SERVER)
    approvals.write_text("# of the lab\n" + approvals.read_text().rstrip("\n"))

    lists.add("postgresql://other/lab")
    lists.add("postgresql://other/lab")
    lists.remove(SERVER)

    assert (0o600, 0o700) == tuple(stat.S_IMODE(each.stat().st_mode) for each in (approvals, approvals.parent))
    assert "# of the lab\npostgresql://other/lab\n" == approvals.read_text()


def test_a_list_that_was_written_by_hand(named: Callable[[str], settings.Settings], approvals: Path) -> None:
    """Any spelling of a URL counts; what is none, or would be of whatever folder this is, does not."""
    approvals.parent.mkdir(parents=True)
    approvals.write_text(
        "# comment\n\nnonsense\nsqlite:///relative.db\nsqlite://\n"
        "  postgresql+psycopg://db.example.org/lab?sslmode=require&connect_timeout=3  \n"
    )

    url = "postgresql://db.example.org/lab?connect_timeout=3&sslmode=require"
    assert [url] == [each.url for each in lists.every()]
    assert url == named(url).url


def test_what_is_taken_back_at_once(approvals: Path) -> None:
    """Of approvals that are taken back and given at the same time, each is as its user said last."""
    old, new = ([f"postgresql://{age}.example.org/{number}" for number in range(16)] for age in ("old", "new"))
    for url in old:
        lists.add(url)

    with ThreadPoolExecutor(16) as pool:
        for done in [
            each
            for pair in zip(old, new, strict=True)
            for each in (pool.submit(lists.remove, pair[0]), pool.submit(lists.add, pair[1]))
        ]:
            done.result()

    assert set(new) == {each.url for each in lists.every()}


def test_an_approval_stays_with_its_file(project: Path, tmp_path: Path) -> None:
    """A project's file that was approved, and becomes a link to another one, does not approve that."""
    (project / "registry.db").touch()
    lists.add(f"sqlite:///{project}/registry.db")
    (project / "registry.db").unlink()
    project.rmdir()
    project.symlink_to(tmp_path / "elsewhere")

    assert [] == list(lists.every())
    refusal(settings.resolve(project.parent))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_list_that_is_a_pipe(named: Callable[[str], settings.Settings], approvals: Path) -> None:
    """It is not waited for, and approves nothing."""
    approvals.parent.mkdir(parents=True)
    os.mkfifo(approvals, 0o600)

    refusal(named(SERVER))
    with pytest.raises(errors.SettingsError, match="is no file"):
        lists.add(SERVER)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner here")
def test_a_list_that_others_may_write_to(named: Callable[[str], settings.Settings], approvals: Path) -> None:
    """It approves nothing, and whoever approves is told."""
    lists.add(SERVER)
    approvals.chmod(0o622)

    refusal(named(SERVER))
    with pytest.raises(errors.SettingsError, match="can be written by other users") as raised:
        lists.add(SERVER)
    assert f"chmod go-w '{approvals.parent}' '{approvals}'" == raised.value.fix
    approvals.chmod(0o600)
    assert named(SERVER).url
    approvals.parent.chmod(0o770)
    refusal(named(SERVER))


@AS_ROOT
def test_a_list_of_somebody_else(named: Callable[[str], settings.Settings], approvals: Path) -> None:
    """A list that another user has made approves nothing."""
    lists.add(SERVER)
    os.chown(approvals, 1234, 1234)

    refusal(named(SERVER))


def test_a_relative_place_of_the_list(
    named: Callable[[str], settings.Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the folder of configurations is relative, no project's folder becomes it."""
    monkeypatch.setattr(lists, "user_file", lambda: type(tmp_path)("approved_urls.txt"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "approved_urls.txt").write_text(f"{SERVER}\n")
    (tmp_path / "approved_urls.txt").chmod(0o600)

    refusal(named(SERVER))


def test_a_list_that_cannot_be_written(approvals: Path) -> None:
    """Where nothing can be kept, the variable is the way on."""
    approvals.parent.parent.write_text("a file")

    with pytest.raises(errors.SettingsError, match="cannot be written") as raised:
        lists.add(SERVER)

    assert "LN_JUPYTER_URL" in raised.value.fix


@pytest.fixture
def administered(approvals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the administrator's list, which approves a server; it is root's, as all folders above it are."""
    monkeypatch.setattr(lists, "_MACHINE", tmp_path / "etc")
    (tmp_path / "etc").mkdir(mode=0o755)
    (tmp_path / "etc" / "approved_urls.txt").write_text(f"{SERVER}\n")
    (tmp_path / "etc" / "approved_urls.txt").chmod(0o644)
    return tmp_path / "etc" / "approved_urls.txt"


@AS_ROOT
def test_an_administrator_approves(named: Callable[[str], settings.Settings], administered: Path) -> None:
    """What root has written on the machine's list is approved for all, and no user takes it back."""
    assert SERVER == named(SERVER).url
    with pytest.raises(errors.SettingsError, match="approves it for every user") as raised:
        lists.remove(SERVER)
    assert "ask whoever administers the machine" == raised.value.fix


@AS_ROOT
@pytest.mark.parametrize("what", ["file of a user", "folder of a user", "open file", "open folder", "link of a user"])
def test_who_is_no_administrator(
    named: Callable[[str], settings.Settings], administered: Path, tmp_path: Path, what: str
) -> None:
    """A list that anybody but root could have written approves nothing."""
    if what == "file of a user":
        os.chown(administered, 1234, 1234)
    elif what == "folder of a user":
        os.chown(administered.parent, 1234, 1234)
    elif what == "open file":
        administered.chmod(0o666)
    elif what == "open folder":
        administered.parent.chmod(0o777)
    else:
        os.chown(tmp_path / "etc", 1234, 1234)

    refusal(named(SERVER))


@AS_ROOT
@pytest.mark.parametrize("uid", [0, 1234])
def test_an_environments_list(
    named: Callable[[str], settings.Settings],
    administered: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uid: int,
) -> None:
    """One in the environment counts where root made it for others; to root, a clone's would be root's, too."""
    (tmp_path / "venv" / "etc" / "ln_jupyter").mkdir(parents=True)
    administered.rename(tmp_path / "venv" / "etc" / "ln_jupyter" / "approved_urls.txt")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(os, "getuid", lambda: uid)

    assert (uid == 1234) == (lists.file_of(SERVER) is not None)


# -- who needs none --------------------------------------------------------------------------------------------


def test_what_the_user_names(
    named: Callable[[str], settings.Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An argument works beside a project that is not approved, and a variable decides over it."""
    named(SERVER)
    monkeypatch.chdir(tmp_path / "clone")

    ln.connect(f"sqlite:///{tmp_path}/mine.db")
    ln.add(ln.schema.Run(name="mine"))
    mine = ln.select(ln.schema.Run, name="mine").one()
    for use in (ln.connect, lambda: ln.select(ln.schema.Run).all()):
        with pytest.raises(errors.UnapprovedRegistryError):
            use()

    assert "mine" == mine.name
    assert "nowhere" in repr(ln.Session())
    monkeypatch.setenv("LN_JUPYTER_URL", "sqlite:////any/where.db")
    assert "sqlite:////any/where.db" == settings.resolve(tmp_path / "clone").url


def test_an_approval_counts_at_once(
    named: Callable[[str], settings.Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was refused goes on once it is approved, without a restart."""
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    named(url)
    monkeypatch.chdir(tmp_path / "clone")
    with pytest.raises(errors.UnapprovedRegistryError) as raised:
        ln.select(ln.schema.Run).all()
    paste(raised.value.fix)

    assert [] == ln.select(ln.schema.Run).all()


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x85", "\u2028"])
def test_a_line_is_one_url(named: Callable[[str], settings.Settings], end: str) -> None:
    """A name with the end of a line in it approves nothing beside itself: half of it would be another registry."""
    halves = "postgresql+psycopg://ann@db.example.org/lab", "postgresql+psycopg://ann@evil.example.org/lab"
    with contextlib.suppress(errors.SettingsError):
        lists.add(lists.url_of(urls.parse(f"postgresql://ann@db.example.org/lab?service=a{end}{halves[1]}")))
    with contextlib.suppress(errors.SettingsError):
        lists.add(end.join(halves))

    assert not {each.url for each in lists.every()} & set(halves)
    refusal(named(halves[0]))
    refusal(named(halves[1]))
