import os
import shlex
import subprocess
import sys

import click
import pytest
import sqlalchemy as sa

import ln_jupyter
from ln_jupyter import cli
from ln_jupyter.cli.group import Group
from tests.cli.conftest import program


@pytest.mark.parametrize(
    ("url", "message", "fix"),
    [
        ("mysql://root:top-secret@host/lab", "a registry cannot be kept in mysql", "use sqlite:///"),
        ("top-secret", "the database URL cannot be read", "use sqlite:///"),
        (
            "sqlite:////no such folder/registry.db",
            "/no such folder/registry.db cannot be opened: there is no folder /no such folder",
            "correct the path, or make it: mkdir -p",
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


def test_debug_shows_the_traceback(run, tmp_path):
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


@pytest.mark.parametrize("name", cli.main.commands)
def test_every_command_has_examples(name):
    """Each example of a help page is a call that its command takes."""
    target = cli.main.commands[name]
    examples = [line.strip() for line in (target.epilog or "").splitlines() if line.startswith("  ln-jupyter")]

    for example in examples:
        _, given, *words = shlex.split(example.partition(" > ")[0])
        assert name == given
        parent = cli.main.make_context("ln-jupyter", [given, *words])
        target.make_context(name, words, parent=parent)
    assert examples


def test_exit_codes_are_told(command):
    """The help says what the exit codes mean."""
    assert all(f"{code}  " in command("--help").output for code in (0, 1, 2))


def test_the_version(command):
    """The version is the package's."""
    assert f"ln-jupyter, version {ln_jupyter.__version__}\n" == command("--version").output


def test_without_its_script(tmp_path):
    """`python -m ln_jupyter` is the command, where its script is not on the path."""
    command = [sys.executable, "-m", "ln_jupyter", "--version"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert f"ln-jupyter, version {ln_jupyter.__version__}\n" == done.stdout


def test_help_imports_no_database(tmp_path):
    """Help comes without the cost of SQLAlchemy or alembic."""
    code = "import sys; from ln_jupyter import cli; cli.main(['--help'], standalone_mode=False); print(sorted(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert "Usage" in done.stdout
    assert not any(f"'{name}'" in done.stdout for name in ("sqlalchemy", "alembic", "IPython", "jupyter_server"))


def test_a_reader_that_goes_away(tmp_path):
    """Where nobody reads on (`| head`), a command ends without a word."""
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(program("init"), stdout=writer, stderr=subprocess.PIPE, cwd=tmp_path, check=False)

    os.close(writer)
    assert b"" == done.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(13, "Permission denied", "a file"), "Error: [Errno 13] Permission denied: 'a file'\n"),
        (
            sa.exc.ProgrammingError("SELECT", {}, Exception("no\x1b[2J right")),
            "Error: the database says: no\ufffd[2J right\n",
        ),
    ],
    ids=["system", "driver"],
)
def test_errors_of_others(error, message):
    """An error of the system or of a driver is one line, too, which commands no terminal."""

    @click.group(cls=Group)
    @click.option("--debug", is_flag=True)
    def group(**_):
        pass

    @group.command()
    def fail():
        raise error

    done = click.testing.CliRunner().invoke(group, ["fail"])

    assert (1, message) == (done.exit_code, done.stderr)


def test_a_bug_is_a_traceback():
    """What nobody meant is not hidden."""

    @click.group(cls=Group)
    @click.option("--debug", is_flag=True)
    def group(**_):
        pass

    @group.command()
    def fail():
        raise ZeroDivisionError

    done = click.testing.CliRunner().invoke(group, ["fail"])

    assert isinstance(done.exception, ZeroDivisionError)


def test_a_terminal_of_another_encoding(run, tmp_path):
    """A letter that the terminal does not have is a question mark."""
    done = run("init", "lab-実", cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "latin-1"})

    assert (0, True) == (done.returncode, "lab-?" in done.stdout)


def test_every_summary_is_whole(command):
    """The overview cuts no command's summary off in a terminal of 80 columns."""
    _, _, summaries = command("--help", terminal_width=80).stdout.partition("Commands:")

    assert "show" in summaries
    assert "..." not in summaries
