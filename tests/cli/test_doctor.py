import functools
import json
import os
import sqlite3
import subprocess
from contextlib import closing
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from ln_jupyter.approval import urls
from ln_jupyter.cli import environment
from ln_jupyter.db import engines
from ln_jupyter.db.sqlite import filesystems
from ln_jupyter.registry import check, schema_version
from ln_jupyter.registry.health import can_be_made, examine


@functools.cache
def load(command, python_path):
    """Import the extension in a process of its own, for a second of work: once for all who ask the same."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def _loaded_once(monkeypatch):
    run = lambda command, **_: load(tuple(command), os.environ.get("PYTHONPATH"))  # noqa: E731
    monkeypatch.setattr(environment, "subprocess", SimpleNamespace(run=run))


@pytest.fixture
def jupyter(tmp_path, monkeypatch):
    """Make a folder of configuration that Jupyter reads, and no other; it has the extension on."""
    path = tmp_path / "jupyter"
    said(path, on=True)
    monkeypatch.setattr("jupyter_core.paths.jupyter_config_path", lambda: [str(path)])
    return path


@pytest.fixture
def home(folder, monkeypatch):
    """Make a home of its own, where the data folder is not there yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.setenv("HOME", str(folder))
    return folder


def said(path, *, on):
    file = path / "jupyter_server_config.d" / "ln_jupyter.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"ServerApp": {"jpserver_extensions": {"ln_jupyter": on}}}))


def findings(report):
    return {finding["name"]: finding for finding in report["findings"]}


def test_a_healthy_registry(db, data, jupyter):
    """Where all is well, doctor says what serves, and ends with 0."""
    found = data("doctor", *db)

    assert found["ok"]
    assert (schema_version.NUMBER, schema_version.OLDEST_READER, True) == (
        found["registry"]["schema"],
        found["registry"]["oldest_reader"],
        found["registry"]["exists"],
    )
    assert {"ok"} == {finding["state"] for finding in found["findings"]}
    assert {"ok", "settings", "registry", "versions", "findings"} == set(found)


def test_doctor_for_people(home, command, jupyter):
    """Every setting is shown with where it came from, and every version that matters."""
    done = command("doctor")

    assert 0 == done.exit_code
    for words in (
        "default: your data folder",
        "default: your login name",
        "SQLite",
        "SQLAlchemy",
        "ipykernel",
        "nbproject",
    ):
        assert words in done.stdout
    assert "is not there yet; the first header() makes it" in done.stdout


def test_doctor_makes_nothing(home, command, jupyter):
    """Without a registry there is none afterwards, nor its folder."""
    before = sorted(home.rglob("*"))

    command("doctor")

    assert before == sorted(home.rglob("*"))


@pytest.mark.postgres
def test_a_registry_that_may_only_be_read(postgres_url, data, jupyter):
    """In PostgreSQL the rights of the user count: doctor names those that are missing, and what to ask for."""
    engine = engines.resolve(postgres_url)
    check.ensure(engine)
    role = f"reader_{postgres_url.database}"
    with engine.begin() as connection:
        for statement in ("CREATE ROLE {}", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}"):
            connection.execute(sa.text(statement.format(role)))
    url = postgres_url.update_query_dict({"options": f"-c role={role}"}).render_as_string(hide_password=False)
    try:
        found = findings(data("doctor", "--db", url, exit_code=1))["registry"]
    finally:
        engines.dispose(urls.parse(url))
        with engine.begin() as connection:
            for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
                connection.execute(sa.text(statement.format(role)))

    assert "broken" == found["state"]
    assert "does not let you INSERT, UPDATE, DELETE in all of its tables" in found["text"]
    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES" in found["fix"]


def test_no_password_is_shown(home, command, jupyter, monkeypatch):
    """A password is neither shown as a setting nor in what went wrong."""
    monkeypatch.setenv("LN_JUPYTER_URL", "postgresql://ann:top-secret@localhost:1/lab")

    done = command("doctor")

    assert (1, False) == (done.exit_code, "top-secret" in done.output)
    assert "postgresql+psycopg://ann:***@localhost:1/lab  (environment variable LN_JUPYTER_URL)" in done.stdout
    assert "broken  registry: postgresql+psycopg://ann:***@localhost:1/lab cannot be reached" in done.stdout
    assert "fix: check the URL (host, port, user, password, database)" in done.stdout


@pytest.mark.parametrize(
    "url", ["top-secret", "mysql://ann:top-secret@host/lab", "postgresql://ann@host/lab?password=top-secret"]
)
def test_a_url_that_is_none(home, data, jupyter, url):
    """A URL that cannot be used is not shown; the fix is."""
    found = data("doctor", "--db", url, exit_code=1)

    assert ("broken", False) == (findings(found)["registry"]["state"], "top-secret" in json.dumps(found))
    assert findings(found)["registry"]["fix"]


def test_a_setting_that_is_none(home, data, jupyter, monkeypatch):
    """A setting that cannot be read is broken, and the rest is still shown."""
    monkeypatch.setenv("LN_JUPYTER_MODE", "of")

    found = data("doctor", exit_code=1)

    assert ("broken", 'set it to "on" or "off"') == (
        findings(found)["settings"]["state"],
        findings(found)["settings"]["fix"],
    )
    assert found["versions"]["Python"]


def test_a_database_of_somebody_else(home, data, jupyter):
    """A file with other tables is named, and stays as it was."""
    with closing(sqlite3.connect(home / "mine.db")) as connection:
        connection.execute("CREATE TABLE mine (x)")
    before = (home / "mine.db").read_bytes()

    found = data("doctor", "--db", f"sqlite:///{home / 'mine.db'}", exit_code=1)

    assert "is not a registry: it holds 'mine'" in findings(found)["registry"]["text"]
    assert before == (home / "mine.db").read_bytes()


def test_a_registry_that_cannot_be_made(home, data, jupyter):
    """A place where no file can be made is broken before anybody's header() finds out."""
    (home / "file").write_text("")

    found = data("doctor", "--db", f"sqlite:///{home / 'file' / 'registry.db'}", exit_code=1)

    assert "is not there and cannot be made" in findings(found)["registry"]["text"]


def test_a_journal_that_makes_readers_wait(home, command, data, jupyter):
    """Another journal mode than ours is a hint, and breaks nothing."""
    command("init")
    file = home / ".ln_jupyter" / "registry.db"
    engines.dispose(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")

    found = data("doctor", "--db", f"sqlite:///{file}")

    assert ("hint", "delete") == (findings(found)["journal"]["state"], found["registry"]["journal"])


def test_a_network_filesystem(sqlite_url, monkeypatch):
    """A registry on a network filesystem is a hint with the way out, and its journal is right for it."""
    monkeypatch.setattr(filesystems, "mounts", lambda: [("/", "nfs4")])
    check.ensure(engines.resolve(sqlite_url))

    found, hints = examine(sqlite_url.render_as_string())

    assert ("nfs4", "delete", ["ok", "hint"]) == (found.filesystem, found.journal, [each.state for each in hints])
    assert "use PostgreSQL for a team" in hints[1].fix


def test_a_wal_on_a_network_filesystem(sqlite_url, monkeypatch):
    """A registry that was made on a local disk and moved to a network has a hint how to leave its WAL."""
    check.ensure(engines.resolve(sqlite_url))
    monkeypatch.setattr(filesystems, "mounts", lambda: [("/", "nfs4")])

    _, hints = examine(sqlite_url.render_as_string())

    assert ["registry", "filesystem", "journal"] == [each.name for each in hints]
    assert f"sqlite3 {sqlite_url.database} 'PRAGMA journal_mode=DELETE'" in hints[2].fix


def test_the_last_mount_is_seen(tmp_path):
    """What is mounted later on the same place hides the earlier."""
    assert "nfs" == filesystems.find(tmp_path, [("/", "ext4"), (str(tmp_path), "xfs"), (str(tmp_path), "nfs")])
    assert filesystems.find(tmp_path, []) is None


def test_mounts_without_proc(monkeypatch, tmp_path):
    """Where the system has no list of its own, psutil's is used."""
    monkeypatch.setattr(filesystems, "_MOUNTS", tmp_path / "none")
    monkeypatch.setattr("psutil.disk_partitions", lambda **_: [SimpleNamespace(mountpoint="/", fstype="apfs")])

    assert [("/", "apfs")] == filesystems.mounts()


def test_mounts_with_a_space(monkeypatch, tmp_path):
    """A place with a space in its name is written in octal there."""
    (tmp_path / "mountinfo").write_text(r"36 35 98:0 / /my\040home rw,noatime master:1 - nfs4 far:/home rw" + "\n")
    monkeypatch.setattr(filesystems, "_MOUNTS", tmp_path / "mountinfo")

    assert [("/my home", "nfs4")] == filesystems.mounts()


def test_a_folder_below_a_file(tmp_path):
    """A folder cannot be made in a file."""
    (tmp_path / "file").write_text("")

    assert [True, True, False] == [can_be_made(tmp_path / name) for name in ("", "new/deep", "file/deep")]


def test_an_extension_that_is_off(home, data, jupyter):
    """A server that is told not to load the extension is broken, with the command that turns it on."""
    said(jupyter, on=False)

    found = findings(data("doctor", exit_code=1))["server extension"]

    assert ("broken", "jupyter server extension enable ln_jupyter --sys-prefix") == (found["state"], found["fix"])
    assert str(jupyter) in found["text"]


def test_an_extension_that_nobody_names(home, data, jupyter):
    """A server whose configuration lacks the extension is broken, too."""
    (jupyter / "jupyter_server_config.d" / "ln_jupyter.json").write_text("no JSON")

    found = findings(data("doctor", exit_code=1))["server extension"]

    assert "it is not on: no configuration of Jupyter names it" == found["text"]


def test_the_users_word_counts(home, data, jupyter):
    """The file of the user is stronger than what packages installed."""
    (jupyter / "jupyter_server_config.json").write_text('{"ServerApp": {"jpserver_extensions": {"ln_jupyter": false}}}')

    assert "broken" == findings(data("doctor", exit_code=1))["server extension"]["state"]


def test_the_first_folder_counts(home, data, jupyter, monkeypatch):
    """Of the folders that Jupyter reads, the first one has the last word."""
    said(home / "user", on=False)
    monkeypatch.setattr("jupyter_core.paths.jupyter_config_path", lambda: [str(home / "user"), str(jupyter)])

    assert "broken" == findings(data("doctor", exit_code=1))["server extension"]["state"]


def test_an_extension_that_cannot_be_loaded(home, data, jupyter, monkeypatch):
    """An extension that is on and cannot be imported is broken, with the reason."""
    (home / "tornado.py").write_text("raise ImportError('too old')")
    monkeypatch.setenv("PYTHONPATH", str(home))

    found = findings(data("doctor", exit_code=1))["server extension"]

    assert "it is on and cannot be loaded: ImportError: too old" == found["text"]


def test_an_extension_that_takes_long(home, data, jupyter, monkeypatch):
    """On a machine that is too busy to try it, nothing is broken for that, and the doctor ends."""
    monkeypatch.setattr(environment, "subprocess", subprocess)
    monkeypatch.setattr(environment, "_LOAD_SECONDS", 0)

    found = findings(data("doctor"))["server extension"]

    assert ("hint", "ask again when the machine is less busy") == (found["state"], found["fix"])
