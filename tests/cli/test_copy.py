"""`ln-jupyter backup` and `copy`."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

import ln_jupyter.schema as lns
from ln_jupyter import settings
from ln_jupyter.db import engines
from ln_jupyter.orm.session import OrmSession
from ln_jupyter.registry import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import sqlalchemy as sa
    from click.testing import Result

    Command = Callable[..., Result]


@pytest.fixture
def source(sqlite_url: sa.URL) -> str:
    """The URL of a registry with a run."""
    engine = engines.resolve(sqlite_url)
    check.ensure(engine)
    with OrmSession(engine) as session:
        session.add(lns.Run(id="r" * 20))
        session.commit()
    return sqlite_url.render_as_string()


@pytest.fixture
def goal(tmp_path: Path) -> Iterator[str]:
    """The URL of a file that is not there yet."""
    url = f"sqlite:///{tmp_path / 'goal.db'}"
    yield url
    engines.dispose(url)


def test_backup(command: Command, source: str, tmp_path: Path) -> None:
    """`backup` says what it copied, where to, and how large it is."""
    done = command("backup", tmp_path / "copy.db", "--db", source)

    size = (tmp_path / "copy.db").stat().st_size
    said = f"{tmp_path / 'test.db'} is backed up in {tmp_path / 'copy.db'} ({size:,} bytes)\n"
    assert (0, said) == (done.exit_code, done.output)


def test_backup_as_json(data: Callable[..., Any], source: str, folder: Path) -> None:
    """For programs, the paths are absolute."""
    done = data("backup", "copy.db", "--db", source)

    file = folder / "copy.db"
    assert {"database": str(folder / "test.db"), "backup": str(file), "bytes": file.stat().st_size} == done


def test_backup_of_the_projects_registry(command: Command, folder: Path) -> None:
    """Without ``--db`` it is the registry that notebooks here register in."""
    command("init")
    settings.forget()

    done = command("backup", "copy.db")

    assert (0, True) == (done.exit_code, (folder / "copy.db").is_file()), done.output


def test_a_backup_that_exists(command: Command, source: str, tmp_path: Path) -> None:
    """A file of that name is not overwritten, the registry's own least of all."""
    before = (tmp_path / "test.db").read_bytes()

    done = command("backup", tmp_path / "test.db", "--db", source)

    said = f"Error: {tmp_path / 'test.db'} exists already, and is not overwritten\nfix: name a file that is not there yet\n"
    assert (1, said, before) == (done.exit_code, done.output, (tmp_path / "test.db").read_bytes())


def test_a_backup_of_nothing(command: Command, goal: str, tmp_path: Path) -> None:
    """Where no registry is, none is made."""
    done = command("backup", tmp_path / "copy.db", "--db", goal)

    assert (1, []) == (done.exit_code, list(tmp_path.iterdir()))
    assert f"Error: there is no registry yet at {tmp_path / 'goal.db'}\n" in done.output


def test_copy(command: Command, source: str, goal: str, tmp_path: Path) -> None:
    """`copy` shows how many rows of each table there are now, and how to go on."""
    done = command("copy", source, goal)

    assert 0 == done.exit_code, done.output
    assert ["ln_run", "1"] in [line.split() for line in done.stdout.splitlines()]
    assert done.stdout.endswith(f"{tmp_path / 'test.db'} is copied to {tmp_path / 'goal.db'}, and compared\n")
    assert done.stderr.startswith("to use it, say so in LN_JUPYTER_URL or the project's settings")


def test_copy_as_json(data: Callable[..., Any], source: str, goal: str, tmp_path: Path) -> None:
    """For programs, the rows are counted by table."""
    done = data("copy", source, goal)

    assert (str(tmp_path / "test.db"), str(tmp_path / "goal.db")) == (done["source"], done["target"])
    assert {name: int(name in ("ln_run", "ln_user")) for name in lns.Base.metadata.tables} == done["rows"]
    assert [] == done["left"]


def test_copy_names_what_it_left(command: Command, source: str, goal: str) -> None:
    """Tables of others in the same database are told."""
    with engines.resolve(source).connect() as connection:
        connection.exec_driver_sql("CREATE TABLE diary (day)")
        connection.commit()

    done = command("copy", source, goal)

    assert done.stderr.endswith("not copied, as they are not of the registry: diary\n")


def test_copy_into_a_registry(command: Command, source: str, goal: str) -> None:
    """A registry with rows takes no copy."""
    command("copy", source, goal)

    done = command("copy", source, goal)

    assert 1 == done.exit_code
    assert done.output.endswith("fix: name a new file or an empty database; registries are not merged\n")


@pytest.mark.postgres
def test_copy_to_postgresql(data: Callable[..., Any], source: str, postgres_url: sa.URL) -> None:
    """A registry goes to a server, and its name is without a password."""
    url = postgres_url.set(password="hunter2")

    done = data("copy", source, url.render_as_string(hide_password=False))

    assert 1 == done["rows"]["ln_run"]
    assert "hunter2" not in str(done)
    engines.dispose(url)


def test_copy_to_a_server_that_is_gone(command: Command, source: str) -> None:
    """The error names the server, and not the password of its URL."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"postgresql://ann:hunter2@127.0.0.1:{closed.getsockname()[1]}/x"

        done = command("copy", source, url)

    assert 1 == done.exit_code
    assert "cannot be reached" in done.output
    assert "hunter2" not in done.output
