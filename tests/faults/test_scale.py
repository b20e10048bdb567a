"""What lets a registry grow to many machines: no sequence, no row that everybody writes, transactions that repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.db import engines
from ln_jupyter.registry import check, transfer
from ln_jupyter.tracking import register
from ln_jupyter.tracking import request as requests
from ln_jupyter.tracking.recording import run_rows
from ln_jupyter.tracking.this_machine import ThisMachine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ln_jupyter.tracking.request import Request

pytestmark = pytest.mark.postgres


@pytest.fixture
def shared(postgres_url: sa.URL) -> Iterator[sa.Engine]:
    """A registry where waiting for a lock is an error at once, and every transaction is SERIALIZABLE."""
    options = "-c lock_timeout=500 -c default_transaction_isolation=serializable"
    engine = engines.connect(postgres_url.update_query_dict({"options": options}))
    check.ensure(engine)
    yield engine
    engines.connect("sqlite://")
    engines.dispose(engine.url)


def notebook(notebook_id: str) -> Request:
    """What `header()` knows of a notebook without a file."""
    return requests.look_at(None, notebook_id=notebook_id, version=None, name=notebook_id, packages=(), runner=None)


def row_versions(engine: sa.Engine, table: str) -> set[str]:
    """Tell the rows of a table apart from what they become when they are written again."""
    with engine.connect() as connection:
        return set(connection.scalars(sa.text(f"SELECT xmin::text || ctid::text FROM {table}")))


def test_no_sequence(shared: sa.Engine) -> None:
    """No table counts its rows: ids are made by the client, so that no server has to be asked for the next one."""
    asked = "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public'"

    with shared.connect() as connection:
        sequences = connection.scalar(sa.text("SELECT count(*) FROM pg_sequences"))
        counting = connection.scalar(sa.text(f"{asked} AND (is_identity = 'YES' OR column_default LIKE '%nextval%')"))
        columns = connection.scalar(sa.text(asked))

    assert (0, 0) == (sequences, counting)
    assert columns == 2 + sum(len(table.columns) for table in lns.Base.metadata.sorted_tables)


@pytest.mark.parametrize("which", ["same00000000", "other0000000"])
def test_registrations_pass_each_other(shared: sa.Engine, which: str) -> None:
    """While one kernel's registration has not ended, another one of the same notebook, or of another, passes it."""
    for known in ("same00000000", "other0000000"):
        register.register(notebook(known), before=None, run=None)
    with shared.connect() as connection:
        register._register(connection, notebook("same00000000"), None, None, ThisMachine())

        done = register.register(notebook(which), before=None, run=None)

        connection.commit()
    assert which == done.notebook.id
    assert 4 == ln.select(lns.Run).count()


def test_a_registration_writes_no_row_of_others(shared: sa.Engine) -> None:
    """A notebook that is registered again gets a run, and not one other row is written, so none is contended for."""
    register.register(notebook("same00000000"), before=None, run=None)
    before = {table: row_versions(shared, table) for table in ("ln_notebook", "ln_user", "ln_run")}

    register.register(notebook("same00000000"), before=None, run=None)

    after = {table: row_versions(shared, table) for table in before}
    assert (before["ln_notebook"], before["ln_user"]) == (after["ln_notebook"], after["ln_user"])
    assert (True, 1) == (before["ln_run"] < after["ln_run"], len(after["ln_run"] - before["ln_run"]))


def test_a_heartbeat_writes_its_own_row(shared: sa.Engine) -> None:
    """While one run's heartbeat has not ended, the one of another run of the same notebook passes it."""
    first, second = (register.register(notebook("same00000000"), before=None, run=None).run.id for _ in range(2))

    with shared.connect() as here, shared.connect() as there:
        run_rows.hear(here, first, {}, {})
        heard = run_rows.hear(there, second, {}, {})
        there.commit()
        here.commit()

    assert heard is not None


def test_registries_are_copied_at_serializable(shared: sa.Engine, sqlite_url: sa.URL) -> None:
    """A copy goes to, and comes from, a database whose transactions are all SERIALIZABLE."""
    register.register(notebook("same00000000"), before=None, run=None)

    done = transfer.copy(shared, engines.resolve(sqlite_url))

    assert (1, 1) == (done.rows["ln_notebook"], done.rows["ln_run"])
