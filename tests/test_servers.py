"""Servers that tests share, and what is said of those that are not installed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests import servers


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no server be found."""
    monkeypatch.setattr(shutil, "which", lambda *_args, **_named: None)
    monkeypatch.delenv(servers.REQUIRED, raising=False)


def test_a_server_that_is_not_installed_is_left_out(absent: None) -> None:
    """A test of a server that is not found is skipped, and the run says what was left out and how to get it."""
    with pytest.raises(pytest.skip.Exception) as skipped:
        servers.mariadb()

    reports = [SimpleNamespace(longrepr=("file", 1, f"Skipped: {reason}")) for reason in (skipped.value.msg, "other")]
    told = servers.left_out(SimpleNamespace(stats={"skipped": reports * 2}))
    assert ["MariaDB (Debian: apt-get install mariadb-server)"] == told


def test_absence_can_be_a_failure(absent: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every server has to be there, as in CI, one that is not found fails the test."""
    monkeypatch.setenv(servers.REQUIRED, "1")

    with pytest.raises(pytest.fail.Exception, match="apt-get install mariadb-server"):
        servers.mariadb()


@pytest.mark.postgres
def test_processes_share_a_server() -> None:
    """A process that a test run started finds the server that is there already."""
    code = "from tests import servers; print(servers.postgres())"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert str(servers.postgres()) == done.stdout.strip()


def test_a_killed_run_leaves_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of a run that was killed are ended, with their folder, when the next one begins."""
    monkeypatch.setenv(servers._FOLDER, os.environ[servers._FOLDER])  # put back at the end
    folder = servers.new_folder()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as left:
        told = {"process": servers._identity(left.pid), "end": signal.SIGKILL}
        (folder / "server.json").write_text(json.dumps(told))
        (folder / "owner").write_text(json.dumps([os.getpid(), 0.0]))  # this number was another process

        servers.begin_run()
        servers.end_run()

        assert (True, False) == (left.poll() is not None, folder.exists())


@pytest.mark.mariadb
def test_mariadb_is_there(mariadb_url) -> None:
    """A database of MariaDB is made for a test."""
    with servers.admin(mariadb_url) as connection:
        assert connection.exec_driver_sql("SELECT database()").scalar() == mariadb_url.database
