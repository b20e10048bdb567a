import os
import subprocess

import pytest
import sqlalchemy as sa

from ln_jupyter import settings
from ln_jupyter.db import engines
from ln_jupyter.registry import schema_version
from tests.faults import releases

THIS, NEXT = schema_version.NUMBER, releases.NUMBER


@pytest.fixture
def old_registry(tmp_path):
    """The URL of a registry of the release before."""
    url = sa.make_url(f"sqlite:///{tmp_path / 'old.db'}")
    releases.restore(releases.RELEASED / f"schema_{THIS}.sqlite.sql", url)
    yield str(url)
    engines.dispose(url)


@pytest.fixture(params=["additive", "not additive"])
def release(request, tmp_path, monkeypatch):
    """Be the next release, whose tables serve the one before, or do not."""
    is_additive = request.param == "additive"
    upgrade = releases.ADDITIVE if is_additive else releases.NOT_ADDITIVE
    folder = tmp_path / "release"
    folder.mkdir()
    made = releases.make(folder, upgrade, oldest_reader=schema_version.OLDEST_READER if is_additive else NEXT)
    made.become(monkeypatch)
    return made


def test_init_makes_a_project(command, folder):
    """`init` makes a private folder that git ignores, with a registry that notebooks below use."""
    done = command("init")

    project = folder / ".ln_jupyter"
    assert (0, f"notebooks below {folder} register in {project / 'registry.db'}\n") == (done.exit_code, done.output)
    assert "*\n" == (project / ".gitignore").read_text()
    assert 0o700 == project.stat().st_mode & 0o777
    assert f"sqlite:///{project / 'registry.db'}" == settings.resolve(folder / "sub").url
    assert "ln_schema" in sa.inspect(engines.resolve(f"sqlite:///{project / 'registry.db'}")).get_table_names()


def test_init_is_ignored_by_git(command, folder):
    """After `init` there is nothing to commit."""
    subprocess.run(["git", "init", "-q"], check=True)

    command("init")

    assert "" == subprocess.run(["git", "status", "--short"], check=True, capture_output=True, text=True).stdout


def test_init_again_changes_nothing(command, folder):
    """A second `init` keeps the registry and a .gitignore that was changed."""
    command("init", "lab")
    ignore = folder / "lab" / ".ln_jupyter" / ".gitignore"
    ignore.write_text("registry.db*\n")
    before = (folder / "lab" / ".ln_jupyter" / "registry.db").stat().st_ino

    done = command("init", "lab")

    assert 0 == done.exit_code
    assert ("registry.db*\n", before) == (ignore.read_text(), (ignore.parent / "registry.db").stat().st_ino)


def test_init_says_what_decides_instead(command, folder, monkeypatch):
    """Where a variable decides, `init` says that the new registry is not used."""
    monkeypatch.setenv("LN_JUPYTER_URL", "sqlite:////elsewhere.db")

    done = command("init")

    assert "but not here and now: the url is decided by environment variable LN_JUPYTER_URL\n" == done.stderr


def test_init_where_nothing_can_be_made(command, folder):
    """A folder that cannot be made is one line and its fix."""
    (folder / ".ln_jupyter").write_text("a file")

    done = command("init")

    assert 1 == done.exit_code
    assert f"Error: {folder / '.ln_jupyter'} cannot be made: File exists\n" in done.output
    assert "fix: name a folder that you may write to: ln-jupyter init FOLDER\n" in done.output


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner here")
def test_init_in_a_project_of_somebody_else(command, folder, monkeypatch):
    """A project of another user is not touched."""
    (folder / ".ln_jupyter").mkdir()
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)

    done = command("init")

    assert (1, []) == (done.exit_code, list((folder / ".ln_jupyter").iterdir()))
    assert "belongs to another user" in done.output


def test_migrate_has_nothing_to_do(command, folder):
    """On a registry of this release, `migrate` says so."""
    command("init")
    settings.forget()

    done = command("migrate")

    assert (0, f"{folder / '.ln_jupyter' / 'registry.db'} has schema {THIS} already\n") == (done.exit_code, done.output)


def test_migrate_a_dry_run(command, old_registry, release, tmp_path):
    """A dry run says what would be done, to whom it matters and what would be copied, and does nothing."""
    file = tmp_path / "old.db"
    before = file.read_bytes(), sorted(tmp_path.iterdir())
    whom = f"not additive, from then on it needs releases that know schema {NEXT}"
    if release.oldest_reader < NEXT:
        whom = f"additive, releases that know schema {THIS} can go on using it"

    done = command("migrate", "--db", old_registry, "--dry-run")

    kept = f"the file as it was: {file}.schema-{THIS}.backup"
    assert (0, f"would migrate {file}: schema {THIS} -> {NEXT} ({whom}); {kept}\n") == (done.exit_code, done.output)
    engines.dispose(old_registry)
    assert before == (file.read_bytes(), sorted(tmp_path.iterdir()))


def test_migrate(command, old_registry, release, tmp_path):
    """The command says what it did, and what a dry run has said comes true."""
    said = command("migrate", "--db", old_registry, "--dry-run").output.removeprefix("would migrate ")

    done = command("migrate", "--db", old_registry)

    assert (0, said) == (done.exit_code, done.output)
    assert (tmp_path / f"old.db.schema-{THIS}.backup").exists()
    assert f"{tmp_path / 'old.db'} has schema {NEXT} already\n" == command("migrate", "--db", old_registry).output


def test_migrate_a_dry_run_of_nothing(command, folder, monkeypatch, tmp_path):
    """Where there is no registry yet, a dry run makes neither its file nor its folder."""
    monkeypatch.setattr(settings, "data_folder", lambda: tmp_path / "data")

    done = command("migrate", "--dry-run")

    assert (0, True) == (done.exit_code, done.output.endswith(f": schema 0 -> {THIS}\n"))
    assert [] == list(tmp_path.iterdir())


def test_migrate_a_dry_run_of_somebody_elses_file(command, tmp_path):
    """A dry run refuses what the command would refuse."""
    other = sa.create_engine(f"sqlite:///{tmp_path / 'mine.db'}")
    with other.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE mine (n INTEGER)")
    other.dispose()

    done = command("migrate", "--db", f"sqlite:///{tmp_path / 'mine.db'}", "--dry-run")

    assert (1, True) == (done.exit_code, "is not a registry: it holds 'mine'" in done.output)


def test_doctor_upgrades_nothing(command, old_registry, release, tmp_path):
    """`doctor` makes nothing of an older registry: it says what is due."""
    before = (tmp_path / "old.db").read_bytes()

    done = command("doctor", "--db", old_registry)

    engines.dispose(old_registry)
    assert before == (tmp_path / "old.db").read_bytes()
    assert "ln-jupyter migrate" in done.output


def test_init_as_json(data, folder):
    """For programs, `init` says where notebooks register and what decides it."""
    done = data("init", "lab")

    project = folder / "lab" / ".ln_jupyter"
    expected = {"folder": str(folder / "lab"), "registry": str(project / "registry.db"), "decided_by": str(project)}
    assert expected == done


def test_migrate_as_json(data, old_registry, release, tmp_path):
    """For programs, `migrate` says what would be done, and what it did."""
    expected = {
        "dry_run": True,
        "database": str(tmp_path / "old.db"),
        "before": THIS,
        "after": NEXT,
        "additive": release.oldest_reader < NEXT,
        "oldest_reader": release.oldest_reader,
        "backup": f"{tmp_path / 'old.db'}.schema-{THIS}.backup",
    }

    would, done = data("migrate", "--db", old_registry, "--dry-run"), data("migrate", "--db", old_registry)

    assert (expected, expected | {"dry_run": False}) == (would, done)
