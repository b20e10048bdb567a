"""A standby of PostgreSQL is a registry to look at; whatever writes is an error that says so, and how to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines
from ln_jupyter.registry import check, health, migrate
from ln_jupyter.tracking import running
from tests import servers, waits
from tests.faults import cluster, releases, uses
from tests.tracking import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.cluster import Cluster

pytestmark = pytest.mark.postgres

_REFUSED = "may only be read: it is a standby, default_transaction_read_only is on, or the transaction is READ ONLY"
_OTHER = "other"
_FIX = "name the server that is written to, or use another registry: LN_JUPYTER_URL"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a notebook."""
    folder = tmp_path_factory.mktemp("standby")
    notebooks.write(folder / "growth.ipynb", notebooks.HEADER, title="Growth")
    return folder


@pytest.fixture(scope="module")
def demoted(folder: Path) -> Iterator[Cluster]:
    """Register with a server that another one takes over from, and that comes back as its standby."""
    with cluster.running() as pair:
        url = pair.primary
        ln.connect(url)
        ln.add(lns.Run(name="seen"))
        ln.header(filepath=folder / "growth.ipynb")
        pair.kill_primary()
        pair.promote()
        pair.rejoin()
        assert url == pair.standby
        yield pair
        running.forget()
        ln.connect("sqlite://")
        engines.dispose(url)


@pytest.fixture
def standby(demoted: Cluster) -> str:
    """Give the standby's URL, which is connected."""
    return look_at(demoted, "postgres")


@pytest.fixture
def other(demoted: Cluster) -> Iterator[Cluster]:
    """Have an empty database `_OTHER` on both, for a while."""
    with servers.admin(demoted.primary) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {_OTHER}")
    yield demoted
    ln.connect("sqlite://")
    for url in (demoted.primary, demoted.standby):
        engines.dispose(url.set(database=_OTHER))
    with servers.admin(demoted.primary) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {_OTHER} WITH (FORCE)")


def look_at(pair: Cluster, database: str) -> str:
    """Connect to a database on the standby, when it shows what was committed, and give its URL."""
    with servers.admin(pair.primary) as primary, servers.admin(pair.standby) as standby:
        now = primary.exec_driver_sql("SELECT pg_current_wal_lsn()").scalar_one()
        is_there = sa.text("SELECT pg_last_wal_replay_lsn() >= CAST(:now AS pg_lsn)")
        waits.until(lambda: standby.scalar(is_there, {"now": now}))
    url = pair.standby.set(database=database)
    ln.connect(url)
    return url.render_as_string(hide_password=False)


def block(**options: bool) -> None:
    with ln.Session(**options) as ss:
        ss.add(lns.Run(name="no"))


def bare() -> None:
    ss = ln.Session()
    try:
        ss.add(lns.Run(name="no"))
    finally:
        ss.close()


def edit() -> None:
    run = ln.select(lns.Run, name="seen").one()
    run.name = "no"
    ln.add(run)


def lock() -> None:
    with ln.Session() as ss:
        ss.orm.execute(sa.select(lns.Run).with_for_update())


WRITES: dict[str, Callable[[], object]] = {
    "add": lambda: ln.add(lns.Run(name="no")),
    "many": lambda: ln.add(lns.Run, [{"name": "no"}, {"name": "neither"}]),
    "edit": edit,
    "delete": lambda: ln.delete(ln.select(lns.Run, name="seen").one()),
    "bare": bare,
    "block": block,
    "write": lambda: block(write=True),
    "dry run": lambda: block(rollback=True),
    "lock": lock,
    "publish": ln.publish,
    "header": lambda: ln.header(id="Standby00000", name="Standby", run="new"),
}


@pytest.mark.parametrize("use", WRITES)
def test_whatever_writes(standby: str, use: str) -> None:
    """Each way to write is refused with the reason and the fix, and nothing of it is kept."""
    with pytest.raises(errors.DatabaseUnavailableError, match=_REFUSED) as error:
        WRITES[use]()

    assert _FIX == error.value.fix
    assert ["seen"] == [run.name for run in ln.select(lns.Run).all() if run.name]


def test_whatever_reads(standby: str) -> None:
    """Selects, relationships, lists of all kinds and sessions that only read work."""
    seen = ln.select(lns.Run, name="seen").one()
    with ln.Session() as ss, ln.Session(readonly=True) as readonly, ln.Session(write=True) as write:
        found = [each.select(lns.Run, name="seen").one().created_by.handle for each in (ss, readonly, write)]

    assert ln.load(seen, "created_by").created_by.handle == found[0] == found[1] == found[2]
    assert 2 == len(ln.select(lns.Run).df()) == len(list(ln.select(lns.Run).stream())) == ln.select(lns.Run).count()
    assert ln.add(lns.Run, id=seen.id).name == "seen"  # it is there, so nothing is written


@pytest.mark.parametrize("words", ["list", "runs", "doctor", "show {id}", "migrate", "copy {db} {copy}"])
def test_commands_that_read(standby: str, folder: Path, words: str, tmp_path: Path) -> None:
    """Commands that read work: also a copy of the registry to somewhere else, and to see that no table is too old."""
    run_id = ln.select(lns.Run, name="seen").one().id
    given = words.format(id=run_id, db=standby, copy=f"sqlite:///{tmp_path / 'copy.db'}").split()

    assert uses.OK == uses.command(folder, *given, *([] if given[0] == "copy" else ["--db", standby]))


@pytest.mark.parametrize(
    "words", ["delete {id} --yes", "prune --older-than 0h --state lost --yes", "forget growth.ipynb"]
)
def test_commands_that_write(standby: str, demoted: Cluster, folder: Path, words: str) -> None:
    """Commands that write are refused with the reason and the fix."""
    with servers.admin(demoted.primary) as connection:
        connection.exec_driver_sql("UPDATE ln_run SET heard_at = heard_at - interval '1 day' WHERE name IS NULL")
    look_at(demoted, "postgres")
    run_id = ln.select(lns.Run, name="seen").one().id

    said = uses.command(folder, *words.format(id=run_id).split(), "--db", standby)

    assert said.startswith("Error: postgresql")
    assert f"{_REFUSED}\nfix: {_FIX}" in said


def test_the_doctor_on_a_standby(standby: str) -> None:
    """The doctor says that a registry may only be read, and why; nothing is broken by that."""
    _, (found,) = health.examine(standby)

    assert "hint" == found.state
    assert found.text.endswith(
        "serves this release, to be read: it is a standby, or default_transaction_read_only is on"
    )


def test_no_registry_on_a_standby(other: Cluster) -> None:
    """Where there is no registry, none can be made, and the doctor says so."""
    url = look_at(other, _OTHER)

    with pytest.raises(errors.DatabaseUnavailableError, match=_REFUSED):
        ln.select(lns.Run).all()

    _, (found,) = health.examine(url)
    assert "broken" == found.state
    assert "is not there and cannot be made: it is a standby" in found.text


def test_an_older_registry_on_a_standby(other: Cluster, folder: Path) -> None:
    """A registry whose tables are too old is brought up to date where it is written to, and then read."""
    releases.restore(releases.RELEASED / "schema_1.postgresql.sql", other.primary.set(database=_OTHER))
    url = look_at(other, _OTHER)

    with pytest.raises(errors.SchemaVersionError, match="ln-jupyter migrate"):
        ln.select(lns.Run).all()
    said = uses.command(folder, "migrate", "--db", url)

    assert f"{_REFUSED}\nfix: {_FIX}" in said
    migrate.upgrade(engines.resolve(other.primary.set(database=_OTHER)))
    look_at(other, _OTHER)
    assert ln.select(lns.Run, name="Solve Problem X").exists()


def test_serializable_on_a_standby(other: Cluster) -> None:
    """A database at SERIALIZABLE, which no standby serves, can be read with what the error says."""
    with servers.admin(other.primary) as connection:
        check.ensure(engines.resolve(other.primary.set(database=_OTHER)))
        connection.exec_driver_sql(f"ALTER DATABASE {_OTHER} SET default_transaction_isolation = 'serializable'")
    url = look_at(other, _OTHER)

    with pytest.raises(errors.DatabaseUnavailableError, match="at any isolation but SERIALIZABLE") as error:
        ln.select(lns.Run).all()

    advised = error.value.fix.removeprefix("add to its URL: ")
    ln.connect(f"{url}{advised}")
    assert [] == ln.select(lns.Run).all()
    engines.dispose(f"{url}{advised}")
