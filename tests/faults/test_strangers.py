"""A project that came from elsewhere: nothing is sent to where it says, and nothing that it brought is run."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import struct
import tempfile
import zlib
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import cli, errors, settings
from ln_jupyter.approval import lists, urls
from ln_jupyter.cli import environment
from ln_jupyter.db import engines
from ln_jupyter.queries import sources
from ln_jupyter.server import notebook_paths
from ln_jupyter.tracking import running
from tests.faults.heard import FORMS, Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    from tests.ipython.kernel_driver import Kernel

SECRET = "top-secret-of-ann"


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    """Give the server that hears whatever arrives."""
    with tempfile.TemporaryDirectory() as folder:  # the path of a socket is short
        listening = Listener(Path(folder))
        yield listening
        listening.close()


@pytest.fixture(scope="module")
def secrets(listener: Listener, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the variables of a user who has every kind of secret at hand, and whom they all lead to the listener."""
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "pgpass").write_text(f"*:*:*:*:{SECRET}\n")
    (folder / "pgpass").chmod(0o600)
    (folder / "services").write_text(f"[lab]\nhost=127.0.0.1\nport={listener.port}\nuser=ann\n")
    return {
        "PGPASSWORD": SECRET,
        "PGPASSFILE": str(folder / "pgpass"),
        "PGSERVICEFILE": str(folder / "services"),
        "PGHOST": "127.0.0.1",
        "PGHOSTADDR": "127.0.0.1",
        "PGPORT": str(listener.port),
        "PGUSER": "ann",
    }


@pytest.fixture
def clone(
    tmp_path: Path,
    approvals: Path,
    secrets: dict[str, str],
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], Path]]:
    """Make a project that names the listener, and work in it as a user with secrets."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(environment, "server_extension", list)  # it starts a process of its own
    listener.heard.clear()

    def clone(form: str) -> Path:
        listener.be_named(folder, form)
        settings.forget()
        return folder

    yield clone
    ln.settings.forget()


def run(*words: str) -> Result:
    try:
        return CliRunner().invoke(cli.main, words)
    finally:
        with suppress(errors.SettingsError):
            engines.connect()  # a command is a process of its own


COMMANDS = [
    ["doctor"],
    ["list"],
    ["runs"],
    ["show", "x"],
    ["show", "x", "--source"],
    ["where", "x.csv"],
    ["files", "x"],
    ["lineage", "x"],
    ["migrate"],
    ["migrate", "--dry-run"],
    ["backup", "x.db"],
    ["delete", "x", "--yes"],
    ["prune", "--older-than", "1d", "--yes"],
    ["forget", "a.ipynb"],
]


def test_every_command_is_tried() -> None:
    """Of the commands that use the registry of the settings, none is left out."""
    assert {words[0] for words in COMMANDS} == set(cli.main.commands) - {"approve", "copy", "init"}


def test_commands(clone: Callable[[str], Path], listener: Listener) -> None:
    """No command connects: each says what to do, and the doctor that something is broken."""
    for form in FORMS:
        (clone(form) / "a.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
        for words in COMMANDS:
            settings.forget()
            done = run(*words)
            assert 1 == done.exit_code, (words, done.output)
            assert "LN_JUPYTER_URL" in done.output or "use sqlite" in done.output
            assert "Traceback" not in done.output

    assert [] == listener.heard


def test_completion(clone: Callable[[str], Path], listener: Listener) -> None:
    """The Tab key offers nothing, and connects nowhere."""
    for form in FORMS:
        clone(form)
        offered = ShellComplete(cli.main, {}, "ln-jupyter", "_X").get_completions(["show"], "a")
        assert [] == offered

    assert [] == listener.heard


def test_functions(clone: Callable[[str], Path], listener: Listener) -> None:
    """Nothing that asks the registry connects."""
    for form in FORMS:
        clone(form)
        for use in (ln.connect, lambda: ln.select(lns.Run).all(), lambda: ln.add(lns.Run()), ln.view):
            with pytest.raises(errors.SettingsError):
                use()

    assert [] == listener.heard


def test_renames(clone: Callable[[str], Path], listener: Listener) -> None:
    """What the server's extension does for a file that moves or goes connects nowhere, for a project and beside it."""
    for form in FORMS:
        folder = clone(form)
        for act, *paths in (
            (notebook_paths.move, folder / "a.ipynb", folder / "b.ipynb"),
            (notebook_paths.forget, folder),
        ):
            try:
                act(*paths)
            except errors.InvalidUrlError:  # a debug line in the server's log
                assert form.startswith("m")

    assert [] == listener.heard


def test_header(
    clone: Callable[[str], Path], listener: Listener, kernel: Kernel, secrets: dict[str, str], tmp_path: Path
) -> None:
    """In a kernel, header() is one error with the command to paste; no driver is loaded, so no name is looked up."""
    folder = clone(FORMS[0])
    kernel.run(
        "del os.environ['LN_JUPYTER_URL']\n"
        f"os.environ.update({secrets | {'XDG_CONFIG_HOME': str(tmp_path / 'config')}!r})\n"
        f"os.chdir({str(folder)!r}); running.forget()"
    )
    (folder / "a.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    for form in FORMS:
        clone(form)
        done = kernel.run(
            "ln.settings.forget()\ntry: ln.connect()\nexcept ln.errors.SettingsError: pass\nln.header(filepath='a.ipynb')"
        )
        assert done.errors in (["UnapprovedRegistryError"], ["InvalidUrlError"]), done
        assert "fix: " in done.traceback

    assert [] == listener.heard
    assert not kernel.read("'psycopg' in __import__('sys').modules")


def test_a_name_that_looks_like_another(clone: Callable[[str], Path], listener: Listener) -> None:
    """The doctor shows letters that could be taken for others as the error does."""
    clone("postgresql://ann@db.ex\u0430mple.org/lab")

    done = run("doctor")

    assert 3 == done.output.count("db.ex\\u{430}mple.org/lab")
    assert "\u0430" not in done.output


@pytest.mark.parametrize("kept", ["PGPASSWORD", "PGPASSFILE", "~/.pgpass", "passfile"])
def test_after_it_was_approved(
    clone: Callable[[str], Path],
    listener: Listener,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: str,
) -> None:
    """The listener hears: what was approved is connected to, and the password is found where it always was."""
    file = Path(os.environ["PGPASSFILE"])
    for name in {"PGPASSWORD", "PGPASSFILE"} - {kept}:
        monkeypatch.delenv(name)
    if kept == "~/.pgpass":
        shutil.copy(file, tmp_path / ".pgpass")
        monkeypatch.setenv("HOME", str(tmp_path))
    clone(FORMS[2] + (f"&passfile={file}" if kept == "passfile" else ""))
    lists.add(lists.url_of(urls.parse(settings.current().registry.text)))

    with pytest.raises(errors.DatabaseUnavailableError, match=r"hostaddr=127.0.0.1"):
        ln.select(lns.Run).all()

    assert any(SECRET.encode() in each for each in listener.heard)


def test_the_user_of_a_project(
    tmp_path: Path, approvals: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whom a project names as its user is not who runs it, and header() says so in one line."""
    (tmp_path / "pyproject.toml").write_text('[tool.ln_jupyter]\nurl = "sqlite:///lab.db"\nuser = "eve"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "ann")

    ln.header(id="Rx2s9cPTMQLY", name="Growth")

    shown = capsys.readouterr().out
    running.forget()
    assert "eve" not in {user.handle for user in ln.select(lns.User).all()}
    assert ["ignored:"] == [line.split()[0] for line in shown.splitlines() if "yours to say" in line]
    engines.dispose(settings.current().url)


# -- files -----------------------------------------------------------------------------------------------------


@pytest.fixture
def brought(tmp_path: Path, approvals: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a project with a registry, as it came with a clone, and work in it."""
    folder = tmp_path / "clone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(environment, "server_extension", list)  # it starts a process of its own
    assert 0 == run("init").exit_code
    file = folder / ".ln_jupyter" / "registry.db"
    engines.dispose(settings.sqlite_url(file))
    settings.forget()
    yield file
    engines.dispose(settings.sqlite_url(file))


PROGRAMS = {
    "trigger": "CREATE TRIGGER evil AFTER INSERT ON ln_run BEGIN DELETE FROM ln_user; END",
    "view": "CREATE VIEW evil AS SELECT 1",
    "virtual": "CREATE VIRTUAL TABLE evil USING fts5(x)",
    "view of ours": "DROP TABLE ln_executed_cell; CREATE VIEW ln_executed_cell AS SELECT 1 AS run_id",
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_file_that_runs_something(brought: Path, kind: str) -> None:
    """A registry with a trigger, a view or a virtual table is refused by name and unchanged, until it is approved."""
    with closing(sqlite3.connect(brought)) as connection:
        connection.executescript(PROGRAMS[kind])
    before = brought.read_bytes()

    with pytest.raises(errors.NotARegistryError, match="has what no registry has: ") as raised:
        ln.add(lns.Run(name="x"))
    doctor = run("doctor")

    assert f"{kind.split(maxsplit=1)[0]} '{'ln_executed_cell' if 'ours' in kind else 'evil'}'" in str(raised.value)
    assert (1, True) == (doctor.exit_code, "broken  registry" in doctor.output)
    assert before == brought.read_bytes()
    assert f"ln-jupyter approve sqlite:///{brought}" in raised.value.fix
    run("approve", f"sqlite:///{brought}")
    assert [] == ln.select(lns.Run).all()


def test_a_journal_that_deletes(brought: Path, tmp_path: Path) -> None:
    """A journal that names a file of the user's, which SQLite would delete, is not rolled back."""
    precious = tmp_path / "precious"
    precious.write_text("precious")
    with closing(sqlite3.connect(brought, isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode=DELETE", "PRAGMA cache_size=1", "CREATE TABLE t (x)", "BEGIN"):
            connection.execute(statement)
        for _ in range(50):  # more than the cache holds
            connection.execute("INSERT INTO t VALUES (zeroblob(9999))")
        before, journal = brought.read_bytes(), brought.with_name("registry.db-journal").read_bytes()
        connection.execute("ROLLBACK")
    name = os.fsencode(precious)
    named = struct.pack(f">I{len(name)}sII", 0, name, len(name), sum(name)) + bytes.fromhex("d9d505f920a163d7")
    brought.write_bytes(before)
    brought.with_name("registry.db-journal").write_bytes(journal + named)

    for words in ("doctor", "list", "migrate"):
        done = run(words)
        assert (1, True) == (done.exit_code, "names another file, which SQLite would delete" in done.output)

    assert precious.exists()
    sqlite3.connect(brought).execute("SELECT * FROM t").close()
    assert not precious.exists()


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("kind", ["pipe", "socket", "folder"])
def test_what_is_no_file(brought: Path, suffix: str, kind: str) -> None:
    """What stands where SQLite writes beside a registry, and is no file, is neither waited for nor written to."""
    beside = brought.with_name(f"registry.db{suffix}")
    beside.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(beside)
    elif kind == "folder":
        beside.mkdir()
    else:
        os.chdir(beside.parent)  # the path of a socket is short
        with closing(socket.socket(socket.AF_UNIX)) as listening:
            listening.bind(beside.name)
        os.chdir(beside.parents[1])

    for words in ("doctor", "list", "migrate", "init"):
        done = run(words)
        assert (1, True) == (done.exit_code, "is not a file, and SQLite would use it as one" in done.output), (
            done.output
        )
    with pytest.raises(errors.DatabaseUnavailableError, match="is not a file"):
        notebook_paths.move(brought.with_name("a.ipynb"), brought.with_name("b.ipynb"))


COMPUTATIONS = {
    "generated column": "ALTER TABLE ln_notebook DROP COLUMN title;"
    "ALTER TABLE ln_notebook ADD COLUMN title TEXT AS (hex(zeroblob(9)))",
    "check": "ALTER TABLE ln_notebook ADD COLUMN evil TEXT CHECK (length(hex(zeroblob(9))) > 1)",
    "index on an expression": "CREATE INDEX evil ON ln_notebook (hex(zeroblob(9)))",
    "partial index": 'CREATE UNIQUE INDEX "evil" ON "LN_NOTEBOOK" (id) WHERE hex(zeroblob(9)) <> title',
    "default": "DROP TABLE ln_source; CREATE TABLE 'ln_source' /* ( */ (hash, content, created_at, x DEFAULT (hex(zeroblob(9))))",
}


@pytest.mark.parametrize("kind", COMPUTATIONS)
def test_a_file_that_computes(brought: Path, kind: str) -> None:
    """A table of ours that computes what it holds, which may fill the memory, is refused, until it is approved."""
    with closing(sqlite3.connect(brought)) as connection:
        connection.executescript(COMPUTATIONS[kind])

    for words in ("list", "doctor"):
        done = run(words)
        assert (1, True) == (done.exit_code, "a computation in " in done.output), done.output
    run("approve", f"sqlite:///{brought}")
    assert 0 == run("list").exit_code


def test_tables_of_a_users_own(brought: Path) -> None:
    """In the file of their project, a user's own tables may have what SQLAlchemy writes for a model."""
    with closing(sqlite3.connect(brought)) as connection:
        connection.executescript(
            "CREATE TABLE plant (id INTEGER, kind VARCHAR CHECK (kind IN ('a', 'b')), made DATETIME DEFAULT (CURRENT_TIMESTAMP),"
            "run_id VARCHAR REFERENCES ln_run (id)); CREATE INDEX tall ON plant (lower(kind)) WHERE id > 1;"
            'CREATE TABLE "Plant 2" (x INTEGER CHECK (x > 0))'
        )

    assert [] == ln.select(lns.Run).all()


NUMBERS = [
    "'1'",
    "'0000'",
    "'\u0663\u0663\u0663\u0663'",
    "x'00ff'",
    "CAST(x'ff41' AS TEXT)",
    "'9' || hex(zeroblob(3000))",
]


@pytest.mark.parametrize(
    "change", [*(f"version_num = {number}" for number in NUMBERS), "oldest_reader = 'many'", "oldest_reader = x'01'"]
)
def test_a_number_that_is_none(brought: Path, change: str) -> None:
    """A registry that does not say which schema it has is refused in a sentence."""
    with closing(sqlite3.connect(brought)) as connection:
        connection.execute(f"UPDATE ln_schema SET {change}")
        connection.commit()

    for words in ("list", "doctor", "migrate"):
        done = run(words)
        assert (1, True) == (done.exit_code, "fix: go on from " in done.output), done.output


def test_a_text_that_is_none(brought: Path) -> None:
    """Bytes that are no text, where a text is to be, are damage; the Tab key offers nothing, and complains nowhere."""
    ln.add(lns.Notebook(id="Rx2s9cPTMQLY", title="x"))
    engines.dispose(settings.sqlite_url(brought))
    for value in ("CAST(x'ff41' AS TEXT)", "x'ff41'"):
        with closing(sqlite3.connect(brought)) as connection:
            connection.execute(f"UPDATE ln_notebook SET title = {value}, name = {value}")
            connection.commit()
        offered = ShellComplete(cli.main, {}, "ln-jupyter", "_X").get_completions(["show"], "R")
        assert [] == offered
    with closing(sqlite3.connect(brought)) as connection:
        connection.execute("UPDATE ln_notebook SET title = CAST(x'ff41' AS TEXT)")
        connection.commit()

    done = run("list")
    assert (1, True) == (done.exit_code, "is damaged" in done.output), done.output


@pytest.mark.parametrize("value", ["'garbage' || char(27)", "x'ff41'", "replace(hex(zeroblob(60000)), '00', '[')"])
@pytest.mark.parametrize("column", ["ln_run.started_at", "ln_run.parameters", "ln_notebook_path.cell_ids"])
def test_a_value_that_is_none(brought: Path, column: str, value: str) -> None:
    """A time that is no time, and JSON that is none, is an error for every use, and no traceback of a parser."""
    file = brought.parents[1] / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1\ny = 2")]), file)
    ln.header(filepath=str(file))
    run_id = ln.nb.run.id
    running.forget()
    engines.dispose(settings.sqlite_url(brought))
    table, name = column.split(".")
    with closing(sqlite3.connect(brought)) as connection:
        connection.execute(f"UPDATE {table} SET {name} = {value}")
        connection.commit()

    def header() -> None:
        ln.header(filepath=str(file))

    uses = [lambda: ln.select(lns.Run).all(), lambda: run("show", run_id)]
    if table != "ln_run":
        uses = [header, lambda: ln.select(lns.NotebookPath).all()]
    for use in uses:
        with pytest.raises(errors.NotARegistryError, match=r"holds what is no (time|JSON): "):
            done = use()
            if done is not None:
                assert (1, True) == (done.exit_code, "fix: go on from a backup" in done.output), done.output
                raise errors.NotARegistryError(done.output)


@pytest.mark.parametrize("content", [zlib.compress(b"0" * 2_000_000, 9), b"no zlib", zlib.compress(b"[" * 99_999)])
def test_a_source_that_is_none(brought: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """A kept source that would fill the memory, or cannot be read, is not unpacked."""
    monkeypatch.setattr(sources, "_LONGEST", 1_000_000)
    ln.add(lns.Source(hash="a" * 64, content=content))
    ln.add(lns.Notebook(id="Rx2s9cPTMQLY", source_hash="a" * 64))

    done = run("show", "Rx2s9cPTMQLY", "--source")

    assert (1, True) == (done.exit_code, "Error: the source that is kept of Rx2s9cPTMQLY" in done.output), done.output


def test_a_file_that_lies(brought: Path) -> None:
    """A trigger that the file calls a table is one: what counts is the text that SQLite reads."""
    with closing(sqlite3.connect(brought)) as connection:
        connection.executescript(
            f"{PROGRAMS['trigger']}; PRAGMA writable_schema=ON;"
            "UPDATE sqlite_master SET type = 'table', rootpage = 2 WHERE name = 'evil'"
        )

    with pytest.raises(errors.DatabaseError):
        ln.add(lns.Run(name="x"))


def test_functions_of_a_program(brought: Path) -> None:
    """What is left in a file, as a CHECK, calls no function that a program has made; an approved one may."""
    add = "CREATE TABLE evil (name TEXT CHECK (name REGEXP 'a*'))"
    with closing(sqlite3.connect(brought)) as connection:
        connection.create_function("regexp", 2, lambda *_: True, deterministic=True)
        connection.execute(add)

    with pytest.raises(errors.NotARegistryError, match=r"unsafe use of REGEXP\(\); nothing of it was run"):
        ln.add(lns.Pipeline(name="x"))
    lists.add(f"sqlite:///{brought}")
    ln.add(lns.Pipeline(name="x"))


def test_a_file_that_becomes_a_link(brought: Path, tmp_path: Path) -> None:
    """A registry that is replaced by a link to another one, while it is in use, is not followed."""
    ln.add(lns.Run(name="mine"))
    other = settings.sqlite_url(tmp_path / "other.db")
    ln.Session(other).add(lns.Run(name="other"))
    engines.dispose(other)
    for each in brought.parent.glob("registry.db*"):
        each.unlink()
    brought.symlink_to(tmp_path / "other.db")

    with pytest.raises(errors.LnJupyterError):
        ln.select(lns.Run).all()
    settings.forget()
    engines.dispose(settings.sqlite_url(brought))
    with pytest.raises(errors.UnapprovedRegistryError):
        ln.select(lns.Run).all()
    doctor = run("doctor")

    assert (1, True) == (doctor.exit_code, "nobody has approved" in doctor.output)


def test_init_in_a_project_that_leads_out(brought: Path, tmp_path: Path) -> None:
    """`init` writes nothing where a link leads."""
    elsewhere = tmp_path / "elsewhere"
    brought.parent.rename(elsewhere)
    brought.parent.symlink_to(elsewhere)
    (elsewhere / ".gitignore").unlink()
    before = sorted(elsewhere.iterdir())

    done = run("init")

    assert (1, True) == (done.exit_code, "nobody has approved" in done.output)
    assert before == sorted(elsewhere.iterdir())


def test_a_users_own_file(tmp_path: Path, approvals: Path) -> None:
    """What the user names themselves may have triggers and views, as ever."""
    file = tmp_path / "mine.db"
    ln.Session(settings.sqlite_url(file)).add(lns.Run(name="x"))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE VIEW mine AS SELECT 1")
    engines.dispose(settings.sqlite_url(file))

    assert 1 == ln.Session(settings.sqlite_url(file)).select(lns.Run).count()
