import os
import subprocess

import pytest
import sqlalchemy as sa

from ln_jupyter import settings
from ln_jupyter.db import engine


@pytest.fixture
def old_registry(tmp_path):
    """The URL of a registry that says that its tables are older than any release."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    other = sa.create_engine(url)
    with other.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE ln_schema (version_num VARCHAR PRIMARY KEY, oldest_reader INTEGER)")
        connection.exec_driver_sql("INSERT INTO ln_schema VALUES ('0000', 0)")
    other.dispose()
    yield url
    engine.dispose(url)


def test_init_makes_a_project(command, folder):
    """`init` makes a private folder that git ignores, with a registry that notebooks below use."""
    done = command("init")

    project = folder / ".ln_jupyter"
    assert (0, f"notebooks below {folder} register in {project / 'registry.db'}\n") == (done.exit_code, done.output)
    assert "*\n" == (project / ".gitignore").read_text()
    assert 0o700 == project.stat().st_mode & 0o777
    assert f"sqlite:///{project / 'registry.db'}" == settings.resolve(folder / "sub").url
    assert "ln_schema" in sa.inspect(engine.resolve(f"sqlite:///{project / 'registry.db'}")).get_table_names()


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

    assert (0, f"{folder / '.ln_jupyter' / 'registry.db'} has schema 1 already\n") == (done.exit_code, done.output)


def test_migrate_a_dry_run(command, old_registry, tmp_path):
    """A dry run says what would be done, and does nothing."""
    before = (tmp_path / "old.db").read_bytes()

    done = command("migrate", "--db", old_registry, "--dry-run")

    assert (0, f"would migrate {tmp_path / 'old.db'}: schema 0 -> 1\n") == (done.exit_code, done.output)
    assert (before, [tmp_path / "old.db"]) == ((tmp_path / "old.db").read_bytes(), list(tmp_path.iterdir()))


def test_init_as_json(data, folder):
    """For programs, `init` says where notebooks register and what decides it."""
    done = data("init", "lab")

    project = folder / "lab" / ".ln_jupyter"
    expected = {"folder": str(folder / "lab"), "registry": str(project / "registry.db"), "decided_by": str(project)}
    assert expected == done


def test_migrate_as_json(data, old_registry, tmp_path):
    """For programs, `migrate` says what would be done."""
    done = data("migrate", "--db", old_registry, "--dry-run")

    expected = {"dry_run": True, "database": str(tmp_path / "old.db"), "before": 0, "after": 1, "backup": None}
    assert expected == done
