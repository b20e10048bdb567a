"""Behind a URL there is another database than before: what a process knew of the first one is not believed of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter import errors
from ln_jupyter.db import engines
from ln_jupyter.registry import check, schema_version
from tests import servers
from tests.faults import releases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def used(url: sa.URL) -> Iterator[sa.URL]:
    """Give a registry that this process has read and written."""
    ln.connect(url)
    ln.add(lns.Run(name="before"))
    yield url
    ln.connect()


@pytest.fixture
def replace(used: sa.URL, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str | None], None]:
    """Put another database in its place: a registry by its dump, or an empty one."""

    def replace_file(dump: str | None) -> None:
        other = tmp_path / "other.db"
        other.touch()
        if dump is not None:
            releases.restore(releases.RELEASED / f"{dump}.sqlite.sql", sa.make_url(f"sqlite:///{other}"))
        file = Path(used.database or "")
        for left in (f"{file}-wal", f"{file}-shm"):  # of the file that goes
            Path(left).unlink(missing_ok=True)
        other.replace(file)

    def replace_database(dump: str | None) -> None:
        with servers.admin(request.getfixturevalue("postgres")) as connection:
            connection.exec_driver_sql(f"DROP DATABASE {used.database} WITH (FORCE)")
            connection.exec_driver_sql(f"CREATE DATABASE {used.database}")
        if dump is not None:
            releases.restore(releases.RELEASED / f"{dump}.postgresql.sql", used)

    return replace_file if used.get_backend_name() == "sqlite" else replace_database


NUMBER = schema_version.NUMBER

FIRST_USES: dict[str, Callable[[], object]] = {
    "add": lambda: ln.add(lns.Run(name="after")),
    "bulk add": lambda: ln.add(lns.Run, [{"name": "after"}]),
    "get or create": lambda: ln.add(lns.Run, name="after"),
}


@pytest.mark.parametrize("use", FIRST_USES)
def test_another_registry(replace: Callable[[str | None], None], use: str) -> None:
    """The first thing that is written to another registry is of a user that is there."""
    replace(f"schema_{NUMBER}")

    FIRST_USES[use]()

    run = ln.select(lns.Run, name="after").load("created_by").one()
    assert run.created_by is not None
    assert {"finished000000000000", "byhand00000000000000", run.id} == {each.id for each in ln.select(lns.Run).all()}


@pytest.mark.parametrize("use", FIRST_USES)
def test_an_empty_database(replace: Callable[[str | None], None], use: str) -> None:
    """It becomes a registry, as any empty one does."""
    replace(None)

    FIRST_USES[use]()

    assert ["after"] == [run.name for run in ln.select(lns.Run).all()]


def test_an_empty_database_is_read(replace: Callable[[str | None], None]) -> None:
    """To read it is to find nothing."""
    replace(None)

    assert [] == ln.select(lns.Run).all()


@pytest.mark.parametrize("options", [{}, {"write": True}, {"readonly": True}, {"profile": True}, {"rollback": True}])
def test_a_block_on_an_empty_database(replace: Callable[[str | None], None], options: dict[str, bool]) -> None:
    """A block of every kind begins on it as on any empty one."""
    replace(None)

    with ln.Session(**options) as ss:  # type: ignore[arg-type]
        assert [] == ss.select(lns.Run).all()

    assert ss.profile is None or ss.profile.statements == 1


def test_a_bare_session(replace: Callable[[str | None], None]) -> None:
    """One that was open before goes on with what is there now."""
    ss = ln.Session()
    ss.add(lns.Run(name="in time"))
    replace(f"schema_{NUMBER}")

    ss.add(lns.Run(name="after"))

    assert {"Solve Problem X", "by hand", "after"} == {run.name for run in ss.select(lns.Run).all()}
    ss.close()


def test_a_savepoint_on_an_empty_database(replace: Callable[[str | None], None]) -> None:
    """Inside a transaction no registry is made; the error says that it was replaced, and the next try succeeds."""
    replace(None)

    with pytest.raises(errors.DatabaseReplacedError) as error, ln.Session() as ss, ss.orm.begin_nested():
        ss.add(lns.Run(name="after"))

    assert "run this again" == error.value.fix
    with ln.Session() as ss, ss.orm.begin_nested():
        ss.add(lns.Run(name="after"))
    assert ["after"] == [run.name for run in ln.select(lns.Run).all()]


def test_a_dry_run_on_an_empty_database(replace: Callable[[str | None], None]) -> None:
    """Whoever asks it for its connection has begun, and before that the registry is made."""
    replace(None)

    with ln.Session(rollback=True) as ss:
        ss.orm.connection()
        ss.add(lns.Run(name="undone"))

    assert [] == ln.select(lns.Run).all()


def test_an_older_registry(
    used: sa.URL, replace: Callable[[str | None], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is brought up to date, or named with the command, as if it had always been there."""
    release = releases.make(tmp_path, releases.ADDITIVE, oldest_reader=schema_version.OLDEST_READER)
    release.upgrade(used)
    release.become(monkeypatch)
    assert 1 == ln.select(lns.Run).count()
    replace(f"schema_{NUMBER}")

    if used.get_backend_name() == "sqlite":
        assert 2 == ln.select(lns.Run).count()
    else:
        with pytest.raises(errors.SchemaVersionError, match=f"has schema {NUMBER}, and this release works with"):
            ln.select(lns.Run).count()


def test_a_registry_that_no_longer_serves_us(
    used: sa.URL, replace: Callable[[str | None], None], tmp_path: Path
) -> None:
    """It is refused, by a bare session too, which recovers when it is gone."""
    ss = ln.Session()
    assert 1 == ss.select(lns.Run).count()
    replace(f"schema_{NUMBER}")
    releases.make(tmp_path, releases.NOT_ADDITIVE, oldest_reader=NUMBER + 1).upgrade(used)

    with pytest.raises(errors.SchemaVersionError):
        ss.add(lns.File(name="after"))
    with pytest.raises(errors.SchemaVersionError):
        ln.add(lns.File(name="after"))

    replace(f"schema_{NUMBER}")
    assert 2 == ss.select(lns.Run).count()
    ss.close()


def test_an_engine_of_the_users_that_gets_a_registry(url: sa.URL, other_url: sa.URL) -> None:
    """Before, records of the registry are not in it; afterwards they are."""
    theirs = sa.create_engine(url)
    check.ensure(engines.resolve(other_url))
    with pytest.raises(errors.NotARegistryError):
        ln.Session(theirs).select(lns.Run).all()

    ln.Session(url).add(lns.Run(name="x"))

    ss = ln.Session(theirs)
    assert ["x"] == [run.name for run in ss.select(lns.Run).all()]
    ss.close()
    theirs.dispose()


def test_a_connected_engine_of_the_users_that_gets_a_registry(
    url: sa.URL, other_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, records go to the registry of the settings; afterwards to the one that was connected."""
    from ln_jupyter import settings

    monkeypatch.setenv("LN_JUPYTER_URL", other_url.render_as_string(hide_password=False))
    settings.forget()
    theirs = sa.create_engine(url)
    ln.connect(theirs)
    ln.add(lns.Run(name="to the settings"))

    ln.Session(url).add(lns.Run(name="to theirs"))

    assert ["to theirs"] == [run.name for run in ln.select(lns.Run).all()]
    ln.connect()
    assert ["to the settings"] == [run.name for run in ln.select(lns.Run).all()]
    theirs.dispose()
    settings.forget()


def test_what_a_users_transaction_holds_is_kept(
    url: sa.URL, other_url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look for a registry in the user's own database does not end what the user has begun there."""
    from ln_jupyter import settings

    monkeypatch.setenv("LN_JUPYTER_URL", other_url.render_as_string(hide_password=False))
    settings.forget()
    theirs = sa.create_engine(url, poolclass=sa.StaticPool)
    with theirs.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE mine (n INTEGER)")
    ln.connect(theirs)

    with ln.Session() as ss:
        ss.orm.execute(sa.text("INSERT INTO mine VALUES (1)"))
        ss.add(lns.Run(name="x"))

    with theirs.connect() as connection:
        assert 1 == connection.exec_driver_sql("SELECT count(*) FROM mine").scalar()
    ln.connect()
    theirs.dispose()
    settings.forget()
