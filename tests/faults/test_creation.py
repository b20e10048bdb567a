"""Many processes at once find no registry, or an older one, and register the same notebook: none fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines
from ln_jupyter.registry import check, migrate, schema_version
from tests.faults import processes
from tests.faults.processes import Repeated
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Tell = Callable[[object], None]


def register(tell: Tell, url: str, path: Path) -> None:
    """Begin as a notebook does, and get or create a record."""
    repeated = Repeated()
    ln.connect(url)
    ln.header(filepath=path)
    ln.add(lns.Pipeline, name="shared")
    tell(repeated.count)


def register_in_next_release(tell: Tell, url: str, path: Path, migrations: Path) -> None:
    """Do the same in a release that has one migration more."""
    migrate.MIGRATIONS = migrations
    schema_version.NUMBER += 1
    engine = ln.connect(url)
    if engine.dialect.name != "sqlite":  # which is brought up to date by its first use
        migrate.upgrade(engine)
    register(tell, url, path)


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """Give a notebook without metadata: its id is made by whoever registers it first."""
    return notebooks.write(tmp_path / "growth.ipynb", title="Growth of E. coli")


@pytest.fixture
def url(shared_url: sa.URL) -> Iterator[str]:
    """Give an empty database, from which this process reads too."""
    ln.connect(shared_url)
    yield shared_url.render_as_string(hide_password=False)
    ln.connect()


def _version(url: str) -> list[tuple[str, int]]:
    with engines.resolve(url).connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(schema_version.TABLE))]


def _rows() -> list[int]:
    return [ln.select(each).count() for each in (lns.Notebook, lns.NotebookPath, lns.User, lns.Pipeline, lns.Run)]


def test_many_make_a_registry_and_register_one_notebook(url: str, notebook: Path, many: int) -> None:
    """There is one registry, one notebook, one path, one user, one pipeline, and a run for each process."""
    repeated = processes.run(register, [(url, notebook)] * many)

    assert [1, 1, 1, 1, many] == _rows()
    assert many == len({run.pid for run in ln.select(lns.Run).all()})
    assert [(f"{schema_version.NUMBER:04}", schema_version.OLDEST_READER)] == _version(url)
    if "isolation" not in url or "read+committed" in url:  # there they wait for each other; else they collide
        assert [[0]] * many == repeated


_NEXT = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, oldest_reader = "{next:04}", "{this:04}", {oldest_reader}
def upgrade():
    op.add_column("ln_run", sa.Column("mood", sa.String))
    op.create_table("ln_mood", sa.Column("id", sa.String, primary_key=True))
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """Give the migrations of a release that adds a column and a table."""
    folder = tmp_path / "migrations" / "versions"
    folder.mkdir(parents=True)
    for file in ("env.py", *(f"versions/{file.name}" for file in (migrate.MIGRATIONS / "versions").glob("0*.py"))):
        (folder.parent / file).write_text((migrate.MIGRATIONS / file).read_text())
    numbers = {
        "next": schema_version.NUMBER + 1,
        "this": schema_version.NUMBER,
        "oldest_reader": schema_version.OLDEST_READER,
    }
    (folder / "next.py").write_text(_NEXT.format(**numbers))
    return folder.parent


@pytest.mark.newest  # long
def test_many_upgrade_while_others_go_on(url: str, notebook: Path, migrations: Path, tmp_path: Path, many: int) -> None:
    """One of them upgrades, once, while as many of the release before register the same notebook; all succeed."""
    check.ensure(engines.resolve(url))

    with (
        processes.Crowd(register, [(url, notebook)] * (many // 2)) as before,
        processes.Crowd(register_in_next_release, [(url, notebook, migrations)] * (many // 2)) as after,
    ):
        before.go()
        after.go()
        processes.gather([*before, *after])

    assert [1, 1, 1, 1, many] == _rows()
    assert [(f"{schema_version.NUMBER + 1:04}", schema_version.OLDEST_READER)] == _version(url)
    assert (1 if "sqlite" in url else 0) == len(list(tmp_path.glob("*.backup*")))
