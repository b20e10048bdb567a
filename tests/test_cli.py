import os
import subprocess
import sys

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import ln_jupyter
from ln_jupyter import cli, settings
from ln_jupyter.db import engine


@pytest.fixture
def command():
    """Run the command line in this process."""
    runner = CliRunner()
    return lambda *words: runner.invoke(cli.main, [os.fspath(word) for word in words])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, where no variable decides the registry."""
    monkeypatch.delenv("LN_JUPYTER_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    settings.forget()
    yield tmp_path
    settings.forget()


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


@pytest.mark.parametrize(
    ("url", "message", "fix"),
    [
        ("mysql://root:top-secret@host/lab", "a registry cannot be kept in mysql", "use sqlite:///"),
        ("top-secret", "the database URL cannot be read", "use sqlite:///"),
        (
            "sqlite:////no such folder/registry.db",
            "/no such folder/registry.db cannot be opened",
            "check that its folder",
        ),
    ],
)
def test_an_error_is_one_line_and_its_fix(command, url, message, fix):
    """A user's mistake ends with exit code 1, one line and what to do; never with a password or a traceback."""
    done = command("migrate", "--db", url)

    assert 1 == done.exit_code
    first, second = done.stderr.splitlines()
    assert (f"Error: {message}", True) == (first, second.startswith(f"fix: {fix}"))
    assert "top-secret" not in done.output


def test_debug_shows_the_traceback(tmp_path):
    """With ``--debug`` an error is shown as Python shows it, with its fix."""
    done = run("--debug", "migrate", "--db", "nonsense", cwd=tmp_path)

    assert 1 == done.returncode
    assert "Traceback" in done.stderr
    assert "ln_jupyter.errors.InvalidUrlError: the database URL cannot be read\nfix: use sqlite" in done.stderr


@pytest.mark.parametrize("words", [[], *([name] for name in cli.main.commands)], ids=str)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help(command, words, option):
    """Every command explains itself, its options, and what it is for."""
    done = command(*words, option)

    assert 0 == done.exit_code
    assert done.output.startswith("Usage: ")
    target = cli.main.commands[words[0]] if words else cli.main
    assert target.help
    assert all(parameter.help for parameter in target.params if isinstance(parameter, click.Option))


def test_the_version(command):
    """The version is the package's."""
    assert f"ln-jupyter, version {ln_jupyter.__version__}\n" == command("--version").output


def test_help_imports_no_database(tmp_path):
    """Help comes without the cost of SQLAlchemy or alembic."""
    code = "import sys; from ln_jupyter import cli; cli.main(['--help'], standalone_mode=False); print(sorted(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert "Usage" in done.stdout
    assert not any(f"'{name}'" in done.stdout for name in ("sqlalchemy", "alembic", "IPython", "jupyter_server"))


def run(*words, cwd):
    code = "import sys; from ln_jupyter import cli; sys.argv[0] = 'ln-jupyter'; cli.main()"
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
